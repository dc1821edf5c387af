//! `pread` and `pwrite`: read and write at a place in a file, and leave the descriptor's own place
//! where it is. Source: pread(2).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::bytes::Bytes;
use crate::kernel::caches::Used;
use crate::kernel::file::Opened;
#[cfg(target_os = "linux")]
use crate::os::file;
use crate::program::at::{At, SizeAmount, Value};
use crate::program::call::{Awaits, Call, Copied, Outcome, SystemCall};
use crate::program::content::{Content, What};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::resolve::End;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Amount, Handle, Operand, Variable};
use crate::trace::{Cause, Sink};

use super::file_io::Place;

pub const READ: VerbRow = VerbRow {
    name: "pread",
    level: Level::Syscall,
    summary: "reads at a place in a file",
    doc: "Reads at most `bytes` bytes from byte `offset` of a file. The descriptor's own place stays, so that threads can share it. 0 at the end of the file, ESPIPE for a pipe, EINVAL for a negative offset.",
    example: r#"{ pread = "log", offset = "4096 * i", bytes = "4KiB" }"#,
    real: Real::Yes("pread(2)"),
    blocks: &[],
    parse: parse::<PreadForm>,
    schema: schema::<PreadForm>,
};

pub const WRITE: VerbRow = VerbRow {
    name: "pwrite",
    level: Level::Syscall,
    summary: "writes at a place in a file",
    doc: "Writes `bytes` bytes from byte `offset` of a file on; the first eight hold `value`. The descriptor's own place stays. If the file was opened with \"append\", Linux writes to its end all the same. ESPIPE for a pipe.",
    example: r#"{ pwrite = "log", offset = 8, value = "x" }"#,
    real: Real::Yes("pwrite(2)"),
    blocks: &[],
    parse: parse::<PwriteForm>,
    schema: schema::<PwriteForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PreadForm {
    /// The file.
    pread: At<String>,
    /// The first byte, from 0.
    offset: At<Value>,
    /// How many bytes at most; 8 if absent.
    bytes: Option<At<SizeAmount>>,
    /// The variable that gets the value that the bytes carry.
    into: Option<At<String>>,
}

impl Form for PreadForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let bytes = match &self.bytes {
            Some(bytes) => cx.size(bytes),
            None => Amount::Const(8),
        };
        let offset = cx.operand(&self.offset);
        let into = self.into.as_ref().map(|name| cx.assign(name));
        if let Some(fd) = cx.channel(&self.pread, End::Read) {
            cx.call(step, Pread { fd, offset, bytes, into, keep: false });
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PwriteForm {
    /// The file.
    pwrite: At<String>,
    /// The first byte, from 0.
    offset: At<Value>,
    /// How many bytes; 8 if only a value is given.
    bytes: Option<At<SizeAmount>>,
    /// The value that the first eight bytes hold.
    value: Option<At<Value>>,
    /// A text, with expressions in braces as in `print`.
    text: Option<At<String>>,
    /// What the thread has read last.
    buffer: Option<bool>,
}

impl Form for PwriteForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let content = Content::of(&self.bytes, &self.value, &self.text, self.buffer);
        let (bytes, what) = cx.content(step, content);
        let offset = cx.operand(&self.offset);
        if let Some(fd) = cx.channel(&self.pwrite, End::Write) {
            cx.call(step, Pwrite { fd, offset, bytes, what });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pread {
    pub fd: Handle,
    pub offset: Operand,
    pub bytes: Amount,
    pub into: Option<Variable>,
    pub keep: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pwrite {
    pub fd: Handle,
    pub offset: Operand,
    pub bytes: Amount,
    pub what: What,
}

/// The place that a call names: EBADF, ESPIPE or EINVAL if there is none.
pub(super) fn place<S: Sink>(call: &Call<'_, S>, fd: Handle, offset: Operand) -> Result<Place, Errno> {
    let at = call.userland.users[call.task.index()].value(offset, call.image);
    // The offset is checked before the descriptor (fs/read_write.c).
    let at = u64::try_from(at).map_err(|_| Errno::EINVAL)?;
    let (open, opened) = call.opened(fd).ok_or(Errno::EBADF)?;
    let Opened::File(file) = opened else { return Err(Errno::ESPIPE) };
    Ok(Place { open, file, at: Some(at), sync: false, direct: false })
}

impl SystemCall for Pread {
    fn amount(&self) -> Option<&Amount> {
        Some(&self.bytes)
    }

    fn keep_what_comes(&mut self) {
        self.keep = true;
    }

    fn copies<S: Sink>(&self, call: &Call<'_, S>) -> Option<Copied> {
        place(call, self.fd, self.offset).ok().map(|place| place.copies_to_read(call))
    }

    fn uses<S: Sink>(&self, call: &Call<'_, S>) -> Option<Used> {
        Used::through(call.opened(self.fd)?.1, false)
    }

    fn waits(&self, image: &Image) -> Option<Awaits> {
        Some(image.channel_wait(self.fd, Cause::Disk))
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        match place(call, self.fd, self.offset)?.read(call, self.keep, self.into)? {
            Ok((bytes, content)) => {
                if let Some(content) = content {
                    call.user().keep(content, false);
                }
                Ok(Outcome::Done(bytes as i64))
            }
            Err(wait) => Ok(wait),
        }
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let bytes = native.transfer(self.bytes)?;
        let offset = native.computed(self.offset);
        let descriptor = native.descriptor(self.fd)?;
        let object = native.channel(self.fd).object;
        let buffer = native.buffer.take(bytes);
        let taken = file::read_at(descriptor, buffer, offset)?;
        let got = Bytes::text(&buffer[..taken]);
        if taken > 0 {
            native.user.set(self.into, got.first_word() as i64);
            native.received(object, taken);
        }
        if self.keep {
            native.user.keep(got, false);
        }
        Ok(taken as i64)
    }
}

impl SystemCall for Pwrite {
    fn amount(&self) -> Option<&Amount> {
        Some(&self.bytes)
    }

    fn copies<S: Sink>(&self, call: &Call<'_, S>) -> Option<Copied> {
        place(call, self.fd, self.offset).ok().map(|place| place.copies_to_write(call))
    }

    fn uses<S: Sink>(&self, call: &Call<'_, S>) -> Option<Used> {
        Used::through(call.opened(self.fd)?.1, true)
    }

    fn waits(&self, image: &Image) -> Option<Awaits> {
        Some(image.channel_wait(self.fd, Cause::Disk))
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        place(call, self.fd, self.offset)?.write(call, self.what)
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let bytes = native.transfer(self.bytes)?;
        let offset = native.computed(self.offset);
        let descriptor = native.descriptor(self.fd)?;
        let object = native.channel(self.fd).object;
        let buffer = native.filled(bytes, self.what);
        let written = file::write_at(descriptor, buffer, offset)?;
        if written > 0 {
            native.sent(object, written);
        }
        Ok(written as i64)
    }
}
