//! `write`: puts bytes into a pipe, or writes them to a file or the terminal.
//!
//! To a pipe: waits while it is full. At most PIPE_BUF (4096) bytes go in as one piece; more may
//! be split. With no reader left: SIGPIPE, and EPIPE if that is ignored. Source: write(2), pipe(7).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::kernel::caches::Used;
use crate::kernel::cost::Copying;
use crate::kernel::file::{OpenId, Opened};
#[cfg(target_os = "linux")]
use crate::os::file;
use crate::program::at::{At, SizeAmount, Value};
use crate::program::call::{Awaits, Call, Copied, Outcome, SystemCall};
use crate::program::content::{Content, What};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::lower::Lower;
use crate::program::names::Channel;
#[cfg(target_os = "linux")]
use crate::program::native::{ChannelKind, Native};
use crate::program::problem::{Code, Problem};
use crate::program::resolve::End;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Amount, Handle};
use crate::signal::Signal;
use crate::trace::{Cause, Kind, Sink};

use super::file_io::Place;
use super::sendto;

pub const ROW: VerbRow = VerbRow {
    name: "write",
    level: Level::Syscall,
    summary: "puts bytes into a pipe, a file or the terminal",
    doc: "Puts `bytes` bytes into the channel; the first eight hold `value`. To a pipe: waits while it is full; at most 4096 bytes go in as one piece. With no reader left the writer gets SIGPIPE. To a file it changes the page cache only, unless `sync` is set.",
    example: r#"{ write = "ping", value = "x + 1" }"#,
    real: Real::Yes("write(2); with `sync` pwritev2(2) and RWF_DSYNC, with `direct` the file has O_DIRECT"),
    blocks: &[],
    parse: parse::<WriteForm>,
    schema: schema::<WriteForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WriteForm {
    /// A pipe, a file or "terminal".
    write: At<String>,
    /// How many bytes; 8 if only a value is given.
    bytes: Option<At<SizeAmount>>,
    /// What the first eight bytes hold: a whole number or an expression.
    value: Option<At<Value>>,
    /// A text, with expressions in braces as in `print`; its length is how many bytes are written.
    text: Option<At<String>>,
    /// What the thread has read last, as many bytes as that was.
    buffer: Option<bool>,
    /// For files: returns only when the disk has it (O_SYNC).
    sync: Option<bool>,
    /// For files: past the page cache, to the disk at once.
    direct: Option<bool>,
}

impl Form for WriteForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let content = Content::of(&self.bytes, &self.value, &self.text, self.buffer);
        let (bytes, what) = cx.content(step, content);
        let sync = self.sync.unwrap_or(false);
        if sync && matches!(cx.channel_kind(&self.write.value), Some(Channel::Pipe { .. })) {
            let message =
                format!("`{}` is a pipe; only a file's writes can be synchronous", self.write.value);
            cx.problems.push(Problem::error(Code::WrongObject, self.write.span.clone(), message));
        }
        if let Some(fd) = cx.channel(&self.write, End::Write) {
            cx.call(step, Write { fd, bytes, what, sync, direct: self.direct.unwrap_or(false) });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Write {
    pub fd: Handle,
    pub bytes: Amount,
    pub what: What,
    /// For files: returns only when the disk has it (O_SYNC).
    pub sync: bool,
    /// For files: past the page cache, to the disk at once (O_DIRECT).
    pub direct: bool,
}

impl SystemCall for Write {
    fn amount(&self) -> Option<&Amount> {
        Some(&self.bytes)
    }

    fn copies<S: Sink>(&self, call: &Call<'_, S>) -> Option<Copied> {
        let (open, opened) = call.opened(self.fd)?;
        let (copying, bytes) = match opened {
            Opened::PipeWrite(pipe) => {
                let (written, has_waited) = come_so_far(call.progress());
                let rest = call.amount() - written;
                (Copying::PipeWrite, call.kernel.pipes[pipe as usize].accepts(rest, has_waited).bytes)
            }
            Opened::File(file) => return Some(self.place(open, file).copies_to_write(call)),
            Opened::Screen => (Copying::TerminalWrite, call.amount()),
            Opened::Socket(socket) => return Some(sendto::copies(call, socket)),
            Opened::Counter(_) => (Copying::PipeWrite, 8),
            Opened::PipeRead(_)
            | Opened::Keyboard
            | Opened::Alarm(_)
            | Opened::Epoll(_)
            | Opened::Ring(_)
            | Opened::Queue(_) => return None,
        };
        Some(Copied { copying, bytes })
    }

    fn uses<S: Sink>(&self, call: &Call<'_, S>) -> Option<Used> {
        Used::through(call.opened(self.fd)?.1, true)
    }

    fn waits(&self, image: &Image) -> Option<Awaits> {
        Some(image.channel_wait(self.fd, Cause::PipeWrite))
    }

    /// What is in the pipe or on its way already.
    fn achieved<S: Sink>(&self, call: &mut Call<'_, S>) -> Option<i64> {
        let written = match call.opened(self.fd) {
            Some((_, Opened::Socket(_))) => call.progress() as i64,
            _ => come_so_far(call.progress()).0 as i64,
        };
        (written > 0).then_some(written)
    }

    #[inline(always)]
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        match call.opened(self.fd) {
            Some((open, Opened::PipeWrite(pipe))) => self.write_pipe(call, open, pipe),
            Some((open, Opened::File(file))) => self.place(open, file).write(call, self.what),
            Some((_, Opened::Screen)) => Ok(self.write_screen(call)),
            Some((open, Opened::Socket(socket))) => sendto::send(call, open, socket, self.what, None, false),
            Some((open, Opened::Counter(counter))) => self.write_counter(call, open, counter),
            Some((_, Opened::Alarm(_) | Opened::Epoll(_) | Opened::Ring(_))) => Err(Errno::EINVAL),
            Some((_, Opened::PipeRead(_) | Opened::Keyboard)) | None => Err(Errno::EBADF),
            // A message queue has no write (fs/read_write.c).
            Some((_, Opened::Queue(_))) => Err(Errno::EINVAL),
        }
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let descriptor = native.descriptor(self.fd)?;
        let channel = native.channel(self.fd);
        let bytes = native.transfer(self.bytes)?;
        // A descriptor that `open` has returned is as direct as it was opened, at least.
        if channel.kind == ChannelKind::File && (self.direct || matches!(self.fd, Handle::Named(_))) {
            file::set_direct(descriptor, self.direct)?;
        }
        let buffer = native.filled(bytes, self.what);
        let sync = self.sync || (self.direct && channel.kind == ChannelKind::File);
        let written =
            if sync { file::write_through(descriptor, buffer) } else { file::write(descriptor, buffer) }?;
        if written > 0 {
            native.sent(channel.object, written);
            if channel.kind == ChannelKind::Terminal && self.what != What::Zeros {
                native.shown(written);
            }
        }
        Ok(written as i64)
    }
}

/// How many bytes a write to a pipe has put in, and whether it has waited: what its progress says.
const fn come_so_far(progress: u64) -> (u64, bool) {
    (progress >> 1, progress & 1 == 1)
}

/// How far a write to a pipe has come that hasn't found room for everything at once.
#[derive(Clone, Copy)]
struct Progress {
    done: u64,
    has_waited: bool,
    /// It waits for more room, or returns since it may not wait.
    waits: bool,
    gives_up: bool,
}

impl Write {
    #[inline(always)]
    fn write_pipe<S: Sink>(
        &self,
        call: &mut Call<'_, S>,
        open: OpenId,
        index: u32,
    ) -> Result<Outcome, Errno> {
        let (total, (written, has_waited)) = (call.amount(), come_so_far(call.progress()));
        let process = call.process();
        let (task, kernel) = (call.task, &mut *call.kernel);
        let pipe = &mut kernel.pipes[index as usize];
        let object = pipe.object;
        // Nothing to write always succeeds, as in Linux (fs/pipe.c).
        if total == 0 {
            return Ok(Outcome::Done(0));
        }
        if pipe.readers == 0 {
            kernel.send_signal(call.cpu, process, Signal::SIGPIPE);
            return if written > 0 { Ok(Outcome::Done(written as i64)) } else { Err(Errno::EPIPE) };
        }
        let (was_empty, polled) = (pipe.is_empty(), pipe.polled);
        let accepted = pipe.accepts(total - written, has_waited);
        let now = accepted.bytes;
        if now > 0 {
            match self.what {
                What::Zeros => pipe.put_zeros(accepted),
                what => {
                    let user = &call.userland.users[task.index()];
                    pipe.put(what.bytes(user, call.image, total).slice(written, now), accepted);
                }
            }
        }
        let done = written + now;
        let falls_short = done < total;
        if now > 0
            && let Some(object) = object
        {
            call.emit(Kind::MessageSend { object, bytes: now });
        }
        let gives_up = falls_short && call.kernel.files.open[open.0 as usize].flags.nonblock;
        let waits = falls_short && !gives_up;
        // Readers wait only for the first bytes; who polls may want to hear of all.
        if was_empty || (polled && !waits) {
            call.kernel.announce(call.cpu, Opened::PipeRead(index));
            let Kernel { pipes, tasks, .. } = &mut *call.kernel;
            if let Some(reader) = pipes[index as usize].waiting_readers.pop(tasks) {
                call.kernel.wake(call.cpu, reader);
            }
        }
        if falls_short || has_waited {
            let progress = Progress { done, has_waited, waits, gives_up };
            return self.waits_or_has_waited(call, index, progress);
        }
        Ok(Outcome::Done(total as i64))
    }

    /// A write that didn't find room for everything at once: it wakes whoever else can go on, and
    /// waits for more room if it must.
    #[inline(never)]
    fn waits_or_has_waited<S: Sink>(
        &self,
        call: &mut Call<'_, S>,
        index: u32,
        progress: Progress,
    ) -> Result<Outcome, Errno> {
        let Progress { done, has_waited, waits, gives_up } = progress;
        let Kernel { pipes, tasks, .. } = &mut *call.kernel;
        let pipe = &mut pipes[index as usize];
        let object = pipe.object;
        if waits {
            pipe.waiting_writers.push(call.task, tasks);
            call.user().progress = done << 1 | 1;
            return Ok(Outcome::Block { on: Cause::PipeWrite, object });
        }
        if has_waited && !pipe.is_full() {
            let writer = pipe.waiting_writers.pop(tasks);
            call.kernel.announce(call.cpu, Opened::PipeWrite(index));
            if let Some(writer) = writer {
                call.kernel.wake(call.cpu, writer);
            }
        }
        if gives_up && done == 0 { Err(Errno::EAGAIN) } else { Ok(Outcome::Done(done as i64)) }
    }

    const fn place(&self, open: OpenId, file: u32) -> Place {
        Place { open, file, at: None, sync: self.sync, direct: self.direct }
    }

    fn write_screen<S: Sink>(&self, call: &mut Call<'_, S>) -> Outcome {
        let bytes = call.amount();
        let object = call.kernel.terminal.object;
        call.emit(Kind::MessageSend { object, bytes });
        if self.what != What::Zeros {
            let user = &call.userland.users[call.task.index()];
            let content = self.what.bytes(user, call.image, bytes);
            for line in call.kernel.terminal.screen.show(content.iter()) {
                let text = call.kernel.sink.name(&line);
                call.emit(Kind::Print { text });
            }
        }
        Outcome::Done(bytes as i64)
    }
}
