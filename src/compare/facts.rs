//! What one trace amounts to: counts, and times by step, channel and cause.
//!
//! A run is over with its last crossing between a program and the kernel, which on both sides is
//! the last process's call to exit. What either world does afterwards isn't part of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Serialize;

use crate::analysis::naming::base;
use crate::ids::{CallId, ObjectId, StepId, Tid};
use crate::time::{Instant, Span};
use crate::trace::{Event, Fault, Kind, Trace, Why};

use super::pieces::{Cause, Pieces, pieces};
use super::usage::{Usage, usage};
use super::view::observes;

/// A scenario's address space has 4 GiB. Pages beyond are those of the program that carries it out
/// on a real machine, and aren't compared.
pub const PAGES: u64 = 1 << 20;

/// The call of a step, by a thread of this name: what the sides are joined by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StepKey {
    /// The thread's base name.
    pub task: String,
    /// The step's program, and its number among that program's steps; none outside of any step.
    pub step: Option<(String, usize)>,
    pub call: String,
    /// The line of the scenario, for people.
    pub line: u32,
}

/// Something that is counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Count {
    Call(String),
    /// Threads that gave their CPU away: blocked, yielded, exited.
    Voluntary,
    /// Threads that lost their CPU.
    Involuntary,
    /// Of threads that had blocked.
    Wakeups,
    /// Without a kind if the source can't tell them apart.
    Faults(Option<Fault>),
    Messages(String),
    Bytes(String),
}

impl Count {
    pub fn name(&self) -> String {
        match self {
            Count::Call(call) => call.clone(),
            Count::Voluntary => "switches, voluntary".to_owned(),
            Count::Involuntary => "switches, involuntary".to_owned(),
            Count::Wakeups => "wake-ups".to_owned(),
            Count::Faults(Some(fault)) => format!("page faults, {}", fault.name()),
            Count::Faults(None) => "page faults".to_owned(),
            Count::Messages(channel) => format!("messages, {channel}"),
            Count::Bytes(channel) => format!("bytes, {channel}"),
        }
    }

    /// Whether a kernel that isn't asked to trace counts it as well.
    pub const fn is_counted_anyway(&self) -> bool {
        matches!(self, Count::Voluntary | Count::Involuntary)
    }

    /// Whether only the kernel sees it.
    pub const fn is_kernels(&self) -> bool {
        matches!(self, Count::Voluntary | Count::Involuntary | Count::Wakeups | Count::Faults(_))
    }
}

/// What one trace amounts to.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// From the start to the last crossing.
    pub wall: Span,
    pub counts: BTreeMap<Count, u64>,
    /// How long each call took, in nanoseconds, in order.
    pub steps: BTreeMap<StepKey, Vec<u64>>,
    /// From the writer's entry to the reader's return, in nanoseconds, by channel.
    pub messages: BTreeMap<String, Vec<u64>>,
    /// What went to files or came from them.
    pub file_bytes: u64,
    /// The end-to-end time by cause.
    pub pieces: BTreeMap<Cause, Pieces>,
    /// Empty if switches aren't observed.
    pub processes: BTreeMap<String, Usage>,
}

/// What numbers of a trace stand for.
pub struct Names<'a> {
    trace: &'a Trace,
    tasks: BTreeMap<Tid, String>,
    /// The program of each step, and the step's number in it.
    steps: Vec<(String, usize)>,
    exit: Option<CallId>,
}

