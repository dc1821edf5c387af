//! From a scenario to a set of tasks: who has a period, what a job takes, and what the kernel adds to it.
//!
//! What the kernel adds is counted at its worst: for each job, the calls that end it and begin the next one, two
//! switches, what contended locks cost; for each release, the timer's handler and the wake-up. These go before
//! every task. What can't be pre-empted is counted as blocking.

use crate::hw::device::DeviceKind;
use crate::ids::CpuId;
use crate::kernel::cost::Costs;
use crate::kernel::options::{Parameter, Preemption, Queues, Scheduler};
use crate::kernel::releases::{OnMiss, Rhythm};
use crate::program::Image;
use crate::program::image::StartId;
use crate::program::start::Start;
use crate::program::syscall::{NextPeriod, Syscall};
use crate::program::userland::Origin;
use crate::time::{Instant, Span};

use super::body::{Body, Known, body, call_time};
use super::task::{Interrupt, Order, Task, TaskSet};

/// How a policy decides, as far as there is a theory for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discipline {
    Fixed(Order),
    Edf,
}

/// The policies that can be analysed, each with the names that it goes by.
pub const ANALYSED: &[(&[&str], Discipline)] = &[
    (&["rm", "rate-monotonic"], Discipline::Fixed(Order::RateMonotonic)),
    (&["dm", "deadline-monotonic"], Discipline::Fixed(Order::DeadlineMonotonic)),
    (&["edf", "earliest-deadline-first"], Discipline::Edf),
    (&["priority"], Discipline::Fixed(Order::Given)),
];

/// The theory for a policy of this name.
pub fn discipline(policy: &str) -> Option<Discipline> {
    ANALYSED.iter().find(|(names, _)| names.contains(&policy)).map(|(_, discipline)| *discipline)
}

/// Where tasks can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// Each on one CPU only.
    Partitioned,
    /// All on every CPU, from one queue.
    Global,
    /// Some may move from queue to queue.
    Mixed,
}

/// Where a task's C comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Its key `wcet`.
    Given,
    /// Its steps.
    Steps,
    /// The longest job of the simulation.
    Measured,
}

/// What is known of a task besides its numbers.
#[derive(Clone, Debug)]
pub struct Origins {
    pub start: StartId,
    pub body: Body,
    /// C without what the kernel adds; none if it has to be measured.
    pub own: Option<Span>,
    pub source: Source,
    /// How many jobs it has; none if there is no end.
    pub jobs: Option<u64>,
}

/// A process without a period, beside the tasks.
#[derive(Clone, Debug)]
pub struct Bystander {
    pub name: String,
    pub priority: i64,
    pub cpu: Option<CpuId>,
    pub body: Body,
}

/// A scenario's tasks, and all that decides whether theory can speak of them.
#[derive(Clone, Debug)]
pub struct Model {
    /// In the order of `origins`. The tasks' C holds what the kernel adds.
    pub set: TaskSet,
    pub origins: Vec<Origins>,
    pub bystanders: Vec<Bystander>,
    pub cpus: u16,
    pub spread: Spread,
    pub discipline: Discipline,
    /// Whether the kernel's work takes no time at all.
    pub free: bool,
    /// Whether some task leaves out jobs when it is late.
    pub skips: bool,
    /// Whether some task's jobs come later than its period would let them.
    pub sporadic: bool,
    /// What can't be counted: reasons why a proof would be none.
    pub uncounted: Vec<String>,
}

/// Why a scenario can't be analysed at all, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    NoTask,
    Policy(String),
    NotPreemptive,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::NoTask => f.write_str(
                "this scenario has no periodic process: give one a `period`, such as `period = \"10ms\"` in \
                 `[process.X]`, and as its steps what it does in each",
            ),
            Refusal::Policy(name) => {
                let known: Vec<String> =
                    ANALYSED.iter().map(|(names, _)| format!("`{}`", names[0])).collect();
                write!(
                    f,
                    "there is no analysis for the policy `{name}`: it promises no response times. There is one for {}; \
                     choose by `[kernel] scheduler`, or for the analysis alone by --policy",
                    known.join(", ")
                )
            }
            Refusal::NotPreemptive => {
                f.write_str("there is no analysis for priorities without pre-emption (`preemptive = false`)")
            }
        }
    }
}

impl std::error::Error for Refusal {}

