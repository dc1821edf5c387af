//! Processes in recordings: births, other programs, ends, waits for children, signals.

use std::collections::BTreeSet;

use crate::signal::{DefaultAction, Signal};

use super::args::{field, has_flag, nth, number_at, quoted};
use super::build::Context;
use super::calls::Carried;
use super::descriptors::What;
use super::plan::{Fields, Value, text};
use super::recording::{Answer, Call, End, Recording};
use super::state::ProcessState;

/// What a program is called that a call executes.
pub fn program(call: &Call) -> Option<String> {
    if !call.name.starts_with("execve") {
        return None;
    }
    let path = quoted(&call.args)?;
    path.rsplit('/').find(|part| !part.is_empty()).map(str::to_owned)
}

/// The numbers of all that get signals.
pub fn targets(recording: &Recording) -> BTreeSet<u64> {
    let calls = recording.tasks.iter().flat_map(|task| &task.calls);
    calls.filter_map(|call| signal_of(call).map(|(number, _)| number)).collect()
}

/// To whom a call sends a signal, and which.
fn signal_of(call: &Call) -> Option<(u64, Signal)> {
    let (whom, what) = match &*call.name {
        "kill" | "tkill" => (0, 1),
        "tgkill" => (0, 2),
        _ => return None,
    };
    let signal = signal_named(nth(&call.args, what))?;
    Some((u64::try_from(number_at(&call.args, whom)?).ok()?, signal))
}

/// A signal as strace names it, or by number.
fn signal_named(text: &str) -> Option<Signal> {
    let number = super::args::number(text).and_then(|number| u16::try_from(number).ok());
    Signal::from_name(text).or_else(|| number.and_then(Signal::from_number))
}

/// The variable that holds a child's number.
fn variable(name: &str) -> String {
    format!("pid_{}", name.replace('-', "_"))
}

pub fn birth(cx: &mut Context<'_, '_>) -> Carried {
    let Some(number) = cx.call.value().and_then(|value| u64::try_from(value).ok()) else {
        return unsuccessful(cx.call);
    };
    let list = cx.builder.children.get(&(cx.task, number));
    let child = list.and_then(|list| list.iter().find(|child| cx.builder.tracks[**child].is_none()).copied());
    let Some(child) = child else {
        return Carried::LeftOut("the child isn't in the recording");
    };
    let recorded = &cx.builder.recording.tasks[child];
    let first = recorded.calls.first().map_or(cx.call.end, |call| call.begin);
    let begin = first.min(cx.call.end);
    let own = cx.track().segments.last().map_or_else(String::new, |segment| segment.name.clone());
    // A family is numbered after its first member.
    let base = own
        .rsplit_once('-')
        .filter(|(_, number)| number.parse::<u32>().is_ok())
        .map_or(&*own, |(base, _)| base);
    let process = if recorded.thread { cx.track().process } else { child };
    if !recorded.thread {
        let copy: ProcessState = cx.process().clone();
        cx.builder.processes[child] = copy;
    }
    let born_in = cx.track().segments.len();
    // A fork copies the variables that both programs have; a thread has its own.
    let knows = std::mem::take(&mut cx.track().knows);
    let things = &cx.builder.things;
    let passed = knows.iter().filter(|(thing, used)| !recorded.thread && **used && things.all[**thing].made);
    let passed = passed.map(|(thing, _)| (*thing, false)).collect();
    cx.track().knows = knows;
    let name = cx.builder.start(child, base, process, begin);
    if let Some(track) = &mut cx.builder.tracks[child] {
        (track.born_in, track.knows) = (born_in, passed);
    }
    let verb = if recorded.thread { "thread" } else { "fork" };
    let mut fields: Fields = vec![(verb, text(name.clone()))];
    if !recorded.thread && cx.builder.targets.contains(&number) {
        fields.push(("into", text(variable(&name))));
    }
    Carried::Steps(vec![fields])
}

/// A call of a row that has no result to go by.
pub fn unsuccessful(call: &Call) -> Carried {
    match call.result {
        Answer::Failed(_) => Carried::Failed,
        Answer::None => Carried::LeftOut("hadn't returned at the end"),
        Answer::Value(_) => Carried::Work(""),
    }
}

pub fn exec(cx: &mut Context<'_, '_>) -> Carried {
    if cx.call.value() != Some(0) {
        return unsuccessful(cx.call);
    }
    let mut steps = Vec::new();
    let table = &mut cx.process().table;
    let closed: Vec<What> = table.closed_by_exec().into_iter().filter_map(|fd| table.close(fd)).collect();
    for what in closed {
        if let What::Pipe(pipe, end) = what {
            steps.push(vec![("close", text(cx.builder.pipe_name(pipe))), ("end", text(end.word()))]);
        } else if let What::Thing(thing) = what {
            steps.extend(super::carry_things::closing(cx, thing));
        }
    }
    cx.process().handled.clear();
    let name = program(cx.call).unwrap_or_else(|| "program".to_owned());
    Carried::Exec { steps, name }
}

pub fn exit(cx: &mut Context<'_, '_>) -> Carried {
    let thread = cx.builder.recording.tasks[cx.task].thread;
    if thread && &*cx.call.name == "exit" {
        return Carried::Followed;
    }
    Carried::Exit(number_at(&cx.call.args, 0).unwrap_or(0))
}

