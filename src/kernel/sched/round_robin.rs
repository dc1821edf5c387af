//! Round-robin: each ready thread in turn, for one quantum at most.
//!
//! A thread that becomes ready goes to the end of the queue, and so does one whose quantum is
//! over. At the same instant a thread whose sleep is over comes first, since the timer's handler
//! wakes it before it looks at the slice; one that a device's handler wakes comes after, since the
//! timer's vector is the higher one.

use std::collections::VecDeque;

use crate::ids::Tid;
use crate::time::{Instant, Span};

use super::policy::{Policy, Ready, Thread};
use super::{PolicyRow, QUANTUM};

/// Its documentation, and how it is made.
pub(super) const ROW: PolicyRow = PolicyRow {
    name: "round-robin",
    summary: "each in turn, for a quantum at most",
    doc: "As first come, first served, but a thread that has used its quantum goes to the end of the queue.",
    parameters: &[
        ("quantum", "time", "the longest time in one go; 10ms"),
        (
            "newcomers",
            "at-once|after-expired",
            "whether a thread that becomes ready during a quantum queues at once, or behind the thread whose quantum it is, as in simulators that admit arrivals between quanta; at-once",
        ),
    ],
    build: |given| {
        let late = given.word("newcomers") == Some("after-expired");
        Box::new(RoundRobin::new(given.time("quantum").unwrap_or(QUANTUM), late))
    },
};

#[derive(Clone, Debug)]
pub struct RoundRobin {
    quantum: Span,
    queue: VecDeque<Tid>,
    /// Who becomes ready queues only when the running thread's turn is over, behind it.
    late: bool,
    newcomers: VecDeque<Tid>,
    /// When the running thread was picked, and when somebody came in between two quanta of it.
    picked: Option<Instant>,
    let_in: Option<Instant>,
}

impl RoundRobin {
    pub fn new(quantum: Span, late: bool) -> RoundRobin {
        let (queue, newcomers) = (VecDeque::new(), VecDeque::new());
        RoundRobin { quantum, queue, late, newcomers, picked: None, let_in: None }
    }

    /// Whether a thread that has been alone is in between two quanta: whoever comes now queues before it.
    fn is_between_quanta(&self, now: Instant) -> bool {
        let Some(picked) = self.picked.filter(|&picked| picked < now && !self.quantum.is_zero()) else {
            return false;
        };
        let alone = self.queue.is_empty() || self.let_in == Some(now);
        alone
            && self.newcomers.is_empty()
            && now.since(picked).as_nanos().is_multiple_of(self.quantum.as_nanos())
    }
}

impl Policy for RoundRobin {
    fn enqueue(&mut self, thread: Thread<'_>, why: Ready, now: Instant) {
        match why {
            Ready::Preempted => self.queue.push_front(thread.id),
            Ready::New | Ready::Woken if self.late && self.is_between_quanta(now) => {
                self.let_in = Some(now);
                self.queue.push_back(thread.id);
            }
            Ready::New | Ready::Woken if self.late => self.newcomers.push_back(thread.id),
            Ready::New | Ready::Woken | Ready::SliceEnd | Ready::Yielded | Ready::Migrated => {
                self.queue.push_back(thread.id);
            }
        }
    }

    fn pick(&mut self, now: Instant) -> Option<Tid> {
        if !self.late {
            return self.queue.pop_front();
        }
        self.queue.append(&mut self.newcomers);
        let picked = self.queue.pop_front();
        self.picked = picked.map(|_| now);
        picked
    }

    fn remove(&mut self, thread: Tid) -> bool {
        if let Some(place) = self.newcomers.iter().position(|&newcomer| newcomer == thread) {
            self.newcomers.remove(place);
            return true;
        }
        let place = self.queue.iter().position(|&queued| queued == thread);
        place.and_then(|place| self.queue.remove(place)).is_some()
    }

    fn waiting(&self) -> usize {
        self.queue.len() + self.newcomers.len()
    }

    fn slice(&self, _: Thread<'_>, _: Instant) -> Option<Span> {
        Some(self.quantum)
    }

    fn gives_way(&self, _: Thread<'_>, _: Instant) -> bool {
        self.waiting() > 0
    }

    fn preempts(&mut self, _: Thread<'_>, _: Thread<'_>, _: Instant) -> bool {
        false
    }

    fn queue(&self) -> Vec<Tid> {
        self.queue.iter().chain(&self.newcomers).copied().collect()
    }
}