impl Model {
    /// Reads a scenario's periodic processes. `scheduler` is the scenario's, or what is to be taken in its place.
    pub fn of(image: &Image, scheduler: &Scheduler) -> Result<Model, Refusal> {
        let discipline =
            discipline(&scheduler.policy).ok_or_else(|| Refusal::Policy(scheduler.policy.clone()))?;
        if scheduler.parameters.get("preemptive") == Some(&Parameter::Truth(false)) {
            return Err(Refusal::NotPreemptive);
        }
        if image.starts.iter().all(|start| start.rhythm.is_none()) {
            return Err(Refusal::NoTask);
        }
        let kernel = Overheads::of(image);
        let (mut set, mut origins, mut bystanders) = (TaskSet::default(), Vec::new(), Vec::new());
        for (entry, start) in image.starts.iter().enumerate() {
            let body = body(image, &image.programs[usize::from(start.program.0)]);
            let entry = StartId(entry as u16);
            for number in 0..start.count.min(super::task::MOST_TASKS as u32 + 1) {
                let name = Origin::Start { entry, number }.name(image);
                let cpu = start.cpu.or_else(|| (image.machine.cpus == 1).then_some(CpuId(0)));
                let priority = i64::from(start.parameters.priority);
                if start.rhythm.is_none() {
                    bystanders.push(Bystander { name, priority, cpu, body: body.clone() });
                    // They are all the same.
                    break;
                }
                let (task, origin) = kernel.task(start, entry, body.clone(), name, cpu);
                set.tasks.push(task);
                origins.push(origin);
            }
        }
        // The end of a job is a call, before which the timer's interrupt is looked at.
        set.releases_first = true;
        set.prioritise(match discipline {
            Discipline::Fixed(order) => order,
            Discipline::Edf => Order::Given,
        });
        if !matches!(discipline, Discipline::Fixed(Order::Given)) {
            // A process without a period comes after all that have one.
            bystanders.iter_mut().for_each(|bystander| bystander.priority = i64::MIN);
        }
        set.interrupts = kernel.ticks(image, scheduler);
        let uncounted = uncounted(image);
        let spread = spread(image, &set);
        let cpus = image.machine.cpus;
        let free = kernel.is_free();
        let rhythms = || image.starts.iter().filter_map(|start| start.rhythm.as_deref());
        let skips = rhythms().any(|rhythm| rhythm.on_miss != OnMiss::Continue);
        let sporadic = rhythms().any(Rhythm::is_sporadic);
        Ok(Model { set, origins, bystanders, cpus, spread, discipline, free, skips, sporadic, uncounted })
    }

    /// Takes the longest job of a run as C where nothing else is known.
    pub fn measure(&mut self, index: usize, longest: Span) {
        let (task, origin) = (&mut self.set.tasks[index], &mut self.origins[index]);
        if origin.own.is_none() {
            task.wcet += longest;
            origin.own = Some(longest);
        }
    }
}

fn spread(image: &Image, set: &TaskSet) -> Spread {
    let pinned = set.tasks.iter().filter(|task| task.cpu.is_some()).count();
    if pinned == set.tasks.len() {
        Spread::Partitioned
    } else if pinned == 0 && image.kernel.queues == Queues::Global {
        Spread::Global
    } else {
        Spread::Mixed
    }
}

fn uncounted(image: &Image) -> Vec<String> {
    let mut reasons = Vec::new();
    let costs = &image.costs;
    let handlers = [costs.interrupt, costs.deferred, costs.reschedule, costs.signal];
    let takes_time = handlers.iter().any(|cost| !cost.is_zero());
    let devices = image.machine.devices.iter();
    if takes_time && devices.clone().any(|device| matches!(device.kind, DeviceKind::Noise(_))) {
        reasons.push("interrupts of `noise` come at random times".to_owned());
    }
    if !image.injections.is_empty() {
        reasons.push("what `[[event]]` brings from outside isn't counted".to_owned());
    }
    reasons
}

/// What the kernel adds, at its worst.
struct Overheads<'a> {
    costs: &'a Costs,
    /// From one thread to another, with cold caches.
    switch: Span,
    /// Between a job's own work and the next job's.
    between: Span,
    /// A lock that is waited for.
    contended: Span,
    /// The handler that releases a job, and the wake-up.
    release: Span,
    /// What goes on in the kernel when a job is released, and can't be pre-empted.
    masked: Span,
    preemption: Preemption,
    cpus: u16,
}

