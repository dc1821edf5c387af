//! Earliest eligible virtual deadline first, as Linux 6.18 does it (`kernel/sched/fair.c`), for one
//! queue without groups.
//!
//! Each thread has a virtual time: what it ran, divided by its weight. The queue's own virtual time
//! is the weighted average of those that want the CPU. A thread is *eligible* if it isn't ahead of
//! that average. It asks for one slice at a time; its *virtual deadline* is where its own virtual
//! time will be when it has had it. Of the eligible threads the one with the earliest deadline
//! runs, and keeps the CPU until it has had its slice (run to parity), unless it becomes ineligible
//! by a wake-up. That it has had its slice is found out when its time is accounted: at the
//! tick, and when another thread becomes ready.
//!
//! How far a thread is behind the average when it stops (its *lag*) it gets back when it returns,
//! within limits. One that goes to sleep ahead of the average stays in the queue, asleep, until
//! the average has caught up (delayed dequeue).
//!
//! A thread may ask for slices of its own. With shorter ones its deadlines come sooner: it gets no more of the CPU,
//! but doesn't wait as long (`PREEMPT_SHORT`, `cfs_rq_min_slice`).
//!
//! Left out: groups, buddies, the capacity of CPUs.

mod classes;
mod entity;
mod requests;

pub use entity::{IDLE_WEIGHT, default_slice};

use std::collections::BTreeSet;

use crate::ids::Tid;
use crate::time::{Instant, Span};

use super::PolicyRow;
use super::policy::{Baggage, Policy, Ready, Thread};
use super::weight::{UNIT, virtual_time, weight, whole};

use entity::{BASE_SLICE, Entity, NOBODY, Place};

/// Its documentation, and how it is made.
pub(super) const ROW: PolicyRow = PolicyRow {
    name: "eevdf",
    summary: "the earliest deadline among those that had no more than their share, as Linux",
    doc: "Shares the CPU by weights that come from `nice`. Of the threads that aren't ahead of the average, the one that would have had its slice first runs until it has had it; that is found out at the tick, if the kernel has one. What a thread had less than its share when it went to sleep, it gets when it wakes.",
    parameters: &[
        (
            "slice",
            "time",
            "how much a thread asks for at a time; 0.7ms, twice that from 2 CPUs on, three times from 4, four times from 8",
        ),
        (
            "run-to-parity",
            "truth",
            "whether a thread that was chosen keeps the CPU until it has had its slice, and not only for 0.7ms; true",
        ),
    ],
    build: |given| {
        let super::Site { cpus, tick, .. } = given.1;
        let slice = given.time("slice").unwrap_or_else(|| default_slice(cpus));
        Box::new(Eevdf::new(slice, tick, given.truth("run-to-parity").unwrap_or(true)))
    },
};

#[derive(Clone, Debug)]
pub struct Eevdf {
    slice: Span,
    tick: Span,
    /// Whether some thread asks for slices of its own.
    differ: bool,
    run_to_parity: bool,
    /// Indexed by [`Tid`].
    entities: Vec<Entity>,
    /// By deadline, then in the order in which they came.
    queue: BTreeSet<(i64, u64, Tid)>,
    /// Sums over the queue: of weights, and of virtual times times weights.
    weight: i128,
    weighted: i128,
    /// How many in the queue sleep.
    delayed: usize,
    current: Option<Tid>,
    /// Who ran last and has been put back, until the next choice.
    put_back: Option<Tid>,
    /// The last account found that the current thread has had its slice.
    over: bool,
    /// The virtual time of an empty queue.
    idle_time: i64,
    sequence: u64,
}

impl Eevdf {
    pub fn new(slice: Span, tick: Option<Span>, run_to_parity: bool) -> Eevdf {
        Eevdf {
            slice: slice.max(Span::TICK),
            tick: tick.unwrap_or(Span::ZERO),
            differ: false,
            run_to_parity,
            entities: Vec::new(),
            queue: BTreeSet::new(),
            weight: 0,
            weighted: 0,
            delayed: 0,
            current: None,
            put_back: None,
            over: false,
            idle_time: 0,
            sequence: 0,
        }
    }

    fn entity(&mut self, id: Tid) -> &mut Entity {
        if self.entities.len() <= id.index() {
            self.entities.resize(id.index() + 1, NOBODY);
        }
        &mut self.entities[id.index()]
    }

    /// The sums over all that want the CPU: of weights, and of weighted virtual times.
    fn sums(&self) -> (i128, i128) {
        match self.current {
            Some(current) => {
                let current = &self.entities[current.index()];
                let weight = i128::from(current.weight);
                (self.weight + weight, self.weighted + weight * i128::from(current.vruntime))
            }
            None => (self.weight, self.weighted),
        }
    }

