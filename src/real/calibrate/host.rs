//! What the host's kernel says about itself: its tick, its pre-emption, its scheduler, how it idles.

use std::io::Read;
use std::time::{SystemTime, UNIX_EPOCH};

use super::found::Host;

fn file(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

pub fn kernel() -> String {
    file("/proc/sys/kernel/osrelease")
}

/// How the kernel is set, as far as it says so.
pub fn read(cpus: usize) -> Host {
    let config = config();
    let chosen = file("/sys/kernel/debug/sched/preempt");
    let command_line = file("/proc/cmdline");
    let slice = file("/sys/kernel/debug/sched/base_slice_ns").parse().ok();
    let version = version(&kernel());
    let eevdf = version >= (6, 6);
    Host {
        tick: tick(&config),
        preemption: preemption(&chosen, &command_line, &config),
        policy: if eevdf { "eevdf".to_owned() } else { String::new() },
        slice: slice.or_else(|| eevdf.then(|| base_slice(version, cpus))),
    }
}

/// The kernel's configuration; empty if it can't be read.
fn config() -> String {
    if let Ok(packed) = std::fs::File::open("/proc/config.gz") {
        let mut text = String::new();
        if flate2::read::GzDecoder::new(packed).read_to_string(&mut text).is_ok() {
            return text;
        }
    }
    file(&format!("/boot/config-{}", kernel()))
}

/// Major and minor number.
fn version(release: &str) -> (u32, u32) {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|word| word.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// The tick's period in nanoseconds.
fn tick(config: &str) -> Option<f64> {
    let hertz = config.lines().find_map(|line| line.strip_prefix("CONFIG_HZ="))?;
    hertz.parse::<f64>().ok().filter(|hertz| *hertz > 0.0).map(|hertz| 1e9 / hertz)
}

/// What was chosen at run time, else at boot, else when the kernel was built. Lazy pre-emption lets
/// the kernel be pre-empted by real-time threads only: for others it is as if there were none.
fn preemption(chosen: &str, command_line: &str, config: &str) -> Option<String> {
    let at_run_time = chosen.split_whitespace().find_map(|word| word.strip_prefix('(')?.strip_suffix(')'));
    let at_boot = command_line.split_whitespace().find_map(|word| word.strip_prefix("preempt="));
    let set = |name: &str| config.lines().any(|line| line == format!("CONFIG_{name}=y"));
    let built = [
        ("PREEMPT_NONE", "none"),
        ("PREEMPT_VOLUNTARY", "voluntary"),
        ("PREEMPT_LAZY", "lazy"),
        ("PREEMPT", "full"),
    ];
    let built = built.into_iter().find(|(name, _)| set(name)).map(|(_, kind)| kind);
    let kind = at_run_time.or(at_boot).or(built)?;
    Some(if kind == "lazy" { "none" } else { kind }.to_owned())
}

/// EEVDF's slice in nanoseconds: 0.7 ms (0.75 ms before Linux 6.13, 3 ms before 6.6), and as much
/// again for each doubling of the CPUs, of which eight count at most. Source: kernel/sched/fair.c,
/// `sysctl_sched_base_slice` and `get_update_sysctl_factor`.
fn base_slice(version: (u32, u32), cpus: usize) -> f64 {
    let normalised = if version >= (6, 13) { 700_000.0 } else { 750_000.0 };
    normalised * f64::from(1 + cpus.clamp(1, 8).ilog2())
}

/// How CPUs idle: driver and governor, and how long haltpoll polls at most.
pub fn idle() -> String {
    let folder = "/sys/devices/system/cpu/cpuidle";
    let (driver, governor) =
        (file(&format!("{folder}/current_driver")), file(&format!("{folder}/current_governor")));
    if driver.is_empty() {
        return "no cpuidle driver".to_owned();
    }
    let mut text = format!("{driver}, governor {governor}");
    if let Some(most) = guest_poll() {
        text.push_str(&format!(", guest_halt_poll_ns = {most}"));
    }
    text
}

/// For how many nanoseconds a CPU polls at most before it halts, if it is haltpoll that decides.
pub fn guest_poll() -> Option<u64> {
    file("/sys/module/haltpoll/parameters/guest_halt_poll_ns").parse().ok()
}

/// The date, in the calendar that everybody uses, as UTC has it.
pub fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    date(seconds / 86_400)
}

/// The date so many days after 1970-01-01. Source: H. Hinnant, "chrono-compatible low-level date
/// algorithms", `civil_from_days`.
fn date(days: u64) -> String {
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(20_781), "2026-11-24");
    }

    #[test]
    fn the_latest_choice_of_preemption_counts() {
        let config = "CONFIG_PREEMPT_BUILD=y\nCONFIG_PREEMPT_NONE=y\n# CONFIG_PREEMPT is not set\n";
        let kind = |chosen, line| preemption(chosen, line, config);
        assert_eq!(kind("none voluntary (full) lazy", "preempt=none").as_deref(), Some("full"));
        assert_eq!(kind("", "quiet preempt=voluntary").as_deref(), Some("voluntary"));
        assert_eq!(kind("", "quiet").as_deref(), Some("none"));
        assert_eq!(preemption("", "", ""), None);
    }

    #[test]
    fn the_kernel_s_numbers_are_read() {
        assert_eq!(tick("CONFIG_HZ_250=y\nCONFIG_HZ=250\n"), Some(4e6));
        assert_eq!(version("6.18.44-fc-v669"), (6, 18));
        assert_eq!(base_slice((6, 18), 2), 1_400_000.0);
        assert_eq!(base_slice((6, 8), 16), 3_000_000.0);
    }
}
