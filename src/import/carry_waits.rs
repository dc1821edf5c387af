//! Waits in recordings: sleeps, polls, futexes.

use super::args::{duration, field, list, nth, number, number_at};
use super::build::Context;
use super::calls::Carried;
use super::carry_process::{flag, unsuccessful};
use super::futexes::{Role, why_not};
use super::plan::{Mean, Value, text};

/// The longest sleep that a step gets.
const LONGEST: u64 = 86_400_000_000_000;

pub fn nap(cx: &mut Context<'_, '_>) -> Carried {
    let args = &cx.call.args;
    let (asked, absolute) = match &*cx.call.name {
        "nanosleep" => (nth(args, 0), false),
        _ => (nth(args, 2), flag(nth(args, 1), "TIMER_ABSTIME", 1)),
    };
    let measured = Value::Measured(Mean::of(cx.call.took().min(LONGEST)));
    let time = match cx.call.value() {
        Some(_) if !absolute => {
            duration(asked).filter(|asked| *asked <= LONGEST).map_or(measured, Value::Time)
        }
        Some(_) => measured,
        // It goes on behind the signal, as a call of its own.
        None if cx.call.failed_with("ERESTART_RESTARTBLOCK") && !absolute => {
            duration(asked).filter(|asked| *asked <= LONGEST).map_or(measured, Value::Time)
        }
        None if cx.call.failed_with("EINTR") => measured,
        None => return unsuccessful(cx.call),
    };
    Carried::Steps(vec![vec![("sleep", time)]])
}

/// Goes on with the call before it, which a signal interrupted.
pub fn restart(cx: &mut Context<'_, '_>) -> Carried {
    let calls = &cx.builder.recording.tasks[cx.task].calls;
    let before = cx.index.checked_sub(1).map(|index| &calls[index]);
    let whole = before.is_some_and(|call| {
        ["nanosleep", "clock_nanosleep"].contains(&&*call.name) && call.args.contains("tv_sec")
    });
    if whole { Carried::LeftOut("the sleep before it is whole") } else { Carried::Waits("") }
}

pub fn poll(cx: &mut Context<'_, '_>) -> Carried {
    match cx.call.value() {
        Some(0) => Carried::Waits("until its time ran out"),
        Some(_) => {
            let ready = ready(cx);
            if ready { Carried::LeftOut("the read behind it waits itself") } else { Carried::Waits("") }
        }
        None => unsuccessful(cx.call),
    }
}

/// Whether one of the descriptors is the read end of a pipe, or something else that steps wait for.
fn ready(cx: &mut Context<'_, '_>) -> bool {
    let set = nth(&cx.call.args, if cx.call.name.contains("poll") { 0 } else { 1 });
    let fds: Vec<i64> = match cx.call.name.contains("poll") {
        true => list(set).iter().filter_map(|entry| number(field(entry, "fd")?)).collect(),
        // `[3 4]`
        false => set.trim_matches(['[', ']']).split(' ').filter_map(number).collect(),
    };
    fds.into_iter().any(|fd| {
        let what = cx.process().table.get(fd).map(|entry| entry.what);
        what.is_some_and(|what| super::carry_things::waited_for(cx, what))
    })
}

pub fn futex(cx: &mut Context<'_, '_>) -> Carried {
    let role = cx.builder.roles.of.get(&(cx.task, cx.index)).cloned();
    match role {
        Some(Role::Join(thread)) => {
            let track = cx.builder.tracks[thread].as_mut().filter(|track| !track.reaped && !track.root);
            let Some(track) = track else {
                return Carried::Waits("for the end of a thread");
            };
            track.reaped = true;
            let name = track.segments[0].name.clone();
            Carried::Steps(vec![vec![("join", text(name))]])
        }
        Some(Role::Wait(semaphore)) => Carried::Steps(vec![vec![("sem-wait", text(name(cx, semaphore)))]]),
        Some(Role::Post(semaphores)) => {
            let posts = semaphores.into_iter().map(|semaphore| vec![("sem-post", text(name(cx, semaphore)))]);
            Carried::Steps(posts.collect())
        }
        None => {
            let why = why_not(cx.call);
            let waits = number_at(&cx.call.args, 1).is_none_or(|code| code & 0x7f != 1);
            if waits && !nth(&cx.call.args, 1).starts_with("FUTEX_WAKE") {
                return Carried::Waits(why);
            }
            Carried::Work(why)
        }
    }
}

/// The semaphore's name, from its first use on.
fn name(cx: &mut Context<'_, '_>, semaphore: usize) -> String {
    let builder = &mut *cx.builder;
    let name = &mut builder.semaphores[semaphore];
    name.get_or_insert_with(|| builder.names.take("futex")).clone()
}

pub fn yielded(_: &mut Context<'_, '_>) -> Carried {
    Carried::Steps(vec![vec![("yield", Value::Truth(true))]])
}
