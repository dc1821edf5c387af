//! The kinds of question, one file each and one row for each. What a row says is what
//! `trapline quiz --kind list` and docs/QUIZ.md say.
//!
//! A kind first names the places in a run at which it could ask, then makes the question of one. It makes
//! none where the trace gives no single answer, or where nobody who knows the machine's rules could find it.
//!
//! - what happens next: [`next`], [`entry`], [`left`], [`woken`]
//! - interrupts: [`register`], [`served`]
//! - numbers: [`faults`], [`calls`], [`switches`], [`bytes`], [`times`]
//! - results: [`value`], [`output`], [`order`], [`missed`]
//! - how it ends: [`deadlock`], [`circle`]
//! - [`policy`]: the scheduler's rules in words

pub mod bytes;
pub mod calls;
pub mod circle;
pub mod deadlock;
pub mod entry;
pub mod faults;
pub mod left;
mod markdown;
pub mod missed;
pub mod next;
pub mod order;
pub mod output;
pub mod policy;
pub mod register;
pub mod served;
pub mod switches;
pub mod times;
pub mod value;
pub mod woken;

pub use markdown::markdown;

use crate::random::Stream;

use super::observed::Run;
use super::question::{Place, Question};

/// Where in Trapline the answer to a kind of question can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// At the question's moment: in the stepper, and in a picture of the time around it.
    Moment,
    /// In the tables that a run prints.
    Tables,
    /// Among the statistics.
    Statistics,
    /// In a chart of this kind.
    Chart(&'static str),
}

/// A kind of question.
#[derive(Clone, Copy, Debug)]
pub struct KindRow {
    pub name: &'static str,
    /// The question in a few words, for a list.
    pub summary: &'static str,
    /// What it is about and how one finds the answer.
    pub doc: &'static str,
    /// What must be in a run for it to be asked.
    pub needs: &'static str,
    pub look: Look,
    /// Where in a run it could be asked.
    pub places: fn(&Run<'_>) -> Vec<Place>,
    /// The question of such a place, if it has a single answer there.
    pub ask: fn(&Run<'_>, Place, &mut Stream) -> Option<Question>,
}

/// All kinds, in the order in which they are listed.
pub const KINDS: &[KindRow] = &[
    entry::ROW,
    next::ROW,
    left::ROW,
    woken::ROW,
    register::ROW,
    served::ROW,
    faults::ROW,
    calls::ROW,
    switches::ROW,
    bytes::ROW,
    times::RESPONSE,
    times::TURNAROUND,
    times::WAITING,
    order::ROW,
    missed::ROW,
    value::ROW,
    output::ROW,
    deadlock::ROW,
    circle::ROW,
];

/// The kind of that name.
pub fn by_name(name: &str) -> Option<&'static KindRow> {
    KINDS.iter().find(|row| row.name == name)
}
