//! `[kernel]`: scheduler, pre-emption, tick, placement.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::kernel::cost::Costs;
use crate::kernel::options::{Balance, Options, Parameter, Placement, Preemption, Scheduler};
use crate::kernel::page_cache::Writeback;
use crate::kernel::process::MOST_BIRTHS;
use crate::kernel::sched::{POLICIES, PolicyRow};
use crate::program::Image;
use crate::program::amount::fixed_size;
use crate::program::at::{Anything, At, Entries, Raw, Size, Time, Whole};
use crate::program::problem::{Code, Problem, Problems};
use crate::time::Span;

use super::machine::PAGE;
use super::table::{raw_time, size, whole};

/// `[kernel]`: the kernel's configuration.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KernelForm {
    /// The scheduling policy: a name, or a table with `policy` and its parameters, for example
    /// { policy = "round-robin", quantum = "10ms" }. Round-robin if absent.
    #[serde(default)]
    #[schemars(schema_with = "super::schema::scheduler")]
    pub scheduler: Option<At<Anything>>,
    /// Where a thread in the kernel can lose its CPU: "none", "voluntary" or "full" (the default).
    pub preemption: Option<Preemption>,
    /// The period of the scheduler's tick, or "none" (the default): then the timer is set for each
    /// slice's end.
    #[serde(default)]
    #[schemars(schema_with = "super::schema::tick")]
    pub tick: Option<At<Time>>,
    /// Whether an idle CPU's tick stops; true if absent.
    pub tickless_idle: Option<bool>,
    /// Which CPU a woken thread goes to: "previous", "idle" (the default) or "shortest".
    pub placement: Option<Placement>,
    /// Whether an idle CPU takes threads from others: "none" or "steal" (the default).
    pub balance: Option<Balance>,
    /// At most so many processes (zombies too) and threads at the same time; if absent, 32768 beside
    /// those that the scenario starts.
    pub max_tasks: Option<At<Whole>>,
    /// When dirty pages of files go to the disk by themselves: { after = "30s", every = "5s" }, Linux's
    /// own, if absent; or "never".
    #[serde(default)]
    #[schemars(schema_with = "super::schema::writeback")]
    pub writeback: Option<At<Anything>>,
    /// How many bytes are read ahead at most when a file is read in order; "128KiB", as on Linux, if
    /// absent; "0B" turns it off.
    pub read_ahead: Option<At<Size>>,
}

/// Resolves the table, for a scenario that starts so many processes itself.
pub fn options(form: &KernelForm, started: u64, costs: &Costs, problems: &mut Problems) -> Options {
    let tick = form.tick.as_ref();
    let tick = tick.and_then(|at| match &at.value.0 {
        Raw::Text(text) if text == "none" => None,
        raw => {
            let tick = raw_time(raw, &at.span, costs.instruction, problems)?;
            check_progress("the tick", tick, at.span.clone(), costs, problems);
            Some(tick)
        }
    });
    Options {
        scheduler: scheduler(form, costs, problems),
        preemption: form.preemption.unwrap_or_default(),
        tick,
        tickless_idle: form.tickless_idle.unwrap_or(true),
        placement: form.placement.unwrap_or_default(),
        balance: form.balance.unwrap_or_default(),
        max_tasks: max_tasks(form, started, problems),
        writeback: writeback(form, costs, problems),
        read_ahead: read_ahead(form, problems),
    }
}

/// Sets the kernel and the disks as those of the host that the cost profile was measured on.
pub fn as_on_host(image: &mut Image, problems: &mut Problems) {
    let costs = &image.costs;
    if costs.host.is_none() && costs.disk.is_none() {
        let message = format!("the cost profile `{}` doesn't say how a host is set", costs.name);
        let problem = Problem::error(Code::Costs, 0..0, message);
        problems.push(problem.help("choose one that `trapline calibrate` has written: --costs profile.toml"));
        return;
    }
    if let Some(host) = &costs.host {
        host.set(&mut image.kernel);
        let times = image.kernel.scheduler.parameters.values().filter_map(|parameter| match parameter {
            Parameter::Time(time) => Some(("the host's slice", *time)),
            Parameter::Number(_) | Parameter::Truth(_) | Parameter::Word(_) => None,
        });
        for (what, time) in times.chain(image.kernel.tick.map(|tick| ("the host's tick", tick))) {
            check_progress(what, time, 0..0, costs, problems);
        }
    }
    image.machine.measured_disk = costs.disk.clone();
}

