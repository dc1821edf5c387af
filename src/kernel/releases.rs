//! Periodic threads: what is released when, by when it must end, and what becomes of what is late.
//!
//! A periodic thread has a *job* in each period. Its releases and deadlines are at fixed times, whatever
//! the thread does; a job begins when it has been released and the one before is over.

use std::sync::Arc;

use serde::Deserialize;

use crate::hw::device::Duration;
use crate::hw::queue::Rank;
use crate::ids::Tid;
use crate::random::{Key, Stream};
use crate::time::{Instant, Span};
use crate::trace::{Kind, Sink};

use super::sched::{Job, Parameters};
use super::task::State;
use super::{Due, Kernel};

/// How often a thread has something to do, and for how long at most.
#[derive(Clone, Debug)]
pub struct Rhythm {
    pub times: Times,
    /// From a release to when the job must have ended.
    pub deadline: Span,
    /// How many jobs there are; if absent, one after the other for ever.
    pub jobs: Option<u64>,
    pub on_miss: OnMiss,
}

impl Rhythm {
    /// Whether jobs come at other times than one in each period.
    pub const fn is_sporadic(&self) -> bool {
        !matches!(self.times, Times::Periodic { gap: None, .. })
    }

    /// The shortest time from one release to the next; a day if there is one job only.
    pub fn least_distance(&self) -> Span {
        match &self.times {
            Times::Periodic { period, .. } => *period,
            Times::Listed(times) => {
                let between = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
                between.min().unwrap_or(Span::from_millis(86_400_000))
            }
        }
    }
}

/// When jobs are released.
#[derive(Clone, Debug)]
pub enum Times {
    /// One in each period, and that much later at random.
    Periodic { period: Span, gap: Option<Duration> },
    /// At these times, counted from the first one, which is zero; never again after the last.
    Listed(Arc<[Span]>),
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
    /// It is given up: the thread goes on where its job ends.
    Abort,
}

/// The jobs of a thread, one after the other, as they are released. Whoever asks for them with the same
/// stream of random numbers gets the same.
#[derive(Clone, Debug)]
pub struct Jobs {
    rhythm: Arc<Rhythm>,
    first: Instant,
    stream: Stream,
    next: Option<Job>,
}

impl Jobs {
    fn new(first: Instant, rhythm: Arc<Rhythm>, key: Key) -> Jobs {
        let next = Some(Job { number: 1, release: first, deadline: first + rhythm.deadline });
        Jobs { rhythm, first, stream: key.stream(), next }
    }

    /// The next job; none after the last.
    const fn next(&self) -> Option<Job> {
        self.next
    }

    fn go_on(&mut self) {
        let Some(Job { number, release, .. }) = self.next else { return };
        let release = match &self.rhythm.times {
            Times::Periodic { period, gap } => {
                let later = gap.map_or(Span::ZERO, |gap| gap.draw(&mut self.stream));
                Some(release + *period + later)
            }
            Times::Listed(times) => times.get(number as usize).map(|&time| self.first + time),
        };
        let is_last = self.rhythm.jobs.is_some_and(|jobs| number >= jobs);
        let number = number + 1;
        self.next = release.filter(|_| !is_last).map(|release| Job {
            number,
            release,
            deadline: release + self.rhythm.deadline,
        });
    }
}

/// A thread that has jobs.
#[derive(Clone, Debug)]
pub struct Periodic {
    jobs: Jobs,
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
    /// Its first job is released then.
    pub fn new(first: Instant, rhythm: Arc<Rhythm>, key: Key) -> Periodic {
        Periodic { jobs: Jobs::new(first, rhythm, key), number: 0, is_between: true }
    }

    /// The next job begins; none after the last.
    pub fn begin(&mut self) -> Option<Job> {
        let job = self.jobs.next()?;
        self.jobs.go_on();
        (self.number, self.is_between) = (job.number, false);
        Some(job)
    }

    /// The job is over. Jobs that are left out are told, by their numbers.
    pub fn end(&mut self, now: Instant, mut left_out: impl FnMut(u64)) -> NextJob {
        self.is_between = true;
        let on_miss = self.jobs.rhythm.on_miss;
        let is_left_out = |next: &Job| match on_miss {
            OnMiss::Continue => false,
            OnMiss::Skip => next.release < now,
            OnMiss::Abort => next.deadline < now,
        };
        while let Some(next) = self.jobs.next().filter(is_left_out) {
            left_out(next.number);
            self.number = next.number;
            self.jobs.go_on();
        }
        match self.jobs.next() {
            None => NextJob::None,
            Some(next) if next.release <= now => NextJob::Now,
            Some(next) => NextJob::At(next.release),
        }
    }

