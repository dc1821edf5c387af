//! Follows a trace and says what every CPU and every thread did, from when to when.
//!
//! A thread's mode is a stack of what the kernel does for it: empty in user mode, one entry for each system call,
//! fault or exception that it is inside of. A CPU adds its own stack of interrupt handlers, and whether it is
//! between two threads. A signal that is delivered without a handler ends its thread: the kernel is at work then.
//! A trace that lost events is followed as well as it can be: an exit without its entry changes nothing, and the end
//! of a call closes whatever was still open inside it.

use std::collections::HashMap;

use crate::ids::{CpuId, Pid, Tid};
use crate::signal::DefaultAction;
use crate::time::Instant;
use crate::trace::{Event, Header, Kind, Why};

use super::state::{CpuState, Handler, ThreadState, Work};

/// Gets the pieces of time, each as soon as it is over. Pieces of no length are left out.
pub trait Observer {
    /// `task` was current on the CPU, and the CPU was in that state, from `from` until `to`.
    fn cpu(&mut self, cpu: CpuId, task: Tid, state: CpuState, from: Instant, to: Instant);

    /// The thread at index `thread` of [`Replay::threads`] was in that state; on `cpu` if on any.
    fn thread(&mut self, thread: usize, cpu: Option<CpuId>, state: ThreadState, from: Instant, to: Instant);
}

/// A thread and where it stands.
#[derive(Clone, Debug)]
pub struct Thread {
    pub task: Tid,
    pub process: Pid,
    pub parent: Tid,
    pub name: String,
    /// When it began to exist, if it has.
    pub start: Option<Instant>,
    /// When it left its CPU for the last time, if it has.
    pub end: Option<Instant>,
    /// The innermost last.
    work: Vec<Work>,
    cpu: Option<CpuId>,
    state: Option<ThreadState>,
    since: Instant,
}

#[derive(Clone, Debug)]
struct Cpu {
    task: Tid,
    /// The current thread's index; none while idle.
    thread: Option<usize>,
    switching: bool,
    handlers: Vec<Handler>,
    /// What is being reported, since when.
    shown: (Tid, CpuState),
    since: Instant,
}

impl Cpu {
    const IDLE: Cpu = Cpu {
        task: Tid::IDLE,
        thread: None,
        switching: false,
        handlers: Vec::new(),
        shown: (Tid::IDLE, CpuState::Idle),
        since: Instant::START,
    };
}

/// Where all CPUs and threads stand after the events so far.
#[derive(Clone, Debug)]
pub struct Replay {
    cpus: Vec<Cpu>,
    threads: Vec<Thread>,
    /// Looked up only, never walked: its order can't reach a result.
    index: HashMap<Tid, usize>,
    /// False if the source doesn't observe switches: whether a thread runs, and what it does, is never known.
    sees_switches: bool,
    /// False if the source doesn't observe the end of switches: then they take no time.
    switches_end: bool,
}

impl Replay {
    /// All CPUs idle, the initial threads ready from their start on.
    pub fn new(header: &Header) -> Replay {
        let observes = |name| header.observes.is_empty() || header.observes.iter().any(|kind| kind == name);
        let (sees_switches, switches_end) = (observes("sched_switch"), observes("sched_exit"));
        let mut replay = Replay {
            cpus: vec![Cpu::IDLE; header.cpus.into()],
            threads: Vec::new(),
            index: HashMap::new(),
            sees_switches,
            switches_end,
        };
        for entry in header.initial.iter().filter(|entry| entry.task > Tid::INIT) {
            let thread = replay.announce(entry.task, entry.process, entry.parent, &entry.name);
            replay.begin(thread, entry.start);
        }
        replay
    }

    /// Learns a thread's name and family before the first event that names it.
    pub fn announce(&mut self, task: Tid, process: Pid, parent: Tid, name: &str) -> usize {
        let thread = self.thread(task);
        let known = &mut self.threads[thread];
        known.process = process;
        known.parent = parent;
        name.clone_into(&mut known.name);
        thread
    }

