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
    /// The highest scheduling class that has a ready thread: 3 deadline, 2 fair threads by their server, 1
    /// fifo and rr, 0 the fair ones.
    Class,
    /// The row of the matrix whose slot it is.
    Slot,
    /// The row of a thread that runs outside of its slot, since the CPU would idle.
    Fill,
}

impl Rule {
    pub const ALL: &[Rule] =
        &[Rule::Shortest, Rule::Ticket, Rule::Pass, Rule::Level, Rule::Class, Rule::Slot, Rule::Fill];

    pub const fn name(self) -> &'static str {
        match self {
            Rule::Shortest => "shortest",
            Rule::Ticket => "ticket",
            Rule::Pass => "pass",
            Rule::Level => "level",
            Rule::Class => "class",
            Rule::Slot => "slot",
            Rule::Fill => "fill",
        }
    }
}

/// Why a policy picked a thread: the rule, and the number that it went by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    pub rule: Rule,
    pub number: u64,
}
