//! `[run]` and `[sweep]`: the bounds of a run, and what to vary between runs.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use crate::program::at::{At, Time, Whole};
use crate::program::image::RunSpec;
use crate::program::problem::{Code, Problem, Problems};
use crate::program::reading::kind;
use crate::time::{Instant, Span};

use super::table::{raw_time, single, whole};

/// A run that nothing else ends is over after an hour of simulated time.
pub const DEFAULT_UNTIL: Instant = Instant::from_nanos(3_600_000_000_000);

/// `[run]`: seed and end.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RunForm {
    /// From which all random numbers come; 1 if absent.
    pub seed: Option<At<Whole>>,
    /// When the run ends at the latest, in simulated time; an hour if absent.
    pub until: Option<At<Time>>,
    /// Why the scenario can't run on a real kernel; `trapline test --real` leaves it out then.
    pub simulated_only: Option<String>,
}

/// Reads `[run]`; gives as well why the scenario can't run on a real kernel, if it says so.
pub fn read(root: &DeTable<'_>, instruction: Span, problems: &mut Problems) -> (RunSpec, Option<String>) {
    let form: RunForm = single(root, "run", problems);
    let seed = form.seed.as_ref();
    let seed = seed.and_then(|at| whole(at, "a seed", 0..=i128::from(u64::MAX), problems));
    let until = form.until.as_ref();
    let until = until.and_then(|at| {
        let until = raw_time(&at.value.0, &at.span, instruction, problems)?;
        if until.is_zero() {
            let message = "a run without time can't show anything";
            problems.error(Code::OutOfRange, at.span.clone(), message);
        }
        Some(Instant::START + until)
    });
    let spec = RunSpec { seed: seed.unwrap_or(1), until: until.unwrap_or(DEFAULT_UNTIL) };
    (spec, form.simulated_only)
}

/// A parameter to vary: a dotted key of the scenario, and the values that it takes, each as TOML.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    pub key: String,
    pub values: Vec<String>,
}

/// Reads `[sweep]`: dotted keys with lists of values.
pub fn sweep(root: &DeTable<'_>, problems: &mut Problems) -> Vec<Sweep> {
    let mut sweeps = Vec::new();
    let Some(value) = root.get("sweep") else {
        return sweeps;
    };
    let DeValue::Table(table) = value.get_ref() else {
        let message = format!("`[sweep]` is a table, not {}", kind(value.get_ref()));
        problems.error(Code::WrongType, value.span(), message);
        return sweeps;
    };
    for (key, span, value) in crate::program::reading::in_order(table) {
        let DeValue::Array(items) = value.get_ref() else {
            let message = format!("`{key}` takes a list of values, not {}", kind(value.get_ref()));
            let problem = Problem::error(Code::Sweep, value.span(), message);
            problems.push(problem.help("for example \"kernel.scheduler.quantum\" = [\"1ms\", \"10ms\"]"));
            continue;
        };
        if items.is_empty() {
            let message = format!("`{key}` has no value to take");
            problems.error(Code::Sweep, span, message);
            continue;
        }
        let values: Vec<String> = items.iter().filter_map(|item| literal(item.get_ref())).collect();
        if values.len() < items.len() {
            let message = "a value to vary is a text, a number, or true or false";
            problems.error(Code::Sweep, value.span(), message);
        }
        sweeps.push(Sweep { key: key.to_owned(), values });
    }
    sweeps
}

/// A simple value as TOML writes it.
fn literal(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(toml::Value::String(text.to_string()).to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}
