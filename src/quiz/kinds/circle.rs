//! Who is in the circle of a deadlock, and what does each of those wait for?

use std::collections::BTreeSet;

use crate::analysis::naming::printable;
use crate::random::Stream;
use crate::sim::{Deadlock, Outcome};

use crate::quiz::observed::{Run, at};
use crate::quiz::question::{Answer, Place, Question, code, list, shuffle};

use super::{KindRow, Look};

pub const ROW: KindRow = KindRow {
    name: "circle",
    summary: "Who is in the deadlock's circle, and what does each wait for?",
    doc: "In the wait-for graph an arrow leads from whoever waits to whoever could help. A circle is a deadlock; others \
          may wait for its members and are stuck as well, but aren't part of it.",
    needs: "a deadlock",
    look: Look::Tables,
    places,
    ask,
};

fn places(run: &Run<'_>) -> Vec<Place> {
    let Some(deadlock) = report(run) else { return Vec::new() };
    let waiters = deadlock.waiters.len().min(20);
    let circle = (!deadlock.cycle.is_empty() && deadlock.waiters.len() > 1).then_some(Place::Run);
    circle.into_iter().chain((0..waiters).map(Place::Entry)).collect()
}

fn report<'r>(run: &'r Run<'_>) -> Option<&'r Deadlock> {
    let is_deadlock = matches!(run.trace.outcome, Outcome::Deadlock { .. });
    run.deadlock.as_ref().filter(|_| is_deadlock)
}

fn ask(run: &Run<'_>, place: Place, stream: &mut Stream) -> Option<Question> {
    let deadlock = report(run)?;
    let (text, answer) = match place {
        Place::Run => members(run, deadlock, stream)?,
        Place::Entry(number) => waits(deadlock, number, stream)?,
        _ => return None,
    };
    Some(Question {
        kind: ROW.name,
        place,
        moment: None,
        text,
        state: Vec::new(),
        answer,
        reason: explain(run, deadlock),
    })
}

/// Exactly those in a circle.
fn members(run: &Run<'_>, deadlock: &Deadlock, stream: &mut Stream) -> Option<(String, Answer)> {
    let shown = |names: &BTreeSet<String>| list(&names.iter().map(|name| code(name)).collect::<Vec<_>>());
    let right: BTreeSet<String> =
        deadlock.waiters.iter().filter(|waiter| waiter.in_cycle).map(|waiter| waiter.name.clone()).collect();
    let everybody: BTreeSet<String> = run.people().map(|thread| thread.name.clone()).collect();
    let mut sets: Vec<BTreeSet<String>> = Vec::new();
    for name in &everybody {
        let mut other = right.clone();
        if !other.remove(name) {
            other.insert(name.clone());
        }
        sets.extend((!other.is_empty()).then_some(other));
    }
    shuffle(&mut sets, stream);
    sets.insert(0, everybody);
    let mut wrong: Vec<String> = sets.iter().map(shown).collect();
    wrong.push("nobody: no circle, only waiting for something that never comes".to_owned());
    let answer = Answer::choice(shown(&right), wrong, stream)?;
    Some((
        "The run ends in a deadlock. Who is in a circle of those that wait for one another?".to_owned(),
        answer,
    ))
}

fn waits(deadlock: &Deadlock, number: usize, stream: &mut Stream) -> Option<(String, Answer)> {
    let waiter = deadlock.waiters.get(number)?;
    if deadlock.waiters.iter().filter(|other| other.name == waiter.name).count() > 1 {
        return None;
    }
    let mut wrong: Vec<String> = deadlock.waiters.iter().map(|other| marked(&other.waits_for)).collect();
    shuffle(&mut wrong, stream);
    wrong.push("nothing: it has ended".to_owned());
    wrong.push("its turn on the CPU".to_owned());
    let answer = Answer::choice(marked(&waiter.waits_for), wrong, stream)?;
    Some((format!("The run ends in a deadlock. What does {} wait for?", code(&waiter.name)), answer))
}

/// Who waits for what, and the circle.
pub fn explain(run: &Run<'_>, deadlock: &Deadlock) -> String {
    let each: Vec<String> = deadlock
        .waiters
        .iter()
        .take(6)
        .map(|waiter| {
            let line = waiter.line.map(|line| format!(" (line {line})")).unwrap_or_default();
            format!("{} waits for {}{line}", code(&waiter.name), marked(&waiter.waits_for))
        })
        .collect();
    let circle = match deadlock.cycle.first() {
        Some(first) => {
            let names: Vec<String> = deadlock.cycle.iter().chain([first]).map(|name| code(name)).collect();
            format!(" The circle is {}.", names.join(" -> "))
        }
        None => " There is no circle: what they wait for can't come any more.".to_owned(),
    };
    format!("At {} {}.{circle}", at(run.trace.end), list(&each))
}

/// The simulator's words, whose names are between backticks.
pub fn marked(words: &str) -> String {
    let mut text = String::new();
    for (number, piece) in words.split('`').enumerate() {
        match number % 2 {
            0 => text.push_str(&printable(piece)),
            _ => text.push_str(&code(piece)),
        }
    }
    text
}
