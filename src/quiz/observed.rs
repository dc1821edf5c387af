//! A run of a scenario with all that questions are asked about: its trace, its numbers, how it ended.

use std::collections::BTreeMap;

use crate::analysis::summary::ThreadSummary;
use crate::analysis::{Account, Lanes, LanesBuilder, Summary};
use crate::ids::{CallId, NameId, ObjectId, Pid, Tid, Vector};
use crate::scenario::Scenario;
use crate::sim::{Control, Deadlock, Outcome, Pace, Simulator, header};
use crate::time::{Instant, Span};
use crate::trace::sink::Memory;
use crate::trace::{Cause, Event, Kind, Sink, Trace};

use super::question::code;

/// The most events that are kept; a run with more is too long to ask about.
pub const MOST_EVENTS: usize = 1_000_000;

/// Why there is nothing to ask about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRun {
    #[error(
        "the run has more than {MOST_EVENTS} events, which nobody can be asked about; end it earlier, for example with --until 10ms"
    )]
    TooLong,
    #[error("the run was interrupted")]
    Interrupted,
}

/// A run that is over.
pub struct Run<'s> {
    pub scenario: &'s Scenario,
    pub trace: Trace,
    pub summary: Summary,
    pub deadlock: Option<Deadlock>,
    /// What the shared arrays hold at the end, in the order of the image's.
    pub arrays: Vec<Box<[i64]>>,
    names: BTreeMap<Tid, String>,
}

/// Keeps events up to a limit, at which it stops the run.
struct Capped<'c> {
    memory: Memory,
    control: &'c Control,
}

impl Sink for Capped<'_> {
    const ON: bool = true;

    fn event(&mut self, event: Event) {
        if self.memory.events.len() > MOST_EVENTS {
            self.control.stop();
        } else {
            self.memory.event(event);
        }
    }

    fn name(&mut self, text: &str) -> NameId {
        self.memory.name(text)
    }

    fn task(&mut self, task: Tid, process: Pid, parent: Tid, name: &dyn Fn() -> String) {
        self.memory.task(task, process, parent, name);
    }
}

