//! Linux's scheduling classes, one above the other, as Linux 6.18 has them (`kernel/sched/`).
//!
//! - [`deadline`]: SCHED_DEADLINE, the earliest deadline first within budgets
//! - SCHED_FIFO and SCHED_RR: static priorities, the policy [`priority`](super::priority), with a quantum for
//!   threads of SCHED_RR
//! - SCHED_OTHER, SCHED_BATCH and SCHED_IDLE: shares, the policy [`eevdf`](super::eevdf)
//! - [`homes`]: which thread is of which class now
//! - [`server`]: what the last ones have when the others never stop
//!
//! A class runs when the ones above have nobody to run. SCHED_IDLE isn't a class of its own: it has the
//! smallest weight, and any other fair thread that wakes takes the CPU from it. A thread that has been lent
//! a real-time priority is scheduled as SCHED_FIFO meanwhile (`rt_mutex_setprio`).
//!
//! Left out: moving real-time threads between CPUs by their priorities, control groups, core scheduling,
//! the admission test of sched_setattr(2), and lending a deadline.

mod deadline;
mod homes;
mod server;

#[cfg(test)]
mod tests;

use crate::ids::{CpuId, Tid};
use crate::time::{Instant, Span};
use crate::trace::{Reason, Rule};

use super::eevdf::{self, Eevdf};
use super::policy::{Baggage, Policy, Ready, Thread};
use super::priority::{self, Priority};
use super::{Class, Given, PolicyRow, Site};

use deadline::{Account, Deadlines, Reservation};
use homes::Home;
use server::FairServer;

/// Its documentation, and how it is made.
pub(super) const ROW: PolicyRow = PolicyRow {
    name: "linux",
    summary: "Linux's classes: deadline above fifo and rr above the fair ones",
    doc: "Schedules each thread by its `class`. `deadline`: the earliest deadline first; who has used up its `budget` doesn't run until its `period` is over. Below these `fifo` and `rr`, by `priority`. Below these `other`, `batch` and `idle`, as the policy eevdf does it, with the weight 3 for `idle`, and without pre-emption by `batch` and `idle` threads that wake. If the fair threads would get too little, a server in the deadline class runs them for a while in each second.",
    parameters: &[
        (
            "rr-timeslice",
            "time",
            "how long a thread of the class rr runs before others of its priority; 100ms",
        ),
        (
            "server-budget",
            "time",
            "how much the fair threads have at least in each `server-period`; none at 0ns; 50ms",
        ),
        ("server-period", "time", "how often they have it; 1s"),
        ("slice", "time", "as for eevdf"),
        ("run-to-parity", "truth", "as for eevdf"),
    ],
    build: |given| Box::new(Linux::new(given)),
};

#[derive(Clone, Copy, Debug)]
struct Current {
    id: Tid,
    home: Home,
    /// The fair server runs it.
    served: bool,
}

#[derive(Clone, Debug)]
pub struct Linux {
    deadlines: Deadlines,
    real_time: Priority,
    fair: Eevdf,
    server: FairServer,
    rr_timeslice: Span,
    /// Indexed by [`Tid`]: where its account is, and what is left of its turn under SCHED_RR.
    threads: Vec<(Home, Span)>,
    current: Option<Current>,
    /// The last account found that the current thread must give way.
    over: bool,
    picked: u64,
}

impl Linux {
    fn new(given: &Given<'_>) -> Linux {
        let Site { cpus, tick, .. } = given.1;
        let slice = given.time("slice").unwrap_or_else(|| eevdf::default_slice(cpus));
        let budget = given.time("server-budget").unwrap_or(Span::from_millis(50));
        let period = given.time("server-period").unwrap_or(Span::from_millis(1000));
        Linux {
            deadlines: Deadlines::default(),
            real_time: Priority::new(priority::Rules {
                quantum: None,
                preemptive: true,
                preempted_to_tail: false,
                aging: None,
            }),
            fair: Eevdf::new(slice, tick, given.truth("run-to-parity").unwrap_or(true)),
            server: FairServer::new(budget.min(period), period),
            rr_timeslice: given.time("rr-timeslice").unwrap_or(Span::from_millis(100)),
            threads: Vec::new(),
            current: None,
            over: false,
            picked: 0,
        }
    }
}

impl Policy for Linux {
    fn enqueue(&mut self, thread: Thread<'_>, why: Ready, now: Instant) {
        let (id, home) = (thread.id, Home::of(thread));
        let mut why = why;
        if self.home(id) != home {
            self.moves_out(id);
            self.thread(id).0 = home;
            if why != Ready::New {
                why = Ready::Woken;
            }
        }
        match (home, Reservation::of(thread.parameters)) {
            (Home::Deadline, Some(reservation)) => match why {
                Ready::SliceEnd | Ready::Preempted | Ready::Yielded if self.is_current(id) => {
                    self.deadlines.put_back(id, why == Ready::Yielded, now);
                }
                _ => self.deadlines.wake(id, reservation, why == Ready::New, now),
            },
            (Home::RealTime, _) => self.real_time.enqueue(thread, why, now),
            _ => {
                self.fair.enqueue_weighted(thread, Linux::weight(thread), why);
                self.server.start(now);
            }
        }
        if self.is_current(id) {
            (self.current, self.over) = (None, false);
        }
    }

