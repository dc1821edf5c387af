//! In which order do they end?

use crate::ids::Tid;
use crate::random::Stream;
use crate::time::Instant;

use crate::quiz::observed::{Run, at};
use crate::quiz::question::{Answer, Place, Question, list, shuffle};

use super::{KindRow, Look, policy};

pub const ROW: KindRow = KindRow {
    name: "order",
    summary: "In which order do processes end?",
    doc: "Up to four processes with different ends. Who is given the CPU, how much each has to do, and who waits for \
          whom decide it.",
    needs: "two processes that end at different times",
    look: Look::Chart("gantt"),
    places,
    ask,
};

/// More than this are hard to put in order in one's head.
const ASKED: usize = 4;

/// Those that end, each at a time of its own, earliest first.
fn ends(run: &Run<'_>) -> Vec<(Instant, Tid)> {
    let mut ends: Vec<(Instant, Tid)> =
        run.people().filter_map(|thread| Some((thread.end?, thread.task))).collect();
    ends.sort_unstable();
    ends.dedup_by_key(|(end, _)| *end);
    ends
}

fn places(run: &Run<'_>) -> Vec<Place> {
    if ends(run).len() > 1 { vec![Place::Run] } else { Vec::new() }
}

fn ask(run: &Run<'_>, place: Place, stream: &mut Stream) -> Option<Question> {
    let mut asked = ends(run);
    shuffle(&mut asked, stream);
    asked.truncate(ASKED);
    let mut started: Vec<Tid> = asked.iter().map(|(_, task)| *task).collect();
    started.sort_unstable();
    asked.sort_unstable();
    let right: Vec<Tid> = asked.iter().map(|(_, task)| *task).collect();
    let shown = |order: &[Tid]| order.iter().map(|&task| run.name(task)).collect::<Vec<_>>().join(", ");
    let mut wrong = vec![shown(&started)];
    let backwards: Vec<Tid> = right.iter().rev().copied().collect();
    let mut others = vec![backwards];
    for place in 1..right.len() {
        let mut other = right.clone();
        other.swap(place - 1, place);
        others.push(other);
    }
    shuffle(&mut others, stream);
    wrong.extend(others.iter().map(|order| shown(order)));
    let answer = Answer::choice(shown(&right), wrong, stream)?;
    let names: Vec<String> = started.iter().map(|&task| run.name(task)).collect();
    let each: Vec<String> =
        asked.iter().map(|&(end, task)| format!("{} at {}", run.name(task), at(end))).collect();
    Some(Question {
        kind: ROW.name,
        place,
        moment: None,
        text: format!("In which order do {} end, the first one first?", list(&names)),
        state: Vec::new(),
        answer,
        reason: format!("They end as follows: {}. {}", each.join(", "), policy::rule(&run.scenario.image)),
    })
}
