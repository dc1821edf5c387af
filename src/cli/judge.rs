//! Compares a run with its scenario's `[expect]`.
//!
//! Everything but the values of shared cells comes from the trace. A name without a number stands
//! for all that bear it: `worker` for `worker[0]`, `worker[1]` and so on.

use std::collections::{BTreeMap, BTreeSet};

use trapline::analysis::naming::base;
use trapline::program::Image;
use trapline::scenario::{Bound, Expect, Number};
use trapline::sim::{Deadlock, Outcome};
use trapline::time::Instant;
use trapline::trace::kinds::KINDS;

use super::digest::Digest;
use super::judge_statistics;
use super::simulate::Run;

/// Something that isn't as it should be.
#[derive(Debug, PartialEq, Eq)]
pub struct Mismatch {
    pub what: String,
    pub expected: String,
    pub actual: String,
}

/// Everything in which a run isn't as its scenario expects.
pub fn judge(expect: &Expect, image: &Image, run: &Run, digest: &Digest) -> Vec<Mismatch> {
    let mut found = Vec::new();
    found.extend(outcome(expect, &digest.footer.outcome));
    deadlocked(expect, run.deadlock.as_ref(), &mut found);
    output(expect, expect.any_order, digest, &mut found);
    counts(&expect.count, digest, &mut found);
    end(expect, digest.footer.end, &mut found);
    values(&expect.values, image, &run.arrays, &mut found);
    exits(&expect.exit, digest, &mut found);
    judge_statistics::judge(expect, &digest.summary, &mut found);
    laws(digest, &mut found);
    found
}

pub(super) fn mismatch(
    what: impl Into<String>,
    expected: impl Into<String>,
    actual: impl Into<String>,
) -> Mismatch {
    Mismatch { what: what.into(), expected: expected.into(), actual: actual.into() }
}

/// A scenario that doesn't say how it ends must end well, unless it says who deadlocks.
pub(super) fn outcome(expect: &Expect, outcome: &Outcome) -> Option<Mismatch> {
    let expected = match (expect.outcome, &expect.deadlocked) {
        (Some(expected), _) => expected.name(),
        (None, Some(names)) if !names.is_empty() => "deadlock",
        (None, _) if matches!(outcome, Outcome::Finished | Outcome::Limit) => return None,
        (None, _) => "finished",
    };
    (expected != outcome.name()).then(|| {
        let text = outcome.text().map(|text| format!(": {text}")).unwrap_or_default();
        mismatch("outcome", expected, format!("{}{text}", outcome.name()))
    })
}

/// Those in a circle are the deadlock; who only waits for one of them isn't part of it.
fn deadlocked(expect: &Expect, deadlock: Option<&Deadlock>, found: &mut Vec<Mismatch>) {
    let Some(expected) = &expect.deadlocked else { return };
    let waiters = deadlock.map_or(&[][..], |deadlock| &deadlock.waiters);
    let any_cycle = waiters.iter().any(|waiter| waiter.in_cycle);
    let part_of_it = waiters.iter().filter(|waiter| waiter.in_cycle || !any_cycle);
    let actual: BTreeSet<&str> = part_of_it.map(|waiter| waiter.name.as_str()).collect();
    let all_expected = actual.iter().all(|name| expected.contains(*name) || expected.contains(base(name)));
    let all_there = expected.iter().all(|name| actual.iter().any(|actual| bears(actual, name)));
    if !(all_expected && all_there) {
        found.push(mismatch("deadlocked", list(expected.iter()), list(actual.iter())));
    }
}

/// Whether a thread called `actual` is meant by `name`.
pub(super) fn bears(actual: &str, name: &str) -> bool {
    actual == name || base(actual) == name
}

pub(super) fn list<T: AsRef<str>>(names: impl Iterator<Item = T>) -> String {
    let names: Vec<String> = names.map(|name| name.as_ref().to_owned()).collect();
    if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
}

pub(super) fn output(expect: &Expect, any_order: bool, digest: &Digest, found: &mut Vec<Mismatch>) {
    let Some(expected) = &expect.output else { return };
    let dropped = digest.summary.prints_dropped;
    let actual: Vec<&str> = digest.summary.prints.iter().map(|line| line.text.as_str()).collect();
    if dropped > 0 {
        let actual = format!("{} lines", actual.len() as u64 + dropped);
        found.push(mismatch("output", format!("{} lines", expected.len()), actual));
    } else if any_order {
        lines_in_any_order(expected, &actual, found);
    } else {
        lines_in_order(expected, &actual, found);
    }
}

fn lines_in_order(expected: &[String], actual: &[&str], found: &mut Vec<Mismatch>) {
    for number in 0..expected.len().max(actual.len()) {
        let (expected, actual) = (expected.get(number), actual.get(number));
        if expected.map(String::as_str) != actual.copied() {
            let shown = |line: Option<&str>| line.map_or("no line".to_owned(), |line| format!("{line:?}"));
            let what = format!("output, line {}", number + 1);
            found.push(mismatch(what, shown(expected.map(String::as_str)), shown(actual.copied())));
            // What follows is most likely the same lines, moved.
            return;
        }
    }
}

