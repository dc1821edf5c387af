//! The end of building: how processes end, pipes that must come out even, loops, and the tables.

use crate::signal::{DefaultAction, Signal};

use super::build::Builder;
use super::fold::fold;
use super::plan::{Fields, Item, Object, Plan, Process, Program, Step, Value, text};
use super::recording::{End, Task};
use super::report::{Fate, Report};
use super::state::Track;

const MIB: u64 = 1 << 20;
/// What a pipe holds if nobody says anything else.
const CAPACITY: u64 = 64 << 10;
/// After this much of a recording the usual end of a run may come too early: fifty minutes.
const LONG_RUN: u64 = 3_000_000_000_000;

pub fn finish(mut builder: Builder<'_>) -> (Plan, Report) {
    let recording = builder.recording;
    super::lanes::split(&mut builder);
    for (task, recorded) in recording.tasks.iter().enumerate() {
        let killed = builder.killed.contains(&task);
        if let Some(track) = &mut builder.tracks[task] {
            end(track, recorded, killed);
        }
    }
    let mut plan = Plan { scheduler: "eevdf", ..Plan::default() };
    let pipes = balance(&mut builder);
    plan.objects.extend(pipes);
    files(&builder, &mut plan);
    plan.objects.extend(builder.things.objects());
    for name in builder.semaphores.iter().flatten() {
        let keys = vec![("value", Value::Number(0))];
        plan.objects.push(Object { kind: "semaphore", name: name.clone(), keys, comment: None });
    }
    let begins = recording.tasks.iter().flat_map(|task| &task.calls).map(|call| call.begin);
    let begin = begins.min().or_else(|| recording.tasks.iter().map(|task| task.first).min()).unwrap_or(0);
    let ends = recording.tasks.iter().flat_map(|task| &task.calls).map(|call| call.end);
    let span = ends.max().unwrap_or(0).saturating_sub(begin);
    if span > LONG_RUN {
        plan.until = Some(span.saturating_mul(2));
    }
    plan.cpus = builder.options.cpus.or(recording.cpus).unwrap_or_else(|| {
        builder
            .report
            .remark("the recording doesn't say how many CPUs there were; the scenario has 2 (--cpus)");
        2
    });
    builder.cost.tell(&mut builder.report);
    let several = builder.tracks.iter().flatten().filter(|track| track.root).count() > 1;
    for (task, track) in std::mem::take(&mut builder.tracks).into_iter().enumerate() {
        let Some(track) = track else { continue };
        let first =
            recording.tasks[task].calls.first().map_or(recording.tasks[task].first, |call| call.begin);
        let start = first.saturating_sub(begin);
        for (index, segment) in track.segments.into_iter().enumerate() {
            let mut items = fold(segment.items);
            if items.is_empty() {
                items.push(Item::call(vec![("yield", Value::Truth(true))]));
            }
            if track.root && index == 0 {
                let mut keys: Fields = Vec::new();
                if several && start > 0 {
                    keys.push(("start", Value::Time(start)));
                }
                plan.processes.push(Process { name: segment.name, keys, items });
            } else {
                plan.programs.push(Program { name: segment.name, items });
            }
        }
    }
    (plan, builder.report)
}

/// The last steps of a process that didn't say how it ends.
fn end(track: &mut Track, recorded: &Task, killed: bool) {
    let pending = std::mem::take(&mut track.pending);
    let Some(segment) = track.segments.last_mut() else { return };
    let items = &mut segment.items;
    let step = |fields: Fields| Item::call(fields).after(pending);
    let own = "own_pid";
    match &recorded.end {
        _ if track.over => {}
        _ if recorded.thread => items.push(Item::only(pending)),
        Some(End::Exited(status)) => items.push(step(vec![("exit", Value::Number(status & 0xff))])),
        Some(End::Killed(by)) if by == "SIGPIPE" && writes_on(items) => {}
        Some(End::Killed(_)) if killed => items.push(step(vec![("pause", Value::Truth(true))])),
        Some(End::Killed(by)) => match Signal::from_name(by) {
            Some(signal) if signal.default_action() == DefaultAction::Terminate => {
                items.push(step(vec![("getpid", text(own))]));
                items.push(Item::call(vec![("kill", text(own)), ("signal", text(signal.name()))]));
            }
            Some(_) | None => items.push(step(vec![("exit", Value::Number(1))])),
        },
        None => items.push(Item::only(pending)),
    }
    items.retain(|item| item.before.mean() > 0 || !matches!(item.step, Step::Nothing));
}

