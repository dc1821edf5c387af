//! Who runs next? The scheduler's decision, with everybody's state before it.

use crate::ids::Tid;
use crate::random::Stream;
use crate::trace::{Kind, Rule, Why};

use crate::quiz::board::Board;
use crate::quiz::observed::{Run, at};
use crate::quiz::question::{Answer, Moment, Place, Question};

use super::{KindRow, Look, policy};

pub const ROW: KindRow = KindRow {
    name: "next",
    summary: "Which process runs next?",
    doc: "A switch of the run, with who is ready and who is blocked at that moment. The scheduler's rule decides, and \
          the answer names it. A lottery isn't asked about: nobody can know which ticket is drawn.",
    needs: "a switch with somebody to choose from",
    look: Look::Moment,
    places,
    ask,
};

/// Somebody who isn't there can't be chosen.
const NOBODY: &str = "nobody: the CPU is idle";

fn places(run: &Run<'_>) -> Vec<Place> {
    let decides = |why: Why| match why {
        Why::Blocked { .. } | Why::SliceEnd | Why::Preempted { .. } | Why::Yielded | Why::Exited => true,
        Why::WorkArrived => false,
    };
    let switches = run.events().iter().enumerate();
    switches
        .filter(|(_, event)| matches!(event.kind, Kind::SchedSwitch { why, .. } if decides(why)))
        .map(|(number, _)| Place::Event(number))
        .collect()
}

fn ask(run: &Run<'_>, place: Place, stream: &mut Stream) -> Option<Question> {
    let Place::Event(number) = place else { return None };
    let event = run.events()[number];
    let Kind::SchedSwitch { prev, next, why } = event.kind else { return None };
    let picked = policy::picked(run, number);
    if picked.as_ref().is_some_and(|(rule, _)| *rule == Rule::Ticket) {
        return None;
    }
    let board = Board::after(run, number);
    let stays = matches!(why, Why::SliceEnd | Why::Preempted { .. } | Why::Yielded);
    let mut ready = board.ready();
    ready.extend(stays.then_some(prev));
    let name = |task: Tid| if task == Tid::IDLE { NOBODY.to_owned() } else { run.name(task) };
    let right = name(next);
    // Where nobody else lives there is nothing to choose.
    if ready.iter().all(|&task| task == prev) && board.blocked().is_empty() {
        return None;
    }
    // Those who can't run, the one that leaves among them, are the less plausible choices.
    let rest = board.blocked().into_iter().chain((!stays).then_some(prev));
    let mut wrong: Vec<String> = ready.iter().map(|&task| name(task)).collect();
    wrong.extend(rest.map(name));
    wrong.push(NOBODY.to_owned());
    let answer = Answer::choice(right.clone(), wrong, stream)?;
    let cpu = event.cpu?;
    let (leaver, when) = (run.name(prev), at(event.at));
    let who = if run.trace.header.cpus > 1 {
        format!("Who runs next on CPU {cpu}?")
    } else {
        "Who runs next?".to_owned()
    };
    let text = match why {
        Why::Blocked { on, object } => {
            format!("At {when} {leaver} can't go on: it waits for {}. {who}", run.wait(on, object))
        }
        Why::SliceEnd => format!("At {when} the time slice of {leaver} is used up. {who}"),
        Why::Preempted { .. } => format!("At {when} the scheduler looks whether {leaver} may go on. {who}"),
        Why::Yielded => format!("At {when} {leaver} asks to step back. {who}"),
        Why::Exited => format!("At {when} {leaver} has ended. {who}"),
        Why::WorkArrived => return None,
    };
    Some(Question {
        kind: ROW.name,
        place,
        moment: Some(Moment { events: number, at: event.at }),
        text,
        state: board.table(run),
        answer,
        reason: reason(run, next, why, &ready, picked.map(|(_, words)| words)),
    })
}

fn reason(run: &Run<'_>, next: Tid, why: Why, ready: &[Tid], picked: Option<String>) -> String {
    let rule = policy::rule(&run.scenario.image);
    if next == Tid::IDLE {
        return "Nobody else is ready on this CPU, so it has nothing to do until somebody is woken."
            .to_owned();
    }
    let who = run.name(next);
    let others = ready.iter().filter(|&&task| task != next).count();
    let how = match (picked, why) {
        (Some(words), _) => format!("{who}, since {words}."),
        (None, Why::Preempted { .. }) => format!("{who} became ready, and the policy prefers it at once."),
        (None, _) if others == 0 => format!("{who} is the only one that is ready."),
        (None, _) => format!("{who} is the next in the run queue."),
    };
    format!("{rule} {how}")
}
