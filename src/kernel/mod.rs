//! The kernel's mechanisms. Knows no system call by name.
//!
//! - [`task`], [`wait`], [`waits`], [`work`]: threads, wait queues, pieces of kernel work
//! - [`cpu`], [`schedule`], [`mod@switch`], [`affinity`], [`balance`], [`queues`], [`sched`]: what each CPU runs, who is next and where, and the policies
//! - [`speed`]: how fast a thread computes there
//! - [`intervals`]: timers that send signals
//! - [`interrupts`]: what the handlers of timer, devices and other CPUs do
//! - [`memory`]: page faults and address spaces; [`areas`], [`mappings`]: what processes map, unmap and
//!   protect; [`inherit`]: what a fork copies; [`paging`], [`reclaim`]: page replacement, swapping, and running out of memory
//! - [`process`], [`signals`], [`dispositions`], [`jobs`]: births, deaths, signals, what is done about them, and stopped processes
//! - [`screen`]: what programs write on the terminal
//! - [`bytes`]: what messages and files hold; [`readiness`], [`epoll`]: which descriptors can be read or written
//! - [`page_cache`], [`read_ahead`], [`ranges`], [`file_names`], [`requests`], [`rings`]: files on disks, asynchronous requests, and rings of them
//! - [`mod@file`], [`ipc`]: open files, pipes, futexes; [`caches`]: which CPU used them last
//! - [`cost`], [`options`]: prices and configuration; [`cost_doc`] documents the prices

pub mod affinity;
pub mod areas;
pub mod balance;
pub mod bytes;
pub mod caches;
pub mod cost;
pub mod cost_doc;
pub mod cpu;
pub mod dispositions;
pub mod epoll;
pub mod file;
pub mod file_names;
pub mod inherit;
pub mod interrupts;
pub mod intervals;
pub mod ipc;
pub mod jobs;
pub mod mappings;
pub mod memory;
pub mod options;
pub mod page_cache;
pub mod paging;
pub mod process;
pub mod queues;
pub mod ranges;
pub mod read_ahead;
pub mod readiness;
pub mod reclaim;
pub mod releases;
pub mod requests;
pub mod rings;
pub mod sched;
pub mod schedule;
pub mod screen;
pub mod signals;
pub mod slices;
pub mod speed;
pub mod switch;
pub mod task;
pub mod wait;
pub mod waits;
pub mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::hw::device::Device;
use crate::hw::interrupt::RESCHEDULE;
use crate::hw::mmu::Frames;
use crate::hw::queue::{EventQueue, Rank};
use crate::ids::{CpuId, DeviceId, Pid, StepId, Tid, Vector};
use crate::time::{Instant, Span};
use crate::trace::{Event, Kind, Sink};

use caches::Caches;
use cost::{Costs, SwitchPrices};
use cpu::Cpu;
use dispositions::Signals;
use file::Files;
use ipc::futex::Futexes;
use ipc::pi::PiLocks;
use ipc::pipe::Pipe;
use ipc::socket::Sockets;
use memory::Region;
use options::Options;
use paging::Paging;
use readiness::Watchers;
use sched::{Parameters, Policy};
use speed::Speeds;
use task::{Process, Task};
use waits::Waits;
use work::{Context, Work};

/// What is due at the machine at some time; the queue's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// A disk has finished the request at this place.
    DiskDone { device: DeviceId, place: u16 },
    /// A noise device interrupts.
    Noise { device: DeviceId },
    /// A message from another CPU arrives.
    Ipi { to: CpuId, vector: Vector },
    /// An idle CPU that looks for work finds some.
    Notice { cpu: CpuId },
    /// A network card has waited long enough for more packets.
    Card { device: DeviceId, ticket: u32 },
    /// Something happens from outside: the index of an injection.
    Outside(u32),
    /// Processes start: the index of an entry in the list of starts.
    Start(u16),
    /// The flusher looks at a file's dirty pages.
    WriteBack { file: u32 },
    /// A process's interval timer expires, unless it was set anew since.
    Interval { process: Pid, ticket: u32 },
    /// The kernel makes the CPUs' queues even.
    Balance,
    /// The deadline of a periodic thread's job is over, which is given up then if it is late.
    Deadline { task: Tid, number: u64, gives_up: bool },
}

impl Due {
    /// Whether it could wake somebody. Noise never does.
    pub const fn is_hope(self) -> bool {
        match self {
            Due::DiskDone { .. }
            | Due::Ipi { .. }
            | Due::Notice { .. }
            | Due::Card { .. }
            | Due::Outside(_)
            | Due::Start(_) => true,
            // One that was set anew must not keep a run going: the timers count themselves.
            Due::Noise { .. } | Due::Interval { .. } | Due::WriteBack { .. } | Due::Balance => false,
            // One that gives up a job lets its thread go on.
            Due::Deadline { gives_up, .. } => gives_up,
        }
    }
}

