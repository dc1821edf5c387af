//! `sigwait`: waits for a signal and takes it, without a handler.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::dispositions::UNBLOCKABLE;
use crate::kernel::waits::Interruption;
#[cfg(target_os = "linux")]
use crate::os::signal as host;
use crate::program::at::{At, TimeAmount};
use crate::program::call::{AfterSignal, Awaits, Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::resolve::{SignalName, signal_set};
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Amount, Variable};
use crate::time::Span;
use crate::trace::{Cause, Sink};

pub const ROW: VerbRow = VerbRow {
    name: "sigwait",
    level: Level::Syscall,
    summary: "waits for a signal and takes it",
    doc: "Waits until one of these signals is pending, and takes it; no handler runs. The signals should be blocked, so that they come to no handler first. The call returns the signal's number; `EAGAIN` after the time limit, `EINTR` if another signal's handler comes.",
    example: r#"{ sigwait = ["SIGUSR1", "SIGTERM"], into = "s", timeout = "5ms", on-error = "continue" }"#,
    real: Real::Yes("rt_sigtimedwait(2)"),
    blocks: &[],
    parse: parse::<SigwaitForm>,
    schema: schema::<SigwaitForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SigwaitForm {
    /// The signals.
    sigwait: Vec<At<SignalName>>,
    /// The variable that gets the number of the signal that has come.
    into: Option<At<String>>,
    /// So long at most; for ever if absent.
    timeout: Option<At<TimeAmount>>,
}

impl Form for SigwaitForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let into = self.into.as_ref().map(|name| cx.assign(name));
        let timeout = self.timeout.as_ref().map(|time| cx.time(time));
        if let Some(signals) = signal_set(&self.sigwait, cx) {
            cx.call(step, Sigwait { signals: signals & !UNBLOCKABLE, into, timeout });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sigwait {
    pub signals: u64,
    pub into: Option<Variable>,
    /// Nanoseconds.
    pub timeout: Option<Amount>,
}

impl SystemCall for Sigwait {
    fn amount(&self) -> Option<&Amount> {
        self.timeout.as_ref()
    }

    fn waits(&self, _: &Image) -> Option<Awaits> {
        let on = if self.timeout.is_some() { Cause::Sleep } else { Cause::Signal };
        Some(Awaits { on, object: None })
    }

    fn after_signal(&self) -> AfterSignal {
        AfterSignal::Fails
    }

    fn achieved<S: Sink>(&self, call: &mut Call<'_, S>) -> Option<i64> {
        call.kernel.await_signals(call.task, 0);
        None
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (task, process) = (call.task, call.process());
        let timed_out = call.kernel.take_interruption(task) == Some(Interruption::Timeout);
        call.kernel.await_signals(task, 0);
        if let Some(signal) = call.kernel.signals.next_of(task, process, self.signals) {
            call.kernel.signals.take(task, process, signal);
            call.kernel.await_signals(task, 0);
            call.user().set(self.into, signal as i64);
            return Ok(Outcome::Done(signal as i64));
        }
        if timed_out || (self.timeout.is_some() && call.amount() == 0) {
            return Err(Errno::EAGAIN);
        }
        if self.timeout.is_some() {
            if call.progress() == 0 {
                let due = call.now() + Span::from_nanos(call.amount());
                call.user().progress = due.as_nanos();
            }
            let due = crate::time::Instant::from_nanos(call.progress()).max(call.now() + Span::TICK);
            call.kernel.limit_wait(call.cpu, task, due);
        }
        call.kernel.await_signals(task, self.signals);
        Ok(Outcome::Block { on: Cause::Signal, object: None })
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let most = self.timeout.map(|timeout| Span::from_nanos(native.drawn(timeout)));
        let signal = host::wait(self.signals, most)?;
        native.user.set(self.into, signal);
        Ok(signal)
    }
}
