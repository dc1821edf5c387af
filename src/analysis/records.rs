//! Jobs, calls and places in run queues, from the events of a trace.

use std::collections::BTreeMap;

use crate::ids::{CallId, Tid};
use crate::time::{Instant, Span};
use crate::trace::{Event, Kind};

use super::lanes::{CallUse, Job, Placement};

/// What was recorded so far.
#[derive(Clone, Debug, Default)]
pub struct Records {
    pub jobs: Vec<Job>,
    pub calls: Vec<CallUse>,
    pub placements: Vec<Placement>,
    /// The places of the jobs that haven't ended.
    open: BTreeMap<(Tid, u64), usize>,
    places: BTreeMap<(Tid, CallId), usize>,
    /// Where each thread was when the window began.
    before: BTreeMap<Tid, Placement>,
    /// The call that each thread is in, and since when.
    entered: BTreeMap<Tid, (CallId, Instant)>,
}

impl Records {
    /// Takes the next event; what is over before `from` is forgotten.
    pub fn event(&mut self, event: &Event, from: Instant, to: Instant) {
        let shown = (from..=to).contains(&event.at);
        match event.kind {
            Kind::SchedWakeup { task, on } => {
                self.place(Placement { at: event.at, task, cpu: on }, from, to);
            }
            Kind::SchedMigrate { task, to: cpu, .. } => {
                self.place(Placement { at: event.at, task, cpu }, from, to)
            }
            Kind::SysEnter { call } => {
                self.entered.insert(event.task, (call, event.at));
                if shown {
                    self.of_call(event.task, call).count += 1;
                }
            }
            Kind::SysExit { call, .. } => {
                let entered = self.entered.remove(&event.task).filter(|(entered, _)| *entered == call);
                entered.into_iter().for_each(|entered| self.leave(event, entered, from, to));
            }
            // Its last call doesn't return.
            Kind::ProcessExit { .. } => {
                let entered = self.entered.remove(&event.task);
                entered.into_iter().for_each(|entered| self.leave(event, entered, from, to));
            }
            Kind::JobRelease { task, number, release, deadline } => {
                let (release, deadline) = (Instant::from_nanos(release), Instant::from_nanos(deadline));
                if release <= to {
                    self.open.insert((task, number), self.jobs.len());
                    self.jobs.push(Job {
                        task,
                        number,
                        release,
                        deadline,
                        ended: None,
                        missed: false,
                        dropped: None,
                    });
                }
            }
            Kind::JobEnd { task, number } => {
                if let Some(job) = self.open.remove(&(task, number)) {
                    self.jobs[job].ended = Some(event.at);
                }
            }
            Kind::DeadlineMiss { task, number } if event.at <= to => {
                if let Some(&job) = self.open.get(&(task, number)) {
                    self.jobs[job].missed = true;
                }
            }
            Kind::JobDrop { task, number, .. } => {
                if let Some(job) = self.open.remove(&(task, number)) {
                    self.jobs[job].dropped = Some(event.at);
                }
            }
            _ => {}
        }
    }

    /// Closes what is open at the end of the window, and leaves out what the window doesn't show.
    pub fn finish(&mut self, from: Instant, to: Instant) {
        for (task, (call, begin)) in std::mem::take(&mut self.entered) {
            if begin < to {
                self.of_call(task, call).elapsed += to.since(begin.max(from));
            }
        }
        for job in &mut self.jobs {
            // A job that hadn't begun by its deadline has no event of its own for that.
            job.missed |= job.ended.or(job.dropped).unwrap_or(to) > job.deadline;
        }
        let before = std::mem::take(&mut self.before).into_values();
        self.placements.splice(0..0, before);
        self.jobs.retain(|job| {
            let end = job.ended.or(job.dropped);
            job.release <= to && end.is_none_or(|end| end.max(job.deadline) >= from)
        });
        self.calls.retain(|used| used.count > 0 || used.elapsed > Span::ZERO);
    }

    /// A call that began then is over.
    fn leave(&mut self, event: &Event, (call, begin): (CallId, Instant), from: Instant, to: Instant) {
        if begin <= to && event.at >= from {
            self.of_call(event.task, call).elapsed += event.at.min(to).since(begin.max(from));
        }
    }

    /// Before the window begins only the latest place of each thread matters.
    fn place(&mut self, placement: Placement, from: Instant, to: Instant) {
        if placement.at < from {
            self.before.insert(placement.task, placement);
        } else if placement.at <= to {
            self.placements.push(placement);
        }
    }

    fn of_call(&mut self, task: Tid, call: CallId) -> &mut CallUse {
        let place = *self.places.entry((task, call)).or_insert_with(|| {
            self.calls.push(CallUse { task, call, count: 0, elapsed: Span::ZERO });
            self.calls.len() - 1
        });
        &mut self.calls[place]
    }
}
