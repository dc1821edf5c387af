//! `load`: a shared cell's value goes to a private variable.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::at::At;
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::Instruction;
use crate::program::lower::Lower;
use crate::program::verb::{Level, Real, VerbRow};

pub const ROW: VerbRow = VerbRow {
    name: "load",
    level: Level::Instruction,
    summary: "reads a shared cell into a variable",
    doc: "Reads a cell or an array's element in shared memory into a variable of the process, a 64-bit integer: of a floating-point number the fraction is cut off. One instruction: between a `load` and a `store` an interrupt can fall, and another process can change the cell.",
    example: r#"{ load = "x", from = "shm.cell" }"#,
    real: Real::Yes("a load from a shared mapping (memfd_create(2), mmap(2))"),
    blocks: &[],
    parse: parse::<LoadForm>,
    schema: schema::<LoadForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct LoadForm {
    /// The variable.
    load: At<String>,
    /// The cell, "object.name", or element, "object.name[index]".
    from: At<String>,
}

impl Form for LoadForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let into = cx.assign(&self.load);
        if let Some((cell, _)) = cx.cell(&self.from) {
            cx.emit(Instruction::Load { into, cell });
        }
    }
}
