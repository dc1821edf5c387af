//! Puts theory and a run side by side: which test may speak about which task, and what follows.
//!
//! A verdict is a proof only as long as everything that takes time is in the numbers. So each reason why it might not
//! be is collected first. A run that contradicts a proof overrules it: then something takes time that the numbers
//! don't have.

use std::collections::BTreeMap;

use crate::ids::CpuId;
use crate::program::Image;
use crate::time::{Instant, Span};

use super::blocking::blocking;
use super::body::Known;
use super::demand::{Demand, Excess, demand};
use super::edf_response::responses;
use super::horizon::{horizon, hyperperiod, must_last};
use super::model::{Discipline, Model, Origins, Source, Spread, constant};
use super::observed::Jobs;
use super::placement::first_fit;
use super::report::{Report, Row, Verdict, number, tell_excess, tell_miss};
use super::response::{Response, response};
use super::task::{Budget, Order, Task, TaskSet, Unfit};
use super::tests_of_sets::{of_all, of_cpu};

/// What a run has shown, and until when it went.
#[derive(Clone, Debug)]
pub struct Run {
    pub jobs: BTreeMap<String, Jobs>,
    pub end: Instant,
}

/// What arithmetic says of one task.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub worst: Option<Span>,
    pub verdict: Verdict,
    pub because: String,
    pub miss: Option<String>,
}

impl Finding {
    fn undecided(because: impl Into<String>) -> Finding {
        Finding { worst: None, verdict: Verdict::Undecided, because: because.into(), miss: None }
    }
}

/// Analyses a scenario's tasks, beside a run of them if there was one under the same policy.
pub fn analyse(image: &Image, policy: &str, mut model: Model, run: Option<&Run>) -> Result<Report, Unfit> {
    let mut notes = Vec::new();
    take_measured(&mut model, run, &mut notes);
    let blocked = blocking(image, &model);
    for (task, blocked) in model.set.tasks.iter_mut().zip(&blocked) {
        task.blocking = task.blocking + blocked.clone().unwrap_or(Span::ZERO);
    }
    check(&model)?;
    let doubts: Vec<Vec<String>> =
        (0..model.set.tasks.len()).map(|index| doubts(&model, index, &blocked[index])).collect();
    let findings = match model.spread {
        Spread::Partitioned => partitioned(&model, &doubts),
        Spread::Global => global(&model, &doubts),
        Spread::Mixed => vec![
            Finding::undecided(
                "it may move between run queues: tie it to a CPU by `cpu`, or take `queues = \"global\"`"
            );
            model.set.tasks.len()
        ],
    };
    let shows = what_a_run_shows(&model, &doubts, run);
    let rows = findings.into_iter().enumerate().map(|(index, finding)| {
        let found = judge(&model, index, finding, run, shows.is_ok());
        row(&model, index, found, &blocked[index], run)
    });
    let tasks: Vec<Row> = rows.collect();
    let mut tests = Vec::new();
    if model.spread == Spread::Partitioned {
        for cpu in (0..model.cpus).map(CpuId) {
            tests.extend(of_cpu(&model, cpu));
        }
    }
    if model.cpus > 1 {
        tests.extend(of_all(&model));
    }
    notes.extend(model.uncounted.iter().cloned());
    notes.extend(bystanders(&model));
    let few = |(row, origins): &(&Row, &Origins)| {
        row.verdict == Verdict::Misses && row.misses == 0 && row.jobs > 0 && origins.jobs.is_some()
    };
    for (row, _) in tasks.iter().zip(&model.origins).filter(few) {
        notes.push(format!(
            "The analysis takes `{}` to go on for ever; its `jobs` are too few to show the miss",
            row.task
        ));
    }
    if !model.free {
        notes.push(format!(
            "C and the responses hold what the kernel adds at its worst under the costs `{}`: calls, switches, the \
             timer's handlers",
            image.costs.name
        ));
    }
    Ok(Report {
        scenario: image.name.clone(),
        policy: policy.to_owned(),
        cpus: model.cpus,
        tasks,
        tests,
        hyperperiod: hyperperiod(&model.set),
        simulated_until: run.map(|run| run.end),
        horizon: horizon(&model.set),
        simulation: match (run, shows) {
            (None, _) => String::new(),
            (Some(_), Ok(shown)) => shown,
            (Some(_), Err(why)) => format!("The run proves nothing beyond itself: {why}."),
        },
        placement: proposal(&model),
        notes,
    })
}

