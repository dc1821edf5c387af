//! The accuracy over many scenarios as tables, in Markdown or for a terminal.

use std::fmt::Write;

use crate::analysis::table::{Column, Table};

use super::accuracy::Accuracy;
use super::render::{nanos, percent};

/// So many of the worst are explained.
const WORST: usize = 8;

impl Accuracy {
    /// The tables, in Markdown or for a terminal.
    pub fn render(&self, markdown: bool, width: u16) -> String {
        let mut text = String::new();
        let machine = if self.machine.is_empty() { "an unknown machine" } else { &self.machine };
        let _ = writeln!(
            text,
            "{} scenarios, {} repetitions each, cost profile {}, on {machine}.",
            self.cases.len(),
            self.runs,
            self.profile
        );
        for (title, table) in
            [("By class", self.class_rows()), ("Goals", self.goal_rows()), ("All", self.case_rows())]
        {
            text += &if markdown { format!("\n## {title}\n\n") } else { format!("\n{title}\n") };
            text += &set(&table, markdown, width);
        }
        text += if markdown {
            "\n## The largest errors and their causes\n\n"
        } else {
            "\nThe largest errors and their causes\n"
        };
        for case in self.cases.iter().filter(|case| case.error != 0.0).take(WORST) {
            let dash = if markdown { "- " } else { "" };
            let _ = writeln!(text, "{dash}{} ({}): {}", case.name, percent(Some(case.error)), case.cause);
        }
        for (name, reason) in &self.failed {
            let _ =
                writeln!(text, "{}{name} couldn't be compared: {reason}", if markdown { "- " } else { "" });
        }
        text
    }

    fn class_rows(&self) -> Vec<Vec<String>> {
        let mut rows =
            vec![["class", "scenarios", "median error", "p90", "worst"].map(str::to_owned).to_vec()];
        rows.extend(self.classes.iter().map(|class| {
            let errors =
                [class.median, class.p90, class.worst].map(|error| format!("{:.1} %", error * 100.0));
            [class.name.to_owned(), class.cases.to_string()].into_iter().chain(errors).collect()
        }));
        rows
    }

    fn goal_rows(&self) -> Vec<Vec<String>> {
        let mut rows = vec![["goal", "found", "reached"].map(str::to_owned).to_vec()];
        rows.extend(self.goals.iter().map(|goal| {
            let reached = match goal.reached {
                Some(true) => "yes",
                Some(false) => "no",
                None => "not tested",
            };
            vec![goal.name.to_owned(), goal.found.clone(), reached.to_owned()]
        }));
        rows
    }

    fn case_rows(&self) -> Vec<Vec<String>> {
        let head = ["scenario", "placement", "kind", "simulated", "measured", "error", "verdict", "counts"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        rows.extend(self.cases.iter().map(|case| {
            let counts = match case.wrong_counts.as_slice() {
                [] => "agree".to_owned(),
                [one] => one.clone(),
                [first, rest @ ..] => format!("{first}; {} more", rest.len()),
            };
            vec![
                case.name.clone(),
                case.placement.name().to_owned(),
                case.nature.name().to_owned(),
                nanos(case.simulated),
                nanos(case.measured),
                percent(Some(case.error)),
                case.verdict.to_string(),
                counts,
            ]
        }));
        rows
    }
}

/// Rows, the first of them the heads, as a table.
fn set(rows: &[Vec<String>], markdown: bool, width: u16) -> String {
    let Some((head, rows)) = rows.split_first() else { return String::new() };
    if markdown {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule = format!("|{}\n", "---|".repeat(head.len()));
        return [line(head), rule].into_iter().chain(rows.iter().map(|row| line(row))).collect();
    }
    let mut table = Table::default();
    for (place, title) in head.iter().enumerate() {
        table.add(Column::whole(title.clone(), rows.iter().map(|row| row[place].clone())));
    }
    table.render(width.into()).map_or(String::new(), |table| table + "\n")
}
