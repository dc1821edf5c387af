//! `compare-swap`: writes a shared cell if it holds what is expected, indivisibly.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::at::{At, Value};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::Instruction;
use crate::program::lower::Lower;
use crate::program::verb::{Level, Real, VerbRow};

pub const ROW: VerbRow = VerbRow {
    name: "compare-swap",
    level: Level::Instruction,
    summary: "writes a shared cell if it holds what is expected",
    doc: "Compares the cell with `expected` and, if they are equal, writes `new`, in one instruction (`lock cmpxchg` on x86). `old` gets what was there: it equals `expected` if the write took place. All other atomic operations can be built from it.",
    example: r#"{ compare-swap = "shm.cell", expected = 0, new = 1, old = "x" }"#,
    real: Real::Yes("one atomic instruction on a shared mapping (`lock cmpxchg` on x86-64)"),
    blocks: &[],
    parse: parse::<CompareSwapForm>,
    schema: schema::<CompareSwapForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CompareSwapForm {
    /// The cell, "object.name", or element, "object.name[index]".
    compare_swap: At<String>,
    /// What the cell must hold.
    expected: At<Value>,
    /// What it gets.
    new: At<Value>,
    /// The variable that gets the former value.
    old: Option<At<String>>,
}

impl Form for CompareSwapForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let expected = cx.operand(&self.expected);
        let new = cx.operand(&self.new);
        let old = self.old.as_ref().map(|name| cx.assign(name));
        if let Some((cell, _)) = cx.integer_cell(&self.compare_swap) {
            cx.emit(Instruction::CompareSwap { cell, expected, new, old });
        }
    }
}
