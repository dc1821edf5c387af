//! A question, its answer, and where in the trace the answer comes from.
//!
//! Texts hold names of the scenario between two control characters, so that each kind of page can set them
//! off in its own way and no name can be taken for markup. [`code`] puts them there; what it gets can't hold
//! any, since [`printable`] writes control characters as escapes.

use crate::analysis::naming::{self, printable};
use crate::ids::{CpuId, ObjectId, Tid};
use crate::random::Stream;
use crate::time::{Instant, Span};
use crate::trace::Fault;

/// Before and after a name in a text.
pub const NAME: (char, char) = ('\u{2}', '\u{3}');

/// More wrong choices than this only make a question longer.
const WRONG: usize = 3;

/// A name, a line of a scenario or a line of output within a text.
pub fn code(name: &str) -> String {
    format!("{}{}{}", NAME.0, printable(name), NAME.1)
}

/// Several names: `a`, `b` and `c`.
pub fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

/// What a question is about: where in the trace, or whom, its kind looks for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The whole run.
    Run,
    /// A position in the trace's events.
    Event(usize),
    Thread(Tid),
    /// Faults of one kind.
    Faults(Tid, Fault),
    /// A position in the scenario's lists: a shared cell, a line of output, a waiter.
    Entry(usize),
    Object(ObjectId),
    Cpu(CpuId),
}

/// A point in the run at which a question is asked: nothing after it may be shown with the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// How many events there were until then.
    pub events: usize,
    pub at: Instant,
}

/// A line of the table beside a question: who, what state, and since when or in which queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateLine {
    pub who: String,
    pub state: String,
    pub detail: String,
}

/// The right answer, and how it is to be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Choice { choices: Vec<String>, right: usize },
    Number(u64),
    Bytes(u64),
    Time(Span),
}

/// A question with its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name of its kind.
    pub kind: &'static str,
    pub place: Place,
    /// None if it is about the whole run.
    pub moment: Option<Moment>,
    pub text: String,
    pub state: Vec<StateLine>,
    pub answer: Answer,
    /// Why the answer is right, from the trace.
    pub reason: String,
}

impl Answer {
    /// One right choice among wrong ones, the more plausible of which come first. None if no wrong one is left.
    pub fn choice(
        right: String,
        wrong: impl IntoIterator<Item = String>,
        stream: &mut Stream,
    ) -> Option<Answer> {
        let mut choices = vec![right.clone()];
        for choice in wrong {
            if choices.len() <= WRONG && !choices.contains(&choice) {
                choices.push(choice);
            }
        }
        if choices.len() == 1 {
            return None;
        }
        shuffle(&mut choices, stream);
        let right = choices.iter().position(|choice| *choice == right)?;
        Some(Answer::Choice { choices, right })
    }

    /// The right answer as a text.
    pub fn right(&self) -> String {
        match self {
            Answer::Choice { choices, right } => format!("{}) {}", letter(*right), choices[*right]),
            Answer::Number(number) => number.to_string(),
            Answer::Bytes(bytes) if *bytes > 0 && bytes.is_multiple_of(1_024) => {
                format!("{bytes}B ({})", naming::bytes(*bytes))
            }
            Answer::Bytes(bytes) => format!("{bytes}B"),
            Answer::Time(span) => span.to_string(),
        }
    }
}

/// The letter of a choice.
pub fn letter(choice: usize) -> char {
    char::from(b'a' + choice as u8)
}

/// Puts a list into an order that the stream decides (Fisher and Yates).
pub fn shuffle<T>(list: &mut [T], stream: &mut Stream) {
    for last in (1..list.len()).rev() {
        let other = stream.uniform(0, last as u64) as usize;
        list.swap(last, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Key;

    #[test]
    fn a_choice_has_no_two_alike_and_the_right_one_is_where_it_says() {
        let wrong = ["b", "a", "b", "c", "d", "e"].map(str::to_owned);
        for seed in 0..50 {
            let answer = Answer::choice("a".to_owned(), wrong.clone(), &mut Key::of_run(seed).stream());
            let Some(Answer::Choice { mut choices, right }) = answer else { panic!("a choice") };
            assert_eq!(choices[right], "a");
            choices.sort();
            assert_eq!(choices, ["a", "b", "c", "d"]);
        }
    }

    #[test]
    fn a_choice_without_a_wrong_one_is_none() {
        let wrong = ["a".to_owned()];
        assert_eq!(Answer::choice("a".to_owned(), wrong, &mut Key::of_run(1).stream()), None);
    }

    #[test]
    fn names_are_listed_as_one_speaks() {
        let names = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(list(&names), "a, b and c");
        assert_eq!(list(&names[..2]), "a and b");
        assert_eq!(list(&names[..1]), "a");
    }
}
