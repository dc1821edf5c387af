//! POSIX aio: `aio-read` and `aio-write` begin a transfer and return. Source: aio(7).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::requests::Ask;
use crate::program::at::{At, SizeAmount, Value};
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::content::{Content, What};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::resolve::{End, SignalName};
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Amount, Handle, Operand, Variable};
use crate::signal::Signal;
use crate::trace::Sink;

pub(super) const REAL: Real = Real::Yes(
    "the C library's aio, which does it by threads of its own: these and their calls are in no trace",
);

pub const READ: VerbRow = VerbRow {
    name: "aio-read",
    level: Level::Syscall,
    summary: "begins to read from a file, and goes on",
    doc: "Begins to read at most `bytes` bytes from byte `offset` of a file, and returns at once. `request` gets the request's number, by which `aio-error`, `aio-suspend` and `aio-return` know it. With `notify` the process gets a signal when it is done. A mistake (EBADF, EINVAL, EIO) is the request's result; so is ESPIPE for what has no places, where the real library reads without one.",
    example: r#"{ aio-read = "log", offset = 0, bytes = "4KiB", request = "r" }"#,
    real: REAL,
    blocks: &[],
    parse: parse::<AioReadForm>,
    schema: schema::<AioReadForm>,
};

pub const WRITE: VerbRow = VerbRow {
    name: "aio-write",
    level: Level::Syscall,
    summary: "begins to write to a file, and goes on",
    doc: "Begins to write to byte `offset` of a file (to its end, if it was opened with \"append\"), and returns at once. To the page cache that is done quickly; with \"sync\" or \"direct\" the request ends when the disk has the bytes.",
    example: r#"{ aio-write = "log", offset = 0, value = "x", request = "r", notify = "SIGIO" }"#,
    real: REAL,
    blocks: &[],
    parse: parse::<AioWriteForm>,
    schema: schema::<AioWriteForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AioReadForm {
    /// The file.
    aio_read: At<String>,
    /// The first byte, from 0.
    offset: At<Value>,
    /// How many bytes at most.
    bytes: At<SizeAmount>,
    /// The variable that gets the request's number.
    request: At<String>,
    /// The signal that tells of its end; none if absent.
    notify: Option<At<SignalName>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AioWriteForm {
    /// The file.
    aio_write: At<String>,
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
    /// The variable that gets the request's number.
    request: At<String>,
    /// The signal that tells of its end; none if absent.
    notify: Option<At<SignalName>>,
}

fn signal(name: Option<&At<SignalName>>, cx: &mut Lower<'_>) -> Option<Signal> {
    let name = name?;
    match name.value.resolve(&name.span) {
        Ok(signal) => Some(signal),
        Err(problem) => {
            cx.problems.push(problem);
            None
        }
    }
}

impl Form for AioReadForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let (bytes, offset) = (cx.size(&self.bytes), cx.operand(&self.offset));
        let (request, notify) = (cx.assign(&self.request), signal(self.notify.as_ref(), cx));
        if let Some(fd) = cx.channel(&self.aio_read, End::Read) {
            cx.call(step, AioRead(Start { fd, offset, bytes, request, notify }));
        }
    }
}

impl Form for AioWriteForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let content = Content::of(&self.bytes, &self.value, &self.text, self.buffer);
        let (bytes, what) = cx.content(step, content);
        let offset = cx.operand(&self.offset);
        let (request, notify) = (cx.assign(&self.request), signal(self.notify.as_ref(), cx));
        if let Some(fd) = cx.channel(&self.aio_write, End::Write) {
            cx.call(step, AioWrite { start: Start { fd, offset, bytes, request, notify }, what });
        }
    }
}

/// What begins a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Start {
    pub fd: Handle,
    pub offset: Operand,
    pub bytes: Amount,
    pub request: Variable,
    pub notify: Option<Signal>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AioRead(pub Start);

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AioWrite {
    pub start: Start,
    pub what: What,
}

impl Start {
    fn begin<S: Sink>(&self, call: &mut Call<'_, S>, what: Option<What>) -> Outcome {
        let (bytes, open) = (call.amount(), call.opened(self.fd));
        let user = &call.userland.users[call.task.index()];
        let offset = user.value(self.offset, call.image);
        let write = what.map(|what| what.bytes(user, call.image, bytes));
        let ask =
            Ask { thread: call.task, open, offset, bytes, write, notify: self.notify, ..Ask::default() };
        let number = call.kernel.begin_request(call.cpu, ask);
        call.user().set(Some(self.request), number);
        Outcome::Done(0)
    }

    #[cfg(target_os = "linux")]
    fn begin_native(&self, native: &mut Native, what: Option<What>) -> Result<i64, Errno> {
        let bytes = native.transfer(self.bytes)?;
        let offset = native.computed(self.offset);
        let object = native.channel(self.fd).object;
        // A number that is nobody's is left to the request to find out.
        let descriptor = native.descriptor(self.fd).unwrap_or(-1);
        let content = what.map(|what| native.filled(bytes, what).to_vec());
        let ask = crate::os::aio::Ask { descriptor, offset, bytes, write: content, notify: self.notify };
        let number = native.requests.begin(ask, object)?;
        native.user.set(Some(self.request), number);
        Ok(0)
    }
}

impl SystemCall for AioRead {
    fn amount(&self) -> Option<&Amount> {
        Some(&self.0.bytes)
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        Ok(self.0.begin(call, None))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        self.0.begin_native(native, None)
    }
}

impl SystemCall for AioWrite {
    fn amount(&self) -> Option<&Amount> {
        Some(&self.start.bytes)
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        Ok(self.start.begin(call, Some(self.what)))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        self.start.begin_native(native, Some(self.what))
    }
}
