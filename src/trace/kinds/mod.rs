//! The kinds of event as data: names, codes, fields and meanings, one row each.
//!
//! The file format, the exports, `explain` and docs/TRACE.md all read these rows, so that none of
//! them can disagree about what a kind is called or what it carries. `rows` holds the rows of
//! [`Kind`], `why` those of [`Why`](super::event::Why), and [`markdown()`] turns both into the documentation's table.

mod markdown;
mod rows;
mod why;

pub use markdown::markdown;
pub use rows::{Code, KINDS};
pub use why::{WHYS, WhyCode, WhyRow};

use super::event::Kind;

/// What there is to know of one kind of event.
#[derive(Clone, Copy, Debug)]
pub struct KindRow {
    /// The number that stands for it in a trace file. It is never given to another kind.
    pub code: Code,
    /// Its name, which is that of the Linux trace point where there is one.
    pub name: &'static str,
    /// What it carries beside time, CPU, thread and step, in the file's order.
    pub fields: &'static [Field],
    /// What it means, for somebody who hears of it for the first time.
    pub meaning: &'static str,
    /// Linux's trace point, as `system:event`; none for what Linux doesn't show.
    pub trace_point: Option<&'static str>,
}

/// One thing that a kind of event carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    pub encoding: Encoding,
    pub doc: &'static str,
}

/// How a field is written in a trace file. docs/TRACE.md describes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// An unsigned variable-length integer.
    Uint,
    /// A signed variable-length integer.
    Int,
    /// A signed variable-length integer: the difference from the number of the event's thread.
    Task,
    /// One byte, 0 or 1.
    Bool,
    /// One byte, the position in the list of page faults' causes.
    Fault,
    /// One byte, the position in the list of a policy's rules.
    Rule,
    /// One byte, the position in the list of what moves a thread.
    Moved,
    /// One byte, the position in the list of exceptions.
    Exception,
    /// The reason of a scheduling decision: a code, and what belongs to it.
    Why,
}

impl Encoding {
    pub const fn name(self) -> &'static str {
        match self {
            Encoding::Uint => "uint",
            Encoding::Int => "int",
            Encoding::Task => "task",
            Encoding::Bool => "bool",
            Encoding::Fault => "fault",
            Encoding::Rule => "rule",
            Encoding::Moved => "moved",
            Encoding::Exception => "exception",
            Encoding::Why => "why",
        }
    }
}

impl Code {
    /// The kind's row.
    pub fn row(self) -> &'static KindRow {
        &KINDS[self as usize - 1]
    }
}

impl Kind {
    /// The kind's documentation.
    pub fn row(&self) -> &'static KindRow {
        self.code().row()
    }

    /// The kind's name, such as `sched_switch`.
    pub fn name(&self) -> &'static str {
        self.row().name
    }
}

/// One event of every kind, so that tests miss none.
#[cfg(test)]
pub mod samples;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_the_row_that_its_code_names() {
        let mut seen = BTreeSet::new();
        for kind in samples::kinds() {
            assert_eq!(kind.row().code, kind.code());
            assert_eq!(Code::from_u8(kind.code() as u8), Some(kind.code()));
            seen.insert(kind.name());
        }
        let all: BTreeSet<_> = KINDS.iter().map(|row| row.name).collect();
        assert_eq!(seen, all, "samples::kinds() and KINDS hold the same kinds");
        assert_eq!(all.len(), KINDS.len(), "names are unique");
    }

    #[test]
    fn codes_count_up_from_one_without_a_hole() {
        for (index, row) in KINDS.iter().enumerate() {
            assert_eq!(row.code as usize, index + 1, "{}", row.name);
        }
        assert_eq!(Code::from_u8(0), None);
        assert_eq!(Code::from_u8(KINDS.len() as u8 + 1), None);
    }

    #[test]
    fn a_kinds_name_is_its_variants_name_in_snake_case() {
        for row in KINDS {
            let mut snake = String::new();
            for letter in format!("{:?}", row.code).chars() {
                if letter.is_ascii_uppercase() && !snake.is_empty() {
                    snake.push('_');
                }
                snake.push(letter.to_ascii_lowercase());
            }
            assert_eq!(row.name, snake);
        }
    }

    #[test]
    fn every_row_explains_itself_and_its_fields() {
        for row in KINDS {
            assert!(row.meaning.matches(". ").count() >= 1, "{}: at least two sentences", row.name);
            assert!(row.meaning.ends_with('.'), "{}", row.name);
            for field in row.fields {
                assert!(field.doc.ends_with('.'), "{}.{}", row.name, field.name);
            }
            if let Some(point) = row.trace_point {
                assert_eq!(point.matches(':').count(), 1, "{}", row.name);
            }
        }
    }
}
