//! SCHED_DEADLINE: the earliest deadline first, each thread within its budget, as Linux 6.18 does it
//! (`kernel/sched/deadline.c`) on one CPU. Abeni and Buttazzo, *Integrating Multimedia Applications in
//! Hard Real-Time Systems*, 1998: the constant-bandwidth server, in its hard form.
//!
//! A thread that wakes keeps the deadline and the budget that it had, if it can't use more than its share
//! of the CPU with these; else it begins a new period. One whose budget is used up is *throttled*: it
//! doesn't run, whoever else does, until its period is over. Then it has a full budget and the next
//! deadline.
//!
//! Left out: reclaiming what others don't use (GRUB), and migration between CPUs by deadline.

use std::collections::BTreeSet;

use crate::ids::Tid;
use crate::kernel::sched::Parameters;
use crate::time::{Instant, Span};

/// What a thread may use: so much in each period, within so much from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reservation {
    pub budget: Span,
    pub deadline: Span,
    pub period: Span,
}

impl Reservation {
    /// What a scenario reserves for a thread; none unless it says how much and how often.
    pub fn of(parameters: &Parameters) -> Option<Reservation> {
        let (budget, period) = (parameters.budget?, parameters.period?);
        let deadline = parameters.deadline.unwrap_or(period);
        (!budget.is_zero() && !period.is_zero()).then_some(Reservation { budget, deadline, period })
    }

    /// Whether so much by then is more than its share of the time up to there (`dl_entity_overflow`).
    pub fn is_exceeded(&self, left: i64, time: Span) -> bool {
        let [budget, deadline, time] =
            [self.budget, self.deadline, time].map(|span| i128::from(span.as_nanos()));
        i128::from(left) * deadline > time * budget
    }

    /// Its share of a time (`update_dl_revised_wakeup`).
    pub fn share(&self, time: Span) -> i64 {
        let [budget, deadline, time] =
            [self.budget, self.deadline, time].map(|span| u128::from(span.as_nanos()));
        (time * budget / deadline.max(1)).min(i64::MAX as u128) as i64
    }

    pub fn full(&self) -> i64 {
        i64::try_from(self.budget.as_nanos()).unwrap_or(i64::MAX)
    }

    /// Adds budgets and periods until there is some budget (`replenish_dl_entity`).
    pub fn replenish(&self, account: &mut Account, now: Instant) {
        while account.left <= 0 {
            account.left = account.left.saturating_add(self.full());
            account.deadline += self.period;
        }
        if account.deadline < now {
            *account = self.new_period(now);
        }
    }

    pub fn new_period(&self, now: Instant) -> Account {
        Account { deadline: now + self.deadline, left: self.full() }
    }

    /// When the period ends that an account is in (`dl_next_period`).
    fn end_of_period(&self, account: Account) -> Instant {
        let begin = Instant::START + account.deadline.since(Instant::START + self.deadline);
        begin + self.period
    }
}

/// The deadline that counts now, and how many nanoseconds are left until it. Where time is only
/// accounted at the tick, a thread can owe some.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    pub deadline: Instant,
    pub left: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Away,
    Queued,
    Running,
    /// It would run, but has used up its budget.
    Throttled,
}

#[derive(Clone, Copy, Debug)]
struct Entity {
    place: Place,
    account: Account,
    reservation: Reservation,
    /// Until when it may not run, asleep or not.
    until: Option<Instant>,
    /// Its place among those with the same deadline.
    sequence: u64,
}

/// The threads of the class.
#[derive(Clone, Debug, Default)]
pub struct Deadlines {
    /// Indexed by [`Tid`]; none for threads that have never been here.
    entities: Vec<Option<Entity>>,
    /// By deadline, then in the order in which they came.
    queue: BTreeSet<(Instant, u64, Tid)>,
    throttled: BTreeSet<(Instant, Tid)>,
    sequence: u64,
}

impl Deadlines {
    fn entity(&mut self, id: Tid) -> Option<&mut Entity> {
        self.entities.get_mut(id.index())?.as_mut()
    }

    fn set(&mut self, id: Tid, entity: Entity) {
        if self.entities.len() <= id.index() {
            self.entities.resize(id.index() + 1, None);
        }
        self.entities[id.index()] = Some(entity);
    }

    fn fresh(&mut self, reservation: Reservation, now: Instant) -> Entity {
        self.sequence += 1;
        let account = reservation.new_period(now);
        Entity { place: Place::Away, account, reservation, until: None, sequence: self.sequence }
    }

    /// Queues a thread, or holds it back.
    fn put(&mut self, id: Tid, mut entity: Entity) {
        match entity.until {
            Some(until) => {
                entity.place = Place::Throttled;
                self.throttled.insert((until, id));
            }
            None => {
                entity.place = Place::Queued;
                self.queue.insert((entity.account.deadline, entity.sequence, id));
            }
        }
        self.set(id, entity);
    }

    /// The budget is used up: no more until the period is over, or at once if it is.
    fn throttle(&mut self, entity: &mut Entity, now: Instant) {
        let until = entity.reservation.end_of_period(entity.account);
        entity.until = Some(until);
        self.release(entity, now);
    }

    /// Ends a throttling that is over.
    fn release(&mut self, entity: &mut Entity, now: Instant) {
        if entity.until.is_some_and(|until| until <= now) {
            entity.until = None;
            let reservation = entity.reservation;
            reservation.replenish(&mut entity.account, now);
            self.sequence += 1;
            entity.sequence = self.sequence;
        }
    }