/// Where C isn't known otherwise, it is the longest job of the run.
fn take_measured(model: &mut Model, run: Option<&Run>, notes: &mut Vec<String>) {
    for index in 0..model.origins.len() {
        let origins = &model.origins[index];
        if origins.source != Source::Measured {
            continue;
        }
        let name = model.set.tasks[index].name.clone();
        let why = origins.body.computing.clone().and(origins.body.others.clone()).err().unwrap_or_default();
        let longest = run.and_then(|run| run.jobs.get(&name)).map(|jobs| jobs.longest);
        notes.push(match longest {
            Some(longest) => format!(
                "C of `{name}` is the longest of its jobs in the run, {longest}, since its steps don't tell ({why}): \
                 another job may take longer; `wcet` in `[process.{name}]` would say"
            ),
            None => format!("C of `{name}` isn't known ({why}), nor was it run: `wcet` in `[process.{name}]` would say"),
        });
        model.measure(index, longest.unwrap_or(Span::ZERO));
    }
}

/// C as such must be below the deadline. What the kernel adds isn't the user's mistake.
fn check(model: &Model) -> Result<(), Unfit> {
    for (task, origins) in model.set.tasks.iter().zip(&model.origins) {
        let wcet = origins.own.unwrap_or(Span::ZERO);
        if wcet > task.deadline {
            return Err(Unfit::Impossible { task: task.name.clone(), wcet, deadline: task.deadline });
        }
    }
    match model.set.check() {
        Err(Unfit::Impossible { .. }) | Ok(()) => Ok(()),
        unfit => unfit,
    }
}

/// Why the numbers may not be all that matters to a task: what takes time on its CPU without being counted.
fn doubts(model: &Model, index: usize, blocked: &Known) -> Vec<String> {
    let mut doubts = model.uncounted.clone();
    let own = &model.set.tasks[index];
    let here = |cpu: Option<CpuId>| cpu == own.cpu || cpu.is_none() || own.cpu.is_none();
    for (task, origins) in model.set.tasks.iter().zip(&model.origins) {
        if !here(task.cpu)
            || (task.priority < own.priority && matches!(model.discipline, Discipline::Fixed(_)))
        {
            continue;
        }
        let name = &task.name;
        if let Some(step) = &origins.body.waits {
            doubts.push(format!("`{name}` may wait within a job, at `{step}`"));
        }
        if origins.source == Source::Measured {
            doubts.push(format!("C of `{name}` is measured"));
        }
        if let (Source::Given, Ok(computing), Some(given)) =
            (origins.source, &origins.body.computing, origins.own)
            && *computing > given
        {
            doubts.push(format!(
                "the steps of `{name}` compute for {computing}, longer than its `wcet` of {given}"
            ));
        }
    }
    for other in model.bystanders.iter().filter(|other| here(other.cpu) && other.priority >= own.priority) {
        doubts.push(format!("`{}` has no period and isn't less urgent", other.name));
    }
    doubts.extend(blocked.clone().err());
    doubts
}

