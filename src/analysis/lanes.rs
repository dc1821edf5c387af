//! A trace as spans and arrows: one lane for each CPU and one for each thread.
//!
//! Lanes hold every span of their window, so their memory grows with it. A chart of a long trace
//! is made of a window, or of a trace that fits into memory; statistics have no such limit, see
//! [`account`](super::account).

use std::collections::BTreeSet;

use crate::ids::{CallId, CpuId, ObjectId, Pid, Tid, Vector};
use crate::signal::Signal;
use crate::time::{Instant, Span};

use super::forks::ForkTree;
use super::naming::base;
use super::paging::Paging;
use super::state::{CpuState, Handler, ThreadState};
use super::waits::WaitGraph;

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
    /// In the order in which they were released; those with a part in the window.
    pub jobs: Vec<Job>,
    /// In the order of their first use in the window.
    pub calls: Vec<CallUse>,
    /// In order of time; those before the window say where a thread was when it began.
    pub placements: Vec<Placement>,
    /// Page faults, which pages were in memory, and how many frames were free.
    pub paging: Paging,
    /// Who made whom, from the beginning of the run up to the end of the window.
    pub forks: ForkTree,
    /// Who waits for whom at the end of the window.
    pub waits: WaitGraph,
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
    /// The lanes of these CPUs and of the threads with these names alone; an empty list stands for all.
    #[must_use]
    pub fn only(mut self, cpus: &[CpuId], names: &[String]) -> Lanes {
        let is_meant = |name: &str| names.iter().any(|known| known == name || known == base(name));
        if !cpus.is_empty() {
            self.cpus.retain(|lane| cpus.contains(&lane.cpu));
        }
        if !names.is_empty() {
            self.threads.retain(|lane| is_meant(&lane.name));
            let tasks: BTreeSet<Tid> = self.threads.iter().map(|lane| lane.task).collect();
            self.jobs.retain(|job| tasks.contains(&job.task));
            self.calls.retain(|used| tasks.contains(&used.task));
            let processes: BTreeSet<Pid> = self.threads.iter().map(|lane| lane.process).collect();
            self.paging.faults.retain(|fault| processes.contains(&fault.process));
            self.paging.residences.retain(|residence| processes.contains(&residence.process));
        }
        self
    }

    /// The place of a CPU's lane, if it has one.
    pub fn lane_of(&self, cpu: CpuId) -> Option<usize> {
        self.cpus.binary_search_by_key(&cpu, |lane| lane.cpu).ok()
    }

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

/// A job of a periodic thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    pub task: Tid,
    pub number: u64,
    pub release: Instant,
    pub deadline: Instant,
    pub ended: Option<Instant>,
    /// Its deadline was over before it was.
    pub missed: bool,
    /// When it was given up.
    pub dropped: Option<Instant>,
}

/// How often a thread made a system call, and how long all of them took, waiting included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallUse {
    pub task: Tid,
    pub call: CallId,
    pub count: u64,
    pub elapsed: Span,
}

/// A thread came into the run queue of a CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    pub at: Instant,
    pub task: Tid,
    pub cpu: CpuId,
}
