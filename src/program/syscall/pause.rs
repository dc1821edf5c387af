//! `pause`: sleeps until a signal ends the process.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::at::At;
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
use crate::program::resolve::True;
use crate::program::verb::{Level, VerbRow};

pub const ROW: VerbRow = VerbRow {
    name: "pause",
    level: Level::Syscall,
    summary: "sleeps until a signal",
    doc: "Sleeps until a signal ends the process.",
    example: "{ pause = true }",
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