impl Overheads<'_> {
    fn of(image: &Image) -> Overheads<'_> {
        let costs = &image.costs;
        let whole = |cost| costs.whole(cost);
        let switch = whole(costs.switch) + whole(costs.switch_cold.greatest());
        let wait = ["futex_wait", "futex_lock_pi"].map(|name| costs.call(name).base);
        let wait = whole(costs.user_call)
            + whole(costs.syscall_entry)
            + whole(wait[0].max(wait[1]) + costs.contended)
            + whole(costs.syscall_exit);
        let idle = whole(costs.idle_entry).max(switch) + whole(costs.idle_exit) + whole(costs.poll_notice);
        Overheads {
            costs,
            switch,
            between: call_time(costs, &Syscall::NextPeriod(NextPeriod)) + switch * 2,
            // It may find the lock taken again when it is woken, once.
            contended: wait * 2 + switch * 2 + (whole(costs.user_step) + costs.instruction) * 12,
            release: whole(costs.timer) + whole(costs.wakeup) + whole(costs.reschedule),
            // An interrupt is seen at the end of an instruction.
            masked: idle + costs.instruction.saturating_sub(Span::TICK),
            preemption: image.kernel.preemption,
            cpus: image.machine.cpus,
        }
    }

    fn is_free(&self) -> bool {
        let all = [self.switch, self.between, self.release, self.masked];
        all.iter().all(|cost| cost.is_zero())
    }

    fn task(
        &self,
        start: &Start,
        entry: StartId,
        body: Body,
        name: String,
        cpu: Option<CpuId>,
    ) -> (Task, Origins) {
        // Only those with a rhythm come here.
        let rhythm = start.rhythm.as_deref();
        let period = rhythm.map_or(Span::ZERO, Rhythm::least_distance);
        let deadline = rhythm.map_or(Span::ZERO, |rhythm| rhythm.deadline);
        let (own, source) = match (start.parameters.wcet, &body.computing) {
            (Some(given), _) => (Some(given), Source::Given),
            (None, Ok(computing)) if body.others.is_ok() => (Some(*computing), Source::Steps),
            (None, _) => (None, Source::Measured),
        };
        let jobs = rhythm.and_then(|rhythm| rhythm.jobs);
        let exit =
            self.costs.whole(self.costs.process_exit) + self.costs.whole(self.costs.call("exit_group").base);
        let end = if jobs.is_some() { exit } else { Span::ZERO };
        let others = match (&body.others, source) {
            (Ok(others), Source::Given | Source::Steps) => *others,
            (Ok(_) | Err(_), _) => Span::ZERO,
        };
        let kernel = self.between + self.contended * body.locks + end;
        let late = start.at > Instant::START && self.cpus > 1;
        let notice = if late { self.costs.ipi_delivery.max(Span::TICK) } else { Span::ZERO };
        let call = match self.preemption {
            Preemption::Full => Span::ZERO,
            Preemption::None | Preemption::Voluntary => {
                call_time(self.costs, &Syscall::NextPeriod(NextPeriod)).max(body.longest_call)
            }
        };
        let task = Task {
            name,
            wcet: own.unwrap_or(Span::ZERO) + others + kernel,
            period,
            deadline,
            offset: start.at.since(Instant::START),
            jitter: self.costs.timer_slack + notice,
            blocking: self.masked + call,
            release: self.release,
            priority: i64::from(start.parameters.priority),
            cpu,
        };
        (task, Origins { start: entry, body, own, source, jobs })
    }

    /// The timer's interrupts that belong to no release: the tick, or the ends of slices.
    fn ticks(&self, image: &Image, scheduler: &Scheduler) -> Vec<Interrupt> {
        let cost = self.costs.whole(self.costs.timer);
        let slice = match scheduler.parameters.get("quantum") {
            Some(Parameter::Time(quantum)) => Some(*quantum),
            _ => None,
        };
        let periods = image.kernel.tick.into_iter().chain(slice);
        periods.filter(|_| !cost.is_zero()).map(|period| Interrupt { period, cost }).collect()
    }
}

/// Whether a job takes the same time whenever it runs, and why not.
pub fn constant(origins: &Origins) -> Known {
    let Origins { body, own, source, .. } = origins;
    let computing = body.computing.clone()?;
    body.others.clone()?;
    match (source, own) {
        (Source::Given, Some(given)) if computing < *given => {
            Err(format!("it computes for {computing} at most, and may compute for {given} (`wcet`)"))
        }
        _ => Ok(computing),
    }
}
