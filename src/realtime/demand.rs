//! The processor demand test of EDF, on one CPU.
//!
//! h(t) is the time of all jobs that are released and due within t, from a moment on at which all tasks
//! release jobs. No deadline is missed if h(t) is at most t for each deadline t up to the end of the first busy
//! period; and if all tasks do release jobs at the same time, only then.
//!
//! - S. Baruah, L. Rosier, R. Howell, "Algorithms and complexity concerning the preemptive scheduling of periodic,
//!   real-time tasks on one processor", Real-Time Systems 2, 1990
//! - M. Spuri, "Analysis of deadline scheduled real-time systems", INRIA RR-2772, 1996: the busy period as the end
//! - F. Zhang, A. Burns, "Schedulability analysis for real-time systems with EDF scheduling", IEEE TC 58(9), 2009:
//!   QPA, from the end down, past all deadlines between t and h(t)
//! - K. Jeffay, D. Stone, "Accounting for interrupt handling costs in dynamic priority task systems", RTSS 1993:
//!   handlers go before every job
//!
//! Blocking is counted as the longest of those that are due (S. Baruah, "Resource sharing in EDF-scheduled
//! systems", RTSS 2006). A jitter makes the time from a release to its deadline shorter.

use crate::time::Span;

use super::exact::lcm;
use super::response::Share;
use super::task::{Budget, Exhausted, TaskSet};

/// What the test has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// All that is due by any time can be done by then.
    Met { busy: Span },
    /// More is due by some time than can be done by then.
    Exceeded(Excess),
    /// The utilisation is above 1: the busy period has no end. The first excess, if it could be found.
    Overload(Option<Excess>),
    /// Too much to compute.
    TooLong,
}

/// A time by which more is due than can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excess {
    /// From the critical instant on.
    pub by: Span,
    pub demand: Span,
    /// Whose it is.
    pub work: Vec<Share>,
}

pub(super) struct Line {
    pub period: u128,
    pub deadline: u128,
    pub cost: u128,
    pub jitter: u128,
    blocking: u128,
}

/// The set's numbers, wide enough for all sums.
pub(super) struct Lines {
    pub tasks: Vec<Line>,
    interrupts: Vec<(u128, u128)>,
    pub end_of_window: u128,
}

fn total(parts: impl Iterator<Item = u128>) -> u128 {
    parts.fold(0, u128::saturating_add)
}

pub(super) fn nanos(span: Span) -> u128 {
    u128::from(span.as_nanos())
}

