//! What kernel work costs, and what a measured host adds to it: a profile gives each piece a time.
//!
//! A profile is a TOML file; three are built in (see [`BUILT_IN`]). A key that a profile leaves
//! out costs nothing.
//!
//! - [`reading`](self): from TOML to [`Costs`], with everything that is wrong
//! - [`Curve`]: costs that depend on a quantity; [`Copies`]: those of copied bytes
//! - [`SwitchPrices`]: what a switch costs, from where and to where
//! - [`Host`], [`DISK_ROWS`]: what only a caller gets that asks for the host's kernel
//! - [`Measured`], [`Fit`]: the record of how a profile came to be

mod copies;
mod curve;
mod disk;
mod host;
mod reading;
mod record;
mod switch;

pub use copies::{COPIES, Copies, Copying};
pub use curve::Curve;
pub use disk::DISK_ROWS;
pub use host::{HOST_ROWS, Host};
pub use reading::NOTES;
pub use record::{FIT_ROWS, Fit, MEASURED_ROWS, Measured};
pub use switch::SwitchPrices;

use std::collections::BTreeMap;
use std::ops::Range;

use sha2::Digest;

use crate::hw::device::MeasuredDisk;
use crate::time::Span;

macro_rules! costs {
    ($($(#[doc = $doc:literal])* $field:ident = $key:literal,)*) => {
        /// A cost profile: times of the pieces of kernel work.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct Costs {
            pub name: String,
            /// SHA-256 of the profile's text, in hexadecimal.
            pub hash: String,
            /// The machine that it was measured on; empty for an invented one.
            pub fingerprint: String,
            $($(#[doc = $doc])* pub $field: Span,)*
            /// The bodies of system calls, by the call's name in the trace.
            pub calls: BTreeMap<String, CallCost>,
            /// What copied bytes cost, by where they go.
            pub copies: Copies,
            /// On top of `switch`, by how many switches ago the thread last ran on the CPU.
            pub switch_cold: Curve,
            /// How long the host's disk takes.
            pub disk: Option<MeasuredDisk>,
            /// How the host's kernel is set.
            pub host: Option<Host>,
            pub measured: Option<Measured>,
            pub fit: Fit,
        }

        /// Each key of a profile with what it means.
        pub const ROWS: &[CostRow] = &[$(CostRow { key: $key, doc: concat!($($doc),*) },)*];

        impl Costs {
            /// The profile with all costs rounded up to whole instructions, as the CPU executes them.
            pub fn in_whole_instructions(&self) -> Costs {
                let mut whole = Costs { $($field: self.whole(self.$field),)* ..self.clone() };
                whole.add_up_switch();
                whole
            }

            /// The profile for a CPU that is so many times as slow as the one that it was measured on.
            /// What other clocks than the CPU's tell stays: the timer's slack, the disk.
            pub fn slowed(&self, factor: f64) -> Costs {
                let times = |cost: CallCost| CallCost {
                    base: cost.base.times(factor),
                    per_kib: cost.per_kib.times(factor),
                };
                let (instruction, timer_slack, idle_poll) =
                    (self.instruction, self.timer_slack, self.idle_poll);
                let slowed = Costs {
                    $($field: self.$field.times(factor),)*
                    calls: self.calls.iter().map(|(name, cost)| (name.clone(), times(*cost))).collect(),
                    copies: Copies(std::array::from_fn(|index| self.copies.0[index].times(factor))),
                    switch_cold: self.switch_cold.times(factor),
                    ..self.clone()
                };
                let mut slowed = Costs { instruction, timer_slack, idle_poll, ..slowed };
                slowed.add_up_switch();
                slowed
            }

            /// The place of a key's value, for reading and for `--set`.
            pub fn field(&mut self, key: &str) -> Option<&mut Span> {
                match key {
                    $($key => Some(&mut self.$field),)*
                    _ => None,
                }
            }
        }
    };
}

/// A key of a profile and what it means.
#[derive(Clone, Copy, Debug)]
pub struct CostRow {
    pub key: &'static str,
    pub doc: &'static str,
}

/// What a system call's body costs: between entry and exit, without waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallCost {
    pub base: Span,
    /// For each KiB that it copies.
    pub per_kib: Span,
}

costs! {
    /// One instruction of user or kernel code. All other costs are rounded up to whole instructions.
    instruction = "instruction",
    /// From the system call instruction to the call's body: mode switch, saving registers.
    syscall_entry = "syscall-entry",
    /// From the call's body back to user mode.
    syscall_exit = "syscall-exit",
    /// Making a blocked thread ready, on the side of whoever wakes it.
    wakeup = "wakeup",
    /// From one thread to another on a CPU: the decision, saving and loading.
    switch = "switch",
    /// Saving the state of a thread that leaves the CPU. With any of the three parts, `switch` is their sum.
    switch_save = "switch-save",
    /// The scheduler's decision, also for the idle loop or for the same thread again.
    switch_decide = "switch-decide",
    /// Loading the state of the thread that gets the CPU.
    switch_load = "switch-load",
    /// From the last thread to the idle loop.
    idle_entry = "idle-entry",
    /// Out of the idle loop's halt, before the interrupt's handler.
    idle_exit = "idle-exit",
    /// A device's handler, the hard half.
    interrupt = "interrupt",
    /// A device's handler, the deferred half.
    deferred = "deferred",
    /// The local timer's handler.
    timer = "timer",
    /// Sending an inter-processor interrupt, on the side of the sender.
    ipi_send = "ipi-send",
    /// From sending an inter-processor interrupt to its arrival; at least one nanosecond.
    ipi_delivery = "ipi-delivery",
    /// The handler of the inter-processor interrupt that asks a CPU to schedule.
    reschedule = "reschedule",
    /// A page fault that only needs a zeroed frame.
    fault_minor = "fault-minor",
    /// A page fault that copies a page shared since a fork.
    fault_copy = "fault-copy",
    /// A write to a page shared since a fork that nobody else has any more; `fault-copy` if zero.
    fault_reuse = "fault-reuse",
    /// A page fault that reads from a device: the kernel's own part, before and after together.
    fault_major = "fault-major",
    /// A page fault that ends in SIGSEGV, and any other exception.
    fault_protection = "fault-protection",
    /// Walking the page table when the translation isn't in the TLB.
    tlb_miss = "tlb-miss",
    /// Copying one page's entry of the page table at a fork.
    fork_page = "fork-page",
    /// Delivering a signal to a process.
    signal = "signal",
    /// Taking a thread or process apart at its end.
    process_exit = "process-exit",
    /// Taking apart a thread whose process goes on; `process-exit` if zero.
    thread_exit = "thread-exit",
    /// One plain instruction of a program (a step such as set, load, store, touch, or a jump or round of a loop), if it takes more than `instruction`.
    user_step = "user-step",
    /// The program's own work around each system call, in user mode before the call's entry.
    user_call = "user-call",
    /// The program's own work for a `print`, and for what a library function notes down.
    user_note = "user-note",
    /// How much later than asked for a sleep's timer comes.
    timer_slack = "timer-slack",
    /// As `ipi-delivery`, to a CPU that has halted; that one if zero.
    ipi_delivery_idle = "ipi-delivery-idle",
    /// How long an idle CPU looks for work before it halts. Until then it needs no inter-processor interrupt and no `idle-exit`.
    idle_poll = "idle-poll",
    /// From a wake-up to its notice by a CPU that looks for work; at least one nanosecond.
    poll_notice = "poll-notice",
    /// A call on a pipe, a file or a futex that another CPU used last: moving its cache lines.
    contended = "contended",
    /// For each copied KiB that another CPU wrote last, on top of the copy.
    remote_per_kib = "remote-per-kib",
    /// A page that a write adds to a pipe beyond the second: getting it, and its place in the caches.
    pipe_page_in = "pipe-page-in",
    /// A page that a read takes from a pipe beyond the second: giving it back, and getting its bytes from where the caches have put them.
    pipe_page_out = "pipe-page-out",
    /// A page fault on a page of a file that is in the page cache; `fault-minor` if zero.
    fault_cached = "fault-cached",
    /// What a socket adds to a call that sends or receives: its locks, the message's own buffer, the accounts that are kept of it.
    socket = "socket",
    /// Carrying what TCP or UDP sends to another socket of the machine: the protocol's work, and the deferred half that puts it into the receiver's queue, on the sender's CPU.
    loopback = "loopback",
    /// Reading or writing a KiB of an array in user mode.
    memory_per_kib = "memory-per-kib",
    /// Looking at one descriptor in a `poll`, or taking one from an epoll set.
    poll_each = "poll-each",
    /// Taking one request in that a ring submits, whatever it is for.
    ring_entry = "ring-entry",
}

/// The tables of a profile.
pub const TABLES: &[CostRow] = &[
    CostRow {
        key: "calls",
        doc: "The body of each system call: `NAME = { base = \"100ns\", per-kib = \"50ns\" }`.",
    },
    CostRow {
        key: "copies",
        doc: "What copied bytes cost, on top of the call's base and instead of its `per-kib`: `pipe-write = { points = [[\"1B\", \"100ns\"], [\"4KiB\", \"300ns\"]] }`. Straight through the points, from nothing for no bytes, and beyond the last as before it.",
    },
    CostRow {
        key: "switch-cold",
        doc: "On top of `switch`, by how many switches ago the thread last ran on the CPU: `points = [[2, \"0ns\"], [8, \"600ns\"]]`. Straight between the points, constant outside of them.",
    },
    CostRow {
        key: "disk",
        doc: "How long the host's disk takes, as quantiles: `read = { points = [[0.0, \"80us\"], [0.5, \"103us\"], [1.0, \"400us\"]] }`. Used by `--host` in place of the disks' own times.",
    },
    CostRow {
        key: "host",
        doc: "How the host's kernel is set. Used by `--host` in place of the scenario's `[kernel]`.",
    },
    CostRow { key: "measured", doc: "When and how it was measured. For the reader." },
    CostRow { key: "fit", doc: "Factors that are already in the values. For the reader." },
];

/// The keys of each table that has keys of its own.
pub const KEYS: &[(&str, &[CostRow])] = &[
    ("copies", COPIES),
    ("disk", DISK_ROWS),
    ("host", HOST_ROWS),
    ("measured", MEASURED_ROWS),
    ("fit", FIT_ROWS),
];

impl Costs {
    /// A cost in whole instructions, as the CPU executes it.
    #[inline]
    pub fn whole(&self, cost: Span) -> Span {
        let unit = self.instruction.as_nanos();
        if unit == 1 { cost } else { Span::from_nanos(cost.as_nanos().div_ceil(unit) * unit) }
    }

    /// What a program takes to read or write so many bytes of an array.
    pub fn copying_in_memory(&self, bytes: u64) -> Span {
        self.whole(per_kib(self.memory_per_kib, bytes))
    }

    /// The cost of a system call's body by the call's name in the trace.
    pub fn call(&self, name: &str) -> CallCost {
        self.calls.get(name).copied().unwrap_or_default()
    }
}

impl CallCost {
    /// The time to copy so many bytes.
    pub fn copying(self, bytes: u64) -> Span {
        per_kib(self.per_kib, bytes)
    }
}

/// The time for so many bytes at a price for each KiB, rounded up to the nanosecond.
pub fn per_kib(price: Span, bytes: u64) -> Span {
    let time = (u128::from(bytes) * u128::from(price.as_nanos())).div_ceil(1024);
    Span::from_nanos(u64::try_from(time).unwrap_or(u64::MAX))
}

/// The built-in profiles: name and text.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("free", include_str!("../costs/free.toml")),
    ("textbook", include_str!("../costs/textbook.toml")),
    ("linux-x86", include_str!("../costs/linux-x86.toml")),
];

/// What is wrong in a profile, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostError {
    pub message: String,
    /// Bytes of the profile's text.
    pub span: Range<usize>,
    pub help: Option<String>,
}

impl Costs {
    /// Gives a changed profile a name and a hash of its own.
    pub fn mark_changed(&mut self) {
        self.name.push_str(" (changed)");
        // The debug form shows every value, in a fixed order.
        self.hash = hex(&sha2::Sha256::digest(format!("{self:?}").as_bytes()));
    }
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    digits.collect()
}

#[cfg(test)]
mod tests;
