//! `[kernel]`: scheduler, pre-emption, tick, placement.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::hw::device::{DeviceKind, DeviceSpec};
use crate::ids::DeviceId;
use crate::kernel::cost::Costs;
use crate::kernel::options::{
    AtSliceEnd, Options, PagingOptions, Parameter, Placement, Preemption, Queues, Reschedule, WakeOrder,
};
use crate::kernel::page_cache::Writeback;
use crate::kernel::paging::{Chance, OptTie, Replacement};
use crate::kernel::process::MOST_BIRTHS;
use crate::program::Image;
use crate::program::amount::fixed_size;
use crate::program::at::{Anything, At, Raw, Size, Time, Whole};
use crate::program::lower::{Link, Unit};
use crate::program::problem::{Code, Problem, Problems};
use crate::time::Span;

use super::balance;
use super::document::Part;
use super::machine::PAGE;
use super::policy_script::Origin;
use super::processes::Processes;
use super::scheduler;
use super::table::{lookup, raw_time, size as size_of, whole};

/// `[kernel]`: the kernel's configuration.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KernelForm {
    /// The scheduling policy: a name, or a table with `policy` and its parameters, for example
    /// { policy = "round-robin", quantum = "10ms" }, or a script, { script = "my.rhai" }. Round-robin if absent.
    #[serde(default)]
    #[schemars(schema_with = "super::schema::scheduler")]
    pub scheduler: Option<At<Anything>>,
    /// Where a thread in the kernel can lose its CPU: "none", "voluntary" or "full" (the default).
    pub preemption: Option<Preemption>,
    /// What a thread does whose last instruction is done when its slice ends: "gives-way" (the default), so that it
    /// comes back for its exit, or "ends", as in textbooks.
    pub at_slice_end: Option<AtSliceEnd>,
    /// The period of the scheduler's tick, or "none" (the default): then the timer is set for each
    /// slice's end.
    #[serde(default)]
    #[schemars(schema_with = "super::schema::tick")]
    pub tick: Option<At<Time>>,
    /// Whether an idle CPU's tick stops; true if absent.
    pub tickless_idle: Option<bool>,
    /// "per-cpu" (the default): each CPU has a run queue of its own; "global": one for all, in which those
    /// that are ready wait for whichever CPU is free. `placement` and `balance` have no meaning then.
    pub queues: Option<At<Queues>>,
    /// Which of several threads that wait for the same semaphore, condition or mutex without inheritance is woken
    /// first: "arrival" (the default), or "priority" (the highest at that moment, with what others lend it;
    /// Linux does so for threads of real-time classes).
    pub wake_order: Option<WakeOrder>,
    /// Which CPU a woken thread goes to: "previous", "idle" (the default) or "shortest".
    pub placement: Option<Placement>,
    /// How threads move from CPU to CPU otherwise: "steal" (the default: an idle CPU takes one that waits),
    /// "periodic" (the queues are made even every so often), "both" or "none"; or a table with `kind` and what
    /// differs from { every = "4ms", imbalance = 25, migration-cost = "0ns" }.
    #[serde(default)]
    #[schemars(schema_with = "super::schema::balance")]
    pub balance: Option<At<Anything>>,
    /// What a thread that becomes ready means to one that runs on and needn't give way: "keeps" (the default:
    /// nothing) or "reloads" (it is saved and loaded around a decision). With a queue for each CPU.
    pub reschedule: Option<Reschedule>,
    /// At most so many processes (zombies too) and threads at the same time; if absent, 32768 beside
    /// those that the scenario starts.
    pub max_tasks: Option<At<Whole>>,
    /// Which page goes when no frame is free: "fifo", "lru", "clock", "opt", "mru", "unopt", "random" or
    /// "random-chances". If absent, none does, and a process is ended for lack of memory.
    pub replacement: Option<At<Replacement>>,
    /// Which of several pages opt and unopt take that are never accessed again: "newest" (the one that was
    /// loaded last, the default) or "oldest".
    pub opt_tie: Option<OptTie>,
    /// The numbers that "random" and "random-chances" draw, one after the other and again from the beginning: each is
    /// a place among the pages in the order in which they were loaded, from 0, modulo the pages there are. From the
    /// run's seed if absent.
    pub replacement_draws: Option<At<Vec<At<Whole>>>>,
    /// How many chances a page of "random-chances" has at most; 2 if absent.
    pub replacement_chances: Option<At<Whole>>,
    /// The disk to which changed pages go that no file has; `[device.swap]` if there is one, else none.
    pub swap: Option<At<String>>,
    /// How much the swap device has room for; "64MiB" if absent.
    pub swap_size: Option<At<Size>>,
    /// When dirty pages of files go to the disk by themselves: { after = "30s", every = "5s" }, Linux's
    /// own, if absent; or "never".
    #[serde(default)]
    #[schemars(schema_with = "super::schema::writeback")]
    pub writeback: Option<At<Anything>>,
    /// How many bytes are read ahead at most when a file is read in order; "128KiB", as on Linux, if
    /// absent; "0B" turns it off.
    pub read_ahead: Option<At<Size>>,
}

