//! How long a schedule must be watched before it repeats: the hyperperiod, and what comes before it.
//!
//! If all tasks begin together, everything that can happen has happened after one hyperperiod, the least common
//! multiple of the periods. With other first releases it is two of them after the last one: J. Leung,
//! M. Merrill, "A note on preemptive scheduling of periodic, real-time tasks", IPL 11(3), 1980, for EDF; J. Leung,
//! J. Whitehead, "On the complexity of fixed-priority scheduling of periodic, real-time tasks", Performance
//! Evaluation 2, 1982, for fixed priorities. Both are for deadlines that aren't later than the next release.

use crate::time::{Instant, Span};

use super::exact::lcm;
use super::task::TaskSet;

/// The least common multiple of the periods; none if no clock of 64 bits lives to see it.
pub fn hyperperiod(set: &TaskSet) -> Option<Span> {
    let hyperperiod = lcm(set.tasks.iter().map(|task| u128::from(task.period.as_nanos())))?;
    u64::try_from(hyperperiod).ok().map(Span::from_nanos)
}

/// Until when a run must last at least to have shown everything; none if no run can show it.
pub fn horizon(set: &TaskSet) -> Option<Instant> {
    let hyperperiod = hyperperiod(set)?.as_nanos();
    let latest = set.tasks.iter().map(|task| task.offset.as_nanos()).max()?;
    let rounds = match (set.is_synchronous(), set.all_constrained()) {
        (true, _) => 1,
        (false, true) => 2,
        (false, false) => return None,
    };
    let until = hyperperiod.checked_mul(rounds)?.checked_add(latest)?;
    Some(Instant::from_nanos(until))
}

/// Until when a run must last for that: a deadline at the very end is seen to be missed one nanosecond later. If all
/// tasks begin together, everything is done by then, unless there was a miss before.
pub fn must_last(set: &TaskSet, horizon: Instant) -> Instant {
    if set.is_synchronous() { horizon } else { horizon + Span::TICK }
}
