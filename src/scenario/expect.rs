//! `[expect]`: what a run of the scenario must show, for checking it.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use toml::de::DeTable;

use crate::program::amount::fixed_time;
use crate::program::at::{Anything, At, Raw};
use crate::program::image::Width;
use crate::program::names::Names;
use crate::program::problem::{Code, Problem, Problems, closest};
use crate::trace::kinds::KINDS;
use crate::trace::statistics::ThreadStatistic;

use super::expect_statistics;
use super::table::{lookup, single};

/// `[expect]`: what must come out.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExpectForm {
    /// The lines on the terminal.
    pub output: Option<Vec<String>>,
    /// Whether the lines may come in any order; false if absent.
    pub any_order: Option<bool>,
    /// How many events of a kind the trace has: a number, or { min = 1, max = 5 }.
    #[serde(default)]
    #[schemars(schema_with = "super::schema::counts")]
    pub count: Option<At<Anything>>,
    /// When the run ends: a time, or { min = "1us", max = "2us" }.
    #[serde(default)]
    #[schemars(schema_with = "super::schema::end")]
    pub end: Option<At<Anything>>,
    /// How the run ends.
    pub outcome: Option<Outcome>,
    /// The processes that are in the deadlock.
    pub deadlocked: Option<Vec<At<String>>>,
    /// What shared cells hold at the end: { "shm.cell" = 5, "shm.sum" = 81.0 }.
    #[serde(default)]
    #[schemars(schema_with = "super::schema::fractions")]
    pub values: Option<At<Anything>>,
    /// The exit status of processes: { worker = 0 }.
    #[serde(default)]
    #[schemars(schema_with = "super::schema::numbers")]
    pub exit: Option<At<Anything>>,
    /// What must be true of the run's statistics: { mean-turnaround = "27ms", switches = { max = 9 } }. docs/STATISTICS.md
    /// has all names; ratios are compared to six decimals. On a real kernel they aren't judged.
    #[serde(default)]
    #[schemars(schema_with = "super::schema::run_statistics")]
    pub statistics: Option<At<Anything>>,
    /// What must be true of the statistics of each thread of a process: { long = { waiting = "0us" } }.
    #[serde(default)]
    #[schemars(schema_with = "super::schema::thread_statistics")]
    pub process: Option<At<Anything>>,
    /// In what a run on a real kernel may differ: `any-order` of the lines, how else it may end
    /// (`outcome`, a list), and what isn't judged there (`free`, a list of names from the other keys).
    pub real: Option<RealForm>,
}

/// `real` in `[expect]`: in what a run on a real kernel may differ, because there nobody knows who
/// comes first.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RealForm {
    /// Whether the lines of the output may come in any order there; false if absent.
    pub any_order: Option<bool>,
    /// How else the run may end there. If it does, nothing else is judged.
    pub outcome: Option<Vec<Outcome>>,
    /// What isn't judged there: "output", kinds of event, shared cells, processes' exit statuses.
    pub free: Option<Vec<At<String>>>,
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All processes have ended.
    Finished,
    /// Nothing can ever run again.
    Deadlock,
    /// An `assert` didn't hold.
    AssertFailed,
    /// The time in `[run] until` was reached.
    Limit,
    /// Things happened for ever, but no program got on.
    Livelock,
}

impl Outcome {
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Finished => "finished",
            Outcome::Deadlock => "deadlock",
            Outcome::AssertFailed => "assert-failed",
            Outcome::Limit => "limit",
            Outcome::Livelock => "livelock",
        }
    }
}

/// A bound on a number; both ends are included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    pub min: Option<u64>,
    pub max: Option<u64>,
}

impl Bound {
    pub const fn exactly(number: u64) -> Bound {
        Bound { min: Some(number), max: Some(number) }
    }

    pub fn contains(self, number: u64) -> bool {
        self.min.is_none_or(|min| min <= number) && self.max.is_none_or(|max| number <= max)
    }
}

/// A number that a shared cell must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    Whole(i128),
    /// The bits of a floating-point number.
    Fraction(u64),
}