    /// All threads seen so far, in the order in which they were announced.
    pub fn threads(&self) -> &[Thread] {
        &self.threads
    }

    /// The CPUs that the header promised, and any others that had events.
    pub fn cpus(&self) -> usize {
        self.cpus.len()
    }

    /// The thread's index in [`threads`](Self::threads), if it has been seen.
    pub fn find(&self, task: Tid) -> Option<usize> {
        self.index.get(&task).copied()
    }

    /// The index of the thread that the event belongs to; none if its CPU was idle.
    pub fn current(&self, event: &Event) -> Option<usize> {
        let cpu = event.cpu.and_then(|cpu| self.cpus.get(cpu.index()));
        match cpu {
            Some(cpu) if cpu.task == event.task => cpu.thread,
            Some(_) | None => self.find(event.task),
        }
    }

    /// The innermost interrupt handler that runs on the CPU.
    pub fn handler(&self, cpu: CpuId) -> Option<Handler> {
        self.cpus.get(cpu.index())?.handlers.last().copied()
    }

    /// Takes the next event, and reports the pieces of time that it ends.
    pub fn event(&mut self, event: &Event, observer: &mut impl Observer) {
        let at = event.at;
        let cpu = event.cpu.map(|cpu| self.cpu(cpu));
        match event.kind {
            Kind::SchedSwitch { prev, next, why } => {
                if let Some(cpu) = cpu {
                    self.switch(cpu, prev, next, why, at, observer);
                }
            }
            Kind::SchedExit => {
                if let Some(cpu) = cpu {
                    self.cpus[cpu].switching = false;
                }
            }
            Kind::SchedWakeup { task, on: _ } => self.wake(task, at, observer),
            Kind::SysEnter { call } => self.enter(event, Work::Call(call)),
            Kind::SysExit { .. } => self.leave_call(event),
            Kind::PageFaultUser { fault, .. } => self.enter(event, Work::Fault(fault)),
            Kind::ExceptionEntry { exception } => self.enter(event, Work::Exception(exception)),
            Kind::ExceptionExit => self.leave_exception(event),
            Kind::SignalDeliver { signal, handled: false }
                if signal.default_action() == DefaultAction::Terminate =>
            {
                self.enter(event, Work::Death(signal));
            }
            Kind::IrqHandlerEntry { vector } => self.push(cpu, Handler::Irq(vector)),
            Kind::IrqHandlerExit { vector, .. } => self.pop(cpu, Handler::Irq(vector)),
            Kind::SoftirqEntry { vector } => self.push(cpu, Handler::Softirq(vector)),
            Kind::SoftirqExit { vector } => self.pop(cpu, Handler::Softirq(vector)),
            Kind::LocalTimerEntry => self.push(cpu, Handler::Timer),
            Kind::LocalTimerExit => self.pop(cpu, Handler::Timer),
            Kind::RescheduleEntry => self.push(cpu, Handler::Reschedule),
            Kind::RescheduleExit => self.pop(cpu, Handler::Reschedule),
            Kind::ProcessFork { child, .. } => self.fork(event, child),
            Kind::ProcessExit { .. } => self.exit(event, observer),
            Kind::SchedWaking { .. }
            | Kind::SchedMigrate { .. }
            | Kind::PageFaultKernel { .. }
            | Kind::InterruptRaised { .. }
            | Kind::InterruptCoalesced { .. }
            | Kind::InterruptRecognised { .. }
            | Kind::SignalGenerate { .. }
            | Kind::SignalDeliver { .. }
            | Kind::ProcessExec { .. }
            | Kind::MessageSend { .. }
            | Kind::MessageReceive { .. }
            | Kind::SchedPiSetprio { .. }
            | Kind::LockContended { .. }
            | Kind::LockAcquired { .. }
            | Kind::LockReleased { .. }
            | Kind::BlockRqIssue { .. }
            | Kind::BlockRqComplete { .. }
            | Kind::PacketDropped { .. }
            | Kind::Print { .. }
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
            | Kind::OomKill { .. } => return,
        }
        if let Some(cpu) = cpu {
            self.settle(cpu, at, observer);
        }
    }