/// The state of the simulated machine and its kernel.
#[derive(Clone, Debug)]
pub struct Kernel<S> {
    pub costs: Costs,
    pub prices: SwitchPrices,
    pub options: Options,
    pub cpus: Vec<Cpu>,
    /// The run queues, each under its policy: one for each CPU, or one for all.
    pub queues: Vec<Box<dyn Policy>>,
    /// Whether the policy keeps account of threads (see [`Policy::keeps_account`](sched::Policy)).
    pub keeps_account: bool,
    /// Whether a switch's time after a wake-up counts as the next thread's, and whether the policy says why.
    pub charges_the_next: bool,
    pub gives_reasons: bool,
    /// Whether the policy can fail, so that the run ends.
    pub can_fail: bool,
    /// Whether a thread that becomes ready costs the one that runs a switch to itself.
    pub reloads: bool,
    /// Whether some thread may not run on every CPU.
    pub is_pinned: bool,
    /// Threads that have something to do once in each period.
    pub periodic: BTreeMap<Tid, releases::Periodic>,
    /// The job of each whose deadline comes next.
    pub deadlines: BTreeMap<Tid, releases::Jobs>,
    /// Those that are at a job which is given up, and haven't left it yet.
    pub given_up: BTreeSet<Tid>,
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
    pub sockets: Sockets,
    pub files: Files,
    /// Asynchronous requests of files.
    pub requests: requests::Requests,
    /// Rings of requests.
    pub rings: Vec<rings::Ring>,
    pub futexes: Futexes,
    /// Who waits for a lock with priority inheritance.
    pub pi: PiLocks,
    /// Message queues and semaphore sets.
    pub ipc: ipc::Ipc,
    /// Event counters and timers behind descriptors.
    pub counters: Vec<ipc::counter::Counter>,
    pub alarms: Vec<ipc::alarm::Alarm>,
    /// Who polls descriptors.
    pub watchers: Watchers,
    /// Who waits for anything that has no queue of its own.
    pub waits: Waits,
    /// What threads and processes do about signals.
    pub signals: Signals,
    /// Which CPU's caches hold what, if the profile prices that.
    pub caches: Option<Box<Caches>>,
    /// How fast the CPUs are and where threads' data are, if that makes a difference.
    pub speeds: Option<Box<Speeds>>,
    /// In the order of their pages.
    pub regions: Vec<Region>,
    /// Page replacement, if the scenario has any.
    pub paging: Option<Box<Paging>>,
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
        let now = self.cpus[from].now;
        let Costs { ipi_delivery, ipi_delivery_idle, .. } = self.costs;
        let there = &self.cpus[to.index()];
        let halted = !ipi_delivery_idle.is_zero() && there.context == Context::Idle && !there.polls(now);
        let delivery = if halted { ipi_delivery_idle } else { ipi_delivery };
        let due = now + delivery.max(Span::TICK);
        self.cpus[from].debt += self.costs.ipi_send;
        self.expect(due, Rank::Processor, Due::Ipi { to, vector });
    }

    /// Another CPU must schedule. It gets a message, unless it is idle and looks for work itself: then
    /// it notices in a while, or finds out when what it is at is done.
    pub(super) fn ask_to_schedule(&mut self, from: usize, to: CpuId) {
        let now = self.cpus[from].now;
        let there = &mut self.cpus[to.index()];
        let goes_idle = !self.costs.idle_poll.is_zero()
            && there.is_idle()
            && there.context == Context::Kernel(Work::Switch);
        if goes_idle {
            return;
        }
        if !there.polls(now) {
            return self.send_ipi(from, to, RESCHEDULE);
        }
        let due = now + self.costs.poll_notice.max(Span::TICK);
        there.notice_at = due;
        self.expect(due, Rank::Processor, Due::Notice { cpu: to });
    }

    /// An idle CPU notices that there is work, unless an interrupt has told it before.
    pub fn notice(&mut self, at: Instant, cpu: CpuId) {
        let here = &mut self.cpus[cpu.index()];
        if here.context == Context::Idle && here.reschedule.is_some() && here.notice_at == at {
            (here.notices, here.noticed) = (true, at);
        }
    }

    /// Queues what is due later, and never in the same instant (see [`send_ipi`](Kernel::send_ipi)).
    pub fn expect(&mut self, due: Instant, rank: Rank, what: Due) {
        if what.is_hope() {
            self.hopes += 1;
        }
        self.queue.push(due, rank, what);
    }
}
