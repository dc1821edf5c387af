//! A trace as spans and arrows: one lane for each CPU and one for each thread.
//!
//! Lanes hold every span of their window, so their memory grows with it. A chart of a long trace
//! is made of a window, or of a trace that fits into memory; statistics have no such limit, see
//! [`account`](super::account).

use std::collections::{BTreeMap, VecDeque};

use crate::ids::{CpuId, NameId, ObjectId, Pid, Tid, Vector};
use crate::signal::Signal;
use crate::time::{Instant, Span};
use crate::trace::{Event, Header, Kind};

use super::replay::{Observer, Replay};
use super::state::{CpuState, Handler, ThreadState};

/// Everything that a chart of one window shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lanes {
    pub from: Instant,
    /// The end of the window or of the run, whichever is earlier.
    pub to: Instant,
    /// By number.
    pub cpus: Vec<CpuLane>,
    /// In the order in which they were announced; those without a span in the window as well.
    pub threads: Vec<ThreadLane>,
    /// In the order in which they were raised or, if unknown, recognised.
    pub interrupts: Vec<Interrupt>,
    /// In order of time.
    pub marks: Vec<Mark>,
    pub wakeups: Vec<Wakeup>,
    pub messages: Vec<Message>,
}

/// What one CPU did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuLane {
    pub cpu: CpuId,
    pub spans: Vec<CpuSpan>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuSpan {
    pub from: Instant,
    pub to: Instant,
    pub state: CpuState,
    /// The thread that was current.
    pub task: Tid,
}

/// What one thread did. Before `start` and after `end` it doesn't exist and has no spans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadLane {
    pub task: Tid,
    pub process: Pid,
    pub parent: Tid,
    pub name: String,
    pub start: Option<Instant>,
    pub end: Option<Instant>,
    pub spans: Vec<ThreadSpan>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadSpan {
    pub from: Instant,
    pub to: Instant,
    pub state: ThreadState,
    /// Where, if it was current anywhere.
    pub cpu: Option<CpuId>,
}

/// One interrupt, from its line to the CPU that took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupt {
    pub vector: Vector,
    pub cpu: CpuId,
    /// Unknown in traces that see handlers only.
    pub raised: Option<Instant>,
    /// None if it was still waiting at the end.
    pub recognised: Option<Instant>,
}

/// Something that has a moment but no length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub at: Instant,
    pub task: Tid,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Forked { child: Tid },
    Exited { status: u16 },
    SignalSent { signal: Signal, to: Tid },
    SignalDelivered { signal: Signal },
    Printed { text: String },
}

/// A thread became ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wakeup {
    pub at: Instant,
    pub task: Tid,
    pub by: Waker,
    /// Where the waker ran.
    pub cpu: Option<CpuId>,
}

/// Who woke a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waker {
    Thread(Tid),
    Handler(Handler),
}

/// The first bytes of something sent arrived with a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    pub object: ObjectId,
    pub sent: Instant,
    pub from: Tid,
    pub received: Instant,
    pub to: Tid,
    pub bytes: u64,
}

/// Lanes under construction.
#[derive(Clone, Debug)]
pub struct LanesBuilder {
    replay: Replay,
    drawing: Drawing,
    names: Vec<String>,
}

#[derive(Clone, Debug)]
struct Drawing {
    from: Instant,
    to: Instant,
    cpus: Vec<CpuLane>,
    threads: Vec<Vec<ThreadSpan>>,
    interrupts: Vec<Interrupt>,
    /// Indices of the interrupts that are raised but not recognised.
    waiting: Vec<usize>,
    /// CPUs that recognised an interrupt and haven't entered its handler yet.
    recognised: BTreeMap<CpuId, Vector>,
    marks: Vec<Mark>,
    wakeups: Vec<Wakeup>,
    messages: Vec<Message>,
    /// What was sent but not yet received, for each channel: when, by whom, how many bytes.
    unread: BTreeMap<ObjectId, VecDeque<(Instant, Tid, u64)>>,
}

impl LanesBuilder {
    pub fn new(header: &Header) -> LanesBuilder {
        let drawing = Drawing {
            from: Instant::START,
            to: Instant::NEVER,
            cpus: Vec::new(),
            threads: Vec::new(),
            interrupts: Vec::new(),
            waiting: Vec::new(),
            recognised: BTreeMap::new(),
            marks: Vec::new(),
            wakeups: Vec::new(),
            messages: Vec::new(),
            unread: BTreeMap::new(),
        };
        LanesBuilder { replay: Replay::new(header), drawing, names: Vec::new() }
    }

