//! Whether a run has shown everything that can happen, and if not, why.

use crate::ids::CpuId;

use super::analyse::Run;
use super::horizon::{horizon, hyperperiod, must_last};
use super::model::{Model, Origins, Spread, constant};
use super::task::Task;

/// Whether the run has shown everything that can happen: then what, else why not.
pub(super) fn what_a_run_shows(
    model: &Model,
    doubts: &[Vec<String>],
    run: Option<&Run>,
) -> Result<String, String> {
    let Some(run) = run else { return Err("nothing was run".to_owned()) };
    if model.spread != Spread::Partitioned {
        return Err(
            "on several CPUs a shorter job can make another one later (Graham's anomalies)".to_owned()
        );
    }
    if !model.free {
        return Err("the kernel's own work doesn't repeat with the hyperperiod".to_owned());
    }
    if model.sporadic {
        return Err("jobs don't come as often as they might, and other times can be worse".to_owned());
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
    let is_done = |(task, origins): (&Task, &Origins)| {
        let ended = run.jobs.get(&task.name).map(|jobs| jobs.ended);
        origins.jobs.is_some() && origins.jobs == ended
    };
    let until = must_last(set, needed);
    if run.end < until && !set.tasks.iter().zip(&model.origins).all(is_done) {
        return Err(format!(
            "it ended at {}, and everything repeats only after {needed}: --until {until}",
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
