//! Statistics as schedulers are judged by: response, turnaround, waiting, fairness and so on.
//!
//! They follow from a [`Summary`], and so from the trace alone, whichever world it comes from.
//! [`ThreadStatistic`] and its like say what each means. A thread is what a scheduler runs; a process
//! with one thread is the same thing.

use std::collections::BTreeMap;

use crate::ids::{CpuId, Tid};
use crate::time::{Instant, Span};
use crate::trace::statistics::{
    Aggregate, CpuStatistic, DeviceStatistic, Figure, RunStatistic, SpreadStatistic, ThreadStatistic,
};

use super::latency::{Distribution, Latencies};
use super::summary::{CpuSummary, JobSummary, ObjectSummary, Summary, ThreadSummary};
use super::value::Value;

/// All statistics of one run.
#[derive(Clone, Debug)]
pub struct Statistics {
    pub scenario: String,
    pub question: String,
    /// In the order in which they were announced; only those that came to exist.
    pub threads: Vec<ThreadRow>,
    pub cpus: Vec<(CpuId, Vec<Value>)>,
    /// By name: what had requests at a disk.
    pub devices: Vec<(String, Vec<Value>)>,
    run: Vec<Option<Value>>,
    spreads: Vec<Option<Distribution>>,
}

/// What can be said of one thread.
#[derive(Clone, Debug)]
pub struct ThreadRow {
    pub task: Tid,
    /// The name of its process, with the thread's number behind it where several bear it.
    pub name: String,
    /// In the order of [`ThreadStatistic::ALL`]; none where there is no such value, or not yet.
    pub values: Vec<Option<Value>>,
}

impl ThreadRow {
    pub fn get(&self, statistic: ThreadStatistic) -> Option<Value> {
        self.values.get(statistic as usize).copied().flatten()
    }
}

impl Statistics {
    pub fn of(summary: &Summary) -> Statistics {
        let threads: Vec<&ThreadSummary> =
            summary.threads.iter().filter(|thread| thread.start.is_some()).collect();
        let mut uses: BTreeMap<&str, u64> = BTreeMap::new();
        threads.iter().for_each(|thread| *uses.entry(&thread.name).or_default() += 1);
        let rows = threads.iter().map(|thread| ThreadRow {
            task: thread.task,
            name: match uses.get(thread.name.as_str()) {
                Some(2..) => format!("{} #{}", thread.name, thread.task),
                Some(_) | None => thread.name.clone(),
            },
            values: ThreadStatistic::ALL.iter().map(|&statistic| of_thread(thread, statistic)).collect(),
        });
        let cpus = summary.cpus.iter().map(|cpu| {
            let values = CpuStatistic::ALL.iter().map(|&statistic| of_cpu(cpu, summary.wall, statistic));
            (cpu.cpu, values.collect())
        });
        let devices = summary.objects.iter().filter(|object| object.requests > 0).map(|object| {
            let values =
                DeviceStatistic::ALL.iter().map(|&statistic| of_device(object, summary.wall, statistic));
            (object.name.clone(), values.collect())
        });
        let run = Run { summary, threads: &threads };
        Statistics {
            scenario: summary.scenario.clone(),
            question: summary.question.clone(),
            threads: rows.collect(),
            cpus: cpus.collect(),
            devices: devices.collect(),
            run: RunStatistic::ALL.iter().map(|&statistic| run.single(statistic)).collect(),
            spreads: SpreadStatistic::ALL.iter().map(|&statistic| run.spread(statistic)).collect(),
        }
    }

    /// One number about the run, if there is such a thing in it.
    pub fn figure(&self, figure: Figure) -> Option<Value> {
        match figure {
            Figure::Single(statistic) => self.run.get(statistic as usize).copied().flatten(),
            Figure::Spread(aggregate, statistic) => {
                let spread = self.spread(statistic)?;
                Some(Value::Time(match aggregate {
                    Aggregate::Mean => spread.mean,
                    Aggregate::P50 => spread.p50,
                    Aggregate::P95 => spread.p95,
                    Aggregate::P99 => spread.p99,
                    Aggregate::Max => spread.max,
                }))
            }
        }
    }

    /// Many values as a distribution.
    pub fn spread(&self, statistic: SpreadStatistic) -> Option<Distribution> {
        self.spreads.get(statistic as usize).copied().flatten()
    }
}

fn response(thread: &ThreadSummary) -> Option<Span> {
    Some(thread.first_run?.since(thread.start?))
}

