//! What a CPU or a thread can be doing at one moment.

use crate::ids::{CallId, ObjectId, Vector};
use crate::signal::Signal;
use crate::trace::{Cause, Exception, Fault};

/// What the kernel does on behalf of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// A system call.
    Call(CallId),
    /// A page fault of a user-mode access.
    Fault(Fault),
    /// Another exception.
    Exception(Exception),
    /// Taking a thread apart that a signal ends.
    Death(Signal),
}

/// What the kernel does on behalf of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handler {
    /// The hard half of a device's handler.
    Irq(Vector),
    /// The deferred half.
    Softirq(Vector),
    /// The CPU's own timer.
    Timer,
    /// Another CPU asked this one to schedule.
    Reschedule,
}

/// What a CPU is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CpuState {
    Idle,
    /// A thread's own instructions.
    User,
    /// The kernel, for the current thread.
    Kernel(Work),
    /// The kernel, going from one thread to another.
    Switch,
    /// The kernel, for a device.
    Interrupt(Handler),
}

/// What a thread is doing, between its beginning and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadState {
    /// Running its own instructions.
    User,
    /// Running in the kernel, by its own request or fault.
    Kernel(Work),
    /// Current on a CPU that serves a device.
    Interrupted(Handler),
    /// Being switched to.
    Switch,
    /// Could run, but no CPU is free for it.
    Ready,
    /// Waits for something; `object` is the channel or lock, if it has a name.
    Blocked { on: Cause, object: Option<ObjectId> },
}
