//! What a CPU can be busy with: the user's instructions, pieces of kernel work, or nothing.
//!
//! A piece of kernel work is a frame of so many kernel instructions. Its effect is applied when
//! the last of them is done. Work on behalf of the current thread is saved with the thread when
//! it loses the CPU; an interrupt's work lies on the CPU's own stack and never waits.

use crate::ids::{PageNumber, Vector};
use crate::trace::{Exception, Fault};

/// What a CPU executes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// Halted until an interrupt.
    Idle,
    /// The current thread's own instructions.
    User,
    /// A frame of kernel instructions.
    Kernel(Work),
}

/// A frame of kernel instructions, by what happens at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// From the system call instruction to the call's body.
    CallEntry,
    /// The call has been woken from its wait and looks again; takes no time by itself.
    CallResume,
    /// The body: at its end the call takes effect, or blocks.
    CallBody,
    /// Back to user mode with the call's result.
    CallExit,
    /// The page-fault handler: at its end the page is mapped, or is being read.
    PageFault { page: PageNumber, write: bool, fault: Fault },
    /// Any other exception's handler: at its end the signal is sent.
    Exception(Exception),
    /// A handler's frame is put on the thread's stack: at its end the handler begins.
    Deliver,
    /// The thread is being taken apart.
    ThreadExit,

    /// The hard half of a device's handler.
    Handler(Vector),
    /// The deferred half.
    Deferred(Vector),
    /// The local timer's handler.
    Timer,
    /// The handler of the inter-processor interrupt.
    Reschedule,

    /// From one thread to the next, or to the idle loop. Interrupts are masked.
    Switch,
}

impl Work {
    /// Whether interrupts are held off: a critical section of the kernel.
    pub const fn masks_interrupts(self) -> bool {
        match self {
            Work::Switch => true,
            Work::CallEntry
            | Work::CallResume
            | Work::CallBody
            | Work::CallExit
            | Work::PageFault { .. }
            | Work::Exception(_)
            | Work::Deliver
            | Work::ThreadExit
            | Work::Handler(_)
            | Work::Deferred(_)
            | Work::Timer
            | Work::Reschedule => false,
        }
    }
}
