//! The laws that every trace obeys, whoever produced it.
//!
//! A trace that breaks one is wrong, and so is every statistic made of it; the simulator's tests
//! and the real mode both put their traces through here. The checker takes events one by one and
//! remembers something per thread, CPU, line and pipe only, so that a trace of any length can be
//! checked as a stream.
//!
//! A law needs certain kinds of event. Where the header says that a source can't observe them, the
//! law is left out. A measured trace that has lost events may break laws for that reason alone.

mod cpu;
mod task;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use crate::ids::{CpuId, ObjectId, Tid, Vector};
use crate::time::Instant;

use super::event::{Event, Kind, Why};
use super::file::{Record, TraceError};
use super::header::{Header, Source, TaskEntry};

use cpu::{Cpu, Handler};
use task::Task;

/// After so many violations the checker looks no further: they are most likely one and the same.
pub const MOST: usize = 1000;

/// What every trace obeys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Law {
    /// Time never runs backwards.
    TimeGoesForward,
    /// Each call that is entered is left before the next is entered, and nothing else is left.
    CallsBalance,
    /// Each exception is handled before the thread raises another, and nothing else is.
    ExceptionsBalance,
    /// Handlers on a CPU nest: the last one entered is the first one left.
    HandlersNest,
    /// An event's thread is the one that its CPU has switched to, and no thread is on two CPUs.
    OneTaskPerCpu,
    /// A blocked thread is woken before it runs again.
    BlockedUntilWoken,
    /// A thread does nothing before it exists nor after it has ended.
    TasksLive,
    /// No interrupt is recognised that wasn't raised.
    RaisedBeforeRecognised,
    /// No pipe gives more bytes than it took.
    BytesConserved,
}

/// A law that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub law: Law,
    /// Which event of the trace broke it, from 0.
    pub index: u64,
    pub at: Instant,
    /// What happened and what should have, in words.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {} at {}: {}", self.index, self.at, self.text)
    }
}

/// Checks the records of a trace; fails only if they can't be read.
pub fn check(
    header: &Header,
    records: impl Iterator<Item = Result<Record, TraceError>>,
) -> Result<Vec<Violation>, TraceError> {
    let mut checker = Checker::new(header);
    for record in records {
        match record? {
            Record::Event(event) => checker.event(&event),
            Record::Task(entry) => checker.task(&entry),
            Record::Name(..) => {}
        }
    }
    Ok(checker.finish())
}

/// What the trace has said so far, as far as the laws need it.
pub struct Checker {
    source: Source,
    observes_raised: bool,
    observes_wakeups: bool,
    /// For each object, whether it is a pipe, and the bytes in it.
    pipes: Vec<Option<u64>>,
    tasks: BTreeMap<Tid, Task>,
    cpus: BTreeMap<CpuId, Cpu>,
    /// How many interrupts were raised and not yet recognised.
    raised: BTreeMap<(CpuId, Vector), u64>,
    latest: Instant,
    index: u64,
    violations: Vec<Violation>,
}

impl Checker {
    pub fn new(header: &Header) -> Checker {
        let observes = |name: &str| {
            header.source == Source::Simulated || header.observes.iter().any(|kind| kind == name)
        };
        let mut checker = Checker {
            source: header.source,
            observes_raised: observes("interrupt_raised"),
            observes_wakeups: observes("sched_wakeup"),
            pipes: header.objects.iter().map(|object| (object.kind == "pipe").then_some(0)).collect(),
            tasks: BTreeMap::from([
                (Tid::IDLE, Task::new(Instant::START)),
                (Tid::INIT, Task::new(Instant::START)),
            ]),
            cpus: BTreeMap::new(),
            raised: BTreeMap::new(),
            latest: Instant::START,
            index: 0,
            violations: Vec::new(),
        };
        for entry in &header.initial {
            checker.task(entry);
        }
        checker
    }

    /// Takes note of a thread.
    pub fn task(&mut self, entry: &TaskEntry) {
        self.tasks.entry(entry.task).or_insert_with(|| Task::new(entry.start));
    }

    /// Every violation found, in the order of the events.
    pub fn finish(self) -> Vec<Violation> {
        self.violations
    }

    /// Takes the next event.
    pub fn event(&mut self, event: &Event) {
        if self.violations.len() < MOST {
            self.check_time(event);
            self.check_cpu(event);
            self.check_lives(event);
            self.check_balance(event);
            self.check_amounts(event);
        }
        self.index += 1;
    }

    fn violation(&mut self, law: Law, event: &Event, text: String) {
        self.violations.push(Violation { law, index: self.index, at: event.at, text });
    }

    fn check_time(&mut self, event: &Event) {
        if event.at < self.latest {
            let text = format!("time runs backwards: the event before was at {}", self.latest);
            self.violation(Law::TimeGoesForward, event, text);
        }
        self.latest = event.at;
    }

