//! The multi-level feedback queue of 4.4BSD (McKusick, Bostic, Karels, Quarterman, *The Design and Implementation
//! of the 4.4BSD Operating System*, 4.4), in the form in which Pintos teaches it (its manual's
//! appendix "4.4BSD Scheduler"): 64 priorities that follow from what each thread has had lately.
//!
//! All is counted in ticks. At each tick the running thread is charged one. Once a second the *load
//! average* moves a sixtieth of the way to the number of threads that are ready or run, and what each
//! thread has had lately is forgotten in part: less of it the greater the load is. The priority is 63,
//! less a quarter of what it has had, less twice its niceness.
//!
//! What happens at the same instant does so in this order, *tick before wake-ups*: the running thread is
//! charged; each second the load average comes, then what threads have had is forgotten; each fourth
//! tick the priorities follow; a slice ends; threads become ready. Threads whose priority changes go to
//! the tail of their new queue, those of the highest queue first, in the order in which they stood.
//!
//! Left out: a new thread doesn't have what its maker has had, but begins with nothing.

use std::collections::VecDeque;

use crate::ids::Tid;
use crate::time::{Instant, Span};
use crate::trace::{Reason, Rule};

use super::PolicyRow;
use super::policy::{Baggage, News, Policy, Ready, Thread};

/// Its documentation, and how it is made.
pub(super) const ROW: PolicyRow = PolicyRow {
    name: "bsd",
    summary: "64 priorities by niceness and what each had lately, as 4.4BSD",
    doc: "Each thread's priority is 63, less a quarter of the ticks that it has had lately, less twice its `nice`. The highest runs, equals in turn, and pre-empts. Each second the load average is reckoned, which tells how much of what threads have had is forgotten. At the same instant a tick comes first, with all that follows from it, then threads become ready.",
    parameters: &[
        ("tick", "time", "the period of the clock that all is counted by; 10ms"),
        ("slice", "number", "the longest time in one go among equals, in ticks; 4"),
        ("recompute", "number", "how often priorities are reckoned anew, in ticks; 4"),
    ],
    build: |given| {
        let ticks = |key| given.number(key).and_then(|ticks| u64::try_from(ticks).ok()).unwrap_or(4).max(1);
        let tick = given.time("tick").unwrap_or(Span::from_millis(10));
        Box::new(Bsd::new(tick, ticks("slice"), ticks("recompute")))
    },
};

/// One, as a number with 14 binary places.
const ONE: i64 = 1 << 14;
const LEVELS: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Away,
    Queued,
    Running,
}

#[derive(Clone, Copy, Debug)]
struct Account {
    place: Place,
    nice: i8,
    /// The ticks that it has had lately (`recent_cpu`), with 14 binary places.
    recent: i64,
    priority: u8,
    /// How many ticks of its slice are over.
    used: u64,
}

impl Account {
    /// The priority that follows from the rest.
    fn reckoned(&self) -> u8 {
        let highest = LEVELS as i64 - 1;
        let priority = (highest * ONE - self.recent / 4) / ONE - i64::from(self.nice) * 2;
        priority.clamp(0, highest) as u8
    }
}

#[derive(Clone, Debug)]
pub struct Bsd {
    tick: Span,
    slice: u64,
    recompute: u64,
    /// How many ticks a second has.
    second: u64,
    /// Indexed by [`Tid`]; none for threads that haven't been here, or have ended.
    accounts: Vec<Option<Account>>,
    /// By priority.
    queues: Vec<VecDeque<Tid>>,
    waiting: usize,
    running: Vec<Tid>,
    /// How many ticks have been counted.
    ticks: u64,
    /// With 14 binary places.
    load: i64,
    is_fresh: bool,
    picked: Option<Tid>,
}

impl Bsd {
    pub fn new(tick: Span, slice: u64, recompute: u64) -> Bsd {
        let tick = tick.max(Span::TICK);
        Bsd {
            tick,
            slice,
            recompute,
            second: (1_000_000_000 / tick.as_nanos()).max(1),
            accounts: Vec::new(),
            queues: vec![VecDeque::new(); LEVELS],
            waiting: 0,
            running: Vec::new(),
            ticks: 0,
            load: 0,
            is_fresh: false,
            picked: None,
        }
    }

