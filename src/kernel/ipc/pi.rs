//! Locks that the kernel keeps in a word of shared memory, with priority inheritance: whoever holds one has
//! at least the priority of everybody who waits for it. Model: futex(2), `FUTEX_LOCK_PI`.
//!
//! The word is the number of the thread that holds the lock, with a bit on top if others wait; 0 is free.
//! A program takes a free one and gives back one that nobody waits for by itself, without the kernel. So
//! the kernel learns who holds a lock when somebody else wants it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ids::Tid;
use crate::kernel::Kernel;
use crate::kernel::options::Queues;
use crate::kernel::sched::{Parameters, Thread};
use crate::kernel::task::State;
use crate::trace::{Kind, Sink, Why};

use super::futex::Word;

/// Somebody may wait.
pub const WAITERS: u32 = 1 << 31;
/// Whoever held the lock ended without giving it back.
pub const OWNER_DIED: u32 = 1 << 30;
const NUMBER: u32 = OWNER_DIED - 1;

/// The thread that holds the lock by what its word says; none if it is free.
pub const fn owner(value: u32) -> Option<Tid> {
    match value & NUMBER {
        0 => None,
        number => Some(Tid(number)),
    }
}

/// All such locks that somebody waits for.
#[derive(Clone, Debug, Default)]
pub struct PiLocks {
    locks: BTreeMap<Word, PiLock>,
    /// What each waiter waits for.
    wanted: BTreeMap<Tid, Word>,
    /// What those that others have lent their priority to are by themselves.
    own: BTreeMap<Tid, Arc<Parameters>>,
    /// The ceilings of the locks that each thread holds.
    ceilings: BTreeMap<Tid, Vec<i32>>,
}

#[derive(Clone, Debug)]
struct PiLock {
    owner: Tid,
    /// In the order in which they came; never empty.
    waiters: Vec<Tid>,
}

/// What becomes of an attempt to take a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The thread has it; the word's new value.
    Taken(u32),
    /// Another thread has it.
    Held(Tid),
    /// The caller has it already, or whoever has it waits for the caller.
    Deadlock,
    /// The thread in the word doesn't exist any more.
    NoOwner,
}

impl PiLocks {
    /// Whether nobody waits for any lock, or holds one with a ceiling.
    pub fn is_empty(&self) -> bool {
        self.locks.is_empty() && self.ceilings.is_empty()
    }

    /// Whom a waiter waits for.
    pub fn holder(&self, waiter: Tid) -> Option<Tid> {
        Some(self.locks.get(self.wanted.get(&waiter)?)?.owner)
    }

    /// What a thread had before it was given another's priority, if it was.
    pub fn own_mut(&mut self, thread: Tid) -> Option<&mut Arc<Parameters>> {
        self.own.get_mut(&thread)
    }

    /// Whether a thread waits, perhaps through others, for a lock of another thread.
    fn waits_for(&self, thread: Tid, other: Tid) -> bool {
        let mut here = thread;
        while let Some(next) = self.holder(here) {
            if next == other {
                return true;
            }
            here = next;
        }
        false
    }
}

impl<S: Sink> Kernel<S> {
    /// What a thread is by itself, whatever others lend it.
    pub fn own_parameters(&self, thread: Tid) -> Arc<Parameters> {
        let own = self.pi.own.get(&thread);
        Arc::clone(own.unwrap_or(&self.parameters[thread.index()]))
    }

    /// A thread wants a lock whose word holds this value.
    pub fn try_pi(&self, value: u32, thread: Tid) -> Attempt {
        let Some(owner) = owner(value) else {
            return Attempt::Taken(value & OWNER_DIED | thread.0);
        };
        let ended = self.tasks.get(owner.index()).is_none_or(|task| task.state == State::Ended);
        match () {
            () if owner == thread => Attempt::Deadlock,
            () if ended => Attempt::NoOwner,
            () if self.pi.waits_for(owner, thread) => Attempt::Deadlock,
            () => Attempt::Held(owner),
        }
    }

    /// A thread will wait for a lock that another one holds, and lends it its priority meanwhile.
    pub fn wait_pi(&mut self, cpu: usize, word: Word, owner: Tid, thread: Tid) {
        let lock = self.pi.locks.entry(word).or_insert_with(|| PiLock { owner, waiters: Vec::new() });
        lock.waiters.push(thread);
        self.pi.wanted.insert(thread, word);
        self.settle_priority(cpu, owner, Some(thread));
    }

    /// The thread that holds a lock gives it back: the waiter of the highest priority has it then. Gives
    /// the word's new value.
    pub fn release_pi(&mut self, cpu: usize, word: Word, thread: Tid) -> u32 {
        let Some(next) = self.hand_over_pi(word) else { return 0 };
        self.settle_priority(cpu, thread, None);
        self.wake(cpu, next);
        WAITERS | next.0
    }

    /// Whoever waits with the highest priority gets the lock, the first who came among equals.
    fn hand_over_pi(&mut self, word: Word) -> Option<Tid> {
        let Kernel { pi, parameters, .. } = self;
        let lock = pi.locks.get_mut(&word)?;
        let urgency = |thread: &Tid| parameters[thread.index()].priority;
        let most = lock.waiters.iter().map(urgency).max()?;
        let place = lock.waiters.iter().position(|thread| urgency(thread) == most)?;
        let next = lock.waiters.remove(place);
        lock.owner = next;
        pi.wanted.remove(&next);
        if lock.waiters.is_empty() {
            pi.locks.remove(&word);
        }
        Some(next)
    }

