//! Descriptors in recordings: pipes, files, sockets, and their copies.

use super::args::{annotation, list, nth, number, number_at, quoted};
use super::build::Context;
use super::calls::Carried;
use super::carry_process::{flag, unsuccessful};
use super::descriptors::{Descriptor, End, What};
use super::plan::{Fields, text};
use super::state::{File, Pipe};

const CLOEXEC: i64 = 0o2_000_000;
/// Pipes and files that a scenario can hold; each has a descriptor in every process.
const MOST: usize = 8000;

pub fn pipe(cx: &mut Context<'_, '_>) -> Carried {
    if cx.call.value() != Some(0) {
        return unsuccessful(cx.call);
    }
    let args = &cx.call.args;
    let on_exec = flag(nth(args, 1), "O_CLOEXEC", CLOEXEC);
    let ends = list(nth(args, 0));
    let numbers: Vec<i64> = ends.iter().filter_map(|end| number(end)).collect();
    let fds = match numbers.as_slice() {
        [read, write] => [*read, *write],
        // A trace point shows no more than an address. The kernel gives the lowest numbers that are free.
        _ => {
            cx.builder.guessed = true;
            let read = cx.process().table.lowest_free(0);
            cx.builder.report.remark(
                "the descriptors of pipes aren't in the recording; they are the lowest free ones, as the kernel gives them",
            );
            [read, cx.process().table.lowest_free(read + 1)]
        }
    };
    let inode = ends.first().and_then(|end| annotation(end)).map(str::to_owned);
    let Some(pipe) = new_pipe(cx, true) else {
        return Carried::Work("more pipes than a scenario can have");
    };
    if let Some(inode) = inode {
        cx.builder.by_inode.insert(inode, pipe);
    }
    for (fd, end) in fds.into_iter().zip([End::Read, End::Write]) {
        cx.process().table.put(fd, Descriptor { what: What::Pipe(pipe, end), on_exec });
    }
    Carried::Followed
}

pub fn new_pipe(cx: &mut Context<'_, '_>, known: bool) -> Option<usize> {
    if cx.builder.pipes.len() >= MOST {
        return None;
    }
    let name = cx.builder.names.take("pipe");
    cx.builder.pipes.push(Pipe { name, known, ..Pipe::default() });
    Some(cx.builder.pipes.len() - 1)
}

pub fn dup(cx: &mut Context<'_, '_>) -> Carried {
    let Some(new) = cx.call.value() else {
        return unsuccessful(cx.call);
    };
    let on_exec = flag(nth(&cx.call.args, 2), "O_CLOEXEC", CLOEXEC) && &*cx.call.name == "dup3";
    copy(cx, new, on_exec)
}

/// Another descriptor for the same thing. What the new number stood for is closed.
fn copy(cx: &mut Context<'_, '_>, new: i64, on_exec: bool) -> Carried {
    let old = number_at(&cx.call.args, 0).unwrap_or(-1);
    if old == new {
        return Carried::Followed;
    }
    let what = cx.process().table.get(old).map_or(What::Unknown, |descriptor| descriptor.what);
    let closed = cx.process().table.close(new);
    cx.process().table.put(new, Descriptor { what, on_exec });
    match closed {
        Some(closed) if closed != what => {
            closing(cx, closed).map_or(Carried::Followed, |step| Carried::Steps(vec![step]))
        }
        Some(_) | None => Carried::Followed,
    }
}

pub fn fcntl(cx: &mut Context<'_, '_>) -> Carried {
    let Some(value) = cx.call.value() else {
        return unsuccessful(cx.call);
    };
    let args = &cx.call.args;
    let (fd, command) = (number_at(args, 0).unwrap_or(-1), nth(args, 1));
    let is = |name: &str, code: i64| command == name || number(command) == Some(code);
    if is("F_DUPFD", 0) {
        return copy(cx, value, false);
    }
    if is("F_DUPFD_CLOEXEC", 1030) {
        return copy(cx, value, true);
    }
    if is("F_SETFD", 2) {
        cx.process().table.set_on_exec(fd, flag(nth(args, 2), "FD_CLOEXEC", 1));
    } else if is("F_SETPIPE_SZ", 1031)
        && let Some(What::Pipe(pipe, _)) = cx.process().table.get(fd).map(|descriptor| descriptor.what)
    {
        cx.builder.pipes[pipe].capacity =
            u64::try_from(value).ok().filter(|bytes| (1..=1 << 30).contains(bytes));
    }
    Carried::Followed
}