pub fn wait(cx: &mut Context<'_, '_>) -> Carried {
    let number = match (&*cx.call.name, cx.call.value()) {
        ("waitid", Some(0)) => field(&cx.call.args, "si_pid").and_then(|pid| pid.parse().ok()),
        ("waitid", _) => None,
        (_, Some(value @ 1..)) => u64::try_from(value).ok(),
        (_, Some(_)) => return Carried::Work("no child had ended"),
        (_, None) => None,
    };
    let Some(number) = number else {
        return unsuccessful(cx.call);
    };
    // A child that stopped or went on hasn't ended.
    if ["WIFSTOPPED", "WIFCONTINUED", "CLD_STOPPED", "CLD_TRAPPED"]
        .iter()
        .any(|word| cx.call.args.contains(word))
    {
        return Carried::Waits("for a stop");
    }
    let leader = cx.builder.leader(cx.task);
    let found = cx.builder.living.get(&number).copied().filter(|child| {
        let parent = cx.builder.recording.tasks[*child].parent;
        let ours = parent.is_some_and(|parent| cx.builder.leader(parent) == leader);
        ours && cx.builder.tracks[*child].as_ref().is_some_and(|track| !track.root && !track.reaped)
    });
    let Some(child) = found else {
        return Carried::Waits("for a child that isn't in the recording");
    };
    let Some(track) = &mut cx.builder.tracks[child] else {
        return Carried::Work("");
    };
    track.reaped = true;
    let name = track.segments[0].name.clone();
    cx.builder.processes[child].over = true;
    Carried::Steps(vec![vec![("wait", text(name))]])
}

pub fn kill(cx: &mut Context<'_, '_>) -> Carried {
    if cx.call.value() != Some(0) {
        return unsuccessful(cx.call);
    }
    let Some((number, signal)) = signal_of(cx.call) else {
        return Carried::Work("to several processes, or with a signal that scenarios don't have");
    };
    let Some(target) = cx.builder.living.get(&number).map(|task| cx.builder.leader(*task)) else {
        return Carried::Work("to a process that isn't in the recording");
    };
    let name = signal.name();
    if cx.builder.processes[target].handled.contains(name) {
        return Carried::Work("a handler catches it");
    }
    match signal.default_action() {
        DefaultAction::Terminate => {
            let end = &cx.builder.recording.tasks[target].end;
            let dies = matches!(end, Some(End::Killed(by)) if by == name) || end.is_none();
            if !dies {
                return Carried::Work("it didn't end the process");
            }
        }
        DefaultAction::Ignore => {}
        DefaultAction::Stop | DefaultAction::Continue => return Carried::Work("stops and continues"),
    }
    let signal = ("signal", text(name));
    let own = cx.builder.leader(cx.task);
    let parent = cx.builder.recording.tasks[own].parent.map(|parent| cx.builder.leader(parent));
    let of_target = cx.builder.recording.tasks[target].parent;
    let track = cx.builder.tracks[target].as_ref();
    let first = track.map(|track| (track.root, track.born_in, track.segments[0].name.clone()));
    let Some((root, born_in, target_name)) = first else {
        return Carried::Work("to a process that isn't in the recording");
    };
    let steps: Vec<Fields> = if target == own {
        vec![vec![("getpid", text("own_pid"))], vec![("kill", text("own_pid")), signal]]
    } else if parent == Some(target) && !root {
        vec![vec![("kill", text("parent")), signal]]
    } else if root {
        vec![vec![("kill", text(target_name)), signal]]
    } else if of_target == Some(cx.task) && born_in == cx.track().segments.len() {
        vec![vec![("kill", text(variable(&target_name))), signal]]
    } else {
        return Carried::Work("to a process whose number the step can't know");
    };
    if cx.builder.recording.tasks[target].end.is_some() {
        cx.builder.killed.insert(target);
    }
    Carried::Steps(steps)
}

pub fn action(cx: &mut Context<'_, '_>) -> Carried {
    if cx.call.value() != Some(0) {
        return unsuccessful(cx.call);
    }
    let (signal, new) = (nth(&cx.call.args, 0), nth(&cx.call.args, 1));
    let Some(handler) = field(new, "sa_handler").or_else(|| field(new, "sa_sigaction")) else {
        return Carried::Work("only asks, or what it sets wasn't recorded");
    };
    let Some(signal) = Signal::from_name(signal) else {
        return Carried::Work("a signal that scenarios don't have");
    };
    let action = match handler {
        "SIG_IGN" => "ignore",
        "SIG_DFL" => "default",
        _ => {
            cx.process().handled.insert(signal.name().to_owned());
            return Carried::Work("a handler");
        }
    };
    cx.process().handled.remove(signal.name());
    if [Signal::SIGKILL, Signal::SIGSTOP].contains(&signal) {
        return Carried::Work("");
    }
    Carried::Steps(vec![vec![("signal", text(signal.name())), ("action", text(action))]])
}

/// A process that a signal ends sleeps until then: that is its last step.
pub fn pause(cx: &mut Context<'_, '_>) -> Carried {
    let recorded = &cx.builder.recording.tasks[cx.task];
    let last = cx.index + 1 == recorded.calls.len();
    match recorded.end {
        Some(End::Killed(_)) if last => Carried::LeftOut("a signal ends the process in it"),
        Some(_) | None => Carried::Waits(""),
    }
}

pub fn getpid(_: &mut Context<'_, '_>) -> Carried {
    Carried::Steps(vec![vec![("getpid", Value::Truth(true))]])
}

pub fn getppid(_: &mut Context<'_, '_>) -> Carried {
    Carried::Steps(vec![vec![("getppid", Value::Truth(true))]])
}

/// Whether a flag is set, given by name or in a number.
pub fn flag(text: &str, name: &str, bit: i64) -> bool {
    has_flag(text, name) || super::args::number(text).is_some_and(|number| number & bit != 0)
}
