//! Signals: sending them, and what they do to a process that has no handler.
//!
//! Whoever has a signal to look at gets `attention`: it is looked after when the thread is about to
//! return to user mode; one that waits is woken for that, unless it waits for a device (an
//! uninterruptible wait, Linux's state D). A deadly signal dooms all threads of the process.

use crate::hw::interrupt::RESCHEDULE;
use crate::ids::{Pid, Tid};
use crate::signal::{DefaultAction, Signal};
use crate::trace::{Cause, Kind, Sink};

use super::Kernel;
use super::dispositions::{Handler, UNBLOCKABLE};
use super::task::{Phase, State};
use super::waits::Interruption;

/// What a thread has to do before it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Nothing,
    /// It ends.
    Ends(u16),
    /// It stops until SIGCONT.
    Stops,
    /// It leaves its job, which has been given up.
    LeavesJob,
    /// It runs a handler.
    Handles(Signal, Handler),
}

impl<S: Sink> Kernel<S> {
    /// Sends a signal to a process; false if there is no such process.
    pub fn send_signal(&mut self, cpu: usize, to: Pid, signal: Signal) -> bool {
        let Some(process) = self.processes.get(to.index()).and_then(Option::as_ref) else {
            return false;
        };
        if to == Pid::INIT || !process.is_alive() {
            return to != Pid::INIT && matches!(process.phase, Phase::Zombie { .. });
        }
        self.emit(cpu, Kind::SignalGenerate { signal, to: to.leader() });
        self.post(cpu, to, None, signal);
        true
    }

    /// Whether a signal could be sent to such a process; a zombie counts.
    pub fn is_there(&self, process: Pid) -> bool {
        let process = self.processes.get(process.index()).filter(|_| process != Pid::INIT);
        process.and_then(Option::as_ref).is_some_and(|process| match process.phase {
            Phase::Alive | Phase::Zombie { .. } => true,
            Phase::Gone { .. } => false,
        })
    }

    /// Sends a signal to one thread of a process; false if there is no such thread.
    pub fn send_to_thread(&mut self, cpu: usize, to: Tid, signal: Signal) -> bool {
        let Some(task) = self.tasks.get(to.index()) else { return false };
        if task.process == Pid::INIT || to == Tid::IDLE || task.state == State::Ended {
            return false;
        }
        let process = task.process;
        self.emit(cpu, Kind::SignalGenerate { signal, to });
        self.post(cpu, process, Some(to), signal);
        true
    }

    /// Whether a signal has no effect on a process that doesn't block it.
    pub(super) fn is_ignored(&self, process: Pid, signal: Signal) -> bool {
        let ignored =
            self.processes[process.index()].as_ref().is_some_and(|own| own.ignored & signal.bit() != 0);
        if signal.bit() & UNBLOCKABLE != 0 {
            return false;
        }
        let harmless = match signal.default_action() {
            DefaultAction::Ignore | DefaultAction::Continue => true,
            DefaultAction::Terminate | DefaultAction::Stop => false,
        };
        ignored || (harmless && self.signals.handler(process, signal).is_none())
    }

    /// Makes a signal pending and looks for a thread that takes it; as `__send_signal` does.
    fn post(&mut self, cpu: usize, process: Pid, thread: Option<Tid>, signal: Signal) {
        self.before_signal(cpu, process, signal);
        let first = thread.unwrap_or(process.leader());
        let held = self.signals.threads.get(&first).map_or(0, |own| own.blocked | own.awaits);
        if held & signal.bit() == 0 && self.is_ignored(process, signal) {
            return;
        }
        let set = match thread {
            Some(thread) => &mut self.signals.thread(thread).pending,
            None => &mut self.signals.process(process).pending,
        };
        // A second one of the same kind is lost, but for SIGKILL it makes no difference.
        if *set & signal.bit() != 0 {
            return;
        }
        *set |= signal.bit();
        let Some(taker) = self.taker(process, thread, signal) else { return };
        let deadly = self.is_deadly(process, signal);
        let awaited = self.signals.threads.get(&taker).is_some_and(|own| own.awaits & signal.bit() != 0);
        if deadly && !awaited {
            self.signals.take(taker, process, signal);
            return self.doom_all(cpu, process, 128 + signal as u16);
        }
        self.tasks[taker.index()].attention = true;
        self.bring_to_kernel(cpu, taker);
    }