pub fn close(cx: &mut Context<'_, '_>) -> Carried {
    if cx.call.value() != Some(0) {
        return unsuccessful(cx.call);
    }
    let first = number_at(&cx.call.args, 0).unwrap_or(-1);
    let fds = match &*cx.call.name {
        "close_range" => {
            let last = number_at(&cx.call.args, 1).filter(|last| *last >= 0).unwrap_or(i64::MAX);
            let fds = cx.process().table.between(first, last);
            if flag(nth(&cx.call.args, 2), "CLOSE_RANGE_CLOEXEC", 4) {
                fds.iter().for_each(|fd| cx.process().table.set_on_exec(*fd, true));
                return Carried::Followed;
            }
            fds
        }
        _ => vec![first],
    };
    if cx.process().table.get(first).is_none() {
        cx.builder.doubts += 1;
    }
    let closed: Vec<What> = fds.into_iter().filter_map(|fd| cx.process().table.close(fd)).collect();
    let steps: Vec<Fields> = closed.into_iter().filter_map(|what| closing(cx, what)).collect();
    if steps.is_empty() { Carried::Followed } else { Carried::Steps(steps) }
}

/// The step that closes a process's last descriptor of something.
fn closing(cx: &mut Context<'_, '_>, what: What) -> Option<Fields> {
    match what {
        What::Pipe(pipe, end) => {
            Some(vec![("close", text(cx.builder.pipe_name(pipe))), ("end", text(end.word()))])
        }
        What::Thing(thing) => super::carry_things::closing(cx, thing),
        What::File(_) | What::Terminal | What::Socket | What::Other | What::Unknown => None,
    }
}

/// A named pipe is a pipe that processes find by its path.
pub fn fifo(cx: &mut Context<'_, '_>) -> Carried {
    if cx.call.value() != Some(0) {
        return unsuccessful(cx.call);
    }
    let args = &cx.call.args;
    let at = usize::from(cx.call.name.ends_with("at"));
    if !flag(nth(args, at + 1), "S_IFIFO", 0o10_000) {
        return Carried::Work("no named pipe");
    }
    let path = quoted(nth(args, at)).map(str::to_owned);
    match (path, new_pipe(cx, true)) {
        (Some(path), Some(pipe)) => {
            cx.builder.things.fifos.insert(path, pipe);
            Carried::Followed
        }
        _ => Carried::Work("its path wasn't recorded"),
    }
}

pub fn open(cx: &mut Context<'_, '_>) -> Carried {
    let Some(fd) = cx.call.value() else {
        return unsuccessful(cx.call);
    };
    let args = &cx.call.args;
    let (path, flags) = match &*cx.call.name {
        "open" => (nth(args, 0), nth(args, 1)),
        "creat" => (nth(args, 0), ""),
        _ => (nth(args, 1), nth(args, 2)),
    };
    let on_exec = flag(flags, "O_CLOEXEC", CLOEXEC);
    let directory = flag(flags, "O_DIRECTORY", 0o200_000);
    let path = quoted(path).map(str::to_owned);
    let fifo = path.as_ref().and_then(|path| cx.builder.things.fifos.get(path).copied());
    if let Some(pipe) = fifo {
        let writes = flags.contains("O_WRONLY") || number(flags).is_some_and(|bits| bits & 3 == 1);
        let end = if writes { End::Write } else { End::Read };
        cx.process().table.put(fd, Descriptor { what: What::Pipe(pipe, end), on_exec });
        return Carried::LeftOut("a named pipe is open from the beginning");
    }
    let what = match path {
        _ if directory => What::Other,
        Some(path) => by_path(cx, &path),
        None => unnamed(cx),
    };
    // The kernel gives only numbers that are free.
    cx.builder.doubts += u64::from(cx.process().table.get(fd).is_some());
    cx.process().table.put(fd, Descriptor { what, on_exec });
    Carried::Followed
}

/// Where the recording has no paths, all files of a program are one.
fn unnamed(cx: &mut Context<'_, '_>) -> What {
    cx.builder.report.remark("paths aren't in the recording: all files that a program opens are one file");
    let program = cx.track().segments.last().map_or_else(String::new, |segment| segment.name.clone());
    file(cx, &format!("{program}-file"), "files of unknown names")
}

pub fn by_path(cx: &mut Context<'_, '_>, path: &str) -> What {
    let below =
        |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if below("/dev/pts") || path == "/dev/tty" || path == "/dev/console" {
        return What::Terminal;
    }
    if ["/dev", "/proc", "/sys"].into_iter().any(below) && !below("/dev/shm") {
        return What::Other;
    }
    let name = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or("file").to_owned();
    file(cx, &name, path)
}

/// The file of a path: one for all that open it.
pub fn file(cx: &mut Context<'_, '_>, name: &str, path: &str) -> What {
    let key = format!("{path}\0{}", if path.starts_with('/') { "" } else { name });
    if let Some(file) = cx.builder.by_path.get(&key) {
        return What::File(*file);
    }
    if cx.builder.files.len() >= MOST {
        return What::Other;
    }
    let files = &mut cx.builder.files;
    files.push(File { name: name.to_owned(), path: path.to_owned(), ..File::default() });
    let file = files.len() - 1;
    cx.builder.by_path.insert(key, file);
    What::File(file)
}

pub fn other(cx: &mut Context<'_, '_>) -> Carried {
    let Some(fd) = cx.call.value() else {
        return unsuccessful(cx.call);
    };
    let on_exec = cx.call.args.contains("CLOEXEC");
    cx.process().table.put(fd, Descriptor { what: What::Other, on_exec });
    Carried::Followed
}
