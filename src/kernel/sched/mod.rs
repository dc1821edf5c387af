//! Scheduling policies: who runs next, for how long, and why.

use crate::time::Span;

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
}

/// Every policy that a scenario can name.
pub const POLICIES: &[PolicyRow] = &[
    PolicyRow {
        name: "fcfs",
        summary: "first come, first served",
        doc: "Runs the thread that has been ready longest until it blocks, yields or ends.",
        parameters: &[],
    },
    PolicyRow {
        name: "round-robin",
        summary: "each in turn, for a quantum at most",
        doc: "As first come, first served, but a thread that has used its quantum goes to the end of the queue.",
        parameters: &[("quantum", "time", "the longest time in one go; 10ms")],
    },
    PolicyRow {
        name: "priority",
        summary: "the highest static priority",
        doc: "Runs the ready thread of the highest `priority`; those of equal priority in turn if there is a quantum, else first come, first served. A thread that becomes ready pre-empts one of lower priority.",
        parameters: &[
            ("quantum", "time", "the longest time in one go among equals; without it there is none"),
            ("preemptive", "truth", "whether a thread that becomes ready pre-empts; true"),
        ],
    },
];
