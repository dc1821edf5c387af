//! How the measured host's kernel is set. Only a caller that asks for it gets it, in place of the
//! scenario's `[kernel]`.

use std::collections::BTreeMap;

use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};

use crate::kernel::options::{Balance, Options, Parameter, Placement, Preemption, Queues, Scheduler};
use crate::kernel::sched::POLICIES;
use crate::time::Span;

use super::CostRow;
use super::reading::{Errors, Value, count, table, text, time, truth, unknown, wrong};

/// The keys of `[host]`.
pub const HOST_ROWS: &[CostRow] = &[
    CostRow { key: "policy", doc: "The scheduling policy." },
    CostRow { key: "slice", doc: "The policy's parameter `slice`." },
    CostRow { key: "run-to-parity", doc: "The policy's parameter `run-to-parity`." },
    CostRow { key: "tick", doc: "The tick's period, or \"none\"." },
    CostRow { key: "preemption", doc: "\"none\", \"voluntary\" or \"full\"." },
    CostRow { key: "placement", doc: "\"previous\", \"idle\" or \"shortest\"." },
    CostRow { key: "balance", doc: "\"none\" or \"steal\"." },
    CostRow { key: "cpus", doc: "How many CPUs it has; the scenario's number stays." },
];

/// The kernel of a host, as far as the profile tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Host {
    pub scheduler: Option<Scheduler>,
    /// `Some(None)`: it has no tick.
    pub tick: Option<Option<Span>>,
    pub preemption: Option<Preemption>,
    pub placement: Option<Placement>,
    pub balance: Option<Balance>,
    pub cpus: Option<u16>,
}

impl Host {
    /// Sets a scenario's kernel as the host's is set.
    pub fn set(&self, options: &mut Options) {
        if let Some(scheduler) = &self.scheduler {
            // A real kernel's CPUs have run queues of their own.
            (options.scheduler, options.queues) = (scheduler.clone(), Queues::PerCpu);
        }
        options.tick = self.tick.unwrap_or(options.tick);
        options.preemption = self.preemption.unwrap_or(options.preemption);
        options.placement = self.placement.unwrap_or(options.placement);
        options.balance = self.balance.unwrap_or(options.balance);
    }
}

pub(super) fn apply(host: &mut Option<Host>, value: &Value<'_>, errors: &mut Errors) {
    let Some(table) = table(value, "`host` is a table with the kernel's settings", errors) else { return };
    let host = host.get_or_insert_default();
    let mut parameters = BTreeMap::new();
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        match name {
            "policy" => host.scheduler = policy(value, errors),
            "slice" => {
                if let Some(time) = time(value, errors) {
                    parameters.insert(name.to_owned(), (value, Parameter::Time(time)));
                }
            }
            "run-to-parity" => {
                if let Some(truth) = truth(value, errors) {
                    parameters.insert(name.to_owned(), (value, Parameter::Truth(truth)));
                }
            }
            "tick" if value.get_ref().as_str() == Some("none") => host.tick = Some(None),
            "tick" => host.tick = tick(value, errors),
            "preemption" => host.preemption = choice(value, errors),
            "placement" => host.placement = choice(value, errors),
            "balance" => host.balance = choice(value, errors),
            "cpus" => host.cpus = count(value, u64::from(u16::MAX), errors).map(|cpus| cpus as u16),
            _ => {
                let names = HOST_ROWS.iter().map(|row| row.key);
                errors.push(unknown("`host` has no key", name, key.span(), names));
            }
        }
    }
    for (name, (value, parameter)) in parameters {
        let scheduler = host.scheduler.as_mut();
        let knows = |scheduler: &&mut Scheduler| {
            let row = POLICIES.iter().find(|row| row.name == scheduler.policy);
            row.is_some_and(|row| row.parameters.iter().any(|(known, _, _)| *known == name))
        };
        match scheduler.filter(knows) {
            Some(scheduler) => drop(scheduler.parameters.insert(name, parameter)),
            None => errors.push(wrong(value, &format!("`{name}` needs a `policy` that knows it"))),
        }
    }
}

fn policy(value: &Value<'_>, errors: &mut Errors) -> Option<Scheduler> {
    let name = text(value, errors)?;
    if !POLICIES.iter().any(|row| row.name == name) {
        let names = POLICIES.iter().map(|row| row.name);
        errors.push(unknown("there is no scheduling policy", name, value.span(), names));
        return None;
    }
    Some(Scheduler { policy: name.to_owned(), parameters: BTreeMap::new() })
}

/// A tick must take time, or nothing else would ever happen.
fn tick(value: &Value<'_>, errors: &mut Errors) -> Option<Option<Span>> {
    let tick = time(value, errors)?;
    if tick.is_zero() {
        errors.push(wrong(value, "a tick's period isn't zero; without a tick it is \"none\""));
        return None;
    }
    Some(Some(tick))
}

/// One of several words.
fn choice<T: DeserializeOwned>(value: &Value<'_>, errors: &mut Errors) -> Option<T> {
    let word = text(value, errors)?;
    let word: StrDeserializer<'_, Error> = word.into_deserializer();
    T::deserialize(word).map_err(|error| errors.push(wrong(value, &error.to_string()))).ok()
}