    /// A thread stops waiting without having got the lock.
    pub(in crate::kernel) fn leave_pi(&mut self, cpu: usize, thread: Tid) {
        let Some(word) = self.pi.wanted.remove(&thread) else { return };
        let Some(lock) = self.pi.locks.get_mut(&word) else { return };
        lock.waiters.retain(|&waiter| waiter != thread);
        let owner = lock.owner;
        if lock.waiters.is_empty() {
            self.pi.locks.remove(&word);
        }
        self.settle_priority(cpu, owner, None);
    }

    /// A thread takes a lock with a ceiling: it has at least that priority until it gives the lock back.
    /// False if its own is higher: then it mustn't have the lock.
    pub fn raise_to_ceiling(&mut self, cpu: usize, thread: Tid, ceiling: i32) -> bool {
        if self.own_parameters(thread).priority > ceiling {
            return false;
        }
        self.pi.ceilings.entry(thread).or_default().push(ceiling);
        self.settle_priority(cpu, thread, None);
        true
    }

    /// It has given such a lock back.
    pub fn leave_ceiling(&mut self, cpu: usize, thread: Tid, ceiling: i32) {
        let Some(ceilings) = self.pi.ceilings.get_mut(&thread) else { return };
        if let Some(place) = ceilings.iter().rposition(|&held| held == ceiling) {
            ceilings.remove(place);
        }
        if ceilings.is_empty() {
            self.pi.ceilings.remove(&thread);
        }
        self.settle_priority(cpu, thread, None);
    }

    /// A thread has ended: the locks for which others wait go to those, with a mark in the word. Gives
    /// the words' new values.
    pub fn bequeath_pi(&mut self, cpu: usize, thread: Tid) -> Vec<(Word, u32)> {
        let locks = self.pi.locks.iter();
        let words: Vec<Word> =
            locks.filter(|(_, lock)| lock.owner == thread).map(|(&word, _)| word).collect();
        self.pi.own.remove(&thread);
        self.pi.ceilings.remove(&thread);
        let mut changed = Vec::new();
        for word in words {
            if let Some(next) = self.hand_over_pi(word) {
                self.wake(cpu, next);
                changed.push((word, WAITERS | OWNER_DIED | next.0));
            }
        }
        changed
    }

    /// Gives a thread the priority that it has now: its own, or the highest of those that wait for it.
    /// What it waits for itself is held by somebody who gets it, too.
    fn settle_priority(&mut self, cpu: usize, thread: Tid, donor: Option<Tid>) {
        let mut next = Some(thread);
        while let Some(thread) = next {
            if self.tasks[thread.index()].state == State::Ended {
                return;
            }
            let Kernel { pi, parameters, .. } = &mut *self;
            let own = pi.own.get(&thread).unwrap_or(&parameters[thread.index()]);
            let held = pi.locks.values().filter(|lock| lock.owner == thread);
            let waiters = held.flat_map(|lock| &lock.waiters);
            let ceilings = pi.ceilings.get(&thread).into_iter().flatten().copied();
            let highest = waiters.map(|waiter| parameters[waiter.index()].priority).chain(ceilings).max();
            let priority = highest.map_or(own.priority, |highest| highest.max(own.priority));
            let before = parameters[thread.index()].priority;
            if priority == before {
                return;
            }
            let own = Arc::clone(own);
            if priority == own.priority {
                pi.own.remove(&thread);
                parameters[thread.index()] = own;
            } else {
                parameters[thread.index()] = Arc::new(Parameters { priority, ..Parameters::clone(&own) });
                pi.own.insert(thread, own);
            }
            let kind = Kind::SchedPiSetprio {
                task: thread,
                donor: donor.unwrap_or(Tid::IDLE),
                before: i64::from(before),
                after: i64::from(priority),
            };
            self.emit(cpu, kind);
            self.reprioritise(cpu, thread);
            next = self.pi.holder(thread);
        }
    }

    /// A thread's priority has changed: its place in the queue, and who should run.
    fn reprioritise(&mut self, cpu: usize, changed: Tid) {
        let now = self.cpus[cpu].now;
        let Kernel { tasks, parameters, cpus, queues, .. } = self;
        let task = &tasks[changed.index()];
        let there = &mut cpus[task.cpu.index()];
        let policy = &mut queues[there.queue];
        let thread = |id: Tid| Thread { id, parameters: &parameters[id.index()] };
        let challenger = match task.state {
            State::Ready => {
                policy.reprioritise(thread(changed), now);
                Some(changed)
            }
            State::Running => policy.queue().first().copied(),
            State::Blocked { .. } | State::Ended => None,
        };
        let current = there.current;
        if self.options.queues == Queues::Global {
            return challenger.into_iter().for_each(|challenger| self.offer(cpu, challenger));
        }
        let Some(challenger) = challenger.filter(|_| current != Tid::IDLE) else { return };
        if !policy.preempts(thread(challenger), thread(current), now) {
            return;
        }
        let to = there.id;
        let news = there.must_give_way(Why::Preempted { by: challenger });
        if news && to.index() != cpu {
            self.ask_to_schedule(cpu, to);
        }
    }
}
