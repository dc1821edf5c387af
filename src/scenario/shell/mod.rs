//! Shell lines: `{ sh = "gen | upper > out" }`.
//!
//! - [`words`]: tokens and quotes
//! - [`grammar`]: commands, pipelines, lists

pub mod grammar;
pub mod words;
