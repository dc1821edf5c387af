//! A comparison as text, for a terminal: what it rests on, counts, times, and what explains most of
//! the difference. The JSON has every row; here are those that matter most.

use std::fmt::Write;

use crate::analysis::naming::{count, time};
use crate::analysis::render::Colour;
use crate::analysis::table::{Column, Table};
use crate::time::Span;

use super::contributors::{Contributor, NAMED, Reason, by_sort};
use super::join::Comparison;
use super::row::{Group, Row, Unit};
use super::verdict::Verdict;

/// So many steps are shown: those that take most of the time.
const STEPS: usize = 8;

impl Comparison {
    /// The comparison in lines of at most `width` characters, if the narrowest tables allow it.
    pub fn render(&self, width: u16, colour: Colour) -> String {
        let strong = |text: &str| match colour {
            Colour::Never => text.to_owned(),
            Colour::Always => format!("\u{1b}[1m{text}\u{1b}[0m"),
        };
        let mut text = format!("{}\n", strong(&self.conditions.scenario));
        if !self.conditions.question.is_empty() {
            text += &format!("{}\n", self.conditions.question);
        }
        text += &format!("\n{}", self.conditions_text());
        let counts: Vec<&Row> = self.rows(Group::Work).chain(self.rows(Group::Scheduling)).collect();
        let times = [Group::EndToEnd, Group::Throughput, Group::Message];
        let times: Vec<&Row> = times.into_iter().flat_map(|group| self.rows(group)).collect();
        let processes: Vec<&Row> = self.rows(Group::Process).collect();
        let mut steps: Vec<&Row> = self.rows(Group::Step).collect();
        steps.sort_by(|one, other| other.weight.total_cmp(&one.weight));
        let left = steps.len().saturating_sub(2 * STEPS) / 2;
        steps.truncate(2 * STEPS);
        let watched = match self.slowdown {
            Some(slow) => {
                format!("Processes (while the kernel was asked, which slowed it by {:.0} %)", slow * 100.0)
            }
            None => "Processes".to_owned(),
        };
        let sections =
            [("Counts", counts), ("Times", times), (watched.as_str(), processes), ("Steps", steps)];
        for (title, rows) in sections {
            if let Some(table) = self.table(&rows).render(width.into()) {
                text += &format!("\n{}\n{table}\n", strong(title));
            }
        }
        if left > 0 {
            text += &format!("... {left} more steps that take less time; --format json has them\n");
        }
        text += &format!("\n{}\n{}", strong("What explains the difference"), self.contributors_text());
        text += &format!("\n{}\n", self.result());
        text
    }

    fn conditions_text(&self) -> String {
        let Self { conditions, repetitions: [one, other], .. } = self;
        let times = |n: usize| if n == 1 { "once".to_owned() } else { format!("{n} times") };
        let mut text = format!("{}: {}", conditions.labels[0], times(*one));
        if !conditions.profile.is_empty() {
            let _ = write!(text, ", cost profile {}", conditions.profile);
        }
        let _ = writeln!(text, "\n{}: {}, {}", conditions.labels[1], times(*other), conditions.machine);
        if !conditions.placement.is_empty() {
            let _ = writeln!(text, "placement: {}", conditions.placement);
        }
        if conditions.discarded > 0 {
            let _ =
                writeln!(text, "{} discarded: other work used the CPUs", count(conditions.discarded as u64));
        }
        if conditions.disturbed > 0 {
            let _ = writeln!(
                text,
                "{} of the repetitions were disturbed by other work: the host didn't get quieter",
                conditions.disturbed
            );
        }
        text
    }

