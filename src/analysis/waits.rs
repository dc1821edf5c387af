//! The wait-for graph at the end of a trace: who waits, for what, and who could end the wait.
//!
//! Who holds a lock, who is whose child and who used a channel is in the trace. Who *could* still use a channel isn't,
//! so whoever lives and has a step that names it is taken for a helper: that may be more threads than the kernel
//! would name. Waits for time, devices and signals have no helper.

mod circles;

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{NameId, ObjectId, Pid, StepId, Tid};
use crate::time::Instant;
use crate::trace::header::{StepEntry, TaskEntry};
use crate::trace::{Cause, Event, Header, Kind, Record, Why};

use super::naming::base;

/// So many helpers are kept for one wait.
const MOST: usize = 32;

/// Why a thread could end another's wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tie {
    /// It holds the lock.
    Holds,
    /// It is the child, or the other thread, whose end is awaited.
    Ends,
    /// It has used the other side of the channel.
    Used,
    /// A step of its program names the object.
    Names,
}

impl Tie {
    pub const fn name(self) -> &'static str {
        match self {
            Tie::Holds => "holds it",
            Tie::Ends => "must end",
            Tie::Used => "has used it",
            Tie::Names => "could use it",
        }
    }
}

/// A wait that hasn't ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    pub since: Instant,
    pub on: Cause,
    pub object: Option<ObjectId>,
    pub step: StepId,
    /// Positions in [`WaitGraph::threads`], each with the strongest reason, at most 32.
    pub helpers: Vec<(usize, Tie)>,
}

/// A thread that waits, or that another waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    pub task: Tid,
    pub process: Pid,
    pub name: String,
    /// None for one that waits for nothing.
    pub wait: Option<Wait>,
    /// Whether it waits, over others, for itself, and nobody can open that circle: nobody who could end one of
    /// its waits can ever run. A wait that several could end is open as long as one of them is.
    pub in_circle: bool,
}

/// Who waits for whom, in the order of the threads' numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WaitGraph {
    pub threads: Vec<Party>,
    /// The shortest circle through the first thread that is in one: positions, the last waits for the first.
    pub circle: Vec<usize>,
}

#[derive(Clone, Debug)]
struct Thread {
    entry: TaskEntry,
    /// Whose steps it executes.
    program: String,
    step: StepId,
    wait: Option<Blocked>,
}

/// What is known while a thread waits.
#[derive(Clone, Copy, Debug)]
struct Blocked {
    since: Instant,
    on: Cause,
    object: Option<ObjectId>,
    step: StepId,
}

/// The threads whose programs have a step that names an object, each with the step's verb.
type Named<'a> = BTreeMap<ObjectId, BTreeSet<(Tid, &'a str)>>;

/// A wait-for graph under construction. It takes a trace's records one by one; its memory grows with the number of
/// threads and of the objects that they use.
#[derive(Clone, Debug)]
pub struct WaitGraphBuilder {
    steps: Vec<StepEntry>,
    objects: Vec<(String, String)>,
    names: BTreeMap<NameId, String>,
    /// Those that live.
    threads: BTreeMap<Tid, Thread>,
    holders: BTreeSet<(ObjectId, Tid)>,
    senders: BTreeSet<(ObjectId, Tid)>,
    receivers: BTreeSet<(ObjectId, Tid)>,
}

impl WaitGraphBuilder {
    pub fn new(header: &Header) -> WaitGraphBuilder {
        let mut builder = WaitGraphBuilder {
            steps: header.steps.clone(),
            objects: header.objects.iter().map(|entry| (entry.kind.clone(), entry.name.clone())).collect(),
            names: BTreeMap::new(),
            threads: BTreeMap::new(),
            holders: BTreeSet::new(),
            senders: BTreeSet::new(),
            receivers: BTreeSet::new(),
        };
        header.initial.iter().for_each(|entry| builder.task(entry));
        builder
    }

    pub fn record(&mut self, record: &Record) {
        match record {
            Record::Event(event) => self.event(event),
            Record::Name(number, text) => {
                self.names.insert(*number, text.clone());
            }
            Record::Task(entry) => self.task(entry),
        }
    }

