//! The completely fair scheduler, as Linux had it until 6.5 (`kernel/sched/fair.c`; Molnar, "Modular
//! Scheduler Core and Completely Fair Scheduler", 2007), for one queue without groups.
//!
//! Each thread has a virtual time: what it ran, divided by its weight. The thread with the smallest
//! runs. Within a *period* each thread that wants the CPU has a slice by its weight: the period is
//! the latency, or as many granularities as there are threads, if that is longer. When a slice is over,
//! whoever has the smallest virtual time is next.
//!
//! A thread that wakes is placed half a latency before the queue's virtual time at most
//! (`GENTLE_FAIR_SLEEPERS`), so that it needn't wait long and can't save up time by sleeping. A new
//! one is placed a slice after it (`START_DEBIT`), so that forks gain nothing. The queue's virtual
//! time is the smallest of all in it, and never goes back.
//!
//! Left out: groups, the idle class, buddies (`NEXT_BUDDY` is off by default, and `LAST_BUDDY` counts from eight
//! threads on), the capacity of CPUs.

use std::collections::BTreeSet;

use crate::ids::Tid;
use crate::time::{Instant, Span};
use crate::trace::{Reason, Rule};

use super::PolicyRow;
use super::policy::{Baggage, Policy, Ready, Thread};
use super::weight::{UNIT, scale, virtual_time, weight};

/// Its documentation, and how it is made.
pub(super) const ROW: PolicyRow = PolicyRow {
    name: "cfs",
    summary: "the smallest virtual time, as Linux until 6.5",
    doc: "Shares the CPU by weights that come from `nice`. Whoever has run least, by weight, runs for its share of the `latency`; that it has had it is found out at the tick, if the kernel has one. A woken thread is placed at most half a latency before all others, a new one a slice after the first.",
    parameters: &[
        (
            "latency",
            "time",
            "within which each thread runs once; 6ms, twice that from 2 CPUs on, three times from 4, four times from 8",
        ),
        (
            "granularity",
            "time",
            "the shortest slice; with more threads than fit into the latency, all have this; 0.75ms, by CPUs as above",
        ),
        (
            "wakeup-granularity",
            "time",
            "how far behind the running thread a woken one must be to pre-empt it; 1ms, by CPUs as above",
        ),
    ],
    build: |given| {
        let super::Site { cpus, tick, .. } = given.1;
        let usual = |micros| scale(Span::from_micros(micros), cpus);
        Box::new(Cfs::new(
            Spans {
                latency: given.time("latency").unwrap_or_else(|| usual(6_000)),
                granularity: given.time("granularity").unwrap_or_else(|| usual(750)),
                wakeup: given.time("wakeup-granularity").unwrap_or_else(|| usual(1_000)),
            },
            tick.is_some(),
        ))
    },
};

/// The policy's times: `sysctl_sched_latency`, `_min_granularity`, `_wakeup_granularity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spans {
    pub latency: Span,
    pub granularity: Span,
    pub wakeup: Span,
}

/// Where a thread is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Away,
    Queued,
    Running,
}

/// A thread. Virtual times are virtual nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Entity {
    place: Place,
    weight: i64,
    vruntime: i64,
    /// While it comes from another queue: where it was, counted from that queue's virtual time.
    relative: Option<i64>,
    /// How long it has run since it was picked instead of another one.
    ran: Span,
    /// Its place among those with the same virtual time.
    sequence: u64,
}

const NOBODY: Entity =
    Entity { place: Place::Away, weight: UNIT, vruntime: 0, relative: None, ran: Span::ZERO, sequence: 0 };

#[derive(Clone, Debug)]
pub struct Cfs {
    spans: Spans,
    /// So many threads fit into the latency.
    fit: u64,
    /// Whether slices end at ticks only.
    ticks: bool,
    /// Indexed by [`Tid`].
    entities: Vec<Entity>,
    /// By virtual time, then in the order in which they came.
    queue: BTreeSet<(i64, u64, Tid)>,
    running: Vec<Tid>,
    /// Of all that wait or run.
    load: i64,
    /// The queue's virtual time: `min_vruntime`.
    least: i64,
    /// Who ran last and has been put back, until the next choice; and whether it yielded.
    put_back: Option<Tid>,
    yielded: bool,
    picked: Option<Tid>,
    sequence: u64,
}

