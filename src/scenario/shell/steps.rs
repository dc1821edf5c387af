//! From words to the texts of steps.

use std::fmt::Write;

use super::words::{Part, Word};

/// A TOML string.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A word as a text of `write`: variables in braces.
pub fn text(word: &Word) -> String {
    let parts = word.parts.iter().map(|part| match part {
        Part::Literal(text) => text.replace('{', "{{").replace('}', "}}"),
        Part::Status => "{status}".to_owned(),
        Part::Variable(name) => format!("{{{name}}}"),
    });
    parts.collect()
}

/// A word as a number or an expression, if it is one.
pub fn expression(word: &Word) -> Option<String> {
    match word.parts.as_slice() {
        [Part::Literal(text)] => text.parse::<i64>().ok().map(|number| number.to_string()),
        [Part::Status] => Some("\"status\"".to_owned()),
        [Part::Variable(name)] => Some(quoted(name)),
        _ => None,
    }
}

/// The variables of the shell that words fill in.
pub fn variables<'w>(words: impl IntoIterator<Item = &'w Word>) -> Vec<String> {
    let parts = words.into_iter().flat_map(|word| &word.parts);
    let names = parts.filter_map(|part| match part {
        Part::Literal(_) => None,
        Part::Status => Some("status".to_owned()),
        Part::Variable(name) => Some(name.clone()),
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.dedup();
    names
}
