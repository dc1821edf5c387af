//! POSIX aio: `aio-read` and `aio-write` begin a transfer and return; `aio-error` asks whether it is
//! done, `aio-suspend` waits, `aio-return` takes the result. Source: aio(7).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::requests::{Ask, Request};
use crate::kernel::waits::Interruption;
use crate::program::at::{At, SizeAmount, TimeAmount, Value};
use crate::program::call::{AfterSignal, Awaits, Call, Outcome, SystemCall};
use crate::program::content::{Content, What};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::resolve::{End, SignalName};
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Amount, Handle, Operand, Variable};
use crate::signal::Signal;
use crate::time::Span;
use crate::trace::{Cause, Kind, Sink};

const REAL: Real = Real::Yes(
    "the C library's aio, which does it by threads of its own: these and their calls are in no trace",
);

pub const READ: VerbRow = VerbRow {
    name: "aio-read",
    level: Level::Syscall,
    summary: "begins to read from a file, and goes on",
    doc: "Begins to read at most `bytes` bytes from byte `offset` of a file, and returns at once. `request` gets the request's number, by which `aio-error`, `aio-suspend` and `aio-return` know it. With `notify` the process gets a signal when it is done. A mistake (EBADF, EINVAL, ESPIPE, EIO) is the request's result.",
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

pub const ERROR: VerbRow = VerbRow {
    name: "aio-error",
    level: Level::Syscall,
    summary: "asks whether an asynchronous request is done",
    doc: "The variable `into` gets 0 if the request is done, EINPROGRESS (115) if it isn't yet, or the number of the error that it ended with. EINVAL for a number that is no request's of this thread, or whose result was taken.",
    example: r#"{ aio-error = "x", into = "e", on-error = "continue" }"#,
    real: REAL,
    blocks: &[],
    parse: parse::<AioErrorForm>,
    schema: schema::<AioErrorForm>,
};

pub const SUSPEND: VerbRow = VerbRow {
    name: "aio-suspend",
    level: Level::Syscall,
    summary: "waits until an asynchronous request is done",
    doc: "Waits until the request is done, at most as long as `timeout` says: EAGAIN then, and EINTR if a signal's handler has run meanwhile.",
    example: r#"{ aio-suspend = "x", on-error = "continue" }"#,
    real: REAL,
    blocks: &[],
    parse: parse::<AioSuspendForm>,
    schema: schema::<AioSuspendForm>,
};

pub const RETURN: VerbRow = VerbRow {
    name: "aio-return",
    level: Level::Syscall,
    summary: "takes the result of an asynchronous request",
    doc: "Returns what the `read` or `write` would have returned, once; `into` gets the value that the bytes carry. EINVAL if the request isn't done or its result was taken already, where the C library's own is undefined.",
    example: r#"{ aio-return = "x", into = "y", on-error = "continue" }"#,
    real: REAL,
    blocks: &[],
    parse: parse::<AioReturnForm>,
    schema: schema::<AioReturnForm>,
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

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AioErrorForm {
    /// The request's number.
    aio_error: At<Value>,
    /// The variable that gets 0, EINPROGRESS or the error's number.
    into: At<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AioSuspendForm {
    /// The request's number.
    aio_suspend: At<Value>,
    /// So long at most; for ever if absent.
    timeout: Option<At<TimeAmount>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AioReturnForm {
    /// The request's number.
    aio_return: At<Value>,
    /// The variable that gets the value that the bytes carry.
    into: Option<At<String>>,
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
        let content = Content {
            bytes: self.bytes.as_ref(),
            value: self.value.as_ref(),
            text: self.text.as_ref(),
            buffer: self.buffer.unwrap_or(false),
        };
        let (bytes, what) = cx.content(step, content);
        let offset = cx.operand(&self.offset);
        let (request, notify) = (cx.assign(&self.request), signal(self.notify.as_ref(), cx));
        if let Some(fd) = cx.channel(&self.aio_write, End::Write) {
            cx.call(step, AioWrite { start: Start { fd, offset, bytes, request, notify }, what });
        }
    }
}

impl Form for AioErrorForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let (request, into) = (cx.operand(&self.aio_error), cx.assign(&self.into));
        cx.call(step, AioError { request, into });
    }
}

impl Form for AioSuspendForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let request = cx.operand(&self.aio_suspend);
        let timeout = self.timeout.as_ref().map(|time| cx.time(time));
        cx.call(step, AioSuspend { request, timeout });
    }
}

