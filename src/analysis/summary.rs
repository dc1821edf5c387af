//! What a run amounts to, in numbers. Every number is derived from the trace's events alone.
//!
//! Serialised, it is `summary.json`. Times are in nanoseconds. Maps whose every value would be
//! zero are empty.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::ids::{CpuId, Pid, Tid, Vector};
use crate::time::{Instant, Span};
use crate::trace::header::Source;
use crate::trace::{Cause, Fault};

use super::latency::Distribution;

/// All statistics of one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Summary {
    pub scenario: String,
    pub question: String,
    pub source: Source,
    pub seed: u64,
    /// From the machine's start to the end of the run.
    pub wall: Span,
    pub totals: Totals,
    /// By process name, in the order in which the names first appear.
    pub processes: Vec<ProcessSummary>,
    /// In the order in which they were announced.
    pub threads: Vec<ThreadSummary>,
    /// By number.
    pub cpus: Vec<CpuSummary>,
    /// Highest priority first, as in the header; only those that were used.
    pub vectors: Vec<VectorSummary>,
    /// Channels, locks and devices that were used, in the header's order.
    pub objects: Vec<ObjectSummary>,
    /// The names of those that were ended because memory ran out, in order.
    pub out_of_memory: Vec<String>,
    /// What the programs wrote to the terminal, in order.
    pub prints: Vec<Line>,
    /// Lines that came after so many that the rest wasn't kept.
    pub prints_dropped: u64,
    /// From ready to running, each time that a thread was given a CPU.
    pub latency: Option<Distribution>,
    /// With at least one request at any disk.
    pub io_busy: Span,
    /// From release to end, of all jobs of periodic threads.
    pub job_response: Option<Distribution>,
}

/// Sums over the whole machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Totals {
    /// Entries into the kernel: calls, exceptions (page faults among them) and interrupts.
    pub crossings: u64,
    pub calls: u64,
    pub exceptions: u64,
    pub interrupts: u64,
    /// From one thread, or from idling, to another.
    pub switches: u64,
    pub migrations: u64,
    pub signals: u64,
    /// Pages that lost their frames to others, and how many of them had to be written first.
    pub evicted: u64,
    pub evicted_dirty: u64,
    /// All events by kind.
    pub events: BTreeMap<&'static str, u64>,
}

/// How one thread, or several together, spent their time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Usage {
    pub user: Span,
    /// In system calls, faults and exceptions.
    pub kernel: Span,
    /// While current, but the CPU served a device.
    pub interrupt: Span,
    /// While being switched to.
    pub switch: Span,
    pub ready: Span,
    pub blocked: BTreeMap<Cause, Span>,
    pub faults: BTreeMap<Fault, u64>,
    /// System calls by name.
    pub calls: BTreeMap<String, u64>,
    pub switches: Switches,
    pub wakeups: u64,
}

/// Why threads left their CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Switches {
    pub blocked: u64,
    pub yielded: u64,
    pub exited: u64,
    pub slice_end: u64,
    pub preempted: u64,
}

/// One thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ThreadSummary {
    pub task: Tid,
    pub process: Pid,
    pub parent: Tid,
    pub name: String,
    pub start: Option<Instant>,
    /// When it was first switched to.
    pub first_run: Option<Instant>,
    /// When it left its CPU for the last time, if it has ended.
    pub end: Option<Instant>,
    /// 0 to 255 from exit, 128 + signal number if it was ended by a signal.
    pub status: Option<u16>,
    pub usage: Usage,
    /// How often it was switched to.
    pub dispatches: u64,
    pub migrations: u64,
    /// The longest time that it was ready without a CPU.
    pub longest_wait: Span,
    /// If it is periodic.
    pub jobs: Option<JobSummary>,
}

/// The jobs of a periodic thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct JobSummary {
    /// How many began to want the CPU.
    pub released: u64,
    pub ended: u64,
    /// How many were given up, or never began.
    pub dropped: u64,
    /// How many hadn't ended by their deadlines.
    pub missed: u64,
    /// From release to end.
    pub response: Option<Distribution>,
    /// The greatest time from deadline to end in nanoseconds; negative if all jobs ended before.
    pub max_lateness: Option<i64>,
}

