//! `pause`: sleeps until a signal ends the process, or a handler has run.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
#[cfg(target_os = "linux")]
use crate::os::process;
use crate::program::at::At;
use crate::program::call::{AfterSignal, Awaits, Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::resolve::True;
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Cause;
use crate::trace::Sink;

pub const ROW: VerbRow = VerbRow {
    name: "pause",
    level: Level::Syscall,
    summary: "sleeps until a signal",
    doc: "Sleeps until a signal ends the process, or until a handler has run; then it fails with `EINTR`.",
    example: "{ pause = true }",
    real: Real::Yes("pause(2)"),
    blocks: &[],
    parse: parse::<PauseForm>,
    schema: schema::<PauseForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PauseForm {
    /// Always `true`.
    #[serde(rename = "pause")]
    _pause: At<True>,
}

impl Form for PauseForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        cx.call(step, Pause);
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pause;

impl SystemCall for Pause {
    fn waits(&self, _: &Image) -> Option<Awaits> {
        Some(Awaits { on: Cause::Signal, object: None })
    }

    fn after_signal(&self) -> AfterSignal {
        AfterSignal::Fails
    }

    fn simulate<S: Sink>(&self, _: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        Ok(Outcome::Block { on: Cause::Signal, object: None })
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, _: &mut Native) -> Result<i64, Errno> {
        process::pause();
        Err(Errno::EINTR)
    }
}