    /// Who is current on the event's CPU, and which handlers are open there.
    fn check_cpu(&mut self, event: &Event) {
        // What a device does, it does beside the CPUs, whoever is current there.
        if matches!(
            event.kind,
            Kind::InterruptRaised { .. } | Kind::InterruptCoalesced { .. } | Kind::PacketDropped { .. }
        ) {
            return;
        }
        let Some(id) = event.cpu else { return };
        // A simulated CPU begins idle. What a measured one did before the trace began isn't known.
        let first = match self.source {
            Source::Simulated => Tid::IDLE,
            Source::Measured => event.task,
        };
        let cpu = self.cpus.entry(id).or_insert_with(|| Cpu::new(first));
        let current = cpu.current;
        let broken_nesting = cpu.handle(&event.kind);
        cpu.current = event.task;
        if current != event.task {
            let text =
                format!("thread {} is on CPU {id}, which has switched to thread {current}", event.task);
            self.violation(Law::OneTaskPerCpu, event, text);
        }
        if let Some(text) = broken_nesting {
            self.violation(Law::HandlersNest, event, format!("on CPU {id}, {text}"));
        }
        if let Kind::SchedSwitch { prev, next, .. } = event.kind {
            self.check_switch(event, id, prev, next);
        }
    }

    fn check_switch(&mut self, event: &Event, id: CpuId, prev: Tid, next: Tid) {
        if prev != event.task {
            let text = format!("CPU {id} leaves thread {prev} while thread {} is current", event.task);
            self.violation(Law::OneTaskPerCpu, event, text);
        }
        let elsewhere = self.cpus.iter().find(|(other, cpu)| **other != id && cpu.current == next);
        if let (false, Some((other, _))) = (next == Tid::IDLE, elsewhere) {
            let text = format!("CPU {id} switches to thread {next}, which is current on CPU {other}");
            self.violation(Law::OneTaskPerCpu, event, text);
        }
        if let Some(cpu) = self.cpus.get_mut(&id) {
            cpu.current = next;
        }
    }

    /// Whether the threads that the event names exist, and blocked ones were woken.
    fn check_lives(&mut self, event: &Event) {
        self.check_alive(event, event.task, role_of_current(&event.kind));
        match event.kind {
            Kind::SchedSwitch { prev, next, why } => {
                self.check_alive(event, prev, Role::Current);
                self.check_alive(event, next, Role::Acting);
                self.check_awake(event, prev, next, why);
                self.change(prev, |task| task.left = task.exited);
            }
            Kind::SchedWaking { task } | Kind::SchedMigrate { task, .. } => {
                self.check_alive(event, task, Role::Acting)
            }
            Kind::SchedWakeup { task, .. } => {
                self.check_alive(event, task, Role::Acting);
                self.change(task, |task| task.blocked = false);
            }
            // A zombie can still be sent signals; they have no effect.
            Kind::SignalGenerate { to, .. } => self.check_alive(event, to, Role::Addressed),
            Kind::ProcessFork { child, .. } => self.fork(event, child),
            Kind::ProcessExit { .. } => self.change(event.task, Task::exit),
            _ => {}
        }
    }

    fn check_alive(&mut self, event: &Event, id: Tid, role: Role) {
        let name = event.kind.name();
        let text = match self.tasks.get_mut(&id) {
            None => format!("{name} names thread {id}, which nobody has announced"),
            Some(task) if event.at < task.start => {
                format!("{name} names thread {id}, which doesn't exist before {}", task.start)
            }
            Some(task) if task.is_over_for(role) => {
                format!("{name} names thread {id}, which has ended")
            }
            Some(task) => {
                task.used = true;
                return;
            }
        };
        self.violation(Law::TasksLive, event, text);
        // Once is enough: from here on it counts as living.
        self.tasks.insert(id, Task::new(event.at));
    }

    fn check_awake(&mut self, event: &Event, prev: Tid, next: Tid, why: Why) {
        if prev != Tid::IDLE {
            self.change(prev, |task| task.blocked = matches!(why, Why::Blocked { .. }));
        }
        if self.observes_wakeups && self.tasks.get(&next).is_some_and(|task| task.blocked) {
            self.change(next, |task| task.blocked = false);
            let text = format!("thread {next} goes on although it is blocked and nobody has woken it");
            self.violation(Law::BlockedUntilWoken, event, text);
        }
    }

    fn fork(&mut self, event: &Event, child: Tid) {
        let call = self.tasks.get(&event.task).and_then(|parent| parent.call);
        let known = self.tasks.entry(child).or_insert_with(|| Task::new(event.at));
        let again = known.forked || known.used;
        known.fork(event.at, call);
        if again {
            self.violation(
                Law::TasksLive,
                event,
                format!("thread {child} is forked although it exists already"),
            );
        }
    }

