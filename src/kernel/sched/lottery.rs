//! Lottery: at each quantum's end a ticket is drawn, and its holder runs.
//!
//! Waldspurger and Weihl, *Lottery Scheduling: Flexible Proportional-Share Resource Management*,
//! 1994; without currencies, transfers and compensation tickets. The tickets are counted through
//! the ready threads in the order of their numbers.

use std::collections::BTreeMap;

use crate::ids::{CpuId, Tid};
use crate::random::Stream;
use crate::time::{Instant, Span};
use crate::trace::{Reason, Rule};

use super::policy::{Policy, Ready, Thread};
use super::{Given, PolicyRow, QUANTUM};

/// Its documentation, and how it is made.
pub(super) const ROW: PolicyRow = PolicyRow {
    name: "lottery",
    summary: "a drawn ticket's holder runs for a quantum",
    doc: "At each quantum's end, and wherever the running thread waits or ends, a ticket is drawn among those of all ready threads, counted in the order of the threads' numbers. A thread has as many as its process's `tickets`, else one.",
    parameters: &[
        ("quantum", "time", "the longest time in one go; 10ms"),
        (
            "draws",
            "numbers",
            "the numbers that are drawn, one after the other and again from the beginning, each modulo the tickets there are; from the run's seed if absent",
        ),
        ("alone", "truth", "whether there is a draw at a quantum's end even if nobody else waits; false"),
    ],
    build: |given| Box::new(lottery(given)),
};

fn lottery(given: &Given<'_>) -> Lottery {
    let list: Vec<u64> = given.numbers("draws").iter().map(|draw| draw.unsigned_abs()).collect();
    let draws = match list.is_empty() {
        true => Draws::Random(Box::new(given.1.key.stream())),
        false => Draws::Listed { list, next: 0 },
    };
    let quantum = given.time("quantum").unwrap_or(QUANTUM);
    Lottery::new(quantum, draws, given.truth("alone").unwrap_or(false))
}

/// Where the draws come from.
#[derive(Clone, Debug)]
pub enum Draws {
    Random(Box<Stream>),
    /// These numbers, again and again; each is taken modulo the tickets there are.
    Listed {
        list: Vec<u64>,
        next: usize,
    },
}

impl Draws {
    /// A ticket of so many.
    fn draw(&mut self, tickets: u64) -> u64 {
        match self {
            Draws::Random(stream) => stream.uniform(0, tickets - 1),
            Draws::Listed { list, next } => {
                let drawn = list[*next % list.len()] % tickets;
                *next += 1;
                drawn
            }
        }
    }
}

#[derive(Clone, Debug)]
pub struct Lottery {
    quantum: Span,
    draws: Draws,
    /// It draws too where nobody else waits.
    alone: bool,
    /// Who waits, with how many tickets.
    queue: BTreeMap<Tid, u64>,
    drawn: u64,
}

impl Lottery {
    pub fn new(quantum: Span, draws: Draws, alone: bool) -> Lottery {
        Lottery { quantum, draws, alone, queue: BTreeMap::new(), drawn: 0 }
    }
}

impl Policy for Lottery {
    fn enqueue(&mut self, thread: Thread<'_>, _: Ready, _: Instant) {
        self.queue.insert(thread.id, u64::from(thread.parameters.tickets.max(1)));
    }

    fn pick(&mut self, now: Instant) -> Option<Tid> {
        self.pick_for(CpuId(0), &|_| true, now)
    }

    /// A ticket of those only who may win.
    fn pick_for(&mut self, _: CpuId, may: &dyn Fn(Tid) -> bool, _: Instant) -> Option<Tid> {
        let candidates = self.queue.iter().filter(|&(&id, _)| may(id));
        let tickets: u64 = candidates.clone().map(|(_, held)| held).sum();
        if tickets == 0 {
            return None;
        }
        self.drawn = self.draws.draw(tickets);
        let mut counted = 0;
        let (&winner, _) = candidates.into_iter().find(|&(_, &held)| {
            counted += held;
            counted > self.drawn
        })?;
        self.queue.remove(&winner);
        Some(winner)
    }

    fn remove(&mut self, thread: Tid) -> bool {
        self.queue.remove(&thread).is_some()
    }

    fn waiting(&self) -> usize {
        self.queue.len()
    }

    fn slice(&self, _: Thread<'_>, _: Instant) -> Option<Span> {
        Some(self.quantum)
    }

    fn limits_alone(&self) -> bool {
        self.alone
    }

    fn reason(&self) -> Option<Reason> {
        Some(Reason { rule: Rule::Ticket, number: self.drawn })
    }

    fn gives_reasons(&self) -> bool {
        true
    }

    fn gives_way(&self, _: Thread<'_>, _: Instant) -> bool {
        self.alone || !self.queue.is_empty()
    }

    fn preempts(&mut self, _: Thread<'_>, _: Thread<'_>, _: Instant) -> bool {
        false
    }

    fn queue(&self) -> Vec<Tid> {
        self.queue.keys().copied().collect()
    }
}
