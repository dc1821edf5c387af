//! Rate-monotonic priorities: the shorter the period, the more urgent.
//!
//! Liu and Layland, *Scheduling Algorithms for Multiprogramming in a Hard-Real-Time Environment*, Journal
//! of the ACM 20 (1973): no other fixed priorities do better if deadlines are at the periods' ends, and n
//! periodic processes meet them up to a utilisation of n(2^(1/n) - 1).

use crate::trace::Rule;

use super::PolicyRow;
use super::urgency::{Measure, PARAMETERS, Urgency};

/// Its documentation, and how it is made.
pub(super) const ROW: PolicyRow = PolicyRow {
    name: "rm",
    summary: "rate-monotonic: the shortest period first",
    doc: "Runs the ready thread with the shortest `period`. A thread that becomes ready takes the CPU from one with a longer period. Threads without a `period` run when nobody else is ready, first come, first served.",
    parameters: PARAMETERS,
    build: |given| Box::new(Urgency::new(PERIOD, given)),
};

const PERIOD: Measure =
    Measure { rule: Rule::Period, of: |parameters| parameters.period.map(|period| period.as_nanos()) };