    /// Whether a job has been done or left out.
    const fn is_over(&self, number: u64) -> bool {
        self.number > number || (self.number == number && self.is_between)
    }
}

impl<S: Sink> Kernel<S> {
    /// A thread will have jobs from now on; the first one is released at this time.
    pub fn begin_period(&mut self, thread: Tid, first: Instant, rhythm: &Arc<Rhythm>, key: Key) {
        let key = key.named("releases");
        self.periodic.insert(thread, Periodic::new(first, Arc::clone(rhythm), key));
        let deadlines = Jobs::new(first, Arc::clone(rhythm), key);
        self.expect_deadline(thread, &deadlines);
        self.deadlines.insert(thread, deadlines);
    }

    /// The thread's next job is released and begins to want the CPU; its number, or 0 if the thread isn't
    /// periodic.
    pub fn begin_job(&mut self, cpu: usize, thread: Tid) -> u64 {
        let Some(periodic) = self.periodic.get_mut(&thread) else { return 0 };
        let Some(job) = periodic.begin() else { return 0 };
        let parameters = &mut self.parameters[thread.index()];
        *parameters = Arc::new(Parameters { job: Some(job), ..Parameters::clone(parameters) });
        if let Some(own) = self.pi.own_mut(thread) {
            *own = Arc::new(Parameters { job: Some(job), ..Parameters::clone(own) });
        }
        let Job { number, release, deadline } = job;
        let (release, deadline) = (release.as_nanos(), deadline.as_nanos());
        self.emit(cpu, Kind::JobRelease { task: thread, number, release, deadline });
        number
    }

    /// The current thread of a CPU has done its job; none if it isn't periodic.
    pub fn end_job(&mut self, cpu: usize, thread: Tid) -> Option<NextJob> {
        let now = self.cpus[cpu].now;
        let is_between = self.periodic.get(&thread)?.is_between;
        if self.keeps_account {
            // What it has run up to here belongs to this job.
            self.account(cpu, now);
        }
        if !is_between {
            self.emit(cpu, Kind::JobEnd { task: thread, number: self.job_of(thread) });
        }
        let mut left_out = Vec::new();
        let next = self.periodic.get_mut(&thread)?.end(now, |number| left_out.push(number));
        for number in left_out {
            self.emit(cpu, Kind::JobDrop { task: thread, number, begun: false });
        }
        Some(next)
    }

    /// Whether the policy schedules threads and not jobs, so that one job after the other is no reason to
    /// give way.
    pub fn ignores_jobs(&self) -> bool {
        self.queues.iter().any(|policy| policy.ignores_jobs())
    }

    /// The number of the job that a thread is at.
    pub fn job_of(&self, thread: Tid) -> u64 {
        self.periodic.get(&thread).map_or(0, |periodic| periodic.number)
    }

    /// A job's deadline is over. That it is met is seen one nanosecond later, so that a job may end
    /// at the deadline itself.
    pub fn deadline_over(&mut self, cpu: usize, thread: Tid, number: u64) {
        let Some(periodic) = self.periodic.get(&thread) else { return };
        if self.tasks[thread.index()].state == State::Ended {
            self.periodic.remove(&thread);
            self.deadlines.remove(&thread);
            return;
        }
        let (is_over, on_miss) = (periodic.is_over(number), periodic.jobs.rhythm.on_miss);
        let has_begun = periodic.number == number;
        if !is_over {
            self.emit(cpu, Kind::DeadlineMiss { task: thread, number });
        }
        let Some(mut deadlines) = self.deadlines.remove(&thread) else { return };
        deadlines.go_on();
        self.expect_deadline(thread, &deadlines);
        self.deadlines.insert(thread, deadlines);
        if !is_over && has_begun && on_miss == OnMiss::Abort {
            self.give_up_job(cpu, thread, number);
        }
    }

    /// A late job is given up: its thread goes on at the job's end as soon as it is about to be back in
    /// user mode. If it waits it is woken.
    fn give_up_job(&mut self, cpu: usize, thread: Tid, number: u64) {
        if let Some(periodic) = self.periodic.get_mut(&thread) {
            periodic.is_between = true;
        }
        self.emit(cpu, Kind::JobDrop { task: thread, number, begun: true });
        self.given_up.insert(thread);
        self.tasks[thread.index()].attention = true;
        self.bring_to_kernel(cpu, thread);
    }

    fn expect_deadline(&mut self, task: Tid, jobs: &Jobs) {
        let Some(Job { number, deadline, .. }) = jobs.next() else { return };
        let gives_up = jobs.rhythm.on_miss == OnMiss::Abort;
        self.expect(deadline + Span::TICK, Rank::Outside, Due::Deadline { task, number, gives_up });
    }
}