    /// A thread has come to want the CPU (`update_dl_entity`, `dl_check_constrained_dl`).
    pub fn wake(&mut self, id: Tid, reservation: Reservation, is_new: bool, now: Instant) {
        let fresh = self.fresh(reservation, now);
        let known = self.entity(id).copied().filter(|_| !is_new);
        let mut entity = known.unwrap_or(fresh);
        (entity.reservation, entity.sequence) = (reservation, fresh.sequence);
        entity.until = entity.until.map(|_| reservation.end_of_period(entity.account));
        self.release(&mut entity, now);
        let account = entity.account;
        let is_constrained = reservation.deadline < reservation.period;
        let laxity = account.deadline.since(now);
        if entity.until.is_some() {
            // It was throttled when it went to sleep, and still is.
        } else if is_constrained && account.deadline < now && now < reservation.end_of_period(account) {
            entity.account.left = account.left.min(0);
            entity.until = Some(reservation.end_of_period(account));
        } else if account.deadline < now || reservation.is_exceeded(account.left, laxity) {
            if is_constrained && account.deadline >= now {
                entity.account.left = reservation.share(laxity);
            } else {
                entity.account = fresh.account;
            }
        }
        self.put(id, entity);
    }

    /// The running thread goes back to the queue: to its place there, or out of it if its budget is used
    /// up. One that yields gives up what is left of it.
    pub fn put_back(&mut self, id: Tid, yields: bool, now: Instant) {
        let Some(mut entity) = self.entity(id).copied() else { return };
        if yields {
            entity.account.left = entity.account.left.min(0);
        }
        if entity.account.left <= 0 {
            self.throttle(&mut entity, now);
        }
        self.put(id, entity);
    }

    pub fn pick(&mut self) -> Option<Tid> {
        let (_, _, id) = self.queue.pop_first()?;
        if let Some(entity) = self.entity(id) {
            entity.place = Place::Running;
        }
        Some(id)
    }

    /// Takes a thread that wants the CPU out; false if it isn't here.
    pub fn remove(&mut self, id: Tid) -> bool {
        let Some(entity) = self.entity(id) else { return false };
        let before = std::mem::replace(&mut entity.place, Place::Away);
        let (until, deadline, sequence) = (entity.until, entity.account.deadline, entity.sequence);
        match before {
            Place::Queued => self.queue.remove(&(deadline, sequence, id)),
            Place::Throttled => until.is_some_and(|until| self.throttled.remove(&(until, id))),
            Place::Away | Place::Running => false,
        }
    }

    /// The running thread blocks.
    pub fn left(&mut self, id: Tid) {
        if let Some(entity) = self.entity(id) {
            entity.place = Place::Away;
            if entity.account.left <= 0 {
                entity.until = Some(entity.reservation.end_of_period(entity.account));
            }
        }
    }

    pub fn forget(&mut self, id: Tid) {
        self.remove(id);
        if let Some(entity) = self.entities.get_mut(id.index()) {
            *entity = None;
        }
    }

    /// The running thread has used so much. Whether its budget is used up.
    pub fn ran(&mut self, id: Tid, time: Span) -> bool {
        let Some(entity) = self.entity(id) else { return false };
        let time = i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        entity.account.left = entity.account.left.saturating_sub(time);
        entity.account.left <= 0
    }

    /// Threads that were throttled until now may run again. Whether there are any.
    pub fn replenish(&mut self, now: Instant) -> bool {
        let mut any = false;
        while let Some(&(until, id)) = self.throttled.first() {
            if until > now {
                break;
            }
            self.throttled.pop_first();
            if let Some(mut entity) = self.entity(id).copied() {
                self.release(&mut entity, now);
                self.put(id, entity);
                any = true;
            }
        }
        any
    }

    /// When the next thread stops being throttled.
    pub fn due(&self) -> Instant {
        self.throttled.first().map_or(Instant::NEVER, |&(until, _)| until)
    }

    /// What the thread has, and whether it may not run now.
    pub fn account(&self, id: Tid) -> Option<(Account, Option<Instant>)> {
        let entity = self.entities.get(id.index())?.as_ref()?;
        Some((entity.account, entity.until))
    }

    /// A thread comes from another CPU's queue.
    pub fn take_over(&mut self, id: Tid, account: Account, is_throttled: bool) {
        // Its reservation, and so until when it is throttled, is known when it wakes.
        let reservation = Reservation { budget: Span::TICK, deadline: Span::TICK, period: Span::TICK };
        let until = is_throttled.then_some(Instant::NEVER);
        let fresh = self.fresh(reservation, Instant::START);
        self.set(id, Entity { account, until, ..fresh });
    }

    /// The earliest deadline of those that wait.
    pub fn earliest(&self) -> Option<Instant> {
        self.queue.first().map(|&(deadline, _, _)| deadline)
    }

    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    pub fn are_throttled(&self) -> bool {
        !self.throttled.is_empty()
    }

    pub fn is_throttled(&self, id: Tid) -> bool {
        self.account(id).is_some_and(|(_, until)| until.is_some())
    }

    pub fn queue(&self) -> impl Iterator<Item = Tid> {
        self.queue.iter().map(|&(_, _, id)| id)
    }
}