impl<'s> Run<'s> {
    /// Runs the scenario on the simulated machine.
    pub fn of(scenario: &'s Scenario, control: &Control) -> Result<Run<'s>, NoRun> {
        let sink = Capped { memory: Memory::new(), control };
        let mut simulator = Simulator::new(&scenario.image, sink, Pace::Fast).watched_by(control);
        let outcome = simulator.run();
        let (end, deadlock) = (simulator.end(), simulator.deadlock().cloned());
        let (memory, arrays) = (simulator.kernel.sink.memory, simulator.userland.arrays);
        if memory.events.len() > MOST_EVENTS {
            return Err(NoRun::TooLong);
        }
        if outcome == Outcome::Interrupted {
            return Err(NoRun::Interrupted);
        }
        let trace = Trace::from_memory(header(&scenario.image), memory, end, outcome);
        let mut account = Account::new(&trace.header);
        for entry in &trace.tasks {
            account.task(entry.task, entry.process, entry.parent, &entry.name);
        }
        for (number, name) in trace.names.iter().enumerate() {
            account.name(NameId::from(number), name);
        }
        trace.events.iter().for_each(|event| account.event(event));
        let summary = account.finish(end);
        let names = trace.tasks.iter().map(|entry| (entry.task, entry.name.clone())).collect();
        Ok(Run { scenario, trace, summary, deadlock, arrays, names })
    }

    pub fn events(&self) -> &[Event] {
        &self.trace.events
    }

    /// The thread's name, without marks.
    pub fn bare_name(&self, task: Tid) -> &str {
        self.names.get(&task).map_or("?", String::as_str)
    }

    /// The thread's name within a text.
    pub fn name(&self, task: Tid) -> String {
        code(self.bare_name(task))
    }

    /// The threads that share their name with nobody, so that one can ask about them.
    pub fn people(&self) -> impl Iterator<Item = &ThreadSummary> {
        let alone = |thread: &&ThreadSummary| {
            thread.task > Tid::INIT
                && thread.start.is_some()
                && self.names.values().filter(|name| **name == thread.name).count() == 1
        };
        self.summary.threads.iter().filter(alone)
    }

    pub fn person(&self, task: Tid) -> Option<&ThreadSummary> {
        self.summary.threads.iter().find(|thread| thread.task == task)
    }

    pub fn call(&self, call: CallId) -> String {
        code(self.trace.header.calls.get(call.index()).map_or("?", String::as_str))
    }

    /// A channel, lock or device with its kind: pipe `request`.
    pub fn object(&self, object: ObjectId) -> String {
        match self.trace.header.objects.get(object.index()) {
            Some(entry) => format!("{} {}", entry.kind, code(&entry.name)),
            None => "?".to_owned(),
        }
    }

    pub fn vector(&self, vector: Vector) -> String {
        let named = self.trace.header.vectors.iter().find(|entry| entry.vector == vector);
        named.map_or_else(|| format!("vector {vector}"), |entry| code(&entry.name))
    }

    /// What a blocked thread waits for.
    pub fn wait(&self, on: Cause, object: Option<ObjectId>) -> String {
        let what = waits_for(on);
        match object {
            Some(object) => format!("{what} ({})", self.object(object)),
            None => what.to_owned(),
        }
    }

    /// The step that an event's thread was at: line 12, `{ read = "request" }`.
    pub fn step(&self, event: &Event) -> Option<String> {
        let step = self.trace.header.steps.get(event.step.index())?;
        Some(format!("line {}, {}", step.line, code(&step.text)))
    }

    /// The line that a print event put on the terminal.
    pub fn printed(&self, event: &Event) -> Option<&str> {
        match event.kind {
            Kind::Print { text } => self.trace.names.get(text.index()).map(String::as_str),
            _ => None,
        }
    }

    /// The lanes of a part of the run, from its first so many events alone.
    pub fn lanes(&self, events: usize, from: Instant, to: Instant) -> Lanes {
        let mut builder = LanesBuilder::new(&self.trace.header).window(from, to);
        for entry in &self.trace.tasks {
            builder.task(entry.task, entry.process, entry.parent, &entry.name);
        }
        for (number, name) in self.trace.names.iter().enumerate() {
            builder.name(NameId::from(number), name);
        }
        self.trace.events[..events].iter().for_each(|event| builder.event(event));
        builder.finish(to)
    }
}

/// A moment, as texts say it.
pub fn at(instant: Instant) -> String {
    instant.since(Instant::START).to_string()
}

/// A length of time, as texts say it.
pub fn long(span: Span) -> String {
    span.to_string()
}

/// What a blocked thread waits for, in words.
const fn waits_for(on: Cause) -> &'static str {
    match on {
        Cause::PipeRead => "data in a pipe",
        Cause::PipeWrite => "room in a pipe",
        Cause::Futex => "a wake-up on a word of memory",
        Cause::Lock => "a lock that another one holds",
        Cause::Semaphore => "a semaphore to rise above zero",
        Cause::Child => "a child to end",
        Cause::Thread => "another thread to end",
        Cause::Sleep => "a timer",
        Cause::Disk => "a disk to transfer a file's data",
        Cause::Page => "a page to be read from a device",
        Cause::Terminal => "a line from the keyboard",
        Cause::Network => "a packet from the network",
        Cause::Signal => "a signal",
        Cause::Message => "a message in a queue",
        Cause::MessageRoom => "room in a message queue",
        Cause::SemaphoreSet => "a semaphore set to allow the operation",
        Cause::Fifo => "the other end of a FIFO to be opened",
        Cause::SocketRead => "data at a socket",
        Cause::SocketWrite => "room in a socket's buffers",
        Cause::Accept => "a connection to be accepted",
        Cause::Connect => "a connection to be established",
        Cause::Poll => "one of several descriptors to become ready",
        Cause::Counter => "a counter to rise above zero, or to have room",
        Cause::Completion => "an asynchronous transfer to be completed",
        Cause::Stopped => "a signal that lets a stopped process go on",
        Cause::Release => "the release of its next job",
    }
}
