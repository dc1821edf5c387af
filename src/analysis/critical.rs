//! The critical path: the chain of work and waiting that the run's end waited for.
//!
//! It is walked backwards from the thread that ended last. What a thread ran, or was ready, lies on the path. Where it
//! was blocked until another thread woke it, the path goes on with the one that woke it, at that moment; where it
//! begins, with its parent. A wait that an interrupt ended lies on the path itself: that was a device's or a timer's
//! time. What shortens a piece of the path shortens the run, as long as no other path becomes the longest.
//!
//! Left out: that a ready thread waits for the thread which has its CPU. That is a matter of the scheduler, and the
//! path shows it as ready.

use std::collections::BTreeMap;

use crate::ids::Tid;
use crate::time::{Instant, Span};

use super::lanes::{Lanes, ThreadLane, ThreadSpan, Waker};
use super::state::ThreadState;

/// The path, in order of time; its pieces touch unless the trace doesn't tell what was between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CriticalPath {
    pub pieces: Vec<Piece>,
}

/// What one thread did while everything waited for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    pub task: Tid,
    pub from: Instant,
    pub to: Instant,
    pub state: ThreadState,
}

impl CriticalPath {
    pub fn of(lanes: &Lanes) -> CriticalPath {
        let Some(last) = last_thread(lanes) else {
            return CriticalPath::default();
        };
        let mut walk = Walk::new(lanes);
        let end = last.spans.last().map_or(lanes.from, |span| span.to);
        walk.back(last.task, end);
        walk.pieces.reverse();
        CriticalPath { pieces: walk.pieces }
    }

    /// The length of all pieces.
    pub fn length(&self) -> Span {
        self.pieces.iter().map(|piece| piece.to.since(piece.from)).sum()
    }
}

/// The thread that did something last; waiting doesn't count unless all waited.
fn last_thread(lanes: &Lanes) -> Option<&ThreadLane> {
    let at = |lane: &ThreadLane| {
        let end = lane.spans.last()?.to;
        Some((end, lane.end.is_some() || !is_blocked(lane.spans.last()?)))
    };
    let threads = lanes.threads.iter().filter(|lane| !lane.spans.is_empty());
    // Of several, the one that was announced first.
    threads.rev().max_by_key(|lane| at(lane).map(|(end, works)| (works, end)))
}

fn is_blocked(span: &ThreadSpan) -> bool {
    matches!(span.state, ThreadState::Blocked { .. })
}

struct Walk<'a> {
    lanes: &'a Lanes,
    places: BTreeMap<Tid, usize>,
    /// For each thread that was woken, the places of its wake-ups, in order.
    woken: BTreeMap<Tid, Vec<usize>>,
    pieces: Vec<Piece>,
}

