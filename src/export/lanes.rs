//! Events as marks on lanes: slices that nest, moments, counters and arrows, for viewers of timelines.
//!
//! A lane is a row of the picture. What is open on it is kept here, and no more: memory grows with
//! the number of threads, CPUs and channels, never with the number of events. Every slice that
//! begins also ends, and slices of one lane lie within each other.

use std::collections::BTreeMap;

use crate::ids::{CpuId, ObjectId, Tid};
use crate::trace::event::{Event, Fault, Kind, Why};
use crate::trace::{Header, kinds};

use super::channels::Channels;
use super::names::Names;

/// A row of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Who runs on a CPU.
    Cpu(CpuId),
    /// What the kernel does on a CPU for no thread: interrupts, switches, decisions.
    Kernel(CpuId),
    /// A thread's system calls, faults and messages.
    Calls(Tid),
    /// Whether a thread runs, is ready or waits.
    State(Tid),
    /// What no CPU and no thread does: a device.
    Machine,
}

/// A number that changes over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counter {
    /// How many ready threads wait in a CPU's run queue.
    Queue(CpuId),
    /// The load average, in hundredths.
    Load,
    /// How many bytes lie in a channel.
    Bytes(ObjectId),
}

impl Counter {
    pub fn name(self, names: &Names) -> String {
        match self {
            Counter::Queue(cpu) => format!("run queue of CPU {cpu}"),
            Counter::Load => "load (hundredths)".to_owned(),
            Counter::Bytes(object) => of_object("bytes in", object, names),
        }
    }
}

/// One thing to draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub at: u64,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A slice begins. `told` says whether the event's fields explain it.
    Begin {
        lane: Lane,
        name: String,
        told: bool,
    },
    /// The innermost slice of the lane ends. `told` as above: the event gives its result.
    End {
        lane: Lane,
        told: bool,
    },
    /// Something without a length; an arrow may begin here, and arrows may end here.
    Moment {
        lane: Lane,
        name: String,
        starts: Option<u64>,
        ends: Vec<u64>,
    },
    Count {
        counter: Counter,
        value: u64,
    },
}

/// What a slice that is still open is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Call,
    Exception,
    Interrupt,
    Switch,
    State,
}

/// All lanes of a trace.
pub struct Lanes {
    open: BTreeMap<Lane, Vec<Open>>,
    /// In which CPU's queue a ready thread waits.
    queued: BTreeMap<Tid, CpuId>,
    lengths: BTreeMap<CpuId, u64>,
    /// The arrow of a wake-up that hasn't led to a run.
    woken: BTreeMap<Tid, u64>,
    channels: Channels,
    /// The last arrow's number.
    arrow: u64,
    /// Whether the end of a switch is to be seen.
    switches_end: bool,
    marks: Vec<Mark>,
    at: u64,
}

impl Lanes {
    pub fn new(header: &Header) -> Lanes {
        let exit = kinds::KINDS.iter().find(|row| row.name == Kind::SchedExit.name());
        Lanes {
            open: BTreeMap::new(),
            queued: BTreeMap::new(),
            lengths: BTreeMap::new(),
            woken: BTreeMap::new(),
            channels: Channels::new(header),
            arrow: 0,
            switches_end: exit.is_some_and(|row| header.observes.iter().any(|name| name == row.name)),
            marks: Vec::new(),
            at: 0,
        }
    }

    /// The marks of the next event.
    pub fn take(&mut self, event: &Event, names: &Names) -> &[Mark] {
        self.marks.clear();
        self.at = self.at.max(event.at.as_nanos());
        self.event(event, names);
        &self.marks
    }

    /// Ends what is still open.
    pub fn finish(&mut self, end: u64) -> &[Mark] {
        self.marks.clear();
        self.at = self.at.max(end);
        for (lane, open) in std::mem::take(&mut self.open) {
            for _ in open {
                self.push(What::End { lane, told: false });
            }
        }
        &self.marks
    }

