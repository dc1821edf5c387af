//! Whose deadline is missed first, and how many of a process's jobs are late?

use std::collections::BTreeSet;

use crate::ids::Tid;
use crate::random::Stream;
use crate::trace::Kind;

use crate::quiz::observed::{Run, at};
use crate::quiz::question::{Answer, Place, Question};

use super::{KindRow, Look, policy};

pub const ROW: KindRow = KindRow {
    name: "missed",
    summary: "Whose deadline is missed first, and how many of its jobs are late?",
    doc: "A job that hasn't ended by its deadline is late; one that ends exactly then isn't.",
    needs: "periodic processes",
    look: Look::Chart("gantt"),
    places,
    ask,
};

/// Nobody counts more than this.
const MOST: u64 = 40;

/// The periodic threads.
fn periodic(run: &Run<'_>) -> BTreeSet<Tid> {
    let released = run.events().iter().filter_map(|event| match event.kind {
        Kind::JobRelease { task, .. } => Some(task),
        _ => None,
    });
    released.collect()
}

fn places(run: &Run<'_>) -> Vec<Place> {
    let periodic = periodic(run);
    let mut found = Vec::new();
    if periodic.len() > 1 {
        found.push(Place::Run);
    }
    let late =
        run.people().filter(|thread| thread.jobs.is_some_and(|jobs| (1..=MOST).contains(&jobs.missed)));
    found.extend(late.map(|thread| Place::Thread(thread.task)));
    found
}

fn ask(run: &Run<'_>, place: Place, stream: &mut Stream) -> Option<Question> {
    match place {
        Place::Run => first(run, place, stream),
        Place::Thread(task) => {
            let jobs = run.person(task)?.jobs?;
            Some(Question {
                kind: ROW.name,
                place,
                moment: None,
                text: format!("How many jobs of {} miss their deadlines in this run?", run.name(task)),
                state: Vec::new(),
                answer: Answer::Number(jobs.missed),
                reason: format!(
                    "Of {} jobs {} have ended, {} were given up or left out, and {} hadn't ended by their deadlines.",
                    jobs.released, jobs.ended, jobs.dropped, jobs.missed
                ),
            })
        }
        _ => None,
    }
}

const NOBODY: &str = "nobody's: all jobs end in time";

fn first(run: &Run<'_>, place: Place, stream: &mut Stream) -> Option<Question> {
    let mut misses = run.events().iter().filter_map(|event| match event.kind {
        Kind::DeadlineMiss { task, number } => Some((event.at, task, number)),
        _ => None,
    });
    let first = misses.next();
    let tie = misses.next().is_some_and(|(when, ..)| first.is_some_and(|(first, ..)| first == when));
    if tie {
        return None;
    }
    let right = first.map_or_else(|| NOBODY.to_owned(), |(_, task, _)| run.name(task));
    let others = periodic(run).into_iter().map(|task| run.name(task));
    let wrong: Vec<String> = std::iter::once(NOBODY.to_owned()).chain(others).collect();
    let answer = Answer::choice(right, wrong, stream)?;
    let reason = match first {
        Some((when, task, number)) => {
            // The event comes a nanosecond after the deadline.
            format!(
                "Job {number} of {} hasn't ended by its deadline: the trace says so at {}.",
                run.name(task),
                at(when)
            )
        }
        None => {
            let dropped = run.summary.threads.iter().filter_map(|thread| thread.jobs).map(|jobs| jobs.missed);
            if dropped.sum::<u64>() > 0 {
                return None;
            }
            "Every job of the run ends by its deadline.".to_owned()
        }
    };
    Some(Question {
        kind: ROW.name,
        place,
        moment: None,
        text: "Whose deadline is missed first?".to_owned(),
        state: Vec::new(),
        answer,
        reason: format!("{reason} {}", policy::rule(&run.scenario.image)),
    })
}
