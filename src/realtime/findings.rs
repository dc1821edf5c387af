//! What arithmetic says of each task: which test may speak, and whether what it refuses does go wrong.

use crate::ids::CpuId;
use crate::time::Span;

use super::demand::{Demand, Excess, demand};
use super::edf_response::responses;
use super::model::{Discipline, Model};
use super::report::{Verdict, tell_excess, tell_miss};
use super::response::{Response, response};
use super::task::{Budget, TaskSet};

/// What arithmetic says of one task.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub worst: Option<Span>,
    pub verdict: Verdict,
    pub because: String,
    pub miss: Option<String>,
}

impl Finding {
    pub(super) fn undecided(because: impl Into<String>) -> Finding {
        Finding { worst: None, verdict: Verdict::Undecided, because: because.into(), miss: None }
    }
}

pub(super) fn partitioned(model: &Model, doubts: &[Vec<String>]) -> Vec<Finding> {
    let mut findings: Vec<Option<Finding>> = vec![None; model.set.tasks.len()];
    for cpu in (0..model.cpus).map(CpuId) {
        let part = model.set.on(cpu);
        let members = (0..model.set.tasks.len()).filter(|&index| model.set.tasks[index].cpu == Some(cpu));
        let of_part = match model.discipline {
            Discipline::Fixed(_) => by_responses(&part, model.skips || model.sporadic),
            Discipline::Edf => by_demand(&part, model.skips || model.sporadic),
        };
        for (index, mut finding) in members.zip(of_part) {
            if let Some(doubt) = doubts[index].first() {
                finding.verdict = Verdict::Undecided;
                finding.because = doubt.clone();
            }
            findings[index] = Some(finding);
        }
    }
    let all = findings.into_iter();
    all.map(|finding| finding.unwrap_or_else(|| Finding::undecided("it has no CPU"))).collect()
}

/// Whether what a test refuses does go wrong: all begin together, and nothing is a bound only.
fn is_exact(part: &TaskSet, skips: bool) -> bool {
    part.is_plain() && part.is_synchronous() && !skips
}

fn by_responses(part: &TaskSet, skips: bool) -> Vec<Finding> {
    let of = |index: usize| {
        let task = &part.tasks[index];
        let rivals = part.tasks.iter().filter(|rival| rival.priority == task.priority).count();
        let exact = is_exact(part, skips) && rivals == 1;
        let refused = |worst: Option<Span>, miss: Option<String>, said: String| match exact {
            true => Finding { worst, verdict: Verdict::Misses, because: said, miss },
            false => {
                let why = why_only_sufficient(part, rivals > 1);
                Finding { worst, verdict: Verdict::Undecided, because: format!("{said}, but {why}"), miss }
            }
        };
        match response(part, index, &mut Budget::default()) {
            Response::Bounded { worst, miss: None } => Finding {
                worst: Some(worst),
                verdict: Verdict::Proved,
                because: "no response is longer than the analysed one".to_owned(),
                miss: None,
            },
            Response::Bounded { worst, miss: Some(miss) } => {
                refused(Some(worst), Some(tell_miss(&miss)), format!("a response of {worst} is possible"))
            }
            Response::Unbounded { miss } => refused(
                None,
                miss.as_ref().map(tell_miss),
                "its responses don't converge: the utilisation by it and what goes before it is above 1"
                    .to_owned(),
            ),
            Response::TooLong => Finding::undecided("the busy period is too long to compute"),
        }
    };
    (0..part.tasks.len()).map(of).collect()
}

fn why_only_sufficient(part: &TaskSet, has_rivals: bool) -> String {
    if !part.is_synchronous() {
        "with these first releases that may never come about".to_owned()
    } else if !part.is_plain() {
        "blocking and what the kernel adds are counted at their worst".to_owned()
    } else if has_rivals {
        "tasks of the same priority may come in a better order".to_owned()
    } else {
        "jobs that are left out (`on-miss = \"skip\"`) make room for others".to_owned()
    }
}

fn by_demand(part: &TaskSet, skips: bool) -> Vec<Finding> {
    let worst = responses(part, &mut Budget::default());
    let worst_of = |index: usize| worst.as_ref().map(|worst| worst[index]);
    let all = |verdict: Verdict, because: String, miss: Option<String>| {
        let tasks = 0..part.tasks.len();
        let finding =
            |index| Finding { worst: worst_of(index), verdict, because: because.clone(), miss: miss.clone() };
        tasks.map(finding).collect()
    };
    let refused = |excess: Option<&Excess>, said: &str| {
        let told = excess.map(tell_excess);
        if !is_exact(part, skips) && part.utilisation().is_at_most(1) {
            let why = why_only_sufficient(part, false);
            return all(Verdict::Undecided, format!("{said}, but {why}"), told);
        }
        // Who is late first is due just then.
        let finding = |index: usize| {
            let task = &part.tasks[index];
            let is_due = |excess: &Excess| {
                let since = excess.by.as_nanos().checked_sub(task.deadline.as_nanos());
                since.is_some_and(|since| since.is_multiple_of(task.period.as_nanos()))
            };
            let (verdict, because) = if is_exact(part, skips) && excess.is_some_and(is_due) {
                (Verdict::Misses, said.to_owned())
            } else {
                (Verdict::Undecided, format!("{said}: some task misses, and who else does isn't computed"))
            };
            Finding { worst: worst_of(index), verdict, because, miss: told.clone() }
        };
        (0..part.tasks.len()).map(finding).collect()
    };
    match demand(part, &mut Budget::default()) {
        Demand::Met { .. } => {
            all(Verdict::Proved, "no deadline's demand exceeds the time until it".to_owned(), None)
        }
        Demand::Exceeded(excess) => refused(Some(&excess), "more work is due than can be done"),
        Demand::Overload(excess) => refused(excess.as_ref(), "the utilisation is above 1"),
        Demand::TooLong => all(Verdict::Undecided, "the busy period is too long to compute".to_owned(), None),
    }
}

pub(super) fn global(model: &Model, doubts: &[Vec<String>]) -> Vec<Finding> {
    let overload = !model.set.utilisation().is_at_most(u64::from(model.cpus));
    let passes = model.discipline == Discipline::Edf && super::bounds::global_edf(&model.set, model.cpus);
    let of = |index: usize| {
        let doubt = doubts[index].first();
        if overload {
            Finding::undecided("the utilisation is above the number of CPUs: some task misses")
        } else if let Some(doubt) = doubt {
            Finding::undecided(doubt.clone())
        } else if !model.free {
            Finding::undecided("what the kernel adds isn't counted on several CPUs with one queue")
        } else if passes {
            Finding {
                worst: None,
                verdict: Verdict::Proved,
                because: "the densities are within the bound of global EDF".to_owned(),
                miss: None,
            }
        } else if model.discipline == Discipline::Edf {
            Finding::undecided("the bound of global EDF isn't met, which proves nothing")
        } else {
            Finding::undecided("there is no test here for fixed priorities with one queue for several CPUs")
        }
    };
    (0..model.set.tasks.len()).map(of).collect()
}

/// Whether one CPU's own test lets a set pass.
pub(super) fn passes(part: &TaskSet, discipline: Discipline) -> bool {
    match discipline {
        Discipline::Edf => matches!(demand(part, &mut Budget::of(1_000_000)), Demand::Met { .. }),
        Discipline::Fixed(_) => (0..part.tasks.len()).all(|index| {
            matches!(response(part, index, &mut Budget::of(1_000_000)), Response::Bounded { miss: None, .. })
        }),
    }
}