    fn account(&mut self, id: Tid) -> &mut Account {
        if self.accounts.len() <= id.index() {
            self.accounts.resize(id.index() + 1, None);
        }
        self.accounts[id.index()].get_or_insert(Account {
            place: Place::Away,
            nice: 0,
            recent: 0,
            priority: (LEVELS - 1) as u8,
            used: 0,
        })
    }

    fn known(&self, id: Tid) -> Option<&Account> {
        self.accounts.get(id.index()).and_then(Option::as_ref)
    }

    fn highest(&self) -> Option<usize> {
        self.queues.iter().rposition(|queue| !queue.is_empty())
    }

    /// A niceness that has changed counts at once.
    fn heed(&mut self, thread: Thread<'_>) {
        let account = self.account(thread.id);
        if account.nice != thread.parameters.nice {
            account.nice = thread.parameters.nice;
            account.priority = account.reckoned();
        }
    }

    fn put(&mut self, id: Tid) {
        let account = self.account(id);
        account.place = Place::Queued;
        let level = usize::from(account.priority);
        self.queues[level].push_back(id);
        self.waiting += 1;
    }

    fn stop(&mut self, id: Tid) {
        if let Some(place) = self.running.iter().position(|&running| running == id) {
            self.running.remove(place);
            self.account(id).place = Place::Away;
        }
    }

    /// Counts the ticks until now. Between two calls nobody comes or goes, so that all of them are alike.
    fn catch_up(&mut self, now: Instant) {
        let until = now.as_nanos() / self.tick.as_nanos();
        let mut a_second_ago = None;
        while self.ticks < until {
            let next = |every: u64| (self.ticks / every + 1).saturating_mul(every);
            // What only changes each second needn't be looked at more often.
            let priorities = if self.running.is_empty() { u64::MAX } else { next(self.recompute) };
            let to = next(self.second).min(priorities).min(until);
            self.charge(to - self.ticks);
            self.ticks = to;
            let is_second = to.is_multiple_of(self.second);
            if is_second {
                self.forget();
            }
            if to == priorities || is_second {
                self.reckon();
            }
            if is_second {
                let state: Vec<i64> = self.accounts.iter().flatten().map(|account| account.recent).collect();
                let state = Some((self.load, state));
                if state == a_second_ago {
                    // So it would be each second from here on.
                    let rest = (until - self.ticks) / self.second * self.second;
                    self.ticks += rest;
                }
                a_second_ago = state;
            }
        }
    }

    /// Charges whoever runs with so many ticks. Alone, a thread begins one slice after the other.
    fn charge(&mut self, ticks: u64) {
        for &id in &self.running {
            if let Some(account) = &mut self.accounts[id.index()] {
                account.recent = account.recent.saturating_add((ticks as i64).saturating_mul(ONE));
                account.used += ticks;
                if self.waiting == 0 {
                    account.used %= self.slice;
                }
            }
        }
    }

    /// A second is over: the load average, then what each thread keeps of what it has had.
    fn forget(&mut self) {
        let ready = (self.waiting + self.running.len()) as i64;
        self.load = (59 * self.load + ready * ONE) / 60;
        self.is_fresh = true;
        let kept = i128::from(2 * self.load * ONE / (2 * self.load + ONE));
        for account in self.accounts.iter_mut().flatten() {
            let recent = i128::from(account.recent) * kept / i128::from(ONE);
            // Less than it was, and a niceness more.
            account.recent = recent as i64 + i64::from(account.nice) * ONE;
        }
    }

    /// All priorities are reckoned anew.
    fn reckon(&mut self) {
        let mut moved = Vec::new();
        for level in (0..LEVELS).rev() {
            let Bsd { queues, accounts, .. } = self;
            let reckoned = |id: Tid| accounts[id.index()].map_or(level, |account| account.reckoned().into());
            queues[level].retain(|&id| {
                let stays = reckoned(id) == level;
                if !stays {
                    moved.push(id);
                }
                stays
            });
        }
        for account in self.accounts.iter_mut().flatten() {
            account.priority = account.reckoned();
        }
        self.waiting -= moved.len();
        moved.into_iter().for_each(|id| self.put(id));
    }
}

