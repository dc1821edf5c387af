//! Message queues and semaphores of POSIX and System V in recordings: they have names in a scenario.

use super::args::{field, list, nth, number, number_at, quoted};
use super::build::Context;
use super::calls::Carried;
use super::carry_process::{flag, unsuccessful};
use super::descriptors::{Descriptor, What};
use super::plan::{Value, text};
use super::things::Kind;

const UNKNOWN: &str = "made before the recording, or more is received than was sent";

/// One that has a name: made anew, or known by its number.
fn named(cx: &mut Context<'_, '_>, kind: &'static str, number: i64, wish: &str) -> usize {
    if let Some(known) = cx.builder.things.numbered.get(&(kind, number)) {
        return *known;
    }
    let builder = &mut *cx.builder;
    let name = builder.names.take(wish);
    let thing = builder.things.add(Kind::Named(kind), name);
    builder.things.numbered.insert((kind, number), thing);
    thing
}

/// Its name for a step, if steps can use it.
fn usable(cx: &mut Context<'_, '_>, thing: usize) -> Option<Value> {
    let things = &mut cx.builder.things;
    things.all[thing].made = true;
    if !things.fit(thing) {
        return None;
    }
    things.all[thing].used = true;
    Some(text(things.all[thing].name.clone()))
}

fn of_number(cx: &Context<'_, '_>, kind: &'static str) -> Option<usize> {
    let number = number_at(&cx.call.args, 0)?;
    cx.builder.things.numbered.get(&(kind, number)).copied()
}

pub fn sets(cx: &mut Context<'_, '_>) -> Carried {
    let Some(number) = cx.call.value() else {
        return unsuccessful(cx.call);
    };
    let new = !cx.builder.things.numbered.contains_key(&("sysv-semaphores", number));
    let count = number_at(&cx.call.args, 1).and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
    // Only a new set's values are known.
    if new && (1..=250).contains(&count) && flag(nth(&cx.call.args, 2), "IPC_CREAT", 0o1000) {
        let set = named(cx, "sysv-semaphores", number, "semaphores");
        cx.builder.things.all[set].values = vec![0; count];
    }
    Carried::Followed
}

pub fn control(cx: &mut Context<'_, '_>) -> Carried {
    let Some(set) = of_number(cx, "sysv-semaphores").filter(|_| cx.call.value().is_some()) else {
        return unsuccessful(cx.call);
    };
    let args = &cx.call.args;
    let command = nth(args, 2);
    let is = |name: &str, code: i64| {
        command == name
            || command == format!("IPC_64|{name}")
            || number(command).map(|code| code & 0xff) == Some(code)
    };
    if is("SETVAL", 16) {
        let given = nth(args, 3);
        let value = field(given, "val").and_then(number).or_else(|| number(given));
        let which = number_at(args, 1).and_then(|which| usize::try_from(which).ok());
        let things = &mut cx.builder.things;
        let (Some(value), Some(which)) = (value.filter(|value| (0..=32_767).contains(value)), which) else {
            things.spoil(set);
            return Carried::Work("the value wasn't recorded");
        };
        if !things.all[set].made && which < things.all[set].values.len() {
            things.all[set].values[which] = value;
            return Carried::Followed;
        }
        return match usable(cx, set) {
            Some(name) => Carried::Steps(vec![vec![
                ("semctl", name),
                ("set", Value::Number(which as i64)),
                ("value", Value::Number(value)),
            ]]),
            None => Carried::Work(UNKNOWN),
        };
    }
    if is("SETALL", 17) {
        cx.builder.things.spoil(set);
    }
    if is("IPC_RMID", 0) {
        cx.builder.things.numbered.retain(|_, thing| *thing != set);
        return Carried::Followed;
    }
    Carried::Work("")
}

pub fn operate(cx: &mut Context<'_, '_>) -> Carried {
    if cx.call.value() != Some(0) {
        return unsuccessful(cx.call);
    }
    let Some(set) = of_number(cx, "sysv-semaphores") else {
        return Carried::Waits("a set that was made before the recording");
    };
    let count = cx.builder.things.all[set].values.len() as i64;
    let mut operations = Vec::new();
    for operation in list(nth(&cx.call.args, 1)) {
        let braces = operation.trim_matches(['{', '}']);
        let part = |key: &str, place: usize| {
            let part = field(operation, key).unwrap_or_else(|| nth(braces, place));
            number(part)
        };
        let (Some(which), Some(add)) = (part("sem_num", 0), part("sem_op", 1)) else { continue };
        let undo = if operation.contains("SEM_UNDO") { ", undo = true" } else { "" };
        if (0..count).contains(&which) && (-32_767..=32_767).contains(&add) {
            operations.push(format!("{{ number = {which}, add = {add}{undo} }}"));
        }
    }
    let all = Some(operations.len() as i64) == number_at(&cx.call.args, 2);
    if operations.is_empty() || !all {
        cx.builder.things.spoil(set);
        return Carried::Waits("its operations weren't recorded");
    }
    match usable(cx, set) {
        Some(name) => {
            let operations = Value::Plain(format!("[{}]", operations.join(", ")));
            Carried::Steps(vec![vec![("semop", name), ("ops", operations)]])
        }
        None => Carried::Waits(UNKNOWN),
    }
}

