//! A network card: packets wait in its receive ring until the handler fetches them.
//!
//! All packets that arrive before the handler runs share one interrupt.

use std::collections::VecDeque;

#[derive(Clone, Debug, Default)]
pub struct Card {
    /// Sizes in bytes.
    received: VecDeque<u64>,
}

impl Card {
    pub fn receive(&mut self, bytes: u64) {
        self.received.push_back(bytes);
    }

    pub fn has_packets(&self) -> bool {
        !self.received.is_empty()
    }

    /// The handler fetches the oldest packet.
    pub fn fetch(&mut self) -> Option<u64> {
        self.received.pop_front()
    }
}