impl Policy for Bsd {
    fn enqueue(&mut self, thread: Thread<'_>, why: Ready, now: Instant) {
        self.catch_up(now);
        self.heed(thread);
        self.stop(thread.id);
        match why {
            Ready::New | Ready::Migrated => {
                let account = self.account(thread.id);
                account.priority = account.reckoned();
            }
            Ready::Woken | Ready::SliceEnd | Ready::Preempted | Ready::Yielded => {}
        }
        self.put(thread.id);
    }

    fn pick(&mut self, now: Instant) -> Option<Tid> {
        self.catch_up(now);
        let id = self.highest().and_then(|level| self.queues[level].pop_front())?;
        self.waiting -= 1;
        self.running.push(id);
        let account = self.account(id);
        (account.place, account.used) = (Place::Running, 0);
        self.picked = Some(id);
        Some(id)
    }

    fn remove(&mut self, thread: Tid) -> bool {
        let Some(&account) = self.known(thread).filter(|account| account.place == Place::Queued) else {
            return false;
        };
        self.queues[usize::from(account.priority)].retain(|&queued| queued != thread);
        self.waiting -= 1;
        self.account(thread).place = Place::Away;
        true
    }

    fn waiting(&self) -> usize {
        self.waiting
    }

    /// Until its slice is over, or priorities are reckoned anew.
    fn slice(&self, thread: Thread<'_>, now: Instant) -> Option<Span> {
        let tick = now.as_nanos() / self.tick.as_nanos();
        let used = self.known(thread.id).map_or(0, |account| account.used) + (tick - self.ticks);
        let left = self.slice.saturating_sub(used).max(1).min(self.recompute - tick % self.recompute);
        let end = (tick + left).saturating_mul(self.tick.as_nanos());
        Some(Instant::from_nanos(end).since(now))
    }

    /// The clock ticks whether or not there are others.
    fn limits_alone(&self) -> bool {
        true
    }

    fn reason(&self) -> Option<Reason> {
        let priority = self.known(self.picked?)?.priority;
        Some(Reason { rule: Rule::Priority, number: priority.into() })
    }

    fn gives_reasons(&self) -> bool {
        true
    }

    fn gives_way(&self, running: Thread<'_>, _: Instant) -> bool {
        let (Some(highest), Some(account)) = (self.highest(), self.known(running.id)) else { return false };
        account.used >= self.slice || highest > usize::from(account.priority)
    }

    fn preempts(&mut self, woken: Thread<'_>, running: Thread<'_>, _: Instant) -> bool {
        self.account(woken.id).priority > self.account(running.id).priority
    }

    fn ran(&mut self, thread: Thread<'_>, _: Span, now: Instant) {
        self.catch_up(now);
        self.heed(thread);
    }

    fn serves_several(&self) -> bool {
        false
    }

    fn keeps_account(&self) -> bool {
        true
    }

    fn news(&mut self) -> Option<News> {
        let hundredths = (self.load * 100 + ONE / 2) / ONE;
        std::mem::take(&mut self.is_fresh).then_some(News::Load(hundredths.unsigned_abs()))
    }

    fn left(&mut self, thread: Tid, ended: bool) {
        self.stop(thread);
        if ended {
            self.accounts[thread.index()] = None;
        }
    }

    /// What it has had lately goes along.
    fn hand_over(&mut self, thread: Tid) -> Baggage {
        self.stop(thread);
        let account = self.accounts.get_mut(thread.index()).and_then(Option::take);
        Baggage { lag: account.map_or(0, |account| account.recent), ..Baggage::default() }
    }

    fn take_over(&mut self, thread: Tid, baggage: Baggage) {
        let account = self.account(thread);
        account.recent = baggage.lag;
        account.priority = account.reckoned();
    }

    fn queue(&self) -> Vec<Tid> {
        self.queues.iter().rev().flatten().copied().collect()
    }
}

#[cfg(test)]
mod tests;
