//! Earliest deadline first.
//!
//! Liu and Layland, *Scheduling Algorithms for Multiprogramming in a Hard-Real-Time Environment*, Journal
//! of the ACM 20 (1973): on one CPU it meets all deadlines whenever any policy can, and with deadlines at
//! the periods' ends that is so up to a utilisation of 1. On several CPUs neither holds (Dhall and Liu,
//! *On a Real-Time Scheduling Problem*, Operations Research 26, 1978).

use crate::trace::Rule;

use super::PolicyRow;
use super::urgency::{Measure, PARAMETERS, Urgency};

/// Its documentation, and how it is made.
pub(super) const ROW: PolicyRow = PolicyRow {
    name: "edf",
    summary: "the earliest deadline first",
    doc: "Runs the ready thread whose job must end the earliest. A thread that becomes ready takes the CPU from one with a later deadline. Threads without a `period` run when no job is ready, first come, first served.",
    parameters: PARAMETERS,
    build: |given| Box::new(Urgency::new(DEADLINE, given)),
};

const DEADLINE: Measure =
    Measure { rule: Rule::Deadline, of: |parameters| parameters.job.map(|job| job.deadline.as_nanos()) };
