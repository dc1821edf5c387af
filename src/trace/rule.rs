//! Why a scheduling policy picked the thread that runs next.

use serde::{Deserialize, Serialize};

macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $rule:ident = $name:literal,)*) => {
        /// The rule by which a policy picked a thread. What the number beside it means depends on the rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        #[repr(u8)]
        pub enum Rule {
            $($(#[doc = $doc])+ $rule,)*
        }

        impl Rule {
            pub const ALL: &[Rule] = &[$(Rule::$rule,)*];

            pub const fn name(self) -> &'static str {
                match self {
                    $(Rule::$rule => $name,)*
                }
            }

            /// What the rule is, and what the number beside it means.
            pub const fn doc(self) -> &'static str {
                match self {
                    $(Rule::$rule => concat!($($doc),+),)*
                }
            }
        }
    };
}

rules! {
    /// The shortest time to go until it blocks or ends, in nanoseconds.
    Shortest = "shortest",
    /// It held the ticket that was drawn, counted from 0 in the order of the threads' numbers.
    Ticket = "ticket",
    /// The smallest pass: virtual time in millionths of a quantum of one ticket.
    Pass = "pass",
    /// The highest level that has a ready thread; 0 is the lowest.
    Level = "level",
    /// A rule of a policy that doesn't come with this program; the number means what that policy says.
    Own = "own",
    /// The smallest virtual time, in nanoseconds of a thread of nice 0.
    Vruntime = "vruntime",
    /// The highest priority; 0 is the lowest.
    Priority = "priority",
    /// The highest priority with what waiting has added to it: by so much.
    Aged = "aged",
    /// The highest scheduling class that has a ready thread: 3 deadline, 2 fair threads by their server, 1
    /// fifo and rr, 0 the fair ones.
    Class = "class",
    /// The row of the matrix whose slot it is.
    Slot = "slot",
    /// The row of a thread that runs outside of its slot, since the CPU would idle.
    Fill = "fill",
    /// The earliest deadline: at which nanosecond.
    Deadline = "deadline",
    /// The shortest period, in nanoseconds.
    Period = "period",
    /// The shortest time from a job's release to its deadline, in nanoseconds.
    RelativeDeadline = "relative-deadline",
    /// The least laxity: the latest time, in nanoseconds, at which it must run so that it needn't be late.
    Laxity = "laxity",
}

/// Why a policy picked a thread: the rule, and the number that it went by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    pub rule: Rule,
    pub number: u64,
}
