//! Least laxity first.
//!
//! A job's laxity is the time until its deadline less what it has still to compute: how long it can be
//! kept from the CPU without being late. It shrinks while the job waits and stays as it is while it runs,
//! so that a waiting job overtakes the running one sooner or later (Mok, *Fundamental Design Problems of
//! Distributed Systems for the Hard-Real-Time Environment*, 1983).
//!
//! The latest time at which a waiting job must run doesn't change, unlike its laxity; the queue is
//! ordered by it. Two jobs of equal laxity would take turns at every instruction: the quantum says how
//! long each runs at least, as implementations do.

use std::collections::BTreeSet;

use crate::ids::Tid;
use crate::time::{Instant, Span};
use crate::trace::{Reason, Rule};

use super::PolicyRow;
use super::policy::{Baggage, Policy, Ready, Thread};

/// Its documentation, and how it is made.
pub(super) const ROW: PolicyRow = PolicyRow {
    name: "llf",
    summary: "the least laxity first",
    doc: "Runs the ready thread whose job can be kept from the CPU for the shortest time without being late: the time to its deadline, less what is left of its process's `wcet`. Without `wcet` it is the earliest deadline first. Threads without a `period` run when no job is ready, first come, first served.",
    parameters: &[(
        "quantum",
        "time",
        "how long a thread runs at least before one whose laxity has become less takes its place; one that becomes ready with less takes it at once; 1ms",
    )],
    build: |given| Box::new(LeastLaxity::new(given.time("quantum").unwrap_or(Span::from_millis(1)))),
};

/// What is known of a thread.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// The job that it was seen with last, and how long it has run in it.
    job: u64,
    used: Span,
    arrival: u64,
    queued: Option<(u64, u64)>,
}

#[derive(Clone, Debug)]
pub struct LeastLaxity {
    quantum: Span,
    /// Indexed by [`Tid`].
    progress: Vec<Progress>,
    queue: BTreeSet<(u64, u64, Tid)>,
    arrivals: u64,
    picked: Option<u64>,
}

impl LeastLaxity {
    pub fn new(quantum: Span) -> LeastLaxity {
        LeastLaxity { quantum, progress: Vec::new(), queue: BTreeSet::new(), arrivals: 0, picked: None }
    }

    fn of(&mut self, id: Tid) -> &mut Progress {
        if self.progress.len() <= id.index() {
            self.progress.resize(id.index() + 1, Progress::default());
        }
        &mut self.progress[id.index()]
    }

    /// The latest time at which it must run so that it needn't be late.
    fn latest(&self, thread: Thread<'_>) -> u64 {
        let Some(job) = thread.parameters.job else { return u64::MAX };
        let progress = self.progress.get(thread.id.index()).copied().unwrap_or_default();
        let used = if progress.job == job.number { progress.used } else { Span::ZERO };
        let left = thread.parameters.wcet.map_or(Span::ZERO, |wcet| wcet.saturating_sub(used));
        job.deadline.as_nanos().saturating_sub(left.as_nanos())
    }

    fn first(&self) -> Option<u64> {
        self.queue.first().map(|&(latest, _, _)| latest)
    }
}

impl Policy for LeastLaxity {
    fn enqueue(&mut self, thread: Thread<'_>, why: Ready, _: Instant) {
        let latest = self.latest(thread);
        if !matches!(why, Ready::Preempted) {
            self.arrivals += 1;
            let arrival = self.arrivals;
            self.of(thread.id).arrival = arrival;
        }
        let progress = self.of(thread.id);
        let key = (latest, progress.arrival);
        progress.queued = Some(key);
        self.queue.insert((key.0, key.1, thread.id));
    }

    fn pick(&mut self, _: Instant) -> Option<Tid> {
        let (latest, _, id) = self.queue.pop_first()?;
        self.of(id).queued = None;
        self.picked = (latest < u64::MAX).then_some(latest);
        Some(id)
    }

    fn remove(&mut self, thread: Tid) -> bool {
        let queued = self.of(thread).queued.take();
        self.picked = queued.map(|(latest, _)| latest).filter(|&latest| latest < u64::MAX);
        queued.is_some_and(|(latest, arrival)| self.queue.remove(&(latest, arrival, thread)))
    }

    fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Until the first of those that wait has less laxity, but no less than the quantum.
    fn slice(&self, thread: Thread<'_>, _: Instant) -> Option<Span> {
        let ahead = self.first().map_or(0, |first| first.saturating_sub(self.latest(thread)));
        Some(Span::from_nanos(ahead).max(self.quantum))
    }

    fn reason(&self) -> Option<Reason> {
        self.picked.map(|number| Reason { rule: Rule::Laxity, number })
    }

    fn gives_reasons(&self) -> bool {
        true
    }

    fn gives_way(&self, running: Thread<'_>, _: Instant) -> bool {
        self.first().is_some_and(|first| first < self.latest(running))
    }

    fn preempts(&mut self, woken: Thread<'_>, running: Thread<'_>, _: Instant) -> bool {
        self.latest(woken) < self.latest(running)
    }

    fn ran(&mut self, thread: Thread<'_>, time: Span, _: Instant) {
        let number = thread.parameters.job.map_or(0, |job| job.number);
        let progress = self.of(thread.id);
        if progress.job != number {
            (progress.job, progress.used) = (number, Span::ZERO);
        }
        progress.used += time;
    }

    fn keeps_account(&self) -> bool {
        true
    }

    fn hand_over(&mut self, thread: Tid) -> Baggage {
        let progress = *self.of(thread);
        let nanos = |nanos: u64| i64::try_from(nanos).unwrap_or(i64::MAX);
        Baggage {
            lag: nanos(progress.job),
            rest: Some(nanos(progress.used.as_nanos())),
            ..Baggage::default()
        }
    }

    fn take_over(&mut self, thread: Tid, baggage: Baggage) {
        let progress = self.of(thread);
        progress.job = baggage.lag.unsigned_abs();
        progress.used = Span::from_nanos(baggage.rest.map_or(0, i64::unsigned_abs));
    }

    fn queue(&self) -> Vec<Tid> {
        self.queue.iter().map(|&(_, _, id)| id).collect()
    }
}