    fn is_deadly(&self, process: Pid, signal: Signal) -> bool {
        let by_default = match signal.default_action() {
            DefaultAction::Terminate => true,
            DefaultAction::Ignore | DefaultAction::Stop | DefaultAction::Continue => false,
        };
        by_default && !self.is_ignored(process, signal) && self.signals.handler(process, signal).is_none()
    }

    /// The thread that takes a signal: the one it is for, or the process's main thread, or another
    /// that doesn't block it and has nothing else to look at.
    fn taker(&self, process: Pid, thread: Option<Tid>, signal: Signal) -> Option<Tid> {
        let takes = |thread: &Tid| {
            let task = &self.tasks[thread.index()];
            let own = self.signals.threads.get(thread);
            let blocked = own.map_or(0, |own| own.blocked & !own.awaits) & signal.bit() != 0;
            let stopped = matches!(task.state, State::Blocked { on: Cause::Stopped, .. });
            task.process == process
                && task.state != State::Ended
                && !blocked
                && (signal == Signal::SIGKILL
                    || (!stopped && (task.state == State::Running || !task.attention)))
        };
        match thread {
            Some(thread) => Some(thread).filter(takes),
            None => (process.index()..self.tasks.len()).map(Tid::from).find(takes),
        }
    }

    /// A thread with something to look at is brought to where it can.
    pub(super) fn bring_to_kernel(&mut self, cpu: usize, thread: Tid) {
        let task = &self.tasks[thread.index()];
        match task.state {
            State::Blocked { on: Cause::Stopped, .. } => {}
            State::Blocked { on, .. } => self.interrupt_wait(cpu, thread, on, Interruption::Signal),
            State::Running if task.cpu.index() != cpu => {
                let to = task.cpu;
                self.send_ipi(cpu, to, RESCHEDULE);
            }
            State::Running | State::Ready | State::Ended => {}
        }
    }

    /// All threads of a process must end with this status.
    pub(super) fn doom_all(&mut self, cpu: usize, process: Pid, status: u16) {
        for index in process.index()..self.tasks.len() {
            let task = &self.tasks[index];
            if task.process == process && task.state != State::Ended {
                self.doom(cpu, Tid::from(index), status);
            }
        }
    }

    /// A thread must end with this status; it is brought to where it can.
    pub(super) fn doom(&mut self, cpu: usize, thread: Tid, status: u16) {
        let task = &mut self.tasks[thread.index()];
        if task.doomed.is_some() {
            return;
        }
        (task.doomed, task.attention) = (Some(status), true);
        match task.state {
            State::Blocked { on: on @ Cause::Stopped, .. } => {
                self.interrupt_wait(cpu, thread, on, Interruption::Signal);
            }
            State::Blocked { .. } | State::Running | State::Ready | State::Ended => {
                self.bring_to_kernel(cpu, thread);
            }
        }
    }

    /// Disposes of all that a thread has to look at, up to the first thing that it must do itself. A
    /// handler's signal stays pending until [`begin_handler`](Self::begin_handler).
    pub fn settle(&mut self, cpu: usize, thread: Tid) -> Next {
        let process = self.tasks[thread.index()].process;
        loop {
            if let Some(status) = self.tasks[thread.index()].doomed {
                return Next::Ends(status);
            }
            if self.signals.processes.get(&process).is_some_and(|own| own.stop.is_some()) {
                return Next::Stops;
            }
            if self.given_up.contains(&thread) {
                return Next::LeavesJob;
            }
            let open = !self.signals.blocked(thread);
            let Some(signal) = self.signals.next_of(thread, process, open) else {
                self.tasks[thread.index()].attention = false;
                return Next::Nothing;
            };
            if let Some(handler) = self.signals.handler(process, signal) {
                return Next::Handles(signal, handler);
            }
            self.signals.take(thread, process, signal);
            if self.is_ignored(process, signal) {
                continue;
            }
            match signal.default_action() {
                DefaultAction::Terminate => self.doom_all(cpu, process, 128 + signal as u16),
                DefaultAction::Stop => self.begin_stop(cpu, process, signal),
                DefaultAction::Ignore | DefaultAction::Continue => {}
            }
        }
    }