    /// The average of virtual times, rounded down.
    fn average(&self) -> i64 {
        match self.sums() {
            (0, _) => self.idle_time,
            (weight, weighted) => whole(weighted.div_euclid(weight)),
        }
    }

    /// Whether the thread isn't ahead of the average.
    fn is_eligible(&self, id: Tid) -> bool {
        let (weight, weighted) = self.sums();
        i128::from(self.entities[id.index()].vruntime) * weight <= weighted
    }

    fn has_company(&self) -> bool {
        self.queue.len() + usize::from(self.current.is_some()) > 1
    }

    fn put(&mut self, id: Tid, place: Place) {
        self.sequence += 1;
        let sequence = self.sequence;
        let entity = self.entity(id);
        entity.place = place;
        entity.sequence = sequence;
        let Entity { weight, vruntime, deadline, .. } = *entity;
        self.queue.insert((deadline, sequence, id));
        self.weight += i128::from(weight);
        self.weighted += i128::from(weight) * i128::from(vruntime);
        self.delayed += usize::from(place == Place::Delayed);
    }

    fn take(&mut self, id: Tid) {
        let Entity { weight, vruntime, deadline, sequence, place, .. } = self.entities[id.index()];
        self.queue.remove(&(deadline, sequence, id));
        self.weight -= i128::from(weight);
        self.weighted -= i128::from(weight) * i128::from(vruntime);
        self.delayed -= usize::from(place == Place::Delayed);
        self.entities[id.index()].place = Place::Away;
    }

    /// How far behind the average the thread is, within limits. It is one of those that count.
    fn lag(&self, id: Tid) -> i64 {
        let entity = &self.entities[id.index()];
        let limit = virtual_time((entity.slice * 2).max(self.tick), entity.weight);
        (self.average() - entity.vruntime).clamp(-limit, limit)
    }

    /// Gives a thread that comes to the queue its virtual time and deadline. Its coming moves the
    /// average; its lag is made greater, so that it is the same after that.
    fn place(&mut self, id: Tid, is_new: bool) {
        let (load, _) = self.sums();
        let average = self.average();
        let entity = self.entity(id);
        let weight = i128::from(entity.weight);
        let lag = if load == 0 { 0 } else { whole(i128::from(entity.lag) * (load + weight) / load) };
        let slice = virtual_time(entity.slice, entity.weight);
        entity.vruntime = average - lag;
        entity.deadline = match entity.rest.take() {
            Some(rest) => entity.vruntime + rest,
            // Half a slice eases a new thread into the competition.
            None if is_new => entity.vruntime + slice / 2,
            None => entity.vruntime + slice,
        };
        entity.lag = 0;
        self.put(id, Place::Queued);
    }

    /// A thread that slept in the queue wakes: what it owed is forgiven if it has been caught up with.
    fn rouse(&mut self, id: Tid) {
        if self.lag(id) <= 0 {
            self.delayed -= 1;
            self.entity(id).place = Place::Queued;
        } else {
            self.take(id);
            self.place(id, false);
        }
    }

    /// Whoever should run now; whoever runs, or ran until now, may be the one.
    fn choice(&self) -> Option<Tid> {
        let incumbent = self.current.or(self.put_back);
        if !self.has_company() {
            return self.current.or_else(|| self.queue.first().map(|&(_, _, id)| id));
        }
        let incumbent = incumbent.filter(|&id| self.is_eligible(id));
        if let Some(id) = incumbent {
            let entity = &self.entities[id.index()];
            if entity.vruntime < entity.protected {
                return Some(id);
            }
        }
        let (weight, weighted) = self.sums();
        let eligible = |id: Tid| i128::from(self.entities[id.index()].vruntime) * weight <= weighted;
        let best = self.queue.iter().find(|&&(_, _, id)| eligible(id));
        match (best, incumbent.filter(|_| self.current.is_some())) {
            (Some(&(deadline, _, _)), Some(id)) if self.entities[id.index()].deadline < deadline => Some(id),
            (Some(&(_, _, best)), _) => Some(best),
            (None, incumbent) => incumbent,
        }
    }

    /// Whoever of those awake should run now. Sleepers that would be chosen leave the queue: they are
    /// no longer ahead, and owe nothing. It is so too where a woken thread asks whether it pre-empts
    /// (`pick_next_entity` in `check_preempt_wakeup_fair`).
    fn awake_choice(&mut self) -> Option<Tid> {
        loop {
            let id = self.choice()?;
            if self.entities[id.index()].place != Place::Delayed {
                return Some(id);
            }
            let lag = self.lag(id).min(0);
            self.take(id);
            self.entity(id).lag = lag;
        }
    }
}