    fn task(&mut self, entry: &TaskEntry) {
        if entry.task > Tid::INIT {
            let program = base(&entry.name).to_owned();
            let thread = Thread { entry: entry.clone(), program, step: StepId::NONE, wait: None };
            self.threads.insert(entry.task, thread);
        }
    }

    fn event(&mut self, event: &Event) {
        if event.step != StepId::NONE
            && let Some(thread) = self.threads.get_mut(&event.task)
        {
            thread.step = event.step;
        }
        match event.kind {
            Kind::SchedSwitch { prev, next, why } => {
                if let (Some(thread), Why::Blocked { on, object }) = (self.threads.get_mut(&prev), why) {
                    thread.wait = Some(Blocked { since: event.at, on, object, step: thread.step });
                }
                self.goes_on(next);
            }
            Kind::SchedWakeup { task, .. } => self.goes_on(task),
            Kind::ProcessExec { program } => {
                if let (Some(thread), Some(name)) =
                    (self.threads.get_mut(&event.task), self.names.get(&program))
                {
                    thread.program.clone_from(name);
                }
            }
            Kind::ProcessExit { .. } => {
                self.threads.remove(&event.task);
            }
            Kind::LockAcquired { object } => {
                self.holders.insert((object, event.task));
            }
            Kind::LockReleased { object } => {
                self.holders.remove(&(object, event.task));
            }
            Kind::MessageSend { object, .. } => {
                self.senders.insert((object, event.task));
            }
            Kind::MessageReceive { object, .. } => {
                self.receivers.insert((object, event.task));
            }
            _ => {}
        }
    }

    fn goes_on(&mut self, task: Tid) {
        if let Some(thread) = self.threads.get_mut(&task) {
            thread.wait = None;
        }
    }

    /// The graph as it is after the last record.
    pub fn finish(self) -> WaitGraph {
        let named = self.named();
        let mut ties: BTreeMap<Tid, Vec<(Tid, Tie)>> = BTreeMap::new();
        for (&task, thread) in &self.threads {
            if let Some(wait) = thread.wait {
                ties.insert(task, self.helpers(thread, wait, &named));
            }
        }
        let helpers = ties.values().flatten().map(|(helper, _)| *helper);
        let parties: BTreeSet<Tid> = ties.keys().copied().chain(helpers).collect();
        let places: BTreeMap<Tid, usize> =
            parties.iter().enumerate().map(|(place, task)| (*task, place)).collect();
        let party = |task: &Tid| {
            let thread = &self.threads[task];
            let wait = thread.wait.map(|Blocked { since, on, object, step }| {
                let helpers = ties[task].iter().map(|(helper, tie)| (places[helper], *tie)).collect();
                Wait { since, on, object, step, helpers }
            });
            let TaskEntry { task, process, ref name, .. } = thread.entry;
            Party { task, process, name: name.clone(), wait, in_circle: false }
        };
        let mut graph = WaitGraph { threads: parties.iter().map(party).collect(), circle: Vec::new() };
        graph.find_circles();
        graph
    }

