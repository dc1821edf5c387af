//! What was counted and timed so far, in a form that grows with threads, CPUs, vectors and objects
//! but not with events.

use std::collections::BTreeMap;

use crate::ids::{CallId, CpuId, NameId, ObjectId, Tid, Vector};
use crate::time::{Instant, Span};
use crate::trace::kinds::KINDS;
use crate::trace::{Cause, Event, Fault, Kind, Why};

use super::jobs::JobTally;
use super::latency::Latencies;
use super::replay::{Observer, Replay};
use super::requests::Requests;
use super::state::{CpuState, ThreadState};
use super::summary::{CpuSummary, ObjectSummary, Switches, Totals, Usage};

/// A terminal with more lines than this is a log: what lies beyond is only counted.
const LINES_KEPT: usize = 10_000;

/// What was counted and timed so far.
#[derive(Clone, Debug)]
pub struct Tally {
    /// In the order of [`KINDS`].
    pub events: [u64; KINDS.len()],
    pub totals: Totals,
    pub threads: Vec<ThreadTally>,
    pub cpus: Vec<CpuTally>,
    pub vectors: BTreeMap<Vector, VectorTally>,
    pub objects: BTreeMap<ObjectId, ObjectSummary>,
    /// Who was ended for lack of memory, in order.
    pub out_of_memory: Vec<Tid>,
    pub prints: Vec<(Instant, Tid, NameId)>,
    pub prints_dropped: u64,
    /// From ready to running.
    pub latency: Latencies,
    pub requests: Requests,
    /// From release to end, of all threads' jobs.
    pub job_response: Latencies,
}

#[derive(Clone, Debug, Default)]
pub struct ThreadTally {
    pub user: Span,
    pub kernel: Span,
    pub interrupt: Span,
    pub switch: Span,
    pub ready: Span,
    pub blocked: [Span; Cause::ALL.len()],
    pub faults: [u64; Fault::ALL.len()],
    pub calls: BTreeMap<CallId, u64>,
    pub switches: Switches,
    pub wakeups: u64,
    pub first_run: Option<Instant>,
    pub status: Option<u16>,
    pub dispatches: u64,
    pub migrations: u64,
    pub longest_wait: Span,
    /// Of a periodic thread.
    pub jobs: Option<Box<JobTally>>,
    /// What `ready` was when it was last switched to.
    waited: Span,
}

#[derive(Clone, Debug, Default)]
pub struct CpuTally {
    pub sums: CpuSummary,
    /// Raised but not yet recognised here, with the time of the first edge.
    pub pending: Vec<(Vector, Instant)>,
    /// Recognised, and its handler about to be entered.
    pub recognised: Option<(Vector, Instant)>,
    /// One for each open hard handler, the innermost last.
    pub handlers: Vec<Option<(Vector, Instant)>>,
}

#[derive(Clone, Debug, Default)]
pub struct VectorTally {
    pub raised: u64,
    pub recognised: u64,
    pub coalesced: u64,
    pub spurious: u64,
    pub latency: Latencies,
    pub handling: Latencies,
}

impl Tally {
    /// Nothing counted yet; `objects` are those that the header names.
    pub fn new(objects: BTreeMap<ObjectId, ObjectSummary>) -> Tally {
        Tally {
            events: [0; KINDS.len()],
            totals: Totals::default(),
            threads: Vec::new(),
            cpus: Vec::new(),
            vectors: BTreeMap::new(),
            objects,
            out_of_memory: Vec::new(),
            prints: Vec::new(),
            prints_dropped: 0,
            latency: Latencies::default(),
            requests: Requests::default(),
            job_response: Latencies::default(),
        }
    }

