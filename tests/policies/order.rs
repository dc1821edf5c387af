//! The rules of policies, written a second time and as simply as can be: who is picked, and why.
//!
//! A policy that isn't here obeys the laws that hold for all, and none of its own.

use std::collections::{BTreeMap, VecDeque};

use trapline::ids::Tid;
use trapline::trace::Reason;

use super::measured::{Levels, Lottery, Shortest, Stride};
use super::workload::{Job, Workload};

/// Why a thread comes into a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    New,
    Woken,
    SliceEnd,
    Preempted,
    Yielded,
    Migrated,
}

/// Why a running thread leaves its CPU and isn't ready there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    Waits,
    Ended,
    SentAway,
}

/// A pick, as the trace has it.
pub struct Pick<'a> {
    pub reason: Option<Reason>,
    pub again: bool,
    pub now: u64,
    pub may: &'a dyn Fn(Tid) -> bool,
}

/// A policy's rules, for all CPUs.
pub trait Order {
    fn came(&mut self, cpu: usize, task: Tid, job: &Job, why: Came, now: u64);

    /// It leaves the queue for another CPU.
    fn gone(&mut self, cpu: usize, task: Tid);

    /// The queue's thread runs next, of those that may; what is wrong with that. `again`: it ran until
    /// now, and goes on without having been seen to come back.
    fn picked(&mut self, cpu: usize, task: Tid, pick: &Pick<'_>) -> Result<(), String> {
        let line = on(&mut self.lines, cpu);
        let wanted = match line.urgent.take() {
            Some(urgent) => Some(urgent),
            None if self.by_number => {
                let later = |&(id, since): &(Tid, u64)| (since >= pick.now, Some(id) <= line.last, id);
                line.queue
                    .iter()
                    .copied()
                    .filter(|&(id, _)| (pick.may)(id))
                    .min_by_key(later)
                    .map(|(id, _)| id)
            }
            None => line.queue.iter().map(|&(id, _)| id).find(|&id| (pick.may)(id)),
        };
        line.queue.retain(|&(queued, _)| queued != task);
        line.last = Some(task);
        match wanted {
            Some(wanted) if wanted == task => Ok(()),
            _ => Err(format!("thread {task} is picked on CPU {cpu}, and not {wanted:?}, whose turn it is")),
        }
    }

    fn outranks(&self, cpu: usize, waiting: Tid, _: Tid) -> bool {
        self.lines.get(cpu).is_some_and(|line| line.urgent == Some(waiting))
    }
}

/// Static priorities.
#[derive(Default)]
struct Priority {
    preemptive: bool,
    /// For each CPU its threads, each with priority and place among equals.
    queues: Vec<Vec<(Tid, i64, i64)>>,
    turns: i64,
    priorities: BTreeMap<Tid, i64>,
}

impl Priority {
    fn first(queue: &[(Tid, i64, i64)], may: &dyn Fn(Tid) -> bool) -> Option<Tid> {
        queue
            .iter()
            .filter(|&&(id, _, _)| may(id))
            .min_by_key(|&&(_, priority, turn)| (-priority, turn))
            .map(|&(id, _, _)| id)
    }
}

impl Order for Priority {
    fn came(&mut self, cpu: usize, task: Tid, job: &Job, why: Came, _: u64) {
        self.turns += 1;
        let turn = if why == Came::Preempted { -self.turns } else { self.turns };
        on(&mut self.queues, cpu).push((task, job.priority, turn));
        self.priorities.insert(task, job.priority);
    }

    fn gone(&mut self, cpu: usize, task: Tid) {
        on(&mut self.queues, cpu).retain(|&(queued, _, _)| queued != task);
    }

    fn picked(&mut self, cpu: usize, task: Tid, pick: &Pick<'_>) -> Result<(), String> {
        let wanted = Priority::first(on(&mut self.queues, cpu), pick.may);
        self.gone(cpu, task);
        match wanted {
            Some(wanted) if wanted == task => Ok(()),
            _ => {
                Err(format!("thread {task} is picked on CPU {cpu}, and not {wanted:?}, who comes before it"))
            }
        }
    }

    fn outranks(&self, _: usize, waiting: Tid, running: Tid) -> bool {
        self.preemptive && self.priorities[&waiting] > self.priorities[&running]
    }
}
