//! `while`: as long as a condition holds.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::at::{At, Value};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::Instruction;
use crate::program::lower::Lower;
use crate::program::verb::{Level, Real, VerbRow};

pub const ROW: VerbRow = VerbRow {
    name: "while",
    level: Level::Control,
    summary: "executes steps as long as a condition holds",
    doc: "Evaluates the condition before each round and executes the steps in `do` while it isn't zero. Evaluating takes one instruction for each operator, at least one.",
    example: r#"{ while = "i < 3", do = [ { add = "i", value = 1 } ] }"#,
    real: Real::Yes("a loop of the interpreter, in user mode"),
    blocks: &["do"],
    parse: parse::<WhileForm>,
    schema: schema::<WhileForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WhileForm {
    /// The condition, an expression such as "i < 10".
    #[serde(rename = "while")]
    condition: At<Value>,
}

impl Form for WhileForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let top = cx.here();
        let condition = cx.condition(&self.condition);
        let end = cx.emit(Instruction::JumpIfZero { condition, target: 0 });
        cx.doubtful_block(step.block("do"));
        cx.emit(Instruction::Jump(top));
        cx.patch(end);
    }
}
