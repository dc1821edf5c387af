//! `scheduler` in `[kernel]`: a policy and its parameters.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};

use crate::kernel::cost::Costs;
use crate::kernel::options::{Parameter, Queues, Scheduler};
use crate::kernel::sched::{POLICIES, PolicyRow, Site, build};
use crate::program::at::{Anything, At, Entries, Raw};
use crate::program::problem::{Code, Problem, Problems};
use crate::random::Key;
use crate::time::Span;

use super::document::Part;
use super::kernel::check_progress;
use super::policy_script::{self, Origin};
use super::table::raw_time;

/// Which policy the kernel schedules by, with its parameters; round-robin if the table is absent. The second
/// is a script's text if that doesn't stand in the scenario.
pub fn read(
    given: Option<&At<Anything>>,
    origin: Origin<'_>,
    costs: &Costs,
    problems: &mut Problems,
) -> (Scheduler, Option<Part>) {
    if let Some(At { value: Anything(Raw::Table(entries)), span }) = given {
        let named = entries.iter().find(|(key, _)| key.value == "policy").map(|(_, at)| &at.value);
        let by_name = matches!(named, Some(Raw::Text(name)) if name == "script");
        if by_name || (named.is_none() && policy_script::is_meant(entries)) {
            return policy_script::read(entries, span.clone(), origin, costs, problems);
        }
    }
    (built_in(given, costs, problems), None)
}

fn built_in(given: Option<&At<Anything>>, costs: &Costs, problems: &mut Problems) -> Scheduler {
    let mut scheduler = Scheduler { policy: "round-robin".to_owned(), parameters: BTreeMap::new() };
    let Some(at) = given else {
        return scheduler;
    };
    let (name, parameters): (At<String>, &Entries) = match &at.value.0 {
        Raw::Text(name) => (At::new(at.span.clone(), name.clone()), &[]),
        Raw::Table(entries) => {
            let policy = entries.iter().find(|(key, _)| key.value == "policy");
            match policy.map(|(_, at)| (&at.value, &at.span)) {
                Some((Raw::Text(name), span)) => (At::new(span.clone(), name.clone()), entries),
                Some((_, span)) => {
                    let message = "the name of a policy is a text";
                    problems.error(Code::WrongType, span.clone(), message);
                    return scheduler;
                }
                None => {
                    let message = "the scheduler needs the key `policy`";
                    let problem = Problem::error(Code::MissingKey, at.span.clone(), message);
                    problems.push(problem.help("or a policy of its own: `script` or `code`"));
                    return scheduler;
                }
            }
        }
        other => {
            let message = format!("a scheduler is a name or a table, not {}", other.kind());
            problems.error(Code::WrongType, at.span.clone(), message);
            return scheduler;
        }
    };
    if name.value == "script" {
        let problem =
            Problem::error(Code::MissingKey, name.span.clone(), "the policy `script` needs a script");
        problems.push(problem.help("for example `scheduler = { script = \"my.rhai\" }`"));
        return scheduler;
    }
    let Some(row) = POLICIES.iter().find(|row| row.name == name.value) else {
        let message = format!("there is no scheduling policy `{}`", name.value);
        let problem = Problem::error(Code::UnknownChoice, name.span.clone(), message);
        problems.push(problem.suggest(&name.value, POLICIES.iter().map(|row| row.name)));
        return scheduler;
    };
    scheduler.policy = name.value;
    for (key, at) in parameters.iter().filter(|(key, _)| key.value != "policy") {
        if let Some(value) = parameter(row, key, at, costs, problems) {
            scheduler.parameters.insert(key.value.clone(), value);
        }
    }
    scheduler
}

/// One queue for all CPUs needs a policy that can serve them all, and some need that queue.
pub fn check_queues(
    scheduler: &Scheduler,
    place: Range<usize>,
    queues: Option<&At<Queues>>,
    problems: &mut Problems,
) {
    let site = Site { cpus: 1, tick: None, key: Key::of_run(0) };
    let Some(policy) = build(scheduler, site) else { return };
    let global = queues.filter(|queues| queues.value == Queues::Global);
    if policy.seats() && global.is_none() {
        let message = format!("the policy `{}` decides for all CPUs at once", scheduler.policy);
        let problem = Problem::error(Code::MissingKey, place, message);
        problems.push(problem.help("add `queues = \"global\"` in `[kernel]`"));
    }
    if let Some(queues) = global
        && !policy.serves_several()
    {
        let message = format!(
            "the policy `{}`, with these parameters, keeps account of the one thread that runs, and can't serve \
             several CPUs from one queue",
            scheduler.policy
        );
        let problem = Problem::error(Code::UnknownChoice, queues.span.clone(), message);
        problems.push(problem.help("take `queues = \"per-cpu\"`, or another policy"));
    }
}