    /// Reports what was still going on at the end of the run.
    pub fn finish(&mut self, end: Instant, observer: &mut impl Observer) {
        self.unfinished(end, observer);
        self.cpus.iter_mut().for_each(|cpu| cpu.since = cpu.since.max(end));
        self.threads.iter_mut().for_each(|thread| thread.since = thread.since.max(end));
    }

    /// Reports what is still going on, up to a moment at or after the last event, and goes on.
    pub fn unfinished(&self, now: Instant, observer: &mut impl Observer) {
        for (number, cpu) in self.cpus.iter().enumerate() {
            let (task, state) = cpu.shown;
            if cpu.since < now {
                observer.cpu(CpuId::from(number), task, state, cpu.since, now);
            }
        }
        for (number, thread) in self.threads.iter().enumerate() {
            if let Some(state) = thread.state.filter(|_| thread.since < now) {
                observer.thread(number, thread.cpu, state, thread.since, now);
            }
        }
    }

    fn cpu(&mut self, cpu: CpuId) -> usize {
        if self.cpus.len() <= cpu.index() {
            self.cpus.resize(cpu.index() + 1, Cpu::IDLE);
        }
        cpu.index()
    }

    fn thread(&mut self, task: Tid) -> usize {
        let next = self.threads.len();
        let thread = *self.index.entry(task).or_insert(next);
        if thread == next {
            self.threads.push(Thread {
                task,
                process: task.leads(),
                parent: Tid::INIT,
                name: format!("task {task}"),
                start: None,
                end: None,
                work: Vec::new(),
                cpu: None,
                state: None,
                since: Instant::START,
            });
        }
        thread
    }

    fn begin(&mut self, thread: usize, at: Instant) {
        let thread = &mut self.threads[thread];
        if self.sees_switches && thread.start.is_none() {
            thread.start = Some(at);
            thread.since = at;
            thread.state = Some(ThreadState::Ready);
        }
    }

    fn switch(
        &mut self,
        cpu: usize,
        prev: Tid,
        next: Tid,
        why: Why,
        at: Instant,
        observer: &mut impl Observer,
    ) {
        if prev != Tid::IDLE {
            let thread = self.thread(prev);
            self.begin(thread, at);
            let state = match why {
                Why::Blocked { on, object } => Some(ThreadState::Blocked { on, object }),
                Why::SliceEnd | Why::Preempted { .. } | Why::Yielded | Why::WorkArrived => {
                    Some(ThreadState::Ready)
                }
                Why::Exited => None,
            };
            self.put(thread, state, at, observer);
            let thread = &mut self.threads[thread];
            thread.cpu = None;
            if state.is_none() {
                thread.end = Some(at);
            }
        }
        let thread = (next != Tid::IDLE).then(|| self.thread(next));
        if let Some(thread) = thread {
            self.begin(thread, at);
            // What it was until now happened off any CPU, so that is reported first.
            self.put(thread, Some(ThreadState::Switch), at, observer);
            self.threads[thread].cpu = Some(CpuId::from(cpu));
        }
        let cpu = &mut self.cpus[cpu];
        cpu.task = next;
        cpu.thread = thread;
        cpu.switching = self.switches_end;
    }

    fn wake(&mut self, task: Tid, at: Instant, observer: &mut impl Observer) {
        let thread = self.thread(task);
        self.begin(thread, at);
        let awake = &self.threads[thread];
        if awake.cpu.is_none() && awake.end.is_none() {
            self.put(thread, Some(ThreadState::Ready), at, observer);
        }
    }

