//! The kernel's configuration: scheduler, pre-emption, tick, placement of woken threads.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::DeviceId;
use crate::time::Span;

use super::balance::Balancing;
use super::page_cache::Writeback;
use super::paging::{Chance, OptTie, Replacement};
use super::sched::script::Script;

/// The `[kernel]` table, resolved.
#[derive(Clone, Debug)]
pub struct Options {
    pub scheduler: Scheduler,
    pub queues: Queues,
    pub wake_order: WakeOrder,
    pub preemption: Preemption,
    /// The period of the scheduler's tick. Without one the timer is set for each slice's end.
    pub tick: Option<Span>,
    /// Whether an idle CPU's tick stops.
    pub tickless_idle: bool,
    pub at_slice_end: AtSliceEnd,
    pub placement: Placement,
    pub balance: Balance,
    pub balancing: Balancing,
    pub reschedule: Reschedule,
    /// At most so many processes (zombies too) and threads at the same time; beyond it fork fails with EAGAIN.
    pub max_tasks: u32,
    /// When dirty pages of files go to the disk by themselves.
    pub writeback: Writeback,
    /// The most pages that are read ahead; none if zero.
    pub read_ahead: u32,
    pub paging: PagingOptions,
}

/// What happens when no frame is free.
#[derive(Clone, Debug, Default)]
pub struct PagingOptions {
    /// Which page goes; without any, none does.
    pub replacement: Option<Replacement>,
    pub opt_tie: OptTie,
    /// What the random policies draw.
    pub chance: Chance,
    /// Where changed pages go that no file has, and how many there is room for.
    pub swap: Option<(DeviceId, u32)>,
}

/// Which policy, with which parameters; the policy's row says what it knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Scheduler {
    pub policy: String,
    pub parameters: BTreeMap<String, Parameter>,
}

/// A policy's parameter as the scenario gives it.
#[derive(Clone, Debug, PartialEq)]
pub enum Parameter {
    Time(Span),
    Number(i64),
    Truth(bool),
    Word(String),
    Times(Vec<Span>),
    Numbers(Vec<i64>),
    /// The policy itself, as a script.
    Script(Script),
}

/// How many run queues there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Queues {
    /// One for each CPU; a thread waits in one of them.
    #[default]
    PerCpu,
    /// One for all: the next thread runs on whichever CPU is free, and pre-empts the one that matters least.
    Global,
}

/// Which of several threads that wait on a futex is woken first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WakeOrder {
    /// Whoever has waited longest.
    #[default]
    Arrival,
    /// The one of the highest priority at that moment, lent priorities included; among equals whoever has
    /// waited longest.
    Priority,
}

/// Where a thread in the kernel can lose its CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Preemption {
    /// Only on the way back to user mode, and where it blocks.
    None,
    /// Also where a long piece of kernel work offers it: at the end of each stage of a call.
    Voluntary,
    /// After any interrupt, unless the kernel has masked them.
    #[default]
    Full,
}

/// What a thread does that has nothing left but its exit when its slice ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AtSliceEnd {
    /// It gives way as any other, and comes back for its exit.
    #[default]
    GivesWay,
    /// It ends first, as in textbooks.
    Ends,
}

/// Which CPU's run queue a woken thread goes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// The one that it last ran on.
    Previous,
    /// The one that it last ran on if that is idle, else the lowest-numbered idle one, else the former.
    #[default]
    Idle,
    /// The one with the fewest threads, the lowest number among equals.
    Shortest,
}

/// Whether threads move between run queues otherwise than by being woken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Balance {
    None,
    /// A CPU that would go idle takes a thread from the longest queue.
    #[default]
    Steal,
    /// Every so often threads go from the longest queue to the shortest, until they are even.
    Periodic,
    /// Both.
    Both,
}

impl Balance {
    pub const fn steals(self) -> bool {
        matches!(self, Balance::Steal | Balance::Both)
    }

    pub const fn evens(self) -> bool {
        matches!(self, Balance::Periodic | Balance::Both)
    }
}

/// What a thread that becomes ready means to one that runs and needn't give way to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reschedule {
    /// Nothing: it keeps the CPU. Whoever is chosen again pays for the decision alone.
    #[default]
    Keeps,
    /// The CPU decides anew each time. Whoever is chosen again is saved before and loaded after that.
    Reloads,
}
