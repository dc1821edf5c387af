//! `[machine]` and `[device.NAME]`: the hardware.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use crate::hw::device::{DEVICES, DeviceKind, DeviceSpec, DiskSpec, Duration, LineSpec, NoiseSpec, Trigger};
use crate::ids::{CpuId, DeviceId, ObjectId, Vector};
use crate::kernel::cost::{CostError, Costs};
use crate::program::amount::{Measure, distribution};
use crate::program::at::{Anything, At, Raw, Size, Time, TimeChoice, Whole};
use crate::program::problem::{Code, Problem, Problems};
use crate::program::syscall::NAMES;
use crate::program::value::Distribution;
use crate::time::Span;
use crate::trace::header::ObjectEntry;

use super::card::{CoalesceForm, card};
use super::speeds::CacheForm;
use super::table::{Entry, named, size, time, whole};

/// The most bytes that anything may have.
pub const MOST_BYTES: u64 = 64 << 30;
/// The size of a page and of a frame.
pub const PAGE: u64 = 4096;
/// The vectors that devices can have; those above are the processor's own.
pub const DEVICE_VECTORS: std::ops::RangeInclusive<u8> = 16..=47;

/// `[machine]`: the processor and the memory.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MachineForm {
    /// How many CPUs, 1 to 64; 1 if absent.
    pub cpus: Option<At<Whole>>,
    /// Physical memory; "64MiB" if absent.
    pub memory: Option<At<Size>>,
    /// Entries of each CPU's translation look-aside buffer; 0 turns it off; 64 if absent.
    pub tlb: Option<At<Whole>>,
    /// How fast each CPU computes, as a list with a number for each; all 1.0 if absent.
    pub speeds: Option<At<Vec<At<f64>>>>,
    /// What it costs a thread that its data aren't in the CPU's cache: `{ warm-up = "200us", cold-speed = 0.5,
    /// keeps = "5ms" }`. If absent, nothing.
    pub cache: Option<At<CacheForm>>,
    /// The cost profile: the name of a built-in one ("free", "textbook", "linux-x86"), the path of
    /// a file, or a table with `base` and the values that differ.
    #[serde(default)]
    #[schemars(schema_with = "super::schema::costs")]
    pub costs: Option<At<Anything>>,
}

/// `[device.NAME]`: something that raises interrupts.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DeviceForm {
    /// What it is: disk, usb, terminal, network, noise or button; the device's own name if absent.
    pub kind: Option<At<String>>,
    /// Its line of the interrupt controller, 16 to 47; a higher one is of higher priority. A free
    /// one if absent: the first device gets the highest.
    pub vector: Option<At<Whole>>,
    /// Decides which free vector it gets; a greater number is preferred; 0 if absent.
    pub priority: Option<At<Whole>>,
    /// When its line counts as asserted: "edge" (the default) or "level".
    pub trigger: Option<TriggerForm>,
    /// The CPU that its interrupts go to; 0 if absent.
    pub cpu: Option<At<Whole>>,
    /// Whether its line is masked at the beginning.
    pub masked: Option<bool>,
    /// What its handler costs, the hard half; the cost profile's if absent.
    pub handler: Option<At<Time>>,
    /// What the deferred half of its handler costs; the cost profile's if absent.
    pub deferred: Option<At<Time>>,
    /// Disks: the time to begin a request; "4ms" if absent.
    pub service: Option<At<TimeChoice>>,
    /// Disks: the time to transfer a KiB; "5us" if absent.
    pub per_kib: Option<At<Time>>,
    /// Disks: how many requests it works on at the same time; 1 if absent.
    pub depth: Option<At<Whole>>,
    /// Disks: how many bytes its files can have together; no limit if absent. A real run has none.
    pub capacity: Option<At<Size>>,
    /// Noise: the time from one interrupt to the next.
    pub interval: Option<At<TimeChoice>>,
    /// For network cards: so many packets wait at most; 256 if absent.
    pub ring: Option<At<Whole>>,
    /// For network cards: the interrupt waits for so many packets, or for so long after the first.
    pub coalesce: Option<At<CoalesceForm>>,
    /// For network cards: the deferred half takes so many packets at a time, and the card doesn't interrupt until it has
    /// found the ring empty; all, and it may interrupt meanwhile, if absent.
    pub budget: Option<At<Whole>>,
    /// Whether a removable device is there at the beginning; true if absent.
    pub plugged: Option<bool>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TriggerForm {
    Edge,
    Level,
}