impl Policy for Eevdf {
    fn enqueue(&mut self, thread: Thread<'_>, why: Ready, _: Instant) {
        self.enqueue_weighted(thread, weight(thread.parameters.nice), why);
    }

    fn pick(&mut self, _: Instant) -> Option<Tid> {
        let Some(id) = self.awake_choice() else {
            self.put_back = None;
            return None;
        };
        self.take(id);
        // A thread that is chosen again isn't protected anew.
        let again = self.put_back.take() == Some(id);
        let most = if self.run_to_parity { self.shortest() } else { BASE_SLICE };
        let entity = self.entity(id);
        entity.place = Place::Running;
        if !again {
            entity.protected = if most >= entity.slice {
                entity.deadline
            } else {
                entity.deadline.min(entity.vruntime + virtual_time(most, entity.weight))
            };
        }
        self.current = Some(id);
        self.over = false;
        Some(id)
    }

    fn remove(&mut self, thread: Tid) -> bool {
        if self.entities.get(thread.index()).is_none_or(|entity| entity.place != Place::Queued) {
            return false;
        }
        let lag = self.lag(thread);
        self.take(thread);
        let entity = self.entity(thread);
        entity.lag = lag;
        entity.rest = Some(entity.deadline - entity.vruntime);
        self.idle_time = self.entities[thread.index()].vruntime;
        true
    }

    fn waiting(&self) -> usize {
        self.queue.len() - self.delayed
    }

    /// What is left of its slice.
    fn slice(&self, thread: Thread<'_>, _: Instant) -> Option<Span> {
        let entity = self.entities.get(thread.id.index())?;
        let end = if entity.vruntime < entity.protected { entity.protected } else { entity.deadline };
        let rest = i128::from(end - entity.vruntime) * i128::from(entity.weight);
        let nanos = (rest + i128::from(UNIT) - 1).div_euclid(i128::from(UNIT)).max(1);
        Some(Span::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    fn gives_way(&self, _: Thread<'_>, _: Instant) -> bool {
        self.over
    }

    fn preempts(&mut self, woken: Thread<'_>, running: Thread<'_>, _: Instant) -> bool {
        if self.differ && self.is_shorter(woken.id, running.id) {
            let running = self.entity(running.id);
            running.protected = running.protected.min(running.vruntime);
        }
        self.awake_choice() == Some(woken.id)
    }

    fn ran(&mut self, thread: Thread<'_>, time: Span, _: Instant) {
        if time.is_zero() || self.current != Some(thread.id) {
            return;
        }
        let entity = self.entity(thread.id);
        entity.vruntime = entity.vruntime.saturating_add(virtual_time(time, entity.weight));
        let complete = entity.vruntime >= entity.deadline;
        if complete {
            entity.deadline = entity.vruntime + virtual_time(entity.slice, entity.weight);
        }
        let unprotected = entity.vruntime >= entity.protected;
        self.over |= (complete || unprotected) && self.has_company();
    }

    fn queue(&self) -> Vec<Tid> {
        let ids = self.queue.iter().map(|&(_, _, id)| id);
        let mut ids: Vec<Tid> = ids.filter(|id| self.entities[id.index()].place == Place::Queued).collect();
        ids.sort_by_key(|&id| !self.is_eligible(id));
        ids
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

    fn is_over(&self) -> bool {
        self.over
    }

    fn left(&mut self, thread: Tid, ended: bool) {
        if self.current != Some(thread) {
            return;
        }
        let stays = !ended && self.has_company() && !self.is_eligible(thread);
        let lag = self.lag(thread);
        self.current = None;
        self.over = false;
        let entity = self.entity(thread);
        (entity.place, entity.lag) = (Place::Away, lag);
        let vruntime = entity.vruntime;
        if stays {
            self.put(thread, Place::Delayed);
        } else if self.queue.is_empty() {
            self.idle_time = vruntime;
        }
    }

    fn holds(&self, sleeper: Tid) -> bool {
        self.entities.get(sleeper.index()).is_some_and(|entity| entity.place == Place::Delayed)
    }

    fn hand_over(&mut self, thread: Tid) -> Baggage {
        let entity = self.entity(thread);
        Baggage { lag: entity.lag, rest: entity.rest.take(), ..Baggage::default() }
    }

    fn take_over(&mut self, thread: Tid, baggage: Baggage) {
        let entity = self.entity(thread);
        (entity.lag, entity.rest) = (baggage.lag, baggage.rest);
    }
}

#[cfg(test)]
mod tests;