impl Number {
    /// Whether an element of this width holds it.
    pub fn is_held(self, width: Width, held: i64) -> bool {
        let fraction = match width {
            Width::Float32 => Some(f64::from(f32::from_bits(held as u32))),
            Width::Float64 => Some(f64::from_bits(held as u64)),
            Width::Int8
            | Width::UInt8
            | Width::Int16
            | Width::UInt16
            | Width::Int32
            | Width::UInt32
            | Width::Int64
            | Width::UInt64 => None,
        };
        match (self, fraction) {
            (Number::Whole(number), None) => width.holds(number) && width.cut(number as i64) == held,
            (Number::Whole(number), Some(fraction)) => number as f64 == fraction,
            (Number::Fraction(bits), Some(fraction)) => {
                let number = f64::from_bits(bits);
                // What a single-precision element holds is the nearest that it can.
                number == fraction || (width == Width::Float32 && number as f32 == fraction as f32)
            }
            (Number::Fraction(_), None) => false,
        }
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Number::Whole(number) => write!(f, "{number}"),
            Number::Fraction(bits) => write!(f, "{:?}", f64::from_bits(*bits)),
        }
    }
}

/// What a run must show. What is absent isn't checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expect {
    pub output: Option<Vec<String>>,
    pub any_order: bool,
    /// By the kind's name in the trace.
    pub count: BTreeMap<String, Bound>,
    /// In nanoseconds.
    pub end: Option<Bound>,
    pub outcome: Option<Outcome>,
    /// The names of the deadlocked processes.
    pub deadlocked: Option<BTreeSet<String>>,
    /// By `object.name` or `object.name[index]`.
    pub values: BTreeMap<String, Number>,
    /// By the name of a process, with `[i]` behind it where there are several.
    pub exit: BTreeMap<String, i64>,
    /// By the name of a figure of the run.
    pub statistics: BTreeMap<String, Bound>,
    /// By the name of a process.
    pub processes: BTreeMap<String, BTreeMap<ThreadStatistic, Bound>>,
    pub real: RealExpect,
}

/// In what a run on a real kernel may differ from what is expected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RealExpect {
    pub any_order: bool,
    /// How else it may end.
    pub outcomes: Vec<Outcome>,
    /// What isn't judged, by its name.
    pub free: BTreeSet<String>,
}

impl Expect {
    /// Whether nothing is expected.
    pub fn is_empty(&self) -> bool {
        *self == Expect::default()
    }
}

/// Reads the table.
pub fn read(root: &DeTable<'_>, names: &Names, problems: &mut Problems) -> Expect {
    let form: ExpectForm = single(root, "expect", problems);
    let time = |at: &At<Raw>, problems: &mut Problems| {
        let time = fixed_time(&at.value, names.instruction);
        let time = time.map_err(|error| {
            problems.push(crate::program::amount::unit_problem(error, at.span.clone()));
        });
        time.ok().map(|time| time.as_nanos())
    };
    let number = |at: &At<Raw>, problems: &mut Problems| integer::<u64>(at, problems);
    let mut expect = Expect {
        output: form.output,
        any_order: form.any_order.unwrap_or(false),
        outcome: form.outcome,
        ..Expect::default()
    };
    if let Some(at) = form.end {
        let at = At::new(at.span, at.value.0);
        expect.end = bound(&at, &time, problems);
    }
    for (key, at) in entries(form.count, "count", problems) {
        if !KINDS.iter().any(|row| row.name == key.value) {
            let message = format!("there is no kind of event `{}`", key.value);
            let problem = Problem::error(Code::UnknownName, key.span.clone(), message);
            problems.push(match closest(&key.value, KINDS.iter().map(|row| row.name)) {
                Some(similar) => problem.help(format!("did you mean `{similar}`?")),
                None => problem.help("docs/TRACE.md lists all kinds of event"),
            });
            continue;
        }
        if let Some(bound) = bound(&at, &number, problems) {
            expect.count.insert(key.value, bound);
        }
    }
    for (key, at) in entries(form.values, "values", problems) {
        let array = key.value.split('[').next().unwrap_or_default();
        lookup(&names.arrays, "shared cell or array", array, &key.span, problems);
        let value = match at.value {
            Raw::Float(number) => Some(Number::Fraction(number.to_bits())),
            _ => integer(&at, problems).map(Number::Whole),
        };
        if let Some(value) = value {
            expect.values.insert(key.value, value);
        }
    }
    for (key, at) in entries(form.exit, "exit", problems) {
        check_task(&key, names, problems);
        if let Some(status) = integer(&at, problems) {
            expect.exit.insert(key.value, status);
        }
    }
    expect.deadlocked = form.deadlocked.map(|list| {
        let list = list.into_iter();
        list.map(|name| {
            check_task(&name, names, problems);
            name.value
        })
        .collect()
    });
    expect.statistics = expect_statistics::run(form.statistics, names.instruction, problems);
    expect.processes = expect_statistics::processes(form.process, names, problems);
    if let Some(form) = form.real {
        expect.real = real(form, &expect, problems);
    }
    expect
}

