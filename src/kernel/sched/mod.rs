//! Scheduling policies: who runs next, for how long, and why.
//!
//! - [`policy`]: what a policy must be able to do
//! - one file for each policy, one row for each in [`POLICIES`]; [`script`]: one that a scenario brings along
//! - `urgency`: what those have in common that go by a deadline, a period or a laxity
//! - [`checked`]: a policy that is held to what it promises

mod bsd;
mod cbs;
mod cfs;
pub mod checked;
mod class;
mod dm;
mod edf;
mod eevdf;
mod fcfs;
mod gang;
mod linux;
mod llf;
mod lottery;
mod mlfq;
pub mod policy;
mod priority;
mod rm;
mod round_robin;
pub mod script;
mod shortest;
mod stride;
mod urgency;
mod weight;

#[cfg(test)]
mod tests;

pub use crate::trace::{Reason, Rule};
pub use checked::Checked;
pub use class::Class;
pub use policy::{Baggage, Job, News, Policy, Ready, Thread};

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::random::Key;
use crate::time::Span;

use super::options::{Parameter, Scheduler};

/// What a policy is told about a process or thread: the scenario's `[process.X]` keys that
/// concern scheduling. Each policy uses those that it knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// The NAME of the `[process.NAME]` that the thread comes from.
    pub name: Arc<str>,
    /// A static priority; a greater number is preferred.
    pub priority: i32,
    /// -20 to 19; a smaller number is preferred.
    pub nice: i8,
    /// Shares of a lottery or stride scheduler; 0 if not given.
    pub tickets: u32,
    pub period: Option<Span>,
    pub deadline: Option<Span>,
    pub budget: Option<Span>,
    /// How long it computes from one wait to the next, if the scheduler is told.
    pub burst: Option<Span>,
    /// How much it asks for at a time, if the scheduler heeds that.
    pub slice: Option<Span>,
    /// The longest that one of its jobs computes.
    pub wcet: Option<Span>,
    /// The job that it is at, if it has one in each period.
    pub job: Option<Job>,
    /// What it is scheduled as under the policy `linux`.
    pub class: Class,
}

/// The documentation of a policy.
#[derive(Clone, Copy, Debug)]
pub struct PolicyRow {
    /// Its name as `policy` in `[kernel] scheduler`.
    pub name: &'static str,
    pub summary: &'static str,
    pub doc: &'static str,
    /// Its parameters: key, kind of value (`time`, `number`, `truth`, `text`, `times`, `numbers`, or words to
    /// choose from as `head|tail`), what it means and the default.
    pub parameters: &'static [(&'static str, &'static str, &'static str)],
    build: fn(&Given<'_>) -> Box<dyn Policy>,
}

/// The machine that a policy schedules for.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    pub cpus: u16,
    pub tick: Option<Span>,
    /// What random numbers come from.
    pub key: Key,
}

/// What all queues of a run share.
type Common = OnceCell<script::Shared>;

/// The parameters that a scenario gives to a policy, for which machine, and what the run's queues share.
struct Given<'a>(&'a BTreeMap<String, Parameter>, Site, &'a Common);

impl Given<'_> {
    fn time(&self, key: &str) -> Option<Span> {
        match self.0.get(key) {
            Some(Parameter::Time(time)) => Some(*time),
            _ => None,
        }
    }

    fn number(&self, key: &str) -> Option<i64> {
        match self.0.get(key) {
            Some(Parameter::Number(number)) => Some(*number),
            _ => None,
        }
    }

    fn word(&self, key: &str) -> Option<&str> {
        match self.0.get(key) {
            Some(Parameter::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn times(&self, key: &str) -> &[Span] {
        match self.0.get(key) {
            Some(Parameter::Times(times)) => times,
            _ => &[],
        }
    }

    fn numbers(&self, key: &str) -> &[i64] {
        match self.0.get(key) {
            Some(Parameter::Numbers(numbers)) => numbers,
            _ => &[],
        }
    }

    fn truth(&self, key: &str) -> Option<bool> {
        match self.0.get(key) {
            Some(Parameter::Truth(truth)) => Some(*truth),
            _ => None,
        }
    }
}

/// A new, empty queue under the policy that the scenario asks for; none if there is no such policy.
pub fn build(scheduler: &Scheduler, site: Site) -> Option<Box<dyn Policy>> {
    build_one(scheduler, site, &Common::new())
}

fn build_one(scheduler: &Scheduler, site: Site, common: &Common) -> Option<Box<dyn Policy>> {
    let row = POLICIES.iter().find(|row| row.name == scheduler.policy)?;
    Some((row.build)(&Given(&scheduler.parameters, site, common)))
}

/// Makes the queues of one run, one after the other, under the policy that the scenario asks for.
pub fn queues(scheduler: &Scheduler) -> impl FnMut(Site) -> Box<dyn Policy> {
    let common = Common::new();
    move |site| build_one(scheduler, site, &common).unwrap_or_else(default_policy)
}

/// The policy for a scenario that names none that exists: round-robin with a quantum of 10 ms.
pub fn default_policy() -> Box<dyn Policy> {
    Box::new(round_robin::RoundRobin::new(QUANTUM, false))
}

/// The quantum of a policy that is given none.
const QUANTUM: Span = Span::from_millis(10);

/// Every policy that a scenario can name.
pub const POLICIES: &[PolicyRow] = &[
    fcfs::ROW,
    round_robin::ROW,
    priority::ROW,
    shortest::SJF,
    shortest::SRTF,
    mlfq::ROW,
    bsd::ROW,
    lottery::ROW,
    stride::ROW,
    cfs::ROW,
    eevdf::ROW,
    linux::ROW,
    gang::ROW,
    edf::ROW,
    rm::ROW,
    dm::ROW,
    llf::ROW,
    cbs::ROW,
    script::ROW,
];
