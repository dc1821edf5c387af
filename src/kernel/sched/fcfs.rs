//! First come, first served: the thread that has been ready longest, until it blocks, yields or ends.

use std::collections::VecDeque;

use crate::ids::Tid;
use crate::time::{Instant, Span};

use super::policy::{Policy, Ready, Thread};

#[derive(Debug, Default)]
pub struct Fcfs {
    queue: VecDeque<Tid>,
}

impl Policy for Fcfs {
    /// A thread that lost its CPU without its doing keeps its turn; all others queue at the end.
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

    fn slice(&self, _: Thread<'_>, _: Instant) -> Option<Span> {
        None
    }

    fn gives_way(&self, _: Thread<'_>, _: Instant) -> bool {
        false
    }

    fn preempts(&mut self, _: Thread<'_>, _: Thread<'_>, _: Instant) -> bool {
        false
    }

    fn queue(&self) -> Vec<Tid> {
        self.queue.iter().copied().collect()
    }
}