/// The cost profile that the machine names.
pub fn costs(
    form: &MachineForm,
    root: &DeTable<'_>,
    directory: Option<&Path>,
    problems: &mut Problems,
) -> Costs {
    let Some(at) = &form.costs else {
        return built_in("textbook").unwrap_or_default();
    };
    match &at.value.0 {
        Raw::Text(name) => base(&At::new(at.span.clone(), name.clone()), directory, problems),
        Raw::Table(entries) => {
            let name = entries.iter().find_map(|(key, at)| match &at.value {
                Raw::Text(name) if key.value == "base" => Some(At::new(at.span.clone(), name.clone())),
                _ => None,
            });
            let mut costs = match &name {
                Some(name) => base(name, directory, problems),
                None => built_in("textbook").unwrap_or_default(),
            };
            let table = root.get("machine").and_then(|machine| machine.get_ref().get("costs"));
            if let Some(DeValue::Table(table)) = table.map(|value| value.get_ref()) {
                let mut errors = Vec::new();
                costs.apply(table, &["base"], NAMES, &mut errors);
                for error in errors {
                    let span = error.span.clone();
                    problems.push(cost_problem(error, span));
                }
                if table.iter().any(|(key, _)| key.get_ref() != "base") {
                    costs.mark_changed();
                }
            }
            costs
        }
        other => {
            let message = format!("`costs` is a name, a path or a table, not {}", other.kind());
            problems.error(Code::WrongType, at.span.clone(), message);
            Costs::default()
        }
    }
}

fn cost_problem(error: CostError, span: std::ops::Range<usize>) -> Problem {
    let problem = Problem::error(Code::Costs, span, error.message);
    match error.help {
        Some(help) => problem.help(help),
        None => problem,
    }
}

fn built_in(name: &str) -> Option<Costs> {
    Costs::built_in(name, NAMES).and_then(Result::ok)
}

fn base(name: &At<String>, directory: Option<&Path>, problems: &mut Problems) -> Costs {
    if let Some(costs) = built_in(&name.value) {
        return costs;
    }
    let names: Vec<&str> = crate::kernel::cost::BUILT_IN.iter().map(|(name, _)| *name).collect();
    if !name.value.ends_with(".toml") {
        let message = format!("there is no cost profile `{}`", name.value);
        let problem = Problem::error(Code::Costs, name.span.clone(), message);
        let problem = problem.suggest(&name.value, names);
        problems.push(problem.help("a file's path ends in `.toml` and is relative to the scenario"));
        return Costs::default();
    }
    let path = directory.unwrap_or(Path::new("")).join(&name.value);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            let message = format!("can't read the cost profile {}: {error}", path.display());
            problems.error(Code::Costs, name.span.clone(), message);
            return Costs::default();
        }
    };
    Costs::parse(&text, NAMES).unwrap_or_else(|errors| {
        for error in errors {
            let line = 1 + text[..error.span.start.min(text.len())].matches('\n').count();
            let message = format!("{}:{line}: {}", path.display(), error.message);
            let error = CostError { message, ..error };
            problems.push(cost_problem(error, name.span.clone()));
        }
        Costs::default()
    })
}

/// The devices, with their objects and vectors.
pub fn devices(
    root: &DeTable<'_>,
    cpus: u16,
    instruction: Span,
    objects: &mut Vec<ObjectEntry>,
    problems: &mut Problems,
) -> Vec<DeviceSpec> {
    let entries: Vec<Entry<DeviceForm>> = named(root, "device", problems);
    let vectors = vectors(&entries, problems);
    let mut devices = Vec::new();
    for (entry, vector) in entries.iter().zip(vectors) {
        let Some((name, kind)) = kind(entry, instruction, problems) else {
            continue;
        };
        let form = &entry.form;
        let object = ObjectId::from(objects.len());
        objects.push(ObjectEntry { kind: name.to_owned(), name: entry.name.value.clone() });
        let cpu = form.cpu.as_ref();
        let cpu = cpu.and_then(|at| whole(at, "`cpu`", 0..=i128::from(cpus) - 1, problems));
        let mut fixed = |at: &Option<At<Time>>| {
            let at = at.as_ref();
            at.and_then(|at| time(at, instruction, problems))
        };
        devices.push(DeviceSpec {
            name: entry.name.value.clone(),
            object,
            kind,
            line: LineSpec {
                vector,
                trigger: match form.trigger {
                    Some(TriggerForm::Level) => Trigger::Level,
                    Some(TriggerForm::Edge) | None => Trigger::Edge,
                },
                cpu: CpuId(cpu.unwrap_or(0)),
                masked: form.masked.unwrap_or(false),
            },
            handler: fixed(&form.handler),
            deferred: fixed(&form.deferred),
            plugged: form.plugged.unwrap_or(true),
        });
    }
    devices
}