/// What is free must be expected at all.
fn real(form: RealForm, expect: &Expect, problems: &mut Problems) -> RealExpect {
    let counts = expect.count.keys().chain(expect.values.keys()).chain(expect.exit.keys());
    let mut known: Vec<&str> = counts.map(String::as_str).collect();
    known.extend(expect.output.is_some().then_some("output"));
    let mut free = BTreeSet::new();
    for name in form.free.unwrap_or_default() {
        if !known.contains(&name.value.as_str()) {
            let message = format!("`{}` isn't expected, so it can't differ", name.value);
            let problem = Problem::error(Code::UnknownName, name.span.clone(), message);
            problems.push(problem.suggest(&name.value, known.iter().copied()));
        }
        free.insert(name.value);
    }
    RealExpect {
        any_order: form.any_order.unwrap_or(false),
        outcomes: form.outcome.unwrap_or_default(),
        free,
    }
}

/// A process or program with this name, perhaps with an index behind it.
pub(super) fn check_task(name: &At<String>, names: &Names, problems: &mut Problems) {
    let bare = name.value.split('[').next().unwrap_or_default();
    if !names.starts.contains_key(bare) && !names.programs.contains_key(bare) {
        let message = format!("there is no process or program `{bare}`");
        let problem = Problem::error(Code::UnknownName, name.span.clone(), message);
        let known = names.starts.keys().chain(names.programs.keys());
        problems.push(problem.suggest(bare, known.map(String::as_str)));
    }
}

pub(super) fn entries(
    at: Option<At<Anything>>,
    what: &str,
    problems: &mut Problems,
) -> Vec<(At<String>, At<Raw>)> {
    match at {
        None => Vec::new(),
        Some(At { value: Anything(Raw::Table(entries)), .. }) => entries,
        Some(at) => {
            let message = format!("`{what}` is a table, not {}", at.value.0.kind());
            problems.error(Code::WrongType, at.span, message);
            Vec::new()
        }
    }
}

pub(super) fn integer<N: TryFrom<i128>>(at: &At<Raw>, problems: &mut Problems) -> Option<N> {
    match &at.value {
        Raw::Integer(number) => N::try_from(*number).ok().or_else(|| {
            let message = format!("{number} can't be expected here");
            problems.error(Code::OutOfRange, at.span.clone(), message);
            None
        }),
        other => {
            let message = format!("expected a whole number, not {}", other.kind());
            problems.error(Code::WrongType, at.span.clone(), message);
            None
        }
    }
}

pub(super) fn bound(
    at: &At<Raw>,
    one: &dyn Fn(&At<Raw>, &mut Problems) -> Option<u64>,
    problems: &mut Problems,
) -> Option<Bound> {
    let Raw::Table(entries) = &at.value else {
        return one(at, problems).map(Bound::exactly);
    };
    let mut bound = Bound { min: None, max: None };
    for (key, at) in entries {
        match key.value.as_str() {
            "min" => bound.min = one(at, problems),
            "max" => bound.max = one(at, problems),
            other => {
                let message = format!("a bound has no key `{other}`");
                let problem = Problem::error(Code::UnknownKey, key.span.clone(), message);
                problems.push(problem.suggest(other, ["min", "max"]));
            }
        }
    }
    Some(bound)
}