impl<'a> Walk<'a> {
    fn new(lanes: &'a Lanes) -> Walk<'a> {
        let places = lanes.threads.iter().enumerate().map(|(place, lane)| (lane.task, place)).collect();
        let mut woken: BTreeMap<Tid, Vec<usize>> = BTreeMap::new();
        for (place, wakeup) in lanes.wakeups.iter().enumerate() {
            woken.entry(wakeup.task).or_default().push(place);
        }
        Walk { lanes, places, woken, pieces: Vec::new() }
    }

    /// Follows a thread back from a moment; each turn goes to an earlier moment or to an earlier wake-up.
    fn back(&mut self, mut task: Tid, mut at: Instant) {
        let mut before = self.lanes.wakeups.len();
        // How many parents were gone to without time passing: no more than there are threads.
        let mut generations = 0;
        while let Some(lane) = self.places.get(&task).map(|&place| &self.lanes.threads[place]) {
            let next = lane.spans.partition_point(|span| span.from < at);
            let Some(span) = next.checked_sub(1).map(|place| lane.spans[place]) else {
                match self.parent(lane, at) {
                    Some(parent) if generations < self.lanes.threads.len() => task = parent,
                    Some(_) | None => return,
                }
                generations += 1;
                continue;
            };
            let woken = (is_blocked(&span) && span.to == at).then(|| self.wake(task, at, before)).flatten();
            if let Some((place, waker)) = woken {
                before = place;
                if let Some(waker) = waker {
                    task = waker;
                    continue;
                }
            }
            let to = span.to.min(at);
            self.pieces.push(Piece { task, from: span.from, to, state: span.state });
            at = span.from;
        }
    }

    /// Who made a thread that begins at this moment.
    fn parent(&self, lane: &ThreadLane, at: Instant) -> Option<Tid> {
        (lane.start == Some(at) && at > self.lanes.from && lane.parent != lane.task).then_some(lane.parent)
    }

    /// The wake-up at this moment that comes before the one that was followed last: where it is, and which thread
    /// did it if it was one.
    fn wake(&self, task: Tid, at: Instant, before: usize) -> Option<(usize, Option<Tid>)> {
        let places = self.woken.get(&task)?;
        let known = places.partition_point(|&place| place < before && self.lanes.wakeups[place].at <= at);
        let place = *places.get(known.checked_sub(1)?)?;
        let wakeup = &self.lanes.wakeups[place];
        if wakeup.at != at {
            return None;
        }
        match wakeup.by {
            Waker::Thread(waker) => {
                let other = waker != task && self.places.contains_key(&waker);
                Some((place, other.then_some(waker)))
            }
            Waker::Handler(_) => Some((place, None)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::stories;

    fn told(path: &CriticalPath) -> Vec<(u32, u64, u64, &'static str)> {
        let state = |state| match state {
            ThreadState::User => "user",
            ThreadState::Kernel(_) => "kernel",
            ThreadState::Interrupted(_) => "interrupt",
            ThreadState::Switch => "switch",
            ThreadState::Ready => "ready",
            ThreadState::Blocked { .. } => "blocked",
        };
        let nanos = Instant::as_nanos;
        path.pieces.iter().map(|p| (p.task.0, nanos(p.from), nanos(p.to), state(p.state))).collect()
    }

    /// A producer on one CPU wakes a consumer on another, which is there until the end.
    #[test]
    fn the_path_leads_from_the_woken_thread_to_the_one_that_woke_it() {
        let lanes = stories::reschedule().lanes();
        let mut lanes = lanes;
        // Let the consumer be the one that counts.
        lanes.threads[0].spans.retain(|span| span.from < Instant::from_nanos(23_000));
        let expected = [
            (2, 0, 1_000, "switch"),
            (2, 1_000, 20_000, "user"),
            (2, 20_000, 21_000, "kernel"),
            (3, 21_000, 23_000, "ready"),
            (3, 23_000, 24_000, "switch"),
            (3, 24_000, 26_000, "kernel"),
            (3, 26_000, 40_000, "user"),
        ];
        let path = CriticalPath::of(&lanes);
        assert_eq!(told(&path), expected);
        assert_eq!(path.length(), Span::from_nanos(40_000));
    }

    /// The editor's wait for the disk was ended by an interrupt, so it is the disk's time.
    #[test]
    fn a_wait_for_a_device_lies_on_the_path() {
        let mut lanes = stories::page_fault().lanes();
        lanes.threads.truncate(1);
        let path = CriticalPath::of(&lanes);
        let blocked: Vec<_> = told(&path).into_iter().filter(|piece| piece.3 == "blocked").collect();
        assert_eq!(blocked, [(2, 14_000, 47_000, "blocked")]);
        assert_eq!(path.length(), Span::from_nanos(66_000));
    }

    /// A child begins with its parent's fork, so what the parent did before is on the path.
    #[test]
    fn the_path_of_a_child_begins_with_its_parent() {
        let mut lanes = stories::ping_pong(0).lanes();
        let parent = lanes.threads.iter().position(|lane| lane.task == stories::PARENT).unwrap();
        lanes.threads[parent].spans.retain(|span| span.from < Instant::from_nanos(1_500));
        // At the end the child waits; what it did last is what counts.
        lanes.threads[1 - parent].spans.pop_if(|span| is_blocked(span));
        let path = CriticalPath::of(&lanes);
        let told = told(&path);
        let first = [
            (2, 0, 200, "switch"),
            (2, 200, 500, "user"),
            (2, 500, 1_500, "kernel"),
            (3, 1_500, 2_800, "ready"),
        ];
        assert_eq!(told[..4], first);
        let touching = told.windows(2).all(|pair| pair[0].2 == pair[1].1);
        assert!(touching, "{told:?}");
    }

    #[test]
    fn a_run_without_threads_has_no_path() {
        assert_eq!(CriticalPath::of(&Lanes::default()), CriticalPath::default());
    }
}