pub(super) fn span(nanos: u128) -> Span {
    Span::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

impl Line {
    /// How many jobs are released and due within `t` after the critical instant.
    const fn due(&self, t: u128) -> u128 {
        match (t + self.jitter).checked_sub(self.deadline) {
            Some(rest) => rest / self.period + 1,
            None => 0,
        }
    }

    /// The latest deadline that is at `t` or before.
    fn last_deadline(&self, t: u128) -> Option<u128> {
        let before = self.due(t).checked_sub(1)?;
        Some((self.deadline + before * self.period).saturating_sub(self.jitter))
    }

    /// The first one after `t`.
    fn next_deadline(&self, t: u128) -> u128 {
        (self.deadline + self.due(t) * self.period).saturating_sub(self.jitter)
    }
}

impl Lines {
    pub fn new(set: &TaskSet) -> Lines {
        let tasks = set.tasks.iter().map(|task| Line {
            period: nanos(task.period),
            deadline: nanos(task.deadline),
            cost: nanos(task.wcet),
            jitter: nanos(task.jitter),
            blocking: nanos(task.blocking),
        });
        let interrupts = set.handlers().map(|line| (nanos(line.period), nanos(line.cost)));
        Lines { tasks: tasks.collect(), interrupts: interrupts.collect(), end_of_window: set.end_of_window() }
    }

    pub fn len(&self) -> usize {
        self.tasks.len() + self.interrupts.len()
    }

    /// The time of the interrupts' handlers within `t`.
    pub fn handlers(&self, t: u128) -> u128 {
        let within = t + self.end_of_window;
        total(self.interrupts.iter().map(|(period, cost)| within.div_ceil(*period).saturating_mul(*cost)))
    }

    /// What must be done by `t`: jobs, handlers, and the job that is in the way.
    fn demand(&self, t: u128) -> u128 {
        let jobs = total(self.tasks.iter().map(|line| line.due(t).saturating_mul(line.cost)));
        let due = self.tasks.iter().filter(|line| line.due(t) > 0);
        let blocking = due.map(|line| line.blocking).max().unwrap_or(0);
        jobs.saturating_add(self.handlers(t)).saturating_add(blocking)
    }

    /// How long the CPU is busy from a critical instant on, if that isn't longer than it takes for everything to
    /// repeat: until the first deadlines are past, and a hyperperiod. The utilisation is at most 1.
    pub fn busy_period(&self, budget: &mut Budget) -> Result<u128, Exhausted> {
        let periods =
            self.tasks.iter().map(|line| line.period).chain(self.interrupts.iter().map(|line| line.0));
        let first = self.tasks.iter().map(|line| line.deadline + line.jitter).max().unwrap_or(0);
        let most = lcm(periods).and_then(|hyperperiod| hyperperiod.checked_add(first)).unwrap_or(u128::MAX);
        let blocking = self.tasks.iter().map(|line| line.blocking).max().unwrap_or(0);
        let mut busy = blocking + self.tasks.iter().map(|line| line.cost).sum::<u128>();
        loop {
            budget.spend(self.len())?;
            let jobs = self.tasks.iter().map(|line| (busy + line.jitter).div_ceil(line.period) * line.cost);
            let next = blocking + jobs.sum::<u128>() + self.handlers(busy);
            if next <= busy {
                return Ok(busy);
            }
            if next >= most {
                return Ok(most);
            }
            busy = next;
        }
    }

    /// The latest deadline that is at `t` or before.
    fn last_deadline(&self, t: u128) -> Option<u128> {
        self.tasks.iter().filter_map(|line| line.last_deadline(t)).max()
    }

    fn excess(&self, set: &TaskSet, t: u128) -> Excess {
        let jobs = |line: &Line| u64::try_from(line.due(t)).unwrap_or(u64::MAX);
        let tasks = set.tasks.iter().zip(&self.tasks);
        let mut work: Vec<Share> = tasks
            .map(|(task, line)| Share {
                task: Some(task.name.clone()),
                jobs: jobs(line),
                time: span(line.due(t).saturating_mul(line.cost)),
            })
            .collect();
        let handlers = self.handlers(t);
        if handlers > 0 {
            let jobs = self.interrupts.iter().map(|(period, _)| t.div_ceil(*period)).sum::<u128>();
            let jobs = u64::try_from(jobs).unwrap_or(u64::MAX);
            work.push(Share { task: None, jobs, time: span(handlers) });
        }
        work.retain(|share| share.jobs > 0);
        Excess { by: span(t), demand: span(self.demand(t)), work }
    }

    /// The first deadline by which too much is due, looking at each one in turn up to `end`.
    fn first_excess(&self, end: u128, budget: &mut Budget) -> Result<Option<u128>, Exhausted> {
        let mut t = 0;
        loop {
            budget.spend(2 * self.len())?;
            if self.demand(t) > t {
                return Ok(Some(t));
            }
            match self.tasks.iter().map(|line| line.next_deadline(t)).min() {
                Some(next) if next <= end => t = next,
                Some(_) | None => return Ok(None),
            }
        }
    }

    /// QPA: whether too much is due by some deadline up to `end`, and by which.
    fn qpa(&self, end: u128, budget: &mut Budget) -> Result<Option<u128>, Exhausted> {
        let mut next = self.last_deadline(end);
        while let Some(t) = next {
            budget.spend(2 * self.len())?;
            let demand = self.demand(t);
            if demand > t {
                return Ok(Some(t));
            }
            // By any time between the demand and here, no more is due than by here, which is done by then.
            let below = if demand < t { Some(demand) } else { t.checked_sub(1) };
            next = below.and_then(|below| self.last_deadline(below));
        }
        Ok(None)
    }
}

/// Asks for the demand by as few deadlines as QPA needs.
pub fn demand(set: &TaskSet, budget: &mut Budget) -> Demand {
    let lines = Lines::new(set);
    if !set.utilisation().is_at_most(1) {
        // Some deadline is missed; where the first one lies isn't known beforehand.
        let first = lines.first_excess(u128::MAX >> 1, &mut Budget::of(10_000_000)).ok().flatten();
        return Demand::Overload(first.map(|t| lines.excess(set, t)));
    }
    let Ok(busy) = lines.busy_period(budget) else { return Demand::TooLong };
    match lines.qpa(busy, budget) {
        Err(Exhausted) => Demand::TooLong,
        Ok(None) => Demand::Met { busy: span(busy) },
        Ok(Some(found)) => {
            // The first one explains more. It isn't later.
            let first = lines.first_excess(found, &mut Budget::of(10_000_000)).ok().flatten();
            Demand::Exceeded(lines.excess(set, first.unwrap_or(found)))
        }
    }
}

/// The same by asking at every deadline of the busy period. `TooLong` comes sooner.
pub fn demand_at_each_deadline(set: &TaskSet, budget: &mut Budget) -> Demand {
    let lines = Lines::new(set);
    if !set.utilisation().is_at_most(1) {
        return Demand::Overload(None);
    }
    let Ok(busy) = lines.busy_period(budget) else { return Demand::TooLong };
    match lines.first_excess(busy, budget) {
        Err(Exhausted) => Demand::TooLong,
        Ok(None) => Demand::Met { busy: span(busy) },
        Ok(Some(first)) => Demand::Exceeded(lines.excess(set, first)),
    }
}
