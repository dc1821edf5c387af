//! `[[event]]`: what happens to the machine from outside.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use crate::hw::device::{DeviceKind, DeviceSpec, Packet};
use crate::ids::{CpuId, DeviceId};
use crate::kernel::ipc::socket::SocketKind;
use crate::program::amount::fixed_size;
use crate::program::at::{At, Size, Time, Whole};
use crate::program::image::{Action, Injection};
use crate::program::names::Names;
use crate::program::problem::{Code, Problem, Problems};
use crate::program::reading::kind;
use crate::program::resolve::SignalName;
use crate::time::{Instant, Span};

use super::table::{lookup, read_form, time, whole};

/// The most events that `every` may make.
const MOST: u64 = 1_000_000;

/// `[[event]]`: one thing that happens at a time, or again and again.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EventForm {
    /// When.
    pub at: At<Time>,
    /// Again after each such time.
    pub every: Option<At<Time>>,
    /// How often in all, if `every` is given; until the end of the run if absent.
    pub count: Option<At<Whole>>,
    /// Asserts the line of a device that has nothing to say.
    pub raise: Option<At<String>>,
    /// Masks the line of a device.
    pub mask: Option<At<String>>,
    /// Unmasks the line of a device.
    pub unmask: Option<At<String>>,
    /// For raise, mask and unmask: at which CPU; the one that the line goes to if absent.
    pub cpu: Option<At<Whole>>,
    /// Keys that are pressed; a line is complete at its newline, "\n".
    pub keys: Option<At<String>>,
    /// For keys: the terminal; the only one if absent.
    pub device: Option<At<String>>,
    /// A packet arrives at a network card.
    pub packet: Option<At<String>>,
    /// For packets: how long; as long as `text`, or "64B", if absent.
    pub bytes: Option<At<Size>>,
    /// For packets: what it begins with.
    pub text: Option<At<String>>,
    /// For packets: the address of the UDP socket that it goes to; nobody's if absent.
    pub to: Option<At<String>>,
    /// Pulls a removable device out.
    pub unplug: Option<At<String>>,
    /// Puts a removable device in.
    pub plug: Option<At<String>>,
    /// Sends a signal to a process's first instance.
    pub signal: Option<At<SignalName>>,
    /// For signals: the process.
    pub process: Option<At<String>>,
}

/// What event forms refer to.
pub struct World<'a> {
    pub devices: &'a [DeviceSpec],
    pub by_name: &'a BTreeMap<String, DeviceId>,
    pub names: &'a Names,
    pub cpus: u16,
    pub until: Instant,
}

/// All events, in the order of their times.
pub fn read(root: &DeTable<'_>, world: &World<'_>, problems: &mut Problems) -> Vec<Injection> {
    let mut injections = Vec::new();
    let Some(value) = root.get("event") else {
        return injections;
    };
    let DeValue::Array(items) = value.get_ref() else {
        let message = format!("events are a list of tables, not {}", kind(value.get_ref()));
        let problem = Problem::error(Code::WrongType, value.span(), message);
        problems.push(problem.help("write `[[event]]`"));
        return injections;
    };
    for item in items {
        let Some(form) = read_form::<EventForm>(item, "`[[event]]`", problems) else {
            continue;
        };
        let action = action(&form, item.span(), world, problems);
        let times = times(&form, world, problems);
        if let (Some(action), Some(times)) = (action, times) {
            injections.extend(times.into_iter().map(|at| Injection { at, action: action.clone() }));
        }
    }
    injections.sort_by_key(|injection| injection.at);
    injections
}

