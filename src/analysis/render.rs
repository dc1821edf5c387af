//! A summary as text, for a terminal.
//!
//! Columns in which everything is zero are left out. If a table is too wide for the terminal, its
//! least important columns are left out too; the summary's JSON has everything.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::grouping::grouped;
use super::naming::{bytes, count, printable, time};
use super::summary::{ProcessSummary, Summary, Totals, Usage};
use super::table::{Column, Table};
use crate::time::Span;
use crate::trace::Cause;

/// More processes than this are shown by base name.
const PROCESS_ROWS: usize = 20;
/// So many lines of the terminal are shown.
const LINES: usize = 20;
/// Processes that wait for pages for so much of their time get hardly anything done.
const THRASHING: f64 = 0.5;
/// So many system calls are named.
const CALLS: usize = 8;

/// Whether the text may contain colour codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    #[default]
    Never,
    Always,
}

impl Summary {
    /// The summary in lines of at most `width` characters, if the narrowest tables allow it.
    pub fn render(&self, width: u16, colour: Colour) -> String {
        let page = Page { width: width.into(), colour };
        let mut text = String::new();
        // Writing to a string can't fail, so the results carry no news.
        let _ = writeln!(text, "{}", page.strong(&self.scenario));
        if !self.question.is_empty() {
            let _ = writeln!(text, "{}", self.question);
        }
        let _ = writeln!(text, "\n{}", self.totals_line());
        if let Some(calls) = self.calls_line() {
            let _ = writeln!(text, "{calls}");
        }
        for line in self.memory_lines() {
            let _ = writeln!(text, "{line}");
        }
        page.section(&mut text, "Processes", &self.process_table());
        page.section(&mut text, "CPUs", &self.cpu_table());
        page.section(&mut text, "Interrupts", &self.vector_table());
        page.section(&mut text, "Channels, locks and devices", &self.object_table());
        self.write_lines(&page, &mut text);
        text
    }

    fn totals_line(&self) -> String {
        let totals = &self.totals;
        let mut parts = vec![
            format!("{} simulated", time(self.wall)),
            format!("{} into the kernel", plural(totals.crossings, "crossing")),
        ];
        if self.source == crate::trace::header::Source::Measured {
            parts[0] = format!("{} measured", time(self.wall));
        }
        let kinds =
            [(totals.calls, "call"), (totals.exceptions, "exception"), (totals.interrupts, "interrupt")];
        let kinds: Vec<_> =
            kinds.into_iter().filter(|&(n, _)| n > 0).map(|(n, what)| plural(n, what)).collect();
        if !kinds.is_empty() {
            parts[1] = format!("{} ({})", parts[1], kinds.join(", "));
        }
        let rest =
            [(totals.switches, "switch"), (totals.migrations, "migration"), (totals.signals, "signal")];
        parts.extend(rest.into_iter().filter(|&(n, _)| n > 0).map(|(n, what)| plural(n, what)));
        parts.join(", ")
    }

    fn calls_line(&self) -> Option<String> {
        let mut calls: BTreeMap<&str, u64> = BTreeMap::new();
        for row in &self.processes {
            for (call, count) in &row.usage.calls {
                *calls.entry(call).or_default() += count;
            }
        }
        let mut calls: Vec<_> = calls.into_iter().collect();
        calls.sort_by_key(|&(name, count)| (std::cmp::Reverse(count), name));
        let mut shown: Vec<_> =
            calls.iter().take(CALLS).map(|(name, n)| format!("{name} {}", count(*n))).collect();
        if calls.len() > CALLS {
            let others = calls[CALLS..].iter().map(|(_, n)| *n).sum();
            shown.push(format!("others {}", count(others)));
        }
        (!shown.is_empty()).then(|| format!("System calls: {}", shown.join(", ")))
    }

