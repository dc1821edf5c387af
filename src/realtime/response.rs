//! The longest response time of each task under fixed priorities, on one CPU.
//!
//! A task's busy period begins when it and all that go before it release jobs at once (the critical
//! instant), and lasts until no such job is left. The longest response is that of one of its jobs in there:
//!
//! w(q) = B + (q + 1) C + sum over all that go before: ceil((w(q) + J) / T) C
//! R    = max over q: w(q) + J - q T
//!
//! - M. Joseph, P. Pandya, "Finding response times in a real-time system", The Computer Journal 29(5), 1986
//! - N. Audsley, A. Burns, M. Richardson, K. Tindell, A. Wellings, "Applying new scheduling theory to static
//!   priority pre-emptive scheduling", Software Engineering Journal 8(5), 1993: jitter and blocking
//! - J. Lehoczky, "Fixed priority scheduling of periodic task sets with arbitrary deadlines", RTSS 1990: several
//!   jobs in one busy period
//!
//! Tasks of the same priority count as if they went before: whichever comes first, none waits longer than
//! that. Interrupts go before every task.

use std::cmp::Ordering;

use crate::time::Span;

use super::exact::{Fraction, lcm};
use super::task::{Budget, Exhausted, Task, TaskSet};

/// What a task's busy period comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// The longest response, and the first job that isn't done in time if there is one.
    Bounded { worst: Span, miss: Option<Miss> },
    /// The CPU is overloaded by the task and what goes before it: responses grow without end.
    Unbounded { miss: Option<Miss> },
    /// Too much to compute.
    TooLong,
}

/// A job that isn't done in time, counted from a critical instant on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// Which job in the busy period, from 0.
    pub job: u64,
    /// When it is released and due, from the critical instant on.
    pub release: Span,
    pub due: Span,
    /// When it is done; none if it isn't by then, however long that takes.
    pub done: Option<Span>,
    /// The work until then: its own task's first, then that of those that go before it.
    pub work: Vec<Share>,
}

/// How much of a busy period belongs to a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Its name; none for interrupts.
    pub task: Option<String>,
    pub jobs: u64,
    pub time: Span,
}

/// Something that goes before a task.
struct Demand<'a> {
    period: u128,
    /// How much earlier than the window its releases can have been due.
    jitter: u128,
    cost: u128,
    task: Option<&'a Task>,
}

impl Demand<'_> {
    /// How many of its jobs can come within a time.
    const fn jobs(&self, within: u128) -> u128 {
        (within + self.jitter).div_ceil(self.period)
    }
}

fn nanos(span: Span) -> u128 {
    u128::from(span.as_nanos())
}

fn span(nanos: u128) -> Span {
    Span::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// A number of jobs: there are no more than nanoseconds.
fn count(jobs: u128) -> u64 {
    u64::try_from(jobs).unwrap_or(u64::MAX)
}

/// The response of the task at `index`.
pub fn response(set: &TaskSet, index: usize, budget: &mut Budget) -> Response {
    let busy = Busy::new(set, index);
    let result = if busy.overloads { busy.first_miss(budget) } else { busy.worst(budget) };
    result.unwrap_or(Response::TooLong)
}

struct Busy<'a> {
    task: &'a Task,
    before: Vec<Demand<'a>>,
    overloads: bool,
}