    /// Calls and exceptions of a thread.
    fn check_balance(&mut self, event: &Event) {
        let task = self.tasks.entry(event.task).or_insert_with(|| Task::new(event.at));
        let broken = match event.kind {
            Kind::SysEnter { call } => task.enter(call),
            Kind::SysExit { call, .. } => task.leave(call),
            Kind::ProcessExec { .. } => {
                task.exec();
                None
            }
            Kind::PageFaultUser { .. } | Kind::ExceptionEntry { .. } => task.raise(),
            Kind::PageFaultKernel { .. } => {
                task.kernel_fault = true;
                None
            }
            Kind::ExceptionExit => task.handled(),
            _ => None,
        };
        if let Some((law, text)) = broken {
            self.violation(law, event, format!("thread {} {text}", event.task));
        }
    }

    /// Interrupts and bytes: nothing comes out that didn't go in.
    fn check_amounts(&mut self, event: &Event) {
        match event.kind {
            Kind::InterruptRaised { vector, to } => *self.raised.entry((to, vector)).or_insert(0) += 1,
            Kind::InterruptRecognised { vector } if self.observes_raised => {
                let waiting = event.cpu.and_then(|cpu| self.raised.get_mut(&(cpu, vector)));
                match (event.cpu, waiting) {
                    (None, _) => {}
                    (_, Some(waiting)) if *waiting > 0 => *waiting -= 1,
                    (Some(cpu), _) => {
                        let text = format!("CPU {cpu} recognises interrupt {vector}, which wasn't raised");
                        self.violation(Law::RaisedBeforeRecognised, event, text);
                    }
                }
            }
            Kind::MessageSend { object, bytes } => {
                if let Some(held) = self.pipe(object) {
                    *held = held.saturating_add(bytes);
                }
            }
            Kind::MessageReceive { object, bytes } => {
                let Some(held) = self.pipe(object) else {
                    return;
                };
                let before = *held;
                *held = before.saturating_sub(bytes);
                if bytes > before {
                    let text = format!("{bytes} bytes come out of pipe {object}, which holds {before}");
                    self.violation(Law::BytesConserved, event, text);
                }
            }
            _ => {}
        }
    }

    fn pipe(&mut self, object: ObjectId) -> Option<&mut u64> {
        self.pipes.get_mut(object.index())?.as_mut()
    }

    fn change(&mut self, id: Tid, change: impl FnOnce(&mut Task)) {
        if let Some(task) = self.tasks.get_mut(&id) {
            change(task);
        }
    }
}

/// What a thread does in an event, as far as it matters whether it still lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// It runs its program, or shall run it again.
    Acting,
    /// It is the one that happens to be current: it may have ended, but its CPU hasn't left it yet.
    Current,
    /// Something is sent to it, which a zombie doesn't notice.
    Addressed,
}

/// Whether the event is its thread's own doing, or the kernel's or a device's.
fn role_of_current(kind: &Kind) -> Role {
    match kind {
        Kind::SysEnter { .. }
        | Kind::SysExit { .. }
        | Kind::PageFaultUser { .. }
        | Kind::ExceptionEntry { .. }
        | Kind::ProcessFork { .. }
        | Kind::ProcessExec { .. }
        | Kind::ProcessExit { .. }
        | Kind::MessageSend { .. }
        | Kind::MessageReceive { .. }
        | Kind::LockContended { .. }
        | Kind::LockAcquired { .. }
        | Kind::SignalDeliver { .. }
        | Kind::Print { .. } => Role::Acting,
        Kind::SchedSwitch { .. }
        | Kind::SchedExit
        | Kind::SchedWaking { .. }
        | Kind::SchedWakeup { .. }
        | Kind::SchedMigrate { .. }
        | Kind::SchedPiSetprio { .. }
        | Kind::PageFaultKernel { .. }
        | Kind::ExceptionExit
        | Kind::InterruptRaised { .. }
        | Kind::InterruptCoalesced { .. }
        | Kind::InterruptRecognised { .. }
        | Kind::IrqHandlerEntry { .. }
        | Kind::IrqHandlerExit { .. }
        | Kind::SoftirqEntry { .. }
        | Kind::SoftirqExit { .. }
        | Kind::LocalTimerEntry
        | Kind::LocalTimerExit
        | Kind::RescheduleEntry
        | Kind::RescheduleExit
        | Kind::SignalGenerate { .. }
        | Kind::LockReleased { .. }
        | Kind::BlockRqIssue { .. }
        | Kind::BlockRqComplete { .. }
        | Kind::DataLost { .. }
        | Kind::PageEvicted { .. }
        | Kind::FramesFree { .. }
        | Kind::PagesUnmapped { .. }
        | Kind::SchedPick { .. }
        | Kind::JobRelease { .. }
        | Kind::JobEnd { .. }
        | Kind::DeadlineMiss { .. }
        | Kind::JobDrop { .. }
        | Kind::SchedLoad { .. }
        | Kind::SchedBoost { .. }
        | Kind::OomKill { .. }
        | Kind::PacketDropped { .. } => Role::Current,
    }
}

impl fmt::Display for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Handler::Irq(vector) => write!(f, "the interrupt handler of {vector}"),
            Handler::Softirq(vector) => write!(f, "the softirq of {vector}"),
            Handler::Timer => f.write_str("the timer's handler"),
            Handler::Reschedule => f.write_str("the reschedule handler"),
        }
    }
}
