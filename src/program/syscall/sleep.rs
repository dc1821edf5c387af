//! `sleep`: blocks until a timer's interrupt.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
#[cfg(target_os = "linux")]
use crate::os::clock;
use crate::program::at::{At, TimeAmount};
use crate::program::call::{AfterSignal, Awaits, Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Amount, Variable};
use crate::time::{Instant, Span};
use crate::trace::Cause;
use crate::trace::Sink;

pub const ROW: VerbRow = VerbRow {
    name: "sleep",
    level: Level::Syscall,
    summary: "sleeps for a time",
    doc: "Gives up the CPU until a timer's interrupt wakes the thread; others run meanwhile. If a signal's handler comes, it fails with `EINTR`.",
    example: r#"{ sleep = "1ms" }"#,
    real: Real::Yes("clock_nanosleep(2) on the monotonic clock"),
    blocks: &[],
    parse: parse::<SleepForm>,
    schema: schema::<SleepForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SleepForm {
    /// How long: fixed, computed or random.
    sleep: At<TimeAmount>,
    /// The variable that gets the nanoseconds that were left when a signal's handler came.
    remaining: Option<At<String>>,
}

impl Form for SleepForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let time = cx.time(&self.sleep);
        let remaining = self.remaining.as_ref().map(|name| cx.assign(name));
        cx.call(step, Sleep { time, remaining });
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sleep {
    /// Nanoseconds.
    pub time: Amount,
    /// Gets the nanoseconds that were left.
    pub remaining: Option<Variable>,
}

impl SystemCall for Sleep {
    fn amount(&self) -> Option<&Amount> {
        Some(&self.time)
    }

    fn waits(&self, _: &Image) -> Option<Awaits> {
        Some(Awaits { on: Cause::Sleep, object: None })
    }

    fn after_signal(&self) -> AfterSignal {
        AfterSignal::Fails
    }

    fn achieved<S: Sink>(&self, call: &mut Call<'_, S>) -> Option<i64> {
        let left = Instant::from_nanos(call.progress()).since(call.now()).as_nanos();
        call.user().set(self.remaining, left as i64);
        None
    }

    #[inline]
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let time = Span::from_nanos(call.amount());
        if time.is_zero() {
            return Ok(Outcome::Done(0));
        }
        if call.progress() == 0 {
            let due = call.now() + time;
            call.user().progress = due.as_nanos();
        } else if call.kernel.take_interruption(call.task).is_none() {
            return Ok(Outcome::Done(0));
        }
        // A signal that came to nothing doesn't change when it is over.
        let due = Instant::from_nanos(call.progress()).max(call.now() + Span::TICK);
        call.kernel.sleep_until(call.cpu, call.task, due);
        Ok(Outcome::Block { on: Cause::Sleep, object: None })
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let time = Span::from_nanos(native.drawn(self.time));
        clock::sleep(time).map(|()| 0).map_err(|left| {
            native.user.set(self.remaining, left.as_nanos() as i64);
            Errno::EINTR
        })
    }
}
