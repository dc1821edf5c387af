//! Bytes in recordings: what goes through pipes, files and the terminal.

use super::args::{annotation, nth, number, number_at};
use super::build::Context;
use super::calls::Carried;
use super::carry_files::{by_path, file, new_pipe};
use super::carry_process::unsuccessful;
use super::descriptors::{Descriptor, End, What};
use super::plan::{Value, text};
use super::recording::Call;

/// Bytes of all files together: they lie in the simulated machine's memory.
const MOST_BYTES: u64 = 1 << 30;
/// What Linux moves in one call, at most.
const MOST_MOVED: u64 = 0x7fff_f000;

/// What a descriptor stands for, which is used as this end.
fn describe(cx: &mut Context<'_, '_>, argument: &str, end: End) -> What {
    let fd = number(argument).unwrap_or(-1);
    let known = cx.process().table.get(fd);
    if let Some(what) = known.map(|descriptor| descriptor.what).filter(|what| *what != What::Unknown) {
        cx.builder.doubts += u64::from(matches!(what, What::Pipe(_, as_is) if as_is != end));
        return what;
    }
    let what = match annotation(argument).map(str::to_owned) {
        Some(note) if note.starts_with("pipe:[") => {
            let pipe = cx.builder.by_inode.get(&note).copied().or_else(|| new_pipe(cx, false));
            pipe.map_or(What::Other, |pipe| {
                cx.builder.by_inode.insert(note, pipe);
                What::Pipe(pipe, end)
            })
        }
        Some(note) if note.starts_with('/') => by_path(cx, note.split('<').next().unwrap_or_default()),
        Some(note) if note.contains("socket") || note.contains("TCP") || note.contains("UNIX") => {
            What::Socket
        }
        Some(_) => What::Other,
        None if (1..=2).contains(&fd) && end == End::Write => What::Terminal,
        None if fd == 0 => file(cx, "standard-input", "standard input"),
        None => {
            cx.builder.doubts += 1;
            cx.builder.report.remark("descriptors that were open before the recording are taken as files");
            file(cx, &format!("descriptor-{fd}"), "open before the recording")
        }
    };
    let on_exec = known.is_some_and(|descriptor| descriptor.on_exec);
    cx.process().table.put(fd, Descriptor { what, on_exec });
    what
}

pub fn read(cx: &mut Context<'_, '_>) -> Carried {
    let Some(bytes) = moved(cx.call) else {
        return unsuccessful(cx.call);
    };
    let what = describe(cx, nth(&cx.call.args, 0), End::Read);
    let asked = number_at(&cx.call.args, 2).and_then(|bytes| u64::try_from(bytes).ok());
    taken(cx, what, bytes, asked)
}

/// How many bytes a call says that it moved.
fn moved(call: &Call) -> Option<u64> {
    call.value().and_then(|value| u64::try_from(value).ok()).filter(|bytes| *bytes <= MOST_MOVED)
}

/// So many bytes were read.
fn taken(cx: &mut Context<'_, '_>, what: What, bytes: u64, asked: Option<u64>) -> Carried {
    match what {
        What::Pipe(pipe, _) if bytes == 0 => {
            if asked != Some(0) && cx.builder.held(pipe, End::Write) {
                return Carried::Waits("an end of file although somebody seems to hold the pipe's write end");
            }
            let bytes = asked.unwrap_or(4096).clamp(1, 1 << 20);
            cx.builder.pipes[pipe].reads += 1;
            Carried::Steps(vec![vec![
                ("read", text(cx.builder.pipe_name(pipe))),
                ("bytes", Value::Bytes(bytes)),
            ]])
        }
        What::Pipe(pipe, _) => {
            cx.builder.pipes[pipe].reads += 1;
            cx.builder.pipes[pipe].read += bytes;
            let mut fields = vec![("read", text(cx.builder.pipe_name(pipe))), ("bytes", Value::Bytes(bytes))];
            // The writer may be in the middle of it when the scenario's reader comes.
            if bytes > 1 {
                fields.push(("all", Value::Truth(true)));
            }
            Carried::Steps(vec![fields])
        }
        What::File(file) => match of_file(cx, file, bytes) {
            Some(name) => {
                cx.builder.files[file].read += bytes;
                Carried::Steps(vec![vec![("read", text(name)), ("bytes", Value::Bytes(bytes))]])
            }
            None => Carried::Work("more bytes of files than a scenario's memory should hold"),
        },
        What::Thing(thing) => super::carry_things::received(cx, thing, bytes, asked),
        other => elsewhere(other, "the terminal"),
    }
}

