//! `yield`: steps back behind the other ready threads of the same standing.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
#[cfg(target_os = "linux")]
use crate::os::process;
use crate::program::at::At;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::resolve::True;
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Sink;

pub const ROW: VerbRow = VerbRow {
    name: "yield",
    level: Level::Syscall,
    summary: "steps back behind the others",
    doc: "Steps back behind the other ready threads of the same standing; goes on at once if there are none.",
    example: "{ yield = true }",
    real: Real::Yes("sched_yield(2)"),
    blocks: &[],
    parse: parse::<YieldForm>,
    schema: schema::<YieldForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct YieldForm {
    /// Always `true`.
    #[serde(rename = "yield")]
    _yield: At<True>,
}

impl Form for YieldForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        cx.call(step, Yield);
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Yield;

impl SystemCall for Yield {
    fn simulate<S: Sink>(&self, _: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        Ok(Outcome::Yield(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, _: &mut Native) -> Result<i64, Errno> {
        process::sched_yield();
        Ok(0)
    }
}
