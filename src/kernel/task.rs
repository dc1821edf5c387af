//! Threads and processes as the kernel knows them.

use crate::ids::{CpuId, ObjectId, Pid, StepId};
use crate::time::Span;
use crate::trace::Cause;

use super::memory::AddressSpace;
use super::wait::{Link, WaitQueue};
use super::waits::Interruption;
use super::work::Context;

/// What a thread is doing, from the scheduler's point of view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// In a run queue.
    Ready,
    /// On a CPU, or being switched to.
    Running,
    /// Waiting; not in a run queue.
    Blocked { on: Cause, object: Option<ObjectId> },
    /// Over.
    Ended,
}

/// The CPUs that a thread may run on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Affinity {
    #[default]
    Any,
    Only(CpuId),
    /// Several of the first 32, a bit for each.
    Among(u32),
}

impl Affinity {
    pub const fn allows(self, cpu: CpuId) -> bool {
        match self {
            Affinity::Any => true,
            Affinity::Only(only) => only.0 == cpu.0,
            Affinity::Among(cpus) => cpu.0 < 32 && cpus & 1 << cpu.0 != 0,
        }
    }
}

/// A thread: what the scheduler runs. One line of the host's cache holds it, which is why what a
/// policy is told about it stands elsewhere (see [`Kernel::parameters`](super::Kernel)).
#[derive(Clone, Debug)]
#[repr(align(64))]
pub struct Task {
    pub process: Pid,
    pub state: State,
    /// Where it goes on when it gets a CPU, and how much of that is left.
    pub context: Context,
    pub left: Span,
    /// The CPU that it runs on, or last ran on.
    pub cpu: CpuId,
    /// The CPUs that it may run on.
    pub affinity: Affinity,
    pub step: StepId,
    /// The next thread of the wait queue that it is in.
    pub next_waiter: Link,
    /// The ticket of the timer that will wake it; an expired timer with another one is stale.
    pub timer: u64,
    /// It is to end with this status as soon as it is about to return to user mode.
    pub doomed: Option<u16>,
    /// There is something to look at before it is back in user mode: its end, a stop, a signal.
    pub attention: bool,
    /// Why it was woken, if not by what it waited for.
    pub interruption: Option<Interruption>,
}

/// A process: an address space, open files, and at least one thread.
#[derive(Clone, Debug)]
pub struct Process {
    pub parent: Pid,
    /// Which program it was started or forked to run, as a number that the kernel doesn't interpret.
    pub program: u16,
    pub phase: Phase,
    /// Threads that haven't ended.
    pub threads: u32,
    pub space: AddressSpace,
    /// Open files by descriptor.
    pub files: Vec<Option<super::file::OpenId>>,
    /// Signals that it ignores, by their bits.
    pub ignored: u64,
    /// Its process group, by the number of the process that has founded it.
    pub group: Pid,
    /// It has executed another program since it was forked.
    pub executed: bool,
    /// The youngest child; each child names the next older one.
    pub youngest_child: Option<Pid>,
    pub older_sibling: Option<Pid>,
    /// Threads that wait for a child.
    pub parents_waiting: WaitQueue,
    /// Threads that wait for another thread.
    pub joiners: WaitQueue,
}

/// Where a process is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Alive,
    /// Over, but its parent hasn't asked for its status.
    Zombie {
        status: u16,
    },
    /// Nothing is left but its number.
    Gone {
        status: u16,
    },
}

impl Process {
    pub fn is_alive(&self) -> bool {
        self.phase == Phase::Alive
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_takes_one_line_of_the_cache_and_a_process_two() {
        assert_eq!(size_of::<Task>(), 64);
        assert_eq!(size_of::<Process>(), 128);
    }
}
