//! How many page faults? By thread, and by cause and remedy.

use crate::ids::Tid;
use crate::random::Stream;
use crate::trace::{Fault, Kind};

use crate::quiz::observed::{Run, at};
use crate::quiz::question::{Answer, Place, Question, list};

use super::{KindRow, Look};

pub const ROW: KindRow = KindRow {
    name: "faults",
    summary: "How many page faults does a process have?",
    doc: "A page without a frame is a minor fault at its first access, one whose content lies on a device a major one, \
          one that is shared since a fork copy-on-write at the first write. The kernel's own accesses count too.",
    needs: "a page fault",
    look: Look::Tables,
    places,
    ask,
};

fn places(run: &Run<'_>) -> Vec<Place> {
    let mut found = Vec::new();
    for thread in run.people() {
        let faults = &thread.usage.faults;
        if faults.len() > 1 {
            found.push(Place::Thread(thread.task));
        }
        found.extend(faults.keys().map(|&fault| Place::Faults(thread.task, fault)));
    }
    found
}

fn ask(run: &Run<'_>, place: Place, _: &mut Stream) -> Option<Question> {
    let (task, wanted) = match place {
        Place::Thread(task) => (task, None),
        Place::Faults(task, fault) => (task, Some(fault)),
        _ => return None,
    };
    let usage = &run.person(task)?.usage;
    let number = match wanted {
        None => usage.faults_total(),
        Some(fault) => usage.faults.get(&fault).copied()?,
    };
    let of = wanted.map_or_else(String::new, |fault| format!("{} ", words(fault)));
    Some(Question {
        kind: ROW.name,
        place,
        moment: None,
        text: format!("How many {of}page faults does {} have in this run?", run.name(task)),
        state: Vec::new(),
        answer: Answer::Number(number),
        reason: reason(run, task, wanted),
    })
}

const fn words(fault: Fault) -> &'static str {
    match fault {
        Fault::Minor => "minor",
        Fault::Major => "major",
        Fault::CopyOnWrite => "copy-on-write",
        Fault::Protection => "protection",
    }
}

/// The first few, with their pages and moments.
fn reason(run: &Run<'_>, task: Tid, wanted: Option<Fault>) -> String {
    const SHOWN: usize = 4;
    let faults: Vec<String> = run
        .events()
        .iter()
        .filter(|event| event.task == task)
        .filter_map(|event| match event.kind {
            Kind::PageFaultUser { page, fault } | Kind::PageFaultKernel { page, fault }
                if wanted.is_none_or(|wanted| wanted == fault) =>
            {
                Some(format!("page {page} at {} ({})", at(event.at), words(fault)))
            }
            _ => None,
        })
        .collect();
    let more = faults.len().saturating_sub(SHOWN);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let shown = if more > 0 { faults[..SHOWN].join(", ") } else { list(&faults) };
    format!("It faults on {shown}{rest}.")
}
