//! A trace as spans and arrows: one lane for each CPU and one for each thread.
//!
//! Lanes hold every span of their window, so their memory grows with it. A chart of a long trace
//! is made of a window, or of a trace that fits into memory; statistics have no such limit, see
//! [`account`](super::account).

use crate::ids::{CallId, CpuId, ObjectId, Pid, Tid, Vector};
use crate::signal::Signal;
use crate::time::{Instant, Span};

use super::state::{CpuState, Handler, ThreadState};

/// Everything that a chart of one window shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lanes {
    pub from: Instant,
    /// The end of the window or of the run, whichever is earlier.
    pub to: Instant,
    /// By number.
    pub cpus: Vec<CpuLane>,
    /// In the order in which they were announced; those without a span in the window as well.
    pub threads: Vec<ThreadLane>,
    /// In the order in which they were raised or, if unknown, recognised.
    pub interrupts: Vec<Interrupt>,
    /// In order of time.
    pub coalesced: Vec<Coalesced>,
    /// In order of time.
    pub marks: Vec<Mark>,
    pub wakeups: Vec<Wakeup>,
    pub messages: Vec<Message>,
    /// Calls that took no time, as they all do with the cost profile `free`: they have no span.
    pub free_calls: Vec<FreeCall>,
}

/// What one CPU did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuLane {
    pub cpu: CpuId,
    pub spans: Vec<CpuSpan>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuSpan {
    pub from: Instant,
    pub to: Instant,
    pub state: CpuState,
    /// The thread that was current.
    pub task: Tid,
}

/// What one thread did. Before `start` and after `end` it doesn't exist and has no spans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadLane {
    pub task: Tid,
    pub process: Pid,
    pub parent: Tid,
    pub name: String,
    pub start: Option<Instant>,
    pub end: Option<Instant>,
    pub spans: Vec<ThreadSpan>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadSpan {
    pub from: Instant,
    pub to: Instant,
    pub state: ThreadState,
    /// Where, if it was current anywhere.
    pub cpu: Option<CpuId>,
}

/// One interrupt, from its line to the CPU that took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupt {
    pub vector: Vector,
    pub cpu: CpuId,
    /// Unknown in traces that see handlers only.
    pub raised: Option<Instant>,
    /// None if it was still waiting at the end.
    pub recognised: Option<Instant>,
}

/// An edge that joined an interrupt which was still waiting: one handler serves both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coalesced {
    pub at: Instant,
    pub vector: Vector,
}

/// Something that has a moment but no length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub at: Instant,
    pub task: Tid,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Forked {
        child: Tid,
    },
    Exited {
        status: u16,
    },
    SignalSent {
        signal: Signal,
        to: Tid,
    },
    SignalDelivered {
        signal: Signal,
    },
    Printed {
        text: String,
    },
    /// The deadline of one of the thread's jobs was over before the job was.
    DeadlineMissed,
}

/// A thread became ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wakeup {
    pub at: Instant,
    pub task: Tid,
    pub by: Waker,
    /// Where the waker ran.
    pub cpu: Option<CpuId>,
}

/// Who woke a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waker {
    Thread(Tid),
    Handler(Handler),
}

/// The first bytes of something sent arrived with a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    pub object: ObjectId,
    pub sent: Instant,
    pub from: Tid,
    pub received: Instant,
    pub to: Tid,
    pub bytes: u64,
}

impl Lanes {
    /// The length of the window.
    pub fn span(&self) -> Span {
        self.to.since(self.from)
    }
}

/// A system call that was over at the instant at which it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreeCall {
    pub at: Instant,
    pub task: Tid,
    pub cpu: Option<CpuId>,
    pub call: CallId,
}
