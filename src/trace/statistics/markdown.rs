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
    use super::*;

    #[test]
    fn the_documentation_holds_the_generated_tables() {
        crate::documentation::holds("STATISTICS.md", "statistics", &markdown());
    }
}
