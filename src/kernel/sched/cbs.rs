//! Earliest deadline first with constant-bandwidth servers.
//!
//! A process's *server* has a budget that it may use up in each of its periods, and a deadline by which
//! it is scheduled. When the budget is used up, the server is given the next one together with a later
//! deadline: whoever computes more than told delays itself, never the others (Abeni and Buttazzo,
//! *Integrating Multimedia Applications in Hard Real-Time Systems*, RTSS 1998). With `throttle` it doesn't
//! run before that later budget is due, either: a hard reservation, as Linux's SCHED_DEADLINE has it.
//!
//! With `grub` what others leave unused goes to whoever runs: a budget is used up at the pace of the
//! share of the CPU that belongs to active servers (Lipari and Baruah, *Greedy Reclamation of Unused
//! Bandwidth in Constant-Bandwidth Servers*, ECRTS 2000). A server whose thread waits stays active up to
//! the time at which it has had no more than its share.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::ids::{CpuId, Tid};
use crate::time::{Instant, Span};
use crate::trace::{Reason, Rule};

use super::policy::{Baggage, Policy, Ready, Thread};
use super::{Given, Parameters, PolicyRow};

/// Its documentation, and how it is made.
pub(super) const ROW: PolicyRow = PolicyRow {
    name: "cbs",
    summary: "the earliest deadline first, with a budget for each process (constant-bandwidth servers)",
    doc: "Each process with a `period` and a `budget`, which is its `wcet` if absent, may compute that long in each period, by a deadline of its server's own: when it begins after a pause, a period from then on, unless what is left of budget and deadline is no more than its share. The earliest deadline runs. A process with a `period` alone goes by the deadlines of its jobs; one without runs when nobody else is ready.",
    parameters: &[
        (
            "ties",
            "arrival|order",
            "who is first of several that wait with the same deadline: whose job came first, or, as among those that came at the same instant, who has the higher `priority`, then who was started first; arrival",
        ),
        (
            "when-spent",
            "postpone|throttle",
            "what becomes of a process that has used up its budget: it gets the next one at once, with a deadline that is a period later; or it doesn't run until its deadline; postpone",
        ),
        (
            "reclaim",
            "none|grub",
            "who gets the time that others leave unused: nobody in particular, or whoever runs, whose budget lasts the longer for it; none",
        ),
    ],
    build: |given| Box::new(Servers::new(given)),
};

/// A billion: shares are counted in parts of it, and budgets in parts of nanoseconds.
const WHOLE: i128 = 1_000_000_000;

/// A process's share of the CPU, and what is left of it.
#[derive(Clone, Copy, Debug)]
struct Server {
    budget: Span,
    period: Span,
    /// What is left of the budget, in billionths of a nanosecond; less than nothing if it was overdrawn.
    left: i128,
    deadline: Instant,
    /// Its thread is ready or runs.
    contends: bool,
    /// Up to when its share isn't free for others, while its thread waits.
    active_until: Instant,
}

impl Server {
    fn new(budget: Span, period: Span) -> Server {
        let (left, deadline) = (0, Instant::START);
        Server { budget, period, left, deadline, contends: false, active_until: Instant::START }
    }

    fn share(&self) -> i128 {
        i128::from(self.budget.as_nanos()) * WHOLE / i128::from(self.period.as_nanos().max(1))
    }

    fn full(&self) -> i128 {
        i128::from(self.budget.as_nanos()) * WHOLE
    }

    /// When it will have had no more than its share: the deadline, less the time that the rest of the
    /// budget stands for.
    fn without_lag(&self) -> Instant {
        let rest = self.left.max(0) * i128::from(self.period.as_nanos()) / self.full().max(1);
        let rest = u64::try_from(rest).unwrap_or(u64::MAX);
        Instant::from_nanos(self.deadline.as_nanos().saturating_sub(rest))
    }

    /// Its thread has something to do after a pause.
    fn arrives(&mut self, now: Instant) {
        if self.without_lag() <= now {
            (self.left, self.deadline) = (self.full(), now + self.period);
        }
    }

    /// The next budgets, until something is left.
    fn replenish(&mut self, now: Instant) {
        while self.left <= 0 {
            self.left += self.full();
            self.deadline += self.period;
        }
        if self.deadline <= now {
            (self.left, self.deadline) = (self.full(), now + self.period);
        }
    }
}

/// A thread's place: its deadline, then who came first, then by priority.
type Place = (u64, Arrival, Tid);

/// When a thread came, and its static priority, the highest first.
type Arrival = (u64, Reverse<i32>);

