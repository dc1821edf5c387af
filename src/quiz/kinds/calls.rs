//! How many system calls? Of one thread, all of them or those of one name.

use crate::random::Stream;

use crate::quiz::observed::Run;
use crate::quiz::question::{Answer, Place, Question, code, list};

use super::{KindRow, Look};

pub const ROW: KindRow = KindRow {
    name: "calls",
    summary: "How many system calls does a process make?",
    doc: "Steps that ask the kernel for something are calls, and so is the end of a process. Steps that compute, load or \
          store aren't, and a library function needs a call only when it must wait, wake somebody or empty a buffer.",
    needs: "a process that makes at least two calls",
    look: Look::Chart("syscalls"),
    places,
    ask,
};

fn places(run: &Run<'_>) -> Vec<Place> {
    run.people()
        .filter(|thread| thread.usage.calls_total() > 1)
        .map(|thread| Place::Thread(thread.task))
        .collect()
}

fn ask(run: &Run<'_>, place: Place, stream: &mut Stream) -> Option<Question> {
    let Place::Thread(task) = place else { return None };
    let calls = &run.person(task)?.usage.calls;
    let total: u64 = calls.values().sum();
    // One time in two it is about one call alone, if there are several.
    let names: Vec<&String> = calls.iter().filter(|(_, count)| **count > 1).map(|(name, _)| name).collect();
    let single = names.len().checked_sub(1).filter(|_| calls.len() > 1 && stream.uniform(0, 1) == 0);
    let single = single.map(|last| names[stream.uniform(0, last as u64) as usize]);
    let who = run.name(task);
    let (text, number) = match single {
        Some(name) => (format!("How many {} calls does {who} make in this run?", code(name)), calls[name]),
        None => (format!("How many system calls does {who} make in this run?"), total),
    };
    let each: Vec<String> = calls.iter().map(|(name, count)| format!("{count} {}", code(name))).collect();
    Some(Question {
        kind: ROW.name,
        place,
        moment: None,
        text,
        state: Vec::new(),
        answer: Answer::Number(number),
        reason: format!("It makes {}, {total} in all.", list(&each)),
    })
}