fn turnaround(thread: &ThreadSummary) -> Option<Span> {
    Some(thread.end?.since(thread.start?))
}

fn cpu_time(thread: &ThreadSummary) -> Span {
    thread.usage.user + thread.usage.kernel
}

/// None for a thread that would have needed no time at all.
fn slowdown(thread: &ThreadSummary) -> Option<f64> {
    let alone = cpu_time(thread) + thread.usage.blocked_total();
    ratio(turnaround(thread)?, alone)
}

fn ratio(part: Span, whole: Span) -> Option<f64> {
    (!whole.is_zero()).then(|| part.as_nanos() as f64 / whole.as_nanos() as f64)
}

fn of_thread(thread: &ThreadSummary, statistic: ThreadStatistic) -> Option<Value> {
    let usage = &thread.usage;
    match statistic {
        ThreadStatistic::Arrival => thread.start.map(Value::Moment),
        ThreadStatistic::FirstRun => thread.first_run.map(Value::Moment),
        ThreadStatistic::Finish => thread.end.map(Value::Moment),
        ThreadStatistic::Response => response(thread).map(Value::Time),
        ThreadStatistic::Turnaround => turnaround(thread).map(Value::Time),
        ThreadStatistic::Waiting => Some(Value::Time(usage.ready)),
        ThreadStatistic::LongestWait => Some(Value::Time(thread.longest_wait)),
        ThreadStatistic::Blocked => Some(Value::Time(usage.blocked_total())),
        ThreadStatistic::Cpu => Some(Value::Time(cpu_time(thread))),
        ThreadStatistic::User => Some(Value::Time(usage.user)),
        ThreadStatistic::Kernel => Some(Value::Time(usage.kernel)),
        ThreadStatistic::Interrupt => Some(Value::Time(usage.interrupt)),
        ThreadStatistic::Switch => Some(Value::Time(usage.switch)),
        ThreadStatistic::Slowdown => slowdown(thread).map(Value::Ratio),
        ThreadStatistic::Dispatches => Some(Value::Count(thread.dispatches)),
        ThreadStatistic::Voluntary => Some(Value::Count(usage.switches.voluntary())),
        ThreadStatistic::Involuntary => Some(Value::Count(usage.switches.involuntary())),
        ThreadStatistic::Migrations => Some(Value::Count(thread.migrations)),
        ThreadStatistic::Jobs => thread.jobs.map(|jobs| Value::Count(jobs.ended)),
        ThreadStatistic::Misses => thread.jobs.map(|jobs| Value::Count(jobs.missed)),
        ThreadStatistic::MeanJobResponse => Some(Value::Time(thread.jobs?.response?.mean)),
        ThreadStatistic::MaxJobResponse => Some(Value::Time(thread.jobs?.response?.max)),
        ThreadStatistic::MaxLateness => thread.jobs?.max_lateness.map(Value::Lateness),
    }
}

fn of_cpu(cpu: &CpuSummary, wall: Span, statistic: CpuStatistic) -> Value {
    match statistic {
        CpuStatistic::Busy => Value::Time(cpu.busy()),
        CpuStatistic::Idle => Value::Time(cpu.idle),
        CpuStatistic::Utilisation => Value::Ratio(ratio(cpu.busy(), wall).unwrap_or(0.0)),
        CpuStatistic::Switches => Value::Count(cpu.switches),
        CpuStatistic::Interrupts => Value::Count(cpu.interrupts),
    }
}

fn of_device(object: &ObjectSummary, wall: Span, statistic: DeviceStatistic) -> Value {
    match statistic {
        DeviceStatistic::Busy => Value::Time(object.busy),
        DeviceStatistic::Utilisation => Value::Ratio(ratio(object.busy, wall).unwrap_or(0.0)),
        DeviceStatistic::Requests => Value::Count(object.requests),
    }
}

/// What statistics of a run are made from.
struct Run<'a> {
    summary: &'a Summary,
    threads: &'a [&'a ThreadSummary],
}

