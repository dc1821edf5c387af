//! A thread's account with the policy: its weight, its virtual time, its deadline.

use crate::time::Span;

/// The weight of nice 0.
pub const UNIT: i64 = 1024;
/// Weights from nice -20 to 19: `sched_prio_to_weight` in Linux's `kernel/sched/core.c`. Each step is
/// a tenth of the CPU's time more or less.
const WEIGHTS: [i64; 40] = [
    88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, //
    9548, 7620, 6100, 4904, 3906, 3121, 2501, 1991, 1586, 1277, //
    1024, 820, 655, 526, 423, 335, 272, 215, 172, 137, //
    110, 87, 70, 56, 45, 36, 29, 23, 18, 15,
];
/// The weight of SCHED_IDLE, whatever its niceness: `WEIGHT_IDLEPRIO`.
pub const IDLE_WEIGHT: i64 = 3;
/// The slice on one CPU: `sysctl_sched_base_slice`.
pub const BASE_SLICE: Span = Span::from_micros(700);

/// The slice of a machine with so many CPUs, unless it is set (`get_update_sysctl_factor`).
pub fn default_slice(cpus: u16) -> Span {
    BASE_SLICE * u64::from(1 + cpus.clamp(1, 8).ilog2())
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
    vruntime: 0,
    deadline: 0,
    protected: 0,
    lag: 0,
    rest: None,
    sequence: 0,
};

/// The weight of a niceness; outside of Linux's range that of its nearest end.
pub fn weight(nice: i8) -> i64 {
    WEIGHTS[(i32::from(nice) + 20).clamp(0, 39) as usize]
}

/// A time as it counts for a thread of this weight.
pub fn virtual_time(time: Span, weight: i64) -> i64 {
    whole(i128::from(time.as_nanos()) * i128::from(UNIT) / i128::from(weight))
}

/// A virtual time that fits: 292 years of them do.
pub fn whole(time: i128) -> i64 {
    time.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}
