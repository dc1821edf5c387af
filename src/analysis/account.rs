//! Adds up a trace as it streams by, with memory for its threads, CPUs, vectors and objects but
//! none for its events.

use std::collections::BTreeMap;

use crate::ids::{CpuId, NameId, ObjectId, Pid, Tid, Vector};
use crate::time::Instant;
use crate::trace::kinds::KINDS;
use crate::trace::{Event, Header};

use super::replay::Replay;
use super::summary::{
    CpuSummary, Line, ObjectSummary, ProcessSummary, Summary, ThreadSummary, Totals, Usage, VectorSummary,
};
use super::tally::{Tally, ThreadTally};

/// The statistics of a trace under way.
#[derive(Clone, Debug)]
pub struct Account {
    header: Header,
    replay: Replay,
    tally: Tally,
    names: BTreeMap<NameId, String>,
}

impl Account {
    pub fn new(header: &Header) -> Account {
        let objects = header.objects.iter().enumerate().map(|(number, object)| {
            let summary = ObjectSummary {
                kind: object.kind.clone(),
                name: object.name.clone(),
                ..ObjectSummary::default()
            };
            (ObjectId::from(number), summary)
        });
        let tally = Tally::new(objects.collect());
        Account { header: header.clone(), replay: Replay::new(header), tally, names: BTreeMap::new() }
    }

    /// Announces a thread that the header doesn't list, before the first event that names it.
    pub fn task(&mut self, task: Tid, process: Pid, parent: Tid, name: &str) {
        self.replay.announce(task, process, parent, name);
    }

    /// Gives a number its text, at any time before the end.
    pub fn name(&mut self, number: NameId, text: &str) {
        self.names.insert(number, text.to_owned());
    }

    /// Takes the next event of the trace.
    pub fn event(&mut self, event: &Event) {
        self.replay.event(event, &mut self.tally);
        self.tally.count(event, &self.replay);
    }

    /// Closes the account at the run's end, which is at or after the last event.
    pub fn finish(mut self, end: Instant) -> Summary {
        self.replay.finish(end, &mut self.tally);
        self.tally.finish(end);
        let cpus = self.replay.cpus();
        self.tally.cpu(CpuId::from(cpus.max(1) - 1));
        self.tally.cpus.truncate(cpus);
        self.tally.threads.resize_with(self.replay.threads().len(), ThreadTally::default);
        let threads = self.threads();
        Summary {
            wall: end.since(Instant::START),
            processes: processes(&threads),
            threads,
            cpus: self.cpus(),
            vectors: self.vectors(),
            out_of_memory: self.out_of_memory(),
            prints: self.prints(),
            prints_dropped: self.tally.prints_dropped,
            latency: self.tally.latency.distribution(),
            io_busy: self.tally.requests.busy,
            job_response: self.tally.job_response.distribution(),
            objects: self.tally.objects.into_values().filter(|object| object.is_used()).collect(),
            totals: Totals {
                crossings: self.tally.totals.calls
                    + self.tally.totals.exceptions
                    + self.tally.totals.interrupts,
                events: KINDS
                    .iter()
                    .map(|row| row.name)
                    .zip(self.tally.events)
                    .filter(|&(_, count)| count > 0)
                    .collect(),
                ..self.tally.totals
            },
            scenario: self.header.scenario,
            question: self.header.question,
            source: self.header.source,
            seed: self.header.seed,
        }
    }

    fn threads(&self) -> Vec<ThreadSummary> {
        let known = self.replay.threads().iter().zip(&self.tally.threads);
        known
            .map(|(thread, tally)| ThreadSummary {
                task: thread.task,
                process: thread.process,
                parent: thread.parent,
                name: thread.name.clone(),
                start: thread.start,
                first_run: tally.first_run,
                end: thread.end,
                status: tally.status,
                usage: tally.usage(&self.header.calls),
                dispatches: tally.dispatches,
                migrations: tally.migrations,
                longest_wait: tally.longest_wait,
                jobs: tally.jobs.as_ref().map(|jobs| jobs.summary()),
            })
            .collect()
    }

    fn cpus(&self) -> Vec<CpuSummary> {
        let numbered = self.tally.cpus.iter().enumerate();
        numbered
            .map(|(number, tally)| CpuSummary { cpu: CpuId::from(number), ..tally.sums.clone() })
            .collect()
    }

    fn vectors(&self) -> Vec<VectorSummary> {
        let named = self.header.vectors.iter().map(|entry| (entry.vector, entry.name.clone()));
        let listed = |vector: &Vector| self.header.vectors.iter().any(|entry| entry.vector == *vector);
        let unnamed = self.tally.vectors.keys().rev().filter(|vector| !listed(vector));
        named
            .chain(unnamed.map(|&vector| (vector, format!("vector {vector}"))))
            .filter_map(|(vector, name)| {
                let tally = self.tally.vectors.get(&vector)?;
                Some(VectorSummary {
                    vector,
                    name,
                    raised: tally.raised,
                    recognised: tally.recognised,
                    coalesced: tally.coalesced,
                    spurious: tally.spurious,
                    latency: tally.latency.distribution(),
                    handling: tally.handling.distribution(),
                })
            })
            .collect()
    }

    fn out_of_memory(&self) -> Vec<String> {
        let name = |task: &Tid| {
            let thread = self.replay.threads().iter().find(|thread| thread.task == *task);
            thread.map_or_else(|| format!("process {task}"), |thread| thread.name.clone())
        };
        self.tally.out_of_memory.iter().map(name).collect()
    }

    fn prints(&self) -> Vec<Line> {
        let line = |&(at, task, text): &(Instant, Tid, NameId)| Line {
            at,
            task,
            text: self.names.get(&text).cloned().unwrap_or_default(),
        };
        self.tally.prints.iter().map(line).collect()
    }
}

impl ObjectSummary {
    fn is_used(&self) -> bool {
        let counts = [self.sent, self.received, self.acquired, self.contended, self.requests, self.dropped];
        counts.iter().any(|&count| count > 0) || !self.blocked.is_zero()
    }
}

/// Threads by the name of their process, in the order in which the names first appear.
fn processes(threads: &[ThreadSummary]) -> Vec<ProcessSummary> {
    let mut rows: Vec<ProcessSummary> = Vec::new();
    let mut by_name: BTreeMap<&str, usize> = BTreeMap::new();
    for thread in threads {
        let row = *by_name.entry(&thread.name).or_insert_with(|| {
            rows.push(ProcessSummary {
                name: thread.name.clone(),
                processes: 0,
                threads: 0,
                statuses: BTreeMap::new(),
                usage: Usage::default(),
            });
            rows.len() - 1
        });
        let row = &mut rows[row];
        row.processes += u64::from(thread.task == thread.process.leader());
        row.threads += 1;
        row.usage.add(&thread.usage);
        if let Some(status) = thread.status {
            *row.statuses.entry(status).or_default() += 1;
        }
    }
    rows
}
