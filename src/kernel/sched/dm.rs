//! Deadline-monotonic priorities: the shorter the time from release to deadline, the more urgent.
//!
//! Leung and Whitehead, *On the Complexity of Fixed-Priority Scheduling of Periodic, Real-Time Tasks*,
//! Performance Evaluation 2 (1982): no other fixed priorities do better if no deadline is behind its
//! period's end.

use crate::trace::Rule;

use super::PolicyRow;
use super::urgency::{Measure, PARAMETERS, Urgency};

/// Its documentation, and how it is made.
pub(super) const ROW: PolicyRow = PolicyRow {
    name: "dm",
    summary: "deadline-monotonic: the shortest relative deadline first",
    doc: "Runs the ready thread with the shortest `deadline`, which is its `period` if absent. A thread that becomes ready takes the CPU from one with a longer one. Threads with neither run when nobody else is ready, first come, first served.",
    parameters: PARAMETERS,
    build: |given| Box::new(Urgency::new(RELATIVE, given)),
};

const RELATIVE: Measure = Measure {
    rule: Rule::RelativeDeadline,
    of: |parameters| parameters.deadline.map(|deadline| deadline.as_nanos()),
};