fn lines_in_any_order(expected: &[String], actual: &[&str], found: &mut Vec<Mismatch>) {
    let mut surplus: BTreeMap<&str, i64> = BTreeMap::new();
    for line in expected {
        *surplus.entry(line).or_default() -= 1;
    }
    for line in actual {
        *surplus.entry(line).or_default() += 1;
    }
    for (line, surplus) in surplus.into_iter().filter(|(_, surplus)| *surplus != 0) {
        let times = |lines: usize| format!("{line:?} {}", times(lines as u64));
        let expected = expected.iter().filter(|expected| *expected == line).count();
        let actual = expected.saturating_add_signed(surplus as isize);
        found.push(mismatch("output", times(expected), times(actual)));
    }
}

fn times(number: u64) -> String {
    match number {
        0 => "not at all".to_owned(),
        1 => "once".to_owned(),
        _ => format!("{number} times"),
    }
}

pub(super) fn counts(expected: &BTreeMap<String, Bound>, digest: &Digest, found: &mut Vec<Mismatch>) {
    for (kind, bound) in expected {
        if !KINDS.iter().any(|row| row.name == kind) {
            let actual = "no such kind: `trapline explain` lists them";
            found.push(mismatch(
                format!("count of {kind}"),
                within(*bound, &|number| number.to_string()),
                actual,
            ));
            continue;
        }
        let actual = digest.summary.totals.events.get(kind.as_str()).copied().unwrap_or(0);
        if !bound.contains(actual) {
            let expected = within(*bound, &|number| number.to_string());
            found.push(mismatch(format!("count of {kind}"), expected, actual.to_string()));
        }
    }
}

fn end(expect: &Expect, actual: Instant, found: &mut Vec<Mismatch>) {
    let time = |nanos: u64| Instant::from_nanos(nanos).to_string();
    if let Some(bound) = expect.end.filter(|bound| !bound.contains(actual.as_nanos())) {
        found.push(mismatch("end", within(bound, &time), actual.to_string()));
    }
}

pub(super) fn within(bound: Bound, shown: &dyn Fn(u64) -> String) -> String {
    match (bound.min, bound.max) {
        (Some(min), Some(max)) if min == max => shown(min),
        (Some(min), Some(max)) => format!("{} to {}", shown(min), shown(max)),
        (Some(min), None) => format!("at least {}", shown(min)),
        (None, Some(max)) => format!("at most {}", shown(max)),
        (None, None) => "any".to_owned(),
    }
}

pub(super) fn values<A: AsRef<[i64]>>(
    expected: &BTreeMap<String, Number>,
    image: &Image,
    arrays: &[A],
    found: &mut Vec<Mismatch>,
) {
    for (name, expected) in expected {
        let (array, index) = match name.strip_suffix(']').and_then(|name| name.rsplit_once('[')) {
            Some((array, index)) => (array, index.parse::<usize>().ok()),
            None => (name.as_str(), Some(0)),
        };
        let at = image.arrays.iter().position(|spec| spec.name == array);
        let array = at.and_then(|at| Some((image.arrays[at].width, arrays.get(at)?)));
        let value =
            array.zip(index).and_then(|((width, array), index)| Some((width, *array.as_ref().get(index)?)));
        if value.is_none_or(|(width, held)| !expected.is_held(width, held)) {
            let actual = value.map_or("no such cell".to_owned(), |(width, held)| width.shown(held));
            found.push(mismatch(name, expected.to_string(), actual));
        }
    }
}

pub(super) fn exits(expected: &BTreeMap<String, i64>, digest: &Digest, found: &mut Vec<Mismatch>) {
    for (name, expected) in expected {
        let processes = digest.summary.threads.iter();
        let processes = processes.filter(|thread| thread.task == thread.process.leader());
        let mut none = true;
        for process in processes.filter(|process| bears(&process.name, name)) {
            none = false;
            if process.status.map(i64::from) != Some(*expected) {
                let actual = process.status.map_or("hasn't ended".to_owned(), |status| status.to_string());
                found.push(mismatch(format!("exit of {}", process.name), expected.to_string(), actual));
            }
        }
        if none {
            found.push(mismatch(format!("exit of {name}"), expected.to_string(), "never existed"));
        }
    }
}

pub(super) fn laws(digest: &Digest, found: &mut Vec<Mismatch>) {
    /// The rest is most likely a consequence of these.
    const SHOWN: usize = 3;
    let violations =
        digest.violations.iter().map(|violation| (format!("{:?}", violation.law), violation.to_string()));
    let broken = digest.broken.iter().map(|broken| ("sums".to_owned(), broken.to_string()));
    let lost = (digest.footer.lost > 0).then(|| ("events lost".to_owned(), digest.footer.lost.to_string()));
    let damage = digest.damage.iter().map(|damage| ("file".to_owned(), damage.to_string()));
    for (law, actual) in violations.chain(broken).chain(lost).chain(damage).take(SHOWN) {
        found.push(mismatch(format!("laws of traces: {law}"), "kept", actual));
    }
}
