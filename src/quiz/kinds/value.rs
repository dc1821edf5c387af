//! What does a shared cell hold at the end? The question behind every race.

use std::collections::BTreeMap;

use crate::kernel::options::Scheduler;
use crate::random::Stream;
use crate::sim::{Outcome, Pace, Simulator};
use crate::time::{Instant, Span};
use crate::trace::sink::Off;

use crate::quiz::observed::{Run, times};
use crate::quiz::question::{Answer, Place, Question, code, list};

use super::{KindRow, Look};

pub const ROW: KindRow = KindRow {
    name: "value",
    summary: "What does a shared cell hold at the end?",
    doc: "A load, a computation and a store are separate instructions. Whoever comes in between may work with an old \
          value. Among the wrong answers is what comes out if each process runs to its end undisturbed.",
    needs: "a shared cell that programs change",
    look: Look::Tables,
    places,
    ask,
};

/// Nobody counts further.
const MOST: u64 = 1_000;

fn places(run: &Run<'_>) -> Vec<Place> {
    let specs = run.scenario.image.arrays.iter().zip(&run.arrays).enumerate();
    let changed = specs.filter(|(_, (spec, held))| {
        // Locks are cells too, but not what one asks about.
        let object = run.trace.header.objects.get(spec.object.index());
        let is_memory = object.is_some_and(|object| object.kind == "shm");
        let counts = held.first().is_some_and(|held| held.unsigned_abs() <= MOST);
        is_memory
            && counts
            && held.len() == 1
            && !spec.width.is_float()
            && spec.initial.first() != held.first()
    });
    changed.map(|(number, _)| Place::Entry(number)).collect()
}

fn ask(run: &Run<'_>, place: Place, stream: &mut Stream) -> Option<Question> {
    let Place::Entry(number) = place else { return None };
    let spec = run.scenario.image.arrays.get(number)?;
    let shown = |value: i64| spec.width.shown(value);
    let held = *run.arrays.get(number)?.first()?;
    let initial = *spec.initial.first()?;
    let undisturbed = undisturbed(run, number);
    let mut wrong: Vec<i64> = undisturbed.into_iter().collect();
    let cells = run.arrays.iter().filter(|cells| cells.len() == 1).filter_map(|cells| cells.first().copied());
    wrong.extend(cells.filter(|&other| other != initial).take(1));
    let near = [held.wrapping_add(1), held.wrapping_sub(1), initial, held.wrapping_add(2)];
    let begin = stream.uniform(0, 1) as usize;
    wrong.extend(near[begin..].iter().chain(&near[..begin]));
    let wrong: Vec<String> = wrong.into_iter().filter(|&other| other != held).map(shown).collect();
    let answer = Answer::choice(shown(held), wrong, stream)?;
    Some(Question {
        kind: ROW.name,
        place,
        moment: None,
        text: format!("What does the shared cell {} hold at the end of this run?", code(&spec.name)),
        state: Vec::new(),
        answer,
        reason: reason(run, held, undisturbed, &shown),
    })
}

/// What the cell would hold if each process ran until it waits or ends, and those after it only then.
fn undisturbed(run: &Run<'_>, number: usize) -> Option<i64> {
    /// A process that waits actively never ends there; the run may take so many times as long as it did.
    const LONGER: u64 = 2;
    let mut image = run.scenario.image.clone();
    image.kernel.scheduler = Scheduler { policy: "fcfs".to_owned(), parameters: BTreeMap::new() };
    image.run.until = Instant::START + run.trace.end.since(Instant::START) * LONGER + Span::from_micros(1);
    let mut simulator = Simulator::new(&image, Off, Pace::Fast);
    let outcome = simulator.run();
    let held = simulator.userland.arrays.get(number)?.first().copied()?;
    (outcome == Outcome::Finished).then_some(held)
}

fn reason(run: &Run<'_>, held: i64, undisturbed: Option<i64>, shown: &dyn Fn(i64) -> String) -> String {
    let forced: Vec<String> = run
        .people()
        .filter(|thread| thread.usage.switches.involuntary() > 0)
        .take(4)
        .map(|thread| format!("{} {}", run.name(thread.task), times(thread.usage.switches.involuntary())))
        .collect();
    let taken = match forced.is_empty() {
        true => "The CPU is taken from nobody in this run.".to_owned(),
        false => format!("The CPU is taken from {}.", list(&forced)),
    };
    match undisturbed {
        Some(other) if other != held => format!(
            "{taken} If each ran until it waits or ends, first come first served, the cell would hold {}: the \
             difference is what happens between a load and its store.",
            shown(other)
        ),
        Some(_) => format!(
            "{taken} The same comes out if each runs until it waits or ends, first come first served: no update is lost."
        ),
        None => taken,
    }
}
