//! Threads move from CPUs with much to do to those with little.
//!
//! Two ways, which can be had together. *Pull*: a CPU that would idle takes a waiting thread from the longest
//! queue (Linux's `sched_balance_newidle`). *Push*: every so often the kernel looks at all queues, and moves
//! threads from the longest to the shortest until they are even (`sched_balance_domains`; Silberschatz,
//! Galvin and Gagne, *Operating System Concepts*, "Load Balancing").
//!
//! A thread that left its CPU a short while ago has its data there, and may be held to be too hot to move
//! (`task_hot`, `sched_migration_cost_ns`). Left out: domains of CPUs that share a cache, and weights; a
//! thread counts as one whatever it is like. Looking costs nothing.

use std::cmp::Reverse;

use crate::hw::queue::Rank;
use crate::ids::{CpuId, Tid};
use crate::time::{Instant, Span};
use crate::trace::{Kind, Moved, Sink};

use super::cpu::Cpu;
use super::sched::Ready;
use super::schedule::thread;
use super::{Due, Kernel};

/// How queues are made even.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balancing {
    /// How often the kernel looks at all queues.
    pub every: Span,
    /// By how many hundredths one queue must be longer than another.
    pub imbalance: u32,
    /// A thread that left a CPU less than so long ago stays there.
    pub migration_cost: Span,
}

impl Default for Balancing {
    fn default() -> Balancing {
        Balancing { every: Span::from_millis(4), imbalance: 25, migration_cost: Span::ZERO }
    }
}

impl Balancing {
    /// Whether one CPU has so much more to do than another that a thread is moved: it must leave them
    /// more even than they were.
    fn is_uneven(&self, most: usize, least: usize) -> bool {
        let limit = least as u64 * (100 + u64::from(self.imbalance));
        most >= least + 2 && most as u64 * 100 > limit
    }
}

impl<S: Sink> Kernel<S> {
    /// A CPU that has nothing to do takes a thread from the CPU with the longest queue.
    pub(super) fn steal(&mut self, cpu: usize) -> Option<Tid> {
        let to = self.cpus[cpu].id;
        if !self.options.balance.steals() || self.queues.len() == 1 || self.queue_of(to).is_held() {
            return None;
        }
        let now = self.cpus[cpu].now;
        let waiting = |other: &Cpu| self.queues[other.queue].waiting();
        let busiest = self.cpus.iter().max_by_key(|other| (waiting(other), Reverse(other.id)))?;
        if waiting(busiest) == 0 {
            return None;
        }
        let from = busiest.id;
        let mut queue = self.queue_of(from).queue().into_iter();
        let stolen = queue.find(|&waiting| self.may_move(waiting, to, now))?;
        self.take_waiting(cpu, stolen, from, to);
        self.emit(cpu, Kind::SchedMigrate { task: stolen, from, to, why: Moved::Stolen });
        let Kernel { tasks, parameters, cpus, queues, .. } = self;
        tasks[stolen.index()].cpu = to;
        let policy = &mut queues[cpus[cpu].queue];
        policy.enqueue(thread(parameters, stolen), Ready::Migrated, now);
        let picked = policy.pick(now);
        self.tell_news(cpu, to);
        picked
    }

    /// Takes a thread out of a queue, with what its policy knows of it.
    fn take_waiting(&mut self, by: usize, waiting: Tid, from: CpuId, to: CpuId) {
        if self.keeps_account {
            // What the thread is due there depends on what the running one has had by now.
            self.account(from.index(), self.cpus[by].now);
            self.tell_news(by, from);
        }
        self.queue_mut(from).remove(waiting);
        self.carry_over(waiting, from, to);
    }

    /// Whether a waiting thread may go to a CPU: it is allowed there, and not too hot.
    fn may_move(&self, waiting: Tid, to: CpuId, now: Instant) -> bool {
        let cost = self.options.balancing.migration_cost;
        let is_hot = self.speeds.as_ref().is_some_and(|speeds| speeds.is_hot(waiting, now, cost));
        self.tasks[waiting.index()].affinity.allows(to) && !is_hot
    }

    /// The queues are looked at for the first time after so long, if ever.
    pub fn expect_balancing(&mut self, now: Instant) {
        if self.options.balance.evens() && self.queues.len() > 1 {
            self.expect(now + self.options.balancing.every, Rank::Processor, Due::Balance);
        }
    }

    /// Makes the queues even. The CPU whose turn it is does so for all.
    pub fn even_out(&mut self, by: usize) {
        let now = self.cpus[by].now;
        while let Some((task, from, to)) = self.next_push(now) {
            self.take_waiting(by, task, from, to);
            self.emit(by, Kind::SchedMigrate { task, from, to, why: Moved::Balanced });
            self.make_ready(by, task, to, Ready::Migrated);
        }
        self.expect_balancing(now);
    }

    /// The next thread to move, and between which CPUs: from the one with the most to do to the one with
    /// the least, the lowest number among equals; of the threads that wait there the last one.
    fn next_push(&self, now: Instant) -> Option<(Tid, CpuId, CpuId)> {
        let mut loads: Vec<(usize, CpuId)> = self.cpus.iter().map(|cpu| (self.load(cpu), cpu.id)).collect();
        loads.sort_unstable();
        let mut sources = loads.clone();
        sources.sort_unstable_by_key(|&(load, id)| (Reverse(load), id));
        for (most, from) in sources {
            for &(least, to) in &loads {
                if !self.options.balancing.is_uneven(most, least) {
                    break;
                }
                if self.queue_of(to).is_held() {
                    continue;
                }
                let mut waiting = self.queue_of(from).queue().into_iter().rev();
                if let Some(task) = waiting.find(|&waiting| self.may_move(waiting, to, now)) {
                    return Some((task, from, to));
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_moves_only_if_that_makes_the_queues_more_even() {
        let quarter = Balancing::default();
        assert!(quarter.is_uneven(2, 0));
        assert!(!quarter.is_uneven(1, 0), "the one would only run elsewhere");
        assert!(!quarter.is_uneven(4, 3));
        assert!(quarter.is_uneven(8, 6));
        assert!(!quarter.is_uneven(10, 8), "10 is just a quarter more");
        assert!(quarter.is_uneven(11, 8));
        assert!(!Balancing { imbalance: 100, ..quarter }.is_uneven(6, 3));
    }
}
