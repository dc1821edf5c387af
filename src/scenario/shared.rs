//! The cells and arrays of `[shm.NAME]`.

use std::ops::Range;

use crate::program::at::{Anything, At, Entries, Raw, Whole};
use crate::program::image::Width;
use crate::program::lower::is_variable;
use crate::program::problem::{Code, Problem, Problems};

use super::objects::ShmForm;
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
        let value = number(at, problems);
        parts.push(Part {
            name: key.value.clone(),
            span: key.span.clone(),
            width: Width::Int64,
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

fn number(at: &At<Raw>, problems: &mut Problems) -> i64 {
    match &at.value {
        Raw::Integer(number) => i64::try_from(*number).unwrap_or_else(|_| {
            let message = "this number doesn't fit into 64 bits";
            problems.error(Code::OutOfRange, at.span.clone(), message);
            0
        }),
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
    let mut initial = Vec::new();
    for (key, value) in entries {
        match (key.value.as_str(), &value.value) {
            ("type", Raw::Text(kind)) if kind == "i" => width = Width::Int32,
            ("type", Raw::Text(kind)) if kind == "q" => width = Width::Int64,
            ("type", _) => {
                let message = "an array's type is \"i\" (32 bits) or \"q\" (64 bits)";
                problems.error(Code::UnknownChoice, value.span.clone(), message);
            }
            ("length", raw) => {
                let at = At::new(value.span.clone(), Whole(raw.clone()));
                length = whole(&at, "an array's length", 1..=MOST_ELEMENTS, problems);
            }
            ("initial", Raw::List(items)) => {
                initial = items.iter().map(|item| number(item, problems)).collect();
            }
            ("initial", other) => {
                let message = format!("`initial` is a list of whole numbers, not {}", other.kind());
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
    if width == Width::Int32 && initial.iter().any(|value| i32::try_from(*value).is_err()) {
        let message = "a value doesn't fit into 32 bits; use type = \"q\"";
        problems.error(Code::OutOfRange, at.span.clone(), message);
    }
    initial.resize(length, 0);
    Some((width, initial))
}
