//! Why a scheduling policy picked the thread that runs next.

use serde::{Deserialize, Serialize};

/// The rule by which a policy picked a thread. What the number beside it means depends on the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Rule {
    /// The shortest time to go until it blocks or ends, in nanoseconds.
    Shortest,
    /// It held the ticket that was drawn, counted from 0 in the order of the threads' numbers.
    Ticket,
    /// The smallest pass: virtual time in millionths of a quantum of one ticket.
    Pass,
    /// The highest level that has a ready thread; 0 is the lowest.
    Level,
    /// The earliest deadline: at which nanosecond.
    Deadline,
    /// The shortest period, in nanoseconds.
    Period,
    /// The shortest time from a job's release to its deadline, in nanoseconds.
    RelativeDeadline,
    /// The least laxity: the latest time, in nanoseconds, at which it must run so that it needn't be late.
    Laxity,
}

impl Rule {
    pub const ALL: &[Rule] = &[
        Rule::Shortest,
        Rule::Ticket,
        Rule::Pass,
        Rule::Level,
        Rule::Deadline,
        Rule::Period,
        Rule::RelativeDeadline,
        Rule::Laxity,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Rule::Shortest => "shortest",
            Rule::Ticket => "ticket",
            Rule::Pass => "pass",
            Rule::Level => "level",
            Rule::Deadline => "deadline",
            Rule::Period => "period",
            Rule::RelativeDeadline => "relative-deadline",
            Rule::Laxity => "laxity",
        }
    }
}

/// Why a policy picked a thread: the rule, and the number that it went by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    pub rule: Rule,
    pub number: u64,
}
