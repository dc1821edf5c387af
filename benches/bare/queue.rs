//! The event queue: a binary heap of packed keys behind a one-slot front cache.
//!
//! A key is one integer (time, sequence number, source), so that a comparison is one comparison and
//! events of the same time come out in the order in which they went in. The front cache holds an
//! event that is earlier than everything in the heap. Most crossings schedule just such an event
//! (this CPU's next phase), and those never touch the heap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

const SOURCE_BITS: u32 = 24;
const TIME_SHIFT: u32 = 64;
/// Later than every key, at a time that never comes; as the front it means that there is none.
const NONE: u128 = u128::MAX;

/// What is going to happen, in the order of time.
pub struct Queue {
    front: u128,
    heap: BinaryHeap<Reverse<u128>>,
    pushed: u64,
}

impl Queue {
    pub fn new() -> Queue {
        Queue { front: NONE, heap: BinaryHeap::new(), pushed: 0 }
    }

    /// How many events there have been.
    pub fn pushed(&self) -> u64 {
        self.pushed
    }

    /// Schedules an event. `source` says whose it is, in at most 24 bits; at most 2^40 events.
    #[inline(always)]
    pub fn push(&mut self, time: u64, source: u32) {
        let key =
            u128::from(time) << TIME_SHIFT | u128::from(self.pushed) << SOURCE_BITS | u128::from(source);
        self.pushed += 1;
        if key < self.earliest() {
            if self.has_front() {
                self.heap.push(Reverse(self.front));
            }
            self.front = key;
        } else {
            self.heap.push(Reverse(key));
        }
    }

    /// The time and source of the earliest event.
    #[inline(always)]
    pub fn pop(&mut self) -> Option<(u64, u32)> {
        let key =
            if self.has_front() { std::mem::replace(&mut self.front, NONE) } else { self.heap.pop()?.0 };
        let source = key as u32 & ((1 << SOURCE_BITS) - 1);
        Some(((key >> TIME_SHIFT) as u64, source))
    }

    #[inline(always)]
    fn earliest(&self) -> u128 {
        if self.has_front() {
            return self.front;
        }
        self.heap.peek().map_or(NONE, |&Reverse(key)| key)
    }

    /// Looks at the half of the key that holds the time. A key is written as two halves; reading
    /// all of it at once, as a comparison with `NONE` does, would wait until both have left the
    /// processor's store buffer, which costs more than all the rest of an event.
    #[inline(always)]
    fn has_front(&self) -> bool {
        (self.front >> TIME_SHIFT) as u64 != u64::MAX
    }
}
