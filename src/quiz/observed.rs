//! A run of a scenario with all that questions are asked about: its trace, its numbers, how it ended.

use std::collections::BTreeMap;

use crate::analysis::summary::ThreadSummary;
use crate::analysis::{Account, Lanes, LanesBuilder, Summary};
use crate::ids::{CallId, NameId, ObjectId, Pid, Tid, Vector};
use crate::scenario::Scenario;
use crate::sim::{Control, Deadlock, Outcome, Pace, Simulator, header};
use crate::time::Instant;
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
    most: usize,
    control: &'c Control,
}

impl Sink for Capped<'_> {
    const ON: bool = true;

    fn event(&mut self, event: Event) {
        if self.memory.events.len() > self.most {
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
        Run::limited(scenario, control, MOST_EVENTS)
    }

    fn limited(scenario: &'s Scenario, control: &Control, most: usize) -> Result<Run<'s>, NoRun> {
        let sink = Capped { memory: Memory::new(), most, control };
        let mut simulator = Simulator::new(&scenario.image, sink, Pace::Fast).watched_by(control);
        let outcome = simulator.run();
        let (end, deadlock) = (simulator.end(), simulator.deadlock().cloned());
        let (memory, arrays) = (simulator.kernel.sink.memory, simulator.userland.arrays);
        if memory.events.len() > most {
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

    /// What a blocked thread waits for: data in pipe `request`.
    pub fn wait(&self, on: Cause, object: Option<ObjectId>) -> String {
        waits_for(on, object.map(|object| self.object(object)))
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
    if instant == Instant::START { "0".to_owned() } else { instant.to_string() }
}

/// How often: once, twice, 3 times.
pub fn times(number: u64) -> String {
    match number {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        _ => format!("{number} times"),
    }
}

/// What a blocked thread waits for, in words; `named` is the channel or lock, if it has a name.
fn waits_for(on: Cause, named: Option<String>) -> String {
    let of = |what: &str, otherwise: &str| match &named {
        Some(named) => format!("{what} {named}"),
        None => otherwise.to_owned(),
    };
    match on {
        Cause::PipeRead => of("data in", "data in a pipe"),
        Cause::PipeWrite => of("room in", "room in a pipe"),
        Cause::Futex => of("a wake-up on", "a wake-up on a word of memory"),
        Cause::Lock => match &named {
            Some(named) => format!("{named}, which another one holds"),
            None => "a lock that another one holds".to_owned(),
        },
        Cause::Semaphore => match &named {
            Some(named) => format!("{named} to rise above zero"),
            None => "a semaphore to rise above zero".to_owned(),
        },
        Cause::Child => "a child to end".to_owned(),
        Cause::Thread => "another thread to end".to_owned(),
        Cause::Sleep => "a timer".to_owned(),
        Cause::Disk => of("the disk, for", "a disk to transfer a file's data"),
        Cause::Page => of("a page to be read from", "a page to be read from a device"),
        Cause::Terminal => "a line from the keyboard".to_owned(),
        Cause::Network => "a packet from the network".to_owned(),
        Cause::Signal => "a signal".to_owned(),
        Cause::Message => of("a message in", "a message in a queue"),
        Cause::MessageRoom => of("room in", "room in a message queue"),
        Cause::SemaphoreSet => of("what it wants of", "a semaphore set to allow the operation"),
        Cause::Fifo => of("the other end of", "the other end of a FIFO to be opened"),
        Cause::SocketRead => of("data at", "data at a socket"),
        Cause::SocketWrite => of("room in", "room in a socket's buffers"),
        Cause::Accept => of("a connection to", "a connection to be accepted"),
        Cause::Connect => of("an answer from", "a connection to be established"),
        Cause::Poll => "one of several descriptors to become ready".to_owned(),
        Cause::Counter => of("its turn at", "a counter to rise above zero, or to have room"),
        Cause::Completion => "an asynchronous transfer to be completed".to_owned(),
        Cause::Stopped => "a signal that lets a stopped process go on".to_owned(),
        Cause::Release => "the release of its next job".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Overrides;

    #[test]
    fn a_run_with_too_many_events_is_stopped_and_one_that_is_interrupted_says_so() {
        let text = "format = 1\n[process.a]\nsteps = [{ forever = true, do = [{ sleep = \"1ms\" }] }]\n[run]\nuntil = \"1000s\"\n";
        let scenario = Scenario::parse("test.toml", text, &Overrides::default());
        let scenario = scenario.unwrap_or_else(|problems| panic!("{}", problems.render(false)));
        let run = |most| Run::limited(&scenario, &Control::new(), most).err();
        assert_eq!(run(100), Some(NoRun::TooLong));
        let stopped = Control::new();
        stopped.stop();
        assert_eq!(Run::of(&scenario, &stopped).err(), Some(NoRun::Interrupted));
    }
}
