//! Why did somebody leave the CPU? The reason that the switch bears in the trace.

use crate::ids::Tid;
use crate::random::Stream;
use crate::trace::{Kind, Why};

use crate::quiz::board::Board;
use crate::quiz::observed::{Run, at};
use crate::quiz::question::{Answer, Moment, Place, Question, shuffle};

use super::{KindRow, Look, policy};

pub const ROW: KindRow = KindRow {
    name: "left",
    summary: "Why did a process leave the CPU?",
    doc: "The thread blocked, ended, stepped back, used its slice up, or somebody whom the policy prefers became \
          ready. The wrong reasons are those of other switches of the same run.",
    needs: "a switch away from a process",
    look: Look::Moment,
    places,
    ask,
};

fn places(run: &Run<'_>) -> Vec<Place> {
    let switches = run.events().iter().enumerate();
    switches
        .filter(|(_, event)| match event.kind {
            Kind::SchedSwitch { why, .. } => why != Why::WorkArrived,
            _ => false,
        })
        .map(|(number, _)| Place::Event(number))
        .collect()
}

/// A reason as one may answer it.
pub fn words(run: &Run<'_>, why: Why) -> Option<String> {
    Some(match why {
        Why::Blocked { on, object } => format!("it waits for {}", run.wait(on, object)),
        Why::SliceEnd => "its time slice is used up".to_owned(),
        Why::Preempted { by } => format!("{} became ready and goes first", run.name(by)),
        Why::Yielded => "it asked to step back".to_owned(),
        Why::Exited => "it has ended".to_owned(),
        Why::WorkArrived => return None,
    })
}

fn ask(run: &Run<'_>, place: Place, stream: &mut Stream) -> Option<Question> {
    let Place::Event(number) = place else { return None };
    let event = run.events()[number];
    let Kind::SchedSwitch { prev, next, why } = event.kind else { return None };
    let right = words(run, why)?;
    // Nobody is pre-empted by itself, and reasons of the same thread's other switches come first.
    let possible = |why: Why| !matches!(why, Why::Preempted { by } if by == prev);
    let others = |own: bool| {
        run.events().iter().filter_map(move |other| match other.kind {
            Kind::SchedSwitch { prev: left, why, .. } if (left == prev) == own && possible(why) => {
                words(run, why)
            }
            _ => None,
        })
    };
    let mut wrong: Vec<String> = Vec::new();
    for reason in others(true).chain(others(false)) {
        if reason != right && !wrong.contains(&reason) && wrong.len() < 8 {
            wrong.push(reason);
        }
    }
    shuffle(&mut wrong, stream);
    wrong.extend([Why::SliceEnd, Why::Exited, Why::Yielded].into_iter().filter_map(|why| words(run, why)));
    let answer = Answer::choice(right.clone(), wrong, stream)?;
    let step = run.step(&event).map(|step| format!(" It is at {step}.")).unwrap_or_default();
    let cpu = event.cpu?;
    let from = if run.trace.header.cpus > 1 { format!("CPU {cpu}") } else { "the CPU".to_owned() };
    let board = Board::after(run, number);
    Some(Question {
        kind: ROW.name,
        place,
        moment: Some(Moment { events: number, at: event.at }),
        text: format!("At {} {} leaves {from}. Why?{step}", at(event.at), run.name(prev)),
        state: board.table(run),
        answer,
        reason: reason(run, why, next),
    })
}

fn reason(run: &Run<'_>, why: Why, next: Tid) -> String {
    let rule = || policy::rule(&run.scenario.image);
    let what = match why {
        Why::Blocked { .. } => {
            "It can't go on until it is woken, so the CPU is given to somebody else.".to_owned()
        }
        Why::SliceEnd => {
            format!("It has used its slice up, and others are ready; it stays ready. {}", rule())
        }
        Why::Preempted { .. } => {
            format!("It could go on and stays ready, but somebody goes first. {}", rule())
        }
        Why::Yielded => "It could go on and stays ready, but lets others go first.".to_owned(),
        Why::Exited => "It never runs again.".to_owned(),
        Why::WorkArrived => String::new(),
    };
    match next {
        Tid::IDLE => format!("{what} Nobody is ready, and the CPU is idle after it."),
        next => format!("{what} {} runs after it.", run.name(next)),
    }
}
