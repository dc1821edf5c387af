//! The part of both runs that a picture of the two shows: all of it if that isn't much, else some
//! rounds from the middle. Both sides begin at the same call of the same step.

use std::collections::BTreeMap;

use crate::analysis::LanesBuilder;
use crate::analysis::lanes::{Lanes, ThreadLane, ThreadSpan};
use crate::analysis::state::{ThreadState, Work};
use crate::ids::{NameId, Tid};
use crate::time::{Instant, Span};
use crate::trace::{Kind, Trace};

use super::facts::{Facts, Names, StepKey};
use super::view::observes;

/// A run with at most so many calls is shown as a whole.
const FEW: usize = 80;
/// So many calls are shown of a longer one.
const SHOWN: usize = 26;

/// What is shown of each side, and which part that is, in words.
#[derive(Clone, Debug)]
pub struct Windows {
    pub lanes: [Lanes; 2],
    pub words: String,
}

impl Windows {
    pub fn new(one: &Trace, other: &Trace) -> Windows {
        let crossings = [crossings(one), crossings(other)];
        let (starts, length, words) = match anchor(&crossings) {
            Some((key, middle, rounds)) => {
                let at = |side: usize, number: usize| crossings[side].1[&key][number];
                let starts = [0, 1].map(|side| at(side, middle));
                let lengths = [0, 1].map(|side| at(side, middle + rounds).since(starts[side]));
                let words = format!("from {}’s call number {} of {} on", key.task, middle + 1, key.at());
                (starts, lengths[0].max(lengths[1]), words)
            }
            None => {
                let walls = [one, other].map(|trace| Facts::of(trace).wall);
                ([Instant::START; 2], walls[0].max(walls[1]), "the whole run".to_owned())
            }
        };
        let length = length.max(Span::from_nanos(1));
        Windows {
            lanes: [(one, starts[0]), (other, starts[1])].map(|(trace, from)| lanes(trace, from, length)),
            words,
        }
    }
}

/// How many calls there are, and when each began, by step.
fn crossings(trace: &Trace) -> (usize, BTreeMap<StepKey, Vec<Instant>>) {
    let names = Names::new(trace);
    let (mut all, mut by_step) = (0, BTreeMap::new());
    for event in &trace.events {
        if let Kind::SysEnter { call } = event.kind {
            all += 1;
            let of_step: &mut Vec<Instant> =
                by_step.entry(names.step(event.task, event.step, call)).or_default();
            of_step.push(event.at);
        }
    }
    (all, by_step)
}

/// The call to begin with, which of them, and how many more are shown; nothing if all can be.
fn anchor(crossings: &[(usize, BTreeMap<StepKey, Vec<Instant>>); 2]) -> Option<(StepKey, usize, usize)> {
    let [(one, ours), (other, theirs)] = crossings;
    let all = *one.max(other);
    if all <= FEW {
        return None;
    }
    let both = ours.iter().filter_map(|(key, times)| Some((key, times.len().min(theirs.get(key)?.len()))));
    let (key, count) = both.max_by_key(|&(key, count)| (count, std::cmp::Reverse(key)))?;
    let rounds = (SHOWN * count / all).max(1);
    let middle = (count / 2).checked_sub(rounds)?;
    Some((key.clone(), middle, rounds))
}

/// What is to be seen from `from` on, for so long.
fn lanes(trace: &Trace, from: Instant, length: Span) -> Lanes {
    let to = from + length;
    let mut lanes = if observes(&trace.header, "sched_switch") {
        let mut builder = LanesBuilder::new(&trace.header).window(from, to);
        for entry in &trace.tasks {
            builder.task(entry.task, entry.process, entry.parent, &entry.name);
        }
        for (number, name) in trace.names.iter().enumerate() {
            builder.name(NameId::from(number), name);
        }
        trace.events.iter().for_each(|event| builder.event(event));
        builder.finish(trace.end)
    } else {
        called(trace, from, to)
    };
    // Both sides have an axis of the same length, also beyond the end of the shorter.
    (lanes.from, lanes.to) = (from, to);
    lanes
}

/// Without switches all that is known of a thread is whether it is in a call.
fn called(trace: &Trace, from: Instant, to: Instant) -> Lanes {
    let mut threads: BTreeMap<Tid, ThreadLane> = BTreeMap::new();
    let mut since: BTreeMap<Tid, (Instant, ThreadState)> = BTreeMap::new();
    for entry in &trace.tasks {
        threads.insert(
            entry.task,
            ThreadLane {
                task: entry.task,
                process: entry.process,
                parent: entry.parent,
                name: entry.name.clone(),
                start: Some(entry.start),
                end: None,
                spans: Vec::new(),
            },
        );
    }
    for event in &trace.events {
        let state = match event.kind {
            Kind::SysEnter { call } => Some(ThreadState::Kernel(Work::Call(call))),
            Kind::SysExit { .. } => Some(ThreadState::User),
            Kind::ProcessExit { .. } => None,
            _ => continue,
        };
        let Some(lane) = threads.get_mut(&event.task) else { continue };
        let before = since.remove(&event.task).unwrap_or((lane.start.unwrap_or_default(), ThreadState::User));
        let (begin, end) = (before.0.max(from), event.at.min(to));
        if begin < end {
            lane.spans.push(ThreadSpan { from: begin, to: end, state: before.1, cpu: None });
        }
        match state {
            Some(state) => drop(since.insert(event.task, (event.at, state))),
            None => lane.end = Some(event.at),
        }
    }
    Lanes { from, to, threads: threads.into_values().collect(), ..Lanes::default() }
}
