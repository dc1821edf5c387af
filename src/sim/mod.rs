//! The simulation: THE LOOP.
//!
//! - A CPU executes an instruction; devices that came due meanwhile assert their lines; the CPU looks
//!   at its interrupt register; if there is a trap, it is dispatched. [`Simulator::run`] says so in
//!   as many lines.
//! - `execute`: whose instruction ends next, and how far a run of plain instructions may go at
//!   once (the exact fast-forward)
//! - `running`: the programs' usual instructions; `user`: what all others do; `access`: those that access memory; `interpret`:
//!   the programs' own work around them; `mapped`: cells in mapped files
//! - `dispatch`: traps become frames of kernel work, and what happens at each frame's end; `call`:
//!   the frames of a system call; `signals`: what is in its way back to user mode
//! - `mutation`: mistakes for the test of the fast-forward's exactness
//! - `outside`: what happens to the machine from outside
//! - `boot`: how a machine comes to be from a lowered scenario; `foresight`: what opt must know beforehand
//! - `stepping`: a run that stops after each instruction, for whoever looks at it
//! - `outcome`: how a run ends; `deadlock`: why nothing can happen any more
//!
//! **Order within an instant.** CPUs take turns by the time at which their instruction ends, then by
//! number. In a turn the devices due by then assert their lines first, then the instruction takes
//! effect, then the register is looked at. Nothing that one CPU or device does reaches another
//! within the same instant (see [`Kernel::send_ipi`](crate::kernel::Kernel::send_ipi)), so the order of turns is all
//! there is to know, and it is the same whether plain instructions are executed one at a time or
//! many at once.

mod access;
mod assemble;
mod boot;
mod call;
mod control;
mod deadlock;
mod dispatch;
mod execute;
mod foresight;
mod header;
mod interpret;
mod mapped;
mod mutation;
mod outcome;
mod outside;
mod running;
mod signals;
mod stepping;
mod user;

pub use crate::trace::header::Outcome;
pub use control::Control;
pub use deadlock::{Deadlock, Waiter};
pub use header::header;
pub use mutation::Mutation;

use std::collections::{BTreeMap, BTreeSet};

use crate::errno::Errno;
use crate::ids::{CallId, ObjectId, PageNumber, Tid, Vector};
use crate::kernel::Kernel;
use crate::kernel::cost::CallCost;
use crate::program::Image;
use crate::program::userland::Userland;
use crate::time::{Instant, Span};
use crate::trace::{Exception, Fault, Sink};

use interpret::OwnWork;

/// Whether plain instructions are executed one at a time. Both give the same trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    Step,
    /// As many at once as end before anything else can happen.
    #[default]
    Fast,
    /// One in each turn, for whoever stops after each (see [`Simulator::step`]).
    Single,
}

/// A reason to enter the kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trap {
    /// Asked for by the program.
    Syscall(CallId),
    /// Raised by an instruction that touched a page.
    PageFault { page: PageNumber, write: bool, fault: Fault },
    /// Raised by an instruction that can't be executed.
    Exception(Exception),
    /// Raised by a device, and found in the interrupt register.
    Interrupt(Vector),
}

/// A machine with its kernel and programs, at some moment of a run. A clone is the same moment once more, from
/// which the run can go on too.
#[derive(Clone)]
pub struct Simulator<'a, S> {
    image: &'a Image,
    pub kernel: Kernel<S>,
    pub userland: Userland,
    pace: Pace,
    /// [`Mutation::None`] but in the test of the test.
    mutation: Mutation,
    prices: Prices,
    /// The run's limit came before whatever would have been next.
    cut_off: bool,
    /// Why the run is over, once it is; and if it is a deadlock, who waits for whom.
    outcome: Option<Outcome>,
    deadlock: Option<Deadlock>,
    /// Who holds each lock, as the library functions tell.
    holders: BTreeMap<ObjectId, Tid>,
    /// Where the shared arrays are that lie in files; empty if none does.
    mapped: Vec<Option<(u32, u64)>>,
    /// Who holds a lock together with others.
    sharers: BTreeSet<(ObjectId, Tid)>,
    /// Processes that are still to be started.
    unstarted: u32,
    turns: u64,
    /// The time at which the run was last looked after, and how often it has been found there.
    watched: (Instant, u32),
    /// Who watches the run, and can stop it.
    control: Option<&'a Control>,
}

/// The prices on every call's way, in whole instructions.
#[derive(Clone, Debug)]
struct Prices {
    entry: Span,
    exit: Span,
    /// Indexed by [`CallId`](crate::ids::CallId).
    calls: Vec<CallPrice>,
    own: OwnWork,
}

/// The price of a call's body.
#[derive(Clone, Copy, Debug)]
struct CallPrice {
    base: Span,
    cost: CallCost,
    /// It doesn't depend on what the call copies, nor on who used its object last.
    fixed: bool,
}

impl<S: Sink> Simulator<'_, S> {
    /// Runs until all programs have ended, nothing can happen any more, or a limit is reached.
    pub fn run(&mut self) -> Outcome {
        while let Some(cpu) = self.execute_next_instruction() {
            self.devices_assert_lines(cpu);
            let trap = self.take_effect(cpu).or_else(|| self.look_at_interrupt_register(cpu));
            if let Some(trap) = trap {
                self.dispatch(cpu, trap);
            }
        }
        self.end_of_run()
    }

    /// The highest pending, unmasked interrupt above the current priority, unless the kernel has
    /// masked them all.
    #[inline]
    fn look_at_interrupt_register(&self, cpu: usize) -> Option<Trap> {
        let here = &self.kernel.cpus[cpu];
        let highest = here.interrupts.highest()?;
        if here.masks_interrupts() { None } else { Some(Trap::Interrupt(highest)) }
    }

    /// Who waits for whom, if the run has ended in a deadlock.
    pub fn deadlock(&self) -> Option<&Deadlock> {
        self.deadlock.as_ref()
    }

    /// How many turns the CPUs have taken: runs of instructions and frames of kernel work.
    pub const fn turns(&self) -> u64 {
        self.turns
    }

    /// The time at which the run was over: its limit, or the last thing that happened.
    pub fn end(&self) -> Instant {
        if self.cut_off { self.image.run.until } else { self.now() }
    }

    /// The current time: the latest instruction boundary that any CPU has reached.
    pub fn now(&self) -> Instant {
        self.kernel.cpus.iter().map(|cpu| cpu.now).max().unwrap_or(Instant::START)
    }
}

impl Trap {
    /// What a failed call means to whoever reads the terminal.
    fn failure(program: &str, call: &str, errno: Errno) -> String {
        format!("{program}: {call}: {errno}")
    }
}
