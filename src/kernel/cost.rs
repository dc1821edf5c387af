//! What kernel work costs: a profile gives each piece a time.
//!
//! A profile is a TOML file; three are built in (see [`BUILT_IN`]). A key that a profile leaves
//! out costs nothing.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_spanned::Spanned;
use sha2::Digest;
use toml::de::{DeTable, DeValue};

use crate::time::Span;
use crate::units::parse_time;

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
            /// The profile with all costs rounded up to whole instructions, as the CPU executes them.
            pub fn in_whole_instructions(&self) -> Costs {
                Costs {
                    name: self.name.clone(),
                    hash: self.hash.clone(),
                    fingerprint: self.fingerprint.clone(),
                    $($field: self.whole(self.$field),)*
                    calls: self.calls.clone(),
                }
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
    /// The time to copy so many bytes, rounded up to the nanosecond.
    pub fn copying(self, bytes: u64) -> Span {
        let time = (u128::from(bytes) * u128::from(self.per_kib.as_nanos())).div_ceil(1024);
        Span::from_nanos(u64::try_from(time).unwrap_or(u64::MAX))
    }
}

/// The built-in profiles: name and text.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("free", include_str!("costs/free.toml")),
    ("textbook", include_str!("costs/textbook.toml")),
    ("linux-x86", include_str!("costs/linux-x86.toml")),
];

/// What is wrong in a profile, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostError {
    pub message: String,
    /// Bytes of the profile's text.
    pub span: Range<usize>,
    pub help: Option<String>,
}

/// Keys that describe the profile itself.
const ABOUT: &[&str] = &["format", "name", "summary", "fingerprint"];

impl Costs {
    /// The built-in profile with this name. `calls` are the names that `[calls]` can hold.
    pub fn built_in(name: &str, calls: &[&str]) -> Option<Result<Costs, Vec<CostError>>> {
        let (_, text) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name)?;
        Some(Costs::parse(text, calls))
    }

    /// Reads a profile.
    pub fn parse(text: &str, calls: &[&str]) -> Result<Costs, Vec<CostError>> {
        let (root, syntax) = DeTable::parse_recoverable(text);
        let mut errors: Vec<CostError> = syntax
            .iter()
            .map(|error| CostError {
                message: error.message().to_owned(),
                span: error.span().unwrap_or_default(),
                help: None,
            })
            .collect();
        let root = root.into_inner();
        let mut costs = Costs::default();
        if root.get("format").and_then(|format| format.get_ref().as_integer()).map(|n| n.as_str())
            != Some("1")
        {
            errors.push(CostError {
                message: "a cost profile begins with `format = 1`".to_owned(),
                span: root.get("format").map_or(0..0, Spanned::span),
                help: None,
            });
        }
        let about = |key: &str| root.get(key).and_then(|value| value.get_ref().as_str());
        costs.name = about("name").unwrap_or_default().to_owned();
        costs.fingerprint = about("fingerprint").unwrap_or_default().to_owned();
        costs.apply(&root, ABOUT, calls, &mut errors);
        if costs.instruction.is_zero() {
            errors.push(CostError {
                message: "`instruction` must take time".to_owned(),
                span: root.get("instruction").map_or(0..0, Spanned::span),
                help: Some("for example instruction = { cost = \"1ns\", source = \"...\" }".to_owned()),
            });
        }
        costs.hash = hex(&sha2::Sha256::digest(text.as_bytes()));
        if errors.is_empty() { Ok(costs) } else { Err(errors) }
    }

    /// Gives a changed profile a name and a hash of its own.
    pub fn mark_changed(&mut self) {
        self.name.push_str(" (changed)");
        // The debug form shows every value, in a fixed order.
        self.hash = hex(&sha2::Sha256::digest(format!("{self:?}").as_bytes()));
    }

    /// Overwrites what the table gives. Keys in `about` are somebody else's.
    pub fn apply(
        &mut self,
        table: &DeTable<'_>,
        about: &[&str],
        calls: &[&str],
        errors: &mut Vec<CostError>,
    ) {
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            if about.contains(&name) {
                continue;
            }
            if name == "calls" {
                self.apply_calls(value, calls, errors);
            } else if let Some(field) = self.field(name) {
                match cost(value) {
                    Ok(cost) => *field = cost,
                    Err(error) => errors.push(error),
                }
            } else {
                let names = ROWS.iter().map(|row| row.key).chain(["calls"]);
                errors.push(unknown("cost profiles have no key", name, key.span(), names));
            }
        }
    }

    fn apply_calls(&mut self, value: &Spanned<DeValue<'_>>, calls: &[&str], errors: &mut Vec<CostError>) {
        let Some(table) = value.get_ref().as_table() else {
            return errors.push(wrong(value, "`calls` is a table of system calls"));
        };
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            if !calls.contains(&name) {
                let names = calls.iter().copied();
                errors.push(unknown("there is no system call", name, key.span(), names));
                continue;
            }
            let Some(parts) = value.get_ref().as_table() else {
                errors.push(wrong(
                    value,
                    "a call's costs are a table: { base = \"100ns\", per-kib = \"50ns\" }",
                ));
                continue;
            };
            let mut call = self.calls.get(name).copied().unwrap_or_default();
            for (part, value) in parts {
                let place = match part.get_ref().as_ref() {
                    "base" => &mut call.base,
                    "per-kib" => &mut call.per_kib,
                    "source" => continue,
                    other => {
                        let names = ["base", "per-kib", "source"].into_iter();
                        errors.push(unknown("a call's costs have no key", other, part.span(), names));
                        continue;
                    }
                };
                match cost(value) {
                    Ok(cost) => *place = cost,
                    Err(error) => errors.push(error),
                }
            }
            self.calls.insert(name.to_owned(), call);
        }
    }
}

