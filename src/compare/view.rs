//! A trace as it looks to somebody who observes less.
//!
//! Times by state mean the same on both sides only if both see the same kinds of event. The kernel
//! of a real host doesn't say when a switch is complete, nor when a page fault ends: such a switch
//! takes no time, and what the fault costs counts as user mode. A simulated trace is given the same
//! treatment before it is held against a measured one.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::Tid;
use crate::trace::{Event, Header, Kind, Trace};

/// Whether the source of a trace can see a kind of event.
pub fn observes(header: &Header, kind: &str) -> bool {
    header.observes.is_empty() || header.observes.iter().any(|name| name == kind)
}

/// What `trace` would have been with the eyes of `other`.
pub fn through(trace: &Trace, other: &Header) -> Trace {
    let mut seen = trace.clone();
    let all = crate::trace::kinds::KINDS.iter().map(|row| row.name);
    let both = all.filter(|kind| observes(&trace.header, kind) && observes(other, kind));
    seen.header.observes = both.map(str::to_owned).collect();
    seen.events.retain(|event| observes(other, event.kind.name()) || event.kind == Kind::ExceptionExit);
    if !observes(other, "exception_exit") {
        end_faults_at_once(&mut seen);
    }
    seen
}

/// What `trace` would have been if its threads had noted down themselves when their calls return: one
/// that loses its CPU on the way back to its program notes it when it goes on.
pub fn as_noted(trace: &Trace) -> Trace {
    let mut noted = Trace { events: Vec::with_capacity(trace.events.len()), ..trace.clone() };
    let mut late: BTreeMap<Tid, Event> = BTreeMap::new();
    for (place, &event) in trace.events.iter().enumerate() {
        if matches!(event.kind, Kind::SysExit { .. }) && loses_cpu_at_once(event, &trace.events[place + 1..])
        {
            late.insert(event.task, event);
            continue;
        }
        noted.events.push(event);
        if event.kind == Kind::SchedExit
            && let Some(exit) = late.remove(&event.task)
        {
            noted.events.push(Event { at: event.at, ..exit });
        }
    }
    noted
}

fn loses_cpu_at_once(exit: Event, later: &[Event]) -> bool {
    let mut same_instant = later.iter().take_while(|event| event.at == exit.at);
    let next = same_instant.find(|event| event.cpu == exit.cpu && event.task == exit.task);
    next.is_some_and(|event| matches!(event.kind, Kind::SchedSwitch { prev, .. } if prev == exit.task))
}

/// A fault that doesn't block ends where it begins.
fn end_faults_at_once(trace: &mut Trace) {
    let events = std::mem::take(&mut trace.events);
    let mut moved = BTreeSet::new();
    for (place, &event) in events.iter().enumerate() {
        if moved.remove(&place) {
            continue;
        }
        trace.events.push(event);
        if !matches!(event.kind, Kind::PageFaultUser { .. }) {
            continue;
        }
        let end = events[place + 1..].iter().position(|later| match later.kind {
            Kind::ExceptionExit => later.task == event.task,
            Kind::SchedSwitch { prev, .. } => prev == event.task,
            _ => false,
        });
        if let Some(end) = end.map(|end| place + 1 + end)
            && events[end].kind == Kind::ExceptionExit
        {
            moved.insert(end);
            trace.events.push(Event { at: event.at, ..events[end] });
        }
    }
}
