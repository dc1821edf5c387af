//! Shell lines: `{ sh = "gen | upper > out" }`.
//!
//! A line becomes ordinary programs of the scenario before anything else looks at it: forks, pipes,
//! dup2, exec, wait. So it costs what these cost, shows up in the trace as these, and does the same on
//! a real kernel.
//!
//! - [`words`]: tokens and quotes
//! - [`grammar`]: commands, pipelines, lists
//! - [`compile`]: from commands to steps, with [`steps`]; [`programs`]: `echo`, `cat` and the others
//! - [`mod@expand`]: puts programs and steps into the scenario's tables

pub mod compile;
pub mod expand;
pub mod grammar;
pub mod programs;
pub mod steps;
pub mod words;

pub use expand::{expand, expansion};

#[cfg(test)]
mod tests;
