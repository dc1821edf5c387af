//! Follows a run's trace and says which laws of scheduling it breaks.
//!
//! It knows the workload, and keeps for each thread where it is: in which CPU's queue, on which CPU,
//! or waiting. The policy's own rules are in `order`. What holds of every trace, and of every summary, is checked by
//! `Trace::check` and `Summary::laws`.

use std::collections::{BTreeMap, VecDeque};

use trapline::ids::Tid;
use trapline::sim::Outcome;
use trapline::trace::{Event, Kind, Reason, Trace, Why};

use super::order::{self, Came, Left, Order, Pick};
use super::workload::{Act, Costs, Job, Workload};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Law {
    /// A thread is in one queue, on one CPU, or waits; it runs from the queue in which it is.
    OnePlace,
    /// It runs on those CPUs only on which it may.
    Affinity,
    /// No CPU idles while a thread that may run there is in its queue.
    WorkConservation,
    /// All that can end has ended.
    NoLostJob,
    /// Running, ready and blocked add up to the turnaround, and nothing is negative.
    SumOfParts,
    /// A program computes for as long as it was told to.
    WorkDone,
    /// Who is picked is the one that the policy's rules say, and for the reason that is given.
    Order,
    /// Nobody waits who should have taken the CPU.
    Urgency,
    /// Nobody runs for longer than a quantum while others wait.
    Quantum,
}

#[derive(Clone, Debug)]
pub struct Broken {
    pub law: Law,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Unborn,
    Queued(usize),
    Running(usize),
    Blocked,
    Ended,
}

/// What is known of a thread.
struct Thread<'a> {
    job: &'a Job,
    is_child: bool,
    place: Place,
    since: u64,
    born: u64,
    ended: u64,
    /// Nanoseconds in each of its places.
    running: u64,
    ready: u64,
    blocked: u64,
    /// On which CPUs it surely may run, and on which it perhaps may, while that is being changed.
    surely: u64,
    perhaps: u64,
    /// The changes to come.
    changes: VecDeque<u64>,
}

struct Cpu {
    current: Tid,
    /// Since when the current thread's time hasn't been told to the policy's rules.
    accounted: u64,
    handlers: u32,
    switching: bool,
    /// Since when it has idled with a thread in its queue, or somebody waits who should run.
    idles_since: Option<u64>,
    urgent_since: Option<u64>,
    reason: Option<(Tid, Reason)>,
    stolen: Option<Tid>,
    sent_away: Option<Tid>,
    /// Since when its current thread has run, and since when somebody has waited all along.
    picked: u64,
    waited_for: Option<u64>,
}

pub struct Follower<'a> {
    workload: &'a Workload,
    conserves: bool,
    calls: &'a [String],
    threads: BTreeMap<Tid, Thread<'a>>,
    cpus: Vec<Cpu>,
    order: Option<Box<dyn Order>>,
    now: u64,
    broken: Vec<Broken>,
}

/// The laws that the trace breaks. `conserves` is what the policy promises.
pub fn laws(workload: &Workload, trace: &Trace, conserves: bool) -> Vec<Broken> {
    let cpu = || Cpu {
        current: Tid::IDLE,
        accounted: 0,
        handlers: 0,
        switching: false,
        idles_since: None,
        urgent_since: None,
        reason: None,
        stolen: None,
        sent_away: None,
        picked: 0,
        waited_for: None,
    };
    let mut follower = Follower {
        workload,
        conserves,
        calls: &trace.header.calls,
        threads: BTreeMap::new(),
        cpus: (0..workload.cpus).map(|_| cpu()).collect(),
        order: order::of(workload),
        now: 0,
        broken: Vec::new(),
    };
    for entry in &trace.tasks {
        follower.announce(entry.task, entry.parent, &entry.name);
    }
    for entry in &trace.header.initial {
        let cpu = follower.first_cpu(entry.task);
        follower.born(entry.task, cpu);
    }
    for (number, event) in trace.events.iter().enumerate() {
        follower.event(event, trace.events.get(number + 1));
    }
    follower.finish(trace);
    follower.broken
}