/// A vector for each device: the one it asks for, or a free one.
fn vectors(entries: &[Entry<DeviceForm>], problems: &mut Problems) -> Vec<Vector> {
    let mut taken: BTreeMap<u8, &str> = BTreeMap::new();
    let mut vectors = vec![None; entries.len()];
    let (low, high) = (*DEVICE_VECTORS.start(), *DEVICE_VECTORS.end());
    for (entry, place) in entries.iter().zip(&mut vectors) {
        let Some(at) = &entry.form.vector else {
            continue;
        };
        let bounds = i128::from(low)..=i128::from(high);
        let Some(vector) = whole::<u8>(at, "a device's vector", bounds, problems) else {
            continue;
        };
        if let Some(other) = taken.insert(vector, &entry.name.value) {
            let message = format!("vector {vector} already belongs to `{other}`");
            problems.error(Code::Vector, at.span.clone(), message);
        }
        *place = Some(vector);
    }
    let bounds = -1_000..=1_000;
    let mut waiting: Vec<(i128, usize)> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let priority = entry.form.priority.as_ref();
        let priority = priority.and_then(|at| whole(at, "`priority`", bounds.clone(), problems));
        if vectors[index].is_none() {
            waiting.push((-priority.unwrap_or(0_i128), index));
        }
    }
    waiting.sort_unstable();
    let mut free = DEVICE_VECTORS.rev().filter(|vector| !taken.contains_key(vector));
    for (_, index) in waiting {
        match free.next() {
            Some(vector) => vectors[index] = Some(vector),
            None => {
                let message = "a machine can't have more than 32 devices";
                problems.error(Code::Vector, entries[index].name.span.clone(), message);
            }
        }
    }
    let vectors = vectors.into_iter();
    vectors.map(|vector| Vector(vector.unwrap_or(low))).collect()
}

fn kind(
    entry: &Entry<DeviceForm>,
    instruction: Span,
    problems: &mut Problems,
) -> Option<(&'static str, DeviceKind)> {
    let at = entry.form.kind.as_ref().unwrap_or(&entry.name);
    let row = DEVICES.iter().find(|row| row.name == at.value);
    let Some(row) = row else {
        let message = match &entry.form.kind {
            Some(kind) => format!("there is no kind of device `{}`", kind.value),
            None => format!("the device `{}` needs the key `kind`", entry.name.value),
        };
        let problem = Problem::error(Code::Device, at.span.clone(), message);
        problems.push(problem.suggest(&at.value, DEVICES.iter().map(|row| row.name)));
        return None;
    };
    foreign_keys(entry, row.name, problems);
    let kind = match row.name {
        "disk" => DeviceKind::Disk(disk(&entry.form, instruction, problems)),
        "usb" => DeviceKind::Usb(disk(&entry.form, instruction, problems)),
        "terminal" => DeviceKind::Terminal,
        "network" => DeviceKind::Network(card(&entry.form, instruction, problems)),
        "noise" => {
            let Some(at) = &entry.form.interval else {
                let message = format!("the device `{}` needs the key `interval`", entry.name.value);
                problems.error(Code::MissingKey, entry.name.span.clone(), message);
                return None;
            };
            let interval = choice(at, "a device's time", instruction, problems)?;
            if interval == Duration::Fixed(Span::ZERO) {
                let message = "interrupts without time between them would never end";
                problems.error(Code::NoProgress, at.span.clone(), message);
            }
            DeviceKind::Noise(NoiseSpec { interval })
        }
        _ => DeviceKind::Button,
    };
    Some((row.name, kind))
}

