//! Which interrupt is served first? Several lines are pending, and the CPU takes one.

use crate::ids::Vector;
use crate::random::Stream;
use crate::trace::Kind;

use crate::quiz::board::Board;
use crate::quiz::observed::{Run, at};
use crate::quiz::question::{Answer, Moment, Place, Question, list};

use super::{KindRow, Look, register};

pub const ROW: KindRow = KindRow {
    name: "served",
    summary: "Which interrupt does the CPU take first?",
    doc: "Several lines are pending. The CPU takes the one with the highest priority that isn't masked, when no \
          handler of the same or a higher one runs.",
    needs: "two interrupts that are pending at the same time",
    look: Look::Moment,
    places,
    ask,
};

fn places(run: &Run<'_>) -> Vec<Place> {
    let mut board = Board::default();
    let mut found = Vec::new();
    for (number, event) in run.events().iter().enumerate() {
        if let (Kind::InterruptRecognised { vector }, Some(cpu)) = (event.kind, event.cpu) {
            let pending = board.pending.get(&cpu);
            if pending.is_some_and(|lines| lines.len() > 1 && lines.contains(&vector)) {
                found.push(Place::Event(number));
            }
        }
        board.event(event);
    }
    found
}

fn ask(run: &Run<'_>, place: Place, stream: &mut Stream) -> Option<Question> {
    let Place::Event(number) = place else { return None };
    let event = run.events()[number];
    let (Kind::InterruptRecognised { vector }, cpu) = (event.kind, event.cpu?) else { return None };
    let board = Board::after(run, number);
    let pending: Vec<Vector> = board.pending.get(&cpu)?.iter().rev().copied().collect();
    let names: Vec<String> = pending.iter().map(|&vector| run.vector(vector)).collect();
    let answer = Answer::choice(run.vector(vector), names.clone(), stream)?;
    let higher: Vec<String> =
        pending.iter().filter(|&&other| other > vector).map(|&other| run.vector(other)).collect();
    let who = run.vector(vector);
    let reason = match higher.is_empty() {
        true => format!("{who} has the highest priority of those that are pending: its vector is {vector}."),
        false => format!(
            "{} would come first by priority, but is masked. Of the others {who} has the highest priority: its vector \
             is {vector}.",
            list(&higher)
        ),
    };
    let which = if run.trace.header.cpus > 1 { format!("CPU {cpu}") } else { "the CPU".to_owned() };
    Some(Question {
        kind: ROW.name,
        place,
        moment: Some(Moment { events: number, at: event.at }),
        text: format!(
            "At {} {which} looks at its interrupt register and finds {} pending. Which one does it take?",
            at(event.at),
            list(&names)
        ),
        state: register::handlers(run, &board, cpu),
        answer,
        reason,
    })
}
