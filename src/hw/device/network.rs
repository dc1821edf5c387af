//! A network card: packets wait in its receive ring until the handler fetches them.
//!
//! All packets that arrive before the handler runs share one interrupt. A card that coalesces waits with
//! its interrupt until so many packets are there, or the first of them has waited so long. A packet
//! that finds the ring full is lost. Real cards do the same (ethtool(8): `-c rx-frames rx-usecs`, `-g rx`).

use std::collections::VecDeque;
use std::sync::Arc;

use crate::time::Span;

/// What a card is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CardSpec {
    /// So many packets fit into the receive ring.
    pub ring: u32,
    pub coalesce: Option<Coalesce>,
    /// So many packets are taken by a deferred half that polls the card, whose interrupt is off meanwhile (NAPI).
    pub budget: Option<u32>,
}

/// When the interrupt comes, if not for each packet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coalesce {
    /// With so many packets,
    pub packets: u32,
    /// or so long after the first.
    pub time: Span,
}

/// A packet from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    pub bytes: u64,
    /// What it holds, if that matters.
    pub text: Option<Arc<[u8]>>,
    /// The number of the address that it is for.
    pub to: Option<u32>,
}

/// What a card does about a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Raises its interrupt.
    Interrupt,
    /// Sets its timer.
    Wait { time: Span, ticket: u32 },
    /// The timer is set already.
    Nothing,
    /// The ring is full.
    Drop,
}

#[derive(Clone, Debug)]
pub struct Card {
    spec: CardSpec,
    received: VecDeque<Packet>,
    /// Packets since the last interrupt, or since the ring was emptied.
    since: u32,
    /// The number of the timer that counts; others have been set for nothing.
    ticket: u32,
    /// The interrupt is off: the deferred half looks by itself.
    polled: bool,
}

impl Card {
    pub fn new(spec: CardSpec) -> Card {
        Card { spec, received: VecDeque::new(), since: 0, ticket: 0, polled: false }
    }

    pub fn receive(&mut self, packet: Packet) -> Reaction {
        if self.received.len() >= self.spec.ring as usize {
            return Reaction::Drop;
        }
        self.received.push_back(packet);
        if self.polled {
            return Reaction::Nothing;
        }
        let Some(Coalesce { packets, time }) = self.spec.coalesce else { return Reaction::Interrupt };
        self.since += 1;
        if self.since >= packets {
            self.settle();
            return Reaction::Interrupt;
        }
        if self.since > 1 {
            return Reaction::Nothing;
        }
        self.ticket = self.ticket.wrapping_add(1);
        Reaction::Wait { time, ticket: self.ticket }
    }

    /// A timer is over: whether the card interrupts.
    pub fn has_waited(&mut self, ticket: u32) -> bool {
        let counts = ticket == self.ticket && self.since > 0;
        if counts {
            self.settle();
        }
        counts
    }

    /// Nobody waits for an interrupt any more.
    fn settle(&mut self) {
        self.since = 0;
        self.ticket = self.ticket.wrapping_add(1);
    }

    /// The hard half turns the interrupt off, if the deferred half is to look by itself.
    pub fn begin_poll(&mut self) {
        self.polled = self.spec.budget.is_some();
        if self.polled {
            self.settle();
        }
    }

    /// How many packets the deferred half takes before others have their turn.
    pub fn budget(&self) -> u32 {
        self.spec.budget.unwrap_or(u32::MAX)
    }

    /// The deferred half has had its turn: if it found the ring empty, the interrupt is on again; if not, it is to
    /// come back.
    pub fn end_poll(&mut self) -> bool {
        self.polled &= self.has_packets();
        self.polled
    }

    pub fn has_packets(&self) -> bool {
        !self.received.is_empty()
    }

    /// The handler fetches the oldest packet.
    pub fn fetch(&mut self) -> Option<Packet> {
        let packet = self.received.pop_front();
        if self.received.is_empty() {
            self.settle();
        }
        packet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet() -> Packet {
        Packet { bytes: 64, text: None, to: None }
    }

    #[test]
    fn a_full_ring_drops_what_comes() {
        let mut card = Card::new(CardSpec { ring: 2, coalesce: None, budget: None });
        let reactions = [(); 3].map(|()| card.receive(packet()));
        assert_eq!(reactions, [Reaction::Interrupt, Reaction::Interrupt, Reaction::Drop]);
        assert!(card.fetch().is_some());
        assert_eq!(card.receive(packet()), Reaction::Interrupt, "there is room again");
    }

    #[test]
    fn a_coalescing_card_interrupts_for_many_packets_or_after_a_time() {
        let time = Span::from_micros(50);
        let mut card =
            Card::new(CardSpec { ring: 256, coalesce: Some(Coalesce { packets: 3, time }), budget: None });
        let Reaction::Wait { ticket, .. } = card.receive(packet()) else { panic!("it waits") };
        assert_eq!(card.receive(packet()), Reaction::Nothing);
        assert_eq!(card.receive(packet()), Reaction::Interrupt);
        assert!(!card.has_waited(ticket), "the timer was for packets that have been reported");
        let Reaction::Wait { ticket, .. } = card.receive(packet()) else { panic!("it waits") };
        assert!(card.has_waited(ticket));
        assert!(!card.has_waited(ticket));
        let Reaction::Wait { ticket, .. } = card.receive(packet()) else { panic!("it waits") };
        while card.fetch().is_some() {}
        assert!(!card.has_waited(ticket), "somebody has fetched them meanwhile");
    }
}