    fn event(&mut self, event: &Event, names: &Names) {
        let thread = Lane::Calls(event.task);
        let kernel = event.cpu.map_or(Lane::Machine, Lane::Kernel);
        let here = if event.task == Tid::IDLE { kernel } else { thread };
        match event.kind {
            Kind::SchedSwitch { prev, next, why } => self.switch(event, prev, next, why, names),
            Kind::SchedExit => self.close(kernel, Open::Switch, false),
            Kind::SchedWaking { task } => {
                let arrow = self.next_arrow();
                self.woken.insert(task, arrow);
                self.moment(here, format!("wake {}", called(names, task)), Some(arrow), Vec::new());
            }
            Kind::SchedWakeup { task, on } => {
                self.state(task, Some("ready".to_owned()));
                self.enqueue(task, Some(on));
            }
            Kind::SchedMigrate { task, to, .. } => {
                if self.queued.contains_key(&task) {
                    self.enqueue(task, Some(to));
                }
                self.simple(kernel, event);
            }
            Kind::SysEnter { call } => {
                self.clear(thread);
                let name = names.call(call).map_or_else(|| format!("call {}", call.0), str::to_owned);
                self.begin(thread, Open::Call, name);
            }
            Kind::SysExit { .. } => self.close(thread, Open::Call, true),
            Kind::PageFaultUser { fault, .. } => self.fault(thread, "page fault", fault),
            Kind::PageFaultKernel { fault, .. } => self.fault(thread, "kernel page fault", fault),
            Kind::ExceptionEntry { exception } => {
                self.begin(thread, Open::Exception, exception.name().to_owned());
            }
            Kind::ExceptionExit => self.close(thread, Open::Exception, false),
            Kind::IrqHandlerEntry { vector } => {
                let name = names.vector(vector).map_or_else(|| format!("irq {}", vector.0), str::to_owned);
                self.begin(kernel, Open::Interrupt, name);
            }
            Kind::SoftirqEntry { vector } => {
                let name = names.vector(vector).map_or_else(|| vector.0.to_string(), str::to_owned);
                self.begin(kernel, Open::Interrupt, format!("softirq {name}"));
            }
            Kind::LocalTimerEntry => self.begin(kernel, Open::Interrupt, "timer".to_owned()),
            Kind::RescheduleEntry => self.begin(kernel, Open::Interrupt, "reschedule".to_owned()),
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
            Kind::MessageSend { object, bytes } => self.send(here, object, bytes, names),
            Kind::MessageReceive { object, bytes } => self.receive(here, object, bytes, names),
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

    fn switch(&mut self, event: &Event, prev: Tid, next: Tid, why: Why, names: &Names) {
        if prev != Tid::IDLE {
            let state = match why {
                Why::Blocked { on, object } => {
                    let object = object.and_then(|object| names.object(object));
                    Some(match object {
                        Some(object) => format!("waits: {} {object}", on.name()),
                        None => format!("waits: {}", on.name()),
                    })
                }
                Why::Exited => None,
                Why::SliceEnd | Why::Preempted { .. } | Why::Yielded | Why::WorkArrived => {
                    Some("ready".to_owned())
                }
            };
            if state.as_deref() == Some("ready") {
                self.enqueue(prev, event.cpu);
            }
            self.state(prev, state);
        }
        if let Some(cpu) = event.cpu {
            self.clear(Lane::Cpu(cpu));
            if self.switches_end {
                self.close(Lane::Kernel(cpu), Open::Switch, false);
                self.begin(Lane::Kernel(cpu), Open::Switch, format!("switch: {}", why.name()));
            } else {
                self.simple(Lane::Kernel(cpu), event);
            }
            if next != Tid::IDLE {
                self.push_begin(Lane::Cpu(cpu), Open::State, called(names, next), false);
            }
        }
        if next != Tid::IDLE {
            self.enqueue(next, None);
            self.state(next, Some("runs".to_owned()));
            if let Some(arrow) = self.woken.remove(&next) {
                self.moment(Lane::Calls(next), "woken".to_owned(), None, vec![arrow]);
            }
        }
    }

    /// Puts a ready thread into a CPU's queue, or takes it out.
    fn enqueue(&mut self, task: Tid, on: Option<CpuId>) {
        let before = match on {
            Some(cpu) => self.queued.insert(task, cpu),
            None => self.queued.remove(&task),
        };
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
        let length = self.lengths.entry(cpu).or_default();
        *length = change(*length, 1);
        let value = *length;
        self.count(Counter::Queue(cpu), value);
    }

    fn state(&mut self, task: Tid, name: Option<String>) {
        let lane = Lane::State(task);
        self.clear(lane);
        match name {
            Some(name) => self.push_begin(lane, Open::State, name, false),
            None => {
                self.open.remove(&lane);
                self.open.remove(&Lane::Calls(task));
                self.woken.remove(&task);
            }
        }
    }

    fn send(&mut self, lane: Lane, object: ObjectId, bytes: u64, names: &Names) {
        let arrow = self.next_arrow();
        let lie = self.channels.send(object, bytes, arrow);
        self.moment(lane, of_object("send to", object, names), lie.map(|_| arrow), Vec::new());
        if let Some(value) = lie {
            self.count(Counter::Bytes(object), value);
        }
    }

    fn receive(&mut self, lane: Lane, object: ObjectId, bytes: u64, names: &Names) {
        let mut ends = Vec::new();
        let lie = self.channels.receive(object, bytes, &mut ends);
        self.moment(lane, of_object("receive from", object, names), None, ends);
        if let Some(value) = lie {
            self.count(Counter::Bytes(object), value);
        }
    }

    fn fault(&mut self, lane: Lane, name: &str, fault: Fault) {
        // A fault of the kernel's own may have had no end.
        if self.open.get(&lane).and_then(|open| open.last()) == Some(&Open::Exception) {
            self.close(lane, Open::Exception, false);
        }
        self.begin(lane, Open::Exception, format!("{name} ({})", fault.name()));
    }

    fn next_arrow(&mut self) -> u64 {
        self.arrow += 1;
        self.arrow
    }

    /// A moment that bears the name of the event's kind.
    fn simple(&mut self, lane: Lane, event: &Event) {
        self.moment(lane, event.kind.name().to_owned(), None, Vec::new());
    }

    fn moment(&mut self, lane: Lane, name: String, starts: Option<u64>, ends: Vec<u64>) {
        self.push(What::Moment { lane, name, starts, ends });
    }

    fn count(&mut self, counter: Counter, value: u64) {
        self.push(What::Count { counter, value });
    }

    fn begin(&mut self, lane: Lane, open: Open, name: String) {
        self.push_begin(lane, open, name, true);
    }

    fn push_begin(&mut self, lane: Lane, open: Open, name: String, told: bool) {
        self.open.entry(lane).or_default().push(open);
        self.push(What::Begin { lane, name, told });
    }

    /// Ends the innermost slice of this sort, with what lies within it. Nothing if there is none.
    fn close(&mut self, lane: Lane, which: Open, told: bool) {
        let Some(open) = self.open.get_mut(&lane) else { return };
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
        let open = self.open.get_mut(&lane).map_or(0, |open| std::mem::take(open).len());
        for _ in 0..open {
            self.push(What::End { lane, told: false });
        }
    }

    fn push(&mut self, what: What) {
        self.marks.push(Mark { at: self.at, what });
    }
}

/// A thread's name, or its number.
pub fn called(names: &Names, task: Tid) -> String {
    names.task(task).map_or_else(|| format!("thread {}", task.0), str::to_owned)
}

fn of_object(doing: &str, object: ObjectId, names: &Names) -> String {
    match names.object(object) {
        Some(name) => format!("{doing} {name}"),
        None => format!("{doing} #{}", object.0),
    }
}