impl<'a> Names<'a> {
    pub fn new(trace: &'a Trace) -> Names<'a> {
        let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
        let steps = trace.header.steps.iter().map(|step| {
            let number = numbers.entry(&step.program).or_default();
            *number += 1;
            (step.program.clone(), *number)
        });
        let exit = trace.header.calls.iter().position(|call| call == "exit_group");
        let tasks = trace.header.initial.iter().chain(&trace.tasks);
        Names {
            trace,
            tasks: tasks.map(|entry| (entry.task, base(&entry.name).to_owned())).collect(),
            steps: steps.collect(),
            exit: exit.map(|exit| CallId(exit as u16)),
        }
    }

    pub fn is_exit(&self, call: CallId) -> bool {
        Some(call) == self.exit
    }

    /// A thread's base name.
    pub fn base(&self, task: Tid) -> String {
        self.tasks.get(&task).cloned().unwrap_or_else(|| format!("task {task}"))
    }

    pub fn call(&self, call: CallId) -> String {
        self.trace.header.calls.get(call.index()).cloned().unwrap_or_else(|| format!("call {call}"))
    }

    fn object(&self, object: ObjectId) -> String {
        let entry = self.trace.header.objects.get(object.index());
        entry.map_or_else(|| format!("object {object}"), |entry| entry.name.clone())
    }

    /// So many, if it is a file.
    fn bytes_of_file(&self, object: ObjectId, bytes: u64) -> u64 {
        let entry = self.trace.header.objects.get(object.index());
        if entry.is_some_and(|entry| entry.kind == "file") { bytes } else { 0 }
    }

    pub fn step(&self, task: Tid, step: StepId, call: CallId) -> StepKey {
        StepKey {
            task: self.base(task),
            step: self.steps.get(step.index()).cloned(),
            call: self.call(call),
            line: self.trace.header.steps.get(step.index()).map_or(0, |step| step.line),
        }
    }
}

/// What is open while a trace is read.
#[derive(Default)]
struct Open {
    /// Each thread's current call.
    calls: BTreeMap<Tid, (Instant, StepKey)>,
    /// What was sent but not yet received: when its writer entered the kernel, how many bytes.
    unread: BTreeMap<ObjectId, VecDeque<(Instant, u64)>>,
    /// What each thread has received in its current call: when its writer had entered, and where.
    received: BTreeMap<Tid, (Instant, ObjectId)>,
    blocked: BTreeSet<Tid>,
    /// Whether the source tells page faults by their causes.
    tells_faults: bool,
}

impl Facts {
    pub fn of(trace: &Trace) -> Facts {
        let names = Names::new(trace);
        let (pieces, end) = pieces(trace, &names);
        let wall = if pieces.is_empty() { trace.end } else { end };
        let mut facts =
            Facts { wall: wall.since(Instant::START), pieces, processes: usage(trace), ..Facts::default() };
        let observed = |kind: &str| observes(&trace.header, kind);
        if observed("sched_switch") {
            facts.counts.extend([(Count::Voluntary, 0), (Count::Involuntary, 0)]);
        }
        if observed("sched_wakeup") {
            facts.counts.insert(Count::Wakeups, 0);
        }
        // Who sees only the faults of user mode isn't told their causes.
        let mut open = Open { tells_faults: observed("page_fault_kernel"), ..Open::default() };
        if observed("page_fault_user") {
            let kinds = Fault::ALL.iter().map(|&fault| open.kind_of(fault));
            facts.counts.extend(kinds.map(|kind| (Count::Faults(kind), 0)));
        }
        for event in &trace.events {
            facts.take(event, &names, &mut open);
        }
        facts
    }

    fn add(&mut self, count: Count, by: u64) {
        *self.counts.entry(count).or_default() += by;
    }

    fn take(&mut self, event: &Event, names: &Names<'_>, open: &mut Open) {
        match event.kind {
            Kind::SysEnter { call } => {
                self.add(Count::Call(names.call(call)), 1);
                open.calls.insert(event.task, (event.at, names.step(event.task, event.step, call)));
            }
            Kind::SysExit { .. } => self.leave(event, names, open),
            // Whoever is chosen again has given nothing up.
            Kind::SchedSwitch { prev, next, why } if prev != Tid::IDLE && prev != next => match why {
                Why::Blocked { .. } => {
                    open.blocked.insert(prev);
                    self.add(Count::Voluntary, 1);
                }
                Why::Yielded | Why::Exited => self.add(Count::Voluntary, 1),
                Why::SliceEnd | Why::Preempted { .. } => self.add(Count::Involuntary, 1),
                Why::WorkArrived => {}
            },
            Kind::SchedWakeup { task, .. } if open.blocked.remove(&task) => self.add(Count::Wakeups, 1),
            Kind::PageFaultUser { fault, page } if page < PAGES => {
                self.add(Count::Faults(open.kind_of(fault)), 1);
            }
            Kind::MessageSend { object, bytes } => {
                self.file_bytes += names.bytes_of_file(object, bytes);
                let entered = open.calls.get(&event.task).map_or(event.at, |(entered, _)| *entered);
                open.unread.entry(object).or_default().push_back((entered, bytes));
                self.add(Count::Messages(names.object(object)), 1);
                self.add(Count::Bytes(names.object(object)), bytes);
            }
            Kind::MessageReceive { object, bytes } => {
                self.file_bytes += names.bytes_of_file(object, bytes);
                if let Some(sent) = open.receive(object, bytes) {
                    open.received.insert(event.task, (sent, object));
                }
            }
            _ => {}
        }
    }

    fn leave(&mut self, event: &Event, names: &Names<'_>, open: &mut Open) {
        if let Some((entered, key)) = open.calls.remove(&event.task) {
            self.steps.entry(key).or_default().push(event.at.since(entered).as_nanos());
        }
        if let Some((sent, object)) = open.received.remove(&event.task) {
            let latency = event.at.since(sent).as_nanos();
            self.messages.entry(names.object(object)).or_default().push(latency);
        }
    }
}

impl Open {
    fn kind_of(&self, fault: Fault) -> Option<Fault> {
        self.tells_faults.then_some(fault)
    }

    /// Bytes are received in the order in which they were sent. Says when the first of them was.
    fn receive(&mut self, object: ObjectId, bytes: u64) -> Option<Instant> {
        let unread = self.unread.get_mut(&object)?;
        let sent = unread.front()?.0;
        let mut left = bytes;
        while let Some((_, waiting)) = unread.front_mut() {
            if *waiting > left {
                *waiting -= left;
                break;
            }
            left -= *waiting;
            unread.pop_front();
            if left == 0 {
                break;
            }
        }
        Some(sent)
    }
}
