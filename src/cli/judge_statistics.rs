//! Compares a run's statistics with what its scenario's `[expect]` says of them.

use trapline::analysis::value::Value;
use trapline::analysis::{Statistics, Summary};
use trapline::scenario::{Bound, Expect};
use trapline::trace::statistics::{Figure, Unit};

use super::judge::{Mismatch, bears, mismatch, within};

/// A process without a number stands for all that bear its name, and a thread goes by its process.
pub fn judge(expect: &Expect, summary: &Summary, found: &mut Vec<Mismatch>) {
    if expect.statistics.is_empty() && expect.processes.is_empty() {
        return;
    }
    let statistics = Statistics::of(summary);
    for (name, &bound) in &expect.statistics {
        // The scenario's reader knows all names.
        let Some(figure) = Figure::by_name(name) else { continue };
        found.extend(outside(name, figure.row().unit, bound, statistics.figure(figure)));
    }
    for (process, bounds) in &expect.processes {
        let bears_it = |row: &&trapline::analysis::statistics::ThreadRow| {
            let thread = summary.threads.iter().find(|thread| thread.task == row.task);
            thread.is_some_and(|thread| bears(&thread.name, process))
        };
        let mut none = true;
        for row in statistics.threads.iter().filter(bears_it) {
            none = false;
            for (statistic, &bound) in bounds {
                let what = format!("{} of {}", statistic.row().name, row.name);
                found.extend(outside(&what, statistic.row().unit, bound, row.get(*statistic)));
            }
        }
        if none {
            found.push(mismatch(format!("statistics of {process}"), "a thread", "never existed"));
        }
    }
}

fn outside(what: &str, unit: Unit, bound: Bound, value: Option<Value>) -> Option<Mismatch> {
    if value.is_some_and(|value| bound.contains(value.whole())) {
        return None;
    }
    let shown = |whole| Value::of_whole(unit, whole);
    let actual = value.map_or_else(|| "it has none".to_owned(), |value| shown(value.whole()));
    Some(mismatch(what, within(bound, &shown), actual))
}
