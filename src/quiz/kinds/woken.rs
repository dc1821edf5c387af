//! Who is woken? By a call that gives others what they wait for, or by an interrupt's handler.

use crate::ids::Tid;
use crate::random::Stream;
use crate::trace::{Event, Kind};

use crate::quiz::board::{Board, Standing};
use crate::quiz::observed::{Run, at};
use crate::quiz::question::{Answer, Moment, Place, Question, code};

use super::{KindRow, Look};

pub const ROW: KindRow = KindRow {
    name: "woken",
    summary: "Who is woken by this call or interrupt?",
    doc: "Those who wait for what the call or the device brings, if anybody does. To be woken is to be ready; who \
          runs is another question.",
    needs: "a send or a wake-up while others are blocked",
    look: Look::Moment,
    places,
    ask,
};

const NOBODY: &str = "nobody";

/// The beginning of a call or handler, and whom it wakes.
struct Act {
    begin: usize,
    woken: Vec<Tid>,
}

fn places(run: &Run<'_>) -> Vec<Place> {
    let begins = run.events().iter().enumerate();
    begins
        .filter(|(_, event)| matches!(event.kind, Kind::SysEnter { .. } | Kind::IrqHandlerEntry { .. }))
        .filter(|(number, _)| {
            let soon = run.events().iter().skip(number + 1).take(12);
            soon.into_iter().any(|event| {
                matches!(
                    event.kind,
                    Kind::MessageSend { .. } | Kind::LockReleased { .. } | Kind::SchedWaking { .. }
                )
            })
        })
        .map(|(number, _)| Place::Event(number))
        .collect()
}

/// Follows a call, or a handler with its deferred half, to its end. None if it is interrupted, blocks, or isn't over.
fn follow(run: &Run<'_>, begin: usize) -> Option<Act> {
    let first = run.events()[begin];
    let mut woken = Vec::new();
    let mut gives = matches!(first.kind, Kind::IrqHandlerEntry { .. });
    for event in run.events()[begin + 1..].iter().filter(|event| event.cpu == first.cpu) {
        match (first.kind, event.kind) {
            (_, Kind::SchedWaking { task }) => woken.push(task),
            (_, Kind::MessageSend { .. } | Kind::LockReleased { .. }) => gives = true,
            (Kind::SysEnter { .. }, Kind::SysExit { .. }) => {
                return (gives || !woken.is_empty()).then_some(Act { begin, woken });
            }
            // What a handler wakes is over when its CPU goes on; a deferred half may follow at once.
            (Kind::IrqHandlerEntry { vector }, Kind::SoftirqExit { vector: over }) if vector == over => {
                return (!woken.is_empty()).then_some(Act { begin, woken });
            }
            (Kind::IrqHandlerEntry { vector }, Kind::IrqHandlerExit { vector: over, .. })
                if vector == over && !woken.is_empty() =>
            {
                return Some(Act { begin, woken });
            }
            (_, Kind::SchedSwitch { .. } | Kind::IrqHandlerEntry { .. } | Kind::LocalTimerEntry) => {
                return None;
            }
            _ => {}
        }
    }
    None
}

fn ask(run: &Run<'_>, place: Place, stream: &mut Stream) -> Option<Question> {
    let Place::Event(number) = place else { return None };
    let act = follow(run, number)?;
    let event = run.events()[act.begin];
    let board = Board::after(run, number);
    let blocked = board.blocked();
    if blocked.is_empty() || act.woken.len() > 1 {
        return None;
    }
    let woken = act.woken.first().copied();
    if woken.is_some_and(|task| !blocked.contains(&task)) {
        return None;
    }
    let right = woken.map_or_else(|| NOBODY.to_owned(), |task| run.name(task));
    let (ready, running) = (board.ready(), board.running());
    let others = blocked.iter().chain(&ready).chain(&running).filter(|&&task| task != event.task);
    let others: Vec<String> = others.map(|&task| run.name(task)).collect();
    let wrong = others.into_iter().take(2).chain([NOBODY.to_owned()]);
    let answer = Answer::choice(right, wrong.collect::<Vec<_>>(), stream)?;
    Some(Question {
        kind: ROW.name,
        place,
        moment: Some(Moment { events: number, at: event.at }),
        text: format!("{} Whom does that wake?", what(run, &event)?),
        state: board.table(run),
        answer,
        reason: reason(run, woken, &board),
    })
}

fn what(run: &Run<'_>, event: &Event) -> Option<String> {
    let when = at(event.at);
    Some(match event.kind {
        Kind::SysEnter { call } => {
            let step = run.step(event).map(|step| format!(" ({step})")).unwrap_or_default();
            format!("At {when} {} makes the call {}{step}.", run.name(event.task), run.call(call))
        }
        Kind::IrqHandlerEntry { vector } => {
            format!("At {when} the interrupt handler of {} begins.", run.vector(vector))
        }
        _ => return None,
    })
}

fn reason(run: &Run<'_>, woken: Option<Tid>, board: &Board) -> String {
    let Some(task) = woken else {
        return format!(
            "None of those who are blocked waits for this, so the trace has no {} here.",
            code("sched_waking")
        );
    };
    match board.standing(task) {
        Some(Standing::Blocked { on, object }) => format!(
            "{} waits for {}. It is ready from here on; it runs when the scheduler picks it.",
            run.name(task),
            run.wait(on, object)
        ),
        Some(Standing::Ready { .. } | Standing::Running { .. } | Standing::Ended) | None => String::new(),
    }
}