    fn table(&self, rows: &[&Row]) -> Table {
        let [one, other] = &self.conditions.labels;
        let mut table = Table::default();
        table.add(Column::whole("", rows.iter().map(|row| row.name.clone())));
        table.add(Column::number(one.clone(), rows.iter().map(|row| value(row.unit, row.one))).keep_zeros());
        table.add(
            Column::number(other.clone(), rows.iter().map(|row| value(row.unit, row.other.median)))
                .keep_zeros(),
        );
        table.add(Column::number("95 %", rows.iter().map(|row| interval(row))).rank(1));
        table.add(Column::number("error", rows.iter().map(|row| percent(row.error))).keep_zeros());
        let distance = rows.iter().map(|row| row.distance.map_or(String::new(), |it| format!("{it:.2}")));
        table.add(Column::number("distance", distance).rank(2));
        table.add(Column::text("", rows.iter().map(|row| row.verdict.to_string())));
        table
    }

    fn contributors_text(&self) -> String {
        let mut text = String::new();
        for contributor in self.contributors.iter().take(NAMED).filter(|it| it.difference != 0.0) {
            let _ = writeln!(text, "{}", contributor.words());
        }
        let sums = by_sort(&self.contributors).into_iter().filter(|(_, sum)| *sum != 0.0);
        let sums: Vec<String> = sums.map(|(sort, sum)| format!("{} {}", sort.name(), signed(sum))).collect();
        if !text.is_empty() {
            let _ = writeln!(text, "In all: {}", sums.join(", "));
        }
        if text.is_empty() { "nothing: there is none\n".to_owned() } else { text }
    }

    /// One line that says how it came out.
    pub fn result(&self) -> String {
        let Some(row) = self.end_to_end() else { return "Nothing to compare".to_owned() };
        let [one, other] = &self.conditions.labels;
        let mut text = format!(
            "End to end: {one} {}, {other} {}, error {}: ",
            value(row.unit, row.one),
            value(row.unit, row.other.median),
            percent(row.error)
        );
        text += match row.verdict {
            Verdict::Same => "the same within the goal or chance",
            Verdict::Workload => "a workload error, the counts differ",
            Verdict::Timing => "a timing error, the counts agree",
        };
        if let (Some([one_cpu, spread]), Some(between)) = (self.conditions.placements, self.is_between()) {
            let (one_cpu, spread) = (nanos(one_cpu), nanos(spread));
            let lies = if between { "lies between" } else { "doesn't lie between" };
            let _ = write!(
                text,
                "\nPlacement not predicted: simulated on one CPU {one_cpu}, spread {spread}; the measured time {lies}"
            );
        }
        text
    }
}

impl Contributor {
    /// Its part, what it is, and which reason it has.
    pub fn words(&self) -> String {
        let [one, other] = self.counts;
        let [price, measured] = self.prices;
        let reason = match self.reason {
            Reason::Count => format!("{} instead of {}", number(one), number(other)),
            Reason::Price => {
                format!("{} × {} instead of {}", number(other), nanos(price), nanos(measured))
            }
        };
        format!("{:>5.0} %  {}  {}: {reason}", self.share * 100.0, signed(self.difference), self.cause)
    }
}

/// An error as it is written: `-3.1 %`.
pub fn percent(error: Option<f64>) -> String {
    match error {
        None => "-".to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(error) => format!("{:+.1} %", error * 100.0),
    }
}

/// Nanoseconds in few characters.
pub fn nanos(nanos: f64) -> String {
    time(Span::from_nanos(nanos.max(0.0).round() as u64))
}

fn signed(difference: f64) -> String {
    format!("{}{}", if difference < 0.0 { "-" } else { "+" }, nanos(difference.abs()))
}

fn number(number: f64) -> String {
    if number.fract() == 0.0 { count(number as u64) } else { format!("{number:.1}") }
}

fn value(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Number => number(value),
        Unit::Nanoseconds => nanos(value),
        Unit::PerSecond => count(value.round() as u64),
    }
}

fn interval(row: &Row) -> String {
    if row.other.n < 2 {
        return String::new();
    }
    format!("{}..{}", value(row.unit, row.other.low), value(row.unit, row.other.high))
}
