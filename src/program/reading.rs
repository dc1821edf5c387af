//! Reading one TOML table into a form, with all of its mistakes reported.
//!
//! serde stops at the first mistake. Therefore unknown keys are taken out beforehand, and a key
//! whose value doesn't fit is taken out and the rest is read again.

use std::ops::Range;

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Code, Problem, Problems};

/// Takes out the keys that aren't known and reports each.
pub fn check_keys(table: &mut DeTable<'_>, known: &[&str], of: &str, problems: &mut Problems) {
    let unknown: Vec<(String, Range<usize>)> = table
        .keys()
        .filter(|key| !known.contains(&key.get_ref().as_ref()))
        .map(|key| (key.get_ref().to_string(), key.span()))
        .collect();
    for (key, span) in unknown {
        table.remove(key.as_str());
        let message = format!("{of} has no key `{key}`");
        let problem = Problem::error(Code::UnknownKey, span, message).label("unknown key");
        problems.push(problem.suggest(&key, known.iter().copied()));
    }
}

/// Reads a table; reports what doesn't fit and reads on without it, so that the rest is checked as
/// well. `None` if it can't be read without.
pub fn read<T>(
    value: &Spanned<DeValue<'_>>,
    of: &str,
    parse: impl for<'i> Fn(Spanned<DeValue<'i>>) -> Result<T, toml::de::Error>,
    problems: &mut Problems,
) -> Option<T> {
    let mut value = value.clone();
    let mut removed: Vec<String> = Vec::new();
    loop {
        let error = match parse(value.clone()) {
            Ok(form) => return Some(form),
            Err(error) => error,
        };
        let span = error.span().unwrap_or_else(|| value.span());
        let missing = quoted(error.message()).next();
        let missing = missing.filter(|_| error.message().starts_with("missing field"));
        if missing.is_some_and(|key| removed.iter().any(|gone| gone == key)) {
            return None;
        }
        problems.push(describe(&error, span.clone(), of));
        let culprit = value.get_ref().as_table().and_then(|table| {
            let inside = |(key, value): &(&Spanned<_>, &Spanned<_>)| {
                key.span().contains(&span.start) || value.span().contains(&span.start)
            };
            let entry = table.iter().find(inside);
            entry.map(|(key, _)| key.get_ref().to_string())
        })?;
        if let DeValue::Table(table) = value.get_mut() {
            table.remove(culprit.as_str());
        }
        removed.push(culprit);
    }
}

/// serde's error in this language's words.
pub fn describe(error: &toml::de::Error, span: Range<usize>, of: &str) -> Problem {
    let message = error.message();
    let mut words = quoted(message);
    if message.starts_with("missing field") {
        let key = words.next().unwrap_or_default();
        return Problem::error(Code::MissingKey, span, format!("{of} needs the key `{key}`"));
    }
    if message.starts_with("unknown variant") {
        let wrong = words.next().unwrap_or_default();
        let choices: Vec<&str> = words.collect();
        let problem = Problem::error(Code::UnknownChoice, span, format!("`{wrong}` isn't a choice here"));
        let list = choices.join("`, `");
        return match super::problem::closest(wrong, choices.iter().copied()) {
            Some(name) => problem.help(format!("did you mean `{name}`? The choices are `{list}`")),
            None => problem.help(format!("the choices are `{list}`")),
        };
    }
    if message.starts_with("unknown field") {
        let wrong = words.next().unwrap_or_default();
        let problem = Problem::error(Code::UnknownKey, span, format!("{of} has no key `{wrong}`"));
        return problem.suggest(wrong, words);
    }
    let code = match message.starts_with("invalid value") {
        true => Code::OutOfRange,
        false => Code::WrongType,
    };
    Problem::error(code, span, plain(message))
}

/// "invalid type: integer `1`, expected a boolean", turned round and without Rust's words.
fn plain(message: &str) -> String {
    let message = message.trim_end();
    let bare = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))
        .unwrap_or(message);
    let turned = match bare.split_once(", expected ") {
        Some((found, wanted)) => format!("expected {wanted}, not {found}"),
        None => bare.to_owned(),
    };
    let words = [
        ("a boolean", "true or false"),
        ("boolean ", ""),
        ("a string", "a text"),
        ("string ", ""),
        ("integer ", ""),
        ("floating point ", ""),
        ("sequence", "a list"),
        ("a map", "a table"),
        ("map", "a table"),
    ];
    words.iter().fold(turned, |text, (from, to)| text.replace(from, to))
}

/// The words in back quotes of a message.
fn quoted(message: &str) -> impl Iterator<Item = &str> {
    message.split('`').skip(1).step_by(2)
}

/// What a value is, with its article.
pub fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The entries of a table in the order of the file.
pub fn in_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<(&'t str, Range<usize>, &'t Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> =
        table.iter().map(|(key, value)| (key.get_ref().as_ref(), key.span(), value)).collect();
    entries.sort_by_key(|(_, span, _)| span.start);
    entries
}
