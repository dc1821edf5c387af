//! `if`: one branch or the other.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::at::{At, Value};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::Instruction;
use crate::program::lower::Lower;
use crate::program::verb::{Level, Real, VerbRow};

pub const ROW: VerbRow = VerbRow {
    name: "if",
    level: Level::Control,
    summary: "executes one branch or the other",
    doc: "Executes the steps in `then` if the condition isn't zero, else those in `else`, if there are any. Evaluating takes one instruction for each operator, at least one.",
    example: r#"{ if = "i == 0", then = [ { print = "first" } ], else = [ { compute = "1us" } ] }"#,
    real: Real::Yes("a branch of the interpreter, in user mode"),
    blocks: &["then", "else"],
    parse: parse::<IfForm>,
    schema: schema::<IfForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct IfForm {
    /// The condition, an expression such as "i == 0".
    #[serde(rename = "if")]
    condition: At<Value>,
}

impl Form for IfForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let condition = cx.condition(&self.condition);
        let branch = cx.emit(Instruction::JumpIfZero { condition, target: 0 });
        cx.doubtful_block(step.block("then"));
        if step.block("else").is_empty() {
            cx.patch(branch);
            return;
        }
        let skip = cx.emit(Instruction::Jump(0));
        cx.patch(branch);
        cx.doubtful_block(step.block("else"));
        cx.patch(skip);
    }
}
