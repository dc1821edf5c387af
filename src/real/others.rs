//! What else the host did while something was measured: all work that /proc/stat shows, less our
//! own. The host's host counts too: time that a virtual machine didn't get is as disturbing.

use std::time::Instant;

use crate::os::process;

/// The kernel shows times in hundredths of a second, whatever its tick is (USER_HZ).
const UNIT: u64 = 10_000_000;
/// Two readings of a counter can be off by so many units.
const GRAIN: u64 = 2 * UNIT;
/// A measurement counts as disturbed if others used more than this share of a CPU.
pub const MOST: f64 = 0.05;

/// A measurement under way.
#[derive(Clone, Copy, Debug)]
pub struct Others {
    begun: Instant,
    busy: u64,
    own: u64,
}

impl Others {
    pub fn begin() -> Others {
        Others { begun: Instant::now(), busy: busy_now(), own: process::cpu_time() }
    }

    /// The share of a CPU that others have used since the beginning; nothing if it is less than the
    /// counters can tell.
    pub fn share(&self) -> f64 {
        let elapsed = self.begun.elapsed().as_nanos() as f64;
        let own = process::cpu_time().saturating_sub(self.own);
        share(busy_now().saturating_sub(self.busy), own, elapsed)
    }
}

fn busy_now() -> u64 {
    busy(&std::fs::read_to_string("/proc/stat").unwrap_or_default())
}

/// All work so far, in nanoseconds: user, nice, system, irq, softirq and steal of the first line.
fn busy(stat: &str) -> u64 {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu ")).unwrap_or("");
    let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    [0, 1, 2, 5, 6, 7].iter().filter_map(|&place| numbers.get(place)).sum::<u64>() * UNIT
}

fn share(busy: u64, own: u64, elapsed: f64) -> f64 {
    busy.saturating_sub(own).saturating_sub(GRAIN) as f64 / elapsed.max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_all_work_is_that_of_others() {
        let before = busy("cpu  100 0 50 900 7 1 2 3 0 0\ncpu0 1 1 1 1\n");
        let after = busy("cpu  180 0 70 990 9 1 2 3 0 0\n");
        assert_eq!((before, after - before), (156 * UNIT, 100 * UNIT));
        // 48 units are our own, and two can't be told: 50 in 200.
        assert_eq!(share(100 * UNIT, 48 * UNIT, 200.0 * UNIT as f64), 0.25);
        assert_eq!(share(100 * UNIT, 99 * UNIT, 200.0 * UNIT as f64), 0.0);
    }
}
