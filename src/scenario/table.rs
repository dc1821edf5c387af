//! Reading the scenario's tables into forms.

use std::ops::Range;

use schemars::JsonSchema;
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use crate::program::amount::{fixed_size, fixed_time, unit_problem};
use crate::program::at::{At, Raw, Size, Time, Whole};
use crate::program::form::schema;
use crate::program::problem::{Code, Problem, Problems};
use crate::program::reading::{check_keys, in_order, kind, read};
use crate::program::verb::properties;
use crate::time::Span;

/// One `[kind.NAME]`.
#[derive(Debug)]
pub struct Entry<T> {
    pub name: At<String>,
    pub form: T,
}

/// Names that steps give a meaning of their own, by the table that can't use them.
const RESERVED: &[(&str, &[&str])] = &[
    ("pipe", &["terminal", "stdin", "stdout", "stderr"]),
    ("fifo", &["terminal", "stdin", "stdout", "stderr"]),
    ("file", &["terminal", "stdin", "stdout", "stderr"]),
    ("memory", &["kernel", "locks"]),
    ("shm", &["kernel", "locks"]),
    ("program", &["any", "all"]),
    ("process", &["any", "all", "init"]),
];

/// Reads one table into its form and reports all that is wrong in it.
pub fn read_form<T: DeserializeOwned + JsonSchema>(
    value: &Spanned<DeValue<'_>>,
    of: &str,
    problems: &mut Problems,
) -> Option<T> {
    let DeValue::Table(table) = value.get_ref() else {
        let message = format!("{of} is a table, not {}", kind(value.get_ref()));
        problems.error(Code::WrongType, value.span(), message);
        return None;
    };
    let mut table = table.clone();
    let keys = properties(&schema::<T>());
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    check_keys(&mut table, &keys, of, problems);
    let value = Spanned::new(value.span(), DeValue::Table(table));
    let parse = |value: Spanned<DeValue<'_>>| T::deserialize(value.into_deserializer());
    read(&value, of, parse, problems)
}

/// The entries of `[kind.NAME]`, in the order of the file.
pub fn entries<'t, 'i>(
    root: &'t DeTable<'i>,
    table: &str,
    problems: &mut Problems,
) -> Vec<(At<String>, &'t Spanned<DeValue<'i>>)> {
    let Some(value) = root.get(table) else {
        return Vec::new();
    };
    let DeValue::Table(inner) = value.get_ref() else {
        let message = format!("`{table}` holds named tables, not {}", kind(value.get_ref()));
        let problem = Problem::error(Code::WrongType, value.span(), message);
        problems.push(problem.help(format!("write `[{table}.NAME]`")));
        return Vec::new();
    };
    let mut list = Vec::new();
    for (name, span, value) in in_order(inner) {
        // A file's name may have an ending.
        let bare = if table == "file" { name.replace('.', "") } else { name.to_owned() };
        if !is_name(&bare) {
            let message = format!("`{name}` can't be a name");
            let problem = Problem::error(Code::BadName, span, message);
            problems.push(problem.help("a name has letters, digits, `-` and `_`, a letter in front"));
        } else if is_reserved(table, name) {
            let message = format!("`{name}` has a meaning of its own in steps");
            let problem = Problem::error(Code::BadName, span, message);
            problems.push(problem.help("choose another name"));
        } else {
            list.push((At::new(span, name.to_owned()), value));
        }
    }
    list
}

/// The entries of `[kind.NAME]`, read into forms.
pub fn named<T: DeserializeOwned + JsonSchema>(
    root: &DeTable<'_>,
    table: &str,
    problems: &mut Problems,
) -> Vec<Entry<T>> {
    let entries = entries(root, table, problems).into_iter();
    entries
        .filter_map(|(name, value)| {
            let of = format!("`[{table}.{}]`", name.value);
            let form = read_form(value, &of, problems)?;
            Some(Entry { name, form })
        })
        .collect()
}

/// `[table]`, read into its form; the form's default if it is absent or can't be read.
pub fn single<T: DeserializeOwned + JsonSchema + Default>(
    root: &DeTable<'_>,
    table: &str,
    problems: &mut Problems,
) -> T {
    let value = root.get(table);
    value.and_then(|value| read_form(value, &format!("`[{table}]`"), problems)).unwrap_or_default()
}

/// All names that some table can't use.
pub fn reserved() -> impl Iterator<Item = &'static str> {
    RESERVED.iter().flat_map(|(_, names)| names.iter().copied())
}

fn is_reserved(table: &str, name: &str) -> bool {
    let mut rows = RESERVED.iter();
    rows.any(|(of, names)| *of == table && names.contains(&name))
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// A whole number within bounds.
pub fn whole<N: TryFrom<i128>>(
    at: &At<Whole>,
    what: &str,
    bounds: std::ops::RangeInclusive<i128>,
    problems: &mut Problems,
) -> Option<N> {
    match &at.value.0 {
        Raw::Integer(number) if bounds.contains(number) => N::try_from(*number).ok(),
        Raw::Integer(number) => {
            let (low, high) = (bounds.start(), bounds.end());
            let message = format!("{what} is from {low} to {high}, not {number}");
            problems.error(Code::OutOfRange, at.span.clone(), message);
            None
        }
        other => {
            let message = format!("{what} is a whole number, not {}", other.kind());
            problems.error(Code::WrongType, at.span.clone(), message);
            None
        }
    }
}

/// A fixed time.
pub fn time(at: &At<Time>, instruction: Span, problems: &mut Problems) -> Option<Span> {
    raw_time(&at.value.0, &at.span, instruction, problems)
}

/// A fixed time, from a value that isn't of a form.
pub fn raw_time(raw: &Raw, span: &Range<usize>, instruction: Span, problems: &mut Problems) -> Option<Span> {
    let result = fixed_time(raw, instruction);
    result.map_err(|error| problems.push(unit_problem(error, span.clone()))).ok()
}

/// A number of bytes, at most `limit`.
pub fn size(at: &At<Size>, what: &str, limit: u64, problems: &mut Problems) -> Option<u64> {
    match fixed_size(&at.value.0) {
        Ok(0) => {
            let message = format!("{what} can't be empty");
            problems.error(Code::OutOfRange, at.span.clone(), message);
            None
        }
        Ok(bytes) if bytes <= limit => Some(bytes),
        Ok(_) => {
            let message = format!("{what} is at most {}MiB", limit >> 20);
            problems.error(Code::OutOfRange, at.span.clone(), message);
            None
        }
        Err(error) => {
            problems.push(unit_problem(error, at.span.clone()));
            None
        }
    }
}

/// An entry of a map of names, or an error with a suggestion.
pub fn lookup<'m, T>(
    map: &'m std::collections::BTreeMap<String, T>,
    what: &str,
    name: &str,
    span: &Range<usize>,
    problems: &mut Problems,
) -> Option<&'m T> {
    let found = map.get(name);
    if found.is_none() {
        let message = format!("there is no {what} `{name}`");
        let problem = Problem::error(Code::UnknownName, span.clone(), message);
        problems.push(problem.suggest(name, map.keys().map(String::as_str)));
    }
    found
}