    /// The living threads whose programs have a step that names an object, each with the step's verb.
    fn named(&self) -> Named<'_> {
        let mut programs: BTreeMap<&str, Vec<Tid>> = BTreeMap::new();
        for (&task, thread) in &self.threads {
            programs.entry(&thread.program).or_default().push(task);
        }
        let wanted = self.threads.values().filter_map(|thread| thread.wait?.object);
        let wanted: BTreeSet<ObjectId> = wanted.collect();
        let mut named = Named::new();
        for object in wanted {
            let Some((_, name)) = self.objects.get(object.index()) else { continue };
            // A step's text is TOML: a name stands in quotes, alone or before the cell of a shared memory.
            let (whole, cell) = (format!("\"{name}\""), format!("\"{name}."));
            for step in
                self.steps.iter().filter(|step| step.text.contains(&whole) || step.text.contains(&cell))
            {
                let threads = programs.get(step.program.as_str()).into_iter().flatten();
                let with_verb = threads.map(|&task| (task, step.verb.as_str()));
                named.entry(object).or_default().extend(with_verb);
            }
        }
        named
    }

    /// The threads that could end a wait, by number, at most [`MOST`].
    fn helpers(&self, waiter: &Thread, wait: Blocked, named: &Named<'_>) -> Vec<(Tid, Tie)> {
        let mut found: BTreeMap<Tid, Tie> = BTreeMap::new();
        let mut add = |task: Tid, tie: Tie| {
            let other = task != waiter.entry.task || tie == Tie::Holds;
            if other && self.threads.contains_key(&task) && found.len() < MOST {
                found.entry(task).or_insert(tie);
            }
        };
        let all = |set: &BTreeSet<(ObjectId, Tid)>| -> Vec<Tid> {
            let range = wait.object.map(|object| set.range((object, Tid(0))..=(object, Tid(u32::MAX))));
            range.into_iter().flatten().map(|&(_, task)| task).collect()
        };
        match wait.on {
            Cause::Lock => all(&self.holders).into_iter().for_each(|task| add(task, Tie::Holds)),
            Cause::Child => self.children(waiter).for_each(|task| add(task, Tie::Ends)),
            Cause::Thread => {
                let fellow = |thread: &&Thread| thread.entry.process == waiter.entry.process;
                self.threads.values().filter(fellow).for_each(|thread| add(thread.entry.task, Tie::Ends));
            }
            Cause::PipeRead | Cause::SocketRead | Cause::Message | Cause::Counter => {
                all(&self.senders).into_iter().for_each(|task| add(task, Tie::Used));
            }
            Cause::PipeWrite | Cause::SocketWrite | Cause::MessageRoom => {
                all(&self.receivers).into_iter().for_each(|task| add(task, Tie::Used));
            }
            Cause::Futex
            | Cause::Semaphore
            | Cause::SemaphoreSet
            | Cause::Fifo
            | Cause::Accept
            | Cause::Connect
            | Cause::Poll => {}
            Cause::Sleep
            | Cause::Disk
            | Cause::Page
            | Cause::Terminal
            | Cause::Network
            | Cause::Signal
            | Cause::Completion
            | Cause::Stopped
            | Cause::Release => return Vec::new(),
        }
        if wait.on != Cause::Lock {
            self.users(wait, named).for_each(|task| add(task, Tie::Names));
        }
        found.into_iter().collect()
    }

    /// The living threads of a thread's child processes.
    fn children(&self, waiter: &Thread) -> impl Iterator<Item = Tid> {
        let process_of =
            |task: Tid| self.threads.get(&task).map_or(task.leads(), |thread| thread.entry.process);
        let own = waiter.entry.process;
        let child =
            move |thread: &&Thread| thread.entry.process != own && process_of(thread.entry.parent) == own;
        self.threads.values().filter(child).map(|thread| thread.entry.task)
    }

    /// The threads that could do something with an object, and don't wait for the same. A step of the waiter's
    /// own verb does the same as the waiter; only at a barrier that is just what is missing.
    fn users(&self, wait: Blocked, named: &Named<'_>) -> impl Iterator<Item = Tid> {
        let verb = self.steps.get(wait.step.index()).map(|step| step.verb.as_str());
        let entry = wait.object.and_then(|object| self.objects.get(object.index()));
        let together = entry.is_some_and(|(kind, _)| kind == "barrier");
        let same = move |other: Blocked| (other.on, other.object) == (wait.on, wait.object);
        let users = wait.object.and_then(|object| named.get(&object)).into_iter().flatten();
        users
            .filter(move |(_, other)| together || Some(*other) != verb)
            .map(|(task, _)| *task)
            .filter(move |task| !self.threads[task].wait.is_some_and(same))
    }
}

/// What ends such a wait, if no thread does.
pub const fn outside(on: Cause) -> Option<&'static str> {
    match on {
        Cause::Sleep | Cause::Release => Some("time"),
        Cause::Disk | Cause::Page | Cause::Completion => Some("a device"),
        Cause::Terminal => Some("the keyboard"),
        Cause::Network => Some("the network"),
        Cause::Signal | Cause::Stopped => Some("a signal"),
        Cause::PipeRead
        | Cause::PipeWrite
        | Cause::Futex
        | Cause::Lock
        | Cause::Semaphore
        | Cause::Child
        | Cause::Thread
        | Cause::Message
        | Cause::MessageRoom
        | Cause::SemaphoreSet
        | Cause::Fifo
        | Cause::SocketRead
        | Cause::SocketWrite
        | Cause::Accept
        | Cause::Connect
        | Cause::Poll
        | Cause::Counter => None,
    }
}

#[cfg(test)]
mod tests;
