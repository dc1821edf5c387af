//! POSIX aio: `aio-error` asks whether a request is done, `aio-suspend` waits, `aio-return` takes the
//! result. Source: aio(7).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::requests::Request;
use crate::kernel::waits::Interruption;
use crate::program::at::{At, TimeAmount, Value};
use crate::program::call::{AfterSignal, Awaits, Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::verb::{Level, VerbRow};
use crate::program::{Amount, Operand, Variable};
use crate::time::Span;
use crate::trace::{Cause, Kind, Sink};

use super::aio::REAL;

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
