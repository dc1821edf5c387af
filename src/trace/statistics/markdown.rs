//! The statistics as tables in Markdown, which docs/STATISTICS.md contains.

use std::fmt::Write;

use super::{Aggregate, CPU, DEVICE, RUN, SPREADS, StatisticRow, THREAD, Unit};

/// Documents every statistic, in Markdown.
pub fn markdown() -> String {
    let mut text = String::new();
    section(&mut text, "Of a thread", "", THREAD);
    let prefixes: Vec<String> =
        Aggregate::ALL.iter().map(|aggregate| format!("`{}-`", aggregate.name())).collect();
    section(&mut text, "Of the run", "", RUN);
    let introduction = format!(
        "These have a value for each thread or dispatch. Of all values there are five figures, whose names \
         begin with {}: `mean-turnaround`, `p95-latency`.",
        prefixes.join(", ")
    );
    section(&mut text, "Of the run, over many values", &introduction, SPREADS);
    section(&mut text, "Of a CPU", "", CPU);
    section(&mut text, "Of a file on a disk", "", DEVICE);
    text
}

// Writing to a string can't fail, so its results carry no news.
fn section(text: &mut String, title: &str, introduction: &str, rows: &[StatisticRow]) {
    let _ = writeln!(text, "### {title}\n");
    if !introduction.is_empty() {
        let _ = writeln!(text, "{introduction}\n");
    }
    let _ = writeln!(text, "| name | unit | formula | what it says |\n|---|---|---|---|");
    for row in rows {
        let unit = match row.unit {
            Unit::Moment => "moment",
            Unit::Time | Unit::Lateness => "time",
            Unit::Count => "number",
            Unit::Ratio => "ratio",
            Unit::Rate => "per second",
        };
        let _ = writeln!(text, "| `{}` | {unit} | {} | {} |", row.name, row.formula, row.doc);
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_documentation_holds_the_generated_tables() {
        const BEGIN: &str = "<!-- statistics:begin -->\n";
        const END: &str = "<!-- statistics:end -->";
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/STATISTICS.md");
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
            "docs/STATISTICS.md is out of date: run this test with UPDATE_DOCS=1"
        );
    }
}
