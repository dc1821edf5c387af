//! Lanes, from the events of a trace.

use std::collections::{BTreeMap, VecDeque};

use crate::ids::{CpuId, NameId, ObjectId, Pid, Tid, Vector};
use crate::time::Instant;
use crate::trace::header::TaskEntry;
use crate::trace::{Event, Header, Kind, Record};

use super::forks::ForkTreeBuilder;
use super::lanes::{
    Coalesced, CpuLane, CpuSpan, FreeCall, Interrupt, Lanes, Mark, Message, ThreadLane, ThreadSpan, Waker,
    Wakeup, What,
};
use super::paging::PagingBuilder;
use super::records::Records;
use super::replay::{Observer, Replay};
use super::state::{CpuState, ThreadState};
use super::waits::WaitGraphBuilder;

/// Lanes under construction.
#[derive(Clone, Debug)]
pub struct LanesBuilder {
    replay: Replay,
    drawing: Drawing,
    names: BTreeMap<NameId, String>,
    records: Records,
    paging: PagingBuilder,
    forks: ForkTreeBuilder,
    waits: WaitGraphBuilder,
}

#[derive(Clone, Debug)]
struct Drawing {
    from: Instant,
    to: Instant,
    cpus: Vec<CpuLane>,
    threads: Vec<Vec<ThreadSpan>>,
    interrupts: Vec<Interrupt>,
    coalesced: Vec<Coalesced>,
    /// Indices of the interrupts that are raised but not recognised.
    waiting: Vec<usize>,
    /// CPUs that recognised an interrupt and haven't entered its handler yet.
    recognised: BTreeMap<CpuId, Vector>,
    marks: Vec<Mark>,
    wakeups: Vec<Wakeup>,
    messages: Vec<Message>,
    free_calls: Vec<FreeCall>,
    /// When each thread's latest call began.
    entered: BTreeMap<Tid, Instant>,
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
            coalesced: Vec::new(),
            waiting: Vec::new(),
            recognised: BTreeMap::new(),
            marks: Vec::new(),
            wakeups: Vec::new(),
            messages: Vec::new(),
            free_calls: Vec::new(),
            entered: BTreeMap::new(),
            unread: BTreeMap::new(),
        };
        LanesBuilder {
            replay: Replay::new(header),
            drawing,
            names: BTreeMap::new(),
            records: Records::default(),
            paging: PagingBuilder::new(header),
            forks: ForkTreeBuilder::new(header),
            waits: WaitGraphBuilder::new(header),
        }
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
        self.paging.task(task, process);
        // It begins with its fork.
        let start = Instant::NEVER;
        self.record(&Record::Task(TaskEntry { task, process, parent, name: name.to_owned(), start }));
    }

    /// Gives a number its text, before the first event that names it.
    pub fn name(&mut self, number: NameId, text: &str) {
        self.names.insert(number, text.to_owned());
        self.record(&Record::Name(number, text.to_owned()));
    }

    /// What is told of the run up to the end of the window.
    fn record(&mut self, record: &Record) {
        self.forks.record(record);
        self.waits.record(record);
    }

    /// Takes the next event of the trace.
    pub fn event(&mut self, event: &Event) {
        self.replay.event(event, &mut self.drawing);
        self.drawing.instants(event, &self.replay, &self.names);
        self.records.event(event, self.drawing.from, self.drawing.to);
        self.paging.event(event, self.drawing.from, self.drawing.to);
        if event.at <= self.drawing.to {
            self.record(&Record::Event(*event));
        }
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
        let to = to.min(end).max(from);
        let mut records = self.records;
        records.finish(from, to);
        Lanes {
            from,
            to,
            cpus: drawing.cpus,
            threads: threads.collect(),
            interrupts: drawing.interrupts,
            coalesced: drawing.coalesced,
            marks: drawing.marks,
            wakeups: drawing.wakeups,
            messages: drawing.messages,
            free_calls: drawing.free_calls,
            jobs: records.jobs,
            calls: records.calls,
            placements: records.placements,
            paging: self.paging.finish(from, to),
            forks: self.forks.finish(to),
            waits: self.waits.finish(),
        }
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

    fn instants(&mut self, event: &Event, replay: &Replay, names: &BTreeMap<NameId, String>) {
        match event.kind {
            Kind::InterruptRaised { vector, to } => {
                self.waiting.push(self.interrupts.len());
                self.interrupts.push(Interrupt { vector, cpu: to, raised: Some(event.at), recognised: None });
            }
            Kind::InterruptCoalesced { vector, .. } if self.shows(event.at) => {
                self.coalesced.push(Coalesced { at: event.at, vector });
            }
            Kind::InterruptRecognised { vector } => self.recognise(event, vector),
            Kind::IrqHandlerEntry { vector } => self.handle(event, vector),
            Kind::SchedWakeup { task, .. } if self.shows(event.at) => {
                let handler = event.cpu.and_then(|cpu| replay.handler(cpu));
                let by = handler.map_or(Waker::Thread(event.task), Waker::Handler);
                self.wakeups.push(Wakeup { at: event.at, task, by, cpu: event.cpu });
            }
            Kind::SysEnter { .. } => drop(self.entered.insert(event.task, event.at)),
            Kind::SysExit { call, .. } => {
                let entered = self.entered.remove(&event.task);
                if entered == Some(event.at) && self.shows(event.at) {
                    let (at, task, cpu) = (event.at, event.task, event.cpu);
                    self.free_calls.push(FreeCall { at, task, cpu, call });
                }
            }
            Kind::MessageSend { object, bytes } => {
                self.unread.entry(object).or_default().push_back((event.at, event.task, bytes));
            }
            Kind::MessageReceive { object, bytes } => self.receive(event, object, bytes),
            Kind::ProcessFork { child, .. } => self.mark(event, What::Forked { child }),
            Kind::ProcessExit { status } => self.mark(event, What::Exited { status }),
            Kind::SignalGenerate { signal, to } => self.mark(event, What::SignalSent { signal, to }),
            Kind::SignalDeliver { signal, .. } => self.mark(event, What::SignalDelivered { signal }),
            Kind::Print { text } => {
                let text = names.get(&text).cloned().unwrap_or_default();
                self.mark(event, What::Printed { text });
            }
            // The event's own thread is whichever runs there.
            Kind::DeadlineMiss { task, .. } if self.shows(event.at) => {
                self.marks.push(Mark { at: event.at, task, what: What::DeadlineMissed });
            }
            Kind::SchedWakeup { .. }
            | Kind::DeadlineMiss { .. }
            | Kind::SchedSwitch { .. }
            | Kind::SchedExit
            | Kind::SchedWaking { .. }
            | Kind::SchedMigrate { .. }
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
            | Kind::SchedPiSetprio { .. }
            | Kind::LockContended { .. }
            | Kind::LockAcquired { .. }
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
            | Kind::JobDrop { .. }
            | Kind::SchedLoad { .. }
            | Kind::SchedBoost { .. }
            | Kind::OomKill { .. }
            | Kind::PacketDropped { .. } => {}
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
        let Some(&(sent, from, _)) = unread.front() else {
            return;
        };
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
        let Some((from, to)) = self.clip(from, to) else {
            return;
        };
        for number in self.cpus.len()..=cpu.index() {
            self.cpus.push(CpuLane { cpu: CpuId::from(number), spans: Vec::new() });
        }
        self.cpus[cpu.index()].spans.push(CpuSpan { from, to, state, task });
    }

    fn thread(&mut self, thread: usize, cpu: Option<CpuId>, state: ThreadState, from: Instant, to: Instant) {
        let Some((from, to)) = self.clip(from, to) else {
            return;
        };
        if self.threads.len() <= thread {
            self.threads.resize_with(thread + 1, Vec::new);
        }
        self.threads[thread].push(ThreadSpan { from, to, state, cpu });
    }
}
