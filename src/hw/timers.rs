//! A CPU's timers: which threads sleep until when. There may be a million of them.
//!
//! They come out by (time, order of insertion). The queue is a four-ary heap of packed keys, laid out so that
//! the four children of a node are one line of the host's cache: a removal touches one line on each
//! level. Timers can't be removed; whoever takes one out asks whether it still holds.

use crate::ids::Tid;
use crate::time::Instant;

/// The bits of a key that hold the thread; the order of insertion is above them.
const THREAD_BITS: u32 = 22;
/// The most threads that keys can tell apart.
pub const MOST_THREADS: u32 = 1 << THREAD_BITS;
/// How far the time is shifted in a key.
const TIME_SHIFT: u32 = 64;
/// Later than every timer.
const NONE: u128 = u128::MAX;

/// The children of a node, as far as there are any.
#[derive(Clone, Debug)]
#[repr(align(64))]
struct Line([u128; 4]);

/// Threads by the time at which they wake.
#[derive(Clone, Debug)]
pub struct Timers {
    /// The first timer's key.
    root: u128,
    /// The children of the root (node 0), of its first child (node 1), and so on.
    lines: Vec<Line>,
    /// The keys in `lines`.
    below: usize,
    inserted: u64,
}

impl Default for Timers {
    fn default() -> Timers {
        Timers { root: NONE, lines: Vec::new(), below: 0, inserted: 0 }
    }
}

impl Line {
    /// The least key and where it is. Written without branches, which nobody could predict.
    #[inline(always)]
    fn least(&self) -> (usize, u128) {
        let Line(keys) = self;
        let left = usize::from(keys[1] < keys[0]);
        let right = 2 + usize::from(keys[3] < keys[2]);
        let least = if keys[right] < keys[left] { right } else { left };
        (least, keys[least])
    }
}

const fn time(key: u128) -> Instant {
    Instant::from_nanos((key >> TIME_SHIFT) as u64)
}

const fn thread(key: u128) -> Tid {
    Tid(key as u32 & (MOST_THREADS - 1))
}

impl Timers {
    /// When the first thread wakes; [`Instant::NEVER`] if there is none.
    #[inline]
    pub const fn next_due(&self) -> Instant {
        time(self.root)
    }

    /// The thread that wakes first.
    #[inline]
    pub fn first(&self) -> Option<Tid> {
        (self.root != NONE).then_some(thread(self.root))
    }

    /// Sets a timer and returns its ticket: a number that no other timer of this CPU has; never zero.
    pub fn push(&mut self, due: Instant, sleeper: Tid) -> u64 {
        self.inserted += 1;
        let ticket = self.inserted << THREAD_BITS | u64::from(sleeper.0);
        let key = u128::from(due.as_nanos()) << TIME_SHIFT | u128::from(ticket);
        if key < self.root {
            let root = std::mem::replace(&mut self.root, key);
            if root != NONE {
                self.sift_up(root);
            }
        } else {
            self.sift_up(key);
        }
        ticket
    }

    /// Puts a key that isn't the first of all at the end and lets it rise to where it belongs.
    fn sift_up(&mut self, key: u128) {
        let mut hole = self.below;
        if hole.is_multiple_of(4) {
            self.lines.push(Line([NONE; 4]));
        }
        self.below += 1;
        // Node n is in line (n - 1) / 4; `hole` and `parent` are one less than their nodes' numbers.
        while hole >= 4 {
            let parent = hole / 4 - 1;
            let above = self.lines[parent / 4].0[parent % 4];
            if above <= key {
                break;
            }
            self.lines[hole / 4].0[hole % 4] = above;
            hole = parent;
        }
        self.lines[hole / 4].0[hole % 4] = key;
    }

    /// Takes out the first timer if it is due by `now`: its ticket and its thread.
    #[inline]
    pub fn pop_due(&mut self, now: Instant) -> Option<(u64, Tid)> {
        if self.next_due() > now || self.root == NONE {
            return None;
        }
        let key = std::mem::replace(&mut self.root, NONE);
        if self.below > 0 {
            self.root = self.remove_least();
        }
        Some((key as u64, thread(key)))
    }

    /// The least key below the root leaves, and the last one sinks to where it belongs.
    fn remove_least(&mut self) -> u128 {
        self.below -= 1;
        let Timers { lines, below, .. } = self;
        let last = std::mem::replace(&mut lines[*below / 4].0[*below % 4], NONE);
        if below.is_multiple_of(4) {
            lines.truncate(*below / 4);
        }
        // The last one can be the least only if it was in the first line itself.
        let Some((mut hole, first)) = lines.first().map(Line::least).filter(|&(_, first)| first < last)
        else {
            return last;
        };
        let mut line = 0;
        loop {
            let children = 4 * line + hole + 1;
            let least = lines.get(children).map(Line::least).filter(|&(_, key)| key < last);
            let Some((place, key)) = least else { break };
            lines[line].0[hole] = key;
            (line, hole) = (children, place);
        }
        lines[line].0[hole] = last;
        first
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn threads_come_out_by_time_and_then_in_order_of_insertion(
            operations in prop::collection::vec((0_u32..5, 0_u64..50), 1..400)
        ) {
            let mut timers = Timers::default();
            let mut model: Vec<(Instant, u64, Tid)> = Vec::new();
            for (number, (operation, due)) in operations.into_iter().enumerate() {
                let due = Instant::from_nanos(due);
                if operation < 3 {
                    let sleeper = Tid(MOST_THREADS - 1 - number as u32);
                    let ticket = timers.push(due, sleeper);
                    prop_assert!(model.iter().all(|&(_, other, _)| ticket > other));
                    model.push((due, ticket, sleeper));
                } else {
                    model.sort_unstable();
                    let first = model.first().copied().filter(|&(at, ..)| at <= due);
                    prop_assert_eq!(timers.next_due(), model.first().map_or(Instant::NEVER, |&(at, ..)| at));
                    prop_assert_eq!(timers.first(), model.first().map(|&(.., sleeper)| sleeper));
                    model.drain(..usize::from(first.is_some()));
                    let expected = first.map(|(_, ticket, sleeper)| (ticket, sleeper));
                    prop_assert_eq!(timers.pop_due(due), expected);
                }
            }
        }
    }
}
