//! Noise: interrupts that have nothing to do with the scenario, as any host has them.

use crate::random::Stream;
use crate::time::{Instant, Span};

use super::NoiseSpec;

#[derive(Clone, Debug)]
pub struct Noise {
    spec: NoiseSpec,
    stream: Stream,
    /// Interrupts that the handler hasn't seen.
    unserved: u32,
}

impl Noise {
    pub fn new(spec: NoiseSpec, stream: Stream) -> Noise {
        Noise { spec, stream, unserved: 0 }
    }

    /// When the next interrupt is due.
    pub fn next(&mut self, now: Instant) -> Instant {
        now + self.spec.interval.draw(&mut self.stream).max(Span::TICK)
    }

    pub fn arrive(&mut self) {
        self.unserved += 1;
    }

    pub const fn has_come(&self) -> bool {
        self.unserved > 0
    }

    /// The handler sees to all that has come.
    pub fn clear(&mut self) {
        self.unserved = 0;
    }
}