impl Cfs {
    pub fn new(spans: Spans, ticks: bool) -> Cfs {
        let spans = Spans { granularity: spans.granularity.max(Span::TICK), ..spans };
        Cfs {
            spans,
            fit: spans.latency.as_nanos().div_ceil(spans.granularity.as_nanos()),
            ticks,
            entities: Vec::new(),
            queue: BTreeSet::new(),
            running: Vec::new(),
            load: 0,
            least: 0,
            put_back: None,
            yielded: false,
            picked: None,
            sequence: 0,
        }
    }

    fn entity(&mut self, id: Tid) -> &mut Entity {
        if self.entities.len() <= id.index() {
            self.entities.resize(id.index() + 1, NOBODY);
        }
        &mut self.entities[id.index()]
    }

    /// A thread's share of the period, with so many threads of this weight altogether (`sched_slice`).
    fn share(&self, threads: usize, weight: i64, load: i64) -> Span {
        let Spans { latency, granularity, .. } = self.spans;
        let threads = threads as u64;
        let period = if threads > self.fit { granularity.saturating_mul(threads) } else { latency };
        let share = i128::from(period.as_nanos()) * i128::from(weight) / i128::from(load.max(1));
        Span::from_nanos(u64::try_from(share).unwrap_or(u64::MAX)).max(granularity)
    }

    /// How long a thread that is here should run in one go.
    fn ideal(&self, id: Tid) -> Span {
        let share =
            self.share(self.queue.len() + self.running.len(), self.entities[id.index()].weight, self.load);
        share.min(self.spans.latency)
    }

    /// How far behind another one a thread must be to take the CPU from it (`wakeup_gran`).
    fn lead(&self, id: Tid) -> i64 {
        virtual_time(self.spans.wakeup, self.entities[id.index()].weight)
    }

    fn put(&mut self, id: Tid) {
        self.sequence += 1;
        let sequence = self.sequence;
        let entity = self.entity(id);
        (entity.place, entity.sequence) = (Place::Queued, sequence);
        let (vruntime, weight) = (entity.vruntime, entity.weight);
        self.queue.insert((vruntime, sequence, id));
        self.load += weight;
    }

    fn take(&mut self, id: Tid) {
        let Entity { vruntime, sequence, weight, .. } = self.entities[id.index()];
        self.queue.remove(&(vruntime, sequence, id));
        self.load -= weight;
        self.entities[id.index()].place = Place::Away;
    }

    /// A running thread doesn't run here any more. False if it didn't.
    fn stop(&mut self, id: Tid) -> bool {
        let Some(place) = self.running.iter().position(|&running| running == id) else { return false };
        self.running.remove(place);
        self.load -= self.entities[id.index()].weight;
        self.entities[id.index()].place = Place::Away;
        true
    }

    /// The queue's virtual time moves on to the smallest that is here (`update_min_vruntime`).
    fn advance(&mut self) {
        let running = self.running.iter().map(|id| self.entities[id.index()].vruntime);
        let least = running.chain(self.queue.first().map(|&(vruntime, _, _)| vruntime)).min();
        self.least = least.map_or(self.least, |least| least.max(self.least));
    }

    /// Gives a thread that comes to the queue its virtual time (`place_entity`).
    fn place(&mut self, id: Tid, why: Ready) {
        let relative = self.entity(id).relative.take();
        let Entity { weight, mut vruntime, .. } = self.entities[id.index()];
        if let Some(relative) = relative {
            vruntime = self.least.saturating_add(relative);
        }
        match why {
            Ready::New => {
                let threads = self.queue.len() + self.running.len() + 1;
                let slice = virtual_time(self.share(threads, weight, self.load + weight), weight);
                // Its maker's, if that runs here.
                let maker = self.running.first().map(|maker| self.entities[maker.index()].vruntime);
                vruntime = self.least.saturating_add(slice).max(maker.unwrap_or(i64::MIN));
            }
            Ready::Woken => {
                let gift = virtual_time(self.spans.latency / 2, UNIT);
                vruntime = vruntime.max(self.least.saturating_sub(gift));
            }
            Ready::SliceEnd | Ready::Preempted | Ready::Yielded | Ready::Migrated => {}
        }
        self.entity(id).vruntime = vruntime;
    }
}

