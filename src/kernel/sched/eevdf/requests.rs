//! Threads that ask for slices of their own.

use crate::ids::Tid;
use crate::time::Span;

use super::Eevdf;

impl Eevdf {
    /// The shortest slice that somebody in the queue asks for (`cfs_rq_min_slice`).
    pub(super) fn shortest(&self) -> Span {
        let endless = Span::from_nanos(u64::MAX);
        if !self.differ {
            return endless;
        }
        let slices = self.queue.iter().map(|&(_, _, id)| self.entities[id.index()].slice);
        slices.min().unwrap_or(endless)
    }

    /// Whether a woken thread that asks for less than the running one does away with that one's protection
    /// (`do_preempt_short`).
    pub(super) fn is_shorter(&self, woken: Tid, running: Tid) -> bool {
        let [short, long] = [woken, running].map(|id| &self.entities[id.index()]);
        let sooner = short.deadline < long.deadline || !self.is_eligible(running);
        short.slice < long.slice && self.is_eligible(woken) && sooner
    }
}
