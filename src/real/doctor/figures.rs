//! Clock, speed and load: how far the times of real runs can be trusted.

use std::time::Duration;

use crate::os::clock::{self, Spin};
use crate::real::others::{self, Others};
use crate::time::Span;

use super::{CheckRow, Host, Refused, Shown, Tried};

pub const CLOCK: CheckRow = CheckRow {
    name: "clock",
    purpose: "time stamps (CLOCK_MONOTONIC without a system call)",
    without: "each note costs a system call, which disturbs what is measured",
    remedy: "choose a clock source that user mode can read: /sys/devices/system/clocksource/clocksource0",
    vital: false,
    test: resolution,
};

pub const SLEEP: CheckRow = CheckRow {
    name: "timers",
    purpose: "how much later than asked for a sleep ends (timer slack)",
    without: "`sleep` steps end late",
    remedy: "real-time scheduling or less load; sleeps of milliseconds suffer least",
    vital: false,
    test: sleeps,
};

pub const SPIN: CheckRow = CheckRow {
    name: "steady speed",
    purpose: "`compute` steps take the CPU time that they say",
    without: "`compute` steps take more or less time than they say",
    remedy: "fix the CPU's frequency (cpupower frequency-set -g performance), and stop other work",
    vital: false,
    test: spin,
};

pub const LOAD: CheckRow = CheckRow {
    name: "quiet host",
    purpose: "nothing else uses the CPUs",
    without: "times of real runs include waiting for others; counts stay right",
    remedy: "stop other work before times are measured",
    vital: false,
    test: load,
};

/// The value below which a part `of` of the sorted values lies.
fn quantile(sorted: &[u64], of: f64) -> u64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * of).round() as usize).copied().unwrap_or(0)
}

fn resolution(_: &Host) -> Tried {
    /// Reading the clock by a system call takes longer than this.
    const CHEAP: u64 = 150;
    let stamps: Vec<u64> = (0..10_000).map(|_| clock::now()).collect();
    let mut steps: Vec<u64> = stamps.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    steps.sort_unstable();
    let finest =
        steps.iter().copied().find(|step| *step > 0).ok_or(Refused::because("the clock stands still"))?;
    let usual = quantile(&steps, 0.5);
    let result = format!("steps of {finest} ns, read in {usual} ns");
    Ok(Shown::limited_if(usual > CHEAP, result))
}

fn sleeps(_: &Host) -> Tried {
    const ASKED: u64 = 100_000;
    const LATE: u64 = 500_000;
    let slack = nix::sys::prctl::get_timerslack()?;
    let mut late: Vec<u64> = (0..31)
        .map(|_| {
            let before = clock::now();
            let _ = clock::sleep(Span::from_nanos(ASKED));
            clock::now().saturating_sub(before + ASKED)
        })
        .collect();
    late.sort_unstable();
    let (usual, most) = (quantile(&late, 0.5) / 1_000, quantile(&late, 0.9));
    let result = format!(
        "slack {} us; sleeps of 100 us end {usual} us late, one in ten {} us or more",
        slack / 1_000,
        most / 1_000
    );
    Ok(Shown::limited_if(most > LATE, result))
}

fn spin(_: &Host) -> Tried {
    const STEADY: f64 = 0.05;
    let spin = Spin::calibrate();
    let result = format!(
        "{:.2} rounds a nanosecond; one try in ten is slower by {:.1} % or more",
        spin.rounds_per_nano,
        spin.dispersion * 100.0
    );
    Ok(Shown::limited_if(spin.dispersion > STEADY, result))
}

fn load(host: &Host) -> Tried {
    let others = Others::begin();
    std::thread::sleep(Duration::from_millis(400));
    let share = others.share();
    let averages = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let average = averages.split_whitespace().next().unwrap_or("?").to_owned();
    let cpus = host.cpus.len();
    let result =
        format!("others use {share:.2} of {cpus} CPUs now; {average} threads on average of a minute");
    Ok(Shown::limited_if(share > others::MOST, result))
}
