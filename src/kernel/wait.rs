//! Wait queues: who waits for the same thing, first come first.
//!
//! The links are in the threads themselves, so that a queue is two numbers and waiting needs no
//! memory. A thread is in one queue at most.

use crate::ids::Tid;

use super::task::Task;

/// A thread, or none, in four bytes: idle waits for nothing, so its number stands for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link(u32);

impl Link {
    const NONE: Link = Link(Tid::IDLE.0);

    fn get(self) -> Option<Tid> {
        (self != Link::NONE).then_some(Tid(self.0))
    }
}

impl From<Option<Tid>> for Link {
    fn from(thread: Option<Tid>) -> Link {
        thread.map_or(Link::NONE, |thread| Link(thread.0))
    }
}

/// Threads that wait for the same thing, in the order in which they came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaitQueue {
    first: Link,
    last: Link,
}

impl WaitQueue {
    pub const fn is_empty(&self) -> bool {
        self.first.0 == Link::NONE.0
    }

    /// Puts a thread at the end.
    #[inline]
    pub fn push(&mut self, thread: Tid, tasks: &mut [Task]) {
        tasks[thread.index()].next_waiter = Link::NONE;
        let link = Some(thread).into();
        match std::mem::replace(&mut self.last, link).get() {
            Some(last) => tasks[last.index()].next_waiter = link,
            None => self.first = link,
        }
    }

    /// Takes out whoever has waited longest; mostly nobody waits.
    #[inline(always)]
    pub fn pop(&mut self, tasks: &mut [Task]) -> Option<Tid> {
        if self.is_empty() { None } else { self.pop_first(tasks) }
    }

    fn pop_first(&mut self, tasks: &mut [Task]) -> Option<Tid> {
        let first = self.first.get()?;
        self.first = std::mem::take(&mut tasks[first.index()].next_waiter);
        if self.is_empty() {
            self.last = Link::NONE;
        }
        Some(first)
    }

    /// Who waits, first come first.
    pub fn iter<'a>(&self, tasks: &'a [Task]) -> impl Iterator<Item = Tid> + 'a {
        std::iter::successors(self.first.get(), |waiter| tasks[waiter.index()].next_waiter.get())
    }

    /// Takes out a certain thread; false if it isn't here.
    pub fn remove(&mut self, thread: Tid, tasks: &mut [Task]) -> bool {
        let mut before = None;
        let mut here = self.first.get();
        while let Some(waiter) = here {
            let next = tasks[waiter.index()].next_waiter.get();
            if waiter == thread {
                match before {
                    Some(before) => tasks[Tid::index(before)].next_waiter = next.into(),
                    None => self.first = next.into(),
                }
                if next.is_none() {
                    self.last = before.into();
                }
                tasks[waiter.index()].next_waiter = Link::NONE;
                return true;
            }
            before = here;
            here = next;
        }
        false
    }
}
