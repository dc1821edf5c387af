//! What a report knows of a trace beside events and spans: its header, how it ended, and its sums.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::analysis::{Lanes, Statistics, Summary};
use crate::ids::CallId;
use crate::time::Span;
use crate::trace::Header;

use super::Ending;

/// The most rows of a table that grows with the number of processes.
const MOST_ROWS: usize = 1_000;

/// Everything that can be said before the first event.
pub fn about(header: &Header, summary: &Summary, lanes: &Lanes, ending: &Ending) -> Json {
    let footer = &ending.footer;
    json!({
        "scenario": header.scenario,
        "question": header.question,
        "source": header.source,
        "seed": header.seed.to_string(),
        "costs": header.costs,
        "fingerprint": header.fingerprint,
        "tool": header.tool_version,
        "observes": header.observes,
        "from": lanes.from,
        "to": lanes.to,
        "end": footer.end,
        "outcome": { "how": footer.outcome.name(), "text": footer.outcome.text() },
        "lost": footer.lost,
        "damage": ending.damage,
        // A damaged trace doesn't say how many there were.
        "all-events": summary.totals.events.values().sum::<u64>(),
        "calls": header.calls,
        "steps": header.steps,
        "objects": header.objects,
        "vectors": header.vectors,
        "programs": header.programs,
        "summary": sums(summary),
        "calls-made": calls(lanes),
        "threads": threads(summary),
    })
}

/// The sums that the page has tables of. With many processes, the first ones: nobody reads further.
fn sums(summary: &Summary) -> Json {
    let few = summary.processes.get(..MOST_ROWS).unwrap_or(&summary.processes);
    json!({
        "wall": summary.wall,
        "processes": few,
        "all-processes": summary.processes.len(),
        "cpus": summary.cpus,
        "vectors": summary.vectors,
        "objects": summary.objects,
    })
}

/// What schedulers are judged by, of each thread.
fn threads(summary: &Summary) -> Json {
    let mut statistics = Statistics::of(summary);
    statistics.threads.truncate(MOST_ROWS);
    statistics.json()["threads"].take()
}

/// How often each call was made in the window, and how long all of them took.
fn calls(lanes: &Lanes) -> Json {
    let mut calls: BTreeMap<CallId, (u64, Span)> = BTreeMap::new();
    for used in &lanes.calls {
        let sum = calls.entry(used.call).or_default();
        sum.0 += used.count;
        sum.1 += used.elapsed;
    }
    calls.into_iter().map(|(call, (count, elapsed))| json!([call, count, elapsed])).collect()
}