    /// Keeps only what touches this part of the run. Every event must still be given.
    pub fn window(mut self, from: Instant, to: Instant) -> LanesBuilder {
        self.drawing.from = from;
        self.drawing.to = to.max(from);
        self
    }

    /// Announces a thread that the header doesn't list, before the first event that names it.
    pub fn task(&mut self, task: Tid, process: Pid, parent: Tid, name: &str) {
        self.replay.announce(task, process, parent, name);
    }

    /// Gives a number its text, before the first event that names it.
    pub fn name(&mut self, number: NameId, text: &str) {
        if self.names.len() <= number.index() {
            self.names.resize(number.index() + 1, String::new());
        }
        text.clone_into(&mut self.names[number.index()]);
    }

    /// Takes the next event of the trace.
    pub fn event(&mut self, event: &Event) {
        self.replay.event(event, &mut self.drawing);
        self.drawing.instants(event, &self.replay, &self.names);
    }

    /// Closes the lanes at the run's end, which is at or after the last event.
    pub fn finish(mut self, end: Instant) -> Lanes {
        self.replay.finish(end, &mut self.drawing);
        let mut drawing = self.drawing;
        let mut spans = drawing.threads.into_iter();
        for number in drawing.cpus.len()..self.replay.cpus() {
            drawing.cpus.push(CpuLane { cpu: CpuId::from(number), spans: Vec::new() });
        }
        let threads = self.replay.threads().iter().map(|thread| ThreadLane {
            task: thread.task,
            process: thread.process,
            parent: thread.parent,
            name: thread.name.clone(),
            start: thread.start,
            end: thread.end,
            spans: spans.next().unwrap_or_default(),
        });
        let (from, to) = (drawing.from, drawing.to);
        drawing.interrupts.retain(|interrupt| {
            let begin = interrupt.raised.or(interrupt.recognised);
            begin.is_some_and(|begin| begin <= to) && interrupt.recognised.is_none_or(|end| end >= from)
        });
        Lanes {
            from: drawing.from,
            to: drawing.to.min(end).max(drawing.from),
            cpus: drawing.cpus,
            threads: threads.collect(),
            interrupts: drawing.interrupts,
            marks: drawing.marks,
            wakeups: drawing.wakeups,
            messages: drawing.messages,
        }
    }
}

impl Lanes {
    /// The length of the window.
    pub fn span(&self) -> Span {
        self.to.since(self.from)
    }
}

impl Drawing {
    /// The part of a piece of time that lies in the window.
    fn clip(&self, from: Instant, to: Instant) -> Option<(Instant, Instant)> {
        let (from, to) = (from.max(self.from), to.min(self.to));
        (from < to).then_some((from, to))
    }

    fn shows(&self, at: Instant) -> bool {
        (self.from..=self.to).contains(&at)
    }

