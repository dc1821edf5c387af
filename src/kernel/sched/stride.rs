//! Stride: the lottery's shares without its chance.
//!
//! Waldspurger and Weihl, *Stride Scheduling: Deterministic Proportional-Share Resource Management*,
//! 1995. Each thread has a *pass*, which grows by what it ran, divided by its tickets; the one with the
//! smallest runs. While a thread is away its distance to the others' common pass is kept, so
//! that it neither loses nor saves up time by sleeping.

use std::collections::BTreeSet;

use crate::ids::{CpuId, Tid};
use crate::time::{Instant, Span};
use crate::trace::{Reason, Rule};

use super::policy::{Baggage, Policy, Ready, Thread};
use super::{PolicyRow, QUANTUM};

/// Its documentation, and how it is made.
pub(super) const ROW: PolicyRow = PolicyRow {
    name: "stride",
    summary: "shares by tickets as in a lottery, without chance",
    doc: "Each thread has a pass that grows by what it ran, divided by its process's `tickets` (one if absent). The ready thread with the smallest pass runs for a quantum, the lowest number among equals. Who sleeps keeps its distance to the common pass of all.",
    parameters: &[("quantum", "time", "the longest time in one go; 10ms")],
    build: |given| Box::new(Stride::new(given.time("quantum").unwrap_or(QUANTUM))),
};

/// The stride of one ticket: how far a whole quantum moves its holder.
const WHOLE: i128 = 1_000_000;

/// Passes are kept in fractions of [`WHOLE`]'s unit, so that short runs aren't rounded away.
const FINE: i128 = 1 << 20;

#[derive(Clone, Copy, Debug, Default)]
struct Share {
    tickets: i128,
    pass: i128,
    /// How far it is from the common pass while it is away.
    distance: i128,
    counted: bool,
    queued: bool,
    /// What it has run of its quantum.
    run: Span,
}

#[derive(Clone, Debug)]
pub struct Stride {
    quantum: Span,
    /// Indexed by [`Tid`].
    shares: Vec<Share>,
    queue: BTreeSet<(i128, Tid)>,
    /// The tickets of all that want the CPU, and the pass that one thread with all of them would have.
    tickets: i128,
    common: i128,
    picked: i128,
}

impl Stride {
    pub fn new(quantum: Span) -> Stride {
        Stride {
            quantum: quantum.max(Span::TICK),
            shares: Vec::new(),
            queue: BTreeSet::new(),
            tickets: 0,
            common: 0,
            picked: 0,
        }
    }

    fn share(&mut self, id: Tid) -> &mut Share {
        if self.shares.len() <= id.index() {
            self.shares.resize(id.index() + 1, Share::default());
        }
        &mut self.shares[id.index()]
    }

    /// How far a run moves the pass of somebody with so many tickets.
    fn way(&self, time: Span, tickets: i128) -> i128 {
        let whole = i128::from(time.as_nanos()) * WHOLE * FINE;
        whole / (tickets.max(1) * i128::from(self.quantum.as_nanos()))
    }

    /// The thread doesn't want the CPU any more, at least not this one.
    fn leave(&mut self, id: Tid) {
        let common = self.common;
        let share = self.share(id);
        if std::mem::take(&mut share.counted) {
            share.distance = share.pass - common;
            let tickets = share.tickets;
            self.tickets -= tickets;
        }
    }
}

impl Policy for Stride {
    fn enqueue(&mut self, thread: Thread<'_>, _: Ready, _: Instant) {
        let common = self.common;
        let tickets = i128::from(thread.parameters.tickets.max(1));
        let share = self.share(thread.id);
        let joins = !share.counted;
        if joins {
            share.pass = common + share.distance;
            (share.tickets, share.counted) = (tickets, true);
        }
        share.queued = true;
        let pass = share.pass;
        self.queue.insert((pass, thread.id));
        self.tickets += if joins { tickets } else { 0 };
    }

    fn pick(&mut self, now: Instant) -> Option<Tid> {
        self.pick_for(CpuId(0), &|_| true, now)
    }

    fn pick_for(&mut self, _: CpuId, may: &dyn Fn(Tid) -> bool, _: Instant) -> Option<Tid> {
        let first = self.queue.iter().find(|&&(_, id)| may(id)).copied()?;
        self.queue.remove(&first);
        let (pass, id) = first;
        let share = self.share(id);
        (share.queued, share.run) = (false, Span::ZERO);
        self.picked = pass;
        Some(id)
    }

    fn remove(&mut self, thread: Tid) -> bool {
        let share = self.share(thread);
        if !std::mem::take(&mut share.queued) {
            return false;
        }
        let pass = share.pass;
        self.queue.remove(&(pass, thread));
        self.leave(thread);
        true
    }

    fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// What is left of its quantum.
    fn slice(&self, thread: Thread<'_>, _: Instant) -> Option<Span> {
        let run = self.shares.get(thread.id.index()).map_or(Span::ZERO, |share| share.run);
        Some(self.quantum.saturating_sub(run))
    }

    fn reason(&self) -> Option<Reason> {
        let number = u64::try_from(self.picked / FINE).unwrap_or(0);
        Some(Reason { rule: Rule::Pass, number })
    }

    fn gives_reasons(&self) -> bool {
        true
    }

    fn gives_way(&self, running: Thread<'_>, now: Instant) -> bool {
        !self.queue.is_empty() && self.slice(running, now) == Some(Span::ZERO)
    }

    fn preempts(&mut self, _: Thread<'_>, _: Thread<'_>, _: Instant) -> bool {
        false
    }

    fn ran(&mut self, thread: Thread<'_>, time: Span, _: Instant) {
        let tickets = self.share(thread.id).tickets;
        let way = self.way(time, tickets);
        // Who is alone begins one quantum after the other.
        let (quantum, alone) = (self.quantum, self.queue.is_empty());
        let share = self.share(thread.id);
        share.pass += way;
        share.run += time;
        if alone {
            share.run = Span::from_nanos(share.run.as_nanos() % quantum.as_nanos());
        }
        self.common += self.way(time, self.tickets);
    }

    fn keeps_account(&self) -> bool {
        true
    }

    fn left(&mut self, thread: Tid, _: bool) {
        self.leave(thread);
    }

    fn hand_over(&mut self, thread: Tid) -> Baggage {
        self.leave(thread);
        let distance = self.share(thread).distance / FINE;
        Baggage { lag: i64::try_from(distance).unwrap_or(0), ..Baggage::default() }
    }

    fn take_over(&mut self, thread: Tid, baggage: Baggage) {
        self.share(thread).distance = i128::from(baggage.lag) * FINE;
    }

    fn queue(&self) -> Vec<Tid> {
        self.queue.iter().map(|&(_, id)| id).collect()
    }
}