/// All processes of one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProcessSummary {
    pub name: String,
    pub processes: u64,
    pub threads: u64,
    /// How many threads ended with each exit status.
    pub statuses: BTreeMap<u16, u64>,
    pub usage: Usage,
}

/// One CPU. The five times add up to the run's wall time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CpuSummary {
    pub cpu: CpuId,
    pub user: Span,
    pub kernel: Span,
    pub interrupt: Span,
    pub switch: Span,
    pub idle: Span,
    pub switches: u64,
    pub interrupts: u64,
}

/// One line of the interrupt controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct VectorSummary {
    pub vector: Vector,
    pub name: String,
    pub raised: u64,
    pub recognised: u64,
    pub coalesced: u64,
    /// No device had asked for it.
    pub spurious: u64,
    /// From raised to recognised.
    pub latency: Option<Distribution>,
    /// From recognised to the end of the hard half.
    pub handling: Option<Distribution>,
}

/// One channel, lock or device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ObjectSummary {
    pub kind: String,
    pub name: String,
    pub sent: u64,
    pub sent_bytes: u64,
    pub received: u64,
    pub received_bytes: u64,
    /// As a lock.
    pub acquired: u64,
    pub contended: u64,
    /// Packets and datagrams that found no room.
    pub dropped: u64,
    /// As a disk: requests issued.
    pub requests: u64,
    pub read_bytes: u64,
    pub written_bytes: u64,
    /// With at least one request under way.
    pub busy: Span,
    /// As a file: bytes that programs were told are written, and that are lost.
    pub lost_bytes: u64,
    /// All the time that threads were blocked on it.
    pub blocked: Span,
}

/// A line on the terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Line {
    pub at: Instant,
    pub task: Tid,
    pub text: String,
}

impl Usage {
    /// All time blocked, whatever the cause.
    pub fn blocked_total(&self) -> Span {
        self.blocked.values().copied().sum()
    }

    /// From the thread's beginning to its end; for several threads the sum.
    pub fn lifetime(&self) -> Span {
        self.user + self.kernel + self.interrupt + self.switch + self.ready + self.blocked_total()
    }

    /// What it waited for longest.
    pub fn main_cause(&self) -> Option<Cause> {
        let longest = self.blocked.iter().max_by_key(|&(&cause, &span)| (span, std::cmp::Reverse(cause)));
        longest.map(|(&cause, _)| cause)
    }

    pub fn calls_total(&self) -> u64 {
        self.calls.values().sum()
    }

    pub fn faults_total(&self) -> u64 {
        self.faults.values().sum()
    }

    /// Adds another thread's times and counts.
    pub fn add(&mut self, other: &Usage) {
        self.user += other.user;
        self.kernel += other.kernel;
        self.interrupt += other.interrupt;
        self.switch += other.switch;
        self.ready += other.ready;
        for (&cause, &span) in &other.blocked {
            *self.blocked.entry(cause).or_default() += span;
        }
        for (&fault, count) in &other.faults {
            *self.faults.entry(fault).or_default() += count;
        }
        for (call, count) in &other.calls {
            match self.calls.get_mut(call) {
                Some(known) => *known += count,
                None => drop(self.calls.insert(call.clone(), *count)),
            }
        }
        self.switches.add(other.switches);
        self.wakeups += other.wakeups;
    }
}

impl Switches {
    /// The thread gave the CPU away itself.
    pub const fn voluntary(self) -> u64 {
        self.blocked + self.yielded + self.exited
    }

    /// The CPU was taken from it.
    pub const fn involuntary(self) -> u64 {
        self.slice_end + self.preempted
    }

    fn add(&mut self, other: Switches) {
        self.blocked += other.blocked;
        self.yielded += other.yielded;
        self.exited += other.exited;
        self.slice_end += other.slice_end;
        self.preempted += other.preempted;
    }
}

impl CpuSummary {
    /// The time that the CPU did anything.
    pub fn busy(&self) -> Span {
        self.user + self.kernel + self.interrupt + self.switch
    }
}
