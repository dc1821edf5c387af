//! Births and deaths: threads, processes, zombies and orphans.

use std::sync::Arc;

use crate::ids::{CpuId, Pid, StepId, Tid};
use crate::signal::Signal;
use crate::time::Span;
use crate::trace::{Kind, Sink};

use super::Kernel;
use super::file::Opened;
use super::memory::AddressSpace;
use super::reclaim::MEMORY;
use super::sched::Parameters;
use super::task::{Affinity, Phase, Process, State, Task};
use super::wait::{Link, WaitQueue};
use super::work::{Context, Work};

/// A run never uses a number twice, and has so many: Linux's largest `pid_max`.
pub const MOST_BIRTHS: u32 = 4_194_304;
const _: () = assert!(MOST_BIRTHS <= crate::hw::timers::MOST_THREADS, "timers tell all threads apart");

/// What the kernel needs to know of a new thread.
#[derive(Clone, Debug)]
pub struct Birth {
    /// A process of its own under this parent, or a thread of an existing process.
    pub place: Place,
    /// Which program it runs; the kernel only compares it.
    pub program: u16,
    pub parameters: Arc<Parameters>,
    pub affinity: Affinity,
    pub context: Context,
}

/// Where a new thread belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    ChildOf(Pid),
    ThreadOf(Pid),
}

/// What a wait for a child finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// This child has ended with this status.
    Ended(Pid, u16),
    /// There are such children, all alive.
    Alive,
    /// There is no such child.
    None,
}

impl Task {
    fn of(process: Pid, birth: &Birth) -> Task {
        Task {
            process,
            state: State::Ready,
            context: birth.context,
            left: Span::ZERO,
            cpu: CpuId(0),
            affinity: birth.affinity,
            step: StepId::NONE,
            next_waiter: Link::default(),
            timer: 0,
            doomed: None,
            attention: false,
            interruption: None,
        }
    }
}

impl Process {
    fn of(parent: Pid, program: u16) -> Process {
        Process {
            parent,
            program,
            phase: Phase::Alive,
            threads: 1,
            space: AddressSpace::default(),
            files: Vec::new(),
            ignored: 0,
            group: Pid::INIT,
            executed: false,
            youngest_child: None,
            older_sibling: None,
            parents_waiting: WaitQueue::default(),
            joiners: WaitQueue::default(),
        }
    }
}

impl<S: Sink> Kernel<S> {
    /// A new thread, not yet in any run queue; none if there is no number left for it.
    pub fn create(&mut self, birth: Birth) -> Option<Tid> {
        if self.numbers_in_use >= self.options.max_tasks || self.tasks.len() >= MOST_BIRTHS as usize {
            return None;
        }
        let id = Tid::from(self.tasks.len());
        let process = match birth.place {
            Place::ChildOf(parent) => {
                self.processes.push(Some(Box::new(self.newborn(parent, birth.program))));
                if parent != Pid::INIT
                    && let Some(parent) = &mut self.processes[parent.index()]
                {
                    parent.youngest_child = Some(id.leads());
                }
                id.leads()
            }
            Place::ThreadOf(process) => {
                self.processes.push(None);
                if let Some(process) = &mut self.processes[process.index()] {
                    process.threads += 1;
                }
                process
            }
        };
        self.is_pinned |= birth.affinity != Affinity::Any;
        self.tasks.push(Task::of(process, &birth));
        self.parameters.push(birth.parameters);
        self.numbers_in_use += 1;
        Some(id)
    }

    /// The places of idle and of init, which never run and are never counted.
    pub fn found_ancestors(&mut self) {
        let birth = Birth {
            place: Place::ThreadOf(Pid::INIT),
            program: u16::MAX,
            parameters: Arc::default(),
            affinity: Affinity::Any,
            context: Context::Idle,
        };
        for process in
            [None, Some(Box::new(Process { older_sibling: None, ..Process::of(Pid::INIT, u16::MAX) }))]
        {
            self.processes.push(process);
            self.tasks.push(Task { state: State::Ended, ..Task::of(Pid::INIT, &birth) });
            self.parameters.push(Arc::clone(&birth.parameters));
        }
    }

