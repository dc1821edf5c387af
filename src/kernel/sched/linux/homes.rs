//! Which class each thread is of, and what becomes of it when that changes.

use crate::ids::Tid;
use crate::kernel::sched::policy::{Policy, Thread};
use crate::kernel::sched::{Class, eevdf};
use crate::time::{Instant, Span};

use super::Linux;
use super::deadline::Reservation;
use crate::kernel::sched::weight::weight;

/// Where a thread's account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    Nowhere,
    Fair,
    RealTime,
    Deadline,
}

impl Home {
    pub const ALL: [Home; 4] = [Home::Nowhere, Home::Fair, Home::RealTime, Home::Deadline];

    /// Where a thread belongs by what it is now.
    pub fn of(thread: Thread<'_>) -> Home {
        let parameters = thread.parameters;
        if parameters.class == Class::Deadline && Reservation::of(parameters).is_some() {
            Home::Deadline
        } else if parameters.class.is_real_time() || parameters.priority > 0 {
            Home::RealTime
        } else {
            Home::Fair
        }
    }
}

impl Linux {
    pub(super) fn home(&self, id: Tid) -> Home {
        self.threads.get(id.index()).map_or(Home::Nowhere, |&(home, _)| home)
    }

    pub(super) fn thread(&mut self, id: Tid) -> &mut (Home, Span) {
        if self.threads.len() <= id.index() {
            self.threads.resize(id.index() + 1, (Home::Nowhere, self.rr_timeslice));
        }
        &mut self.threads[id.index()]
    }

    pub(super) fn is_current(&self, id: Tid) -> bool {
        self.current.is_some_and(|current| current.id == id)
    }

    pub(super) fn is_served(&self) -> bool {
        self.current.is_some_and(|current| current.served)
    }

    /// A thread belongs elsewhere than before: the class that it leaves doesn't know it any more.
    pub(super) fn moves_out(&mut self, id: Tid) {
        match self.home(id) {
            Home::Nowhere => {}
            Home::Fair => {
                self.fair.withdraw(id);
                self.stop_if_deserted();
            }
            Home::RealTime => {
                self.real_time.remove(id);
            }
            Home::Deadline => self.deadlines.forget(id),
        }
        self.thread(id).0 = Home::Nowhere;
    }

    pub(super) fn stop_if_deserted(&mut self) {
        if self.fair.is_deserted() {
            self.server.stop();
        }
    }

    /// Whether fair threads wait while none of them runs.
    pub(super) fn is_fair_starved(&self) -> bool {
        let has_cpu = self.current.is_some_and(|current| current.home == Home::Fair);
        !has_cpu && self.fair.waiting() > 0
    }

    /// Budgets that are due are given out. Who may have become entitled to the CPU by that.
    pub(super) fn replenish(&mut self, now: Instant) -> Option<Tid> {
        let freed = self.deadlines.replenish(now);
        let served = self.is_fair_starved() && self.server.replenish(now);
        let first = freed.then(|| self.deadlines.queue().next()).flatten();
        first.or_else(|| self.fair.queue().first().copied().filter(|_| served))
    }

    /// Whether anybody waits whom a fair thread must not keep from the CPU.
    pub(super) fn are_others_waiting(&self) -> bool {
        self.deadlines.waiting() > 0 || self.real_time.waiting() > 0
    }

    /// Whether a fair thread that wakes takes the CPU from the one that has it (`wakeup_preempt_fair`).
    pub(super) fn preempts_fair(&mut self, woken: Thread<'_>, running: Thread<'_>, now: Instant) -> bool {
        let idle = |thread: Thread<'_>| thread.parameters.class == Class::Idle;
        match (idle(woken), idle(running)) {
            (false, true) => {
                self.fair.unprotect(running.id);
                true
            }
            (true, false) => false,
            _ if matches!(woken.parameters.class, Class::Batch | Class::Idle) => false,
            _ => self.fair.preempts(woken, running, now),
        }
    }

    pub(super) fn weight(thread: Thread<'_>) -> i64 {
        match thread.parameters.class {
            Class::Idle => eevdf::IDLE_WEIGHT,
            _ => weight(thread.parameters.nice),
        }
    }

    /// The turn of a thread of SCHED_RR goes on until it has had all of it, in however many goes
    /// (`task_tick_rt`).
    pub(super) fn ran_real_time(&mut self, thread: Thread<'_>, time: Span, now: Instant) {
        if thread.parameters.class != Class::Rr {
            return;
        }
        let whole = self.rr_timeslice;
        let left = &mut self.thread(thread.id).1;
        *left = left.saturating_sub(time);
        if left.is_zero() {
            *left = whole;
            self.over |= self.real_time.gives_way(thread, now);
        }
    }
}