fn times(form: &EventForm, world: &World<'_>, problems: &mut Problems) -> Option<Vec<Instant>> {
    let instruction = world.names.instruction;
    let first = Instant::START + time(&form.at, instruction, problems)?;
    let count = form.count.as_ref();
    let count = count.and_then(|at| whole::<u64>(at, "`count`", 1..=i128::from(MOST), problems));
    let Some(every) = &form.every else {
        if let Some(at) = &form.count {
            let message = "`count` needs `every`, the time between two events";
            problems.error(Code::Event, at.span.clone(), message);
        }
        return Some(vec![first]);
    };
    let period = time(every, instruction, problems)?;
    if period.is_zero() {
        let message = "events without time between them would never end";
        problems.error(Code::NoProgress, every.span.clone(), message);
        return None;
    }
    let fit = world.until.since(first).as_nanos() / period.as_nanos() + 1;
    let number = count.unwrap_or(fit);
    if number > MOST {
        let message = format!("these are {number} events; at most {MOST} are allowed");
        let problem = Problem::error(Code::OutOfRange, every.span.clone(), message);
        problems.push(problem.help("a `noise` device raises interrupts without a list of events"));
        return None;
    }
    Some((0..number).map(|n| first + Span::from_nanos(period.as_nanos().saturating_mul(n))).collect())
}

fn action(
    form: &EventForm,
    span: std::ops::Range<usize>,
    world: &World<'_>,
    problems: &mut Problems,
) -> Option<Action> {
    let kinds = [
        ("raise", form.raise.as_ref().map(|at| &at.span)),
        ("mask", form.mask.as_ref().map(|at| &at.span)),
        ("unmask", form.unmask.as_ref().map(|at| &at.span)),
        ("keys", form.keys.as_ref().map(|at| &at.span)),
        ("packet", form.packet.as_ref().map(|at| &at.span)),
        ("unplug", form.unplug.as_ref().map(|at| &at.span)),
        ("plug", form.plug.as_ref().map(|at| &at.span)),
        ("signal", form.signal.as_ref().map(|at| &at.span)),
    ];
    let given: Vec<_> = kinds.iter().filter_map(|(name, at)| Some((*name, (*at)?))).collect();
    let kind = match given.as_slice() {
        [(kind, _)] => *kind,
        [] => {
            let message = "this event says when, but not what";
            let problem = Problem::error(Code::Event, span, message);
            let names: Vec<&str> = kinds.iter().map(|(name, _)| *name).collect();
            problems.push(problem.help(format!("one key of an event is `{}`", names.join("`, `"))));
            return None;
        }
        [(first, _), (second, at), ..] => {
            let message = format!("an event is one thing; this one is `{first}` and `{second}`");
            problems.error(Code::Event, (*at).clone(), message);
            return None;
        }
    };
    extra_keys(form, kind, problems);
    let removable = |kind: &DeviceKind| matches!(kind, DeviceKind::Usb(_));
    let line = |at: &Option<At<String>>, problems: &mut Problems| {
        let device = device(at.as_ref()?, world, |_| true, "device", problems)?;
        let line = world.devices[device.index()].line;
        let bounds = 0..=i128::from(world.cpus) - 1;
        let cpu = form.cpu.as_ref();
        let cpu = cpu.and_then(|at| whole(at, "`cpu`", bounds, problems));
        Some((line.vector, cpu.map_or(line.cpu, CpuId)))
    };
    Some(match kind {
        "raise" => {
            let (vector, cpu) = line(&form.raise, problems)?;
            Action::Raise { vector, cpu }
        }
        "mask" => {
            let (vector, cpu) = line(&form.mask, problems)?;
            Action::Mask { vector, cpu }
        }
        "unmask" => {
            let (vector, cpu) = line(&form.unmask, problems)?;
            Action::Unmask { vector, cpu }
        }
        "keys" => {
            Action::Keys { device: terminal(form, world, problems)?, text: form.keys.as_ref()?.value.clone() }
        }
        "packet" => {
            let at = form.packet.as_ref()?;
            let network = |kind: &DeviceKind| matches!(kind, DeviceKind::Network(_));
            let bytes = match &form.bytes {
                None => form.text.as_ref().map_or(64, |text| text.value.len() as u64),
                Some(at) => match fixed_size(&at.value.0) {
                    Ok(bytes) => bytes,
                    Err(error) => {
                        problems.push(crate::program::amount::unit_problem(error, at.span.clone()));
                        return None;
                    }
                },
            };
            let device = device(at, world, network, "network card", problems)?;
            let to = match &form.to {
                None => None,
                Some(at) => {
                    let found = lookup(&world.names.sockets, "socket", &at.value, &at.span, problems)?;
                    if found.kind != SocketKind::Udp {
                        let message = format!("`{}` isn't of kind `udp`", at.value);
                        problems.error(Code::WrongObject, at.span.clone(), message);
                    }
                    Some(found.id)
                }
            };
            let text = form.text.as_ref().map(|text| text.value.as_bytes().into());
            Action::Packet { device, packet: Packet { bytes, text, to } }
        }
        "unplug" => Action::Unplug {
            device: device(form.unplug.as_ref()?, world, removable, "removable device", problems)?,
        },
        "plug" => Action::Plug {
            device: device(form.plug.as_ref()?, world, removable, "removable device", problems)?,
        },
        _ => signal(form, world, problems)?,
    })
}

