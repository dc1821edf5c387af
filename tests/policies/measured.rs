//! The rules of policies that give a number as their reason: the number is reckoned up anew.

use std::collections::BTreeMap;

use trapline::ids::Tid;
use trapline::trace::{Reason, Rule};

use super::order::{Came, Left, Order, Pick, on};
use super::workload::{Job, Workload};

const DEFAULT_QUANTUM: u64 = 10_000_000;

fn number(reason: Option<Reason>, rule: Rule) -> Result<u64, String> {
    match reason {
        Some(reason) if reason.rule == rule => Ok(reason.number),
        other => Err(format!("a pick whose reason is {other:?}")),
    }
}

#[derive(Clone, Copy)]
struct Burst {
    expected: u64,
    used: u64,
    told: bool,
    queue: Option<usize>,
}

/// Shortest job first, and shortest remaining time first.
pub struct Shortest {
    preemptive: bool,
    first: u64,
    weight: u64,
    bursts: BTreeMap<Tid, Burst>,
}

impl Shortest {
    pub fn new(workload: &Workload) -> Shortest {
        Shortest {
            preemptive: workload.policy == "srtf",
            first: workload.time("first").unwrap_or(DEFAULT_QUANTUM),
            weight: workload.parameter("weight").and_then(|weight| weight.parse().ok()).unwrap_or(50),
            bursts: BTreeMap::new(),
        }
    }

    fn to_go(&self, task: Tid) -> u64 {
        let burst = &self.bursts[&task];
        burst.expected.saturating_sub(burst.used)
    }
}

impl Order for Shortest {
    fn came(&mut self, cpu: usize, task: Tid, job: &Job, why: Came, _: u64) {
        let unknown = Burst { expected: self.first, used: 0, told: false, queue: None };
        let burst = self.bursts.entry(task).or_insert(unknown);
        if matches!(why, Came::New | Came::Woken) {
            burst.used = 0;
            burst.told = job.burst.is_some();
            burst.expected = job.burst.unwrap_or(burst.expected);
        }
        burst.queue = Some(cpu);
    }

    fn gone(&mut self, _: usize, task: Tid) {
        self.bursts.get_mut(&task).expect("it came").queue = None;
    }

    fn picked(&mut self, cpu: usize, task: Tid, pick: &Pick<'_>) -> Result<(), String> {
        let number = number(pick.reason, Rule::Shortest)?;
        self.gone(cpu, task);
        if number != self.to_go(task) {
            return Err(format!("thread {task} has {} to go, and not {number}", self.to_go(task)));
        }
        let waits = self
            .bursts
            .iter()
            .filter(|(_, burst)| burst.queue == Some(cpu))
            .filter(|&(&id, _)| (pick.may)(id));
        match waits.map(|(&other, _)| (self.to_go(other), other)).min() {
            Some((shorter, other)) if shorter < number => {
                Err(format!("thread {task} with {number} to go comes before thread {other} with {shorter}"))
            }
            _ => Ok(()),
        }
    }

    fn ran(&mut self, _: usize, task: Tid, time: u64) {
        self.bursts.get_mut(&task).expect("it came").used += time;
    }

    fn left(&mut self, _: usize, task: Tid, why: Left) {
        if why == Left::SentAway {
            return;
        }
        let weight = self.weight;
        let burst = self.bursts.get_mut(&task).expect("it came");
        if !burst.told {
            burst.expected = (burst.used * weight + burst.expected * (100 - weight)) / 100;
        }
    }

    fn outranks(&self, _: usize, waiting: Tid, running: Tid) -> bool {
        self.preemptive && self.to_go(waiting) < self.to_go(running)
    }
}

/// A ticket is drawn among those of all who wait.
#[derive(Default)]
pub struct Lottery {
    queues: Vec<BTreeMap<Tid, u64>>,
    tickets: BTreeMap<Tid, u64>,
}

impl Order for Lottery {
    fn came(&mut self, cpu: usize, task: Tid, job: &Job, _: Came, _: u64) {
        on(&mut self.queues, cpu).insert(task, job.tickets);
        self.tickets.insert(task, job.tickets);
    }

