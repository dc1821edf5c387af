//! What `[machine]` says of how fast its CPUs compute, and of their caches.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::kernel::speed::{CacheSpec, Speed};
use crate::program::at::{At, Time};
use crate::program::problem::{Code, Problem, Problems};
use crate::time::Span;

use super::machine::MachineForm;
use super::table::time;

/// `cache` in `[machine]`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CacheForm {
    /// A thread that comes to a CPU where its data aren't must compute so much until they are.
    pub warm_up: At<Time>,
    /// How fast it computes until then; 1.0 is full speed.
    pub cold_speed: At<f64>,
    /// When other threads have run on the CPU for so long, the data are gone; if absent, only when the
    /// thread runs on another CPU.
    pub keeps: Option<At<Time>>,
}

/// The speed of each CPU; none if all are at full speed.
pub(super) fn speeds(form: &MachineForm, cpus: u16, problems: &mut Problems) -> Vec<Speed> {
    let Some(at) = &form.speeds else { return Vec::new() };
    if at.value.len() != usize::from(cpus) {
        let message = format!("`speeds` has {} numbers, and the machine {cpus} CPUs", at.value.len());
        let problem = Problem::error(Code::OutOfRange, at.span.clone(), message);
        problems.push(problem.help("give one for each CPU"));
    }
    at.value.iter().filter_map(|at| speed(at, "a CPU's speed", problems)).collect()
}

pub(super) fn cache(form: &MachineForm, instruction: Span, problems: &mut Problems) -> Option<CacheSpec> {
    let form = &form.cache.as_ref()?.value;
    let warm_up = time(&form.warm_up, instruction, problems);
    let cold_speed = speed(&form.cold_speed, "`cold-speed`", problems);
    let keeps = form.keeps.as_ref().map(|at| time(at, instruction, problems));
    let keeps = match keeps {
        Some(None) => return None,
        Some(keeps) => keeps,
        None => None,
    };
    Some(CacheSpec { warm_up: warm_up?, cold_speed: cold_speed?, keeps })
}

fn speed(at: &At<f64>, what: &str, problems: &mut Problems) -> Option<Speed> {
    let speed = Speed::new(at.value);
    if speed.is_none() {
        let message = format!("{what} must be from 0.001 to 1000");
        let problem = Problem::error(Code::OutOfRange, at.span.clone(), message);
        problems.push(problem.help("1.0 is full speed, 0.5 takes twice as long"));
    }
    speed
}