/// Resolves the table, for a scenario that starts so many processes itself; with the text of the policy's script
/// if that isn't part of the scenario's.
pub fn options(
    form: &KernelForm,
    started: u64,
    devices: &[DeviceSpec],
    origin: Origin<'_>,
    costs: &Costs,
    problems: &mut Problems,
) -> (Options, Option<Part>) {
    let tick = form.tick.as_ref();
    let tick = tick.and_then(|at| match &at.value.0 {
        Raw::Text(text) if text == "none" => None,
        raw => {
            let tick = raw_time(raw, &at.span, costs.instruction, problems)?;
            check_progress("the tick", tick, at.span.clone(), costs, problems);
            Some(tick)
        }
    });
    let (scheduler, script) = scheduler::read(form.scheduler.as_ref(), origin, costs, problems);
    let queues = form.queues.as_ref();
    let place = form.scheduler.as_ref().map_or(0..0, |at| at.span.clone());
    scheduler::check_queues(&scheduler, place, queues, problems);
    let queues = queues.map_or_else(Queues::default, |at| at.value);
    let (balance, balancing) = balance::read(form.balance.as_ref(), costs.instruction, problems);
    let options = Options {
        scheduler,
        queues,
        wake_order: form.wake_order.unwrap_or_default(),
        preemption: form.preemption.unwrap_or_default(),
        tick,
        tickless_idle: form.tickless_idle.unwrap_or(true),
        at_slice_end: form.at_slice_end.unwrap_or_default(),
        placement: form.placement.unwrap_or_default(),
        balance,
        balancing,
        reschedule: form.reschedule.unwrap_or_default(),
        max_tasks: max_tasks(form, started, problems),
        writeback: writeback(form, costs, problems),
        read_ahead: read_ahead(form, problems),
        paging: paging(form, devices, problems),
    };
    (options, script)
}

/// What happens when no frame is free.
fn paging(form: &KernelForm, devices: &[DeviceSpec], problems: &mut Problems) -> PagingOptions {
    let is_disk = |device: &DeviceSpec| matches!(device.kind, DeviceKind::Disk(_) | DeviceKind::Usb(_));
    let disks: BTreeMap<String, DeviceId> = devices
        .iter()
        .enumerate()
        .filter(|(_, device)| is_disk(device))
        .map(|(number, device)| (device.name.clone(), DeviceId::from(number)))
        .collect();
    let disk = match &form.swap {
        Some(at) => lookup(&disks, "disk", &at.value, &at.span, problems).copied(),
        None => disks.get("swap").copied(),
    };
    let size = form.swap_size.as_ref();
    let size = size.and_then(|at| size_of(at, "the swap device", 1 << 40, problems)).unwrap_or(64 << 20);
    let needs_replacement =
        form.swap.as_ref().map(|at| &at.span).or(form.swap_size.as_ref().map(|at| &at.span));
    if let (None, Some(span)) = (&form.replacement, needs_replacement) {
        let message = "nothing is ever swapped out without page replacement";
        let problem = Problem::error(Code::MissingKey, span.clone(), message);
        problems.push(problem.help("say which page goes: `replacement = \"lru\"`"));
    }
    PagingOptions {
        replacement: form.replacement.as_ref().map(|at| at.value),
        opt_tie: form.opt_tie.unwrap_or_default(),
        chance: chance(form, problems),
        // At most 2^28 pages, so that the cast is exact.
        swap: disk.map(|disk| (disk, size.div_ceil(PAGE) as u32)),
    }
}

/// What the random policies of page replacement draw.
fn chance(form: &KernelForm, problems: &mut Problems) -> Chance {
    let mut chance = Chance::default();
    if let Some(at) = &form.replacement_chances {
        chance.most = whole(at, "`replacement-chances`", 0..=u32::MAX.into(), problems).unwrap_or_default();
    }
    if let Some(list) = &form.replacement_draws {
        if list.value.is_empty() {
            problems.error(Code::OutOfRange, list.span.clone(), "`replacement-draws` is an empty list");
        }
        let draws = list.value.iter();
        chance.draws = draws.filter_map(|at| whole(at, "a draw", 0..=i64::MAX.into(), problems)).collect();
    }
    chance
}

/// What page replacement asks of the programs: opt and unopt must know all accesses beforehand, and a process's own
/// limit is of no use without a rule for what goes.
pub fn check_paging(form: &KernelForm, units: &[Unit], processes: &Processes, problems: &mut Problems) {
    let starts = processes.starts.iter().zip(&processes.places);
    if let (None, Some((_, span))) =
        (&form.replacement, starts.clone().find(|(start, _)| start.frames.is_some()))
    {
        let message = "a process can't be kept within `frames` without page replacement";
        let problem = Problem::error(Code::MissingKey, span.clone(), message);
        problems.push(problem.help("say which page goes: `[kernel] replacement = \"lru\"`"));
    }
    let policy = match form.replacement.as_ref().map(|at| at.value) {
        Some(Replacement::Opt) => "opt",
        Some(Replacement::Unopt) => "unopt",
        None
        | Some(
            Replacement::Fifo
            | Replacement::Lru
            | Replacement::Clock
            | Replacement::Mru
            | Replacement::Random
            | Replacement::RandomChances,
        ) => return,
    };
    let several = starts.clone().map(|(start, _)| u64::from(start.count)).sum::<u64>() > 1;
    let born = units.iter().flat_map(|unit| &unit.edges).find(|edge| edge.link != Link::Exec);
    let place = match born {
        Some(edge) => Some((edge.span.clone(), "another process or thread begins here")),
        None if several => {
            processes.places.last().map(|place| (place.clone(), "there is more than one process"))
        }
        None => None,
    };
    if let Some((place, why)) = place {
        let message = format!(
            "`{policy}` must know the order of all accesses beforehand: that is possible for one process only"
        );
        let problem = Problem::error(Code::UnknownChoice, place, message);
        problems.push(
            problem
                .label(why)
                .help("with several, who comes when depends on the page faults themselves; \"lru\" and \"clock\" need no future"),
        );
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
            Parameter::Times(_) | Parameter::Numbers(_) | Parameter::Script(_) => None,
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
        _ => size_of(at, "`read-ahead`", 1 << 30, problems).unwrap_or(0).div_ceil(PAGE) as u32,
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
pub(super) fn check_progress(
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
