//! Two traces of the same scenario held against each other: simulated and measured, two policies,
//! two machines, before and after.
//!
//! - [`facts`]: what one trace amounts to; `pieces` takes its end-to-end time apart by cause,
//!   `usage` says how its processes spent their time
//! - [`view`]: a trace as it looks to somebody who observes less
//! - [`statistics`]: medians, percentiles, bootstrap intervals, distances between distributions
//! - [`verdict`]: when two values count as the same
//! - [`join`]: everything together; [`row`]: a count or a time on both sides
//! - [`contributors`]: what explains most of the difference
//! - [`window`]: the part of both that a picture shows
//! - [`render`]: the comparison as tables
//! - [`policies`]: one scenario under several scheduling policies
//! - [`accuracy`]: many comparisons by class, beside the goals; `accuracy_text` sets their tables
//!
//! The two sides are joined by (task name, step, kind), never by time. Numbered siblings such as
//! `worker[3]` are pooled under their base name, since it is chance which of them comes first.

pub mod accuracy;
mod accuracy_page;
mod accuracy_text;
pub mod contributors;
pub mod facts;
pub mod join;
mod pieces;
pub mod policies;
pub mod render;
pub mod row;
pub mod statistics;
mod usage;
pub mod verdict;
pub mod view;
pub mod window;

#[cfg(test)]
mod tape;
#[cfg(test)]
mod tests;

pub use facts::Facts;
pub use join::{Comparison, Side};
pub use policies::{Policies, PolicyRun};
pub use verdict::{Goals, Verdict};