/// The value of a parameter whose kind is one of `time`, `number`, `truth`, `word`, `times` and `numbers`
/// (one for all, or a list), or names the words to choose from as in `head|tail`.
fn parameter(
    row: &PolicyRow,
    key: &At<String>,
    at: &At<Raw>,
    costs: &Costs,
    problems: &mut Problems,
) -> Option<Parameter> {
    let known = row.parameters.iter().find(|(name, _, _)| *name == key.value);
    let Some(&(_, kind, _)) = known else {
        let message = format!("the policy `{}` has no parameter `{}`", row.name, key.value);
        let problem = Problem::error(Code::UnknownKey, key.span.clone(), message);
        problems.push(problem.suggest(&key.value, row.parameters.iter().map(|(name, _, _)| *name)));
        return None;
    };
    match (kind, &at.value) {
        ("time", _) => duration(key, at, costs, problems).map(Parameter::Time),
        ("number", Raw::Integer(number)) => whole(*number, key, at, problems).map(Parameter::Number),
        ("truth", Raw::Truth(truth)) => Some(Parameter::Truth(*truth)),
        ("times", Raw::List(list)) => {
            let times =
                list.iter().map(|at| duration(key, at, costs, problems)).collect::<Option<Vec<Span>>>()?;
            listed(times, key, at, problems).map(Parameter::Times)
        }
        ("times", _) => duration(key, at, costs, problems).map(|time| Parameter::Times(vec![time])),
        ("numbers", Raw::List(list)) => {
            let number = |at: &At<Raw>| match at.value {
                Raw::Integer(number) => whole(number, key, at, problems),
                ref other => wrong(key, "a list of whole numbers", other, at, problems),
            };
            let numbers = list.iter().map(number).collect::<Option<Vec<i64>>>()?;
            listed(numbers, key, at, problems).map(Parameter::Numbers)
        }
        ("numbers", &Raw::Integer(number)) => {
            whole(number, key, at, problems).map(|number| Parameter::Numbers(vec![number]))
        }
        (words, Raw::Text(word)) if words.contains('|') => {
            if words.split('|').any(|known| known == word) {
                return Some(Parameter::Word(word.clone()));
            }
            let message = format!("`{}` can't be `{word}`", key.value);
            let problem = Problem::error(Code::UnknownChoice, at.span.clone(), message);
            problems.push(problem.suggest(word, words.split('|')));
            None
        }
        (kind, raw) => {
            let wanted = match kind {
                "number" => "a whole number",
                "truth" => "true or false",
                "numbers" => "a whole number or a list of them",
                _ => "a text",
            };
            wrong(key, wanted, raw, at, problems)
        }
    }
}

pub(super) fn wrong<T>(
    key: &At<String>,
    wanted: &str,
    raw: &Raw,
    at: &At<Raw>,
    problems: &mut Problems,
) -> Option<T> {
    let message = format!("`{}` is {wanted}, not {}", key.value, raw.kind());
    problems.error(Code::WrongType, at.span.clone(), message);
    None
}

pub(super) fn listed<T>(
    list: Vec<T>,
    key: &At<String>,
    at: &At<Raw>,
    problems: &mut Problems,
) -> Option<Vec<T>> {
    if list.is_empty() {
        problems.error(Code::OutOfRange, at.span.clone(), format!("`{}` is an empty list", key.value));
        return None;
    }
    Some(list)
}

/// The numbers that a parameter takes.
fn bounds(key: &str) -> RangeInclusive<i128> {
    match key {
        "levels" => 1..=64,
        "slice" | "recompute" => 1..=u32::MAX.into(),
        "weight" => 0..=100,
        "allotment" => 1..=u32::MAX.into(),
        "draws" => 0..=i64::MAX.into(),
        _ => i64::MIN.into()..=i64::MAX.into(),
    }
}

fn whole(number: i128, key: &At<String>, at: &At<Raw>, problems: &mut Problems) -> Option<i64> {
    let bounds = bounds(&key.value);
    if bounds.contains(&number) {
        // The widest bounds are those of 64 bits.
        return Some(number as i64);
    }
    let message = format!("`{}` must be from {} to {}", key.value, bounds.start(), bounds.end());
    problems.error(Code::OutOfRange, at.span.clone(), message);
    None
}

pub(super) fn duration(
    key: &At<String>,
    at: &At<Raw>,
    costs: &Costs,
    problems: &mut Problems,
) -> Option<Span> {
    let time = raw_time(&at.value, &at.span, costs.instruction, problems)?;
    const TURNS: &[&str] =
        &["quantum", "slice", "boost", "granularity", "tick", "aging", "rr-timeslice", "server-period"];
    if TURNS.contains(&key.value.as_str()) {
        check_progress(&format!("the {}", key.value), time, at.span.clone(), costs, problems);
    }
    Some(time)
}

#[cfg(test)]
mod tests {
    use crate::scenario::{Overrides, Scenario};

    #[test]
    fn a_parameter_out_of_bounds_is_an_error_and_not_another_number() {
        for (given, wanted) in [
            ("policy = \"mlfq\", levels = 0", "`levels` must be from 1 to 64"),
            ("policy = \"mlfq\", allotment = [1, -5]", "`allotment` must be from 1 to 4294967295"),
            ("policy = \"sjf\", weight = 101", "`weight` must be from 0 to 100"),
            ("policy = \"bsd\", slice = 0", "`slice` must be from 1 to 4294967295"),
            ("policy = \"bsd\", tick = \"0ns\"", "the tick of 0ns isn't longer"),
            ("policy = \"lottery\", draws = [3, -1]", "`draws` must be from 0 to"),
        ] {
            let text = format!(
                "format = 1\n[kernel]\nscheduler = {{ {given} }}\n[process.a]\nsteps = [{{ compute = \"1us\" }}]\n"
            );
            let diagnostics = Scenario::parse("test", &text, &Overrides::default()).expect_err(given);
            assert!(diagnostics.to_string().contains(wanted), "{diagnostics}");
        }
    }
}
