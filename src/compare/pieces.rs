//! The end-to-end time, taken apart by cause.
//!
//! Where threads enter and leave the kernel by a system call, the time between two such crossings,
//! of whichever threads, is one piece. All pieces together are the end-to-end time, to the
//! nanosecond. A piece is put down to the crossing at its end:
//!
//! - a thread enters a call: its user mode, and the page faults in it;
//! - the same thread leaves it: the call, with what it waited for if nobody else ran;
//! - another thread leaves one: the hand-over to that thread, from the wake-up to the return;
//! - another thread leaves one after a process has ended: that end.
//!
//! Both worlds see these crossings, without the kernel's help: so this works for repetitions that
//! nothing disturbs. With several busy CPUs a piece says who got on last, not who was waited for.

use std::collections::BTreeMap;

use crate::ids::Tid;
use crate::time::Instant;
use crate::trace::{Kind, Trace};

use super::facts::{Names, PAGES, StepKey};

/// What a piece of time is put down to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Inside of a call.
    Call(StepKey),
    /// In user mode, up to the call of this step.
    User(StepKey),
    /// From another thread to this one, which comes back from the call of this step.
    HandOver(StepKey),
    /// To a thread that was born in a call, and leaves it.
    Begin(String),
    /// Taking a thread apart, up to the next crossing of another.
    End(String),
}

/// How often, and how long in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pieces {
    pub count: u64,
    pub nanos: u64,
    /// Page faults within.
    pub faults: u64,
}

/// A crossing of the run so far.
struct Before {
    task: Tid,
    exits: bool,
}

/// All pieces of a trace by their cause, and the end of the last.
pub fn pieces(trace: &Trace, names: &Names) -> (BTreeMap<Cause, Pieces>, Instant) {
    let mut pieces: BTreeMap<Cause, Pieces> = BTreeMap::new();
    let mut begun: BTreeMap<Tid, ()> = BTreeMap::new();
    let mut faults: BTreeMap<Tid, u64> = BTreeMap::new();
    let (mut before, mut at): (Option<Before>, _) = (None, Instant::START);
    for event in &trace.events {
        let (call, enters) = match event.kind {
            Kind::SysEnter { call } => (call, true),
            Kind::SysExit { call, .. } => (call, false),
            Kind::PageFaultUser { page, .. } if page < PAGES => {
                *faults.entry(event.task).or_default() += 1;
                continue;
            }
            _ => continue,
        };
        let key = || names.step(event.task, event.step, call);
        let first = begun.insert(event.task, ()).is_none();
        let same = before.as_ref().is_some_and(|before| before.task == event.task);
        let cause = match &before {
            _ if enters => Cause::User(key()),
            _ if same => Cause::Call(key()),
            Some(before) if before.exits => Cause::End(names.base(before.task)),
            _ if first => Cause::Begin(names.base(event.task)),
            _ => Cause::HandOver(key()),
        };
        let piece = pieces.entry(cause).or_default();
        piece.count += 1;
        piece.nanos += event.at.since(at).as_nanos();
        piece.faults += faults.remove(&event.task).unwrap_or(0);
        at = event.at;
        before = Some(Before { task: event.task, exits: enters && names.is_exit(call) });
    }
    (pieces, at)
}