    /// Counts an event that the replay has just taken.
    pub fn count(&mut self, event: &Event, replay: &Replay) {
        // Codes count up from one.
        self.events[event.kind.code() as usize - 1] += 1;
        match event.kind {
            Kind::SchedSwitch { prev, next, why } => self.switch(event, replay, prev, next, why),
            Kind::SchedWakeup { task, .. } => {
                if let Some(thread) = replay.find(task) {
                    self.thread(thread).wakeups += 1;
                }
            }
            Kind::SchedMigrate { task, .. } => {
                self.totals.migrations += 1;
                if let Some(thread) = replay.find(task) {
                    self.thread(thread).migrations += 1;
                }
            }
            Kind::SysEnter { call } => {
                self.totals.calls += 1;
                if let Some(thread) = replay.current(event) {
                    *self.thread(thread).calls.entry(call).or_default() += 1;
                }
            }
            Kind::PageFaultUser { fault, .. } => {
                self.totals.exceptions += 1;
                self.fault(event, replay, fault);
            }
            // The kernel was already entered.
            Kind::PageFaultKernel { fault, .. } => self.fault(event, replay, fault),
            Kind::ExceptionEntry { .. } => self.totals.exceptions += 1,
            Kind::InterruptRaised { vector, to } => {
                self.vector(vector).raised += 1;
                let pending = &mut self.cpu(to).pending;
                if pending.iter().all(|&(waiting, _)| waiting != vector) {
                    pending.push((vector, event.at));
                }
            }
            Kind::InterruptCoalesced { vector, .. } => self.vector(vector).coalesced += 1,
            Kind::InterruptRecognised { vector } => self.recognise(event, vector),
            Kind::IrqHandlerEntry { .. } | Kind::LocalTimerEntry | Kind::RescheduleEntry => {
                self.enter_handler(event)
            }
            Kind::IrqHandlerExit { vector, handled } => {
                self.vector(vector).spurious += u64::from(!handled);
                self.leave_handler(event);
            }
            Kind::LocalTimerExit | Kind::RescheduleExit => self.leave_handler(event),
            Kind::SignalGenerate { .. } => self.totals.signals += 1,
            Kind::ProcessExit { status } => {
                if let Some(thread) = replay.find(event.task) {
                    self.thread(thread).status = Some(status);
                }
            }
            Kind::MessageSend { object, bytes } => {
                let object = self.object(object);
                object.sent += 1;
                object.sent_bytes = object.sent_bytes.saturating_add(bytes);
            }
            Kind::MessageReceive { object, bytes } => {
                let object = self.object(object);
                object.received += 1;
                object.received_bytes = object.received_bytes.saturating_add(bytes);
            }
            Kind::PacketDropped { object, .. } => self.object(object).dropped += 1,
            Kind::LockContended { object } => self.object(object).contended += 1,
            Kind::LockAcquired { object } => self.object(object).acquired += 1,
            Kind::BlockRqIssue { object, .. } => {
                self.requests.issue(object, event.at);
                self.object(object).requests += 1;
            }
            Kind::BlockRqComplete { object, bytes, write } => {
                let busy = self.requests.complete(object, event.at);
                let object = self.object(object);
                object.busy += busy;
                *(if write { &mut object.written_bytes } else { &mut object.read_bytes }) += bytes;
            }
            Kind::Print { text } if self.prints.len() < LINES_KEPT => {
                self.prints.push((event.at, event.task, text))
            }
            Kind::Print { .. } => self.prints_dropped += 1,
            Kind::PageEvicted { write, .. } => {
                self.totals.evicted += 1;
                self.totals.evicted_dirty += u64::from(write);
            }
            Kind::OomKill { task, .. } => self.out_of_memory.push(task),
            Kind::DataLost { object, bytes } => self.object(object).lost_bytes += bytes,
            Kind::JobRelease { task, number, release, deadline } => {
                self.jobs(replay, task).iter_mut().for_each(|jobs| jobs.release(number, release, deadline));
            }
            Kind::JobEnd { task, number } => {
                let response = self.jobs(replay, task).and_then(|jobs| jobs.end(number, event.at));
                response.into_iter().for_each(|response| self.job_response.record(response));
            }
            Kind::DeadlineMiss { task, .. } => self.jobs(replay, task).into_iter().for_each(JobTally::miss),
            Kind::JobDrop { task, .. } => self.jobs(replay, task).into_iter().for_each(JobTally::drop_one),
            Kind::SchedExit
            | Kind::SchedWaking { .. }
            | Kind::SysExit { .. }
            | Kind::ExceptionExit
            | Kind::SoftirqEntry { .. }
            | Kind::SoftirqExit { .. }
            | Kind::SignalDeliver { .. }
            | Kind::ProcessFork { .. }
            | Kind::ProcessExec { .. }
            | Kind::SchedPiSetprio { .. }
            | Kind::SchedPick { .. }
            | Kind::SchedLoad { .. }
            | Kind::SchedBoost { .. }
            | Kind::FramesFree { .. }
            | Kind::PagesUnmapped { .. }
            | Kind::LockReleased { .. } => {}
        }
    }

    fn switch(&mut self, event: &Event, replay: &Replay, prev: Tid, next: Tid, why: Why) {
        if prev == next {
            // The thread was chosen again: that takes the time of a switch, and is none.
            return;
        }
        self.totals.switches += 1;
        if let Some(cpu) = event.cpu {
            self.cpu(cpu).sums.switches += 1;
        }
        if let Some(thread) = replay.find(prev) {
            let switches = &mut self.thread(thread).switches;
            match why {
                Why::Blocked { .. } => switches.blocked += 1,
                Why::Yielded => switches.yielded += 1,
                Why::Exited => switches.exited += 1,
                Why::SliceEnd => switches.slice_end += 1,
                Why::Preempted { .. } => switches.preempted += 1,
                Why::WorkArrived => {}
            }
        }
        if let Some(thread) = replay.find(next) {
            let thread = self.thread(thread);
            thread.first_run.get_or_insert(event.at);
            thread.dispatches += 1;
            let latency = thread.end_wait();
            self.latency.record(latency);
        }
    }

    /// Counts what was still going on at the end of the run.
    pub fn finish(&mut self, end: Instant) {
        for (object, busy) in self.requests.finish(end) {
            self.object(object).busy += busy;
        }
        for thread in &mut self.threads {
            thread.end_wait();
        }
    }

