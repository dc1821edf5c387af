//! A run seen from another thread: how far it is, and a way to stop it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::time::Instant;

/// Shared between a run and whoever watches it.
#[derive(Debug, Default)]
pub struct Control {
    stop: AtomicBool,
    now: AtomicU64,
    crossings: AtomicU64,
}

impl Control {
    pub const fn new() -> Control {
        Control { stop: AtomicBool::new(false), now: AtomicU64::new(0), crossings: AtomicU64::new(0) }
    }

    /// Asks the run to end soon.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The simulated time that the run has reached, and how often it has entered the kernel.
    pub fn reached(&self) -> (Instant, u64) {
        (Instant::from_nanos(self.now.load(Ordering::Relaxed)), self.crossings.load(Ordering::Relaxed))
    }

    pub(super) fn report(&self, now: Instant, crossings: u64) {
        self.now.store(now.as_nanos(), Ordering::Relaxed);
        self.crossings.store(crossings, Ordering::Relaxed);
    }
}