impl Follower<'_> {
    fn breaks(&mut self, law: Law, text: String) {
        self.broken.push(Broken { law, text: format!("at {}ns: {text}", self.now) });
    }

    fn announce(&mut self, task: Tid, parent: Tid, name: &str) {
        let all = (1 << self.workload.cpus) - 1;
        let number: Option<usize> = name.strip_prefix("job").and_then(|number| number.parse().ok());
        let (job, surely) = match (number, self.threads.get(&parent)) {
            (Some(number), _) => {
                let job = &self.workload.jobs[number];
                (job, job.cpu.map_or(all, |cpu| 1 << cpu))
            }
            // A child has its parent's parameters; its CPUs are known when it is born.
            (None, Some(parent)) => (parent.job, all),
            (None, None) => panic!("nobody knows {name}"),
        };
        let mask = |act: &Act| match act {
            Act::Allow(cpus) => Some(cpus.iter().fold(0, |mask, cpu| mask | 1 << cpu)),
            _ => None,
        };
        let is_child = number.is_none();
        let changes = if is_child { VecDeque::new() } else { job.acts.iter().filter_map(mask).collect() };
        let thread = Thread {
            job,
            is_child,
            place: Place::Unborn,
            since: 0,
            born: 0,
            ended: 0,
            running: 0,
            ready: 0,
            blocked: 0,
            surely,
            perhaps: surely,
            changes,
        };
        self.threads.insert(task, thread);
    }

    /// A process that exists from the beginning goes to the CPU with the least to do.
    fn first_cpu(&self, task: Tid) -> usize {
        let load = |cpu: usize| self.threads.values().filter(|t| t.place == Place::Queued(cpu)).count();
        let may = |cpu: &usize| self.threads[&task].surely & 1 << cpu != 0;
        (0..self.cpus.len()).filter(may).min_by_key(|&cpu| (load(cpu), cpu)).expect("it may run somewhere")
    }

    fn born(&mut self, task: Tid, cpu: usize) {
        let now = self.now;
        let thread = self.threads.get_mut(&task).expect("announced");
        (thread.born, thread.since) = (now, now);
        self.comes(task, cpu, Came::New);
    }

    fn event(&mut self, event: &Event, next: Option<&Event>) {
        self.now = event.at.as_nanos();
        let Some(cpu) = event.cpu.map(|cpu| cpu.index()) else { return };
        (0..self.cpus.len()).for_each(|cpu| self.look_at_quantum(cpu));
        match event.kind {
            Kind::ProcessFork { child, .. } => {
                let (surely, perhaps) = (self.threads[&event.task].surely, self.threads[&event.task].perhaps);
                let born = self.threads.get_mut(&child).expect("announced");
                (born.surely, born.perhaps) = (surely, perhaps);
            }
            Kind::SchedWakeup { task, on } => match self.threads[&task].place {
                Place::Unborn => self.born(task, on.index()),
                Place::Blocked => self.comes(task, on.index(), Came::Woken),
                other => self.breaks(Law::OnePlace, format!("thread {task} is woken, which is {other:?}")),
            },
            Kind::SchedMigrate { task, from, to, .. } => self.migrates(cpu, task, from.index(), to.index()),
            Kind::SchedPick { task, rule, number } => {
                let reason = Reason { rule, number };
                self.cpus[cpu].reason = Some((task, reason));
                // Without a switch it goes on with whom it has.
                if !next.is_some_and(|next| matches!(next.kind, Kind::SchedSwitch { .. })) {
                    self.cpus[cpu].reason = None;
                    self.goes_on(cpu, task, reason);
                }
            }
            Kind::SchedSwitch { prev, next, why } => self.switches(cpu, prev, next, why),
            Kind::SchedBoost { on, .. } => self.boosted(on.index()),
            Kind::SchedExit => self.cpus[cpu].switching = false,
            Kind::IrqHandlerEntry { .. }
            | Kind::SoftirqEntry { .. }
            | Kind::LocalTimerEntry
            | Kind::RescheduleEntry => self.cpus[cpu].handlers += 1,
            Kind::IrqHandlerExit { .. }
            | Kind::SoftirqExit { .. }
            | Kind::LocalTimerExit
            | Kind::RescheduleExit => self.cpus[cpu].handlers -= 1,
            Kind::SysEnter { call } if self.calls[call.index()] == "sched_setaffinity" => {
                let thread = self.threads.get_mut(&event.task).expect("announced");
                let new = thread.changes.front().copied().unwrap_or(thread.surely);
                (thread.perhaps, thread.surely) = (thread.surely | new, thread.surely & new);
            }
            Kind::SysExit { call, .. } if self.calls[call.index()] == "sched_setaffinity" => {
                let thread = self.threads.get_mut(&event.task).expect("announced");
                thread.surely = thread.changes.pop_front().unwrap_or(thread.surely);
                thread.perhaps = thread.surely;
            }
            _ => {}
        }
        self.look_at_cpus();
    }

    /// A thread's time in the place where it is ends.
    fn settle(&mut self, task: Tid, place: Place) {
        let now = self.now;
        let thread = self.threads.get_mut(&task).expect("announced");
        let time = now - thread.since;
        match thread.place {
            Place::Queued(_) => thread.ready += time,
            Place::Running(_) => thread.running += time,
            Place::Blocked => thread.blocked += time,
            Place::Unborn | Place::Ended => {}
        }
        (thread.place, thread.since) = (place, now);
    }

    /// The policy's rules are told how long the current thread has run until now.
    fn account(&mut self, cpu: usize) {
        let here = &mut self.cpus[cpu];
        let time = self.now.saturating_sub(here.accounted);
        here.accounted = self.now;
        let current = here.current;
        let queue = self.queue_of(cpu);
        if current != Tid::IDLE
            && let Some(order) = &mut self.order
        {
            order.ran(queue, current, time);
        }
    }

    /// The number of a CPU's queue.
    fn queue_of(&self, cpu: usize) -> usize {
        if self.workload.global { 0 } else { cpu }
    }

    /// Those whom a queue's threads share it with are accounted for.
    fn account_all(&mut self, cpu: usize) {
        for other in 0..self.cpus.len() {
            if other == cpu || self.workload.global {
                self.account(other);
            }
        }
    }

    /// A thread comes into a CPU's queue.
    fn comes(&mut self, task: Tid, cpu: usize, why: Came) {
        self.account_all(cpu);
        let queue = self.queue_of(cpu);
        self.settle(task, Place::Queued(queue));
        if let Some(order) = &mut self.order {
            order.came(queue, task, self.threads[&task].job, why, self.now);
        }
    }

    fn migrates(&mut self, by: usize, task: Tid, from: usize, to: usize) {
        let place = self.threads[&task].place;
        let moves = |order: &mut Option<Box<dyn Order>>| {
            if let Some(order) = order {
                order.moved(task, from, to);
            }
        };
        self.account(from);
        self.account(to);
        match place {
            // It is about to be woken there.
            Place::Blocked => moves(&mut self.order),
            // Which CPU will have it wasn't known.
            Place::Queued(_) if self.workload.global => {}
            Place::Queued(cpu) if cpu == from && by == to => {
                if let Some(order) = &mut self.order {
                    order.gone(from, task);
                }
                moves(&mut self.order);
                self.comes(task, to, Came::Migrated);
                self.cpus[to].stolen = Some(task);
            }
            // It may not run any more where it does.
            Place::Running(cpu) if cpu == from && by == from => {
                let queue = self.queue_of(from);
                if let Some(order) = &mut self.order {
                    order.left(queue, task, Left::SentAway);
                }
                moves(&mut self.order);
                self.comes(task, to, Came::Migrated);
                self.cpus[from].sent_away = Some(task);
            }
            other => {
                let text =
                    format!("thread {task} goes from CPU {from} to CPU {to} by CPU {by}, which is {other:?}");
                self.breaks(Law::OnePlace, text);
            }
        }
    }

    fn boosted(&mut self, cpu: usize) {
        self.account(cpu);
        if let Some(order) = &mut self.order {
            order.boosted(cpu);
        }
    }

    fn goes_on(&mut self, cpu: usize, task: Tid, reason: Reason) {
        self.account(cpu);
        if self.threads[&task].place != Place::Running(cpu) {
            let text = format!("CPU {cpu} goes on with thread {task}, which doesn't run there");
            return self.breaks(Law::OnePlace, text);
        }
        self.picks(cpu, task, Some(reason), true);
        self.cpus[cpu].picked = self.now;
    }

    /// The policy's rules are asked about a pick.
    fn picks(&mut self, cpu: usize, task: Tid, reason: Option<Reason>, again: bool) {
        let (queue, global) = (self.queue_of(cpu), self.workload.global);
        let threads = &self.threads;
        // With a queue for each CPU those in it may run there, but for one that is on its way.
        let may = |id: Tid| !global || threads[&id].perhaps & 1 << cpu != 0;
        let changes = global && threads.values().any(|thread| thread.perhaps != thread.surely);
        let pick = Pick { reason, again, now: self.now, may: &may };
        let Some(order) = &mut self.order else { return };
        if let Err(text) = order.picked(queue, task, &pick)
            && !changes
        {
            self.breaks(Law::Order, text);
        }
    }

    fn switches(&mut self, cpu: usize, prev: Tid, next: Tid, why: Why) {
        self.account(cpu);
        if prev != Tid::IDLE {
            self.leaves(cpu, prev, why);
        }
        let stolen = self.cpus[cpu].stolen.take();
        let reason = self.cpus[cpu].reason.take();
        let here = &mut self.cpus[cpu];
        (here.current, here.accounted, here.switching) = (next, self.now, true);
        (here.picked, here.waited_for) = (self.now, None);
        if next == Tid::IDLE {
            return;
        }
        let queue = self.queue_of(cpu);
        let thread = &self.threads[&next];
        if thread.place != Place::Queued(queue) {
            let text = format!("CPU {cpu} takes thread {next} from its queue, which is {:?}", thread.place);
            self.breaks(Law::OnePlace, text);
        }
        if self.threads[&next].perhaps & 1 << cpu == 0 {
            self.breaks(Law::Affinity, format!("thread {next} runs on CPU {cpu}, where it may not"));
        }
        if let Some((task, _)) = reason
            && task != next
        {
            self.breaks(Law::Order, format!("thread {task} was picked, and thread {next} runs"));
        }
        let reason = reason.map(|(_, reason)| reason);
        if stolen != Some(next) {
            self.picks(cpu, next, reason, false);
        } else if let Some(order) = &mut self.order {
            order.gone(queue, next);
            order.taken(queue, next);
        }
        self.settle(next, Place::Running(cpu));
    }

    /// A thread gives up its CPU.
    fn leaves(&mut self, cpu: usize, task: Tid, why: Why) {
        let queue = self.queue_of(cpu);
        match (self.threads[&task].place, why) {
            // It was sent away.
            (Place::Queued(_), _) if self.cpus[cpu].sent_away.take() == Some(task) => {}
            (Place::Running(here), Why::Blocked { .. } | Why::Exited) if here == cpu => {
                let ended = why == Why::Exited;
                self.settle(task, if ended { Place::Ended } else { Place::Blocked });
                if let Some(order) = &mut self.order {
                    order.left(queue, task, if ended { Left::Ended } else { Left::Waits });
                }
                let now = self.now;
                self.threads.get_mut(&task).expect("announced").ended = now;
            }
            (Place::Running(here), Why::SliceEnd) if here == cpu => self.comes(task, cpu, Came::SliceEnd),
            (Place::Running(here), Why::Preempted { .. }) if here == cpu => {
                self.comes(task, cpu, Came::Preempted);
            }
            (Place::Running(here), Why::Yielded) if here == cpu => self.comes(task, cpu, Came::Yielded),
            (place, why) => {
                let text = format!("CPU {cpu} leaves thread {task} ({why:?}), which is {place:?}");
                self.breaks(Law::OnePlace, text);
            }
        }
    }

    /// How long a message to another CPU takes at most.
    fn patience(&self) -> u64 {
        let message = match self.workload.costs {
            Costs::Free => 1,
            Costs::Small => 16,
        };
        // Who loses one CPU may take another, and so on.
        if self.workload.global { message * self.cpus.len() as u64 } else { message }
    }

    fn look_at_cpus(&mut self) {
        for cpu in 0..self.cpus.len() {
            self.account(cpu);
            self.look_at_quantum(cpu);
            let queue = self.queue_of(cpu);
            let here = &self.cpus[cpu];
            let idles = here.current == Tid::IDLE && here.handlers == 0 && !here.switching;
            let queued = |t: &Thread<'_>| t.place == Place::Queued(queue) && t.surely & 1 << cpu != 0;
            let lazy = idles && self.conserves && self.threads.values().any(queued);
            let urgent = self.outranked(cpu);
            let (patience, now) = (self.patience(), self.now);
            let here = &mut self.cpus[cpu];
            if let Some(since) = begins_or_ends(&mut here.idles_since, lazy, now)
                && now - since > patience
            {
                let text = format!("CPU {cpu} has idled since {since}ns, with a thread in its queue");
                self.breaks(Law::WorkConservation, text);
            }
            let here = &mut self.cpus[cpu];
            if let Some(since) = begins_or_ends(&mut here.urgent_since, urgent, now)
                && now - since > patience
            {
                let text = format!("on CPU {cpu} somebody waited since {since}ns who comes before who runs");
                self.breaks(Law::Urgency, text);
            }
        }
    }

    /// Whether the current thread has run for a quantum too long: since it was picked, or since somebody has waited.
    fn look_at_quantum(&mut self, cpu: usize) {
        let policies = ["round-robin", "lottery", "stride"];
        let Workload { policy, costs, global, tick, .. } = self.workload;
        if *costs != Costs::Free || *global || !policies.contains(policy) {
            return;
        }
        let quantum = self.workload.time("quantum").unwrap_or(10_000_000);
        // Newcomers that are let in only between quanta come behind another one.
        let late = self.workload.parameter("newcomers") == Some("\"after-expired\"");
        let most = quantum * (1 + u64::from(late)) + tick.unwrap_or(0) + 1;
        let waits = self.threads.values().any(|thread| thread.place == Place::Queued(cpu));
        let (now, here) = (self.now, &mut self.cpus[cpu]);
        let since = here.waited_for.unwrap_or(now).max(here.picked);
        let runs = here.current != Tid::IDLE;
        here.waited_for = here.waited_for.or(Some(now)).filter(|_| waits && runs);
        if runs && now - since > most {
            let text = format!("CPU {cpu} has run thread {} since {since}ns, and others wait", here.current);
            self.breaks(Law::Quantum, text);
        }
    }

    /// Whether somebody waits who should have the CPU at once. With prices, the kernel's own work
    /// comes before that.
    fn outranked(&self, cpu: usize) -> bool {
        let (Some(order), Costs::Free) = (&self.order, self.workload.costs) else { return false };
        let (current, queue) = (self.cpus[cpu].current, self.queue_of(cpu));
        let waits = |(_, thread): &(&Tid, &Thread<'_>)| {
            thread.place == Place::Queued(queue) && thread.surely & 1 << cpu != 0
        };
        current != Tid::IDLE
            && self.threads.iter().filter(waits).any(|(&task, _)| order.outranks(queue, task, current))
    }

    fn finish(&mut self, trace: &Trace) {
        self.now = trace.end.as_nanos();
        self.look_at_cpus();
        if trace.outcome != Outcome::Finished {
            self.breaks(Law::NoLostJob, format!("the run ends otherwise: {:?}", trace.outcome));
        }
        let mut account = trapline::analysis::Account::new(&trace.header);
        trace
            .tasks
            .iter()
            .for_each(|entry| account.task(entry.task, entry.process, entry.parent, &entry.name));
        trace.events.iter().for_each(|event| account.event(event));
        let summary = account.finish(trace.end);
        for law in summary.laws() {
            self.breaks(Law::SumOfParts, law.to_string());
        }
        for (task, thread) in std::mem::take(&mut self.threads) {
            if thread.place != Place::Ended {
                self.breaks(Law::NoLostJob, format!("thread {task} is {:?} at the end", thread.place));
                continue;
            }
            let found = summary.threads.iter().find(|summary| summary.task == task);
            let Some(usage) = found.map(|found| &found.usage) else {
                self.breaks(Law::NoLostJob, format!("thread {task} is in no summary"));
                continue;
            };
            let turnaround = i128::from(thread.ended) - i128::from(thread.born);
            let [running, ready, blocked, user] = [
                usage.user + usage.kernel + usage.interrupt + usage.switch,
                usage.ready,
                usage.blocked_total(),
                usage.user,
            ]
            .map(|span| span.as_nanos());
            let waiting = turnaround - i128::from(running) - i128::from(blocked);
            if waiting != i128::from(ready)
                || (running, ready, blocked) != (thread.running, thread.ready, thread.blocked)
            {
                let text = format!(
                    "thread {task}: {turnaround}ns, of which running {running} or {}, ready {ready} or {}, blocked {blocked} or {}",
                    thread.running, thread.ready, thread.blocked
                );
                self.breaks(Law::SumOfParts, text);
            }
            let (told, only) = work(&thread);
            // With prices a program pays for wake-ups in its own time.
            let exactly = only && self.workload.costs == Costs::Free;
            if user < told || (exactly && user != told) {
                self.breaks(
                    Law::WorkDone,
                    format!("thread {task} computed for {user}ns, and was told {told}ns"),
                );
            }
        }
    }
}

/// How long a thread computes by its steps, and whether it has no other instructions.
fn work(thread: &Thread<'_>) -> (u64, bool) {
    if thread.is_child {
        return (1_000, true);
    }
    let acts = &thread.job.acts;
    let time = |act: &Act| match act {
        Act::Compute(time) => *time,
        _ => 0,
    };
    (acts.iter().map(time).sum(), !acts.iter().any(|act| matches!(act, Act::Locked(..))))
}

/// Since when something was so, once it isn't any more.
fn begins_or_ends(since: &mut Option<u64>, is_so: bool, now: u64) -> Option<u64> {
    match (is_so, *since) {
        (true, None) => {
            *since = Some(now);
            None
        }
        (true, Some(_)) => None,
        (false, _) => since.take(),
    }
}
