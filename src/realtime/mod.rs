//! Real-time analysis: whether periodic tasks meet their deadlines, shown by arithmetic and not by a run.
//!
//! The theory, which knows numbers only:
//!
//! - [`task`]: a set of tasks
//! - [`exact`]: sums of fractions without rounding
//! - [`bounds`]: tests by utilisation, on one CPU and on several
//! - [`response`]: the longest responses under fixed priorities; [`edf_response`]: under EDF
//! - [`demand`]: the processor demand test of EDF
//! - [`horizon`]: how long a schedule must be watched before it repeats
//! - [`placement`]: a CPU for each task
//!
//! From a scenario to numbers:
//!
//! - [`body`]: what a job takes, by the [`longest`] way through its program
//! - [`model`]: the tasks of a scenario, and what the kernel adds
//! - [`mod@blocking`]: how long locks can keep a job waiting
//!
//! Both beside a run:
//!
//! - [`observed`]: what a run has shown
//! - [`mod@analyse`]: verdicts, from `findings` of arithmetic and the `proof` that a run can be; `tests_of_sets` and [`report`]: how they are told; `render`: as text

pub mod analyse;
pub mod blocking;
pub mod body;
pub mod bounds;
pub mod demand;
pub mod edf_response;
pub mod exact;
mod findings;
pub mod horizon;
pub mod longest;
pub mod model;
pub mod observed;
pub mod placement;
mod proof;
mod render;
pub mod report;
pub mod response;
pub mod task;
mod tests_of_sets;

#[cfg(test)]
mod schedule_tests;
#[cfg(test)]
mod tests;

pub use analyse::{Run, analyse};
pub use model::{Model, Refusal};
pub use observed::Watch;
pub use report::{Report, Verdict};
