//! `read`: takes bytes out of a pipe, or reads the next bytes of a file or a line from the terminal.
//!
//! From a pipe: waits while it is empty and somebody can still write; returns what there is, at
//! most what was asked for; 0 at the end of file. Source: read(2), pipe(7).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::kernel::bytes::Bytes;
use crate::kernel::caches::Used;
use crate::kernel::cost::Copying;
use crate::kernel::file::{OpenId, Opened};
#[cfg(target_os = "linux")]
use crate::os::file;
use crate::program::at::{At, SizeAmount};
use crate::program::call::{Awaits, Call, Copied, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::{ChannelKind, Native};
use crate::program::resolve::End;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Amount, Handle, Variable};
use crate::trace::{Cause, Kind, Sink};

use super::file_io::Place;
use super::recvfrom::{self, Way as SocketWay};

pub const ROW: VerbRow = VerbRow {
    name: "read",
    level: Level::Syscall,
    summary: "takes bytes out of a pipe, a file or the terminal",
    doc: "Takes at most `bytes` bytes. From a pipe: waits while it is empty and somebody can still write; 0 is the end of file. With `all` it asks again until all bytes are there or the file ends, as `fread` does. From `terminal` it returns a line.",
    example: r#"{ read = "ping", bytes = "8B", into = "x" }"#,
    real: Real::Yes("read(2); with `direct` the file has O_DIRECT"),
    blocks: &[],
    parse: parse::<ReadForm>,
    schema: schema::<ReadForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ReadForm {
    /// A pipe, a file or "terminal".
    read: At<String>,
    /// How many bytes at most; 8 if absent.
    bytes: Option<At<SizeAmount>>,
    /// Asks again until all bytes are there or the file ends.
    all: Option<bool>,
    /// For files: past the page cache, from the disk each time.
    direct: Option<bool>,
    /// The variable that gets the value that the bytes carry.
    into: Option<At<String>>,
}

impl Form for ReadForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let bytes = match &self.bytes {
            Some(bytes) => cx.size(bytes),
            None => Amount::Const(8),
        };
        let into = self.into.as_ref().map(|name| cx.assign(name));
        let all = self.all.unwrap_or(false);
        if let Some(fd) = cx.channel(&self.read, End::Read) {
            let direct = self.direct.unwrap_or(false);
            cx.call(step, Read { fd, bytes, direct, all, into, keep: false });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Read {
    pub fd: Handle,
    pub bytes: Amount,
    /// For files: past the page cache, from the disk each time (O_DIRECT).
    pub direct: bool,
    /// Repeats the call until all bytes are there or the file ends, as `fread` does.
    pub all: bool,
    /// Gets the value that the bytes carry (little-endian, at most eight bytes).
    pub into: Option<Variable>,
    /// Whether the program uses what it has read as a whole: it is kept in the thread's buffer.
    pub keep: bool,
}

impl SystemCall for Read {
    fn amount(&self) -> Option<&Amount> {
        Some(&self.bytes)
    }

    fn keep_what_comes(&mut self) {
        self.keep = true;
    }

    fn copies<S: Sink>(&self, call: &Call<'_, S>) -> Option<Copied> {
        let (copying, bytes) = match call.opened(self.fd)? {
            (_, Opened::PipeRead(pipe)) => {
                (Copying::PipeRead, call.kernel.pipes[pipe as usize].used().min(call.amount()))
            }
            (open, Opened::File(file)) => return Some(self.place(open, file).copies_to_read(call)),
            (_, Opened::Keyboard) => {
                let line = call.kernel.terminal.lines.front();
                (Copying::TerminalRead, line.map_or(0, |line| line.len() as u64 + 1))
            }
            (_, Opened::Socket(socket)) => return Some(recvfrom::copies(call, socket)),
            (_, Opened::Counter(_) | Opened::Alarm(_)) => (Copying::PipeRead, 8),
            (
                _,
                Opened::PipeWrite(_) | Opened::Screen | Opened::Epoll(_) | Opened::Queue(_) | Opened::Ring(_),
            ) => return None,
        };
        Some(Copied { copying, bytes })
    }

    fn uses<S: Sink>(&self, call: &Call<'_, S>) -> Option<Used> {
        Used::through(call.opened(self.fd)?.1, false)
    }

    fn waits(&self, image: &Image) -> Option<Awaits> {
        Some(image.channel_wait(self.fd, Cause::PipeRead))
    }

    #[inline(always)]
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        match call.opened(self.fd) {
            Some((open, Opened::PipeRead(pipe))) => self.read_pipe(call, open, pipe),
            Some((open, Opened::File(file))) => self.read_file(call, open, file),
            Some((open, Opened::Keyboard)) => self.read_line(call, open),
            Some((open, Opened::Socket(socket))) => self.read_socket(call, open, socket),
            Some((open, Opened::Counter(counter))) => self.read_counter(call, open, counter),
            Some((open, Opened::Alarm(alarm))) => self.read_alarm(call, open, alarm),
            Some((_, Opened::Epoll(_) | Opened::Ring(_))) => Err(Errno::EINVAL),
            Some((_, Opened::PipeWrite(_) | Opened::Screen)) | None => Err(Errno::EBADF),
            Some((_, Opened::Queue(_))) => Err(Errno::EINVAL),
        }
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let descriptor = native.descriptor(self.fd)?;
        let channel = native.channel(self.fd);
        // Linux would describe the queue in words, which no program of a scenario reads.
        if channel.kind == ChannelKind::Queue {
            return Err(Errno::EINVAL);
        }
        let mut left = native.transfer(self.bytes)?;
        // A descriptor that `open` has returned is as direct as it was opened, at least.
        if channel.kind == ChannelKind::File && (self.direct || matches!(self.fd, Handle::Named(_))) {
            file::set_direct(descriptor, self.direct)?;
        }
        loop {
            let buffer = native.buffer.take(left);
            let taken = file::read(descriptor, buffer)?;
            if taken == 0 && self.keep {
                native.user.keep(Bytes::default(), false);
            }
            if taken > 0 {
                let bytes = &buffer[..taken];
                let value = match channel.kind {
                    ChannelKind::Pipe => Some(value_of(bytes)),
                    ChannelKind::Terminal => Some(number_of(bytes)),
                    ChannelKind::File
                    | ChannelKind::Socket(_)
                    | ChannelKind::Events
                    | ChannelKind::Ring(_)
                    | ChannelKind::Queue => Some(value_of(bytes)),
                };
                if self.keep {
                    native.user.keep(Bytes::text(bytes), self.all && taken < left);
                }
                if let Some(value) = value {
                    native.user.set(self.into, value);
                }
                native.received(channel.object, taken);
            }
            left -= taken;
            if !self.all || taken == 0 || left == 0 {
                return Ok(taken as i64);
            }
            native.user.amount = left as u64;
            native.repeat_call(taken as i64);
        }
    }
}

/// The value that a message carries: its first eight bytes, little-endian.
#[cfg(target_os = "linux")]
pub(super) fn value_of(bytes: &[u8]) -> i64 {
    let mut value = [0; 8];
    let length = bytes.len().min(8);
    value[..length].copy_from_slice(&bytes[..length]);
    i64::from_le_bytes(value)
}

/// The number that a line from the keyboard spells, or 0.
#[cfg(target_os = "linux")]
fn number_of(line: &[u8]) -> i64 {
    std::str::from_utf8(line).ok().and_then(|line| line.trim().parse().ok()).unwrap_or(0)
}

impl Read {
    #[inline(always)]
    fn read_pipe<S: Sink>(&self, call: &mut Call<'_, S>, open: OpenId, index: u32) -> Result<Outcome, Errno> {
        let wanted = call.amount();
        let (task, kernel) = (call.task, &mut *call.kernel);
        let pipe = &mut kernel.pipes[index as usize];
        let object = pipe.object;
        if pipe.is_empty() && pipe.writers > 0 && wanted > 0 {
            if kernel.files.open[open.0 as usize].flags.nonblock {
                return Err(Errno::EAGAIN);
            }
            pipe.waiting_readers.push(task, &mut kernel.tasks);
            call.user().progress = 1;
            return Ok(Outcome::Block { on: Cause::PipeRead, object });
        }
        let (taken, value, makes_room) =
            if self.keep { self.take_and_keep(call, index) } else { pipe.take_word(wanted) };
        if taken > 0
            && let Some(object) = object
        {
            call.emit(Kind::MessageReceive { object, bytes: taken });
        }
        if makes_room {
            call.kernel.announce(call.cpu, Opened::PipeWrite(index));
            let Kernel { pipes, tasks, .. } = &mut *call.kernel;
            if let Some(writer) = pipes[index as usize].waiting_writers.pop(tasks) {
                call.kernel.wake(call.cpu, writer);
            }
        }
        // Only one that has waited passes on what it leaves: it may have been woken for several writes.
        if call.progress() > 0 && !call.kernel.pipes[index as usize].is_empty() {
            call.kernel.announce(call.cpu, Opened::PipeRead(index));
            let Kernel { pipes, tasks, .. } = &mut *call.kernel;
            if let Some(reader) = pipes[index as usize].waiting_readers.pop(tasks) {
                call.kernel.wake(call.cpu, reader);
            }
        }
        if taken > 0 {
            call.user().set(self.into, value as i64);
        }
        Ok(self.returned(call, taken))
    }

    /// Takes bytes out of a pipe into the thread's buffer: how many, the first eight of them, and whether a
    /// full pipe has room now.
    #[inline(never)]
    fn take_and_keep<S: Sink>(&self, call: &mut Call<'_, S>, pipe: u32) -> (u64, u64, bool) {
        let wanted = call.amount();
        let (bytes, makes_room) = call.kernel.pipes[pipe as usize].take(wanted);
        let (taken, word) = (bytes.len(), bytes.first_word());
        self.keep(call, bytes);
        (taken, word, makes_room)
    }

    /// What was read goes into the thread's buffer, behind what earlier calls of the same read have
    /// brought.
    #[cold]
    fn keep<S: Sink>(&self, call: &mut Call<'_, S>, bytes: Bytes) {
        let user = call.user();
        let goes_on = self.all && !bytes.is_empty() && bytes.len() < user.amount;
        user.keep(bytes, goes_on);
    }

    /// The call returns so many bytes; if all were asked for and some are missing, it is made again.
    #[inline(always)]
    fn returned<S: Sink>(&self, call: &mut Call<'_, S>, taken: u64) -> Outcome {
        let user = call.user();
        if self.all && taken > 0 && taken < user.amount {
            user.amount -= taken;
            return Outcome::Repeat(taken as i64);
        }
        Outcome::Done(taken as i64)
    }

    #[inline(never)]
    fn read_file<S: Sink>(&self, call: &mut Call<'_, S>, open: OpenId, file: u32) -> Result<Outcome, Errno> {
        let (bytes, content) = match self.place(open, file).read(call, self.keep, self.into)? {
            Ok(read) => read,
            Err(wait) => return Ok(wait),
        };
        if let Some(content) = content {
            self.keep(call, content);
        }
        Ok(self.returned(call, bytes))
    }

    #[inline(never)]
    fn read_socket<S: Sink>(
        &self,
        call: &mut Call<'_, S>,
        open: OpenId,
        socket: u32,
    ) -> Result<Outcome, Errno> {
        let way = SocketWay { all: self.all, into: self.into, keep: self.keep, ..SocketWay::default() };
        recvfrom::receive(call, open, socket, way)
    }

    const fn place(&self, open: OpenId, file: u32) -> Place {
        Place { open, file, at: None, sync: false, direct: self.direct }
    }

    /// A line from the keyboard; as a value it is the number that it spells, or 0.
    #[inline(never)]
    fn read_line<S: Sink>(&self, call: &mut Call<'_, S>, open: OpenId) -> Result<Outcome, Errno> {
        let (task, kernel) = (call.task, &mut *call.kernel);
        let object = kernel.terminal.object;
        let Some(line) = kernel.terminal.lines.pop_front() else {
            if kernel.files.open[open.0 as usize].flags.nonblock {
                return Err(Errno::EAGAIN);
            }
            kernel.terminal.waiting.push(task, &mut kernel.tasks);
            return Ok(Outcome::Block { on: Cause::Terminal, object: Some(object) });
        };
        let bytes = line.len() as u64 + 1;
        call.user().set(self.into, line.trim().parse().unwrap_or(0));
        if self.keep {
            self.keep(call, Bytes::text(format!("{line}\n").as_bytes()));
        }
        call.emit(Kind::MessageReceive { object, bytes });
        Ok(Outcome::Done(bytes as i64))
    }
}