impl Busy<'_> {
    fn new(set: &TaskSet, index: usize) -> Busy<'_> {
        let task = &set.tasks[index];
        let others = set.tasks.iter().enumerate();
        let before = others.filter(|(other, rival)| *other != index && rival.priority >= task.priority);
        let tasks = before.map(|(_, rival)| Demand {
            period: nanos(rival.period),
            jitter: nanos(rival.jitter) + set.end_of_window(),
            cost: nanos(rival.wcet),
            task: Some(rival),
        });
        let interrupts = set.handlers().map(|interrupt| Demand {
            period: nanos(interrupt.period),
            jitter: set.end_of_window(),
            cost: nanos(interrupt.cost),
            task: None,
        });
        let before: Vec<_> = tasks.chain(interrupts).collect();
        let own = Fraction::whole(0).plus(task.wcet.as_nanos(), task.period.as_nanos());
        let load = before.iter().fold(own, |sum, demand| sum.plus(demand.cost as u64, demand.period as u64));
        Busy { task, before, overloads: load.compare_to(1) == Ordering::Greater }
    }

    /// When job `job` of the busy period is done; none if that is later than `latest`.
    fn done(
        &self,
        job: u128,
        from: u128,
        latest: u128,
        budget: &mut Budget,
    ) -> Result<Option<u128>, Exhausted> {
        let own = nanos(self.task.blocking) + (job + 1) * nanos(self.task.wcet);
        // Even a job without work of its own waits for those that are released with it.
        let mut window = from.max(own).max(1);
        loop {
            budget.spend(self.before.len())?;
            let jobs = self.before.iter().map(|demand| demand.jobs(window).saturating_mul(demand.cost));
            let next = jobs.fold(own, u128::saturating_add);
            if next > latest {
                return Ok(None);
            }
            if next <= window {
                return Ok(Some(window));
            }
            window = next;
        }
    }

    fn worst(&self, budget: &mut Budget) -> Result<Response, Exhausted> {
        let (period, jitter) = (nanos(self.task.period), nanos(self.task.jitter));
        let deadline = nanos(self.task.deadline);
        let (mut worst, mut miss, mut window) = (0, None, 0);
        // If the CPU is full and something is in the way at the beginning, it is busy for ever; but then
        // everything repeats.
        let periods = self.before.iter().map(|demand| demand.period).chain([period]);
        let jobs = lcm(periods).map_or(u128::MAX, |hyperperiod| hyperperiod / period);
        for job in 0..jobs {
            let done = self.done(job, window, u128::MAX, budget)?;
            // There is no latest time, so the window has been found.
            window = done.unwrap_or(u128::MAX);
            let response = window + jitter - job * period;
            worst = worst.max(response);
            if response > deadline && miss.is_none() {
                miss = Some(self.miss(job, Some(window)));
            }
            if window + jitter <= (job + 1) * period {
                break;
            }
        }
        Ok(Response::Bounded { worst: span(worst), miss })
    }

    /// The first job that isn't done in time; there is one, since the work grows faster than time.
    fn first_miss(&self, budget: &mut Budget) -> Result<Response, Exhausted> {
        let (period, jitter) = (nanos(self.task.period), nanos(self.task.jitter));
        let mut window = 0;
        for job in 0.. {
            let due = job * period + nanos(self.task.deadline);
            let found = match self.done(job, window, due.saturating_sub(jitter), budget) {
                Ok(found) => found,
                Err(Exhausted) => return Ok(Response::Unbounded { miss: None }),
            };
            match found {
                Some(done) => window = done,
                None => return Ok(Response::Unbounded { miss: Some(self.miss(job, None)) }),
            }
        }
        Ok(Response::Unbounded { miss: None })
    }

    fn miss(&self, job: u128, done: Option<u128>) -> Miss {
        let release = job * nanos(self.task.period);
        let due = release + nanos(self.task.deadline);
        let own = Share {
            task: Some(self.task.name.clone()),
            jobs: count(job + 1),
            time: span((job + 1) * nanos(self.task.wcet)),
        };
        let mut work = vec![own];
        let mut interrupts = Share { task: None, jobs: 0, time: Span::ZERO };
        for demand in &self.before {
            let jobs = demand.jobs(done.unwrap_or(due));
            let time = span(jobs.saturating_mul(demand.cost));
            match demand.task {
                Some(task) => work.push(Share { task: Some(task.name.clone()), jobs: count(jobs), time }),
                None => {
                    interrupts.jobs += count(jobs);
                    interrupts.time += time;
                }
            }
        }
        if !interrupts.time.is_zero() {
            work.push(interrupts);
        }
        work.retain(|share| share.jobs > 0);
        Miss { job: count(job), release: span(release), due: span(due), done: done.map(span), work }
    }
}
