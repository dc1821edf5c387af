//! What there is to draw: slices, moments and numbers, each on a row of the picture.

use std::ops::Range;

use crate::export::names::Names;
use crate::ids::{CpuId, ObjectId, Tid};

use super::label::{Label, of_object};

/// A row of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Who runs on a CPU.
    Cpu(CpuId),
    /// What the kernel does on a CPU for no thread: interrupts, switches, decisions.
    Kernel(CpuId),
    /// A thread's system calls, faults and messages.
    Calls(Tid),
    /// Whether a thread runs, is ready or waits.
    State(Tid),
    /// What no CPU and no thread does: a device.
    Machine,
}

/// A number that changes over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counter {
    /// How many ready threads wait in a CPU's run queue.
    Queue(CpuId),
    /// The load average, in hundredths.
    Load,
    /// How many bytes lie in a channel.
    Bytes(ObjectId),
}

impl Counter {
    pub fn name(self, names: &Names) -> String {
        match self {
            Counter::Queue(cpu) => format!("run queue of CPU {cpu}"),
            Counter::Load => "load (hundredths)".to_owned(),
            Counter::Bytes(object) => of_object("bytes in", object, names),
        }
    }
}

/// One thing to draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub at: u64,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A slice begins. `told` says whether the event's fields explain it.
    Begin {
        lane: Lane,
        name: Label,
        told: bool,
    },
    /// The innermost slice of the lane ends. `told` as above: the event gives its result.
    End {
        lane: Lane,
        told: bool,
    },
    /// Something without a length; an arrow may begin here, and arrows may end here: those of [`Lanes::ends`](super::Lanes::ends).
    Moment {
        lane: Lane,
        name: Label,
        starts: Option<u64>,
        ends: Range<usize>,
    },
    Count {
        counter: Counter,
        value: u64,
    },
}
