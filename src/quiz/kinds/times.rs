//! How long did it take? Response, turnaround and waiting time of a thread.

use crate::analysis::summary::ThreadSummary;
use crate::ids::Tid;
use crate::random::Stream;
use crate::time::{Instant, Span};

use crate::quiz::observed::{Run, at};
use crate::quiz::question::{Answer, Place, Question};

use super::{KindRow, Look, policy};

pub const RESPONSE: KindRow = KindRow {
    name: "response",
    summary: "What is the response time of a process?",
    doc: "From its arrival until it has a CPU for the first time. The answer needs a unit, such as 1.5ms; three right \
          digits are enough.",
    needs: "a process that has to wait before it first runs",
    look: Look::Statistics,
    places: response_places,
    ask: response,
};

pub const TURNAROUND: KindRow = KindRow {
    name: "turnaround",
    summary: "What is the turnaround time of a process?",
    doc: "From its arrival until it has left its CPU for good. The answer needs a unit; three right digits are enough.",
    needs: "a process that ends",
    look: Look::Statistics,
    places: turnaround_places,
    ask: turnaround,
};

pub const WAITING: KindRow = KindRow {
    name: "waiting",
    summary: "What is the waiting time of a process?",
    doc: "All the time that it is ready and has no CPU; time blocked doesn't count. The answer needs a unit; three \
          right digits are enough.",
    needs: "a process that waits for a CPU",
    look: Look::Statistics,
    places: waiting_places,
    ask: waiting,
};

/// Beyond so many turns on a CPU nobody adds up by hand.
const TURNS: u64 = 12;

fn of(run: &Run<'_>, wanted: impl Fn(&ThreadSummary) -> bool) -> Vec<Place> {
    let threads = run.people().filter(|thread| thread.dispatches <= TURNS && wanted(thread));
    threads.map(|thread| Place::Thread(thread.task)).collect()
}

fn response_places(run: &Run<'_>) -> Vec<Place> {
    of(run, |thread| response_of(thread).is_some_and(|span| !span.is_zero()))
}

fn turnaround_places(run: &Run<'_>) -> Vec<Place> {
    of(run, |thread| turnaround_of(thread).is_some())
}

fn waiting_places(run: &Run<'_>) -> Vec<Place> {
    of(run, |thread| !thread.usage.ready.is_zero() && thread.end.is_some())
}

fn response_of(thread: &ThreadSummary) -> Option<Span> {
    Some(thread.first_run?.since(thread.start?))
}

fn turnaround_of(thread: &ThreadSummary) -> Option<Span> {
    Some(thread.end?.since(thread.start?))
}

fn thread<'r>(run: &'r Run<'_>, place: Place) -> Option<(Tid, &'r ThreadSummary)> {
    let Place::Thread(task) = place else { return None };
    Some((task, run.person(task)?))
}

fn question(kind: &'static str, place: Place, text: String, time: Span, reason: String) -> Question {
    let (state, answer) = (Vec::new(), Answer::Time(time));
    Question { kind, place, moment: None, text, state, answer, reason }
}

fn response(run: &Run<'_>, place: Place, _: &mut Stream) -> Option<Question> {
    let (task, thread) = thread(run, place)?;
    let (start, first) = (thread.start?, thread.first_run?);
    let text = format!(
        "What is the response time of {}: how long is it from its arrival until it first has a CPU?",
        run.name(task)
    );
    let reason = format!(
        "It arrives at {} and is first switched to at {}. {}",
        at(start),
        at(first),
        policy::rule(&run.scenario.image)
    );
    Some(question(RESPONSE.name, place, text, response_of(thread)?, reason))
}

fn turnaround(run: &Run<'_>, place: Place, _: &mut Stream) -> Option<Question> {
    let (task, thread) = thread(run, place)?;
    let (start, end) = (thread.start?, thread.end?);
    let text = format!(
        "What is the turnaround time of {}: how long is it from its arrival to its end?",
        run.name(task)
    );
    let usage = &thread.usage;
    let reason = format!(
        "It arrives at {} and leaves its CPU for good at {}. In between it runs for {} in user mode and {} in the \
         kernel, is ready for {} and blocked for {}; switches to it and interrupts take {}.",
        at(start),
        at(end),
        usage.user,
        usage.kernel,
        usage.ready,
        usage.blocked_total(),
        usage.switch + usage.interrupt
    );
    Some(question(TURNAROUND.name, place, text, turnaround_of(thread)?, reason))
}

fn waiting(run: &Run<'_>, place: Place, _: &mut Stream) -> Option<Question> {
    let (task, thread) = thread(run, place)?;
    let end = thread.end?;
    let text = format!(
        "What is the waiting time of {}: for how long is it ready without a CPU, all in all?",
        run.name(task)
    );
    let reason = format!(
        "It is ready without a CPU {}, of its turnaround time of {} (until {}).",
        pieces(run, task),
        turnaround_of(thread)?,
        at(end)
    );
    Some(question(WAITING.name, place, text, thread.usage.ready, reason))
}

/// When it was ready: from 5us to 20us and from 30us to 44us.
fn pieces(run: &Run<'_>, task: Tid) -> String {
    use crate::analysis::state::ThreadState;
    const SHOWN: usize = 6;
    let lanes = run.lanes(run.events().len(), Instant::START, run.trace.end);
    let lane = lanes.threads.iter().find(|lane| lane.task == task);
    let spans = lane.map_or(&[][..], |lane| &lane.spans);
    let mut pieces: Vec<String> = spans
        .iter()
        .filter(|span| span.state == ThreadState::Ready)
        .map(|span| format!("from {} to {}", at(span.from), at(span.to)))
        .collect();
    if pieces.len() > SHOWN {
        let more = pieces.len() - SHOWN;
        pieces.truncate(SHOWN);
        pieces.push(format!("{more} times more"));
    }
    crate::quiz::question::list(&pieces)
}
