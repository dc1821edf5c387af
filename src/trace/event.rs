//! What can happen at the kernel boundary: one [`Event`] per crossing, decision or message.
//!
//! The kinds bear the names of Linux's trace points where those exist, so that a measured and a
//! simulated run speak of the same things. An event says *when* it happened, on which CPU, which
//! thread was current there, and which step of the scenario that thread was at.

use serde::{Deserialize, Serialize};

use crate::ids::{CallId, CpuId, NameId, ObjectId, Pid, StepId, Tid, Vector};
use crate::signal::Signal;
use crate::time::Instant;

pub use super::cause::Cause;

use super::moved::Moved;
use super::rule::Rule;

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub at: Instant,
    /// Unknown only for measured events that don't carry it.
    pub cpu: Option<CpuId>,
    /// The thread that was current on that CPU; [`Tid::IDLE`] if none was.
    pub task: Tid,
    /// The step that thread was at; [`StepId::NONE`] outside any step.
    pub step: StepId,
    pub kind: Kind,
}

/// Why a CPU went from one thread to another: the reason of a scheduling decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// The previous thread waits for something; `object` is the channel or lock, if it has a name.
    Blocked { on: Cause, object: Option<ObjectId> },
    /// The previous thread has used up its time slice.
    SliceEnd,
    /// A thread that the policy prefers became ready.
    Preempted { by: Tid },
    /// The previous thread asked to step back.
    Yielded,
    /// The previous thread has ended.
    Exited,
    /// The CPU was idle and has found work.
    WorkArrived,
}

/// A page fault's cause and remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Fault {
    /// The page exists but has no frame yet: one is zeroed and mapped.
    Minor,
    /// The page's content must be read from a device first.
    Major,
    /// The page was shared since a fork and is now written: it is copied.
    CopyOnWrite,
    /// The access isn't allowed: SIGSEGV.
    Protection,
}

impl Fault {
    pub const ALL: &[Fault] = &[Fault::Minor, Fault::Major, Fault::CopyOnWrite, Fault::Protection];

    pub const fn name(self) -> &'static str {
        match self {
            Fault::Minor => "minor",
            Fault::Major => "major",
            Fault::CopyOnWrite => "copy-on-write",
            Fault::Protection => "protection",
        }
    }
}

/// An exception other than a page fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Exception {
    DivideError,
    IllegalInstruction,
}

impl Exception {
    pub const ALL: &[Exception] = &[Exception::DivideError, Exception::IllegalInstruction];

    pub const fn name(self) -> &'static str {
        match self {
            Exception::DivideError => "divide-error",
            Exception::IllegalInstruction => "illegal-instruction",
        }
    }

    /// The signal that a program gets for it.
    pub const fn signal(self) -> Signal {
        match self {
            Exception::DivideError => Signal::SIGFPE,
            Exception::IllegalInstruction => Signal::SIGILL,
        }
    }
}

