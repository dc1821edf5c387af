//! A thread's account with the policy: its weight, its virtual time, its deadline.

use crate::kernel::sched::weight::{UNIT, scale};
use crate::time::Span;

/// The weight of SCHED_IDLE, whatever its niceness: `WEIGHT_IDLEPRIO`.
pub const IDLE_WEIGHT: i64 = 3;
/// The slice on one CPU: `sysctl_sched_base_slice`.
pub const BASE_SLICE: Span = Span::from_micros(700);

/// The slice of a machine with so many CPUs, unless it is set.
pub fn default_slice(cpus: u16) -> Span {
    scale(BASE_SLICE, cpus)
}

/// Where a thread is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Away,
    Queued,
    /// In the queue though it sleeps, until the average has caught up with it.
    Delayed,
    Running,
}

/// A thread. Times are virtual nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Entity {
    pub place: Place,
    pub weight: i64,
    /// How much it asks for at a time.
    pub slice: Span,
    pub vruntime: i64,
    pub deadline: i64,
    /// It keeps the CPU for as long as its virtual time is before this.
    pub protected: i64,
    /// While it is away: how far behind the average it was.
    pub lag: i64,
    /// While it moves to another queue: how much of its slice was left.
    pub rest: Option<i64>,
    /// Its place among those with the same deadline.
    pub sequence: u64,
}

pub const NOBODY: Entity = Entity {
    place: Place::Away,
    weight: UNIT,
    slice: BASE_SLICE,
    vruntime: 0,
    deadline: 0,
    protected: 0,
    lag: 0,
    rest: None,
    sequence: 0,
};
