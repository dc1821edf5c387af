//! `statistics` and `process` in `[expect]`: what must be true of a run's figures.

use std::collections::BTreeMap;

use crate::program::amount::{fixed_time, unit_problem};
use crate::program::at::{Anything, At, Raw};
use crate::program::names::Names;
use crate::program::problem::{Code, Problem, Problems};
use crate::time::Span;
use crate::trace::statistics::{Figure, PARTS, ThreadStatistic, Unit, ordered};

use super::expect::{Bound, bound, check_task, entries, integer};

/// Bounds of figures of the whole run, by name.
pub fn run(
    given: Option<At<Anything>>,
    instruction: Span,
    problems: &mut Problems,
) -> BTreeMap<String, Bound> {
    let mut bounds = BTreeMap::new();
    for (key, at) in entries(given, "statistics", problems) {
        let Some(figure) = Figure::by_name(&key.value) else {
            let names: Vec<String> = Figure::all().map(Figure::name).collect();
            unknown("a run", &key, names.iter().map(String::as_str), problems);
            continue;
        };
        if let Some(bound) = measured(&at, figure.row().unit, instruction, problems) {
            bounds.insert(key.value, bound);
        }
    }
    bounds
}

/// Bounds of statistics of each process's threads.
pub fn processes(
    given: Option<At<Anything>>,
    names: &Names,
    problems: &mut Problems,
) -> BTreeMap<String, BTreeMap<ThreadStatistic, Bound>> {
    let mut processes: BTreeMap<String, BTreeMap<ThreadStatistic, Bound>> = BTreeMap::new();
    for (process, at) in entries(given, "process", problems) {
        check_task(&process, names, problems);
        let given = Some(At::new(at.span, Anything(at.value)));
        for (key, at) in entries(given, &process.value, problems) {
            let Some(statistic) = ThreadStatistic::by_name(&key.value) else {
                let names = ThreadStatistic::ALL.iter().map(|statistic| statistic.row().name);
                unknown("a thread", &key, names, problems);
                continue;
            };
            if let Some(bound) = measured(&at, statistic.row().unit, names.instruction, problems) {
                processes.entry(process.value.clone()).or_default().insert(statistic, bound);
            }
        }
    }
    processes
}

fn unknown<'a>(
    whose: &str,
    key: &At<String>,
    known: impl Iterator<Item = &'a str> + Clone,
    problems: &mut Problems,
) {
    let message = format!("{whose} has no statistic `{}`", key.value);
    let problem = Problem::error(Code::UnknownName, key.span.clone(), message);
    problems.push(problem.suggest(&key.value, known).help("docs/STATISTICS.md has all statistics"));
}

fn measured(at: &At<Raw>, unit: Unit, instruction: Span, problems: &mut Problems) -> Option<Bound> {
    let one = |at: &At<Raw>, problems: &mut Problems| match unit {
        Unit::Moment | Unit::Time => time(&at.value, at, instruction, problems).map(Span::as_nanos),
        Unit::Lateness => lateness(at, instruction, problems),
        Unit::Count => integer(at, problems),
        Unit::Ratio | Unit::Rate => number(at, problems),
    };
    bound(at, &one, problems)
}

fn time(value: &Raw, at: &At<Raw>, instruction: Span, problems: &mut Problems) -> Option<Span> {
    let time = fixed_time(value, instruction);
    time.map_err(|error| problems.push(unit_problem(error, at.span.clone()))).ok()
}

/// A time, perhaps with a minus before it.
fn lateness(at: &At<Raw>, instruction: Span, problems: &mut Problems) -> Option<u64> {
    let early = match &at.value {
        Raw::Text(text) => text.trim_start().strip_prefix('-'),
        _ => None,
    };
    let nanos = match early {
        Some(early) => time(&Raw::Text(early.to_owned()), at, instruction, problems)?,
        None => time(&at.value, at, instruction, problems)?,
    };
    let nanos = i64::try_from(nanos.as_nanos()).unwrap_or(i64::MAX);
    Some(ordered(if early.is_some() { -nanos } else { nanos }))
}

/// A number that isn't negative, in millionths.
fn number(at: &At<Raw>, problems: &mut Problems) -> Option<u64> {
    let number = match at.value {
        Raw::Float(number) => number,
        Raw::Integer(number) => number as f64,
        ref other => {
            let message = format!("expected a number, not {}", other.kind());
            problems.error(Code::WrongType, at.span.clone(), message);
            return None;
        }
    };
    if !(0.0..=1e12).contains(&number) {
        let message = format!("{number} can't be expected here");
        problems.error(Code::OutOfRange, at.span.clone(), message);
        return None;
    }
    Some((number * PARTS).round() as u64)
}

#[cfg(test)]
mod tests {
    use crate::scenario::{Bound, Overrides, Scenario};
    use crate::trace::statistics::{ThreadStatistic, ordered};

    fn parse(expect: &str) -> Result<Scenario, String> {
        let text =
            format!("format = 1\n[process.long]\nsteps = [{{ compute = \"1us\" }}]\n[expect]\n{expect}\n");
        Scenario::parse("test", &text, &Overrides::default()).map_err(|diagnostics| diagnostics.to_string())
    }

    #[test]
    fn figures_have_the_unit_of_their_statistic() {
        let scenario = parse(
            "statistics = { mean-turnaround = \"27ms\", fairness-slowdown = { min = 0.5 }, switches = 4 }\n\
             process.long = { waiting = { max = \"1us\" }, dispatches = 1 }",
        );
        let expect = scenario.unwrap().expect;
        assert_eq!(expect.statistics["mean-turnaround"], Bound::exactly(27_000_000));
        assert_eq!(expect.statistics["fairness-slowdown"], Bound { min: Some(500_000), max: None });
        assert_eq!(expect.statistics["switches"], Bound::exactly(4));
        let early = parse("statistics.max-lateness = { max = \"-2ms\" }").unwrap().expect;
        assert_eq!(early.statistics["max-lateness"].max, Some(ordered(-2_000_000)));
        let long = &expect.processes["long"];
        assert_eq!(long[&ThreadStatistic::Waiting], Bound { min: None, max: Some(1_000) });
        assert_eq!(long[&ThreadStatistic::Dispatches], Bound::exactly(1));
    }

    #[test]
    fn what_cant_be_expected_is_named() {
        for (given, wanted) in [
            ("statistics = { mean-turnaroud = \"1us\" }", "did you mean `mean-turnaround`?"),
            ("statistics = { makespan = 3 }", "a time needs a unit"),
            ("statistics = { fairness-cpu = -1 }", "-1 can't be expected here"),
            ("statistics = { fairness-cpu = \"much\" }", "expected a number, not a text"),
            ("process.long = { waitin = \"1us\" }", "a thread has no statistic `waitin`"),
            ("process.short = { waiting = \"1us\" }", "there is no process or program `short`"),
            ("process = { long = 3 }", "`long` is a table"),
        ] {
            let problems = parse(given).expect_err(given);
            assert!(problems.contains(wanted), "{given}: {problems}");
        }
    }
}
