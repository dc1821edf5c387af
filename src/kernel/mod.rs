//! The kernel's mechanisms. Knows no system call by name.
//!
//! - [`task`], [`wait`], [`work`]: threads, wait queues, pieces of kernel work
//! - [`cpu`], [`schedule`], [`sched`]: what each CPU runs, who is next, and the policies
//! - [`interrupts`]: what the handlers of timer, devices and other CPUs do
//! - [`process`], [`signals`]: births, deaths and signals
//! - [`memory`]: page faults and address spaces
//! - [`mod@file`], [`ipc`]: open files, the page cache, pipes, futexes
//! - [`cost`], [`options`]: prices and configuration; [`cost_doc`] documents the prices

pub mod cost;
pub mod cost_doc;
pub mod cpu;
pub mod file;
pub mod interrupts;
pub mod ipc;
pub mod memory;
pub mod options;
pub mod process;
pub mod sched;
pub mod schedule;
pub mod signals;
pub mod task;
pub mod wait;
pub mod work;

use std::sync::Arc;

use crate::hw::device::Device;
use crate::hw::mmu::Frames;
use crate::hw::queue::{EventQueue, Rank};
use crate::ids::{CpuId, DeviceId, Pid, StepId, Tid, Vector};
use crate::time::{Instant, Span};
use crate::trace::{Event, Kind, Sink};

use cost::Costs;
use cpu::Cpu;
use file::Files;
use ipc::futex::Futexes;
use ipc::pipe::Pipe;
use memory::Region;
use options::Options;
use sched::Parameters;
use task::{Process, Task};

/// What is due at the machine at some time; the queue's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// A disk has finished the request at this place.
    DiskDone { device: DeviceId, place: u16 },
    /// A noise device interrupts.
    Noise { device: DeviceId },
    /// A message from another CPU arrives.
    Ipi { to: CpuId, vector: Vector },
    /// Something happens from outside: the index of an injection.
    Outside(u32),
    /// Processes start: the index of an entry in the list of starts.
    Start(u16),
}

impl Due {
    /// Whether it could wake somebody. Noise never does.
    pub const fn is_hope(self) -> bool {
        match self {
            Due::DiskDone { .. } | Due::Ipi { .. } | Due::Outside(_) | Due::Start(_) => true,
            Due::Noise { .. } => false,
        }
    }
}

/// The state of the simulated machine and its kernel.
#[derive(Debug)]
pub struct Kernel<S> {
    pub costs: Costs,
    pub options: Options,
    pub cpus: Vec<Cpu>,
    /// Whether the policy keeps account of threads (see [`Policy::keeps_account`](sched::Policy)).
    pub keeps_account: bool,
    /// What is due outside the CPUs.
    pub queue: EventQueue<Due>,
    pub devices: Vec<Device>,
    /// Indexed by vector: the device on that line.
    pub lines: [Option<DeviceId>; 64],
    pub frames: Frames,
    /// Indexed by [`Tid`].
    pub tasks: Vec<Task>,
    /// What the scheduling policy is told about each thread, indexed by [`Tid`].
    pub parameters: Vec<Arc<Parameters>>,
    /// Indexed by [`Pid`]; threads that lead no process have none.
    pub processes: Vec<Option<Box<Process>>>,
    pub pipes: Vec<Pipe>,
    pub files: Files,
    pub futexes: Futexes,
    /// In the order of their pages.
    pub regions: Vec<Region>,
    pub terminal: file::Terminal,
    /// The first process of each entry of the scenario's list of starts, once it exists.
    pub first_of: Vec<Option<Pid>>,
    /// Process and thread numbers in use: of the living, and of zombies.
    pub numbers_in_use: u32,
    /// Queued events and timers that could still wake somebody. When all CPUs idle and this is
    /// zero, nothing can ever happen again.
    pub hopes: u64,
    /// Entries into the kernel: calls, exceptions and interrupts.
    pub crossings: u64,
    /// Before this, no other CPU does anything: the CPU whose turn it is may go on without asking.
    pub quiet_until: Instant,
    pub sink: S,
}

impl<S: Sink> Kernel<S> {
    /// Records what happens on a CPU, now.
    #[inline]
    pub fn emit(&mut self, cpu: usize, kind: Kind) {
        if S::ON {
            let at = self.cpus[cpu].now;
            self.emit_at(at, cpu, kind);
        }
    }

    /// Records what has happened at a time, to whatever is current on the CPU.
    #[inline]
    pub fn emit_at(&mut self, at: Instant, cpu: usize, kind: Kind) {
        if S::ON {
            let here = &self.cpus[cpu];
            let task = here.current;
            let step = if task == Tid::IDLE { StepId::NONE } else { self.tasks[task.index()].step };
            self.sink.event(Event { at, cpu: Some(here.id), task, step, kind });
        }
    }

    /// A message from one CPU reaches another no sooner than the next nanosecond: nothing crosses
    /// the machine in no time, so that the order of CPUs within an instant can't matter.
    pub fn send_ipi(&mut self, from: usize, to: CpuId, vector: Vector) {
        let delivery = self.costs.ipi_delivery.max(Span::TICK);
        let due = self.cpus[from].now + delivery;
        self.cpus[from].debt += self.costs.ipi_send;
        self.expect(due, Rank::Processor, Due::Ipi { to, vector });
    }

    /// Queues what is due later, and never in the same instant (see [`send_ipi`](Kernel::send_ipi)).
    pub fn expect(&mut self, due: Instant, rank: Rank, what: Due) {
        if what.is_hope() {
            self.hopes += 1;
        }
        self.queue.push(due, rank, what);
    }
}
