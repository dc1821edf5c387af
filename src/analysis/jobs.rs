//! The jobs of a periodic thread: how long they took, and how late they were.

use crate::time::{Instant, Span};

use super::latency::Latencies;
use super::summary::JobSummary;

/// What was counted of a thread's jobs so far.
#[derive(Clone, Debug, Default)]
pub struct JobTally {
    counts: JobSummary,
    response: Latencies,
    /// The job that it is at: number, release, deadline.
    at: Option<(u64, Instant, Instant)>,
}

impl JobTally {
    pub fn release(&mut self, number: u64, release: u64, deadline: u64) {
        self.counts.released += 1;
        self.at = Some((number, Instant::from_nanos(release), Instant::from_nanos(deadline)));
    }

    /// Gives the job's response time, if its release is known.
    pub fn end(&mut self, number: u64, at: Instant) -> Option<Span> {
        self.counts.ended += 1;
        // In a trace that lost events it may be another one.
        let (_, release, deadline) = self.at.take().filter(|(known, ..)| *known == number)?;
        let late = i128::from(at.as_nanos()) - i128::from(deadline.as_nanos());
        let late = late.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
        self.counts.max_lateness = self.counts.max_lateness.max(Some(late));
        let response = at.since(release);
        self.response.record(response);
        Some(response)
    }

    pub const fn miss(&mut self) {
        self.counts.missed += 1;
    }

    pub const fn drop_one(&mut self) {
        self.counts.dropped += 1;
    }

    pub fn summary(&self) -> JobSummary {
        JobSummary { response: self.response.distribution(), ..self.counts }
    }
}
