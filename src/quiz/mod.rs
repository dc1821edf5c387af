//! Questions about a run: what happens next, and why. The trace knows the answers.
//!
//! - [`observed`]: a run with all that is asked about
//! - [`board`]: where everybody stands at a point of it
//! - [`kinds`]: the kinds of question, one file and one row each
//! - [`question`]: a question with its answer and reason
//! - [`paper`]: which questions are asked, by a seed
//! - [`grade`]: whether an answer that somebody typed is right
//! - [`listing`]: the scenario as it is shown with the questions, without what gives answers away
//! - [`look`]: where in the run an answer can be seen
//! - [`sheet`]: question and answer sheets as text, Markdown and HTML
//!
//! The same scenario and seed give the same questions, in the same order, with the same choices.

pub mod board;
pub mod grade;
pub mod kinds;
pub mod listing;
pub mod look;
pub mod observed;
pub mod paper;
pub mod question;
pub mod sheet;

#[cfg(test)]
mod tests;

pub use kinds::{KINDS, KindRow};
pub use observed::{NoRun, Run};
pub use paper::Paper;
pub use question::{Answer, Question};
