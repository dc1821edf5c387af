//! How many switches? Of the whole run, or how often one thread lost or gave up its CPU.

use crate::random::Stream;

use crate::quiz::observed::{Run, times};
use crate::quiz::question::{Answer, Place, Question};

use super::{KindRow, Look, policy};

pub const ROW: KindRow = KindRow {
    name: "switches",
    summary: "How many context switches are there, and how often is the CPU taken from a process?",
    doc: "A switch is from one thread, or from idling, to another. The CPU is taken from a thread at the end of its \
          slice or by somebody who goes first; a thread gives it up by waiting, ending or stepping back.",
    needs: "more than one switch",
    look: Look::Statistics,
    places,
    ask,
};

/// Nobody counts more than this.
const MOST: u64 = 40;

fn places(run: &Run<'_>) -> Vec<Place> {
    let mut found = Vec::new();
    if (2..=MOST).contains(&run.summary.totals.switches) {
        found.push(Place::Run);
    }
    // Where the CPU is never taken from anybody, the question is about nothing.
    let ever = run.summary.threads.iter().any(|thread| thread.usage.switches.involuntary() > 0);
    let many = run.people().filter(|thread| ever && (2..=MOST).contains(&thread.dispatches));
    found.extend(many.map(|thread| Place::Thread(thread.task)));
    found
}

fn ask(run: &Run<'_>, place: Place, _: &mut Stream) -> Option<Question> {
    let (text, number, reason) = match place {
        Place::Run => (
            "How many context switches are there in this run, those from and to idling included?".to_owned(),
            run.summary.totals.switches,
            whole(run),
        ),
        Place::Thread(task) => {
            let thread = run.person(task)?;
            let switches = thread.usage.switches;
            let who = run.name(task);
            let reason = format!(
                "It is given a CPU {}. It loses it {}: {} at the end of its slice, {} to somebody who goes first. It gives \
                 it up {}: {} by waiting, {} by stepping back, {} by ending. {}",
                times(thread.dispatches),
                times(switches.involuntary()),
                switches.slice_end,
                switches.preempted,
                times(switches.voluntary()),
                switches.blocked,
                switches.yielded,
                switches.exited,
                policy::rule(&run.scenario.image)
            );
            (
                format!("How often is the CPU taken away from {who} in this run?"),
                switches.involuntary(),
                reason,
            )
        }
        _ => return None,
    };
    Some(Question {
        kind: ROW.name,
        place,
        moment: None,
        text,
        state: Vec::new(),
        answer: Answer::Number(number),
        reason,
    })
}

fn whole(run: &Run<'_>) -> String {
    let mut sum = crate::analysis::summary::Switches::default();
    for thread in &run.summary.threads {
        sum.blocked += thread.usage.switches.blocked;
        sum.yielded += thread.usage.switches.yielded;
        sum.exited += thread.usage.switches.exited;
        sum.slice_end += thread.usage.switches.slice_end;
        sum.preempted += thread.usage.switches.preempted;
    }
    let rest = run.summary.totals.switches.saturating_sub(sum.voluntary() + sum.involuntary());
    format!(
        "{} because somebody waits, {} because one has ended, {} because one steps back, {} at the end of a slice, {} \
         because somebody goes first, and {rest} from idling to somebody.",
        sum.blocked, sum.exited, sum.yielded, sum.slice_end, sum.preempted
    )
}
