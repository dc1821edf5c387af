//! Linux's scheduling classes, by the names that sched(7) has for them.

use serde::{Deserialize, Serialize};

/// What a thread is scheduled as under the policy `linux`. Other policies don't look at it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// SCHED_DEADLINE: has its `budget` of time in each `period`, by its deadline.
    Deadline,
    /// SCHED_FIFO: by `priority`, without an end of its turn.
    Fifo,
    /// SCHED_RR: by `priority`, in turn.
    Rr,
    /// SCHED_OTHER: its share, by `nice`.
    #[default]
    Other,
    /// SCHED_BATCH: its share, but it takes the CPU from nobody when it wakes.
    Batch,
    /// SCHED_IDLE: a very small share.
    Idle,
}

impl Class {
    pub const ALL: &[Class] =
        &[Class::Deadline, Class::Fifo, Class::Rr, Class::Other, Class::Batch, Class::Idle];

    pub const fn name(self) -> &'static str {
        match self {
            Class::Deadline => "deadline",
            Class::Fifo => "fifo",
            Class::Rr => "rr",
            Class::Other => "other",
            Class::Batch => "batch",
            Class::Idle => "idle",
        }
    }

    /// Whether it goes by a static priority, from 1 to 99.
    pub const fn is_real_time(self) -> bool {
        matches!(self, Class::Fifo | Class::Rr)
    }
}