    fn pick(&mut self, now: Instant) -> Option<Tid> {
        self.replenish(now);
        let serving = self.server.deadline().filter(|_| self.fair.waiting() > 0);
        let (home, served) = match (self.deadlines.earliest(), serving) {
            (Some(earliest), serving) if serving.is_none_or(|server| earliest <= server) => {
                (Home::Deadline, false)
            }
            (_, Some(_)) => (Home::Fair, true),
            _ if self.real_time.waiting() > 0 => (Home::RealTime, false),
            _ => (Home::Fair, false),
        };
        if home != Home::Fair {
            self.fair.pass_over();
        }
        let picked = match home {
            Home::Deadline => self.deadlines.pick(),
            Home::RealTime => self.real_time.pick(now),
            Home::Fair | Home::Nowhere => self.fair.pick(now),
        };
        self.picked = match home {
            Home::Deadline => 3,
            Home::Fair if served => 2,
            Home::RealTime => 1,
            Home::Fair | Home::Nowhere => 0,
        };
        self.current = picked.map(|id| Current { id, home, served });
        self.over = false;
        picked
    }

    fn remove(&mut self, thread: Tid) -> bool {
        match self.home(thread) {
            Home::Nowhere => false,
            Home::Fair => {
                let was_here = self.fair.remove(thread);
                self.stop_if_deserted();
                was_here
            }
            Home::RealTime => self.real_time.remove(thread),
            Home::Deadline => self.deadlines.remove(thread),
        }
    }

    /// A thread that waits goes to the class where it belongs now.
    fn reprioritise(&mut self, thread: Thread<'_>, now: Instant) {
        match (self.home(thread.id), Home::of(thread)) {
            (Home::RealTime, Home::RealTime) => self.real_time.reprioritise(thread, now),
            (before, after) if before != after => self.enqueue(thread, Ready::Woken, now),
            _ => {}
        }
    }

    fn waiting(&self) -> usize {
        self.deadlines.waiting() + self.real_time.waiting() + self.fair.waiting()
    }

    /// One that is throttled isn't ready, but will be.
    fn has_nobody(&self) -> bool {
        self.waiting() == 0 && !self.deadlines.are_throttled()
    }

    fn slice(&self, thread: Thread<'_>, now: Instant) -> Option<Span> {
        let id = thread.id;
        match self.home(id) {
            Home::Nowhere => Some(Span::TICK),
            Home::Deadline => {
                let left = self.deadlines.account(id).map_or(0, |(account, _)| account.left);
                Some(Span::from_nanos(u64::try_from(left).unwrap_or(0)).max(Span::TICK))
            }
            Home::RealTime if thread.parameters.class == Class::Rr => {
                Some(self.threads.get(id.index()).map_or(self.rr_timeslice, |&(_, left)| left))
            }
            Home::RealTime => None,
            Home::Fair => {
                let slice = self.fair.slice(thread, now)?;
                Some(if self.is_served() { slice.min(self.server.left()).max(Span::TICK) } else { slice })
            }
        }
    }

    /// A budget ends whether or not others wait.
    fn limits_alone(&self) -> bool {
        self.current.is_some_and(|current| current.home == Home::Deadline)
    }

    fn reason(&self) -> Option<Reason> {
        Some(Reason { rule: Rule::Class, number: self.picked })
    }

    fn gives_reasons(&self) -> bool {
        true
    }

    fn gives_way(&self, _: Thread<'_>, _: Instant) -> bool {
        self.over
    }

    fn preempts(&mut self, woken: Thread<'_>, running: Thread<'_>, now: Instant) -> bool {
        let deadline = |id| match self.deadlines.account(id) {
            Some((account, None)) => Some(account.deadline),
            _ => None,
        };
        let before = self.home(running.id);
        // One whose class has changed is put back, and may be picked again.
        let current = if before == Home::of(running) { before } else { Home::Nowhere };
        match (self.home(woken.id), current) {
            (Home::Deadline, _) if self.deadlines.is_throttled(woken.id) => false,
            (Home::Deadline, Home::Deadline) => deadline(woken.id) < deadline(running.id),
            (Home::Deadline, _) if self.is_served() => deadline(woken.id) < self.server.deadline(),
            (Home::Deadline, _) => true,
            (Home::Fair, Home::Deadline) => {
                self.server.deadline().is_some_and(|server| Some(server) < deadline(running.id))
            }
            (Home::Fair, Home::RealTime) => self.server.deadline().is_some(),
            (Home::RealTime, Home::RealTime) => self.real_time.preempts(woken, running, now),
            (Home::RealTime, Home::Fair) => !self.is_served(),
            (Home::Fair, Home::Fair) => self.preempts_fair(woken, running, now),
            (_, Home::Nowhere) => true,
            (Home::RealTime, Home::Deadline) | (Home::Nowhere, _) => false,
        }
    }