    /// The child begins inside the call that made it, as its parent stands.
    fn fork(&mut self, event: &Event, child: Tid) {
        let work = self.find(event.task).map(|parent| self.threads[parent].work.clone());
        let child = self.thread(child);
        self.begin(child, event.at);
        self.threads[child].work = work.unwrap_or_default();
    }

    /// A thread that is current ends when its CPU leaves it; one that isn't ends at once.
    fn exit(&mut self, event: &Event, observer: &mut impl Observer) {
        if let Some(thread) = self.find(event.task)
            && self.threads[thread].cpu.is_none()
        {
            self.put(thread, None, event.at, observer);
            self.threads[thread].end = Some(event.at);
        }
    }

    fn enter(&mut self, event: &Event, work: Work) {
        if let Some(thread) = self.current(event) {
            let open = &mut self.threads[thread].work;
            open.pop_if(|work| matches!(work, Work::Death(_)));
            open.push(work);
        }
    }

    fn leave_call(&mut self, event: &Event) {
        if let Some(thread) = self.current(event) {
            let work = &mut self.threads[thread].work;
            if let Some(call) = work.iter().rposition(|work| matches!(work, Work::Call(_))) {
                work.truncate(call);
            }
        }
    }

    fn leave_exception(&mut self, event: &Event) {
        if let Some(thread) = self.current(event) {
            let work = &mut self.threads[thread].work;
            work.pop_if(|work| matches!(work, Work::Fault(_) | Work::Exception(_)));
        }
    }

    fn push(&mut self, cpu: Option<usize>, handler: Handler) {
        cpu.into_iter().for_each(|cpu| self.cpus[cpu].handlers.push(handler));
    }

    fn pop(&mut self, cpu: Option<usize>, handler: Handler) {
        if let Some(cpu) = cpu {
            let handlers = &mut self.cpus[cpu].handlers;
            if let Some(entry) = handlers.iter().rposition(|&open| open == handler) {
                handlers.truncate(entry);
            }
        }
    }

    /// Brings what the CPU and its current thread are said to do up to date.
    fn settle(&mut self, number: usize, at: Instant, observer: &mut impl Observer) {
        let cpu = &mut self.cpus[number];
        let work = cpu.thread.and_then(|thread| self.threads[thread].work.last());
        let (state, of_thread) = match (cpu.handlers.last(), cpu.switching, work) {
            (Some(&handler), _, _) => (CpuState::Interrupt(handler), ThreadState::Interrupted(handler)),
            (None, true, _) => (CpuState::Switch, ThreadState::Switch),
            (None, false, Some(&work)) => (CpuState::Kernel(work), ThreadState::Kernel(work)),
            (None, false, None) if cpu.thread.is_none() => (CpuState::Idle, ThreadState::Ready),
            (None, false, None) => (CpuState::User, ThreadState::User),
        };
        if (cpu.task, state) != cpu.shown {
            let (task, before) = cpu.shown;
            if cpu.since < at {
                observer.cpu(CpuId::from(number), task, before, cpu.since, at);
            }
            cpu.since = at;
            cpu.shown = (cpu.task, state);
        }
        if let Some(thread) = cpu.thread {
            self.put(thread, Some(of_thread), at, observer);
        }
    }

    /// The thread goes into another state; `None` before its beginning and after its end.
    fn put(&mut self, thread: usize, state: Option<ThreadState>, at: Instant, observer: &mut impl Observer) {
        if self.threads[thread].state != state {
            self.report(thread, at, observer);
            self.threads[thread].state = state;
        }
    }

    fn report(&mut self, number: usize, at: Instant, observer: &mut impl Observer) {
        let thread = &mut self.threads[number];
        if let Some(state) = thread.state.filter(|_| thread.since < at) {
            observer.thread(number, thread.cpu, state, thread.since, at);
        }
        thread.since = thread.since.max(at);
    }
}