    /// What page replacement did, and who was ended because memory ran out.
    fn memory_lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let Totals { evicted, evicted_dirty, .. } = self.totals;
        if evicted > 0 {
            let mut line = format!("Memory: {} replaced", plural(evicted, "page"));
            if evicted_dirty > 0 {
                let _ = write!(line, ", {} of them written to a device first", count(evicted_dirty));
            }
            let waited =
                |row: &ProcessSummary| row.usage.blocked.get(&Cause::Page).copied().unwrap_or_default();
            let waited: Span = self.processes.iter().map(waited).sum();
            let lived: Span = self.processes.iter().map(|row| row.usage.lifetime()).sum();
            if !waited.is_zero() {
                let share = waited.as_nanos() as f64 / lived.as_nanos() as f64;
                let _ = write!(
                    line,
                    "; processes waited {} for pages, {:.0}% of their time",
                    time(waited),
                    share * 100.0
                );
                if share >= THRASHING {
                    line.push_str(": thrashing");
                }
            }
            lines.push(line);
        }
        lines.extend(self.out_of_memory.iter().map(|name| {
            format!("Out of memory: {name} was killed, because no page could be taken from anybody")
        }));
        lines
    }

    fn process_table(&self) -> Table {
        let rows = if self.processes.len() > PROCESS_ROWS {
            grouped(&self.processes)
        } else {
            self.processes.clone()
        };
        let usage = |get: fn(&Usage) -> String| rows.iter().map(|row| get(&row.usage)).collect();
        let several = |number: u64| {
            if number == 1 { String::new() } else { count(number) }
        };
        let mut table = Table::default();
        table.add(Column::text("process", rows.iter().map(|row| row.name.clone())));
        table.add(Column::number("number", rows.iter().map(|row| several(row.processes))).rank(3));
        let threads = rows
            .iter()
            .map(|row| if row.threads == row.processes { String::new() } else { several(row.threads) });
        table.add(Column::number("threads", threads).rank(3));
        // From beginning to end: the sum of the times beside it.
        table.add(Column::number_vec("wall", usage(|usage| time(usage.lifetime()))).rank(3));
        table.add(Column::number_vec("user", usage(|usage| time(usage.user))));
        table.add(Column::number_vec("kernel", usage(|usage| time(usage.kernel))));
        table.add(Column::number_vec("interrupt", usage(|usage| time(usage.interrupt))).rank(2));
        table.add(Column::number_vec("switch", usage(|usage| time(usage.switch))).rank(4));
        table.add(Column::number_vec("ready", usage(|usage| time(usage.ready))));
        table.add(Column::number_vec("blocked", usage(|usage| time(usage.blocked_total()))));
        let cause = usage(|usage| usage.main_cause().map_or(String::new(), |cause| cause.name().to_owned()));
        table.add(Column::text("mostly on", cause).rank(1));
        table.add(Column::number_vec("calls", usage(|usage| count(usage.calls_total()))));
        table.add(Column::number_vec("faults", usage(|usage| count(usage.faults_total()))).rank(1));
        table.add(Column::number_vec("gave up", usage(|usage| count(usage.switches.voluntary()))).rank(5));
        table.add(Column::number_vec("lost CPU", usage(|usage| count(usage.switches.involuntary()))).rank(2));
        table.add(Column::number_vec("wake-ups", usage(|usage| count(usage.wakeups))).rank(6));
        table.add(Column::number("exit", rows.iter().map(statuses)).keep_zeros().rank(1));
        table
    }

    fn cpu_table(&self) -> Table {
        let cpus = &self.cpus;
        let mut table = Table::default();
        table.add(Column::number("CPU", cpus.iter().map(|cpu| cpu.cpu.to_string())).keep_zeros());
        table.add(Column::number("user", cpus.iter().map(|cpu| time(cpu.user))));
        table.add(Column::number("kernel", cpus.iter().map(|cpu| time(cpu.kernel))));
        table.add(Column::number("interrupt", cpus.iter().map(|cpu| time(cpu.interrupt))));
        table.add(Column::number("switch", cpus.iter().map(|cpu| time(cpu.switch))));
        table.add(Column::number("idle", cpus.iter().map(|cpu| time(cpu.idle))));
        let share = |part: u64| u128::from(part) * 1_000 / u128::from(self.wall.as_nanos().max(1));
        let percent = cpus.iter().map(|cpu| share(cpu.busy().as_nanos()));
        table.add(Column::number("busy", percent.map(|share| format!("{}.{}%", share / 10, share % 10))));
        table.add(Column::number("switches", cpus.iter().map(|cpu| count(cpu.switches))).rank(1));
        table.add(Column::number("interrupts", cpus.iter().map(|cpu| count(cpu.interrupts))).rank(2));
        table
    }

    fn vector_table(&self) -> Table {
        let vectors = &self.vectors;
        let latency = |get: fn(&super::latency::Distribution) -> crate::time::Span| {
            vectors
                .iter()
                .map(move |row| row.latency.as_ref().map_or(String::new(), |latency| time(get(latency))))
        };
        let mut table = Table::default();
        table.add(Column::text("vector", vectors.iter().map(|row| row.name.clone())));
        table.add(Column::number("line", vectors.iter().map(|row| row.vector.to_string())).rank(3));
        table.add(Column::number("raised", vectors.iter().map(|row| count(row.raised))));
        table.add(Column::number("recognised", vectors.iter().map(|row| count(row.recognised))));
        table.add(Column::number("coalesced", vectors.iter().map(|row| count(row.coalesced))));
        table.add(Column::number("spurious", vectors.iter().map(|row| count(row.spurious))));
        table.add(Column::number("wait min", latency(|latency| latency.min)).rank(2));
        table.add(Column::number("mean", latency(|latency| latency.mean)));
        table.add(Column::number("p50", latency(|latency| latency.p50)).rank(4));
        table.add(Column::number("p99", latency(|latency| latency.p99)));
        table.add(Column::number("max", latency(|latency| latency.max)));
        let handling =
            vectors.iter().map(|row| row.handling.map_or(String::new(), |handling| time(handling.mean)));
        table.add(Column::number("handler", handling).rank(1));
        table
    }

    fn object_table(&self) -> Table {
        let objects = &self.objects;
        let mut table = Table::default();
        table.add(Column::text("name", objects.iter().map(|row| row.name.clone())));
        table.add(Column::text("kind", objects.iter().map(|row| row.kind.clone())));
        table.add(Column::number("sent", objects.iter().map(|row| count(row.sent))));
        table.add(Column::number("bytes", objects.iter().map(|row| short_bytes(row.sent_bytes))));
        table.add(Column::number("received", objects.iter().map(|row| count(row.received))));
        table.add(Column::number("bytes", objects.iter().map(|row| short_bytes(row.received_bytes))));
        table.add(Column::number("acquired", objects.iter().map(|row| count(row.acquired))));
        table.add(Column::number("dropped", objects.iter().map(|row| count(row.dropped))));
        table.add(Column::number("contended", objects.iter().map(|row| count(row.contended))));
        table.add(Column::number("requests", objects.iter().map(|row| count(row.requests))));
        table.add(Column::number("read", objects.iter().map(|row| short_bytes(row.read_bytes))).rank(1));
        table
            .add(Column::number("written", objects.iter().map(|row| short_bytes(row.written_bytes))).rank(1));
        if objects.iter().any(|row| row.lost_bytes > 0) {
            table.add(Column::number("lost", objects.iter().map(|row| short_bytes(row.lost_bytes))));
        }
        table.add(Column::number("waited on", objects.iter().map(|row| time(row.blocked))).rank(2));
        table
    }

    fn write_lines(&self, page: &Page, text: &mut String) {
        if self.prints.is_empty() {
            return;
        }
        let _ = writeln!(text, "\n{}", page.strong("Terminal"));
        for line in self.prints.iter().take(LINES) {
            let _ = writeln!(
                text,
                "{:>8}  {}",
                time(line.at.since(crate::time::Instant::START)),
                printable(&line.text)
            );
        }
        let more = (self.prints.len() - self.prints.len().min(LINES)) as u64 + self.prints_dropped;
        if more > 0 {
            let _ = writeln!(text, "          ... {} more", count(more));
        }
    }
}

/// How the text is set.
struct Page {
    width: usize,
    colour: Colour,
}

impl Page {
    fn strong(&self, text: &str) -> String {
        match self.colour {
            Colour::Never => text.to_owned(),
            Colour::Always => format!("\u{1b}[1m{text}\u{1b}[0m"),
        }
    }

    fn section(&self, text: &mut String, title: &str, table: &Table) {
        if let Some(table) = table.render(self.width) {
            let _ = writeln!(text, "\n{}\n{table}", self.strong(title));
        }
    }
}

fn plural(number: u64, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ if what.ends_with("ch") => format!("{} {what}es", count(number)),
        _ => format!("{} {what}s", count(number)),
    }
}

fn short_bytes(number: u64) -> String {
    if number == 0 { "0".to_owned() } else { bytes(number) }
}

/// The exit status, or how many threads have which if they differ.
fn statuses(row: &ProcessSummary) -> String {
    match row.statuses.len() {
        0 => String::new(),
        1 => row.statuses.keys().map(u16::to_string).collect(),
        _ => {
            let failed = row.statuses.iter().filter(|&(&status, _)| status != 0);
            format!("{} failed", count(failed.map(|(_, count)| count).sum()))
        }
    }
}
