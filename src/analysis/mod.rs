//! What a trace amounts to: statistics, and the spans that a chart draws.
//!
//! - [`state`]: what a CPU or a thread can be doing
//! - [`replay`]: follows a trace and says who did what, from when to when
//! - [`account`]: adds those times up, with memory that doesn't grow with the trace; `tally` holds
//!   the sums, with `requests` of disks and `jobs` of periodic threads
//! - [`latency`]: how long interrupts waited, as a distribution
//! - [`summary`]: the result, for people and for programs
//! - [`statistics`]: what schedulers are judged by, from the summary; `statistics_text` writes them, [`value`]
//!   is one of them
//! - [`laws`]: what must add up in every summary
//! - [`render`]: the summary as tables; `table` sets one, `grouping` adds processes up
//! - [`lanes`]: the same times as spans, one lane for each CPU and each thread; `lanes_builder`
//!   makes them, `records` keeps jobs, calls and queues for them
//! - [`forks`]: who made whom, as a tree
//! - [`waits`]: who waits for whom at the end
//! - [`critical`]: the chain of work and waiting that the run's end waited for
//! - [`naming`]: names that belong together, and times in few characters
//!
//! Account and lanes share one replay, so that a total can't contradict the chart.

pub mod account;
pub mod critical;
pub mod forks;
mod grouping;
mod jobs;
pub mod lanes;
mod lanes_builder;
pub mod latency;
pub mod laws;
pub mod naming;
pub mod paging;
mod records;
pub mod render;
pub mod replay;
mod requests;
pub mod state;
pub mod statistics;
mod statistics_text;
pub mod summary;
pub mod table;
mod tally;
pub mod value;
pub mod waits;

#[cfg(test)]
mod account_tests;
#[cfg(test)]
mod lanes_tests;
#[cfg(test)]
mod nonsense_tests;
#[cfg(test)]
pub(crate) mod stories;
#[cfg(test)]
mod story;

pub use account::Account;
pub use forks::{ForkTree, ForkTreeBuilder};
pub use lanes::Lanes;
pub use lanes_builder::LanesBuilder;
pub use statistics::Statistics;
pub use statistics_text::Csv;
pub use summary::Summary;
pub use waits::{WaitGraph, WaitGraphBuilder};
