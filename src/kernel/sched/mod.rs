//! Scheduling policies: who runs next, for how long, and why.
//!
//! - [`policy`]: what a policy must be able to do
//! - one file for each policy, one row for each in [`POLICIES`]

mod eevdf;
mod fcfs;
pub mod policy;
mod priority;
mod round_robin;

pub use policy::{Baggage, Policy, Ready, Thread};

use std::collections::BTreeMap;

use crate::time::Span;

use super::options::{Parameter, Scheduler};

/// What a policy is told about a process or thread: the scenario's `[process.X]` keys that
/// concern scheduling. Each policy uses those that it knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// A static priority; a greater number is preferred.
    pub priority: i32,
    /// -20 to 19; a smaller number is preferred.
    pub nice: i8,
    /// Shares of a lottery or stride scheduler; 0 if not given.
    pub tickets: u32,
    pub period: Option<Span>,
    pub deadline: Option<Span>,
    pub budget: Option<Span>,
}

/// The documentation of a policy.
#[derive(Clone, Copy, Debug)]
pub struct PolicyRow {
    /// Its name as `policy` in `[kernel] scheduler`.
    pub name: &'static str,
    pub summary: &'static str,
    pub doc: &'static str,
    /// Its parameters: key, kind of value (`time`, `number`, `truth`, `word`), what it means and the default.
    pub parameters: &'static [(&'static str, &'static str, &'static str)],
    build: fn(&Given<'_>) -> Box<dyn Policy>,
}

/// The machine that a policy schedules for.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    pub cpus: u16,
    pub tick: Option<Span>,
}

/// The parameters that a scenario gives to a policy, and for which machine.
struct Given<'a>(&'a BTreeMap<String, Parameter>, Site);

impl Given<'_> {
    fn time(&self, key: &str) -> Option<Span> {
        match self.0.get(key) {
            Some(Parameter::Time(time)) => Some(*time),
            _ => None,
        }
    }

    fn truth(&self, key: &str) -> Option<bool> {
        match self.0.get(key) {
            Some(Parameter::Truth(truth)) => Some(*truth),
            _ => None,
        }
    }
}

/// A new, empty queue under the policy that the scenario asks for; none if there is no such policy.
pub fn build(scheduler: &Scheduler, site: Site) -> Option<Box<dyn Policy>> {
    let row = POLICIES.iter().find(|row| row.name == scheduler.policy)?;
    Some((row.build)(&Given(&scheduler.parameters, site)))
}

/// The policy for a scenario that names none that exists: round-robin with a quantum of 10 ms.
pub fn default_policy() -> Box<dyn Policy> {
    Box::new(round_robin::RoundRobin::new(Span::from_millis(10)))
}

/// Every policy that a scenario can name.
pub const POLICIES: &[PolicyRow] = &[
    PolicyRow {
        name: "fcfs",
        summary: "first come, first served",
        doc: "Runs the thread that has been ready longest until it blocks, yields or ends.",
        parameters: &[],
        build: |_| Box::<fcfs::Fcfs>::default(),
    },
    PolicyRow {
        name: "round-robin",
        summary: "each in turn, for a quantum at most",
        doc: "As first come, first served, but a thread that has used its quantum goes to the end of the queue.",
        parameters: &[("quantum", "time", "the longest time in one go; 10ms")],
        build: |given| {
            let quantum = given.time("quantum").unwrap_or(Span::from_millis(10));
            Box::new(round_robin::RoundRobin::new(quantum))
        },
    },
    PolicyRow {
        name: "priority",
        summary: "the highest static priority",
        doc: "Runs the ready thread of the highest `priority`; those of equal priority in turn if there is a quantum, else first come, first served. A thread that becomes ready pre-empts one of lower priority.",
        parameters: &[
            ("quantum", "time", "the longest time in one go among equals; without it there is none"),
            ("preemptive", "truth", "whether a thread that becomes ready pre-empts; true"),
        ],
        build: |given| {
            let preemptive = given.truth("preemptive").unwrap_or(true);
            Box::new(priority::Priority::new(given.time("quantum"), preemptive))
        },
    },
    PolicyRow {
        name: "eevdf",
        summary: "the earliest deadline among those that had no more than their share, as Linux",
        doc: "Shares the CPU by weights that come from `nice`. Of the threads that aren't ahead of the average, the one that would have had its slice first runs until it has had it; that is found out at the tick, if the kernel has one. What a thread had less than its share when it went to sleep, it gets when it wakes.",
        parameters: &[
            (
                "slice",
                "time",
                "how much a thread asks for at a time; 0.7ms, twice that from 2 CPUs on, three times from 4, four times from 8",
            ),
            (
                "run-to-parity",
                "truth",
                "whether a thread that was chosen keeps the CPU until it has had its slice, and not only for 0.7ms; true",
            ),
        ],
        build: |given| {
            let Site { cpus, tick } = given.1;
            let slice = given.time("slice").unwrap_or_else(|| eevdf::default_slice(cpus));
            Box::new(eevdf::Eevdf::new(slice, tick, given.truth("run-to-parity").unwrap_or(true)))
        },
    },
];
