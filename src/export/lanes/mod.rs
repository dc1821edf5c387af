//! Events as marks on lanes: slices that nest, moments, counters and arrows, for viewers of timelines.
//!
//! A lane is a row of the picture. What is open on it is kept here, and no more: memory grows with
//! the number of threads, CPUs and channels, never with the number of events. Every slice that
//! begins also ends, and slices of one lane lie within each other.
//!
//! - `mark`: what there is to draw, and where
//! - `label`: what a slice or a moment is called
//! - `table`: rows by number

mod label;
mod mark;
mod table;

use std::ops::Range;

use crate::ids::{CpuId, ObjectId, Tid};
use crate::trace::event::{Event, Fault, Kind, Why};
use crate::trace::{Header, kinds};

use super::channels::Channels;

pub use self::label::{Label, called};
pub use self::mark::{Counter, Lane, Mark, What};
use self::table::Table;

const READY: Label = Label::Word("ready");

/// What a slice that is still open is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Call,
    Exception,
    Interrupt,
    Switch,
    State,
}

/// What is known of a thread.
#[derive(Debug, Default)]
struct Thread {
    calls: Vec<Open>,
    state: Vec<Open>,
    /// In which CPU's queue it waits while it is ready.
    queued: Option<CpuId>,
    /// The arrow of a wake-up that hasn't led to a run.
    woken: Option<u64>,
}

/// What is known of a CPU.
#[derive(Debug, Default)]
struct Cpu {
    runs: Vec<Open>,
    kernel: Vec<Open>,
    /// How many threads wait in its queue.
    length: u64,
}

/// All lanes of a trace.
pub struct Lanes {
    threads: Table<Thread>,
    cpus: Table<Cpu>,
    machine: Vec<Open>,
    channels: Channels,
    /// The last arrow's number.
    arrow: u64,
    /// Whether the end of a switch is to be seen.
    switches_end: bool,
    marks: Vec<Mark>,
    ends: Vec<u64>,
    at: u64,
}

impl Lanes {
    pub fn new(header: &Header) -> Lanes {
        let exit = kinds::KINDS.iter().find(|row| row.name == Kind::SchedExit.name());
        Lanes {
            threads: Table::default(),
            cpus: Table::default(),
            machine: Vec::new(),
            channels: Channels::new(header),
            arrow: 0,
            switches_end: exit.is_some_and(|row| header.observes.iter().any(|name| name == row.name)),
            marks: Vec::new(),
            ends: Vec::new(),
            at: 0,
        }
    }

    /// Goes on to the next event.
    pub fn take(&mut self, event: &Event) {
        self.marks.clear();
        self.ends.clear();
        self.at = self.at.max(event.at.as_nanos());
        self.event(event);
    }

    /// Ends what is still open.
    pub fn finish(&mut self, end: u64) {
        self.marks.clear();
        self.at = self.at.max(end);
        let mut open = Vec::new();
        let mut note = |lane, slices: &mut Vec<Open>| open.extend(slices.drain(..).map(|_| lane));
        let cpu = |number| CpuId(number as u16);
        let thread = |number| Tid(number as u32);
        self.cpus.rows().for_each(|(number, row)| note(Lane::Cpu(cpu(number)), &mut row.runs));
        self.cpus.rows().for_each(|(number, row)| note(Lane::Kernel(cpu(number)), &mut row.kernel));
        self.threads.rows().for_each(|(number, row)| note(Lane::Calls(thread(number)), &mut row.calls));
        self.threads.rows().for_each(|(number, row)| note(Lane::State(thread(number)), &mut row.state));
        note(Lane::Machine, &mut self.machine);
        for lane in open {
            self.push(What::End { lane, told: false });
        }
    }

    /// The marks of the last event.
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// The arrows that end at the last event's moments.
    pub fn ends(&self) -> &[u64] {
        &self.ends
    }

    fn open(&mut self, lane: Lane) -> &mut Vec<Open> {
        match lane {
            Lane::Cpu(cpu) => &mut self.cpus.row(cpu.index()).runs,
            Lane::Kernel(cpu) => &mut self.cpus.row(cpu.index()).kernel,
            Lane::Calls(task) => &mut self.threads.row(task.index()).calls,
            Lane::State(task) => &mut self.threads.row(task.index()).state,
            Lane::Machine => &mut self.machine,
        }
    }

