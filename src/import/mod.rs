//! Recordings of real programs become scenarios.
//!
//! - [`FORMATS`]: who wrote a recording: [`strace`] (with `strace_line`), [`events`] of ftrace and perf (with
//!   `events_reader` and `syscalls`); [`rtapp`] (with `rtapp_sync` and `json`) describes a workload and isn't a recording
//! - [`lines`], [`args`]: reading lines and arguments
//! - [`recording`]: what all recordings come down to
//! - [`calls`]: what becomes of each call, a row each; `carry_process`, `carry_files`, `carry_bytes`, `carry_waits`, `carry_things`,
//!   `carry_events`, `carry_queues` do it, with [`descriptors`], `things`, [`futexes`] and [`lanes`]
//! - [`build`], [`finish`], [`fold`]: from a recording to a [`plan`]; [`cost`]: what the tracer took
//! - [`mod@toml`]: from a plan to text; [`report`]: what didn't come over

pub mod args;
pub mod build;
pub mod calls;
mod carry_bytes;
mod carry_events;
mod carry_files;
mod carry_process;
mod carry_queues;
mod carry_things;
mod carry_waits;
pub mod cost;
pub mod descriptors;
pub mod events;
mod events_reader;
pub mod finish;
pub mod fold;
pub mod futexes;
mod json;
pub mod lanes;
pub mod lines;
pub mod plan;
pub mod recording;
pub mod report;
pub mod rtapp;
mod rtapp_sync;
pub mod state;
pub mod strace;
mod strace_line;
mod syscalls;
mod things;
pub mod toml;

use std::fmt;

pub use cost::{Cost, CostOption};
use lines::Lines;
use plan::Plan;
use recording::Recording;
use report::Report;

/// How to import.
#[derive(Clone, Debug)]
pub struct Options {
    /// The scenario's name.
    pub name: String,
    /// Who wrote the recording; found out from its content if absent.
    pub format: Option<&'static Format>,
    /// How many CPUs the scenario's machine has; as recorded if absent.
    pub cpus: Option<u64>,
    /// What to take off for the tracer.
    pub cost: CostOption,
    /// Whether somebody wants the end.
    pub stop: fn() -> bool,
}

impl Options {
    pub fn named(name: &str) -> Options {
        Options { name: name.to_owned(), format: None, cpus: None, cost: CostOption::None, stop: || false }
    }
}

/// A kind of recording.
pub struct Format {
    pub name: &'static str,
    /// What it is, and how to make one.
    pub doc: &'static str,
    /// Whether a line looks like one of its own.
    looks: fn(&str) -> bool,
    read: Read,
}

/// A plan, and what didn't come over into it.
pub type Made = (Plan, Report);

enum Read {
    Recording(fn(Lines<'_>) -> Result<Recording, ImportError>),
    Plan(fn(&[u8], &Options) -> Result<Made, ImportError>),
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// All formats, in the order in which they are tried.
pub static FORMATS: &[Format] = &[
    Format {
        name: "strace",
        doc: "A log of `strace -f -ttt -T -o FILE PROGRAM`.",
        looks: strace::looks,
        read: Read::Recording(strace::read),
    },
    Format {
        name: "ftrace",
        doc: "The text of ftrace's `trace` file or of `trace-cmd report`, with the events raw_syscalls and sched.",
        looks: events::looks_ftrace,
        read: Read::Recording(events::read_ftrace),
    },
    Format {
        name: "perf",
        doc: "The text of `perf script` after `perf record -e 'raw_syscalls:*,sched:sched_*'`.",
        looks: events::looks_perf,
        read: Read::Recording(events::read_perf),
    },
    Format {
        name: "rt-app",
        doc: "A workload for rt-app: JSON, comments and trailing commas allowed.",
        looks: rtapp::looks,
        read: Read::Plan(rtapp::read),
    },
];

/// The format of a name.
pub fn by_name(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

/// Why there is no scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportError {
    /// The line of the recording.
    pub line: Option<u64>,
    pub text: String,
    /// Whether the user asked for the end.
    pub interrupted: bool,
}

impl ImportError {
    pub fn new(line: Option<u64>, text: impl Into<String>) -> ImportError {
        ImportError { line, text: text.into(), interrupted: false }
    }

    pub fn interrupted() -> ImportError {
        ImportError { line: None, text: "interrupted".to_owned(), interrupted: true }
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl std::error::Error for ImportError {}

/// A scenario made of a recording.
#[derive(Debug)]
pub struct Imported {
    pub format: &'static Format,
    pub toml: String,
    pub report: Report,
    pub plan: Plan,
}

impl Imported {
    /// Processes and threads, and the calls that are steps.
    pub fn size(&self) -> (usize, u64) {
        let processes = self.plan.processes.iter().map(|process| &process.items);
        let programs = self.plan.programs.iter().map(|program| &program.items);
        let items = processes.chain(programs);
        (self.plan.processes.len() + self.plan.programs.len(), items.flatten().map(plan::Item::calls).sum())
    }
}

/// Makes a scenario of a recording.
pub fn import(bytes: &[u8], options: &Options) -> Result<Imported, ImportError> {
    let format = match options.format {
        Some(format) => format,
        None => recognise(bytes)?,
    };
    let (mut plan, report) = match format.read {
        Read::Recording(read) => build::build(&read(Lines::new(bytes, options.stop))?, options)?,
        Read::Plan(read) => read(bytes, options)?,
    };
    plan.name.clone_from(&options.name);
    plan.question = format!("What does {} do, and how long does it take here?", options.name);
    let mut head = vec![format!("Made by `trapline import`, read as {}.", format.name)];
    let lines = report.lines();
    if !lines.is_empty() {
        head.push(String::new());
        head.extend(lines);
    }
    let toml = toml::write(&plan, &head);
    Ok(Imported { format, toml, report, plan })
}

/// Finds out who wrote a recording: the first line that looks like somebody's.
fn recognise(bytes: &[u8]) -> Result<&'static Format, ImportError> {
    const LINES: usize = 200;
    let mut lines = Lines::new(bytes, || false);
    let mut first = None;
    for _ in 0..LINES {
        let Some((number, line)) = lines.advance()? else { break };
        if let Some(format) = FORMATS.iter().find(|format| (format.looks)(&line)) {
            return Ok(format);
        }
        first.get_or_insert_with(|| (number, lines::shown(&line)));
    }
    let names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
    let names = names.join(", ");
    Err(match first {
        None => ImportError::new(None, "it is empty"),
        Some((number, line)) => {
            let text = format!("this isn't a recording of {names}, or --format has to say of which: {line}");
            ImportError::new(Some(number), text)
        }
    })
}
