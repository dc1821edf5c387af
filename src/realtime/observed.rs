//! What a run has shown of each periodic task: its longest response, its misses, the CPU time of its jobs.

use std::collections::BTreeMap;

use crate::ids::{NameId, Pid, Tid};
use crate::time::{Instant, Span};
use crate::trace::{Event, Header, Kind, Sink};

/// A task's jobs in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Jobs {
    /// How many have ended.
    pub ended: u64,
    /// The longest time from a release to the end of its job, and that job's number.
    pub worst: Span,
    pub worst_job: u64,
    pub misses: u64,
    /// The number of the first job that wasn't done by its deadline, and that deadline.
    pub first_miss: Option<(u64, Instant)>,
    /// Jobs that were left out or given up.
    pub dropped: u64,
    /// The longest that a job was on a CPU, whatever it did there.
    pub longest: Span,
}

#[derive(Clone, Debug, Default)]
struct Watched {
    name: String,
    jobs: Jobs,
    release: Instant,
    deadline: Instant,
    number: u64,
    /// What the job has used of CPUs so far, and since when it is on one.
    used: Span,
    since: Option<Instant>,
}

/// A sink that keeps only what a run has to say of periodic tasks.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    tasks: BTreeMap<Tid, Watched>,
    /// Threads that are known by name before they have a job.
    names: BTreeMap<Tid, String>,
    /// The last event's time.
    at: Instant,
}

impl Watch {
    pub fn new(header: &Header) -> Watch {
        let names = header.initial.iter().map(|entry| (entry.task, entry.name.clone()));
        Watch { names: names.collect(), ..Watch::default() }
    }

    /// The jobs of each task, by its name. A job that is still going on counts if its deadline is over.
    pub fn finish(mut self, end: Instant) -> BTreeMap<String, Jobs> {
        for watched in self.tasks.values_mut() {
            watched.charge(end);
        }
        self.tasks.into_values().map(|watched| (watched.name, watched.jobs)).collect()
    }
}

impl Watched {
    /// The job has been on a CPU until now.
    fn charge(&mut self, now: Instant) {
        if let Some(since) = self.since.as_mut() {
            self.used += now.since(*since);
            *since = now;
        }
        self.jobs.longest = self.jobs.longest.max(self.used);
    }
}

impl Sink for Watch {
    const ON: bool = true;

    fn event(&mut self, event: Event) {
        let at = event.at;
        match event.kind {
            Kind::JobRelease { task, number, release, deadline } => {
                let name = self.names.get(&task);
                let watched = self.tasks.entry(task).or_insert_with(|| Watched {
                    name: name.cloned().unwrap_or_else(|| format!("task {task}")),
                    ..Watched::default()
                });
                // A late job begins where the one before it has ended: on the CPU.
                watched.charge(at);
                watched.used = Span::ZERO;
                watched.number = number;
                watched.release = Instant::from_nanos(release);
                watched.deadline = Instant::from_nanos(deadline);
            }
            Kind::JobEnd { task, .. } => {
                if let Some(watched) = self.tasks.get_mut(&task) {
                    watched.charge(at);
                    watched.jobs.ended += 1;
                    let response = at.since(watched.release);
                    if response > watched.jobs.worst {
                        (watched.jobs.worst, watched.jobs.worst_job) = (response, watched.number);
                    }
                    watched.used = Span::ZERO;
                }
            }
            Kind::DeadlineMiss { task, number } => {
                if let Some(watched) = self.tasks.get_mut(&task) {
                    watched.jobs.misses += 1;
                    // The event comes one nanosecond after.
                    let due = Instant::from_nanos(at.as_nanos().saturating_sub(1));
                    watched.jobs.first_miss.get_or_insert((number, due));
                }
            }
            Kind::JobDrop { task, .. } => {
                if let Some(watched) = self.tasks.get_mut(&task) {
                    watched.jobs.dropped += 1;
                }
            }
            Kind::SchedSwitch { prev, next, .. } => {
                if let Some(watched) = self.tasks.get_mut(&prev) {
                    watched.charge(at);
                    watched.since = None;
                }
                if let Some(watched) = self.tasks.get_mut(&next) {
                    watched.since = Some(at);
                }
            }
            _ => {}
        }
        self.at = at;
    }

    fn name(&mut self, _: &str) -> NameId {
        NameId(0)
    }

    fn task(&mut self, task: Tid, _: Pid, _: Tid, name: &dyn Fn() -> String) {
        self.names.insert(task, name());
    }
}