    fn jobs(&mut self, replay: &Replay, task: Tid) -> Option<&mut JobTally> {
        let thread = replay.find(task)?;
        Some(self.thread(thread).jobs.get_or_insert_default())
    }

    fn fault(&mut self, event: &Event, replay: &Replay, fault: Fault) {
        if let Some(thread) = replay.current(event) {
            self.thread(thread).faults[fault as usize] += 1;
        }
    }

    fn recognise(&mut self, event: &Event, vector: Vector) {
        self.vector(vector).recognised += 1;
        let Some(cpu) = event.cpu else { return };
        let cpu = self.cpu(cpu);
        cpu.recognised = Some((vector, event.at));
        let pending = cpu.pending.iter().position(|&(waiting, _)| waiting == vector);
        if let Some((_, raised)) = pending.map(|pending| cpu.pending.swap_remove(pending)) {
            self.vector(vector).latency.record(event.at.since(raised));
        }
    }

    fn enter_handler(&mut self, event: &Event) {
        self.totals.interrupts += 1;
        if let Some(cpu) = event.cpu {
            let cpu = self.cpu(cpu);
            cpu.sums.interrupts += 1;
            let recognised = cpu.recognised.take();
            cpu.handlers.push(recognised);
        }
    }

    fn leave_handler(&mut self, event: &Event) {
        let left = event.cpu.and_then(|cpu| self.cpu(cpu).handlers.pop());
        if let Some(Some((vector, recognised))) = left {
            self.vector(vector).handling.record(event.at.since(recognised));
        }
    }

    fn thread(&mut self, thread: usize) -> &mut ThreadTally {
        if self.threads.len() <= thread {
            self.threads.resize_with(thread + 1, ThreadTally::default);
        }
        &mut self.threads[thread]
    }

    pub fn cpu(&mut self, cpu: CpuId) -> &mut CpuTally {
        if self.cpus.len() <= cpu.index() {
            self.cpus.resize_with(cpu.index() + 1, CpuTally::default);
        }
        &mut self.cpus[cpu.index()]
    }

    fn vector(&mut self, vector: Vector) -> &mut VectorTally {
        self.vectors.entry(vector).or_default()
    }

    /// An object that the header doesn't list goes by its number.
    fn object(&mut self, object: ObjectId) -> &mut ObjectSummary {
        self.objects
            .entry(object)
            .or_insert_with(|| ObjectSummary { name: format!("object {object}"), ..ObjectSummary::default() })
    }
}

impl Observer for Tally {
    fn cpu(&mut self, cpu: CpuId, _: Tid, state: CpuState, from: Instant, to: Instant) {
        let sums = &mut Tally::cpu(self, cpu).sums;
        let sum = match state {
            CpuState::Idle => &mut sums.idle,
            CpuState::User => &mut sums.user,
            CpuState::Kernel(_) => &mut sums.kernel,
            CpuState::Switch => &mut sums.switch,
            CpuState::Interrupt(_) => &mut sums.interrupt,
        };
        *sum += to.since(from);
    }

    fn thread(&mut self, thread: usize, _: Option<CpuId>, state: ThreadState, from: Instant, to: Instant) {
        let span = to.since(from);
        if let ThreadState::Blocked { object: Some(object), .. } = state {
            self.object(object).blocked += span;
        }
        let tally = Tally::thread(self, thread);
        let sum = match state {
            ThreadState::User => &mut tally.user,
            ThreadState::Kernel(_) => &mut tally.kernel,
            ThreadState::Interrupted(_) => &mut tally.interrupt,
            ThreadState::Switch => &mut tally.switch,
            ThreadState::Ready => &mut tally.ready,
            ThreadState::Blocked { on, .. } => &mut tally.blocked[on as usize],
        };
        *sum += span;
    }
}

impl ThreadTally {
    /// How long it was ready since it last had a CPU.
    fn end_wait(&mut self) -> Span {
        let wait = self.ready.saturating_sub(self.waited);
        self.waited = self.ready;
        self.longest_wait = self.longest_wait.max(wait);
        wait
    }

    pub fn usage(&self, calls: &[String]) -> Usage {
        let name = |call: &CallId| calls.get(call.index()).cloned().unwrap_or_else(|| format!("call {call}"));
        Usage {
            user: self.user,
            kernel: self.kernel,
            interrupt: self.interrupt,
            switch: self.switch,
            ready: self.ready,
            blocked: Cause::ALL
                .iter()
                .copied()
                .zip(self.blocked)
                .filter(|(_, span)| !span.is_zero())
                .collect(),
            faults: Fault::ALL.iter().copied().zip(self.faults).filter(|&(_, count)| count > 0).collect(),
            calls: self.calls.iter().map(|(call, &count)| (name(call), count)).collect(),
            switches: self.switches,
            wakeups: self.wakeups,
        }
    }
}