/// `"100ns"`, or `{ cost = "100ns", source = "where it comes from" }`.
fn cost(value: &Spanned<DeValue<'_>>) -> Result<Span, CostError> {
    match value.get_ref() {
        DeValue::String(text) => parse_time(text).map_err(|error| wrong(value, &error.to_string())),
        DeValue::Table(table) => {
            for key in table.keys() {
                let name = key.get_ref().as_ref();
                if !matches!(name, "cost" | "source") {
                    let names = ["cost", "source"].into_iter();
                    return Err(unknown("a cost has no key", name, key.span(), names));
                }
            }
            match table.get("cost") {
                Some(inner) if inner.get_ref().is_str() => cost(inner),
                Some(inner) => Err(wrong(inner, "a time needs a unit, for example \"100ns\"")),
                None => Err(wrong(value, "a cost needs the key `cost`")),
            }
        }
        _ => Err(wrong(value, "a time needs a unit, for example \"100ns\"")),
    }
}

fn wrong(value: &Spanned<DeValue<'_>>, message: &str) -> CostError {
    CostError { message: message.to_owned(), span: value.span(), help: None }
}

fn unknown<'n>(
    message: &str,
    name: &str,
    span: Range<usize>,
    names: impl Iterator<Item = &'n str>,
) -> CostError {
    let scored = names.map(|known| (strsim::jaro_winkler(name, known), known));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0));
    CostError {
        message: format!("{message} `{name}`"),
        span,
        help: best.filter(|(score, _)| *score > 0.8).map(|(_, known)| format!("did you mean `{known}`?")),
    }
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    digits.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLS: &[&str] = &[
        "read",
        "write",
        "fork",
        "clone",
        "execve",
        "exit_group",
        "wait4",
        "nanosleep",
        "futex_wait",
        "futex_wake",
        "kill",
        "close",
        "fsync",
        "getpid",
        "getppid",
        "join",
        "pause",
        "rt_sigaction",
        "sched_yield",
    ];

    #[test]
    fn built_in_profiles_are_valid_and_bear_their_names() {
        for (name, text) in BUILT_IN {
            let costs = Costs::parse(text, CALLS).expect("a valid profile");
            assert_eq!(costs.name, *name);
            assert_eq!(costs.hash.len(), 64);
        }
    }

    #[test]
    fn a_profile_tells_all_of_its_mistakes() {
        let text = "format = 1\nname = \"x\"\ninstruction = \"1ns\"\nswich = \"1us\"\nsignal = 5\n[calls]\nred = {}\nwrite = { per-kb = \"1ns\" }\n";
        let errors = Costs::parse(text, CALLS).expect_err("mistakes");
        assert_eq!(errors.len(), 4);
        assert!(errors.iter().any(|e| e.help.as_deref() == Some("did you mean `switch`?")));
    }

    #[test]
    fn a_copy_costs_by_the_byte_rounded_up() {
        let call = CallCost { base: Span::from_nanos(100), per_kib: Span::from_nanos(50) };
        assert_eq!(call.copying(0), Span::ZERO);
        assert_eq!(call.copying(1), Span::from_nanos(1));
        assert_eq!(call.copying(2048), Span::from_nanos(100));
    }
}