    fn event(&mut self, event: &Event) {
        let thread = Lane::Calls(event.task);
        let kernel = event.cpu.map_or(Lane::Machine, Lane::Kernel);
        let here = if event.task == Tid::IDLE { kernel } else { thread };
        match event.kind {
            Kind::SchedSwitch { prev, next, why } => self.switch(event, prev, next, why),
            Kind::SchedExit => self.close(kernel, Open::Switch, false),
            Kind::SchedWaking { task } => {
                let arrow = self.next_arrow();
                self.threads.row(task.index()).woken = Some(arrow);
                self.moment(here, Label::Wakes(task), Some(arrow), 0..0);
            }
            Kind::SchedWakeup { task, on } => {
                self.state(task, Some(READY));
                self.enqueue(task, Some(on));
            }
            Kind::SchedMigrate { task, to, .. } => {
                if self.threads.row(task.index()).queued.is_some() {
                    self.enqueue(task, Some(to));
                }
                self.simple(kernel, event);
            }
            Kind::SysEnter { call } => {
                self.clear(thread);
                self.begin(thread, Open::Call, Label::Call(call));
            }
            Kind::SysExit { .. } => self.close(thread, Open::Call, true),
            Kind::PageFaultUser { fault, .. } => self.fault(thread, "page fault", fault),
            Kind::PageFaultKernel { fault, .. } => self.fault(thread, "kernel page fault", fault),
            Kind::ExceptionEntry { exception } => {
                self.begin(thread, Open::Exception, Label::Word(exception.name()));
            }
            Kind::ExceptionExit => self.close(thread, Open::Exception, false),
            Kind::IrqHandlerEntry { vector } => {
                self.begin(kernel, Open::Interrupt, Label::Interrupt(vector));
            }
            Kind::SoftirqEntry { vector } => self.begin(kernel, Open::Interrupt, Label::Softirq(vector)),
            Kind::LocalTimerEntry => self.begin(kernel, Open::Interrupt, Label::Word("timer")),
            Kind::RescheduleEntry => self.begin(kernel, Open::Interrupt, Label::Word("reschedule")),
            Kind::IrqHandlerExit { .. }
            | Kind::SoftirqExit { .. }
            | Kind::LocalTimerExit
            | Kind::RescheduleExit => self.close(kernel, Open::Interrupt, true),
            Kind::InterruptRaised { to, .. } | Kind::InterruptCoalesced { to, .. } => {
                self.simple(Lane::Kernel(to), event);
            }
            Kind::InterruptRecognised { .. } | Kind::SchedPick { .. } => self.simple(kernel, event),
            Kind::SchedBoost { on, .. } => self.simple(Lane::Kernel(on), event),
            Kind::SchedLoad { load } => self.count(Counter::Load, load),
            Kind::ProcessExec { .. } | Kind::ProcessExit { .. } => {
                self.simple(thread, event);
                self.clear(thread);
            }
            Kind::MessageSend { object, bytes } => self.send(here, object, bytes),
            Kind::MessageReceive { object, bytes } => self.receive(here, object, bytes),
            Kind::JobRelease { task, .. }
            | Kind::JobEnd { task, .. }
            | Kind::DeadlineMiss { task, .. }
            | Kind::JobDrop { task, .. }
            | Kind::SchedPiSetprio { task, .. }
            | Kind::OomKill { task, .. } => self.simple(Lane::Calls(task), event),
            Kind::SignalGenerate { .. }
            | Kind::SignalDeliver { .. }
            | Kind::ProcessFork { .. }
            | Kind::LockContended { .. }
            | Kind::LockAcquired { .. }
            | Kind::LockReleased { .. }
            | Kind::BlockRqIssue { .. }
            | Kind::BlockRqComplete { .. }
            | Kind::PacketDropped { .. }
            | Kind::Print { .. }
            | Kind::PageEvicted { .. }
            | Kind::FramesFree { .. }
            | Kind::PagesUnmapped { .. }
            | Kind::DataLost { .. } => self.simple(here, event),
        }
    }

    fn switch(&mut self, event: &Event, prev: Tid, next: Tid, why: Why) {
        if prev != Tid::IDLE {
            let state = match why {
                Why::Blocked { on, object } => Some(Label::Waits(on, object)),
                Why::Exited => None,
                Why::SliceEnd | Why::Preempted { .. } | Why::Yielded | Why::WorkArrived => Some(READY),
            };
            if state == Some(READY) {
                self.enqueue(prev, event.cpu);
            }
            self.state(prev, state);
        }
        if let Some(cpu) = event.cpu {
            self.clear(Lane::Cpu(cpu));
            if self.switches_end {
                self.close(Lane::Kernel(cpu), Open::Switch, false);
                self.begin(Lane::Kernel(cpu), Open::Switch, Label::Switch(why.name()));
            } else {
                self.simple(Lane::Kernel(cpu), event);
            }
            if next != Tid::IDLE {
                self.push_begin(Lane::Cpu(cpu), Open::State, Label::Thread(next), false);
            }
        }
        if next != Tid::IDLE {
            self.enqueue(next, None);
            self.state(next, Some(Label::Word("runs")));
            if let Some(arrow) = self.threads.row(next.index()).woken.take() {
                self.ends.push(arrow);
                let end = self.ends.len();
                self.moment(Lane::Calls(next), Label::Word("woken"), None, end - 1..end);
            }
        }
    }