    fn ran(&mut self, thread: Thread<'_>, time: Span, now: Instant) {
        let Some(Current { home, served, .. }) = self.current.filter(|current| current.id == thread.id)
        else {
            return;
        };
        if home != Home::of(thread) {
            // Its class has changed while it ran: it belongs nowhere until it is put back.
            self.moves_out(thread.id);
            self.over = true;
            return;
        }
        match home {
            Home::Nowhere => {}
            Home::Deadline => self.over |= self.deadlines.ran(thread.id, time),
            Home::RealTime => self.ran_real_time(thread, time, now),
            Home::Fair => {
                self.fair.ran(thread, time, now);
                self.over |= self.fair.is_over();
                if !served {
                    self.server.ran(time, now);
                } else if self.server.serve(time) {
                    let others = self.are_others_waiting();
                    self.current = Some(Current { id: thread.id, home, served: others });
                    self.over |= others;
                }
            }
        }
    }

    /// A thread that has used up its budget waits while the CPU idles.
    fn conserves_work(&self) -> bool {
        false
    }

    fn keeps_account(&self) -> bool {
        true
    }

    fn charges_the_next(&self) -> bool {
        true
    }

    fn serves_several(&self) -> bool {
        false
    }

    /// Its budgets' periods are its own.
    fn ignores_jobs(&self) -> bool {
        true
    }

    fn is_over(&self) -> bool {
        self.over
    }

    fn due(&self, _: CpuId) -> Instant {
        let server = if self.is_fair_starved() { self.server.due() } else { Instant::NEVER };
        self.deadlines.due().min(server)
    }

    fn elapse(&mut self, _: CpuId, now: Instant) -> Option<Tid> {
        self.replenish(now)
    }

    fn left(&mut self, thread: Tid, ended: bool) {
        let Some(Current { home, .. }) = self.current.filter(|current| current.id == thread) else { return };
        (self.current, self.over) = (None, false);
        match home {
            Home::Fair if self.home(thread) == Home::Fair => {
                self.fair.left(thread, ended);
                self.stop_if_deserted();
            }
            Home::Deadline => self.deadlines.left(thread),
            Home::Fair | Home::RealTime | Home::Nowhere => {}
        }
        if ended {
            *self.thread(thread) = (Home::Nowhere, self.rr_timeslice);
        }
    }

    fn holds(&self, sleeper: Tid) -> bool {
        self.home(sleeper) == Home::Fair && self.fair.holds(sleeper)
    }

    fn hand_over(&mut self, thread: Tid) -> Baggage {
        let home = self.home(thread);
        let level = home as u16;
        let left = self.thread(thread).1;
        self.thread(thread).0 = Home::Nowhere;
        match (home, self.deadlines.account(thread)) {
            (Home::Fair, _) => Baggage { level, ..self.fair.hand_over(thread) },
            (Home::RealTime, _) => {
                Baggage { level, rest: i64::try_from(left.as_nanos()).ok(), ..Baggage::default() }
            }
            (Home::Deadline, Some((account, until))) => {
                self.deadlines.forget(thread);
                let rest = i64::try_from(account.deadline.as_nanos()).ok();
                Baggage { level, lag: account.left, rest, rounds: u32::from(until.is_some()) }
            }
            _ => Baggage::default(),
        }
    }

    fn take_over(&mut self, thread: Tid, baggage: Baggage) {
        let home = Home::ALL.get(usize::from(baggage.level)).copied().unwrap_or(Home::Nowhere);
        self.thread(thread).0 = home;
        match (home, baggage.rest) {
            (Home::Fair, _) => self.fair.take_over(thread, baggage),
            (Home::RealTime, Some(left)) => self.thread(thread).1 = Span::from_nanos(left.unsigned_abs()),
            (Home::Deadline, Some(deadline)) => {
                let deadline = Instant::from_nanos(deadline.unsigned_abs());
                let account = Account { deadline, left: baggage.lag };
                self.deadlines.take_over(thread, account, baggage.rounds > 0);
            }
            _ => {}
        }
    }

    fn queue(&self) -> Vec<Tid> {
        let served = self.server.deadline().is_some();
        let first = if served { self.fair.queue() } else { Vec::new() };
        let last = if served { Vec::new() } else { self.fair.queue() };
        let deadlines = self.deadlines.queue();
        deadlines.chain(first).chain(self.real_time.queue()).chain(last).collect()
    }
}
