//! Scheduling policies: who runs next, for how long, and why.
//!
//! - [`policy`]: what a policy must be able to do
//! - one file for each policy, one row for each in [`POLICIES`]

mod eevdf;
mod fcfs;
mod lottery;
mod mlfq;
pub mod policy;
mod priority;
mod round_robin;
mod shortest;
mod stride;

#[cfg(test)]
mod tests;

pub use policy::{Baggage, Policy, Ready, Thread};

use lottery::Draws;

use std::collections::BTreeMap;

use crate::random::Key;
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
    /// How long it computes from one wait to the next, if the scheduler is told.
    pub burst: Option<Span>,
}

/// The documentation of a policy.
#[derive(Clone, Copy, Debug)]
pub struct PolicyRow {
    /// Its name as `policy` in `[kernel] scheduler`.
    pub name: &'static str,
    pub summary: &'static str,
    pub doc: &'static str,
    /// Its parameters: key, kind of value (`time`, `number`, `truth`, `times`, `numbers`, or words to choose
    /// from as `head|tail`), what it means and the default.
    pub parameters: &'static [(&'static str, &'static str, &'static str)],
    build: fn(&Given<'_>) -> Box<dyn Policy>,
}

/// The machine that a policy schedules for.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    pub cpus: u16,
    pub tick: Option<Span>,
    /// What random numbers come from.
    pub key: Key,
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

    fn number(&self, key: &str) -> Option<i64> {
        match self.0.get(key) {
            Some(Parameter::Number(number)) => Some(*number),
            _ => None,
        }
    }

    fn word(&self, key: &str) -> Option<&str> {
        match self.0.get(key) {
            Some(Parameter::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn times(&self, key: &str) -> &[Span] {
        match self.0.get(key) {
            Some(Parameter::Times(times)) => times,
            _ => &[],
        }
    }

    fn numbers(&self, key: &str) -> &[i64] {
        match self.0.get(key) {
            Some(Parameter::Numbers(numbers)) => numbers,
            _ => &[],
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
    Box::new(round_robin::RoundRobin::new(QUANTUM, false))
}

/// The quantum of a policy that is given none.
const QUANTUM: Span = Span::from_millis(10);

/// The parameters of those that go by the length of bursts.
const SHORTEST: &[(&str, &str, &str)] = &[
    (
        "first",
        "time",
        "how long a thread's first burst is expected to be if its process has no `burst`; 10ms",
    ),
    (
        "weight",
        "number",
        "how many percent of the last burst, the rest being what was expected of it, are expected of the next; 50",
    ),
];

fn shortest(given: &Given<'_>, preemptive: bool) -> shortest::Shortest {
    let weight = given.number("weight").map_or(50, |weight| weight.clamp(0, 100) as u64);
    shortest::Shortest::new(preemptive, given.time("first").unwrap_or(QUANTUM), weight)
}

fn lottery(given: &Given<'_>) -> lottery::Lottery {
    let list: Vec<u64> = given.numbers("draws").iter().map(|draw| draw.unsigned_abs()).collect();
    let draws = match list.is_empty() {
        true => Draws::Random(Box::new(given.1.key.stream())),
        false => Draws::Listed { list, next: 0 },
    };
    let quantum = given.time("quantum").unwrap_or(QUANTUM);
    lottery::Lottery::new(quantum, draws, given.truth("alone").unwrap_or(false))
}

/// A list's value for one of several levels; the last one holds for all that follow.
fn at_level<T: Copy>(list: &[T], level: usize, otherwise: T) -> T {
    list.get(level).or(list.last()).copied().unwrap_or(otherwise)
}

fn mlfq(given: &Given<'_>) -> mlfq::Mlfq {
    let (quanta, allotments) = (given.times("quantum"), given.numbers("allotment"));
    let listed = match quanta.len().max(allotments.len()) {
        0 | 1 => 3,
        several => several,
    };
    let levels = given.number("levels").map_or(listed, |levels| levels.clamp(1, 64) as usize);
    let level = |level| mlfq::Level {
        quantum: at_level(quanta, level, QUANTUM),
        allotment: at_level(allotments, level, 1).clamp(1, i64::from(u32::MAX)) as u32,
    };
    let rules = mlfq::Rules {
        boost: given.time("boost"),
        fresh_after_wait: given.word("after-wait") == Some("fresh"),
        woken_to_head: given.word("woken") == Some("head"),
    };
    mlfq::Mlfq::new((0..levels).map(level).collect(), rules)
}

/// Every policy that a scenario can name.
pub const POLICIES: &[PolicyRow] = &[
    PolicyRow {
        name: "fcfs",
        summary: "first come, first served",
        doc: "Runs the thread that has been ready longest until it blocks, yields or ends.",
        parameters: &[
            (
                "next",
                "ready-time|number",
                "whether the next thread is the one that has been ready longest, or the one with the next greater number than the last one's, after the greatest the smallest, with those that have become ready at the very instant after all others; ready-time",
            ),
            (
                "woken",
                "waits|preempts",
                "whether a thread whose wait is over queues, or takes the CPU, the last one of several; waits",
            ),
            (
                "hold",
                "truth",
                "whether a CPU is idle while the thread that it ran waits, until that thread has ended; meant for one CPU; false",
            ),
        ],
        build: |given| {
            Box::new(fcfs::Fcfs::new(fcfs::Rules {
                by_number: given.word("next") == Some("number"),
                woken_first: given.word("woken") == Some("preempts"),
                hold: given.truth("hold").unwrap_or(false),
            }))
        },
    },
    PolicyRow {
        name: "round-robin",
        summary: "each in turn, for a quantum at most",
        doc: "As first come, first served, but a thread that has used its quantum goes to the end of the queue.",
        parameters: &[
            ("quantum", "time", "the longest time in one go; 10ms"),
            (
                "newcomers",
                "at-once|after-expired",
                "whether a thread that becomes ready during a quantum queues at once, or behind the thread whose quantum it is, as in simulators that admit arrivals between quanta; at-once",
            ),
        ],
        build: |given| {
            let late = given.word("newcomers") == Some("after-expired");
            Box::new(round_robin::RoundRobin::new(given.time("quantum").unwrap_or(QUANTUM), late))
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
        name: "sjf",
        summary: "the shortest job first",
        doc: "Runs the ready thread with the shortest burst: what it computes until it waits or ends, as the process's `burst` tells or as an average of its bursts before lets expect. It isn't pre-empted. Among equals the one that became ready first.",
        parameters: SHORTEST,
        build: |given| Box::new(shortest(given, false)),
    },
    PolicyRow {
        name: "srtf",
        summary: "the shortest remaining time first",
        doc: "As the shortest job first, but a thread that becomes ready takes the CPU from one that has more to go. One with equally much doesn't.",
        parameters: SHORTEST,
        build: |given| Box::new(shortest(given, true)),
    },
    PolicyRow {
        name: "mlfq",
        summary: "a queue for each level; who uses up its allotment sinks",
        doc: "New threads begin on the highest level. The highest level that has ready threads runs, its threads in turn, and pre-empts lower ones; a pre-empted thread keeps its turn and the rest of its quantum. Who has used up a level's allotment, in however many goes, sinks by one. At the same instant a quantum ends first, then comes a boost, then who becomes ready.",
        parameters: &[
            (
                "quantum",
                "times",
                "the longest time in one go, for all levels or a list with the highest level first; 10ms",
            ),
            (
                "levels",
                "number",
                "how many levels there are, 1 to 64; as many as the longer list has, else 3",
            ),
            (
                "allotment",
                "numbers",
                "how many quanta a thread may use up on a level, for all or a list with the highest level first; 1",
            ),
            (
                "boost",
                "time",
                "how often all go back to the highest level, the lowest ones first and behind those that are there; never",
            ),
            (
                "after-wait",
                "keep|fresh",
                "whether a thread that waited keeps what was left of quantum and allotment, or gets them fresh, so that it can game the rules; keep",
            ),
            (
                "woken",
                "tail|head",
                "where in its level a woken thread goes; at the head it takes the CPU from one of its own level too; tail",
            ),
        ],
        build: |given| Box::new(mlfq(given)),
    },
    PolicyRow {
        name: "lottery",
        summary: "a drawn ticket's holder runs for a quantum",
        doc: "At each quantum's end, and wherever the running thread waits or ends, a ticket is drawn among those of all ready threads, counted in the order of the threads' numbers. A thread has as many as its process's `tickets`, else one.",
        parameters: &[
            ("quantum", "time", "the longest time in one go; 10ms"),
            (
                "draws",
                "numbers",
                "the numbers that are drawn, one after the other and again from the beginning, each modulo the tickets there are; from the run's seed if absent",
            ),
            ("alone", "truth", "whether there is a draw at a quantum's end even if nobody else waits; false"),
        ],
        build: |given| Box::new(lottery(given)),
    },
    PolicyRow {
        name: "stride",
        summary: "shares by tickets as in a lottery, without chance",
        doc: "Each thread has a pass that grows by what it ran, divided by its process's `tickets` (one if absent). The ready thread with the smallest pass runs for a quantum, the lowest number among equals. Who sleeps keeps its distance to the common pass of all.",
        parameters: &[("quantum", "time", "the longest time in one go; 10ms")],
        build: |given| Box::new(stride::Stride::new(given.time("quantum").unwrap_or(QUANTUM))),
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
            let Site { cpus, tick, .. } = given.1;
            let slice = given.time("slice").unwrap_or_else(|| eevdf::default_slice(cpus));
            Box::new(eevdf::Eevdf::new(slice, tick, given.truth("run-to-parity").unwrap_or(true)))
        },
    },
];