fn signal(form: &EventForm, world: &World<'_>, problems: &mut Problems) -> Option<Action> {
    let at = form.signal.as_ref()?;
    let signal = at.value.resolve(&at.span);
    let signal = signal.map_err(|problem| problems.push(problem)).ok();
    let Some(process) = &form.process else {
        let message = "a signal needs the key `process`: whom it goes to";
        problems.error(Code::MissingKey, at.span.clone(), message);
        return None;
    };
    let starts = &world.names.starts;
    let process = *lookup(starts, "process", &process.value, &process.span, problems)?;
    Some(Action::Signal { process, signal: signal? })
}

/// Keys that mean nothing to this kind of event.
fn extra_keys(form: &EventForm, kind: &str, problems: &mut Problems) {
    let keys = [
        ("cpu", form.cpu.as_ref().map(|at| &at.span), &["raise", "mask", "unmask"][..]),
        ("device", form.device.as_ref().map(|at| &at.span), &["keys"]),
        ("bytes", form.bytes.as_ref().map(|at| &at.span), &["packet"]),
        ("text", form.text.as_ref().map(|at| &at.span), &["packet"]),
        ("to", form.to.as_ref().map(|at| &at.span), &["packet"]),
        ("process", form.process.as_ref().map(|at| &at.span), &["signal"]),
    ];
    for (key, at, fits) in keys {
        if let Some(at) = at
            && !fits.contains(&kind)
        {
            let message = format!("`{key}` means nothing to `{kind}`");
            problems.error(Code::Event, at.clone(), message);
        }
    }
}

fn device(
    at: &At<String>,
    world: &World<'_>,
    fits: impl Fn(&DeviceKind) -> bool,
    what: &str,
    problems: &mut Problems,
) -> Option<DeviceId> {
    let device = *lookup(world.by_name, "device", &at.value, &at.span, problems)?;
    if !fits(&world.devices[device.index()].kind) {
        let message = format!("`{}` isn't a {what}", at.value);
        problems.error(Code::Device, at.span.clone(), message);
        return None;
    }
    Some(device)
}

fn terminal(form: &EventForm, world: &World<'_>, problems: &mut Problems) -> Option<DeviceId> {
    let fits = |kind: &DeviceKind| *kind == DeviceKind::Terminal;
    if let Some(at) = &form.device {
        return device(at, world, fits, "terminal", problems);
    }
    let found = world.devices.iter().position(|device| fits(&device.kind));
    if found.is_none() {
        let span = form.keys.as_ref().map(|at| at.span.clone()).unwrap_or_default();
        let problem = Problem::error(Code::Device, span, "the machine has no terminal to press keys on");
        problems.push(problem.help("declare `[device.terminal]`"));
    }
    found.map(DeviceId::from)
}
