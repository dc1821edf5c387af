//! How does the run end? Well, in a deadlock, or by a check or a limit.

use crate::random::Stream;
use crate::trace::{Kind, Outcome, Why};

use crate::quiz::observed::{Run, at};
use crate::quiz::question::{Answer, Place, Question};

use super::{KindRow, Look, circle};

pub const ROW: KindRow = KindRow {
    name: "deadlock",
    summary: "How does the run end: well, or in a deadlock?",
    doc: "Programs that wait for one another in a circle wait for ever. So do those that wait for what nobody will bring \
          any more.",
    needs: "processes that wait for one another, or a run that ends badly",
    look: Look::Tables,
    places,
    ask,
};

fn places(run: &Run<'_>) -> Vec<Place> {
    use crate::trace::Cause;
    let waits = run.events().iter().any(|event| match event.kind {
        Kind::SchedSwitch { why: Why::Blocked { on, .. }, .. } => {
            matches!(
                on,
                Cause::Lock
                    | Cause::Semaphore
                    | Cause::SemaphoreSet
                    | Cause::Futex
                    | Cause::PipeRead
                    | Cause::PipeWrite
            )
        }
        _ => false,
    });
    let ends_badly = !matches!(run.trace.outcome, Outcome::Finished | Outcome::Limit);
    if waits || ends_badly { vec![Place::Run] } else { Vec::new() }
}

const FINISHED: &str = "all processes end";
const DEADLOCK: &str = "in a deadlock: somebody waits for ever";
const ASSERT: &str = "an assertion fails";
const LIVELOCK: &str = "in a livelock: things happen for ever, but no program gets on";
const LIMIT: &str = "at its time limit, while programs still run";

fn ask(run: &Run<'_>, place: Place, stream: &mut Stream) -> Option<Question> {
    let right = match &run.trace.outcome {
        Outcome::Finished => FINISHED,
        Outcome::Deadlock { .. } => DEADLOCK,
        Outcome::AssertFailed { .. } => ASSERT,
        Outcome::Livelock { .. } => LIVELOCK,
        Outcome::Limit => LIMIT,
        Outcome::Interrupted | Outcome::Error { .. } => return None,
    };
    let asserts = run.trace.header.steps.iter().any(|step| step.verb == "assert");
    let fourth = if asserts { ASSERT } else { LIVELOCK };
    let wrong = [FINISHED, DEADLOCK, fourth, LIMIT].map(str::to_owned);
    let answer = Answer::choice(right.to_owned(), wrong, stream)?;
    let end = at(run.trace.end);
    let reason = match run.trace.outcome.text() {
        Some(_) if let Some(deadlock) = &run.deadlock => circle::explain(run, deadlock),
        Some(text) => format!("At {end}: {}", circle::marked(text)),
        None if run.trace.outcome == Outcome::Finished => {
            format!("The last one ends at {end}; nobody waits any more.")
        }
        None => format!("The limit is at {end}, and not all have ended by then."),
    };
    Some(Question {
        kind: ROW.name,
        place,
        moment: None,
        text: "How does this run end?".to_owned(),
        state: Vec::new(),
        answer,
        reason,
    })
}