impl Form for AioReturnForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let request = cx.operand(&self.aio_return);
        let into = self.into.as_ref().map(|name| cx.assign(name));
        cx.call(step, AioReturn { request, into, keep: false });
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

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AioError {
    pub request: Operand,
    pub into: Variable,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AioSuspend {
    pub request: Operand,
    /// Nanoseconds.
    pub timeout: Option<Amount>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AioReturn {
    pub request: Operand,
    pub into: Option<Variable>,
    pub keep: bool,
}

impl Start {
    fn begin<S: Sink>(&self, call: &mut Call<'_, S>, what: Option<What>) -> Outcome {
        let (bytes, open) = (call.amount(), call.opened(self.fd));
        let user = &call.userland.users[call.task.index()];
        let offset = user.value(self.offset, call.image);
        let write = what.map(|what| what.bytes(user, call.image, bytes));
        let ask = Ask { thread: call.task, open, offset, bytes, write, notify: self.notify };
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

fn number<S: Sink>(call: &Call<'_, S>, request: Operand) -> i64 {
    call.userland.users[call.task.index()].value(request, call.image)
}

impl SystemCall for AioError {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let number = number(call, self.request);
        let request = call.kernel.requests.find(call.task, number).ok_or(Errno::EINVAL)?;
        let error = request.result.map_or(Errno::EINPROGRESS as i64, |result| (-result).max(0));
        call.user().set(Some(self.into), error);
        Ok(Outcome::Done(error))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let error = native.requests.error(native.computed(self.request))?;
        native.user.set(Some(self.into), error);
        Ok(error)
    }
}

impl SystemCall for AioSuspend {
    fn amount(&self) -> Option<&Amount> {
        self.timeout.as_ref()
    }

    fn waits(&self, _: &Image) -> Option<Awaits> {
        Some(Awaits { on: Cause::Completion, object: None })
    }

    fn after_signal(&self) -> AfterSignal {
        AfterSignal::Fails
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let number = number(call, self.request);
        let timed_out = call.kernel.take_interruption(call.task) == Some(Interruption::Timeout);
        let request = call.kernel.requests.find(call.task, number).ok_or(Errno::EINVAL)?;
        if request.result.is_some() {
            return Ok(Outcome::Done(0));
        }
        if timed_out {
            return Err(Errno::EAGAIN);
        }
        if self.timeout.is_some() {
            if call.progress() == 0 {
                let due = call.now() + Span::from_nanos(call.amount());
                call.user().progress = due.as_nanos();
            }
            let due = crate::time::Instant::from_nanos(call.progress()).max(call.now() + Span::TICK);
            call.kernel.limit_wait(call.cpu, call.task, due);
        }
        call.kernel.wait_for(crate::kernel::Kernel::<S>::completion_key(call.task), call.task);
        Ok(Outcome::Block { on: Cause::Completion, object: None })
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let most = self.timeout.map(|timeout| Span::from_nanos(native.drawn(timeout)));
        native.requests.suspend(native.computed(self.request), most).map(|()| 0)
    }
}

impl SystemCall for AioReturn {
    fn keep_what_comes(&mut self) {
        self.keep = true;
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let number = number(call, self.request);
        let request = call.kernel.requests.take(call.task, number).ok_or(Errno::EINVAL)?;
        let Request { ask, result, content, .. } = request;
        let result = result.unwrap_or(0);
        if let Some(errno) = Errno::from_result(result) {
            return Err(errno);
        }
        let Some((_, crate::kernel::file::Opened::File(file))) = ask.open else {
            return Ok(Outcome::Done(result));
        };
        let (object, bytes) = (call.kernel.files.files[file as usize].object, result as u64);
        if bytes > 0 && ask.write.is_some() {
            call.emit(Kind::MessageSend { object, bytes });
        } else if bytes > 0 {
            call.emit(Kind::MessageReceive { object, bytes });
            call.user().set(self.into, content.first_word() as i64);
        }
        if self.keep && ask.write.is_none() {
            call.user().keep(content, false);
        }
        Ok(Outcome::Done(result))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let done = native.requests.take(native.computed(self.request))?;
        if done.write && done.bytes > 0 {
            native.sent(done.object, done.bytes);
        } else if done.bytes > 0 {
            native.received(done.object, done.bytes);
        }
        if !done.write {
            let content = crate::kernel::bytes::Bytes::text(&done.content[..done.bytes]);
            if done.bytes > 0 {
                native.user.set(self.into, content.first_word() as i64);
            }
            if self.keep {
                native.user.keep(content, false);
            }
        }
        Ok(done.bytes as i64)
    }
}
