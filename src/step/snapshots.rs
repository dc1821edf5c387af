//! Moments of a run that it can be gone back to without running it again from its beginning.
//!
//! They lie a number of events apart. When there are too many, every second one is given up, and from then
//! on they lie twice as far apart: however long a run is, their memory is bounded, and the way from one
//! to the next is a small part of the whole.

use crate::sim::Simulator;

use super::recent::Recent;

/// Events from one to the next, to begin with.
pub const EVENTS: u64 = 1 << 12;
/// The most that are kept of a small machine.
const MOST: usize = 64;
/// What all of them may take, and what a thread takes in each, in bytes.
const MEMORY: usize = 512 << 20;
const THREAD: usize = 1 << 10;

/// The run at some step.
#[derive(Clone)]
pub struct Snapshot<'a> {
    pub step: u64,
    /// How many interrupts of the user's have been raised before it.
    pub raised: u64,
    pub simulator: Simulator<'a, Recent>,
}

/// In the order of their steps.
pub struct Snapshots<'a> {
    kept: Vec<Snapshot<'a>>,
    /// Events from one to the next.
    apart: u64,
}

impl<'a> Snapshots<'a> {
    pub fn apart(events: u64) -> Snapshots<'a> {
        Snapshots { kept: Vec::new(), apart: events }
    }

    /// How many are kept.
    pub fn count(&self) -> usize {
        self.kept.len()
    }

    /// Keeps this moment, if it is far enough behind the last one that is kept.
    pub fn consider(&mut self, step: u64, raised: u64, simulator: &Simulator<'a, Recent>) {
        let before = self.kept.last().map_or(0, |last| last.simulator.kernel.sink.count);
        let is_ahead = self.kept.last().is_none_or(|last| last.step < step);
        if !is_ahead || simulator.kernel.sink.count < before + self.apart || !can_branch(simulator) {
            return;
        }
        self.kept.push(Snapshot { step, raised, simulator: simulator.clone() });
        let most = (MEMORY / (simulator.kernel.tasks.len() * THREAD).max(1)).clamp(1, MOST);
        if self.kept.len() > most {
            let mut number = 0;
            self.kept.retain(|_| {
                number += 1;
                number % 2 == 0
            });
            self.apart = self.apart.saturating_mul(2);
        }
    }

    /// The last one that isn't after a step.
    pub fn up_to(&self, step: u64) -> Option<&Snapshot<'a>> {
        let behind = self.kept.partition_point(|snapshot| snapshot.step <= step);
        self.kept[..behind].last()
    }

    /// What comes after a step will be another run.
    pub fn forget_after(&mut self, step: u64) {
        self.kept.retain(|snapshot| snapshot.step <= step);
    }
}

/// Whether a clone of the run is a run of its own.
fn can_branch(simulator: &Simulator<'_, Recent>) -> bool {
    simulator.kernel.queues.iter().all(|queue| queue.clones_apart())
}
