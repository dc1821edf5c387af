//! Waiting for things that have no queue of their own in a hot path: queues found by a key, with an
//! optional time limit.
//!
//! Pipes, futexes and children have their own [`WaitQueue`]. Everything else waits here: whoever blocks calls
//! [`Kernel::wait_for`] and returns [`Outcome::Block`](crate::program::call::Outcome) with the key's
//! cause; whoever changes the thing calls [`Kernel::wake_first`] or [`Kernel::wake_all_of`]. A
//! signal or the time limit takes the thread out again, whatever it waits for.

use std::collections::BTreeMap;

use crate::ids::Tid;
use crate::time::Instant;
use crate::trace::{Cause, Sink};

use super::Kernel;
use super::task::{State, Task};
use super::wait::WaitQueue;

/// What a thread waits for: the cause, and which of the objects for which that can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WaitKey {
    pub cause: Cause,
    pub object: u32,
}

/// Why a thread stopped waiting, if not by what it waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// A signal came.
    Signal,
    /// The time limit has passed.
    Timeout,
    /// The transfer that it waited for has failed.
    Failure,
}

/// Queues of waiting threads by key.
#[derive(Clone, Debug, Default)]
pub struct Waits {
    queues: BTreeMap<WaitKey, WaitQueue>,
    keys: BTreeMap<Tid, WaitKey>,
}

impl Waits {
    /// Puts a thread at the end of a queue.
    pub fn push(&mut self, key: WaitKey, thread: Tid, tasks: &mut [Task]) {
        self.queues.entry(key).or_default().push(thread, tasks);
        self.keys.insert(thread, key);
    }

    /// Takes out whoever has waited longest.
    pub fn pop(&mut self, key: WaitKey, tasks: &mut [Task]) -> Option<Tid> {
        let queue = self.queues.get_mut(&key)?;
        let first = queue.pop(tasks)?;
        if queue.is_empty() {
            self.queues.remove(&key);
        }
        self.keys.remove(&first);
        Some(first)
    }

    /// Takes out a certain thread, wherever it waits.
    pub fn cancel(&mut self, thread: Tid, tasks: &mut [Task]) {
        if let Some(key) = self.keys.remove(&thread)
            && let Some(queue) = self.queues.get_mut(&key)
        {
            queue.remove(thread, tasks);
            if queue.is_empty() {
                self.queues.remove(&key);
            }
        }
    }

    /// Whether a thread waits here.
    pub fn holds(&self, thread: Tid) -> bool {
        self.keys.contains_key(&thread)
    }

    /// Whether anybody waits for it.
    pub fn is_awaited(&self, key: WaitKey) -> bool {
        self.queues.contains_key(&key)
    }
}

impl<S: Sink> Kernel<S> {
    /// The thread will wait, at the end of the key's queue.
    pub fn wait_for(&mut self, key: WaitKey, thread: Tid) {
        self.waits.push(key, thread, &mut self.tasks);
    }

    /// Wakes whoever has waited longest; none if nobody waits.
    pub fn wake_first(&mut self, cpu: usize, key: WaitKey) -> Option<Tid> {
        let first = self.waits.pop(key, &mut self.tasks)?;
        self.wake(cpu, first);
        Some(first)
    }

    /// Wakes a certain thread; false if it doesn't wait any more.
    pub fn wake_waiter(&mut self, cpu: usize, thread: Tid) -> bool {
        let waits = self.waits.holds(thread);
        if waits {
            self.waits.cancel(thread, &mut self.tasks);
            self.wake(cpu, thread);
        }
        waits
    }

    /// Wakes a certain thread if this is what it waits for.
    pub(super) fn wake_holder(&mut self, cpu: usize, key: WaitKey, thread: Tid) {
        if self.waits.keys.get(&thread) == Some(&key) {
            self.waits.cancel(thread, &mut self.tasks);
            self.wake(cpu, thread);
        }
    }

    /// Wakes everybody, first come first.
    pub fn wake_all_of(&mut self, cpu: usize, key: WaitKey) {
        while self.wake_first(cpu, key).is_some() {}
    }

    /// The wait that the current thread is about to begin ends at `due` at the latest. The call finds
    /// out by [`take_interruption`](Kernel::take_interruption).
    pub fn limit_wait(&mut self, cpu: usize, thread: Tid, due: Instant) {
        self.sleep_until(cpu, thread, due);
    }

    /// Why the thread stopped waiting, if not by what it waited for; asked once after each wait.
    pub fn take_interruption(&mut self, thread: Tid) -> Option<Interruption> {
        self.tasks[thread.index()].interruption.take()
    }

    /// A timer of the thread has expired: it has slept, or has waited long enough.
    pub(super) fn timer_expired(&mut self, cpu: usize, thread: Tid) {
        match self.tasks[thread.index()].state {
            State::Blocked { on: Cause::Sleep, .. } => self.wake(cpu, thread),
            State::Blocked { on: Cause::Release, .. } => {
                self.begin_job(cpu, thread);
                self.wake(cpu, thread);
            }
            State::Blocked { on, .. } => self.interrupt_wait(cpu, thread, on, Interruption::Timeout),
            State::Ready | State::Running | State::Ended => {}
        }
    }
}