    /// The current thread is about to run a handler: gives the mask that it goes back to.
    pub fn begin_handler(&mut self, cpu: usize, thread: Tid, signal: Signal, handler: Handler) -> u64 {
        let process = self.tasks[thread.index()].process;
        self.signals.take(thread, process, signal);
        self.emit(cpu, Kind::SignalDeliver { signal, handled: true });
        if handler.once
            && let Some(own) = self.signals.processes.get_mut(&process)
        {
            own.handlers.remove(&signal);
        }
        let own = self.signals.thread(thread);
        let before = own.saved.take().unwrap_or(own.blocked);
        own.blocked = handler.mask(own.blocked, signal) & !UNBLOCKABLE;
        before
    }

    /// The current thread's own instruction has earned it a signal, whatever its rules are: a handler
    /// runs only if the thread doesn't block the signal.
    pub fn force_signal(&mut self, cpu: usize, thread: Tid, signal: Signal) {
        let process = self.tasks[thread.index()].process;
        let blocked = self.signals.blocked(thread) & signal.bit() != 0;
        let ignored =
            self.processes[process.index()].as_ref().is_some_and(|own| own.ignored & signal.bit() != 0);
        if blocked || ignored {
            self.set_rule(process, signal, None, false);
            if let Some(own) = self.signals.threads.get_mut(&thread) {
                own.blocked &= !signal.bit();
            }
        }
        self.emit(cpu, Kind::SignalGenerate { signal, to: thread });
        self.post(cpu, process, Some(thread), signal);
    }

    /// A thread with something to look at is over: what was sent to its process is for another.
    pub(super) fn pass_signals_on(&mut self, cpu: usize, gone: Tid) {
        let process = self.tasks[gone.index()].process;
        self.signals.threads.remove(&gone);
        let pending = self.signals.processes.get(&process).map_or(0, |own| own.pending);
        if pending == 0 {
            return;
        }
        for index in process.index()..self.tasks.len() {
            let (thread, task) = (Tid::from(index), &self.tasks[index]);
            if task.process == process && task.state != State::Ended && !task.attention {
                self.look_again(thread);
                if self.tasks[index].attention {
                    self.bring_to_kernel(cpu, thread);
                }
            }
        }
    }

    /// Takes a thread out of whatever it waits in, and wakes it.
    pub(super) fn interrupt_wait(&mut self, cpu: usize, thread: Tid, on: Cause, why: Interruption) {
        if matches!(on, Cause::Disk | Cause::Page) {
            return;
        }
        self.leave_queue(thread, on);
        if !self.pi.is_empty() {
            self.leave_pi(cpu, thread);
        }
        self.tasks[thread.index()].interruption = Some(why);
        self.wake(cpu, thread);
    }

    /// The current thread doesn't wait after all: it leaves the queue that its call has put it into,
    /// and its time limit is void.
    pub fn cancel_wait(&mut self, thread: Tid, on: Cause) {
        self.leave_queue(thread, on);
        if !self.pi.is_empty() {
            self.leave_pi(self.tasks[thread.index()].cpu.index(), thread);
        }
        let task = &mut self.tasks[thread.index()];
        task.interruption = None;
        if task.timer != 0 {
            task.timer = 0;
            self.hopes -= 1;
        }
    }

    fn leave_queue(&mut self, thread: Tid, on: Cause) {
        let process = self.tasks[thread.index()].process;
        let Kernel { tasks, pipes, futexes, processes, terminal, waits, .. } = self;
        match on {
            Cause::Disk | Cause::Page => {}
            Cause::PipeRead => {
                pipes.iter_mut().any(|pipe| pipe.waiting_readers.remove(thread, tasks));
            }
            Cause::PipeWrite => {
                pipes.iter_mut().any(|pipe| pipe.waiting_writers.remove(thread, tasks));
            }
            Cause::Futex | Cause::Lock | Cause::Semaphore => futexes.cancel(thread, tasks),
            Cause::Child | Cause::Thread => {
                if let Some(process) = &mut processes[process.index()] {
                    process.parents_waiting.remove(thread, tasks);
                    process.joiners.remove(thread, tasks);
                }
            }
            Cause::Terminal => {
                terminal.waiting.remove(thread, tasks);
            }
            Cause::Sleep | Cause::Release | Cause::Signal => {}
            Cause::Poll => self.watchers.remove(thread),
            Cause::Network
            | Cause::Message
            | Cause::MessageRoom
            | Cause::SemaphoreSet
            | Cause::Fifo
            | Cause::SocketRead
            | Cause::SocketWrite
            | Cause::Accept
            | Cause::Connect
            | Cause::Counter
            | Cause::Completion
            | Cause::Stopped => waits.cancel(thread, tasks),
        }
    }
}
