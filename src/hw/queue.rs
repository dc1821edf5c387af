//! The event queue: what is due when, in a total order.
//!
//! Entries come out by (time, rank, order of insertion), so that two runs of the same scenario
//! take the same way through every tie. The queue is a four-ary heap with one slot in front: an
//! event earlier than everything queued never touches the heap, which is the common case where
//! one thing causes the next. Entries can't be removed; whoever takes one out asks whether it still
//! holds.

use crate::time::Instant;

/// Which of two events at the same instant comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Rank {
    /// What happens to the machine from outside comes first: it doesn't depend on the machine.
    Outside = 0,
    /// Then devices, in the order in which they were set going.
    Device = 1,
    /// Then messages between CPUs, which are answers to what happened before.
    Processor = 2,
}

/// How far the rank is shifted in an entry's order; the sequence number is below.
const RANK_SHIFT: u32 = 56;

#[derive(Clone, Copy, Debug)]
struct Entry<E> {
    due: Instant,
    /// Rank, then order of insertion.
    order: u64,
    event: E,
}

impl<E> Entry<E> {
    #[inline]
    fn key(&self) -> u128 {
        (u128::from(self.due.as_nanos()) << 64) | u128::from(self.order)
    }
}

/// Events of type `E` by the time that they are due.
#[derive(Clone, Debug)]
pub struct EventQueue<E> {
    /// When the first event is due; kept at hand, since it is asked for at every turn.
    next_due: Instant,
    /// Earlier than everything in the heap, if it is there.
    front: Option<Entry<E>>,
    heap: Vec<Entry<E>>,
    inserted: u64,
}

impl<E> Default for EventQueue<E> {
    fn default() -> EventQueue<E> {
        EventQueue { next_due: Instant::NEVER, front: None, heap: Vec::new(), inserted: 0 }
    }
}

impl<E: Copy> EventQueue<E> {
    pub fn is_empty(&self) -> bool {
        self.front.is_none() && self.heap.is_empty()
    }

    pub fn len(&self) -> usize {
        self.heap.len() + usize::from(self.front.is_some())
    }

    /// When the first event is due; [`Instant::NEVER`] if there is none.
    #[inline]
    pub const fn next_due(&self) -> Instant {
        self.next_due
    }

    /// Adds an event and returns its ticket: a number that no other event of this queue has.
    #[inline]
    pub fn push(&mut self, due: Instant, rank: Rank, event: E) -> u64 {
        self.inserted += 1;
        let order = ((rank as u64) << RANK_SHIFT) | self.inserted;
        let entry = Entry { due, order, event };
        let first = self.front.as_ref().or(self.heap.first());
        if first.is_none_or(|first| entry.key() < first.key()) {
            self.next_due = due;
            if let Some(front) = self.front.replace(entry) {
                self.push_heap(front);
            }
        } else {
            self.push_heap(entry);
        }
        order
    }

    /// Takes out the first event if it is due by `now`: when it was due, its ticket, and itself.
    #[inline]
    pub fn pop_due(&mut self, now: Instant) -> Option<(Instant, u64, E)> {
        if self.next_due > now {
            return None;
        }
        let entry = self.front.take().or_else(|| self.pop_heap())?;
        self.next_due = self.heap.first().map_or(Instant::NEVER, |first| first.due);
        Some((entry.due, entry.order, entry.event))
    }

    /// What is due, first come first, for whoever looks on.
    pub fn upcoming(&self) -> Vec<(Instant, E)> {
        let mut entries: Vec<&Entry<E>> = self.front.iter().chain(&self.heap).collect();
        entries.sort_unstable_by_key(|entry| entry.key());
        entries.into_iter().map(|entry| (entry.due, entry.event)).collect()
    }

    fn push_heap(&mut self, entry: Entry<E>) {
        let mut hole = self.heap.len();
        self.heap.push(entry);
        let key = entry.key();
        while hole > 0 {
            let parent = (hole - 1) / 4;
            if self.heap[parent].key() <= key {
                break;
            }
            self.heap[hole] = self.heap[parent];
            hole = parent;
        }
        self.heap[hole] = entry;
    }

    fn pop_heap(&mut self) -> Option<Entry<E>> {
        let last = self.heap.pop()?;
        let Some(&first) = self.heap.first() else {
            return Some(last);
        };
        self.sift_down(last);
        Some(first)
    }

    /// Fills the hole at the root with `entry`, moved down to where it belongs.
    fn sift_down(&mut self, entry: Entry<E>) {
        let key = entry.key();
        let mut hole = 0;
        loop {
            let children = 4 * hole + 1..(4 * hole + 5).min(self.heap.len());
            let Some(least) = children.min_by_key(|&child| self.heap[child].key()) else {
                break;
            };
            if key <= self.heap[least].key() {
                break;
            }
            self.heap[hole] = self.heap[least];
            hole = least;
        }
        self.heap[hole] = entry;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    #[test]
    fn events_of_one_instant_come_by_rank_and_then_in_order_of_insertion() {
        let mut queue = EventQueue::default();
        queue.push(at(5), Rank::Processor, 'c');
        queue.push(at(5), Rank::Device, 'a');
        queue.push(at(5), Rank::Device, 'b');
        queue.push(at(5), Rank::Outside, 'x');
        queue.push(at(4), Rank::Processor, 'f');
        let order: String = std::iter::from_fn(|| queue.pop_due(at(9)).map(|(_, _, event)| event)).collect();
        assert_eq!(order, "fxabc");
    }

    #[test]
    fn nothing_comes_out_before_it_is_due() {
        let mut queue = EventQueue::default();
        queue.push(at(5), Rank::Device, ());
        assert_eq!(queue.upcoming(), [(at(5), ())]);
        assert!(queue.pop_due(at(4)).is_none());
        assert_eq!(queue.next_due(), at(5));
        assert!(queue.pop_due(at(5)).is_some());
        assert_eq!(queue.next_due(), Instant::NEVER);
    }

    proptest! {
        #[test]
        fn events_come_out_sorted_whatever_the_order_of_pushes_and_pops(
            operations in prop::collection::vec((any::<bool>(), 0_u64..50), 1..400)
        ) {
            let mut queue = EventQueue::default();
            let mut model: Vec<(u64, u64)> = Vec::new();
            for (number, (push, due)) in operations.into_iter().enumerate() {
                if push {
                    queue.push(at(due), Rank::Device, number as u64);
                    model.push((due, number as u64));
                } else {
                    model.sort_unstable();
                    let expected = (!model.is_empty()).then(|| model.remove(0));
                    let got = queue.pop_due(Instant::NEVER).map(|(due, _, event)| (due.as_nanos(), event));
                    prop_assert_eq!(got, expected);
                }
            }
            prop_assert_eq!(queue.len(), model.len());
        }
    }
}
