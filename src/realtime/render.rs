//! A report as text for a terminal, or as Markdown.

use std::fmt::Write;

use crate::analysis::table::{Column, Table};
use crate::time::{Instant, Span};

use super::report::{Line, Report, Row, Verdict};

fn shown(time: Option<Span>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| time.to_string())
}

fn slack(row: &Row) -> String {
    row.slack.map_or_else(
        || "-".to_owned(),
        |slack| {
            let size = Span::from_nanos(slack.unsigned_abs());
            if slack < 0 { format!("-{size}") } else { size.to_string() }
        },
    )
}

fn cpu(number: Option<u16>) -> String {
    number.map_or_else(|| "any".to_owned(), |number| number.to_string())
}

/// A column: its title, whether it holds numbers, how soon it is left out of a narrow table, and its cells.
type Cells<R> = (&'static str, bool, u8, fn(&R) -> String);

const COLUMNS: &[Cells<Row>] = &[
    ("task", false, 0, |row| row.task.clone()),
    ("CPU", true, 3, |row| cpu(row.cpu)),
    ("C", true, 0, |row| (row.wcet + row.overhead).to_string()),
    ("T", true, 0, |row| row.period.to_string()),
    ("D", true, 0, |row| row.deadline.to_string()),
    ("O", true, 2, |row| if row.offset.is_zero() { String::new() } else { row.offset.to_string() }),
    ("U", true, 1, |row| format!("{:.3}", row.utilisation)),
    ("B", true, 1, |row| match row.blocking {
        Some(time) if time.is_zero() => String::new(),
        Some(time) => time.to_string(),
        None => "?".to_owned(),
    }),
    ("analysed", true, 0, |row| shown(row.analysed)),
    ("simulated", true, 0, |row| shown(row.simulated)),
    ("jobs", true, 4, |row| row.jobs.to_string()),
    ("missed", true, 4, |row| if row.misses == 0 { String::new() } else { row.misses.to_string() }),
    ("slack", true, 2, slack),
    ("verdict", false, 0, |row| row.verdict.text().to_owned()),
];

const TESTS: &[Cells<Line>] = &[
    ("CPU", true, 0, |line| line.cpu.map_or_else(|| "all".to_owned(), |cpu| cpu.to_string())),
    ("test", false, 0, |line| line.test.to_owned()),
    ("figures", false, 0, |line| line.figures.clone()),
    ("says", false, 0, |line| line.says.clone()),
];

fn table<R>(columns: &[Cells<R>], rows: &[R], width: u16) -> String {
    let mut table = Table::default();
    for (title, is_number, rank, cell) in columns {
        let cells: Vec<String> = rows.iter().map(cell).collect();
        let column = if *is_number { Column::number(*title, cells) } else { Column::whole(*title, cells) };
        table.add(column.keep_zeros().rank(*rank));
    }
    table.render(usize::from(width)).unwrap_or_default()
}

fn pipes<R>(columns: &[Cells<R>], rows: &[R]) -> String {
    let kept: Vec<&Cells<R>> =
        columns.iter().filter(|column| rows.iter().any(|row| !(column.3)(row).is_empty())).collect();
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(kept.iter().map(|column| column.0.to_owned()).collect());
    text += &line(kept.iter().map(|column| if column.1 { "---:" } else { "---" }.to_owned()).collect());
    for row in rows {
        // A name may hold what would end a cell.
        text += &line(kept.iter().map(|column| (column.3)(row).replace('|', "\\|")).collect());
    }
    text
}

/// Why each verdict is as it is; tasks with the same reason together.
fn reasons(report: &Report) -> Vec<String> {
    let mut said: Vec<(Verdict, &str, Option<&str>, Vec<&str>)> = Vec::new();
    for row in &report.tasks {
        let miss = row.miss.as_deref();
        match said
            .iter_mut()
            .find(|known| known.0 == row.verdict && known.1 == row.because && known.2 == miss)
        {
            Some(known) => known.3.push(&row.task),
            None => said.push((row.verdict, &row.because, miss, vec![&row.task])),
        }
    }
    let tell = |(verdict, because, miss, tasks): (Verdict, &str, Option<&str>, Vec<&str>)| {
        let names: Vec<String> = tasks.iter().map(|name| format!("`{name}`")).collect();
        let miss = miss.map_or_else(String::new, |miss| format!(". {}", capital(miss)));
        format!("{}: {}: {because}{miss}.", names.join(", "), verdict.text())
    };
    said.into_iter().map(tell).collect()
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

fn facts(report: &Report) -> Vec<String> {
    let mut facts = Vec::new();
    let hyperperiod =
        report.hyperperiod.map_or_else(|| "longer than 584 years".to_owned(), |time| time.to_string());
    let run = report.simulated_until.map_or_else(
        || "nothing was run".to_owned(),
        |end| format!("the run lasted {}", end.since(Instant::START)),
    );
    facts.push(format!("The hyperperiod is {hyperperiod}; {run}."));
    if !report.simulation.is_empty() {
        facts.push(report.simulation.clone());
    }
    if report.cpus > 1 {
        facts.push(match &report.placement {
            Some(places) => {
                let places: Vec<String> =
                    places.iter().map(|(task, cpu)| format!("`{task}` {cpu}")).collect();
                format!(
                    "A distribution so that each CPU passes its own test, by first fit: {}.",
                    places.join(", ")
                )
            }
            None => "First fit finds no distribution by which each CPU would pass its own test.".to_owned(),
        });
    }
    facts.extend(report.notes.iter().map(|note| format!("{}.", capital(note))));
    facts
}

impl Report {
    fn head(&self) -> String {
        let cpus = if self.cpus == 1 { "1 CPU".to_owned() } else { format!("{} CPUs", self.cpus) };
        format!("{}: {} on {cpus}", self.scenario, self.policy)
    }

    /// For a terminal of so many columns.
    pub fn text(&self, width: u16) -> String {
        let mut text = format!("{}\n\n{}\n", self.head(), table(COLUMNS, &self.tasks, width));
        if !self.tests.is_empty() {
            let _ = writeln!(text, "\n{}", table(TESTS, &self.tests, width));
        }
        text.push('\n');
        for line in reasons(self).iter().chain(&facts(self)) {
            let _ = writeln!(text, "{line}");
        }
        text
    }

    pub fn markdown(&self) -> String {
        let mut text = format!("## {}\n\n{}\n", self.head(), pipes(COLUMNS, &self.tasks));
        if !self.tests.is_empty() {
            let _ = writeln!(text, "{}", pipes(TESTS, &self.tests));
        }
        for line in reasons(self).iter().chain(&facts(self)) {
            let _ = writeln!(text, "- {line}");
        }
        text
    }
}