fn partitioned(model: &Model, doubts: &[Vec<String>]) -> Vec<Finding> {
    let mut findings: Vec<Option<Finding>> = vec![None; model.set.tasks.len()];
    for cpu in (0..model.cpus).map(CpuId) {
        let part = model.set.on(cpu);
        let members = (0..model.set.tasks.len()).filter(|&index| model.set.tasks[index].cpu == Some(cpu));
        let of_part = match model.discipline {
            Discipline::Fixed(_) => by_responses(&part, model.skips),
            Discipline::Edf => by_demand(&part, model.skips),
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

fn global(model: &Model, doubts: &[Vec<String>]) -> Vec<Finding> {
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

/// Whether the run has shown everything that can happen: then what, else why not.
fn what_a_run_shows(model: &Model, doubts: &[Vec<String>], run: Option<&Run>) -> Result<String, String> {
    let Some(run) = run else { return Err("nothing was run".to_owned()) };
    if model.spread != Spread::Partitioned {
        return Err(
            "on several CPUs a shorter job can make another one later (Graham's anomalies)".to_owned()
        );
    }
    if !model.free {
        return Err("the kernel's own work doesn't repeat with the hyperperiod".to_owned());
    }
    let sections = model.origins.iter().any(|origins| !origins.body.sections.is_empty());
    if sections {
        return Err("with locks, other orders than the one seen can make a job later".to_owned());
    }
    if let Some(doubt) = doubts.iter().flatten().next() {
        return Err(doubt.clone());
    }
    for (task, origins) in model.set.tasks.iter().zip(&model.origins) {
        constant(origins).map_err(|why| format!("`{}` doesn't always take its C: {why}", task.name))?;
    }
    let set = &model.set;
    let Some(needed) = horizon(set) else {
        return Err(match hyperperiod(set) {
            None => "the hyperperiod is too long for any run".to_owned(),
            Some(_) => "with different first releases and deadlines beyond the period, no length is known to be enough"
                .to_owned(),
        });
    };
    let overloaded = |cpu: &u16| !set.on(CpuId(*cpu)).utilisation().is_at_most(1);
    if (0..model.cpus).any(|cpu| overloaded(&cpu)) {
        return Err("with a utilisation above 1 nothing repeats".to_owned());
    }
    let is_short = |(task, origins): (&Task, &Origins)| {
        let last = origins
            .jobs
            .map(|jobs| task.offset.as_nanos().saturating_add(task.period.saturating_mul(jobs).as_nanos()));
        last.is_some_and(|last| last < needed.as_nanos())
    };
    if set.tasks.iter().zip(&model.origins).any(is_short) {
        return Err(format!("not all tasks have jobs until {needed}, when everything repeats: raise `jobs`"));
    }
    if run.end < needed {
        return Err(format!(
            "it ended at {}, and everything repeats only after {needed}: --until {needed}",
            run.end
        ));
    }
    let together =
        if set.is_synchronous() { "All tasks begin together" } else { "Each task has its own first release" };
    Ok(format!(
        "The run proves what it shows: on each CPU the schedule repeats after {needed}. {together}, each job takes its C, \
         and a shorter one makes nobody later."
    ))
}

/// The last word: a miss that was seen is one, and a response that is longer than analysed refutes the numbers.
fn judge(model: &Model, index: usize, finding: Finding, run: Option<&Run>, shows_all: bool) -> Finding {
    let task = &model.set.tasks[index];
    let Some(jobs) = run.and_then(|run| run.jobs.get(&task.name)) else { return finding };
    let mut found = finding;
    if found.verdict == Verdict::Proved && found.worst.is_some_and(|worst| jobs.worst > worst) {
        found.verdict = Verdict::Undecided;
        found.because =
            "the run has a longer response than the analysed one: something takes time that isn't counted"
                .to_owned();
    }
    if let Some((number, due)) = jobs.first_miss {
        let seen = format!("in the run, job {number} isn't done by {due}");
        found.because = match found.verdict {
            Verdict::Proved => {
                format!("{seen}, though no response is that long: something takes time that isn't counted")
            }
            Verdict::Misses | Verdict::Undecided => seen,
        };
        found.verdict = Verdict::Misses;
    } else if shows_all && found.verdict == Verdict::Undecided && jobs.dropped == 0 && jobs.ended > 0 {
        found.verdict = Verdict::Proved;
        found.because = "the run goes on until everything repeats, without a miss".to_owned();
        found.miss = None;
    }
    found
}

fn row(model: &Model, index: usize, found: Finding, blocked: &Known, run: Option<&Run>) -> Row {
    let (task, origins) = (&model.set.tasks[index], &model.origins[index]);
    let jobs = run.and_then(|run| run.jobs.get(&task.name));
    let simulated = jobs.filter(|jobs| jobs.ended > 0).map(|jobs| jobs.worst);
    let own = origins.own.unwrap_or(Span::ZERO);
    let signed = |time: Span| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
    let response = found.worst.or(simulated);
    Row {
        task: task.name.clone(),
        cpu: task.cpu.map(number),
        wcet: own,
        wcet_from: match origins.source {
            Source::Given => "given",
            Source::Steps => "steps",
            Source::Measured => "measured",
        },
        overhead: task.wcet.saturating_sub(own),
        period: task.period,
        deadline: task.deadline,
        offset: task.offset,
        utilisation: task.wcet.as_nanos() as f64 / task.period.as_nanos() as f64,
        blocking: blocked.is_ok().then_some(task.blocking),
        analysed: found.worst,
        simulated,
        jobs: jobs.map_or(0, |jobs| jobs.ended),
        misses: jobs.map_or(0, |jobs| jobs.misses),
        slack: response.map(|response| signed(task.deadline).saturating_sub(signed(response))),
        verdict: found.verdict,
        because: found.because,
        miss: found.miss,
    }
}

fn bystanders(model: &Model) -> Vec<String> {
    let fixed_by_number = model.discipline == Discipline::Fixed(Order::Given);
    let told = model.bystanders.iter().filter(|_| !fixed_by_number);
    told.map(|other| {
        format!("`{}` has no period: it is taken to run only when no job wants the CPU", other.name)
    })
    .collect()
}

/// First fit on the machine's CPUs, for sets on several.
fn proposal(model: &Model) -> Option<BTreeMap<String, u16>> {
    if model.cpus < 2 {
        return None;
    }
    let discipline = model.discipline;
    let places = first_fit(&model.set, model.cpus, |part| passes(part, discipline))?;
    let names = model.set.tasks.iter().map(|task| task.name.clone());
    Some(names.zip(places.into_iter().map(number)).collect())
}

/// Whether one CPU's own test lets a set pass.
fn passes(part: &TaskSet, discipline: Discipline) -> bool {
    match discipline {
        Discipline::Edf => matches!(demand(part, &mut Budget::of(1_000_000)), Demand::Met { .. }),
        Discipline::Fixed(_) => (0..part.tasks.len()).all(|index| {
            matches!(response(part, index, &mut Budget::of(1_000_000)), Response::Bounded { miss: None, .. })
        }),
    }
}
