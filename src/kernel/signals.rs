//! Signals: sending them, and what they do to a process that has no handler.
//!
//! A deadly signal marks the process's threads as doomed. A doomed thread ends when it is about to
//! return to user mode; one that waits is woken for that, unless it waits for a device
//! (an uninterruptible wait, Linux's state D).

use crate::hw::interrupt::RESCHEDULE;
use crate::ids::{Pid, Tid};
use crate::signal::{DefaultAction, Signal};
use crate::trace::{Cause, Kind, Sink};

use super::Kernel;
use super::task::State;
use super::waits::Interruption;

impl<S: Sink> Kernel<S> {
    /// Sends a signal to a process; false if there is no such process.
    pub fn send_signal(&mut self, cpu: usize, to: Pid, signal: Signal) -> bool {
        let Some(process) = self.processes.get(to.index()).and_then(Option::as_ref) else {
            return false;
        };
        if to == Pid::INIT || !process.is_alive() {
            return to != Pid::INIT && matches!(process.phase, super::task::Phase::Zombie { .. });
        }
        let ignored = process.ignored & signal.bit() != 0;
        self.emit(cpu, Kind::SignalGenerate { signal, to: to.leader() });
        let deadly = match signal.default_action() {
            DefaultAction::Terminate => !ignored || signal == Signal::SIGKILL,
            DefaultAction::Ignore | DefaultAction::Stop | DefaultAction::Continue => false,
        };
        if deadly {
            let status = 128 + signal as u16;
            for index in to.index()..self.tasks.len() {
                let task = &self.tasks[index];
                if task.process == to && task.state != State::Ended {
                    self.doom(cpu, Tid::from(index), status);
                }
            }
        }
        true
    }

    /// A thread must end with this status; it is brought to where it can.
    pub(super) fn doom(&mut self, cpu: usize, thread: Tid, status: u16) {
        let task = &mut self.tasks[thread.index()];
        if task.doomed.is_some() {
            return;
        }
        task.doomed = Some(status);
        match task.state {
            State::Blocked { on, .. } => self.interrupt_wait(cpu, thread, on, Interruption::Signal),
            State::Running if task.cpu.index() != cpu => {
                let to = task.cpu;
                self.send_ipi(cpu, to, RESCHEDULE);
            }
            State::Running | State::Ready | State::Ended => {}
        }
    }

    /// Takes a thread out of whatever it waits in, and wakes it.
    pub(super) fn interrupt_wait(&mut self, cpu: usize, thread: Tid, on: Cause, why: Interruption) {
        let process = self.tasks[thread.index()].process;
        let Kernel { tasks, pipes, futexes, processes, terminal, waits, .. } = self;
        match on {
            Cause::Disk | Cause::Page => return,
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
            Cause::Sleep | Cause::Signal => {}
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
        self.tasks[thread.index()].interruption = Some(why);
        self.wake(cpu, thread);
    }
}
