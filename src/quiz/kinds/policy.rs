//! The scheduler's rules in words: which policy, and what it went by when it picked somebody.

use std::collections::BTreeMap;

use crate::kernel::options::Parameter;
use crate::kernel::sched::POLICIES;
use crate::program::Image;
use crate::time::{Instant, Span};
use crate::trace::{Kind, Rule};

use crate::quiz::observed::{Run, at};
use crate::quiz::question::code;

/// The policy with its parameters: round-robin, quantum 20us.
pub fn name(image: &Image) -> String {
    let scheduler = &image.kernel.scheduler;
    let shown: Vec<String> = parameters(&scheduler.parameters);
    match shown.is_empty() {
        true => scheduler.policy.clone(),
        false => format!("{}, {}", scheduler.policy, shown.join(", ")),
    }
}

fn parameters(parameters: &BTreeMap<String, Parameter>) -> Vec<String> {
    let shown = |(key, value): (&String, &Parameter)| {
        let value = match value {
            Parameter::Time(span) => span.to_string(),
            Parameter::Number(number) => number.to_string(),
            Parameter::Truth(truth) => truth.to_string(),
            Parameter::Word(word) => word.clone(),
            Parameter::Times(list) => list.iter().map(Span::to_string).collect::<Vec<_>>().join(" "),
            Parameter::Numbers(list) => list.iter().map(i64::to_string).collect::<Vec<_>>().join(" "),
            Parameter::Script(_) => return None,
        };
        Some(format!("{key} {value}"))
    };
    parameters.iter().filter_map(shown).collect()
}

/// What the policy does, as a sentence.
pub fn rule(image: &Image) -> String {
    let policy = &image.kernel.scheduler.policy;
    let row = POLICIES.iter().find(|row| row.name == policy);
    match row {
        Some(row) => format!("The policy is {}: {}.", code(policy), row.summary),
        None => format!("The policy is {}.", code(policy)),
    }
}

/// What the policy said that it went by at the switch at this place, if it said anything.
pub fn picked(run: &Run<'_>, switch: usize) -> Option<(Rule, String)> {
    let event = &run.events()[switch];
    let Kind::SchedSwitch { next, .. } = event.kind else { return None };
    // The pick stands right before the switch, on the same CPU.
    let said = run.events()[..switch].iter().rev().take_while(|other| other.at == event.at);
    let pick = said.filter(|other| other.cpu == event.cpu).find_map(|other| match other.kind {
        Kind::SchedPick { task, rule, number } => Some((task, rule, number)),
        _ => None,
    });
    let (_, rule, number) = pick.filter(|(task, ..)| *task == next)?;
    Some((rule, because(rule, number)))
}

fn because(rule: Rule, number: u64) -> String {
    let time = || Span::from_nanos(number).to_string();
    let moment = || at(Instant::from_nanos(number));
    match rule {
        Rule::Shortest => format!("it has the shortest time to go, {}", time()),
        Rule::Ticket => format!("it holds ticket {number}, which was drawn"),
        Rule::Pass => format!("it has the smallest pass, {number}"),
        Rule::Level => format!("it is on the highest level that has somebody ready, {number}"),
        Rule::Own => format!("the scenario's own rule picks it, by the number {number}"),
        Rule::Vruntime => format!("it has the smallest virtual time, {}", time()),
        Rule::Priority => format!("it has the highest priority, {number}"),
        Rule::Aged => format!("it has the highest priority with what waiting added, {number}"),
        Rule::Class => format!("it is in the highest scheduling class that has somebody ready, {number}"),
        Rule::Slot => format!("it is in row {number} of the matrix, whose slot it is"),
        Rule::Fill => format!("it is in row {number} of the matrix, and the CPU would idle otherwise"),
        Rule::Deadline => format!("it has the earliest deadline, {}", moment()),
        Rule::Period => format!("it has the shortest period, {}", time()),
        Rule::RelativeDeadline => format!("it has the shortest time from release to deadline, {}", time()),
        Rule::Laxity => format!("it has the least laxity: it must run by {}", moment()),
    }
}