    /// Puts a ready thread into a CPU's queue, or takes it out.
    fn enqueue(&mut self, task: Tid, on: Option<CpuId>) {
        let before = std::mem::replace(&mut self.threads.row(task.index()).queued, on);
        if before == on {
            return;
        }
        if let Some(cpu) = before {
            self.lengthen(cpu, u64::wrapping_sub);
        }
        if let Some(cpu) = on {
            self.lengthen(cpu, u64::wrapping_add);
        }
    }

    fn lengthen(&mut self, cpu: CpuId, change: fn(u64, u64) -> u64) {
        let row = self.cpus.row(cpu.index());
        row.length = change(row.length, 1);
        let value = row.length;
        self.count(Counter::Queue(cpu), value);
    }

    fn state(&mut self, task: Tid, name: Option<Label>) {
        let lane = Lane::State(task);
        self.clear(lane);
        match name {
            Some(name) => self.push_begin(lane, Open::State, name, false),
            None => {
                let row = self.threads.row(task.index());
                *row = Thread { queued: row.queued, ..Thread::default() };
            }
        }
    }

    fn send(&mut self, lane: Lane, object: ObjectId, bytes: u64) {
        let arrow = self.next_arrow();
        let lie = self.channels.send(object, bytes, arrow);
        self.moment(lane, Label::Send(object), lie.map(|_| arrow), 0..0);
        if let Some(value) = lie {
            self.count(Counter::Bytes(object), value);
        }
    }

    fn receive(&mut self, lane: Lane, object: ObjectId, bytes: u64) {
        let first = self.ends.len();
        let lie = self.channels.receive(object, bytes, &mut self.ends);
        self.moment(lane, Label::Receive(object), None, first..self.ends.len());
        if let Some(value) = lie {
            self.count(Counter::Bytes(object), value);
        }
    }

    fn fault(&mut self, lane: Lane, name: &'static str, fault: Fault) {
        // A fault of the kernel's own may have had no end.
        if self.open(lane).last() == Some(&Open::Exception) {
            self.close(lane, Open::Exception, false);
        }
        self.begin(lane, Open::Exception, Label::Fault(name, fault));
    }

    fn next_arrow(&mut self) -> u64 {
        self.arrow += 1;
        self.arrow
    }

    /// A moment that bears the name of the event's kind.
    fn simple(&mut self, lane: Lane, event: &Event) {
        self.moment(lane, Label::Word(event.kind.name()), None, 0..0);
    }

    fn moment(&mut self, lane: Lane, name: Label, starts: Option<u64>, ends: Range<usize>) {
        self.push(What::Moment { lane, name, starts, ends });
    }

    fn count(&mut self, counter: Counter, value: u64) {
        self.push(What::Count { counter, value });
    }

    fn begin(&mut self, lane: Lane, open: Open, name: Label) {
        self.push_begin(lane, open, name, true);
    }

    fn push_begin(&mut self, lane: Lane, open: Open, name: Label, told: bool) {
        self.open(lane).push(open);
        self.push(What::Begin { lane, name, told });
    }

    /// Ends the innermost slice of this sort, with what lies within it. Nothing if there is none.
    fn close(&mut self, lane: Lane, which: Open, told: bool) {
        let open = self.open(lane);
        let Some(position) = open.iter().rposition(|&one| one == which) else { return };
        let inner = open.len() - position - 1;
        open.truncate(position);
        for _ in 0..inner {
            self.push(What::End { lane, told: false });
        }
        self.push(What::End { lane, told });
    }

    /// Ends all that is open on a lane.
    fn clear(&mut self, lane: Lane) {
        let open = self.open(lane);
        let count = open.len();
        open.clear();
        for _ in 0..count {
            self.push(What::End { lane, told: false });
        }
    }

    fn push(&mut self, what: What) {
        self.marks.push(Mark { at: self.at, what });
    }
}
