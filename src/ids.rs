//! Numbers that name things. Each kind has its own type, so that a page can't be used as a frame.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident($number:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $number);

        impl $name {
            /// The number as an index into a vector.
            #[inline]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl From<usize> for $name {
            #[inline]
            fn from(index: usize) -> $name {
                $name(index as $number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// A thread of execution, which is what the scheduler runs. A process's first thread bears the
    /// process's number, as on Linux. Numbers aren't reused within a run.
    Tid(u32);
    /// A process: an address space, open files and at least one thread.
    Pid(u32);
    /// One processor.
    CpuId(u16);
    /// A line of the interrupt controller. A higher number is a higher priority, as on x86.
    Vector(u8);
    /// A process's number for an open file or one end of a pipe.
    Fd(u16);
    /// A page of an address space.
    PageNumber(u32);
    /// A page-sized piece of physical memory.
    FrameNumber(u32);
    /// A device of the machine.
    DeviceId(u16);
    /// A system call's row in the registry.
    CallId(u16);
    /// A step of the scenario; the trace header says where each one stands.
    StepId(u32);
    /// A text in the trace's name table.
    NameId(u32);
    /// A channel, lock or other named object of the scenario.
    ObjectId(u32);
}

impl Tid {
    /// What runs when nothing runs.
    pub const IDLE: Tid = Tid(0);
    /// The parent of all initial processes and of orphans. It never runs.
    pub const INIT: Tid = Tid(1);

    /// The process whose first thread this is.
    pub const fn leads(self) -> Pid {
        Pid(self.0)
    }
}

impl Pid {
    pub const INIT: Pid = Pid(1);

    /// The process's first thread.
    pub const fn leader(self) -> Tid {
        Tid(self.0)
    }
}

impl StepId {
    /// Not part of any step: the idle loop, an interrupt, or work before a program's first step.
    pub const NONE: StepId = StepId(u32::MAX);
}
