//! What the tracer itself took: under strace a process stops twice at each call.

use super::recording::Recording;
use super::report::Report;

/// What to take off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CostOption {
    #[default]
    None,
    /// What is least: a small quantile of the recording's own times.
    Auto,
    /// So many nanoseconds.
    Fixed(u64),
}

/// What is taken off, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Off the time between two calls.
    pub gap: u64,
    /// Off a call that counts as compute.
    pub call: u64,
    option: CostOption,
    /// What `Auto` would take off a gap.
    least: u64,
}

impl CostOption {
    pub fn of(self, recording: &Recording) -> Cost {
        let (gap, call) = least(recording);
        match self {
            CostOption::None => Cost { least: gap, ..Cost::default() },
            CostOption::Auto => Cost { gap, call, option: self, least: gap },
            CostOption::Fixed(nanos) => Cost { gap: nanos, call: nanos, option: self, least: gap },
        }
    }
}

/// The fifth percentile of the times between calls, and of the calls.
fn least(recording: &Recording) -> (u64, u64) {
    let (mut gaps, mut calls) = (Vec::new(), Vec::new());
    for task in &recording.tasks {
        calls.extend(task.calls.iter().map(super::recording::Call::took));
        gaps.extend(task.calls.windows(2).map(|pair| pair[1].begin.saturating_sub(pair[0].end)));
    }
    (percentile(gaps), percentile(calls))
}

fn percentile(mut times: Vec<u64>) -> u64 {
    let at = times.len() / 20;
    if times.is_empty() { 0 } else { *times.select_nth_unstable(at).1 }
}

impl Cost {
    /// Says what was taken off, or what could be.
    pub fn tell(&self, report: &mut Report) {
        let (gap, call) = (self.gap / 1000, self.call / 1000);
        match self.option {
            CostOption::None if self.least >= 5_000 => report.remark(format!(
                "the times hold what the tracer took, {}us or more at each call: --tracer-cost auto takes that off",
                self.least / 1000
            )),
            CostOption::None => {}
            CostOption::Auto | CostOption::Fixed(_) => report.remark(format!(
                "taken off for the tracer: {gap}us of each time between calls, {call}us of each call that counts as compute"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn the_fifth_percentile_is_near_the_least() {
        assert_eq!(percentile((0..100).rev().collect()), 5);
        assert_eq!(percentile(vec![7]), 7);
        assert_eq!(percentile(Vec::new()), 0);
    }
}
