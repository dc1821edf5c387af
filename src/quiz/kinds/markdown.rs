//! The kinds of question in Markdown, which docs/QUIZ.md contains.

use std::fmt::Write;

use super::KINDS;

/// Documents every kind.
pub fn markdown() -> String {
    let mut text = "| kind | asks | how the answer is found | it needs |\n|---|---|---|---|\n".to_owned();
    for row in KINDS {
        // Writing to a string can't fail, so the result carries no news.
        let _ = writeln!(text, "| `{}` | {} | {} | {} |", row.name, row.summary, row.doc, row.needs);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_holds_the_generated_table() {
        crate::documentation::holds("QUIZ.md", "kinds", &markdown());
    }
}
