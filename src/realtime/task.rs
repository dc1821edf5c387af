//! A set of periodic tasks, as the tests of real-time theory see it: numbers, and no program.

use std::fmt;

use crate::ids::CpuId;
use crate::time::Span;

use super::exact::Fraction;

/// A task that releases a job once in each period. Sporadic tasks are the same to every test here:
/// the period is then the shortest time between two releases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    pub name: String,
    /// C: the longest that a job computes.
    pub wcet: Span,
    /// T.
    pub period: Span,
    /// D: from a release to when the job must be done.
    pub deadline: Span,
    /// O: when the first job is released.
    pub offset: Span,
    /// J: how much later than due a release can come.
    pub jitter: Span,
    /// B: how long less urgent tasks can keep a job waiting.
    pub blocking: Span,
    /// What the interrupt costs that releases a job: it goes before every task.
    pub release: Span,
    /// A greater number is preferred. Tests of EDF don't look at it.
    pub priority: i64,
    /// The CPU that it runs on; any if none.
    pub cpu: Option<CpuId>,
}

/// Interrupts that come no more often than once in a period: they go before every task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupt {
    pub period: Span,
    pub cost: Span,
}

/// Tasks that share CPUs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskSet {
    pub tasks: Vec<Task>,
    pub interrupts: Vec<Interrupt>,
    /// Whether a job that has done its work just when a more urgent one is released ends after that one. It
    /// does if its end is a step of its own, as a system call is; in textbooks it ends first.
    pub releases_first: bool,
}

/// By what fixed priorities are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The tasks' own numbers.
    Given,
    /// The shorter the period, the higher (Liu and Layland).
    RateMonotonic,
    /// The shorter the deadline, the higher (Leung and Whitehead).
    DeadlineMonotonic,
}

/// More tasks aren't analysed.
pub const MOST_TASKS: usize = 1_000;
/// Longer times aren't: 146 years. Sums of them stay far from the end of 128 bits.
pub const LONGEST: Span = Span::from_nanos(1 << 62);

/// Why a set can't be analysed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    Empty,
    TooMany(usize),
    /// A task's period or deadline is zero.
    Zero {
        task: String,
        what: &'static str,
    },
    /// A time is too long to be added up.
    TooLong {
        task: String,
        what: &'static str,
    },
    /// No job can ever be done in time.
    Impossible {
        task: String,
        wcet: Span,
        deadline: Span,
    },
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::Empty => f.write_str("there is no periodic task"),
            Unfit::TooMany(count) => write!(f, "{count} tasks are too many to analyse: at most {MOST_TASKS}"),
            Unfit::Zero { task, what } => write!(f, "the {what} of `{task}` is zero"),
            Unfit::TooLong { task, what } => {
                write!(f, "the {what} of `{task}` is too long to be analysed: at most {LONGEST}")
            }
            Unfit::Impossible { task, wcet, deadline } => write!(
                f,
                "`{task}` computes for {wcet} and must be done within {deadline}: no schedule can do that"
            ),
        }
    }
}

impl std::error::Error for Unfit {}

impl TaskSet {
    pub fn new(tasks: Vec<Task>) -> TaskSet {
        TaskSet { tasks, ..TaskSet::default() }
    }

    /// Whether the tests can be asked. They take a set that has passed this.
    pub fn check(&self) -> Result<(), Unfit> {
        if self.tasks.is_empty() {
            return Err(Unfit::Empty);
        }
        if self.tasks.len() > MOST_TASKS {
            return Err(Unfit::TooMany(self.tasks.len()));
        }
        for task in &self.tasks {
            let name = || task.name.clone();
            for (what, time) in [("period", task.period), ("deadline", task.deadline)] {
                if time.is_zero() {
                    return Err(Unfit::Zero { task: name(), what });
                }
            }
            let times = [
                ("period", task.period),
                ("deadline", task.deadline),
                ("worst-case time", task.wcet),
                ("first release", task.offset),
                ("jitter", task.jitter),
                ("blocking time", task.blocking),
                ("release", task.release),
            ];
            if let Some(&(what, _)) = times.iter().find(|(_, time)| *time > LONGEST) {
                return Err(Unfit::TooLong { task: name(), what });
            }
            if task.wcet > task.deadline {
                let (wcet, deadline) = (task.wcet, task.deadline);
                return Err(Unfit::Impossible { task: name(), wcet, deadline });
            }
        }
        Ok(())
    }

