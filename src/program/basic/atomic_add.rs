//! `atomic-add`: reads, adds and writes a shared cell indivisibly.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::at::{At, Value};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::Instruction;
use crate::program::lower::Lower;
use crate::program::value::Operand;
use crate::program::verb::{Level, Real, VerbRow};

pub const ROW: VerbRow = VerbRow {
    name: "atomic-add",
    level: Level::Instruction,
    summary: "adds to a shared cell indivisibly",
    doc: "Reads, adds and writes in one instruction (`lock xadd` on x86): no interrupt and no other CPU can come between. `old` gets what was there before.",
    example: r#"{ atomic-add = "shm.cell", value = 1, old = "x" }"#,
    real: Real::Yes("one atomic instruction on a shared mapping (`lock xadd` on x86-64)"),
    blocks: &[],
    parse: parse::<AtomicAddForm>,
    schema: schema::<AtomicAddForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AtomicAddForm {
    /// The cell, "object.name", or element, "object.name[index]".
    atomic_add: At<String>,
    /// What is added; 1 if absent.
    value: Option<At<Value>>,
    /// The variable that gets the former value.
    old: Option<At<String>>,
}

impl Form for AtomicAddForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let value = match &self.value {
            Some(value) => cx.operand(value),
            None => Operand::Const(1),
        };
        let old = self.old.as_ref().map(|name| cx.assign(name));
        if let Some((cell, _)) = cx.integer_cell(&self.atomic_add) {
            cx.emit(Instruction::AtomicAdd { cell, value, old });
        }
    }
}
