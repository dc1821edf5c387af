//! The tests of whole sets as lines of a report: what was compared with what, and what that says.

use crate::ids::CpuId;

use super::bounds::{global_edf, hyperbolic, hyperbolic_product, liu_layland, liu_layland_bound};
use super::demand::{Demand, demand};
use super::model::{Discipline, Model};
use super::report::{Line, number};
use super::response::{Response, response};
use super::task::{Budget, TaskSet};

const MET: &str = "passes: all deadlines are met";
const NOTHING: &str = "fails, which proves nothing";
const OBSTACLES: &str = "doesn't apply: tasks block each other, or the kernel's work takes time";

/// The tests of one CPU's tasks.
pub(super) fn of_cpu(model: &Model, cpu: CpuId) -> Vec<Line> {
    let part = model.set.on(cpu);
    if part.tasks.is_empty() {
        return Vec::new();
    }
    let line = |test, figures: String, says: &str| Line {
        cpu: Some(number(cpu)),
        test,
        figures,
        says: says.to_owned(),
    };
    let load = part.utilisation();
    let says = if load.is_at_most(1) { "not above 1" } else { "above 1: overload" };
    let mut lines = vec![line("utilisation", format!("{:.4}", load.approximate()), says)];
    match model.discipline {
        Discipline::Fixed(_) => {
            let count = part.tasks.len();
            let bound = format!("{:.4} <= {:.4}", load.approximate(), liu_layland_bound(count));
            let product = format!("{:.4} <= 2", hyperbolic_product(&part).approximate());
            match bars_bounds(&part) {
                Some(why) => {
                    lines.push(line("Liu and Layland's bound", String::new(), why));
                    lines.push(line("hyperbolic bound", String::new(), why));
                }
                None => {
                    let says = |passes| if passes { MET } else { NOTHING };
                    lines.push(line("Liu and Layland's bound", bound, says(liu_layland(&part))));
                    lines.push(line("hyperbolic bound", product, says(hyperbolic(&part))));
                }
            }
            lines.push(responses(&part, cpu));
        }
        Discipline::Edf => {
            let density = part.density();
            let figures = format!("{:.4} <= 1", density.approximate());
            let (test, fails) = if part.all_implicit() {
                ("utilisation of EDF", "fails: some deadline is missed")
            } else {
                ("density", NOTHING)
            };
            let passes = if density.is_at_most(1) { MET } else { fails };
            let plain = part.is_plain();
            let says = if plain { passes } else { OBSTACLES };
            lines.push(line(test, if plain { figures } else { String::new() }, says));
            let (figures, says) = match demand(&part, &mut Budget::default()) {
                Demand::Met { busy } => (format!("busy for {busy}"), MET.to_owned()),
                Demand::Exceeded(excess) => {
                    (format!("{} due within {}", excess.demand, excess.by), refusal(&part).to_owned())
                }
                Demand::Overload(_) => {
                    (String::new(), "doesn't converge: the utilisation is above 1".to_owned())
                }
                Demand::TooLong => (String::new(), "too much to compute".to_owned()),
            };
            lines.push(line("processor demand", figures, &says));
        }
    }
    lines
}

const fn refusal_text(exact: bool) -> &'static str {
    if exact { "fails: some deadline is missed" } else { NOTHING }
}

fn refusal(part: &TaskSet) -> &'static str {
    refusal_text(part.is_plain() && part.is_synchronous())
}

fn responses(part: &TaskSet, cpu: CpuId) -> Line {
    let all = (0..part.tasks.len()).map(|index| response(part, index, &mut Budget::default()));
    let passed = all.filter(|response| matches!(response, Response::Bounded { miss: None, .. })).count();
    let says = if passed == part.tasks.len() { MET } else { refusal(part) };
    Line {
        cpu: Some(number(cpu)),
        test: "response times",
        figures: format!("{passed} of {} within their deadlines", part.tasks.len()),
        says: says.to_owned(),
    }
}

/// Why the bounds of rate-monotonic priorities say nothing about a set.
fn bars_bounds(part: &TaskSet) -> Option<&'static str> {
    let rate_monotonic = |one: usize, other: usize| {
        let (one, other) = (&part.tasks[one], &part.tasks[other]);
        one.period >= other.period || one.priority >= other.priority
    };
    let count = part.tasks.len();
    if !part.is_plain() {
        Some(OBSTACLES)
    } else if !part.all_implicit() {
        Some("doesn't apply: not every deadline is the period")
    } else if !(0..count).all(|one| (0..count).all(|other| rate_monotonic(one, other))) {
        Some("doesn't apply: the priorities aren't rate-monotonic")
    } else {
        None
    }
}

/// The tests of all CPUs together.
pub(super) fn of_all(model: &Model) -> Vec<Line> {
    let (set, cpus) = (&model.set, model.cpus);
    let load = set.utilisation();
    let line = |test, figures: String, says: &str| Line { cpu: None, test, figures, says: says.to_owned() };
    let fits = load.is_at_most(u64::from(cpus));
    let says = if fits { "not above the number of CPUs" } else { "above the number of CPUs: overload" };
    let mut lines = vec![line("utilisation", format!("{:.4} on {cpus} CPUs", load.approximate()), says)];
    if model.discipline == Discipline::Edf {
        let densest = set
            .tasks
            .iter()
            .map(|task| task.wcet.as_nanos() as f64 / task.deadline.min(task.period).as_nanos() as f64);
        let densest = densest.fold(0.0, f64::max);
        let bound = f64::from(cpus) - f64::from(cpus - 1) * densest;
        let figures = format!("{:.4} <= {bound:.4}", set.density().approximate());
        let says = if global_edf(set, cpus) {
            "passes: all deadlines are met with one queue for all CPUs"
        } else {
            NOTHING
        };
        lines.push(line("bound of global EDF", figures, says));
    }
    lines
}
