//! Compares a run on a real kernel with its scenario's `[expect]`.
//!
//! What depends on the machine, and on who comes first there, isn't judged: times, switches,
//! wake-ups, faults, interrupts, contention. What the programs did is: values, statuses, output,
//! and how often they called, forked and sent. `[expect.real]` says what else is free.

use std::collections::BTreeMap;

use trapline::ids::Tid;
use trapline::program::instruction::Instruction;
use trapline::program::syscall::Syscall;
use trapline::program::{Image, native::Row};
use trapline::real::Measured;
use trapline::scenario::Expect;
use trapline::trace::Outcome;

use super::digest::Digest;
use super::judge::{self, Mismatch, bears, list, mismatch};

/// The kinds whose number is the programs' own doing.
const JUDGED: &[&str] = &[
    "lock_acquired",
    "lock_released",
    "message_receive",
    "message_send",
    "print",
    "process_exec",
    "process_exit",
    "process_fork",
    "sys_enter",
    "sys_exit",
];
/// Those whose number depends on who comes first if there are locks: a free one needs no call.
const CALLS: &[&str] = &["sys_enter", "sys_exit"];

/// In what a run isn't as its scenario expects, and what of that wasn't judged.
pub struct Judgement {
    pub mismatches: Vec<Mismatch>,
    pub not_judged: Vec<String>,
}

pub fn judge(expect: &Expect, image: &Image, measured: &Measured, digest: &Digest) -> Judgement {
    let mut found = Vec::new();
    let ended = &digest.footer.outcome;
    judge::laws(digest, &mut found);
    if let Some(mismatch) = judge::outcome(expect, ended) {
        if expect.real.outcomes.iter().any(|outcome| outcome.name() == ended.name()) {
            let not_judged = vec![format!("all but its end, which is the other one: {}", ended.name())];
            return Judgement { mismatches: found, not_judged };
        }
        found.push(mismatch);
    }
    let mut not_judged = Vec::new();
    not_judged.extend(expect.end.is_some().then(|| "end".to_owned()));
    let statistics = !expect.statistics.is_empty() || !expect.processes.is_empty();
    not_judged.extend(statistics.then(|| "statistics".to_owned()));
    deadlocked(expect, image, measured, &mut found);
    if free(expect, "output") {
        not_judged.push("output".to_owned());
    } else {
        judge::output(expect, expect.any_order || expect.real.any_order, digest, &mut found);
    }
    let counts = judged(expect, &expect.count, &mut not_judged, |kind| {
        let ended_by_the_run = kind == "process_exit" && *ended != Outcome::Finished;
        JUDGED.contains(&kind) && !ended_by_the_run && !(CALLS.contains(&kind) && has_locks(image))
    });
    judge::counts(&counts, digest, &mut found);
    let values = judged(expect, &expect.values, &mut not_judged, |_| true);
    judge::values(&values, image, &measured.arrays, &mut found);
    let exits = judged(expect, &expect.exit, &mut not_judged, |_| true);
    judge::exits(&exits, digest, &mut found);
    Judgement { mismatches: found, not_judged }
}

fn free(expect: &Expect, name: &str) -> bool {
    expect.real.free.contains(name)
}

/// Those entries that are judged; the names of the others are noted.
fn judged<T: Copy>(
    expect: &Expect,
    entries: &BTreeMap<String, T>,
    not_judged: &mut Vec<String>,
    can_be: impl Fn(&str) -> bool,
) -> BTreeMap<String, T> {
    let mut kept = BTreeMap::new();
    for (name, value) in entries {
        if can_be(name) && !free(expect, name) {
            kept.insert(name.clone(), *value);
        } else {
            not_judged.push(name.clone());
        }
    }
    kept
}

fn has_locks(image: &Image) -> bool {
    let mut code = image.programs.iter().flat_map(|program| program.code.iter());
    code.any(|instruction| {
        let Instruction::Syscall { call, .. } = instruction else { return false };
        matches!(call, Syscall::FutexWait(_) | Syscall::FutexWake(_))
    })
}

/// Who waited at the end is all that can be told here: the guardian had to end those.
fn deadlocked(expect: &Expect, image: &Image, measured: &Measured, found: &mut Vec<Mismatch>) {
    let Some(expected) = &expect.deadlocked else { return };
    let living = |row: &&Row| row.process.leader() == row.task && row.task > Tid::INIT && row.ended == ENDED;
    let waiting: Vec<String> =
        measured.rows.iter().filter(living).map(|row| row.origin.name(image)).collect();
    if !expected.iter().all(|name| waiting.iter().any(|actual| bears(actual, name))) {
        found.push(mismatch("deadlocked", list(expected.iter()), list(waiting.iter())));
    }
}

/// The status of a process that the guardian ended: 128 and SIGKILL's number.
const ENDED: Option<u16> = Some(137);