    fn newborn(&self, parent: Pid, program: u16) -> Process {
        let from = self.processes[parent.index()].as_ref();
        let older_sibling = from.and_then(|parent| parent.youngest_child);
        // Ignored signals stay ignored over a fork (signal(7)).
        let ignored = from.map_or(0, |parent| parent.ignored);
        let group = from.map_or(Pid::INIT, |parent| parent.group);
        Process { older_sibling, ignored, group, ..Process::of(parent, program) }
    }

    /// Begins to take the current thread apart; with `all`, its process's other threads must follow.
    pub fn begin_exit(&mut self, cpu: usize, status: u16, all: bool) {
        let current = self.cpus[cpu].current;
        self.tasks[current.index()].doomed = Some(status);
        let process = self.tasks[current.index()].process;
        let threads = self.processes[process.index()].as_ref().map_or(1, |process| process.threads);
        if all && threads > 1 {
            self.doom_others(cpu, process, current, status);
        }
        let goes_on = threads > 1 && !self.costs.thread_exit.is_zero();
        let cost = if goes_on { self.costs.thread_exit } else { self.costs.process_exit };
        self.cpus[cpu].begin(Context::Kernel(Work::ThreadExit), cost);
    }

    /// An exec leaves the process with its caller as the only thread.
    pub fn end_other_threads(&mut self, cpu: usize) {
        let current = self.cpus[cpu].current;
        let process = self.tasks[current.index()].process;
        let alone = self.processes[process.index()].as_ref().is_none_or(|process| process.threads == 1);
        if !alone {
            self.doom_others(cpu, process, current, 0);
        }
    }

    /// Whether the process has children that it hasn't waited for.
    pub fn has_children(&self, process: Pid) -> bool {
        self.processes[process.index()].as_ref().is_some_and(|process| process.youngest_child.is_some())
    }

    fn doom_others(&mut self, cpu: usize, process: Pid, but: Tid, status: u16) {
        for index in process.index()..self.tasks.len() {
            let task = &self.tasks[index];
            if task.process == process && index != but.index() && task.state != State::Ended {
                self.doom(cpu, Tid::from(index), status);
            }
        }
    }

    /// The current thread is over. With its process's last thread the process becomes a zombie,
    /// its parent is told, and its children are orphans.
    pub fn finish_exit(&mut self, cpu: usize) {
        let current = self.cpus[cpu].current;
        let task = &mut self.tasks[current.index()];
        task.state = State::Ended;
        let status = task.doomed.unwrap_or(0);
        let id = task.process;
        self.emit(cpu, Kind::ProcessExit { status });
        let Some(process) = &mut self.processes[id.index()] else {
            return;
        };
        process.threads -= 1;
        let is_last = process.threads == 0;
        let joiners = process.joiners;
        process.joiners = WaitQueue::default();
        self.wake_all(cpu, joiners);
        if !self.signals.threads.is_empty() || !self.signals.processes.is_empty() {
            self.pass_signals_on(cpu, current);
        }
        if !is_last {
            self.numbers_in_use -= 1;
            return;
        }
        self.forget_interval(id);
        let Some(process) = &mut self.processes[id.index()] else {
            return;
        };
        process.phase = Phase::Zombie { status };
        let parent = process.parent;
        let files = std::mem::take(&mut process.files);
        self.undo_semaphores(cpu, id);
        for descriptor in files.into_iter().flatten() {
            if let Opened::Queue(queue) = self.files.open[descriptor.0 as usize].what {
                self.forget_notification(queue, id);
            }
            self.drop_reference(cpu, descriptor);
        }
        self.free_space(id);
        self.tell_frames(cpu);
        self.wake_all_of(cpu, MEMORY);
        self.orphan_children(id);
        self.tell_parent(cpu, id, parent);
    }

    /// The dead process's children become init's; those that are zombies already are gone.
    fn orphan_children(&mut self, dead: Pid) {
        let mut child = self.processes[dead.index()].as_mut().and_then(|dead| dead.youngest_child.take());
        while let Some(id) = child {
            let Some(process) = &mut self.processes[id.index()] else {
                return;
            };
            process.parent = Pid::INIT;
            child = process.older_sibling.take();
            if let Phase::Zombie { status } = process.phase {
                self.bury(id, status);
            }
        }
    }

