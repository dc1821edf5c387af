//! Why a thread goes from one CPU to another.

use serde::{Deserialize, Serialize};

/// What has moved a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Moved {
    /// It was woken, and placed elsewhere than where it last ran.
    Woken,
    /// A CPU that would have idled took it from another's queue.
    Stolen,
    /// The queues were made even.
    Balanced,
    /// It may not run where it was any more.
    Affinity,
    /// It waited in the queue for all CPUs, and this one was free.
    Picked,
    /// Whoever observed it doesn't tell.
    Unknown,
}

impl Moved {
    pub const ALL: &[Moved] =
        &[Moved::Woken, Moved::Stolen, Moved::Balanced, Moved::Affinity, Moved::Picked, Moved::Unknown];

    pub const fn name(self) -> &'static str {
        match self {
            Moved::Woken => "woken",
            Moved::Stolen => "stolen",
            Moved::Balanced => "balanced",
            Moved::Affinity => "affinity",
            Moved::Picked => "picked",
            Moved::Unknown => "unknown",
        }
    }
}