pub fn queue(cx: &mut Context<'_, '_>) -> Carried {
    let Some(number) = cx.call.value() else {
        return unsuccessful(cx.call);
    };
    named(cx, "sysv-queue", number, "queue");
    Carried::Followed
}

/// What `msgctl` says: that a queue is gone, so that its number can be another's.
pub fn queue_control(cx: &mut Context<'_, '_>) -> Carried {
    if cx.call.value() == Some(0)
        && nth(&cx.call.args, 1).contains("IPC_RMID")
        && let Some(queue) = of_number(cx, "sysv-queue")
    {
        cx.builder.things.numbered.retain(|_, thing| *thing != queue);
        return Carried::Followed;
    }
    unsuccessful(cx.call)
}

pub fn send(cx: &mut Context<'_, '_>) -> Carried {
    if cx.call.value() != Some(0) {
        return unsuccessful(cx.call);
    }
    let args = &cx.call.args;
    let posix = cx.call.name.starts_with("mq_");
    let Some(queue) = queue_of(cx) else { return Carried::Waits("a queue made before the recording") };
    let bytes = number_at(args, 2).and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0).min(8192);
    let kind = field(nth(args, 1), "mtype").and_then(number);
    if !posix && kind.is_none() {
        cx.builder.things.spoil(queue);
    }
    cx.builder.things.all[queue].sent += 1;
    let priority = number_at(args, 3).unwrap_or(0).clamp(0, 32_767);
    let Some(name) = usable(cx, queue) else { return Carried::Waits(UNKNOWN) };
    Carried::Steps(vec![match posix {
        true => {
            vec![("mq-send", name), ("priority", Value::Number(priority)), ("bytes", Value::Bytes(bytes))]
        }
        false => vec![
            ("msgsnd", name),
            ("type", Value::Number(kind.unwrap_or(1).max(1))),
            ("bytes", Value::Bytes(bytes)),
        ],
    }])
}

pub fn receive(cx: &mut Context<'_, '_>) -> Carried {
    let Some(_) = cx.call.value() else {
        return unsuccessful(cx.call);
    };
    let posix = cx.call.name.starts_with("mq_");
    let Some(queue) = queue_of(cx) else { return Carried::Waits("a queue made before the recording") };
    let asked = number_at(&cx.call.args, 2).and_then(|bytes| u64::try_from(bytes).ok());
    // A message that may be as long as usual needs room for it.
    let least = if posix && cx.builder.things.all[queue].keys.is_empty() { 8192 } else { 1 };
    let asked = Value::Bytes(asked.unwrap_or(8192).clamp(least, 1 << 20));
    let kind = number_at(&cx.call.args, 3).unwrap_or(0).clamp(-i64::MAX, i64::MAX);
    cx.builder.things.all[queue].received += 1;
    let Some(name) = usable(cx, queue) else { return Carried::Waits(UNKNOWN) };
    Carried::Steps(vec![match posix {
        true => vec![("mq-receive", name), ("bytes", asked)],
        false => {
            vec![
                ("msgrcv", name),
                ("type", Value::Number(kind)),
                ("bytes", asked),
                ("truncate", Value::Truth(true)),
            ]
        }
    }])
}

/// The queue that the first argument stands for.
fn queue_of(cx: &mut Context<'_, '_>) -> Option<usize> {
    if !cx.call.name.starts_with("mq_") {
        return of_number(cx, "sysv-queue");
    }
    let fd = number_at(&cx.call.args, 0)?;
    match cx.process().table.get(fd)?.what {
        What::Thing(thing) if matches!(cx.builder.things.all[thing].kind, Kind::Named("mqueue")) => {
            Some(thing)
        }
        What::Thing(_) | What::Pipe(..) | What::File(_) => None,
        What::Terminal | What::Socket | What::Other | What::Unknown => None,
    }
}

pub fn open(cx: &mut Context<'_, '_>) -> Carried {
    let Some(fd) = cx.call.value() else {
        return unsuccessful(cx.call);
    };
    let args = &cx.call.args;
    let name = quoted(nth(args, 0)).unwrap_or("queue").trim_start_matches('/').to_owned();
    let on_exec = flag(nth(args, 1), "O_CLOEXEC", 0o2_000_000);
    // Two that open the same name have the same queue.
    let key = name.bytes().fold(0_i64, |key, byte| key.wrapping_mul(257).wrapping_add(byte.into()));
    let queue = named(cx, "mqueue", key, &name);
    let attributes = nth(args, 3);
    let messages = field(attributes, "mq_maxmsg").and_then(number).filter(|count| (1..=10).contains(count));
    let size = field(attributes, "mq_msgsize").and_then(number).filter(|size| (1..=8192).contains(size));
    let entry = &mut cx.builder.things.all[queue];
    if let (true, Some(messages), Some(size)) = (entry.keys.is_empty(), messages, size) {
        entry.keys.push(("max-messages", Value::Number(messages)));
        entry.keys.push(("message-size", Value::Bytes(size.unsigned_abs())));
    }
    cx.process().table.put(fd, Descriptor { what: What::Thing(queue), on_exec });
    Carried::Followed
}