#[derive(Clone, Debug)]
pub struct Servers {
    throttles: bool,
    /// Among equals goes who has the higher priority or was started first, not whose job came first.
    by_order: bool,
    reclaims: bool,
    /// By [`Tid`].
    servers: Vec<Option<Server>>,
    places: Vec<Option<Place>>,
    arrivals: Vec<Arrival>,
    queue: BTreeSet<Place>,
    /// Threads that wait for their next budget, by when they get it.
    withheld: BTreeSet<(Instant, Tid)>,
    picked: Option<u64>,
}

impl Servers {
    fn new(given: &Given<'_>) -> Servers {
        Servers {
            by_order: given.word("ties") == Some("order"),
            throttles: given.word("when-spent") == Some("throttle"),
            reclaims: given.word("reclaim") == Some("grub"),
            servers: Vec::new(),
            places: Vec::new(),
            arrivals: Vec::new(),
            queue: BTreeSet::new(),
            withheld: BTreeSet::new(),
            picked: None,
        }
    }

    /// A thread's server, which comes into being when it is seen for the first time.
    fn server(&mut self, id: Tid, parameters: &Parameters) -> Option<&mut Server> {
        self.make_room(id);
        let (budget, period) = (parameters.budget.or(parameters.wcet)?, parameters.period?);
        if budget.is_zero() {
            return None;
        }
        let server = self.servers[id.index()].get_or_insert_with(|| Server::new(budget, period));
        (server.budget, server.period) = (budget, period);
        Some(server)
    }

    fn make_room(&mut self, id: Tid) {
        if self.servers.len() <= id.index() {
            self.servers.resize(id.index() + 1, None);
            self.places.resize(id.index() + 1, None);
            self.arrivals.resize(id.index() + 1, (0, Reverse(0)));
        }
    }

    fn known(&self, id: Tid) -> Option<&Server> {
        self.servers.get(id.index())?.as_ref()
    }

    /// The deadline by which it is scheduled.
    fn deadline(&self, thread: Thread<'_>) -> u64 {
        let own = || thread.parameters.job.map(|job| job.deadline);
        self.known(thread.id).map(|server| server.deadline).or_else(own).map_or(u64::MAX, Instant::as_nanos)
    }

    /// The share of the CPU at whose pace budgets are used up.
    fn pace(&self, at: Instant) -> i128 {
        if !self.reclaims {
            return WHOLE;
        }
        let active =
            self.servers.iter().flatten().filter(|server| server.contends || server.active_until > at);
        active.map(Server::share).sum::<i128>().clamp(1, WHOLE)
    }

    /// What a thread uses up of its budget between two times.
    fn used(&self, from: Instant, to: Instant) -> i128 {
        let (mut at, mut used) = (from, 0);
        while at < to {
            let ends = self.servers.iter().flatten().filter(|server| !server.contends);
            let next = ends.map(|server| server.active_until).filter(|&end| end > at).min();
            let until = next.filter(|_| self.reclaims).map_or(to, |end| end.min(to));
            used += i128::from(until.since(at).as_nanos()) * self.pace(at);
            at = until;
        }
        used
    }

    /// It is spent, and mustn't run before its next budget.
    fn is_spent(&self, id: Tid) -> bool {
        self.throttles && self.known(id).is_some_and(|server| server.left <= 0)
    }

    fn put(&mut self, thread: Thread<'_>) {
        let place = (self.deadline(thread), self.arrivals[thread.id.index()], thread.id);
        self.places[thread.id.index()] = Some(place);
        self.queue.insert(place);
    }
}

impl Policy for Servers {
    fn enqueue(&mut self, thread: Thread<'_>, why: Ready, now: Instant) {
        let anew = matches!(why, Ready::New | Ready::Woken);
        if let Some(server) = self.server(thread.id, thread.parameters) {
            server.contends = true;
            if anew {
                server.arrives(now);
            }
        }
        if !matches!(why, Ready::Preempted | Ready::SliceEnd) {
            let arrival = if self.by_order { 0 } else { now.as_nanos() };
            self.make_room(thread.id);
            self.arrivals[thread.id.index()] = (arrival, Reverse(thread.parameters.priority));
        }
        if self.is_spent(thread.id)
            && let Some(server) = &mut self.servers[thread.id.index()]
        {
            if server.deadline > now {
                let until = server.deadline;
                self.withheld.insert((until, thread.id));
                return;
            }
            server.replenish(now);
        }
        self.put(thread);
    }

    fn pick(&mut self, _: Instant) -> Option<Tid> {
        let (deadline, _, id) = self.queue.pop_first()?;
        self.places[id.index()] = None;
        self.picked = (deadline < u64::MAX).then_some(deadline);
        Some(id)
    }

