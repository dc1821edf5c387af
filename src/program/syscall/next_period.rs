//! `next-period`: a periodic process has done its job and waits for the next one.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::releases::NextJob;
#[cfg(target_os = "linux")]
use crate::os::clock;
use crate::program::at::At;
use crate::program::call::{AfterSignal, Awaits, Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::resolve::True;
use crate::program::verb::{Level, Real, VerbRow};
#[cfg(target_os = "linux")]
use crate::time::Instant;
use crate::trace::{Cause, Sink};

pub const ROW: VerbRow = VerbRow {
    name: "next-period",
    level: Level::Syscall,
    summary: "ends a job and waits for the next one",
    doc: "A process with a `period` has done its job: it waits until the next one is released. If that has happened already, the next job begins at once, behind the other ready threads of the same standing (not under the policy `linux`, which isn't told of jobs). The result is the number of the job that begins, or 0 after the last one. A periodic process without this step goes through its steps once in each period. `EINVAL` if the process has no `period`, and in its children and other threads. A signal's handler runs, and the wait goes on.",
    example: "{ next-period = true }",
    real: Real::Yes(
        "clock_nanosleep(2) until an absolute time on the monotonic clock; the kernel isn't told of periods and deadlines",
    ),
    blocks: &[],
    parse: parse::<NextPeriodForm>,
    schema: schema::<NextPeriodForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct NextPeriodForm {
    /// Always `true`.
    #[serde(rename = "next-period")]
    _next_period: At<True>,
}

impl Form for NextPeriodForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        cx.call(step, NextPeriod);
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NextPeriod;

impl SystemCall for NextPeriod {
    fn waits(&self, _: &Image) -> Option<Awaits> {
        Some(Awaits { on: Cause::Release, object: None })
    }

    fn after_signal(&self) -> AfterSignal {
        AfterSignal::Restarts
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        if call.progress() != 0 && call.kernel.take_interruption(call.task).is_none() {
            return Ok(Outcome::Done(call.kernel.job_of(call.task) as i64));
        }
        match call.kernel.end_job(call.cpu, call.task).ok_or(Errno::EINVAL)? {
            NextJob::None => Ok(Outcome::Done(0)),
            NextJob::Now => {
                let number = call.kernel.begin_job(call.cpu, call.task) as i64;
                Ok(if call.kernel.ignores_jobs() { Outcome::Done(number) } else { Outcome::Yield(number) })
            }
            NextJob::At(release) => {
                call.user().progress = release.as_nanos();
                call.kernel.sleep_until(call.cpu, call.task, release);
                Ok(Outcome::Block { on: Cause::Release, object: None })
            }
        }
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let periodic = native.periodic.as_mut().ok_or(Errno::EINVAL)?;
        match periodic.end(Instant::from_nanos(clock::now()), |_| {}) {
            NextJob::None => return Ok(0),
            NextJob::Now => {}
            NextJob::At(release) => {
                if !clock::sleep_until(release) {
                    return Err(Errno::EINTR);
                }
            }
        }
        Ok(periodic.begin().map_or(0, |job| job.number as i64))
    }
}
