//! Static priorities: the ready thread with the greatest number runs.
//!
//! Among equals it is first come, first served, or round-robin if there is a quantum. As in
//! POSIX's SCHED_FIFO and SCHED_RR, a pre-empted thread goes back to the head of its level and one
//! whose quantum is over to the tail.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

use crate::ids::Tid;
use crate::time::{Instant, Span};

use super::PolicyRow;
use super::policy::{Policy, Ready, Thread};

/// Its documentation, and how it is made.
pub(super) const ROW: PolicyRow = PolicyRow {
    name: "priority",
    summary: "the highest static priority",
    doc: "Runs the ready thread of the highest `priority`; those of equal priority in turn if there is a quantum, else first come, first served. A thread that becomes ready pre-empts one of lower priority.",
    parameters: &[
        ("quantum", "time", "the longest time in one go among equals; without it there is none"),
        ("preemptive", "truth", "whether a thread that becomes ready pre-empts; true"),
        (
            "preempted",
            "head|tail",
            "where among its equals a pre-empted thread waits: before them, or behind them; head",
        ),
    ],
    build: |given| {
        let preemptive = given.truth("preemptive").unwrap_or(true);
        let mut policy = Priority::new(given.time("quantum"), preemptive);
        policy.preempted_last = given.word("preempted") == Some("tail");
        Box::new(policy)
    },
};

#[derive(Debug)]
pub struct Priority {
    quantum: Option<Span>,
    preemptive: bool,
    /// A pre-empted thread goes to the tail of its level.
    preempted_last: bool,
    /// A queue for each priority that has waiting threads, the greatest number first.
    levels: BTreeMap<Reverse<i32>, VecDeque<Tid>>,
    waiting: usize,
}

impl Priority {
    pub fn new(quantum: Option<Span>, preemptive: bool) -> Priority {
        Priority { quantum, preemptive, preempted_last: false, levels: BTreeMap::new(), waiting: 0 }
    }

    fn highest(&self) -> Option<i32> {
        self.levels.first_key_value().map(|(&Reverse(priority), _)| priority)
    }
}

impl Policy for Priority {
    fn enqueue(&mut self, thread: Thread<'_>, why: Ready, _: Instant) {
        let level = self.levels.entry(Reverse(thread.parameters.priority)).or_default();
        match why {
            Ready::Preempted if !self.preempted_last => level.push_front(thread.id),
            Ready::New
            | Ready::Woken
            | Ready::SliceEnd
            | Ready::Preempted
            | Ready::Yielded
            | Ready::Migrated => {
                level.push_back(thread.id);
            }
        }
        self.waiting += 1;
    }

    fn pick(&mut self, _: Instant) -> Option<Tid> {
        let mut level = self.levels.first_entry()?;
        let picked = level.get_mut().pop_front();
        if level.get().is_empty() {
            level.remove();
        }
        self.waiting -= 1;
        picked
    }

    fn remove(&mut self, thread: Tid) -> bool {
        for level in self.levels.values_mut() {
            if let Some(place) = level.iter().position(|&queued| queued == thread) {
                level.remove(place);
                self.waiting -= 1;
                self.levels.retain(|_, level| !level.is_empty());
                return true;
            }
        }
        false
    }

    /// It goes to the tail of its new level.
    fn reprioritise(&mut self, thread: Thread<'_>, now: Instant) {
        if self.remove(thread.id) {
            self.enqueue(thread, Ready::Woken, now);
        }
    }

    fn waiting(&self) -> usize {
        self.waiting
    }

    fn slice(&self, _: Thread<'_>, _: Instant) -> Option<Span> {
        self.quantum
    }

    fn gives_way(&self, running: Thread<'_>, _: Instant) -> bool {
        self.highest().is_some_and(|highest| highest >= running.parameters.priority)
    }

    fn preempts(&mut self, woken: Thread<'_>, running: Thread<'_>, _: Instant) -> bool {
        self.preemptive && woken.parameters.priority > running.parameters.priority
    }

    fn queue(&self) -> Vec<Tid> {
        self.levels.values().flatten().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::sched::Parameters;

    #[test]
    fn a_preempted_thread_goes_back_to_the_head_of_its_level() {
        let level = |priority| Parameters { priority, ..Parameters::default() };
        let mut queue = Priority::new(None, true);
        let mut add = |id, priority, why| {
            let parameters = &level(priority);
            queue.enqueue(Thread { id: Tid(id), parameters }, why, Instant::START);
        };
        add(2, 1, Ready::New);
        add(3, 5, Ready::New);
        add(4, 1, Ready::Preempted);
        assert_eq!(queue.queue(), [Tid(3), Tid(4), Tid(2)]);
        assert_eq!(queue.pick(Instant::START), Some(Tid(3)));
        assert!(queue.remove(Tid(2)));
        assert_eq!(queue.waiting(), 1);
    }
}
