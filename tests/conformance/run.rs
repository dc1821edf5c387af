//! Runs a scenario's text and tells who ran when.

use serde_json::Value;
use trapline::ids::Tid;
use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Pace, Simulator, header};
use trapline::trace::sink::Memory;
use trapline::trace::{Kind, Rule, Trace};

/// One tick of the other tools, in nanoseconds.
pub const TICK: u64 = 1000;

/// A time of theirs as a scenario says it.
pub fn ticks(ticks: f64) -> String {
    format!("{}ns", (ticks * TICK as f64).round() as u64)
}

/// A process that ran from one time to another without a break.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    pub from: f64,
    pub to: f64,
    pub job: usize,
    /// The number that the policy went by.
    pub number: u64,
}

/// A decision of the policy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pick {
    pub job: usize,
    pub number: u64,
}

pub struct Ran {
    pub segments: Vec<Segment>,
    pub picks: Vec<Pick>,
    pub trace: Trace,
    jobs: usize,
}

/// The scenario's beginning: nothing costs anything, and who ends as its slice does has ended.
pub fn preamble(scheduler: &str, cpus: u64) -> String {
    format!(
        "format = 1\n[machine]\ncpus = {cpus}\ncosts = \"free\"\n[kernel]\npreemption = \"none\"\nscheduler = {scheduler}\n"
    )
}

/// Runs it. Its processes are named `job0`, `job1` and so on.
pub fn run(text: &str, jobs: usize) -> Result<Ran, String> {
    let scenario = Scenario::parse("case.toml", text, &Overrides::default())
        .map_err(|diagnostics| format!("{}\n{text}", diagnostics.render(false)))?;
    let mut simulator = Simulator::new(&scenario.image, Memory::new(), Pace::Fast);
    let outcome = simulator.run();
    let end = simulator.end();
    let trace = Trace::from_memory(header(&scenario.image), simulator.kernel.sink, end, outcome);
    let mut ran = Ran { segments: Vec::new(), picks: Vec::new(), trace, jobs };
    ran.follow();
    Ok(ran)
}

impl Ran {
    /// Which job a thread is.
    pub fn job(&self, task: Tid) -> Option<usize> {
        let entry = self.trace.tasks.iter().find(|entry| entry.task == task)?;
        entry.name.strip_prefix("job")?.parse().ok()
    }

    fn follow(&mut self) {
        let (mut since, mut current, mut number, mut picked) = (0.0, None, 0, None);
        let events = std::mem::take(&mut self.trace.events);
        for event in &events {
            let at = event.at.as_nanos() as f64 / TICK as f64;
            let next = match event.kind {
                Kind::SchedPick {
                    task,
                    rule: Rule::Level | Rule::Ticket | Rule::Pass | Rule::Shortest,
                    number,
                } => {
                    picked = Some(number);
                    let job = self.job(task);
                    if let Some(job) = job {
                        self.picks.push(Pick { job, number });
                    }
                    job
                }
                Kind::SchedSwitch { next, .. } => self.job(next),
                _ => continue,
            };
            if let Some(job) = current.filter(|_| at > since) {
                self.add(Segment { from: since, to: at, job, number });
            }
            (since, current) = (at, next);
            number = picked.unwrap_or(0);
        }
        self.trace.events = events;
    }

    fn add(&mut self, segment: Segment) {
        match self.segments.last_mut() {
            Some(last)
                if last.to == segment.from && last.job == segment.job && last.number == segment.number =>
            {
                last.to = segment.to;
            }
            _ => self.segments.push(segment),
        }
    }

    /// The same without the policy's numbers, with what belongs together in one piece.
    pub fn pieces(&self) -> Vec<Segment> {
        let mut plain =
            Ran { segments: Vec::new(), picks: Vec::new(), trace: self.trace.clone(), jobs: self.jobs };
        self.segments.iter().for_each(|&segment| plain.add(Segment { number: 0, ..segment }));
        plain.segments
    }

    pub fn first_run(&self, job: usize) -> f64 {
        self.segments.iter().find(|segment| segment.job == job).map_or(f64::NAN, |segment| segment.from)
    }

    pub fn finish(&self, job: usize) -> f64 {
        self.segments.iter().rfind(|segment| segment.job == job).map_or(f64::NAN, |segment| segment.to)
    }

    pub fn busy(&self) -> f64 {
        self.segments.iter().map(|segment| segment.to - segment.from).sum()
    }

    pub fn end(&self) -> f64 {
        (0..self.jobs).map(|job| self.finish(job)).fold(0.0, f64::max)
    }
}

/// Notes where two numbers differ by more than the case's own rounding.
pub fn compare_number(what: &str, found: f64, expected: &Value, differences: &mut Vec<String>) {
    let Some(number) = expected.as_f64() else {
        differences.push(format!("{what}: expected {expected}, which isn't a number"));
        return;
    };
    // Half of the last digit may go either way.
    if found.is_nan() || (found - number).abs() > 0.005_000_1 {
        differences.push(format!("{what}: {found}, expected {number}"));
    }
}

pub fn compare_values(what: &str, found: &Value, expected: &Value, differences: &mut Vec<String>) {
    if found != expected {
        differences.push(format!("{what}: {found}, expected {expected}"));
    }
}

pub fn mean(values: impl Iterator<Item = f64> + Clone) -> f64 {
    values.clone().sum::<f64>() / values.count() as f64
}
