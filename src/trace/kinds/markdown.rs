//! The kinds of event as a table in Markdown, which docs/TRACE.md contains.

use std::fmt::Write;

use super::{KINDS, WHYS};
use crate::trace::event::{Cause, Exception, Fault};
use crate::trace::moved::Moved;
use crate::trace::rule::Rule;

/// Documents every kind, every reason to switch and every listed value, in Markdown.
pub fn markdown() -> String {
    let mut text = String::new();
    // Writing to a string can't fail, so its results carry no news.
    for row in KINDS {
        let point = row.trace_point.map_or("none, Trapline's own".to_owned(), |point| format!("`{point}`"));
        let _ = writeln!(text, "#### `{}` (code {})\n", row.name, row.code as u8);
        let _ = writeln!(text, "{} Linux trace point: {point}.\n", row.meaning);
        if row.fields.is_empty() {
            continue;
        }
        let _ = writeln!(text, "| field | written as | what it is |\n|---|---|---|");
        for field in row.fields {
            let _ = writeln!(text, "| `{}` | {} | {} |", field.name, field.encoding.name(), field.doc);
        }
        text.push('\n');
    }
    let _ = writeln!(text, "#### Reasons to switch (`why`)\n\n| code | name | meaning |\n|---|---|---|");
    for row in WHYS {
        let _ = writeln!(text, "| {} | `{}` | {} |", row.code as u8, row.name, row.meaning);
    }
    text.push_str("\n#### Lists of values, counted from 0\n\n");
    let mut list = |title: &str, names: Vec<&str>| {
        let _ = writeln!(text, "- `{title}`: {}", names.join(", "));
    };
    list("rule", Rule::ALL.iter().map(|rule| rule.name()).collect());
    list("moved", Moved::ALL.iter().map(|moved| moved.name()).collect());
    list("fault", Fault::ALL.iter().map(|fault| fault.name()).collect());
    list("exception", Exception::ALL.iter().map(|exception| exception.name()).collect());
    list("cause", Cause::ALL.iter().map(|cause| cause.name()).collect());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_holds_the_generated_table() {
        crate::documentation::holds("TRACE.md", "kinds", &markdown());
    }
}
