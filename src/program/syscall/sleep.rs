//! `sleep`: blocks until a timer's interrupt.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
#[cfg(target_os = "linux")]
use crate::os::clock;
use crate::program::Amount;
use crate::program::at::{At, TimeAmount};
use crate::program::call::{Awaits, Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::verb::{Level, Real, VerbRow};
use crate::time::Span;
use crate::trace::Cause;
use crate::trace::Sink;

pub const ROW: VerbRow = VerbRow {
    name: "sleep",
    level: Level::Syscall,
    summary: "sleeps for a time",
    doc: "Gives up the CPU until a timer's interrupt wakes the thread; others run meanwhile.",
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
}

impl Form for SleepForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let time = cx.time(&self.sleep);
        cx.call(step, Sleep { time });
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sleep {
    /// Nanoseconds.
    pub time: Amount,
}

impl SystemCall for Sleep {
    fn amount(&self) -> Option<&Amount> {
        Some(&self.time)
    }

    fn waits(&self, _: &Image) -> Option<Awaits> {
        Some(Awaits { on: Cause::Sleep, object: None })
    }

    #[inline]
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let time = Span::from_nanos(call.amount());
        if call.progress() > 0 || time.is_zero() {
            return Ok(Outcome::Done(0));
        }
        let due = call.now() + time;
        call.kernel.sleep_until(call.cpu, call.task, due);
        call.user().progress = 1;
        Ok(Outcome::Block { on: Cause::Sleep, object: None })
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        clock::sleep(Span::from_nanos(native.user.draw(self.time, &native.world.image)));
        Ok(0)
    }
}
