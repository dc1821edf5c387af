//! Real-time analysis: whether periodic tasks meet their deadlines, shown by arithmetic and not by a run.
//!
//! - [`task`]: a set of tasks as numbers
//! - [`exact`]: sums of fractions without rounding
//! - [`bounds`]: tests by utilisation, on one CPU and on several
//! - [`response`]: the longest responses under fixed priorities; [`edf_response`]: under EDF
//! - [`demand`]: the processor demand test of EDF
//! - [`horizon`]: how long a schedule must be watched before it repeats
//! - [`placement`]: a CPU for each task

pub mod bounds;
pub mod demand;
pub mod edf_response;
pub mod exact;
pub mod horizon;
pub mod placement;
pub mod response;
pub mod task;

#[cfg(test)]
mod tests;
