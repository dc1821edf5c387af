//! The kinds of chart in Markdown, which docs/CHARTS.md contains.

use std::fmt::Write;

use super::CHARTS;

/// Documents every kind.
pub fn markdown() -> String {
    let mut text = String::new();
    for row in CHARTS {
        // Writing to a string can't fail, so the result carries no news.
        let _ = writeln!(
            text,
            "### {}\n\nShows {}. {}\n\nIt needs: {}.\n",
            row.name, row.summary, row.doc, row.needs
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_holds_the_generated_list() {
        crate::documentation::holds("CHARTS.md", "charts", &markdown());
    }
}