    /// Gives the tasks the priorities of an order; equal times make equal priorities.
    pub fn prioritise(&mut self, order: Order) {
        for task in &mut self.tasks {
            // No time is longer than `LONGEST`, so the sign is free.
            let by = |time: Span| -i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
            match order {
                Order::Given => {}
                Order::RateMonotonic => task.priority = by(task.period),
                Order::DeadlineMonotonic => task.priority = by(task.deadline),
            }
        }
    }

    /// The tasks of one CPU, with the same interrupts.
    #[must_use]
    pub fn on(&self, cpu: CpuId) -> TaskSet {
        let tasks = self.tasks.iter().filter(|task| task.cpu == Some(cpu));
        TaskSet { tasks: tasks.cloned().collect(), ..self.without_tasks() }
    }

    /// The same circumstances, and nobody in them.
    #[must_use]
    pub fn without_tasks(&self) -> TaskSet {
        let TaskSet { interrupts, releases_first, .. } = self;
        TaskSet { tasks: Vec::new(), interrupts: interrupts.clone(), releases_first: *releases_first }
    }

    /// What a window of time is longer for releases at its very end to be in it.
    pub(super) fn end_of_window(&self) -> u128 {
        u128::from(self.releases_first)
    }

    /// All interrupts that cost something: those that release jobs, and the others.
    pub fn handlers(&self) -> impl Iterator<Item = Interrupt> {
        let releases = self.tasks.iter().map(|task| Interrupt { period: task.period, cost: task.release });
        releases.chain(self.interrupts.iter().copied()).filter(|interrupt| !interrupt.cost.is_zero())
    }

    /// Whether nothing but the jobs themselves takes time, and none is in another's way.
    pub fn is_plain(&self) -> bool {
        let tasks = || self.tasks.iter();
        self.handlers().next().is_none()
            && tasks().all(|task| task.blocking.is_zero() && task.jitter.is_zero())
    }

    /// U: the share of a CPU's time that the tasks and interrupts need in the long run.
    pub fn utilisation(&self) -> Fraction {
        let tasks = self.tasks.iter().map(|task| (task.wcet, task.period));
        sum(tasks.chain(self.handlers().map(|interrupt| (interrupt.cost, interrupt.period))))
    }

    /// Each job's time by what it has: its deadline or its period, whichever is shorter.
    pub fn density(&self) -> Fraction {
        sum(self.tasks.iter().map(|task| (task.wcet, task.deadline.min(task.period))))
    }

    pub fn all_implicit(&self) -> bool {
        self.tasks.iter().all(|task| task.deadline == task.period)
    }

    /// Whether no deadline is later than the next release.
    pub fn all_constrained(&self) -> bool {
        self.tasks.iter().all(|task| task.deadline <= task.period)
    }

    /// Whether all tasks release their first jobs at the same time.
    pub fn is_synchronous(&self) -> bool {
        self.tasks.windows(2).all(|pair| pair[0].offset == pair[1].offset)
    }
}

fn sum(parts: impl Iterator<Item = (Span, Span)>) -> Fraction {
    parts.fold(Fraction::whole(0), |sum, (time, of)| sum.plus(time.as_nanos(), of.as_nanos()))
}

/// How much may still be computed: every test ends, whatever the numbers are.
#[derive(Clone, Copy, Debug)]
pub struct Budget(u64);

/// A test would take too long: the periods have hardly a divisor in common and the CPU is nearly full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted;

impl Default for Budget {
    fn default() -> Budget {
        Budget(100_000_000)
    }
}

impl Budget {
    pub const fn of(terms: u64) -> Budget {
        Budget(terms)
    }

    /// Takes so many terms of a sum from what is left.
    pub fn spend(&mut self, terms: usize) -> Result<(), Exhausted> {
        match self.0.checked_sub(terms.max(1) as u64) {
            Some(rest) => {
                self.0 = rest;
                Ok(())
            }
            None => Err(Exhausted),
        }
    }
}