fn writeback(form: &KernelForm, costs: &Costs, problems: &mut Problems) -> Writeback {
    let mut writeback = Writeback::default();
    let Some(at) = &form.writeback else { return writeback };
    let entries = match &at.value.0 {
        Raw::Text(text) if text == "never" => return Writeback { after: None, ..writeback },
        Raw::Table(entries) => entries,
        other => {
            let message = format!("`writeback` is a table or \"never\", not {}", other.kind());
            problems.error(Code::WrongType, at.span.clone(), message);
            return writeback;
        }
    };
    for (key, at) in entries {
        let time = raw_time(&at.value, &at.span, costs.instruction, problems);
        match (key.value.as_str(), time) {
            ("after", Some(time)) => writeback.after = Some(time),
            ("every", Some(time)) if !time.is_zero() => writeback.every = time,
            ("every", Some(_)) => problems.error(Code::OutOfRange, at.span.clone(), "`every` is more than 0"),
            ("after" | "every", None) => {}
            (other, _) => {
                let message = format!("`writeback` has no key `{other}`");
                let problem = Problem::error(Code::UnknownKey, key.span.clone(), message);
                problems.push(problem.suggest(other, ["after", "every"]));
            }
        }
    }
    writeback
}

fn read_ahead(form: &KernelForm, problems: &mut Problems) -> u32 {
    let Some(at) = &form.read_ahead else { return 32 };
    match fixed_size(&at.value.0) {
        Ok(0) => 0,
        // At most 2^18 pages, so that the cast is exact.
        _ => size(at, "`read-ahead`", 1 << 30, problems).unwrap_or(0).div_ceil(PAGE) as u32,
    }
}

fn max_tasks(form: &KernelForm, started: u64, problems: &mut Problems) -> u32 {
    let beside = || u32::try_from(started).unwrap_or(MOST_BIRTHS).saturating_add(32_768);
    let Some(at) = &form.max_tasks else { return beside() };
    let Some(most) = whole::<u32>(at, "`max-tasks`", 1..=i128::from(MOST_BIRTHS), problems) else {
        return beside();
    };
    if u64::from(most) < started {
        let message = format!("the scenario starts {started} processes, and at most {most} may live");
        let help = format!("write `max-tasks = {started}` or more, or start fewer");
        problems.push(Problem::error(Code::OutOfRange, at.span.clone(), message).help(help));
    }
    most
}

/// A CPU whose timer rings again before the handler of the last ring is done executes nothing else.
fn check_progress(
    what: &str,
    period: Span,
    span: std::ops::Range<usize>,
    costs: &Costs,
    problems: &mut Problems,
) {
    if period <= costs.timer {
        let handler = costs.timer;
        let message = format!("{what} of {period} isn't longer than the timer's handler, {handler}");
        let problem = Problem::error(Code::NoProgress, span, message).label("no program would ever get on");
        problems.push(
            problem
                .help(format!("choose one well above {handler}, or a cost profile with a cheaper `timer`")),
        );
    }
}

fn scheduler(form: &KernelForm, costs: &Costs, problems: &mut Problems) -> Scheduler {
    let mut scheduler = Scheduler { policy: "round-robin".to_owned(), parameters: BTreeMap::new() };
    let Some(at) = &form.scheduler else {
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
                    problems.error(Code::MissingKey, at.span.clone(), message);
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

fn parameter(
    row: &PolicyRow,
    key: &At<String>,
    at: &At<Raw>,
    costs: &Costs,
    problems: &mut Problems,
) -> Option<Parameter> {
    let known = row.parameters.iter().find(|(name, _, _)| *name == key.value);
    let Some((_, kind, _)) = known else {
        let message = format!("the policy `{}` has no parameter `{}`", row.name, key.value);
        let problem = Problem::error(Code::UnknownKey, key.span.clone(), message);
        problems.push(problem.suggest(&key.value, row.parameters.iter().map(|(name, _, _)| *name)));
        return None;
    };
    match (*kind, &at.value) {
        ("time", raw) => {
            let time = raw_time(raw, &at.span, costs.instruction, problems)?;
            if matches!(key.value.as_str(), "quantum" | "slice") {
                check_progress(&format!("the {}", key.value), time, at.span.clone(), costs, problems);
            }
            Some(Parameter::Time(time))
        }
        ("number", Raw::Integer(number)) => match i64::try_from(*number) {
            Ok(number) => Some(Parameter::Number(number)),
            Err(_) => {
                let message = "this number doesn't fit into 64 bits";
                problems.error(Code::OutOfRange, at.span.clone(), message);
                None
            }
        },
        ("truth", Raw::Truth(truth)) => Some(Parameter::Truth(*truth)),
        ("word", Raw::Text(word)) => Some(Parameter::Word(word.clone())),
        (kind, raw) => {
            let wanted = match kind {
                "number" => "a whole number",
                "truth" => "true or false",
                _ => "a text",
            };
            let message = format!("`{}` is {wanted}, not {}", key.value, raw.kind());
            problems.error(Code::WrongType, at.span.clone(), message);
            None
        }
    }
}
