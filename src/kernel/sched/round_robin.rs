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

#[derive(Debug)]
pub struct RoundRobin {
    quantum: Span,
    queue: VecDeque<Tid>,
}

impl RoundRobin {
    pub fn new(quantum: Span) -> RoundRobin {
        RoundRobin { quantum, queue: VecDeque::new() }
    }
}

impl Policy for RoundRobin {
    fn enqueue(&mut self, thread: Thread<'_>, why: Ready, _: Instant) {
        match why {
            Ready::Preempted => self.queue.push_front(thread.id),
            Ready::New | Ready::Woken | Ready::SliceEnd | Ready::Yielded | Ready::Migrated => {
                self.queue.push_back(thread.id);
            }
        }
    }

    fn pick(&mut self, _: Instant) -> Option<Tid> {
        self.queue.pop_front()
    }

    fn remove(&mut self, thread: Tid) -> bool {
        let place = self.queue.iter().position(|&queued| queued == thread);
        place.and_then(|place| self.queue.remove(place)).is_some()
    }

    fn waiting(&self) -> usize {
        self.queue.len()
    }

    fn slice(&self, _: Thread<'_>) -> Option<Span> {
        Some(self.quantum)
    }

    fn gives_way(&self, _: Thread<'_>, _: Instant) -> bool {
        !self.queue.is_empty()
    }

    fn preempts(&mut self, _: Thread<'_>, _: Thread<'_>, _: Instant) -> bool {
        false
    }

    fn queue(&self) -> Vec<Tid> {
        self.queue.iter().copied().collect()
    }
}