    fn remove(&mut self, thread: Tid) -> bool {
        let held = self.withheld.iter().find(|&&(_, id)| id == thread).copied();
        if let Some(held) = held {
            return self.withheld.remove(&held);
        }
        let place = self.places.get_mut(thread.index()).and_then(Option::take);
        self.picked = place.map(|(deadline, _, _)| deadline).filter(|&deadline| deadline < u64::MAX);
        place.is_some_and(|place| self.queue.remove(&place))
    }

    fn waiting(&self) -> usize {
        self.queue.len()
    }

    fn has_nobody(&self) -> bool {
        self.queue.is_empty() && self.withheld.is_empty()
    }

    /// Until its budget is used up, if all stays as it is.
    fn slice(&self, thread: Thread<'_>, now: Instant) -> Option<Span> {
        let server = self.known(thread.id)?;
        let pace = self.pace(now);
        let left = (server.left.max(0) + pace - 1) / pace;
        Some(Span::from_nanos(u64::try_from(left).unwrap_or(u64::MAX).max(1)))
    }

    fn limits_alone(&self) -> bool {
        true
    }

    fn reason(&self) -> Option<Reason> {
        self.picked.map(|number| Reason { rule: Rule::Deadline, number })
    }

    fn gives_reasons(&self) -> bool {
        true
    }

    fn gives_way(&self, running: Thread<'_>, _: Instant) -> bool {
        self.is_spent(running.id)
            || self.queue.first().is_some_and(|&(first, _, _)| first < self.deadline(running))
    }

    fn preempts(&mut self, woken: Thread<'_>, running: Thread<'_>, _: Instant) -> bool {
        self.places[woken.id.index()].is_some() && self.deadline(woken) < self.deadline(running)
    }

    fn ran(&mut self, thread: Thread<'_>, time: Span, now: Instant) {
        let from = Instant::from_nanos(now.as_nanos().saturating_sub(time.as_nanos()));
        let used = self.used(from, now);
        let throttles = self.throttles;
        if let Some(server) = self.server(thread.id, thread.parameters) {
            server.left -= used;
            if server.left <= 0 && !throttles {
                server.replenish(Instant::START);
            }
        }
    }

    fn conserves_work(&self) -> bool {
        !self.throttles
    }

    fn keeps_account(&self) -> bool {
        true
    }

    /// The shares of one CPU are what budgets are used up by; several CPUs would need a rule of their own.
    fn serves_several(&self) -> bool {
        !self.reclaims
    }

    fn left(&mut self, thread: Tid, _: bool) {
        if let Some(server) = self.servers.get_mut(thread.index()).and_then(Option::as_mut) {
            server.contends = false;
            server.active_until = server.without_lag();
        }
    }

    /// Who is spent may run again at its server's deadline.
    fn due(&self, _: CpuId) -> Instant {
        self.withheld.first().map_or(Instant::NEVER, |&(until, _)| until)
    }

    fn elapse(&mut self, _: CpuId, now: Instant) -> Option<Tid> {
        let &(until, id) = self.withheld.first().filter(|&&(until, _)| until <= now)?;
        self.withheld.remove(&(until, id));
        let server = self.servers[id.index()].as_mut()?;
        server.replenish(now);
        let place = (server.deadline.as_nanos(), self.arrivals[id.index()], id);
        self.places[id.index()] = Some(place);
        self.queue.insert(place);
        Some(id)
    }

    fn hand_over(&mut self, thread: Tid) -> Baggage {
        let Some(server) = self.servers.get_mut(thread.index()).and_then(Option::take) else {
            return Baggage::default();
        };
        let deadline = i64::try_from(server.deadline.as_nanos()).unwrap_or(i64::MAX);
        let left = i64::try_from(server.left / WHOLE).unwrap_or(i64::MIN);
        Baggage { lag: deadline, rest: Some(left), ..Baggage::default() }
    }

    fn take_over(&mut self, thread: Tid, baggage: Baggage) {
        let Some(left) = baggage.rest else { return };
        self.make_room(thread);
        // How much it may have, and how often, is seen when it comes into the queue.
        let mut server = Server::new(Span::ZERO, Span::ZERO);
        server.deadline = Instant::from_nanos(baggage.lag.unsigned_abs());
        server.left = i128::from(left) * WHOLE;
        self.servers[thread.index()] = Some(server);
    }

    fn queue(&self) -> Vec<Tid> {
        self.queue.iter().map(|&(_, _, id)| id).collect()
    }
}
