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
use super::findings::{Finding, global, partitioned, passes};
use super::horizon::{horizon, hyperperiod};
use super::model::{Discipline, Model, Origins, Source, Spread};
use super::observed::Jobs;
use super::placement::first_fit;
use super::proof::what_a_run_shows;
use super::report::{Report, Row, Verdict, number};
use super::task::{Order, Unfit};
use super::tests_of_sets::{of_all, of_cpu};

/// What a run has shown, and until when it went.
#[derive(Clone, Debug)]
pub struct Run {
    pub jobs: BTreeMap<String, Jobs>,
    pub end: Instant,
}

/// Analyses a scenario's tasks, beside a run of them if there was one under the same policy.
pub fn analyse(image: &Image, policy: &str, mut model: Model, run: Option<&Run>) -> Result<Report, Unfit> {
    let mut notes = Vec::new();
    take_measured(&mut model, run, &mut notes);
    let blocked = blocking(image, &model);
    for (task, blocked) in model.set.tasks.iter_mut().zip(&blocked) {
        task.blocking += blocked.clone().unwrap_or(Span::ZERO);
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