/// What happened. [`KINDS`](super::kinds::KINDS) documents each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The CPU leaves `prev` for `next`. The switch's cost lies between this and `SchedExit`.
    SchedSwitch {
        prev: Tid,
        next: Tid,
        why: Why,
    },
    /// The switch is complete: `next` goes on where it was.
    SchedExit,
    /// The current thread (or an interrupt) wakes `task`.
    SchedWaking {
        task: Tid,
    },
    /// `task` is ready, in the run queue of CPU `on`.
    SchedWakeup {
        task: Tid,
        on: CpuId,
    },
    /// `task` goes from one CPU's run queue to another's.
    SchedMigrate {
        task: Tid,
        from: CpuId,
        to: CpuId,
        why: Moved,
    },
    /// `task` has another priority: that of `donor`, who waits for a lock of its, or again its own.
    SchedPiSetprio {
        task: Tid,
        donor: Tid,
        before: i64,
        after: i64,
    },

    /// The thread enters the kernel by a system call.
    SysEnter {
        call: CallId,
    },
    /// The call returns to the program: a value, or a negated error number.
    SysExit {
        call: CallId,
        result: i64,
    },

    /// A user-mode access raised a page fault; ends with `ExceptionExit`.
    PageFaultUser {
        page: u64,
        fault: Fault,
    },
    /// The kernel itself touched a page that wasn't there, on behalf of the program.
    PageFaultKernel {
        page: u64,
        fault: Fault,
    },
    /// An instruction raised an exception; ends with `ExceptionExit`.
    ExceptionEntry {
        exception: Exception,
    },
    ExceptionExit,

    /// A device's line was asserted at CPU `to`.
    InterruptRaised {
        vector: Vector,
        to: CpuId,
    },
    /// A further edge arrived while the first still waited: one interrupt will serve both.
    InterruptCoalesced {
        vector: Vector,
        to: CpuId,
    },
    /// The CPU took it from its interrupt register, between two instructions.
    InterruptRecognised {
        vector: Vector,
    },
    IrqHandlerEntry {
        vector: Vector,
    },
    /// `handled` is false for a spurious interrupt: no device had asked for it.
    IrqHandlerExit {
        vector: Vector,
        handled: bool,
    },
    /// The deferred half of a handler, with interrupts enabled.
    SoftirqEntry {
        vector: Vector,
    },
    SoftirqExit {
        vector: Vector,
    },
    LocalTimerEntry,
    LocalTimerExit,
    /// Another CPU asked this one to schedule.
    RescheduleEntry,
    RescheduleExit,

    SignalGenerate {
        signal: Signal,
        to: Tid,
    },
    SignalDeliver {
        signal: Signal,
        /// Whether the process has a handler for it.
        handled: bool,
    },

    /// `child` now exists; `process` differs from the parent's unless it is a thread.
    ProcessFork {
        child: Tid,
        process: Pid,
    },
    ProcessExec {
        program: NameId,
    },
    /// The thread is over; 0 to 255 from exit, 128 + signal number if it was ended by a signal.
    ProcessExit {
        status: u16,
    },

    /// Bytes went into a channel (pipe, file ...).
    MessageSend {
        object: ObjectId,
        bytes: u64,
    },
    /// Bytes came out of a channel.
    MessageReceive {
        object: ObjectId,
        bytes: u64,
    },
    /// The thread found the lock taken and will wait.
    LockContended {
        object: ObjectId,
    },
    LockAcquired {
        object: ObjectId,
    },
    LockReleased {
        object: ObjectId,
    },

    /// A request goes to a disk.
    BlockRqIssue {
        object: ObjectId,
        bytes: u64,
        write: bool,
    },
    BlockRqComplete {
        object: ObjectId,
        bytes: u64,
        write: bool,
    },

    /// A packet or datagram found no room.
    PacketDropped {
        object: ObjectId,
        bytes: u64,
    },
    /// A line on the terminal.
    Print {
        text: NameId,
    },

    /// A page lost its frame to another one; it must be written somewhere first.
    PageEvicted {
        page: u64,
        write: bool,
    },
    /// The policy picks `task` to run next, by this rule.
    SchedPick {
        task: Tid,
        rule: Rule,
        number: u64,
    },
    /// A job of a periodic thread may run: it was released at `release` and must end by `deadline`, in
    /// nanoseconds since the beginning.
    JobRelease {
        task: Tid,
        number: u64,
        release: u64,
        deadline: u64,
    },
    /// A job has done its work.
    JobEnd {
        task: Tid,
        number: u64,
    },
    /// A job's deadline is over, and it hasn't ended.
    DeadlineMiss {
        task: Tid,
        number: u64,
    },
    /// A late job is given up, or one that never began is left out.
    JobDrop {
        task: Tid,
        number: u64,
        begun: bool,
    },
    /// The policy has reckoned the load average, in hundredths of a thread.
    SchedLoad {
        load: u64,
    },
    /// The policy lifts all threads of a CPU's queue to this level, as was due then, in nanoseconds.
    SchedBoost {
        on: CpuId,
        level: u16,
        due: u64,
    },
    /// The kernel ends a process because no page can be taken from anybody; it had so many.
    OomKill {
        task: Tid,
        pages: u64,
    },
    /// Acknowledged bytes that will never be on their disk.
    DataLost {
        object: ObjectId,
        bytes: u64,
    },
    /// So many page frames are free from here on.
    FramesFree {
        free: u64,
    },
    /// The process whose first thread is `task` has these pages in memory no more.
    PagesUnmapped {
        task: Tid,
        page: u64,
        pages: u64,
    },
}