    fn tell_parent(&mut self, cpu: usize, child: Pid, parent: Pid) {
        if parent == Pid::INIT {
            let status = match self.processes[child.index()].as_ref().map(|child| child.phase) {
                Some(Phase::Zombie { status }) => status,
                Some(Phase::Alive | Phase::Gone { .. }) | None => 0,
            };
            return self.bury(child, status);
        }
        if self.leaves_no_zombies(parent) {
            if let Some(Phase::Zombie { status }) =
                self.processes[child.index()].as_ref().map(|child| child.phase)
            {
                self.unlink_child(parent, child);
                self.bury(child, status);
            }
        } else {
            self.send_signal(cpu, parent, Signal::SIGCHLD);
        }
        let Some(process) = &mut self.processes[parent.index()] else {
            return;
        };
        let waiting = std::mem::take(&mut process.parents_waiting);
        self.wake_all(cpu, waiting);
    }

    /// Whoever ignores SIGCHLD isn't told of its children's ends, and needn't wait for them (wait(2)).
    fn leaves_no_zombies(&self, parent: Pid) -> bool {
        let parent = self.processes[parent.index()].as_ref();
        parent.is_some_and(|parent| parent.ignored & Signal::SIGCHLD.bit() != 0)
    }

    pub(super) fn wake_all(&mut self, cpu: usize, mut queue: WaitQueue) {
        while let Some(waiter) = queue.pop(&mut self.tasks) {
            self.wake(cpu, waiter);
        }
    }

    /// Nothing more will be asked of the process: only its status is kept.
    fn bury(&mut self, id: Pid, status: u16) {
        self.numbers_in_use -= 1;
        if let Some(process) = &mut self.processes[id.index()] {
            process.phase = Phase::Gone { status };
            process.files = Vec::new();
        }
    }

    /// Looks for an ended child, the oldest first, of those that fit by their number and program, and
    /// takes its status.
    pub fn reap(&mut self, parent: Pid, fits: impl Fn(Pid, u16) -> bool) -> Awaited {
        let mut found = Awaited::None;
        let mut child = self.processes[parent.index()].as_ref().and_then(|parent| parent.youngest_child);
        while let Some(id) = child {
            let Some(process) = self.processes[id.index()].as_ref() else {
                break;
            };
            if fits(id, process.program) {
                match process.phase {
                    Phase::Zombie { status } => found = Awaited::Ended(id, status),
                    Phase::Alive if found == Awaited::None => found = Awaited::Alive,
                    Phase::Alive | Phase::Gone { .. } => {}
                }
            }
            child = process.older_sibling;
        }
        if let Awaited::Ended(id, status) = found {
            self.unlink_child(parent, id);
            self.bury(id, status);
        }
        found
    }

    /// The child that was forked last of those that haven't ended.
    pub fn youngest_living_child(&self, parent: Pid) -> Option<Pid> {
        let process = |id: Pid| self.processes[id.index()].as_ref();
        let youngest = process(parent)?.youngest_child;
        std::iter::successors(youngest, |&child| process(child)?.older_sibling)
            .find(|&child| process(child).is_some_and(|child| child.phase == Phase::Alive))
    }

    fn unlink_child(&mut self, parent: Pid, gone: Pid) {
        let after = self.processes[gone.index()].as_mut().and_then(|gone| gone.older_sibling.take());
        let mut here = self.processes[parent.index()].as_mut().map(|parent| &mut parent.youngest_child);
        if let Some(link) = &mut here
            && **link == Some(gone)
        {
            **link = after;
            return;
        }
        let mut child = self.processes[parent.index()].as_ref().and_then(|parent| parent.youngest_child);
        while let Some(id) = child {
            let Some(process) = &mut self.processes[id.index()] else {
                return;
            };
            if process.older_sibling == Some(gone) {
                process.older_sibling = after;
                return;
            }
            child = process.older_sibling;
        }
    }
}