impl Policy for Cfs {
    fn enqueue(&mut self, thread: Thread<'_>, why: Ready, _: Instant) {
        let id = thread.id;
        let ran_here = self.stop(id);
        self.entity(id).weight = weight(thread.parameters.nice);
        if ran_here {
            self.put_back = Some(id);
            self.yielded = why == Ready::Yielded;
        } else {
            self.place(id, why);
        }
        self.put(id);
    }

    fn pick(&mut self, _: Instant) -> Option<Tid> {
        let back = self.put_back.take();
        let yielded = std::mem::take(&mut self.yielded);
        let mut waiting = self.queue.iter();
        let &(first, _, mut id) = waiting.next()?;
        // Who yields lets the second go first, unless that is too far ahead.
        if yielded
            && back == Some(id)
            && let Some(&(second, _, other)) = waiting.next()
            && second.saturating_sub(first) <= self.lead(id)
        {
            id = other;
        }
        self.take(id);
        // A thread that is chosen again goes on with the slice that it has, where ticks end it.
        let goes_on = self.ticks && back == Some(id);
        let entity = self.entity(id);
        entity.place = Place::Running;
        if !goes_on {
            entity.ran = Span::ZERO;
        }
        self.load += entity.weight;
        self.running.push(id);
        self.picked = Some(id);
        Some(id)
    }

    fn remove(&mut self, thread: Tid) -> bool {
        if self.entities.get(thread.index()).is_none_or(|entity| entity.place != Place::Queued) {
            return false;
        }
        self.take(thread);
        self.advance();
        true
    }

    fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// What is left of its share.
    fn slice(&self, thread: Thread<'_>, _: Instant) -> Option<Span> {
        let entity = self.entities.get(thread.id.index())?;
        Some(self.ideal(thread.id).saturating_sub(entity.ran).max(Span::TICK))
    }

    fn reason(&self) -> Option<Reason> {
        let vruntime = self.entities[self.picked?.index()].vruntime;
        Some(Reason { rule: Rule::Vruntime, number: u64::try_from(vruntime).unwrap_or(0) })
    }

    fn gives_reasons(&self) -> bool {
        true
    }

    /// At a tick it also gives way to one that is more than a slice behind (`check_preempt_tick`).
    fn gives_way(&self, running: Thread<'_>, _: Instant) -> bool {
        let Some(&(first, _, _)) = self.queue.first() else { return false };
        let ideal = self.ideal(running.id);
        let Entity { ran, vruntime, .. } = self.entities[running.id.index()];
        if !self.ticks {
            return ran >= ideal;
        }
        let ahead = i128::from(vruntime) - i128::from(first);
        ran > ideal || (ran >= self.spans.granularity && ahead > i128::from(ideal.as_nanos()))
    }

    fn preempts(&mut self, woken: Thread<'_>, running: Thread<'_>, _: Instant) -> bool {
        let [woken, running] = [woken.id, running.id];
        let vruntime = |id: Tid| self.entities[id.index()].vruntime;
        let behind = vruntime(running).saturating_sub(vruntime(woken));
        behind > 0 && behind > self.lead(woken)
    }

    fn ran(&mut self, thread: Thread<'_>, time: Span, _: Instant) {
        let weight = weight(thread.parameters.nice);
        let entity = self.entity(thread.id);
        if entity.place != Place::Running {
            return;
        }
        // It may have become nicer since the last account.
        let before = std::mem::replace(&mut entity.weight, weight);
        entity.vruntime = entity.vruntime.saturating_add(virtual_time(time, weight));
        entity.ran += time;
        self.load += weight - before;
        self.advance();
    }

    fn queue(&self) -> Vec<Tid> {
        self.queue.iter().map(|&(_, _, id)| id).collect()
    }

    fn charges_the_next(&self) -> bool {
        true
    }

    fn serves_several(&self) -> bool {
        false
    }

    fn keeps_account(&self) -> bool {
        true
    }

    fn left(&mut self, thread: Tid, _: bool) {
        if self.stop(thread) {
            self.advance();
        }
    }

    fn hand_over(&mut self, thread: Tid) -> Baggage {
        self.left(thread, false);
        let least = self.least;
        Baggage { lag: least.saturating_sub(self.entity(thread).vruntime), ..Baggage::default() }
    }

    fn take_over(&mut self, thread: Tid, baggage: Baggage) {
        self.entity(thread).relative = Some(baggage.lag.saturating_neg());
    }
}

#[cfg(test)]
mod tests;