    fn instants(&mut self, event: &Event, replay: &Replay, names: &[String]) {
        match event.kind {
            Kind::InterruptRaised { vector, to } => {
                self.waiting.push(self.interrupts.len());
                self.interrupts.push(Interrupt { vector, cpu: to, raised: Some(event.at), recognised: None });
            }
            Kind::InterruptRecognised { vector } => self.recognise(event, vector),
            Kind::IrqHandlerEntry { vector } => self.handle(event, vector),
            Kind::SchedWakeup { task, .. } if self.shows(event.at) => {
                let handler = event.cpu.and_then(|cpu| replay.handler(cpu));
                let by = handler.map_or(Waker::Thread(event.task), Waker::Handler);
                self.wakeups.push(Wakeup { at: event.at, task, by, cpu: event.cpu });
            }
            Kind::MessageSend { object, bytes } => {
                self.unread.entry(object).or_default().push_back((event.at, event.task, bytes));
            }
            Kind::MessageReceive { object, bytes } => self.receive(event, object, bytes),
            Kind::ProcessFork { child, .. } => self.mark(event, What::Forked { child }),
            Kind::ProcessExit { status } => self.mark(event, What::Exited { status }),
            Kind::SignalGenerate { signal, to } => self.mark(event, What::SignalSent { signal, to }),
            Kind::SignalDeliver { signal } => self.mark(event, What::SignalDelivered { signal }),
            Kind::Print { text } => {
                let text = names.get(text.index()).cloned().unwrap_or_default();
                self.mark(event, What::Printed { text });
            }
            Kind::SchedWakeup { .. }
            | Kind::SchedSwitch { .. }
            | Kind::SchedExit
            | Kind::SchedWaking { .. }
            | Kind::SchedMigrate { .. }
            | Kind::SysEnter { .. }
            | Kind::SysExit { .. }
            | Kind::PageFaultUser { .. }
            | Kind::PageFaultKernel { .. }
            | Kind::ExceptionEntry { .. }
            | Kind::ExceptionExit
            | Kind::InterruptCoalesced { .. }
            | Kind::IrqHandlerExit { .. }
            | Kind::SoftirqEntry { .. }
            | Kind::SoftirqExit { .. }
            | Kind::LocalTimerEntry
            | Kind::LocalTimerExit
            | Kind::RescheduleEntry
            | Kind::RescheduleExit
            | Kind::ProcessExec { .. }
            | Kind::LockContended { .. }
            | Kind::LockAcquired { .. }
            | Kind::LockReleased { .. }
            | Kind::BlockRqIssue { .. }
            | Kind::BlockRqComplete { .. } => {}
        }
    }

    fn mark(&mut self, event: &Event, what: What) {
        if self.shows(event.at) {
            self.marks.push(Mark { at: event.at, task: event.task, what });
        }
    }

    fn recognise(&mut self, event: &Event, vector: Vector) {
        let Some(cpu) = event.cpu else { return };
        self.recognised.insert(cpu, vector);
        let interrupts = &mut self.interrupts;
        let raised = self.waiting.iter().position(|&waiting| {
            let waiting = &interrupts[waiting];
            waiting.vector == vector && waiting.cpu == cpu
        });
        match raised {
            Some(raised) => interrupts[self.waiting.remove(raised)].recognised = Some(event.at),
            None => interrupts.push(Interrupt { vector, cpu, raised: None, recognised: Some(event.at) }),
        }
        // What was over before the window began needn't be kept until the end.
        if event.at < self.from && self.waiting.is_empty() {
            self.interrupts.clear();
        }
    }

    /// A handler without a recognised interrupt: the source sees handlers only.
    fn handle(&mut self, event: &Event, vector: Vector) {
        let Some(cpu) = event.cpu else { return };
        if self.recognised.remove(&cpu).is_none() && self.shows(event.at) {
            self.interrupts.push(Interrupt { vector, cpu, raised: None, recognised: Some(event.at) });
        }
    }

    /// Bytes are received in the order in which they were sent.
    fn receive(&mut self, event: &Event, object: ObjectId, bytes: u64) {
        let unread = self.unread.entry(object).or_default();
        let Some(&(sent, from, _)) = unread.front() else { return };
        let mut left = bytes;
        while let Some((_, _, unread_bytes)) = unread.front_mut() {
            if *unread_bytes > left {
                *unread_bytes -= left;
                break;
            }
            left -= *unread_bytes;
            unread.pop_front();
            if left == 0 {
                break;
            }
        }
        if sent <= self.to && event.at >= self.from {
            self.messages.push(Message { object, sent, from, received: event.at, to: event.task, bytes });
        }
    }
}

impl Observer for Drawing {
    fn cpu(&mut self, cpu: CpuId, task: Tid, state: CpuState, from: Instant, to: Instant) {
        let Some((from, to)) = self.clip(from, to) else { return };
        for number in self.cpus.len()..=cpu.index() {
            self.cpus.push(CpuLane { cpu: CpuId::from(number), spans: Vec::new() });
        }
        self.cpus[cpu.index()].spans.push(CpuSpan { from, to, state, task });
    }

    fn thread(&mut self, thread: usize, cpu: Option<CpuId>, state: ThreadState, from: Instant, to: Instant) {
        let Some((from, to)) = self.clip(from, to) else { return };
        if self.threads.len() <= thread {
            self.threads.resize_with(thread + 1, Vec::new);
        }
        self.threads[thread].push(ThreadSpan { from, to, state, cpu });
    }
}
