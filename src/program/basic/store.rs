//! `store`: a value goes to a shared cell.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::at::{At, Value};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::Instruction;
use crate::program::lower::Lower;
use crate::program::verb::{Level, Real, VerbRow};

pub const ROW: VerbRow = VerbRow {
    name: "store",
    level: Level::Instruction,
    summary: "writes a value to a shared cell",
    doc: "Writes a value to a cell or an array's element in shared memory. It keeps as many bits as fit; a floating-point element gets the nearest number. All processes that have the object see it at once.",
    example: r#"{ store = "shm.cell", value = "x + 1" }"#,
    real: Real::Yes("a store to a shared mapping (memfd_create(2), mmap(2))"),
    blocks: &[],
    parse: parse::<StoreForm>,
    schema: schema::<StoreForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct StoreForm {
    /// The cell, "object.name", or element, "object.name[index]".
    store: At<String>,
    /// The value: a whole number or an expression.
    value: At<Value>,
}

impl Form for StoreForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let value = cx.operand(&self.value);
        if let Some((cell, _)) = cx.cell(&self.store) {
            cx.emit(Instruction::Store { cell, value });
        }
    }
}
