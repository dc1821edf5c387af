//! What kernel work costs: a profile gives each piece a time.
//!
//! A profile is a TOML file; three are built in (see [`BUILT_IN`]). A key that a profile leaves
//! out costs nothing.

use std::collections::BTreeMap;

use crate::time::Span;

macro_rules! costs {
    ($($(#[doc = $doc:literal])* $field:ident = $key:literal,)*) => {
        /// A cost profile: times of the pieces of kernel work.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Costs {
            pub name: String,
            /// SHA-256 of the profile's text, in hexadecimal.
            pub hash: String,
            /// The machine that it was measured on; empty for an invented one.
            pub fingerprint: String,
            $($(#[doc = $doc])* pub $field: Span,)*
            /// The bodies of system calls, by the call's name in the trace.
            pub calls: BTreeMap<String, CallCost>,
        }

        /// Each key of a profile with what it means.
        pub const ROWS: &[CostRow] = &[$(CostRow { key: $key, doc: concat!($($doc),*) },)*];

        impl Costs {
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
}

impl Costs {
    /// A cost in whole instructions, as the CPU executes it.
    #[inline]
    pub fn whole(&self, cost: Span) -> Span {
        let unit = self.instruction.as_nanos();
        if unit == 1 { cost } else { Span::from_nanos(cost.as_nanos().div_ceil(unit) * unit) }
    }

    /// The cost of a system call's body by the call's name in the trace.
    pub fn call(&self, name: &str) -> CallCost {
        self.calls.get(name).copied().unwrap_or_default()
    }
}

impl CallCost {
    /// The body's time for so many bytes, rounded up to the nanosecond.
    pub fn of(self, bytes: u64) -> Span {
        let copy = (u128::from(bytes) * u128::from(self.per_kib.as_nanos())).div_ceil(1024);
        self.base + Span::from_nanos(u64::try_from(copy).unwrap_or(u64::MAX))
    }
}

/// The built-in profiles: name and text.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("free", include_str!("costs/free.toml")),
    ("textbook", include_str!("costs/textbook.toml")),
    ("linux-x86", include_str!("costs/linux-x86.toml")),
];