/// Keys that mean nothing to this kind of device.
fn foreign_keys(entry: &Entry<DeviceForm>, kind: &str, problems: &mut Problems) {
    let form = &entry.form;
    let disk = matches!(kind, "disk" | "usb");
    let keys = [
        ("service", form.service.as_ref().map(|at| &at.span), disk),
        ("per-kib", form.per_kib.as_ref().map(|at| &at.span), disk),
        ("depth", form.depth.as_ref().map(|at| &at.span), disk),
        ("capacity", form.capacity.as_ref().map(|at| &at.span), disk),
        ("interval", form.interval.as_ref().map(|at| &at.span), kind == "noise"),
        ("ring", form.ring.as_ref().map(|at| &at.span), kind == "network"),
        ("budget", form.budget.as_ref().map(|at| &at.span), kind == "network"),
        ("coalesce", form.coalesce.as_ref().map(|at| &at.span), kind == "network"),
    ];
    for (key, span, fits) in keys {
        if let (Some(span), false) = (span, fits) {
            let message = format!("`{key}` means nothing to a {kind}");
            problems.error(Code::Device, span.clone(), message);
        }
    }
}

fn disk(form: &DeviceForm, instruction: Span, problems: &mut Problems) -> DiskSpec {
    let service = form.service.as_ref();
    let per_kib = form.per_kib.as_ref();
    let depth = form.depth.as_ref();
    DiskSpec {
        service: service
            .and_then(|at| choice(at, "a device's time", instruction, problems))
            .unwrap_or(Duration::Fixed(Span::from_millis(4))),
        per_kib: per_kib.and_then(|at| time(at, instruction, problems)).unwrap_or(Span::from_micros(5)),
        depth: depth.and_then(|at| whole(at, "`depth`", 1..=1024, problems)).unwrap_or(1),
        capacity: form.capacity.as_ref().and_then(|at| size(at, "a disk", MOST_BYTES, problems)),
    }
}

/// A time that is fixed or random.
pub fn choice(
    at: &At<TimeChoice>,
    what: &str,
    instruction: Span,
    problems: &mut Problems,
) -> Option<Duration> {
    let measure = Measure::Time { instruction };
    match &at.value.0 {
        Raw::Table(entries) => match distribution(entries, &at.span, measure, problems)? {
            Distribution::Uniform { low, high } => {
                Some(Duration::Uniform { low: Span::from_nanos(low), high: Span::from_nanos(high) })
            }
            // Times are whole nanoseconds below 2^53 here; the mean came from one.
            Distribution::Exponential { mean } => {
                Some(Duration::Exponential { mean: Span::from_nanos(mean as u64) })
            }
            Distribution::Normal { .. } | Distribution::Pareto { .. } => {
                let message = format!("{what} is uniform or exponential");
                problems.error(Code::UnknownChoice, at.span.clone(), message);
                None
            }
        },
        raw => super::table::raw_time(raw, &at.span, instruction, problems).map(Duration::Fixed),
    }
}

/// The numbers of `[machine]`: CPUs, frames and TLB entries.
pub fn sizes(form: &MachineForm, problems: &mut Problems) -> (u16, u32, u16) {
    let cpus = form.cpus.as_ref();
    let cpus = cpus.and_then(|at| whole(at, "`cpus`", 1..=64, problems));
    let memory = form.memory.as_ref();
    let memory = memory.and_then(|at| size(at, "memory", MOST_BYTES, problems));
    let tlb = form.tlb.as_ref();
    let tlb = tlb.and_then(|at| whole(at, "`tlb`", 0..=4096, problems));
    // At most 2^24 frames, so that the cast is exact.
    let frames = memory.unwrap_or(64 << 20).div_ceil(PAGE) as u32;
    (cpus.unwrap_or(1), frames, tlb.unwrap_or(64))
}

/// The devices by name.
pub fn by_name(devices: &[DeviceSpec]) -> BTreeMap<String, DeviceId> {
    let devices = devices.iter().enumerate();
    devices.map(|(index, device)| (device.name.clone(), DeviceId::from(index))).collect()
}
