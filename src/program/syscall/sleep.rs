//! `sleep`: blocks until a timer's interrupt.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::Amount;
use crate::program::at::{At, TimeAmount};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
use crate::program::verb::{Level, VerbRow};

pub const ROW: VerbRow = VerbRow {
    name: "sleep",
    level: Level::Syscall,
    summary: "sleeps for a time",
    doc: "Gives up the CPU until a timer's interrupt wakes the thread; others run meanwhile.",
    example: r#"{ sleep = "1ms" }"#,
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
