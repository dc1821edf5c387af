//! What brings the CPU into the kernel next? A system call, an exception or an interrupt.

use crate::random::Stream;
use crate::trace::{Event, Kind};

use crate::quiz::board::Board;
use crate::quiz::observed::{Run, at};
use crate::quiz::question::{Answer, Moment, Place, Question, code, shuffle};

use super::{KindRow, Look};

pub const ROW: KindRow = KindRow {
    name: "entry",
    summary: "What brings the CPU into the kernel next?",
    doc: "A program runs in user mode. The next entry is a system call that it makes, an exception that one of its \
          instructions raises, or an interrupt, which has nothing to do with it.",
    needs: "an entry from user mode",
    look: Look::Moment,
    places,
    ask,
};

fn is_entry(event: &Event) -> bool {
    matches!(
        event.kind,
        Kind::SysEnter { .. }
            | Kind::PageFaultUser { .. }
            | Kind::ExceptionEntry { .. }
            | Kind::InterruptRecognised { .. }
    )
}

fn is_from_a_device(event: &Event) -> bool {
    matches!(event.kind, Kind::InterruptRaised { .. } | Kind::InterruptCoalesced { .. })
}

fn places(run: &Run<'_>) -> Vec<Place> {
    let mut board = Board::default();
    let mut found = Vec::new();
    for (number, event) in run.events().iter().enumerate() {
        if is_entry(event) && event.cpu.is_some_and(|cpu| board.in_user_mode(cpu)) {
            found.push(Place::Event(number));
        }
        board.event(event);
    }
    found
}

fn words(run: &Run<'_>, event: &Event) -> Option<String> {
    Some(match event.kind {
        Kind::SysEnter { call } => format!("its own system call {}", run.call(call)),
        Kind::PageFaultUser { fault, .. } => {
            format!("an exception: a page fault ({}) of one of its instructions", fault.name())
        }
        Kind::ExceptionEntry { exception } => {
            format!("an exception: {} of one of its instructions", exception.name())
        }
        Kind::InterruptRecognised { vector } => format!("an interrupt of {}", run.vector(vector)),
        _ => return None,
    })
}

fn ask(run: &Run<'_>, place: Place, stream: &mut Stream) -> Option<Question> {
    let Place::Event(number) = place else { return None };
    let event = run.events()[number];
    let right = words(run, &event)?;
    let cpu = event.cpu?;
    // Since the last thing that happened on this CPU it is in user mode. Only devices may assert their lines then.
    let mut earlier = run.events()[..number].iter().enumerate().rev();
    let earlier = earlier.find(|(_, other)| other.cpu == Some(cpu) && !is_from_a_device(other));
    let (before, last) = earlier?;
    let since = last.at;
    if since == event.at {
        return None;
    }
    let mut wrong: Vec<String> = Vec::new();
    for other in run.events().iter().filter(|event| is_entry(event)) {
        let words = words(run, other)?;
        if words != right && !wrong.contains(&words) && wrong.len() < 8 {
            wrong.push(words);
        }
    }
    shuffle(&mut wrong, stream);
    wrong.push(format!("its own system call {}", code("exit_group")));
    wrong.push(format!("an interrupt of {}", code("timer")));
    let answer = Answer::choice(right, wrong, stream)?;
    let which = if run.trace.header.cpus > 1 { format!("CPU {cpu}") } else { "the CPU".to_owned() };
    let text = format!(
        "From {} on {} runs its own instructions, in user mode. What brings {which} into the kernel next?",
        at(since),
        run.name(event.task)
    );
    let board = Board::after(run, before + 1);
    Some(Question {
        kind: ROW.name,
        place,
        moment: Some(Moment { events: before + 1, at: since }),
        text,
        state: board.table(run),
        answer,
        reason: reason(run, &event),
    })
}

fn reason(run: &Run<'_>, event: &Event) -> String {
    let (when, who) = (at(event.at), run.name(event.task));
    let step = run.step(event).map(|step| format!(" ({step})")).unwrap_or_default();
    match event.kind {
        Kind::InterruptRecognised { vector } => format!(
            "At {when} the CPU looks at its interrupt register after an instruction, and finds {}. {who} has nothing \
             to do with it: it only happens to run.",
            run.vector(vector)
        ),
        Kind::SysEnter { call } => {
            format!("At {when} {who} asks for it itself by the call {}{step}.", run.call(call))
        }
        Kind::PageFaultUser { page, fault } => format!(
            "At {when} an instruction of {who}{step} touches page {page}, which isn't there in the way it wants: {}. \
             The same program causes it at the same instruction in every run.",
            fault.name()
        ),
        _ => format!("At {when} an instruction of {who}{step} raises it."),
    }
}
