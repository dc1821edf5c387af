//! The cells and arrays of `[shm.NAME]`.

use std::ops::Range;

use crate::program::at::{Anything, At, Entries, Raw, Whole};
use crate::program::image::Width;
use crate::program::lower::is_variable;
use crate::program::problem::{Code, Problem, Problems};

use super::memory::ShmForm;
use super::table::whole;

/// The most elements of an array.
const MOST_ELEMENTS: i128 = 1 << 20;

/// A cell or array of a shared memory object.
pub struct Part {
    pub name: String,
    pub span: Range<usize>,
    pub width: Width,
    /// As many values as it has elements.
    pub initial: Vec<i64>,
    pub is_cell: bool,
}

/// The cells and arrays of a table, in the order in which they lie in memory.
pub fn parts(form: &ShmForm, problems: &mut Problems) -> Vec<Part> {
    let mut parts = Vec::new();
    for (key, at) in table(form.cells.as_ref(), "cells", problems) {
        let width = if matches!(at.value, Raw::Float(_)) { Width::Float64 } else { Width::Int64 };
        let value = number(at, width, problems);
        parts.push(Part {
            name: key.value.clone(),
            span: key.span.clone(),
            width,
            initial: vec![value],
            is_cell: true,
        });
    }
    for (key, at) in table(form.arrays.as_ref(), "arrays", problems) {
        if let Some((width, initial)) = array(at, problems) {
            parts.push(Part {
                name: key.value.clone(),
                span: key.span.clone(),
                width,
                initial,
                is_cell: false,
            });
        }
    }
    for part in &parts {
        if !is_variable(&part.name) {
            let message = format!("`{}` can't be the name of a cell or array", part.name);
            let problem = Problem::error(Code::BadName, part.span.clone(), message);
            problems.push(problem.help("it has letters, digits and `_`, no digit in front"));
        }
    }
    parts
}

fn table<'t>(at: Option<&'t At<Anything>>, what: &str, problems: &mut Problems) -> &'t Entries {
    match at.map(|at| (&at.value.0, &at.span)) {
        None => &[],
        Some((Raw::Table(entries), _)) => entries,
        Some((other, span)) => {
            let message = format!("`{what}` is a table of names, not {}", other.kind());
            problems.error(Code::WrongType, span.clone(), message);
            &[]
        }
    }
}

/// What an element holds at the beginning.
fn number(at: &At<Raw>, width: Width, problems: &mut Problems) -> i64 {
    match &at.value {
        Raw::Float(number) if width.is_float() => width.of_float(*number),
        Raw::Integer(number) if width.holds(*number) && !width.is_float() => *number as i64,
        Raw::Integer(number) if width.holds(*number) => width.stored(*number as i64),
        Raw::Integer(_) => {
            let (bits, sign) = (width.bytes() * 8, if width.holds(-1) { "" } else { " without a sign" });
            let message = format!("this number doesn't fit into {bits} bits{sign}");
            let problem = Problem::error(Code::OutOfRange, at.span.clone(), message);
            problems.push(problem.help("choose a wider type: \"q\" has 64 bits with a sign, \"Q\" without"));
            0
        }
        Raw::Float(_) => {
            let problem = Problem::error(Code::WrongType, at.span.clone(), "only whole numbers fit in here");
            problems.push(problem.help("type = \"d\" has floating-point numbers"));
            0
        }
        other => {
            let message = format!("expected a whole number, not {}", other.kind());
            problems.error(Code::WrongType, at.span.clone(), message);
            0
        }
    }
}

/// `{ type = "i", length = 10, initial = [1, 2] }`.
fn array(at: &At<Raw>, problems: &mut Problems) -> Option<(Width, Vec<i64>)> {
    let Raw::Table(entries) = &at.value else {
        let message = format!("an array is a table, not {}", at.value.kind());
        let problem = Problem::error(Code::WrongType, at.span.clone(), message);
        problems.push(problem.help("for example { type = \"q\", length = 10 }"));
        return None;
    };
    let mut width = Width::Int64;
    let mut length: Option<usize> = None;
    let mut initial: &[At<Raw>] = &[];
    for (key, value) in entries {
        match (key.value.as_str(), &value.value) {
            ("type", Raw::Text(kind)) if Width::from_letter(kind).is_some() => {
                width = Width::from_letter(kind).unwrap_or(width);
            }
            ("type", _) => {
                let message = "there is no such type of array";
                let problem = Problem::error(Code::UnknownChoice, value.span.clone(), message);
                problems.push(problem.help(
                    "\"b\", \"h\", \"i\", \"q\" are 8, 16, 32, 64 bits with a sign, \"B\", \"H\", \"I\", \"Q\" without; \"f\" and \"d\" are floating-point numbers",
                ));
            }
            ("length", raw) => {
                let at = At::new(value.span.clone(), Whole(raw.clone()));
                length = whole(&at, "an array's length", 1..=MOST_ELEMENTS, problems);
            }
            ("initial", Raw::List(items)) => initial = items,
            ("initial", other) => {
                let message = format!("`initial` is a list of numbers, not {}", other.kind());
                problems.error(Code::WrongType, value.span.clone(), message);
            }
            (other, _) => {
                let message = format!("an array has no key `{other}`");
                let problem = Problem::error(Code::UnknownKey, key.span.clone(), message);
                problems.push(problem.suggest(other, ["type", "length", "initial"]));
            }
        }
    }
    if length.is_none() && initial.is_empty() {
        let message = "an array needs a `length` or `initial` values";
        problems.error(Code::MissingKey, at.span.clone(), message);
        return None;
    }
    let length = length.unwrap_or(initial.len());
    if initial.len() > length {
        let message = format!("{} values are too many for {length} elements", initial.len());
        problems.error(Code::OutOfRange, at.span.clone(), message);
    }
    let mut held: Vec<i64> = initial.iter().map(|item| number(item, width, problems)).collect();
    held.resize(length, 0);
    Some((width, held))
}