pub fn write(cx: &mut Context<'_, '_>) -> Carried {
    let what = describe(cx, nth(&cx.call.args, 0), End::Write);
    let asked = number_at(&cx.call.args, 2).and_then(|bytes| u64::try_from(bytes).ok());
    if let What::Pipe(pipe, _) = what
        && cx.call.failed_with("EPIPE")
    {
        let name = cx.builder.pipe_name(pipe);
        let bytes = Value::Bytes(asked.unwrap_or(1).clamp(1, 1 << 30));
        // Whoever has the signal's usual action doesn't come to the next step.
        return Carried::Steps(vec![vec![
            ("write", text(name)),
            ("bytes", bytes),
            ("on-error", text("continue")),
        ]]);
    }
    let Some(bytes) = moved(cx.call) else {
        return unsuccessful(cx.call);
    };
    given(cx, what, bytes)
}

/// So many bytes were written.
fn given(cx: &mut Context<'_, '_>, what: What, bytes: u64) -> Carried {
    let name = match what {
        What::Pipe(pipe, _) => {
            cx.builder.pipes[pipe].written += bytes;
            cx.builder.pipe_name(pipe)
        }
        What::Terminal => "terminal".to_owned(),
        What::File(file) => match of_file(cx, file, bytes) {
            Some(name) => {
                cx.builder.files[file].written += bytes;
                name
            }
            None => return Carried::Work("more bytes of files than a scenario's memory should hold"),
        },
        What::Thing(thing) => return super::carry_things::sent(cx, thing, bytes),
        other => return elsewhere(other, "the terminal"),
    };
    if bytes == 0 {
        return Carried::Work("wrote nothing");
    }
    Carried::Steps(vec![vec![("write", text(name)), ("bytes", Value::Bytes(bytes))]])
}

/// The file's name, which it gets with its first bytes; none if there would be too many.
fn of_file(cx: &mut Context<'_, '_>, file: usize, bytes: u64) -> Option<String> {
    let all = cx.builder.bytes.checked_add(bytes).filter(|all| *all <= MOST_BYTES)?;
    cx.builder.bytes = all;
    let builder = &mut *cx.builder;
    let entry = &mut builder.files[file];
    if !entry.used {
        entry.name = builder.names.take(&entry.name);
        entry.used = true;
    }
    Some(entry.name.clone())
}

fn elsewhere(what: What, terminal: &'static str) -> Carried {
    match what {
        What::Socket => Carried::Waits("a socket"),
        What::Terminal => Carried::Waits(terminal),
        What::Pipe(..) | What::File(_) | What::Thing(_) | What::Other | What::Unknown => {
            Carried::Waits("a device or the like")
        }
    }
}

/// From one descriptor to another, inside of the kernel.
pub fn transfer(cx: &mut Context<'_, '_>) -> Carried {
    let Some(bytes) = moved(cx.call) else {
        return unsuccessful(cx.call);
    };
    let (from, to) = match &*cx.call.name {
        "sendfile" => (1, 0),
        _ => (0, 2),
    };
    let from = describe(cx, nth(&cx.call.args, from), End::Read);
    let to = describe(cx, nth(&cx.call.args, to), End::Write);
    let mut steps = Vec::new();
    if let Carried::Steps(read) = taken(cx, from, bytes, None) {
        steps.extend(read);
    }
    if bytes > 0
        && let Carried::Steps(write) = given(cx, to, bytes)
    {
        steps.extend(write);
    }
    if steps.is_empty() {
        Carried::Waits("between other things than pipes and files")
    } else {
        Carried::Steps(steps)
    }
}

pub fn sync(cx: &mut Context<'_, '_>) -> Carried {
    if cx.call.value() != Some(0) {
        return unsuccessful(cx.call);
    }
    match describe(cx, nth(&cx.call.args, 0), End::Write) {
        What::File(file) => match of_file(cx, file, 0) {
            Some(name) => {
                let verb = if &*cx.call.name == "fdatasync" { "fdatasync" } else { "fsync" };
                Carried::Steps(vec![vec![(verb, text(name))]])
            }
            None => Carried::Waits(""),
        },
        What::Pipe(..) | What::Terminal | What::Socket | What::Thing(_) | What::Other | What::Unknown => {
            Carried::Waits("no file")
        }
    }
}
