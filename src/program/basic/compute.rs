//! `compute`: plain work in user mode.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::at::{At, TimeAmount};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::Instruction;
use crate::program::lower::Lower;
use crate::program::verb::{Level, Real, VerbRow};

pub const ROW: VerbRow = VerbRow {
    name: "compute",
    level: Level::Instruction,
    summary: "works for a time in user mode",
    doc: "Executes plain instructions for so long: fixed (\"10us\", \"500 instructions\"), computed, or random. It is time on a CPU: interrupts and other threads come on top of it.",
    example: r#"{ compute = { dist = "exponential", mean = "10us" } }"#,
    real: Real::Yes("an empty loop, whose speed is measured in CPU time before the run"),
    blocks: &[],
    parse: parse::<ComputeForm>,
    schema: schema::<ComputeForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ComputeForm {
    /// How long.
    compute: At<TimeAmount>,
}

impl Form for ComputeForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let time = cx.time(&self.compute);
        cx.emit(Instruction::Compute(time));
    }

    fn takes_time(&self, _step: &Step) -> bool {
        self.compute.value.is_surely_positive()
    }
}