/// A program that a broken pipe ended would have written on: it does until the pipe breaks in the scenario.
fn writes_on(items: &mut Vec<Item>) -> bool {
    let failed = |item: &Item| match &item.step {
        Step::Call(fields) => fields[0].0 == "write" && fields.iter().any(|(key, _)| *key == "on-error"),
        Step::Block { .. } | Step::Nothing => false,
    };
    let Some(mut last) = items.pop_if(|item| failed(item)) else { return false };
    if let Step::Call(fields) = &mut last.step {
        fields.retain(|(key, _)| *key != "on-error");
    }
    let keys = vec![("forever", Value::Truth(true))];
    items.push(Item::plain(Step::Block { keys, inside: "do", items: vec![last] }));
    true
}

/// The pipes that steps use. Whatever is read must have been written, and whatever was written must fit: else
/// somebody would wait for ever.
fn balance(builder: &mut Builder<'_>) -> Vec<Object> {
    let mut objects = Vec::new();
    for pipe in 0..builder.pipes.len() {
        let (name, capacity) = (builder.pipes[pipe].name.clone(), builder.pipes[pipe].capacity);
        let (read, written) = (builder.pipes[pipe].read, builder.pipes[pipe].written);
        if read > written {
            shorten(builder, &name, read - written);
        }
        if !used(builder, &name) {
            continue;
        }
        let mut keys: Fields = Vec::new();
        let left = written.saturating_sub(read);
        let holds = capacity.unwrap_or(CAPACITY);
        if left > holds {
            keys.push(("capacity", Value::Bytes(left.next_multiple_of(4096))));
            builder.report.remark(format!(
                "{left} bytes in `{name}` are read by nobody in the recording; the pipe is large enough for them"
            ));
        } else if capacity.is_some_and(|capacity| capacity > 0) {
            keys.push(("capacity", Value::Bytes(holds)));
        }
        if written > 0 && builder.pipes[pipe].reads == 0 {
            keys.push(("ends", text("both")));
            builder.report.remark(format!("nobody reads from `{name}`; who writes to it keeps both ends"));
        }
        let comment = (!builder.pipes[pipe].known).then(|| "made before the recording".to_owned());
        objects.push(Object { kind: "pipe", name, keys, comment });
    }
    objects
}

fn items(tracks: &mut [Option<Track>]) -> impl Iterator<Item = &mut Vec<Item>> {
    let tracks = tracks.iter_mut().flatten();
    tracks.flat_map(|track| track.segments.iter_mut().map(|segment| &mut segment.items))
}

fn names(fields: &Fields, object: &str) -> bool {
    matches!(&fields[0].1, Value::Text(name) if name == object)
        && ["read", "write", "close"].contains(&fields[0].0)
}

fn used(builder: &mut Builder<'_>, pipe: &str) -> bool {
    fn of(item: &Item, pipe: &str) -> bool {
        match &item.step {
            Step::Call(fields) => names(fields, pipe),
            Step::Block { items, .. } => items.iter().any(|item| of(item, pipe)),
            Step::Nothing => false,
        }
    }
    items(&mut builder.tracks).any(|items| items.iter().any(|item| of(item, pipe)))
}

/// Takes bytes that nobody wrote out of the last reads of a pipe.
fn shorten(builder: &mut Builder<'_>, pipe: &str, mut surplus: u64) {
    let mut removed = 0;
    for items in items(&mut builder.tracks) {
        for item in items.iter_mut().rev() {
            let Step::Call(fields) = &mut item.step else { continue };
            if surplus == 0 || fields[0].0 != "read" || !names(fields, pipe) {
                continue;
            }
            let Some((_, Value::Bytes(bytes))) = fields.get_mut(1) else { continue };
            let less = surplus.min(*bytes);
            (surplus, *bytes) = (surplus - less, *bytes - less);
            if *bytes == 0 {
                item.step = Step::Nothing;
                removed += 1;
            }
        }
        // The compute before them stays.
        items.retain(|item| item.before.mean() > 0 || !matches!(item.step, Step::Nothing));
    }
    (0..removed)
        .for_each(|_| builder.report.add(Fate::LeftOut, "read", "bytes that nobody wrote in the recording"));
}

fn files(builder: &Builder<'_>, plan: &mut Plan) {
    let used = builder.files.iter().filter(|file| file.used);
    let mut any = false;
    for file in used {
        any = true;
        let mut keys: Fields = Vec::new();
        // Reads go on where the last one, or the last write, ended.
        let size = if file.read > 0 { file.read + file.written } else { 0 };
        if size > 0 {
            keys.push(("size", Value::Bytes(size)));
            keys.push(("cached", Value::Truth(true)));
        }
        let comment = Some(super::lines::shown(&file.path));
        plan.objects.push(Object { kind: "file", name: file.name.clone(), keys, comment });
    }
    if any {
        let disk = Object { kind: "device", name: "disk".to_owned(), keys: Vec::new(), comment: None };
        plan.objects.insert(0, disk);
        if builder.bytes > 32 * MIB {
            plan.memory = Some((builder.bytes * 2 + 64 * MIB).next_multiple_of(MIB));
        }
    }
}
