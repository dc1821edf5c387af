//! What the analysis of a scenario comes to: for each task the longest response by arithmetic beside that of a
//! run, a verdict with its reason, and the tests of the set as a whole.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::ids::CpuId;
use crate::time::{Instant, Span};

use super::demand::Excess;
use super::response::{Miss, Share};

/// Whether a task's jobs are always done in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is shown that they are.
    Proved,
    /// It is shown that one isn't.
    Misses,
    /// Neither is.
    Undecided,
}

impl Verdict {
    pub const fn text(self) -> &'static str {
        match self {
            Verdict::Proved => "proved",
            Verdict::Misses => "misses",
            Verdict::Undecided => "not decided",
        }
    }
}

/// One task. Times are in nanoseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    pub task: String,
    /// None if it isn't tied to one.
    pub cpu: Option<u16>,
    /// C as it was given or found: `given`, `steps`, `measured`.
    pub wcet: Span,
    pub wcet_from: &'static str,
    /// What else each job takes: plain instructions, and what the kernel adds.
    pub overhead: Span,
    pub period: Span,
    pub deadline: Span,
    pub offset: Span,
    /// To be shown; decisions are made with whole numbers.
    pub utilisation: f64,
    /// None if it isn't known.
    pub blocking: Option<Span>,
    /// The longest response by arithmetic; none if there is none or it isn't known.
    pub analysed: Option<Span>,
    /// The longest response of the run; none if no job has ended, or nothing was run.
    pub simulated: Option<Span>,
    pub jobs: u64,
    pub misses: u64,
    /// From the analysed response to the deadline, else from the simulated one; below zero if it is late.
    pub slack: Option<i64>,
    pub verdict: Verdict,
    pub because: String,
    /// How the miss comes about.
    pub miss: Option<String>,
}

/// A test of the set, or of one CPU's part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Line {
    /// None if it is about all CPUs together.
    pub cpu: Option<u16>,
    pub test: &'static str,
    /// The figures that were compared.
    pub figures: String,
    pub says: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    pub scenario: String,
    pub policy: String,
    pub cpus: u16,
    pub tasks: Vec<Row>,
    pub tests: Vec<Line>,
    pub hyperperiod: Option<Span>,
    /// How long the run was, and how long it must be to show everything.
    pub simulated_until: Option<Instant>,
    pub horizon: Option<Instant>,
    /// Whether the run proves something, and if not, why.
    pub simulation: String,
    /// A CPU for each task so that each CPU's test passes, if it was asked for one and there is one.
    pub placement: Option<BTreeMap<String, u16>>,
    pub notes: Vec<String>,
}

impl Report {
    /// The worst of all verdicts.
    pub fn verdict(&self) -> Verdict {
        let has = |verdict| self.tasks.iter().any(|row| row.verdict == verdict);
        if has(Verdict::Misses) {
            Verdict::Misses
        } else if has(Verdict::Undecided) {
            Verdict::Undecided
        } else {
            Verdict::Proved
        }
    }
}

/// A CPU's number, for reports.
pub const fn number(cpu: CpuId) -> u16 {
    cpu.0
}

/// "2 of a (6ms), 1 of b (3ms)".
fn shares(work: &[Share]) -> String {
    let of = |share: &Share| match &share.task {
        Some(task) => format!("{} of `{task}` ({})", share.jobs, share.time),
        None => format!("{} interrupts ({})", share.jobs, share.time),
    };
    work.iter().map(of).collect::<Vec<_>>().join(", ")
}

/// How a job misses its deadline under fixed priorities.
pub fn tell_miss(miss: &Miss) -> String {
    let work = shares(&miss.work);
    let when = if miss.job == 0 {
        format!("the job released there is due after {}", miss.due)
    } else {
        format!("its job number {}, released after {}, is due after {}", miss.job + 1, miss.release, miss.due)
    };
    let done = match miss.done {
        Some(done) => format!("is done after {done}"),
        None => "isn't done by then".to_owned(),
    };
    format!("if all that go before it are released with it, {when} and {done}; the work until then: {work}")
}

/// How a deadline is missed under EDF.
pub fn tell_excess(excess: &Excess) -> String {
    format!(
        "if all are released together, {} of work are due within {}: {}",
        excess.demand,
        excess.by,
        shares(&excess.work)
    )
}
