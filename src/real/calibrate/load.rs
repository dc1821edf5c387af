//! How much of the machine others have used meanwhile: /proc/stat less what this process and its
//! children have used.

use crate::os::process;

/// The kernel counts in hundredths of a second, whatever its tick is (USER_HZ).
const UNIT: u64 = 10_000_000;

/// The time that all CPUs together have worked, in nanoseconds: also for the host of this host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTimes {
    pub busy: u64,
}

impl CpuTimes {
    pub fn now() -> CpuTimes {
        CpuTimes::parse(&std::fs::read_to_string("/proc/stat").unwrap_or_default())
    }

    /// The first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal.
    pub fn parse(stat: &str) -> CpuTimes {
        let line = stat.lines().find_map(|line| line.strip_prefix("cpu ")).unwrap_or("");
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let busy: u64 = [0, 1, 2, 5, 6, 7].iter().filter_map(|&place| numbers.get(place)).sum();
        CpuTimes { busy: busy * UNIT }
    }

    /// The share of one CPU that others have used since then, in `elapsed` nanoseconds, while we
    /// used `own`. Less than what the counting can tell is nothing.
    pub fn foreign(&self, before: &CpuTimes, own: u64, elapsed: u64) -> f64 {
        let all = self.busy.saturating_sub(before.busy);
        let foreign = all.saturating_sub(own).saturating_sub(2 * UNIT);
        foreign as f64 / elapsed.max(1) as f64
    }
}

/// The CPU time that this process and its children have used, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage(u64);

impl Usage {
    pub fn now() -> Usage {
        Usage(process::cpu_time())
    }

    pub const fn since(self, before: Usage) -> u64 {
        self.0.saturating_sub(before.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_used_is_what_is_left() {
        let before = CpuTimes::parse("cpu  100 0 50 900 7 1 2 3 0 0\ncpu0 1 1 1 1\n");
        assert_eq!(before.busy, 156 * UNIT);
        let after = CpuTimes::parse("cpu  180 0 70 990 9 1 2 3 0 0\n");
        // 100 units more, of which 48 are our own and 2 can't be told, in 200 units of time.
        assert_eq!(after.foreign(&before, 48 * UNIT, 200 * UNIT), 0.25);
        assert_eq!(after.foreign(&before, 200 * UNIT, 200 * UNIT), 0.0);
    }
}