impl Run<'_> {
    fn single(&self, statistic: RunStatistic) -> Option<Value> {
        let finished = self.threads.iter().filter(|thread| thread.end.is_some()).count() as u64;
        let slowdowns = || self.threads.iter().filter_map(|thread| slowdown(thread));
        let sum = |get: fn(&ThreadSummary) -> u64| self.threads.iter().map(|thread| get(thread)).sum();
        match statistic {
            RunStatistic::Makespan => self.makespan().map(Value::Time),
            RunStatistic::Finished => Some(Value::Count(finished)),
            RunStatistic::Unfinished => Some(Value::Count(self.threads.len() as u64 - finished)),
            RunStatistic::Throughput => {
                let makespan = self.makespan()?;
                let seconds = makespan.as_nanos() as f64 / 1e9;
                (!makespan.is_zero()).then(|| Value::Rate(finished as f64 / seconds))
            }
            RunStatistic::Utilisation => {
                let busy: Span = self.summary.cpus.iter().map(CpuSummary::busy).sum();
                ratio(busy, self.summary.wall * self.summary.cpus.len() as u64).map(Value::Ratio)
            }
            RunStatistic::IoBusy => Some(Value::Time(self.summary.io_busy)),
            RunStatistic::Jobs => self.jobs(|jobs| jobs.ended),
            RunStatistic::Misses => self.jobs(|jobs| jobs.missed),
            RunStatistic::MaxLateness => {
                let jobs = self.threads.iter().filter_map(|thread| thread.jobs?.max_lateness);
                jobs.max().map(Value::Lateness)
            }
            RunStatistic::Switches => Some(Value::Count(self.summary.totals.switches)),
            RunStatistic::Preemptions => {
                Some(Value::Count(sum(|thread| thread.usage.switches.involuntary())))
            }
            RunStatistic::Migrations => Some(Value::Count(self.summary.totals.migrations)),
            RunStatistic::MeanSlowdown => {
                let (sum, number) = slowdowns().fold((0.0, 0.0), |(sum, n), one| (sum + one, n + 1.0));
                (number > 0.0).then(|| Value::Ratio(sum / number))
            }
            RunStatistic::MaxSlowdown => slowdowns().reduce(f64::max).map(Value::Ratio),
            RunStatistic::FairnessSlowdown => jain(slowdowns()).map(Value::Ratio),
            RunStatistic::FairnessCpu => {
                let times = self.threads.iter().map(|thread| cpu_time(thread).as_nanos() as f64);
                jain(times).map(Value::Ratio)
            }
        }
    }

    /// None if no thread is periodic.
    fn jobs(&self, get: fn(&JobSummary) -> u64) -> Option<Value> {
        let jobs = self.threads.iter().filter_map(|thread| thread.jobs.as_ref());
        jobs.map(get).reduce(|sum, one| sum + one).map(Value::Count)
    }

    fn makespan(&self) -> Option<Span> {
        let arrival = self.threads.iter().filter_map(|thread| thread.start).min()?;
        let run_end = Instant::START + self.summary.wall;
        let finish = self.threads.iter().map(|thread| thread.end.unwrap_or(run_end)).max()?;
        Some(finish.since(arrival))
    }

    fn spread(&self, statistic: SpreadStatistic) -> Option<Distribution> {
        let over = |get: fn(&ThreadSummary) -> Option<Span>| {
            let mut values = Latencies::default();
            self.threads.iter().filter_map(|thread| get(thread)).for_each(|span| values.record(span));
            values.distribution()
        };
        match statistic {
            SpreadStatistic::Response => over(response),
            SpreadStatistic::Turnaround => over(turnaround),
            SpreadStatistic::Waiting => over(|thread| Some(thread.usage.ready)),
            SpreadStatistic::Latency => self.summary.latency,
            SpreadStatistic::JobResponse => self.summary.job_response,
        }
    }
}

/// Jain's fairness index: R. Jain, D. Chiu, W. Hawe, "A quantitative measure of fairness and
/// discrimination for resource allocation in shared computer systems", DEC-TR-301, 1984.
/// None of no values, and of nothing but zeros.
fn jain(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut number, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for value in values {
        number += 1.0;
        sum += value;
        squares += value * value;
    }
    // Rounding must not make anything fairer than fair.
    (squares > 0.0).then(|| (sum * sum / (number * squares)).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_shares_are_fair_and_one_of_n_that_has_all_gives_one_nth() {
        assert_eq!(jain([5.0, 5.0, 5.0].into_iter()), Some(1.0));
        assert_eq!(jain([8.0, 0.0, 0.0, 0.0].into_iter()), Some(0.25));
        // (1 + 3)² / (2 · (1 + 9)).
        assert_eq!(jain([1.0, 3.0].into_iter()), Some(0.8));
        assert_eq!(jain([0.0].into_iter()), None);
        assert_eq!(jain(std::iter::empty()), None);
    }
}
