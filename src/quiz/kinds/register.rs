//! What does the interrupt register hold? Which lines are pending at a CPU at one moment.

use std::collections::BTreeSet;

use crate::hw::device::Trigger;
use crate::ids::{CpuId, Vector};
use crate::random::Stream;
use crate::trace::Kind;

use crate::quiz::board::Board;
use crate::quiz::observed::{Run, at};
use crate::quiz::question::{Answer, Moment, Place, Question, StateLine, list, shuffle};

use super::{KindRow, Look};

pub const ROW: KindRow = KindRow {
    name: "register",
    summary: "Which lines are pending in the interrupt register?",
    doc: "A line is pending from the moment at which its device asserts it until the CPU takes it: when interrupts \
          aren't masked, and no handler of the same or a higher priority runs. Two edges of a line are one bit.",
    needs: "an interrupt that waits, and no level-triggered device",
    look: Look::Moment,
    places,
    ask,
};

/// Moments after which something is pending. Level-triggered lines stay pending for as long as their device
/// wants, which the trace doesn't tell.
fn places(run: &Run<'_>) -> Vec<Place> {
    let devices = &run.scenario.image.machine.devices;
    if devices.iter().any(|device| device.line.trigger == Trigger::Level) {
        return Vec::new();
    }
    let mut board = Board::default();
    let mut found = Vec::new();
    for (number, event) in run.events().iter().enumerate() {
        board.event(event);
        // Between two instants everything has happened that happens at the first one.
        let is_last = run.events().get(number + 1).is_some_and(|next| next.at > event.at);
        if is_last && board.pending.values().any(|lines| !lines.is_empty()) {
            found.push(Place::Event(number));
        }
    }
    found
}

fn shown(run: &Run<'_>, lines: &BTreeSet<Vector>) -> String {
    match lines.len() {
        0 => "none".to_owned(),
        // The highest priority first, as in the register.
        _ => list(&lines.iter().rev().map(|&vector| run.vector(vector)).collect::<Vec<_>>()),
    }
}

fn ask(run: &Run<'_>, place: Place, stream: &mut Stream) -> Option<Question> {
    let Place::Event(number) = place else { return None };
    let board = Board::after(run, number + 1);
    let (&cpu, pending) = board.pending.iter().find(|(_, lines)| !lines.is_empty())?;
    let now = run.events()[number].at;
    // Lines that have been asserted at this CPU at some time are those that one may think of.
    let mut known: BTreeSet<Vector> = run
        .events()
        .iter()
        .filter_map(|event| match event.kind {
            Kind::InterruptRaised { vector, to } if to == cpu => Some(vector),
            _ => None,
        })
        .collect();
    known.extend(run.trace.header.vectors.iter().map(|entry| entry.vector));
    let mut wrong: Vec<String> = Vec::new();
    for &vector in &known {
        let mut other = pending.clone();
        if !other.remove(&vector) {
            other.insert(vector);
        }
        wrong.push(shown(run, &other));
        wrong.push(shown(run, &BTreeSet::from([vector])));
    }
    shuffle(&mut wrong, stream);
    wrong.insert(0, shown(run, &BTreeSet::new()));
    let answer = Answer::choice(shown(run, pending), wrong, stream)?;
    let which = if run.trace.header.cpus > 1 { format!(" of CPU {cpu}") } else { String::new() };
    Some(Question {
        kind: ROW.name,
        place,
        moment: Some(Moment { events: number + 1, at: now }),
        text: format!(
            "At {}, when all that happens at that instant has happened, which lines are pending in the interrupt \
             register{which}?",
            at(now)
        ),
        state: handlers(run, &board, cpu),
        answer,
        reason: reason(run, number, cpu, pending, &board),
    })
}

/// What the CPU is doing.
pub fn handlers(run: &Run<'_>, board: &Board, cpu: CpuId) -> Vec<StateLine> {
    let line = |state: &str, detail: String| StateLine {
        who: format!("CPU {cpu}"),
        state: state.to_owned(),
        detail,
    };
    let inside = board.handlers.get(&cpu).map_or(&[][..], Vec::as_slice);
    let names: Vec<String> = inside
        .iter()
        .map(|handler| {
            handler.map_or_else(|| "a handler of the kernel's own".to_owned(), |vector| run.vector(vector))
        })
        .collect();
    match names.is_empty() {
        true => vec![line("no handler", "runs".to_owned())],
        false => {
            vec![line("in the handler", format!("of {}", names.join(", and in the middle of that of ")))]
        }
    }
}

/// When each was asserted, and what holds it off.
fn reason(run: &Run<'_>, number: usize, cpu: CpuId, pending: &BTreeSet<Vector>, board: &Board) -> String {
    let raised = |vector: Vector| {
        run.events()[..=number].iter().rev().find(|event| {
            matches!(event.kind, Kind::InterruptRaised { vector: raised, to } if raised == vector && to == cpu)
        })
    };
    let each = pending.iter().rev().filter_map(|&vector| {
        Some(format!("{} was asserted at {}", run.vector(vector), at(raised(vector)?.at)))
    });
    let each: Vec<String> = each.collect();
    let busy = board.handlers.get(&cpu).is_some_and(|inside| !inside.is_empty());
    let why = match busy {
        true => "a handler runs, into which only a higher line may come that isn't masked",
        false => "it looks between two instructions, and not while interrupts are masked",
    };
    format!("{}, and the CPU hasn't taken it yet: {why}.", list(&each))
}
