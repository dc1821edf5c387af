//! A whole trace in memory, for tests, the stepper and runs of a moderate length.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::path::Path;

use crate::ids::Tid;
use crate::time::Instant;
use crate::trace::check::{Checker, Violation};
use crate::trace::event::{Event, Kind};
use crate::trace::header::{Footer, Header, Outcome, TaskEntry};
use crate::trace::sink::{Memory, Sink};

use super::error::TraceError;
use super::reader::{Reader, Record};
use super::writer::Writer;

/// Everything that a trace file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    pub header: Header,
    pub events: Vec<Event>,
    /// Indexed by [`NameId`](crate::ids::NameId).
    pub names: Vec<String>,
    /// The header's initial threads, then the others in the order in which they were announced.
    pub tasks: Vec<TaskEntry>,
    /// When the run ended, which may be after the last event.
    pub end: Instant,
    pub outcome: Outcome,
    /// How many events the source knows to have lost.
    pub lost: u64,
}

impl Trace {
    /// Reads a complete trace file.
    pub fn read(path: impl AsRef<Path>) -> Result<Trace, TraceError> {
        Trace::from_reader(Reader::open(path)?)
    }

    /// Reads a complete trace from wherever it comes.
    pub fn from_reader(reader: Reader<impl Read>) -> Result<Trace, TraceError> {
        match Trace::from_reader_partly(reader) {
            (trace, None) => Ok(trace),
            (_, Some(error)) => Err(error),
        }
    }

    /// Reads what there is of a trace, and the error that ended it if it isn't complete. Such a
    /// trace ends with its last event, and its outcome is [`Outcome::Interrupted`].
    pub fn from_reader_partly(mut reader: Reader<impl Read>) -> (Trace, Option<TraceError>) {
        let header = reader.header().clone();
        let tasks = header.initial.clone();
        let mut trace = Trace {
            header,
            events: Vec::new(),
            names: Vec::new(),
            tasks,
            end: Instant::START,
            outcome: Outcome::Interrupted,
            lost: 0,
        };
        let error = loop {
            match reader.next() {
                Some(Ok(Record::Event(event))) => trace.events.push(event),
                Some(Ok(Record::Name(_, text))) => trace.names.push(text),
                Some(Ok(Record::Task(entry))) => trace.tasks.push(entry),
                Some(Err(error)) => break Some(error),
                None => break None,
            }
        };
        trace.end = reader.at();
        if let Some(Footer { events: _, end, outcome, lost }) = reader.footer().cloned() {
            (trace.end, trace.outcome, trace.lost) = (end, outcome, lost);
        }
        (trace, error)
    }

    /// Makes a trace of what a run left in memory.
    ///
    /// A thread begins when it is forked, or else when it is first named by an event.
    pub fn from_memory(header: Header, memory: Memory, end: Instant, outcome: Outcome) -> Trace {
        let mut starts = BTreeMap::new();
        for event in &memory.events {
            let named = match event.kind {
                Kind::ProcessFork { child, .. } => child,
                Kind::SchedWakeup { task, .. } => task,
                Kind::SchedSwitch { next, .. } => next,
                _ => event.task,
            };
            starts.entry(named).or_insert(event.at);
        }
        let initial: BTreeSet<Tid> = header.initial.iter().map(|entry| entry.task).collect();
        let mut tasks = header.initial.clone();
        for (task, process, parent, name) in memory.tasks {
            if !initial.contains(&task) {
                let start = starts.get(&task).copied().unwrap_or(end);
                tasks.push(TaskEntry { task, process, parent, name, start });
            }
        }
        Trace { header, events: memory.events, names: memory.names, tasks, end, outcome, lost: 0 }
    }

    /// Writes it in the file format: all names first, and each thread before the first event that
    /// isn't earlier than its start.
    pub fn write<W: Write>(&self, out: W) -> io::Result<W> {
        let mut writer = Writer::new(out, &self.header)?;
        for name in &self.names {
            writer.new_name(name);
        }
        let mut later = self.tasks.iter().skip(self.header.initial.len()).peekable();
        for &event in &self.events {
            while let Some(entry) = later.next_if(|entry| entry.start <= event.at) {
                writer.entry(entry);
            }
            writer.event(event);
        }
        for entry in later {
            writer.entry(entry);
        }
        writer.finish(self.end, self.outcome.clone(), self.lost)
    }

    /// Which of the [laws](mod@crate::trace::check) it breaks.
    pub fn check(&self) -> Vec<Violation> {
        let mut checker = Checker::new(&self.header);
        for entry in &self.tasks {
            checker.task(entry);
        }
        for event in &self.events {
            checker.event(event);
        }
        checker.finish()
    }
}
