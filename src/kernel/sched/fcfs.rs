//! First come, first served: the thread that has been ready longest, until it blocks, yields or ends.
//!
//! Its rules can be those of simulators for teaching: who is next by number, a thread that comes back from
//! a wait takes the CPU, and a CPU that belongs to a thread until that ends.

use std::collections::VecDeque;

use crate::ids::Tid;
use crate::time::{Instant, Span};

use super::PolicyRow;
use super::policy::{Baggage, Policy, Ready, Thread};

/// Its documentation, and how it is made.
pub(super) const ROW: PolicyRow = PolicyRow {
    name: "fcfs",
    summary: "first come, first served",
    doc: "Runs the thread that has been ready longest until it blocks, yields or ends.",
    parameters: &[
        (
            "next",
            "ready-time|number",
            "whether the next thread is the one that has been ready longest, or the one with the next greater number than the last one's, after the greatest the smallest, with those that have become ready at the very instant after all others; ready-time",
        ),
        (
            "woken",
            "waits|preempts",
            "whether a thread whose wait is over queues, or takes the CPU, the last one of several; waits",
        ),
        (
            "hold",
            "truth",
            "whether a CPU is idle while the thread that it ran waits, until that thread has ended; meant for one CPU; false",
        ),
    ],
    build: |given| {
        Box::new(Fcfs::new(Rules {
            by_number: given.word("next") == Some("number"),
            woken_first: given.word("woken") == Some("preempts"),
            hold: given.truth("hold").unwrap_or(false),
        }))
    },
};

#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// The next greater number than the last one's goes first, and after the greatest the smallest.
    pub by_number: bool,
    /// Whose wait is over takes the CPU.
    pub woken_first: bool,
    /// Nobody else runs until the thread that began has ended.
    pub hold: bool,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    id: Tid,
    since: Instant,
}

#[derive(Clone, Debug, Default)]
pub struct Fcfs {
    rules: Rules,
    queue: VecDeque<Waiting>,
    /// Who takes the CPU.
    urgent: Option<Tid>,
    /// Who was picked last, or in the case of `hold` whose the CPU is.
    last: Option<Tid>,
}

impl Fcfs {
    pub fn new(rules: Rules) -> Fcfs {
        Fcfs { rules, ..Fcfs::default() }
    }

    /// Whether the one who has been ready longest is always next.
    fn is_plain(&self) -> bool {
        let Rules { by_number, woken_first, hold } = self.rules;
        !by_number && !woken_first && !hold
    }

    /// The place in the queue of the one who is next by the rules.
    fn chosen(&mut self, now: Instant) -> Option<usize> {
        let place = |id| self.queue.iter().position(|waiting| waiting.id == id);
        if self.rules.hold
            && let Some(holder) = self.last
        {
            return place(holder);
        }
        if let Some(place) = self.urgent.take().and_then(place) {
            return Some(place);
        }
        if !self.rules.by_number {
            return (!self.queue.is_empty()).then_some(0);
        }
        // Who has become ready at this very instant comes after all who were before.
        let rank = |waiting: &Waiting| (waiting.since >= now, Some(waiting.id) <= self.last, waiting.id);
        let places = self.queue.iter().enumerate();
        places.min_by_key(|(_, waiting)| rank(waiting)).map(|(place, _)| place)
    }
}

impl Policy for Fcfs {
    /// A thread that lost its CPU without its doing keeps its turn; all others queue at the end.
    fn enqueue(&mut self, thread: Thread<'_>, why: Ready, now: Instant) {
        let id = thread.id;
        match why {
            Ready::Preempted => self.queue.push_front(Waiting { id, since: Instant::START }),
            Ready::New | Ready::Woken | Ready::SliceEnd | Ready::Yielded | Ready::Migrated => {
                self.queue.push_back(Waiting { id, since: now });
            }
        }
        if self.rules.woken_first && why == Ready::Woken {
            self.urgent = Some(id);
        }
    }

    fn pick(&mut self, now: Instant) -> Option<Tid> {
        if self.is_plain() {
            return self.queue.pop_front().map(|first| first.id);
        }
        let place = self.chosen(now)?;
        let id = self.queue.remove(place)?.id;
        self.last = Some(id);
        Some(id)
    }

    fn remove(&mut self, thread: Tid) -> bool {
        self.urgent.take_if(|urgent| *urgent == thread);
        let place = self.queue.iter().position(|queued| queued.id == thread);
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

    fn preempts(&mut self, woken: Thread<'_>, _: Thread<'_>, _: Instant) -> bool {
        self.urgent == Some(woken.id) && !self.rules.hold
    }

    /// With `hold` it must be told when the thread ends whose the CPU is.
    fn keeps_account(&self) -> bool {
        self.rules.hold
    }

    /// With `hold` a CPU idles while the thread that it ran waits.
    fn conserves_work(&self) -> bool {
        !self.rules.hold
    }

    fn is_held(&self) -> bool {
        let is_here = |holder| self.queue.iter().any(|waiting| waiting.id == holder);
        self.rules.hold && self.last.is_some_and(|holder| !is_here(holder))
    }

    fn left(&mut self, thread: Tid, ended: bool) {
        if ended && self.last == Some(thread) {
            self.last = None;
        }
    }

    /// A thread that goes to another CPU gives this one free.
    fn hand_over(&mut self, thread: Tid) -> Baggage {
        self.left(thread, true);
        Baggage::default()
    }

    fn serves_several(&self) -> bool {
        self.is_plain()
    }

    fn queue(&self) -> Vec<Tid> {
        self.queue.iter().map(|waiting| waiting.id).collect()
    }
}
