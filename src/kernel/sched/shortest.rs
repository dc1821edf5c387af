//! Shortest job first, and shortest remaining time first.
//!
//! A *burst* is what a thread computes from one wait to the next. The scheduler is told its length
//! by the process's `burst`, as in a textbook, or it estimates it from the bursts before by an
//! exponential average (Silberschatz, Galvin and Gagne, *Operating System Concepts*, chapter 5): the
//! next is expected to be `weight` parts of the last one and the rest of what was expected for that.

use std::collections::BTreeSet;

use crate::ids::{CpuId, Tid};
use crate::time::{Instant, Span};
use crate::trace::{Reason, Rule};

use super::policy::{Baggage, Policy, Ready, Thread};
use super::{Given, PolicyRow, QUANTUM};

/// The parameters of those that go by the length of bursts.
const SHORTEST: &[(&str, &str, &str)] = &[
    (
        "first",
        "time",
        "how long a thread's first burst is expected to be if its process has no `burst`; 10ms",
    ),
    (
        "weight",
        "number",
        "how many percent of the last burst, the rest being what was expected of it, are expected of the next; 50",
    ),
];

/// Its documentation, and how it is made.
pub(super) const SJF: PolicyRow = PolicyRow {
    name: "sjf",
    summary: "the shortest job first",
    doc: "Runs the ready thread with the shortest burst: what it computes until it waits or ends, as the process's `burst` tells or as an average of its bursts before lets expect. It isn't pre-empted. Among equals the one that became ready first.",
    parameters: SHORTEST,
    build: |given| Box::new(shortest(given, false)),
};

/// Its documentation, and how it is made.
pub(super) const SRTF: PolicyRow = PolicyRow {
    name: "srtf",
    summary: "the shortest remaining time first",
    doc: "As the shortest job first, but a thread that becomes ready takes the CPU from one that has more to go. One with equally much doesn't.",
    parameters: SHORTEST,
    build: |given| Box::new(shortest(given, true)),
};

fn shortest(given: &Given<'_>, preemptive: bool) -> Shortest {
    let weight = given.number("weight").map_or(50, |weight| weight.clamp(0, 100) as u64);
    Shortest::new(preemptive, given.time("first").unwrap_or(QUANTUM), weight)
}

/// What is expected of a thread's burst.
#[derive(Clone, Copy, Debug)]
struct Burst {
    expected: Span,
    /// The process says how long it is.
    told: bool,
    used: Span,
    /// Its place among those that came before and after, for ties.
    arrival: u64,
    /// With which key it stands in the queue.
    queued: Option<(Span, u64)>,
}

#[derive(Clone, Debug)]
pub struct Shortest {
    /// A thread that becomes ready takes the CPU from one with more to go.
    preemptive: bool,
    /// Percent of the last burst in the average.
    weight: u64,
    first: Span,
    /// Indexed by [`Tid`].
    bursts: Vec<Burst>,
    queue: BTreeSet<(Span, u64, Tid)>,
    arrivals: u64,
    picked: Option<Span>,
}

impl Shortest {
    pub fn new(preemptive: bool, first: Span, weight: u64) -> Shortest {
        Shortest {
            preemptive,
            weight: weight.min(100),
            first,
            bursts: Vec::new(),
            queue: BTreeSet::new(),
            arrivals: 0,
            picked: None,
        }
    }

    fn burst(&mut self, id: Tid) -> &mut Burst {
        if self.bursts.len() <= id.index() {
            let unknown =
                Burst { expected: self.first, told: false, used: Span::ZERO, arrival: 0, queued: None };
            self.bursts.resize(id.index() + 1, unknown);
        }
        &mut self.bursts[id.index()]
    }

    fn to_go(&self, id: Tid) -> Span {
        self.bursts.get(id.index()).map_or(self.first, |burst| burst.expected.saturating_sub(burst.used))
    }
}

impl Policy for Shortest {
    /// Who wakes begins a burst; all others go on with theirs, and keep their turn among equals.
    fn enqueue(&mut self, thread: Thread<'_>, why: Ready, _: Instant) {
        let told = thread.parameters.burst;
        self.arrivals += 1;
        let arrival = self.arrivals;
        let burst = self.burst(thread.id);
        match why {
            Ready::New | Ready::Woken => {
                (burst.used, burst.arrival) = (Span::ZERO, arrival);
                burst.told = told.is_some();
                burst.expected = told.unwrap_or(burst.expected);
            }
            Ready::SliceEnd | Ready::Preempted | Ready::Yielded | Ready::Migrated => {}
        }
        let key = (burst.expected.saturating_sub(burst.used), burst.arrival);
        burst.queued = Some(key);
        self.queue.insert((key.0, key.1, thread.id));
    }

    fn pick(&mut self, now: Instant) -> Option<Tid> {
        self.pick_for(CpuId(0), &|_| true, now)
    }

    fn pick_for(&mut self, _: CpuId, may: &dyn Fn(Tid) -> bool, _: Instant) -> Option<Tid> {
        let first = self.queue.iter().find(|&&(_, _, id)| may(id)).copied()?;
        self.queue.remove(&first);
        let (to_go, _, id) = first;
        self.burst(id).queued = None;
        self.picked = Some(to_go);
        Some(id)
    }

    fn remove(&mut self, thread: Tid) -> bool {
        let queued = self.bursts.get_mut(thread.index()).and_then(|burst| burst.queued.take());
        queued.is_some_and(|(to_go, arrival)| self.queue.remove(&(to_go, arrival, thread)))
    }

    fn waiting(&self) -> usize {
        self.queue.len()
    }

    fn slice(&self, _: Thread<'_>, _: Instant) -> Option<Span> {
        None
    }

    fn reason(&self) -> Option<Reason> {
        self.picked.map(|to_go| Reason { rule: Rule::Shortest, number: to_go.as_nanos() })
    }

    fn gives_reasons(&self) -> bool {
        true
    }

    fn gives_way(&self, _: Thread<'_>, _: Instant) -> bool {
        false
    }

    fn preempts(&mut self, woken: Thread<'_>, running: Thread<'_>, _: Instant) -> bool {
        self.preemptive && self.to_go(woken.id) < self.to_go(running.id)
    }

    fn ran(&mut self, thread: Thread<'_>, time: Span, _: Instant) {
        self.burst(thread.id).used += time;
    }

    fn keeps_account(&self) -> bool {
        true
    }

    fn left(&mut self, thread: Tid, _: bool) {
        let weight = self.weight;
        let burst = self.burst(thread);
        if !burst.told {
            let (last, expected) = (burst.used.as_nanos(), burst.expected.as_nanos());
            let mean = (u128::from(last) * u128::from(weight)
                + u128::from(expected) * u128::from(100 - weight))
                / 100;
            burst.expected = Span::from_nanos(mean as u64);
        }
    }

    /// Its burst isn't over.
    fn sent_away(&mut self, _: Tid) {}

    fn hand_over(&mut self, thread: Tid) -> Baggage {
        let burst = self.burst(thread);
        let nanos = |span: Span| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        Baggage { lag: nanos(burst.expected), rest: Some(nanos(burst.used)), ..Baggage::default() }
    }

    fn take_over(&mut self, thread: Tid, baggage: Baggage) {
        let span = |nanos: i64| Span::from_nanos(nanos.unsigned_abs());
        let burst = self.burst(thread);
        burst.expected = span(baggage.lag);
        burst.used = baggage.rest.map_or(Span::ZERO, span);
    }

    fn queue(&self) -> Vec<Tid> {
        self.queue.iter().map(|&(_, _, id)| id).collect()
    }
}
