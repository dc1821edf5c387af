//! When two values count as the same.
//!
//! A difference within the goal is small enough; one within twice the half-width of the measured
//! median's interval can't be told from chance. Anything else is an error, of one of two kinds: if
//! the sides did different work, it is the *workload*, and times can't be expected to agree; if they
//! did the same work, it is the *timing*.

use std::fmt;

use serde::Serialize;

use super::statistics::Estimate;

/// How close is close enough, in parts of the measured value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Goals {
    /// For times.
    pub times: f64,
    /// For switches and wake-ups. All other counts must agree exactly.
    pub switches: f64,
}

impl Goals {
    /// The goals for one CPU, or for several.
    pub const fn of(cpus: usize) -> Goals {
        Goals { times: if cpus > 1 { 0.10 } else { 0.05 }, switches: 0.10 }
    }
}

/// What a difference amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Same,
    /// The sides did different work.
    Workload,
    /// The same work took another time.
    Timing,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Same => "same",
            Verdict::Workload => "workload",
            Verdict::Timing => "timing",
        })
    }
}

/// How much too large `one` is, in parts of `other`; nothing if that can't be said.
pub fn error(one: f64, other: f64) -> Option<f64> {
    if one == other {
        Some(0.0)
    } else if other == 0.0 {
        None
    } else {
        Some((one - other) / other)
    }
}

/// Whether `one` is as good as the measured value.
pub fn is_same(one: f64, measured: &Estimate, goal: f64) -> bool {
    (one - measured.median).abs() <= (goal * measured.median).max(2.0 * measured.half_width())
}

/// The verdict on a time.
pub const fn of_time(same: bool, same_work: bool) -> Verdict {
    match (same, same_work) {
        (true, _) => Verdict::Same,
        (false, false) => Verdict::Workload,
        (false, true) => Verdict::Timing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn measured(median: f64, low: f64, high: f64) -> Estimate {
        Estimate { median, low, high, n: 11 }
    }

    #[test]
    fn a_difference_within_the_goal_is_none() {
        assert!(is_same(105.0, &measured(100.0, 100.0, 100.0), 0.05));
        assert!(!is_same(105.1, &measured(100.0, 100.0, 100.0), 0.05));
        assert!(!is_same(94.9, &measured(100.0, 100.0, 100.0), 0.05));
    }

    #[test]
    fn a_difference_within_twice_the_half_width_is_chance() {
        // The interval is 20 wide: 10 to either side, and twice that is allowed.
        assert!(is_same(120.0, &measured(100.0, 92.0, 112.0), 0.05));
        assert!(!is_same(120.1, &measured(100.0, 92.0, 112.0), 0.05));
    }

    #[test]
    fn an_error_is_a_part_of_the_measured_value() {
        assert_eq!(error(110.0, 100.0), Some(0.1));
        assert_eq!(error(0.0, 0.0), Some(0.0));
        assert_eq!(error(1.0, 0.0), None);
    }

    #[test]
    fn different_work_explains_a_different_time() {
        assert_eq!(of_time(true, false), Verdict::Same);
        assert_eq!(of_time(false, false), Verdict::Workload);
        assert_eq!(of_time(false, true), Verdict::Timing);
    }
}
