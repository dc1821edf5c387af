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
    use std::path::Path;

    use super::*;

    #[test]
    fn the_documentation_holds_the_generated_list() {
        const BEGIN: &str = "<!-- charts:begin -->\n";
        const END: &str = "<!-- charts:end -->";
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/CHARTS.md");
        let document = std::fs::read_to_string(&path).unwrap();
        let begin = document.find(BEGIN).expect("the begin marker") + BEGIN.len();
        let end = document.find(END).expect("the end marker");
        if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
            let updated = format!("{}{}{}", &document[..begin], markdown(), &document[end..]);
            std::fs::write(&path, updated).unwrap();
            return;
        }
        assert!(
            document[begin..end] == markdown(),
            "docs/CHARTS.md is out of date: run this test with UPDATE_DOCS=1"
        );
    }
}
