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
    /// It ran until now, and goes on without having been seen to come back.
    pub again: bool,
    pub now: u64,
    /// Who may run on the CPU that picks.
    pub may: &'a dyn Fn(Tid) -> bool,
}

/// A policy's rules, for all queues.
pub trait Order {
    fn came(&mut self, cpu: usize, task: Tid, job: &Job, why: Came, now: u64);

    /// It leaves the queue for another CPU.
    fn gone(&mut self, cpu: usize, task: Tid);

    /// The queue's thread runs next; what is wrong with that.
    fn picked(&mut self, queue: usize, task: Tid, pick: &Pick<'_>) -> Result<(), String>;

    /// It runs, though nobody picked it here: it was taken from another CPU.
    fn taken(&mut self, _cpu: usize, _task: Tid) {}

    fn ran(&mut self, _cpu: usize, _task: Tid, _time: u64) {}

    fn left(&mut self, _cpu: usize, _task: Tid, _why: Left) {}

    fn moved(&mut self, _task: Tid, _from: usize, _to: usize) {}

    fn boosted(&mut self, _cpu: usize) {}

    /// Whether the one who waits should have taken the CPU from the one who runs.
    fn outranks(&self, _cpu: usize, _waiting: Tid, _running: Tid) -> bool {
        false
    }
}

/// The rules of a workload's policy; none where they aren't known, or can't be seen in the trace.
pub fn of(workload: &Workload) -> Option<Box<dyn Order>> {
    let given = |name, word: &str| workload.parameter(name) == Some(word);
    Some(match workload.policy {
        "fcfs" if given("hold", "true") => return None,
        "fcfs" => Box::new(Fcfs {
            by_number: given("next", "\"number\""),
            woken_first: given("woken", "\"preempts\""),
            ..Fcfs::default()
        }),
        // When newcomers are let in doesn't show where a thread goes on with its next quantum.
        "round-robin" if given("newcomers", "\"after-expired\"") => return None,
        "round-robin" => Box::<Fcfs>::default(),
        // How long each has waited decides there.
        "priority" if workload.parameter("aging").is_some() => return None,
        "priority" => Box::new(Priority {
            preemptive: !given("preemptive", "false"),
            to_tail: given("preempted", "\"tail\""),
            ..Priority::default()
        }),
        "sjf" | "srtf" => Box::new(Shortest::new(workload)),
        "lottery" => Box::<Lottery>::default(),
        "stride" => Box::new(Stride::new(workload)),
        "mlfq" => Box::new(Levels::new(workload)),
        _ => return None,
    })
}

/// One entry for each CPU, made when it is needed.
pub fn on<T: Default>(all: &mut Vec<T>, cpu: usize) -> &mut T {
    if all.len() <= cpu {
        all.resize_with(cpu + 1, T::default);
    }
    &mut all[cpu]
}

#[derive(Default)]
struct Line {
    /// Each with since when it waits.
    queue: VecDeque<(Tid, u64)>,
    urgent: Option<Tid>,
    last: Option<Tid>,
}

/// First come, first served with its variants, and round-robin, which differs in when a thread comes back.
#[derive(Default)]
struct Fcfs {
    by_number: bool,
    woken_first: bool,
    lines: Vec<Line>,
}

impl Order for Fcfs {
    fn came(&mut self, cpu: usize, task: Tid, _: &Job, why: Came, now: u64) {
        let line = on(&mut self.lines, cpu);
        match why {
            Came::Preempted => line.queue.push_front((task, 0)),
            _ => line.queue.push_back((task, now)),
        }
        if why == Came::Woken && self.woken_first {
            line.urgent = Some(task);
        }
    }

    fn gone(&mut self, cpu: usize, task: Tid) {
        let line = on(&mut self.lines, cpu);
        line.queue.retain(|&(queued, _)| queued != task);
        line.urgent.take_if(|urgent| *urgent == task);
    }

    fn taken(&mut self, cpu: usize, task: Tid) {
        on(&mut self.lines, cpu).last = Some(task);
    }

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
    /// Where a pre-empted thread goes.
    to_tail: bool,
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
        let turn = if why == Came::Preempted && !self.to_tail { -self.turns } else { self.turns };
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
