//! Periodic threads: what is released when, by when it must end, and what becomes of what is late.
//!
//! A periodic thread has a *job* in each period. Its releases and deadlines are at fixed times, whatever
//! the thread does; a job begins when it has been released and the one before is over.

use std::sync::Arc;

use serde::Deserialize;

use crate::hw::queue::Rank;
use crate::ids::Tid;
use crate::time::{Instant, Span};
use crate::trace::{Kind, Sink};

use super::sched::{Job, Parameters};
use super::task::State;
use super::{Due, Kernel};

/// How often a thread has something to do, and for how long at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    pub period: Span,
    /// From a release to when the job must have ended.
    pub deadline: Span,
    /// How many jobs there are; if absent, one in each period for ever.
    pub jobs: Option<u64>,
    pub on_miss: OnMiss,
}

/// What becomes of a job that hasn't ended by its deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnMiss {
    /// It goes on; the ones after it begin late.
    #[default]
    Continue,
    /// It goes on; jobs that were released meanwhile are left out.
    Skip,
}

/// A thread that has a job in each period.
#[derive(Clone, Copy, Debug)]
pub struct Periodic {
    rhythm: Rhythm,
    /// When its first job is released.
    first: Instant,
    /// The job that it is at or was at last, from 1; 0 before the first.
    number: u64,
    /// It waits for its next job.
    is_between: bool,
}

/// What a thread does whose job is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextJob {
    /// It was the last one.
    None,
    /// It has been released already.
    Now,
    /// It will be released then.
    At(Instant),
}

impl Periodic {
    pub const fn new(first: Instant, rhythm: Rhythm) -> Periodic {
        Periodic { rhythm, first, number: 0, is_between: true }
    }

    fn job(&self, number: u64) -> Job {
        let release = self.first + self.rhythm.period * number.saturating_sub(1);
        Job { number, release, deadline: release + self.rhythm.deadline }
    }

    fn is_last(&self) -> bool {
        self.rhythm.jobs.is_some_and(|jobs| self.number >= jobs)
    }

    /// The next job begins.
    pub fn begin(&mut self) -> Job {
        (self.number, self.is_between) = (self.number + 1, false);
        self.job(self.number)
    }

    /// The job is over. Jobs that are left out are told, by their numbers.
    pub fn end(&mut self, now: Instant, mut left_out: impl FnMut(u64)) -> NextJob {
        self.is_between = true;
        while self.rhythm.on_miss == OnMiss::Skip
            && !self.is_last()
            && self.job(self.number + 1).release < now
        {
            self.number += 1;
            left_out(self.number);
        }
        let next = self.job(self.number + 1);
        if self.is_last() {
            NextJob::None
        } else if next.release <= now {
            NextJob::Now
        } else {
            NextJob::At(next.release)
        }
    }
}

impl<S: Sink> Kernel<S> {
    /// A thread will have jobs from now on; the first one is released at this time.
    pub fn begin_period(&mut self, thread: Tid, first: Instant, rhythm: Rhythm) {
        let periodic = Periodic::new(first, rhythm);
        self.periodic.insert(thread, periodic);
        self.expect_deadline(thread, periodic.job(1));
    }

    /// The thread's next job is released and begins to want the CPU; its number, or 0 if the thread isn't
    /// periodic.
    pub fn begin_job(&mut self, cpu: usize, thread: Tid) -> u64 {
        let Some(periodic) = self.periodic.get_mut(&thread) else { return 0 };
        let job = periodic.begin();
        let parameters = &mut self.parameters[thread.index()];
        *parameters = Arc::new(Parameters { job: Some(job), ..**parameters });
        if let Some(own) = self.pi.own_mut(thread) {
            *own = Arc::new(Parameters { job: Some(job), ..**own });
        }
        let Job { number, release, deadline } = job;
        let (release, deadline) = (release.as_nanos(), deadline.as_nanos());
        self.emit(cpu, Kind::JobRelease { task: thread, number, release, deadline });
        number
    }

    /// The current thread of a CPU has done its job; none if it isn't periodic.
    pub fn end_job(&mut self, cpu: usize, thread: Tid) -> Option<NextJob> {
        let now = self.cpus[cpu].now;
        let mut periodic = *self.periodic.get(&thread)?;
        if self.keeps_account {
            // What it has run up to here belongs to this job.
            self.account(cpu, now);
        }
        if !periodic.is_between {
            self.emit(cpu, Kind::JobEnd { task: thread, number: periodic.number });
        }
        let next = periodic.end(now, |number| {
            self.emit(cpu, Kind::JobDrop { task: thread, number, begun: false });
        });
        self.periodic.insert(thread, periodic);
        Some(next)
    }

    /// The number of the job that a thread is at.
    pub fn job_of(&self, thread: Tid) -> u64 {
        self.periodic.get(&thread).map_or(0, |periodic| periodic.number)
    }

    /// A job's deadline is over. That it is met is seen one nanosecond later, so that a job may end
    /// at the deadline itself.
    pub fn deadline_over(&mut self, cpu: usize, thread: Tid, number: u64) {
        let Some(&periodic) = self.periodic.get(&thread) else { return };
        if self.tasks[thread.index()].state == State::Ended {
            self.periodic.remove(&thread);
            return;
        }
        let is_over = periodic.number > number || (periodic.number == number && periodic.is_between);
        if !is_over {
            self.emit(cpu, Kind::DeadlineMiss { task: thread, number });
        }
        if periodic.rhythm.jobs.is_none_or(|jobs| number < jobs) {
            self.expect_deadline(thread, periodic.job(number + 1));
        }
    }

    fn expect_deadline(&mut self, task: Tid, job: Job) {
        let due = Due::Deadline { task, number: job.number };
        self.expect(job.deadline + Span::TICK, Rank::Outside, due);
    }
}