    fn gone(&mut self, cpu: usize, task: Tid) {
        on(&mut self.queues, cpu).remove(&task);
    }

    fn picked(&mut self, cpu: usize, task: Tid, pick: &Pick<'_>) -> Result<(), String> {
        let number = number(pick.reason, Rule::Ticket)?;
        let queue = on(&mut self.queues, cpu);
        if pick.again {
            queue.insert(task, self.tickets[&task]);
        }
        let mut tickets = queue
            .iter()
            .filter(|&(&id, _)| (pick.may)(id))
            .flat_map(|(&holder, &tickets)| (0..tickets).map(move |_| holder));
        let holder = tickets.nth(number as usize);
        queue.remove(&task);
        match holder {
            Some(holder) if holder == task => Ok(()),
            _ => Err(format!("ticket {number} is {holder:?}'s, and thread {task} is picked")),
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Share {
    tickets: f64,
    pass: f64,
    distance: f64,
    counted: Option<usize>,
    queued: bool,
    moves: f64,
}

/// Whoever has the smallest pass runs; here passes are fractions, in millionths of a quantum.
pub struct Stride {
    quantum: f64,
    shares: BTreeMap<Tid, Share>,
    /// The common pass of each CPU.
    common: Vec<f64>,
}

impl Stride {
    pub fn new(workload: &Workload) -> Stride {
        let quantum = workload.time("quantum").unwrap_or(DEFAULT_QUANTUM) as f64;
        Stride { quantum, shares: BTreeMap::new(), common: Vec::new() }
    }
}

impl Order for Stride {
    fn came(&mut self, cpu: usize, task: Tid, job: &Job, _: Came, _: u64) {
        let common = *on(&mut self.common, cpu);
        let share = self.shares.entry(task).or_default();
        if share.counted.is_none() {
            share.pass = common + share.distance;
            (share.tickets, share.counted) = (job.tickets as f64, Some(cpu));
        }
        share.queued = true;
    }

    fn gone(&mut self, cpu: usize, task: Tid) {
        self.left(cpu, task, Left::SentAway);
    }

    fn taken(&mut self, cpu: usize, task: Tid) {
        let share = self.shares.get_mut(&task).expect("it came");
        (share.counted, share.queued) = (Some(cpu), false);
    }

    fn moved(&mut self, task: Tid, _: usize, _: usize) {
        self.shares.get_mut(&task).expect("it came").moves += 1.0;
    }

    fn picked(&mut self, cpu: usize, task: Tid, pick: &Pick<'_>) -> Result<(), String> {
        let number = number(pick.reason, Rule::Pass)? as f64;
        let share = self.shares.get_mut(&task).expect("it came");
        share.queued = false;
        // What is rounded off: a little at each account, and up to one when the thread moves.
        let near = |share: &Share| 2.0 + share.moves;
        if (share.pass.max(0.0) - number).abs() > near(share) {
            return Err(format!("thread {task} is at {}, and not {number}", share.pass));
        }
        let waits = self.shares.iter().filter(|(_, share)| share.queued && share.counted == Some(cpu));
        let waits = waits.filter(|&(&id, _)| (pick.may)(id));
        for (other, share) in waits {
            if share.pass + near(share) < number - near(&self.shares[&task]) {
                return Err(format!(
                    "thread {task} at {number} comes before thread {other} at {}",
                    share.pass
                ));
            }
        }
        Ok(())
    }

    fn ran(&mut self, cpu: usize, task: Tid, time: u64) {
        let all = self.shares.values().filter(|share| share.counted == Some(cpu));
        let all: f64 = all.map(|share| share.tickets).sum();
        let way = |tickets: f64| time as f64 * 1e6 / (tickets * self.quantum);
        *on(&mut self.common, cpu) += way(all.max(1.0));
        let share = self.shares.get_mut(&task).expect("it came");
        share.pass += way(share.tickets);
    }

    fn left(&mut self, cpu: usize, task: Tid, _: Left) {
        let common = *on(&mut self.common, cpu);
        let share = self.shares.get_mut(&task).expect("it came");
        if share.counted.take().is_some() {
            share.distance = share.pass - common;
        }
        share.queued = false;
    }
}

#[derive(Clone, Copy)]
struct Standing {
    level: u64,
    /// What it has run since it came to this level, or since the boost.
    used: u64,
    queue: Option<usize>,
    home: usize,
}

/// Levels: which one a thread is on is known from its last pick, but for a quantum that has ended since.
pub struct Levels {
    top: u64,
    quanta: Vec<u64>,
    standings: BTreeMap<Tid, Standing>,
}

impl Levels {
    pub fn new(workload: &Workload) -> Levels {
        let list = |name| {
            let list = workload.parameter(name).unwrap_or("[]").trim_matches(['[', ']']).split(',');
            list.map(|one| one.trim().trim_matches('"').trim_end_matches("ns").to_owned())
                .filter(|one| !one.is_empty())
                .collect::<Vec<String>>()
        };
        let quanta: Vec<u64> = list("quantum").iter().map(|time| time.parse().expect("a time")).collect();
        let listed = match quanta.len().max(list("allotment").len()) {
            0 | 1 => 3,
            several => several as u64,
        };
        let levels = workload.parameter("levels").map_or(listed, |levels| levels.parse().expect("a number"));
        Levels { top: levels - 1, quanta, standings: BTreeMap::new() }
    }

    fn quantum(&self, level: u64) -> u64 {
        let from_top = (self.top - level) as usize;
        self.quanta.get(from_top).or(self.quanta.last()).copied().unwrap_or(DEFAULT_QUANTUM)
    }

    /// The lowest level on which it can be.
    fn least(&self, standing: &Standing) -> u64 {
        let may_have_sunk = standing.used >= self.quantum(standing.level);
        standing.level.saturating_sub(u64::from(may_have_sunk))
    }
}

impl Order for Levels {
    fn came(&mut self, cpu: usize, task: Tid, _: &Job, _: Came, _: u64) {
        let new = Standing { level: self.top, used: 0, queue: None, home: cpu };
        let standing = self.standings.entry(task).or_insert(new);
        (standing.queue, standing.home) = (Some(cpu), cpu);
    }

    fn gone(&mut self, _: usize, task: Tid) {
        self.standings.get_mut(&task).expect("it came").queue = None;
    }

    fn moved(&mut self, task: Tid, _: usize, to: usize) {
        self.standings.get_mut(&task).expect("it came").home = to;
    }

    fn ran(&mut self, _: usize, task: Tid, time: u64) {
        self.standings.get_mut(&task).expect("it came").used += time;
    }

    fn boosted(&mut self, cpu: usize) {
        for standing in self.standings.values_mut().filter(|standing| standing.home == cpu) {
            (standing.level, standing.used) = (self.top, 0);
        }
    }

    fn picked(&mut self, cpu: usize, task: Tid, pick: &Pick<'_>) -> Result<(), String> {
        let number = number(pick.reason, Rule::Level)?;
        self.gone(cpu, task);
        let standing = self.standings[&task];
        let least = self.least(&standing);
        if !(least..=standing.level).contains(&number) {
            return Err(format!(
                "thread {task} is on level {number}, not from {least} to {}",
                standing.level
            ));
        }
        if number != standing.level {
            let standing = self.standings.get_mut(&task).expect("it came");
            (standing.level, standing.used) = (number, 0);
        }
        let waits = self
            .standings
            .iter()
            .filter(|(_, standing)| standing.queue == Some(cpu))
            .filter(|&(&id, _)| (pick.may)(id));
        match waits.map(|(&other, standing)| (self.least(standing), other)).max() {
            Some((higher, other)) if higher > number => {
                Err(format!("thread {task} on level {number} comes before thread {other} on level {higher}"))
            }
            _ => Ok(()),
        }
    }

    fn outranks(&self, _: usize, waiting: Tid, running: Tid) -> bool {
        self.least(&self.standings[&waiting]) > self.standings[&running].level
    }
}
