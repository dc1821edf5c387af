//! `set`: a private variable gets a value.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::at::{At, Value};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::Instruction;
use crate::program::lower::Lower;
use crate::program::verb::{Level, Real, VerbRow};

pub const ROW: VerbRow = VerbRow {
    name: "set",
    level: Level::Instruction,
    summary: "gives a private variable a value",
    doc: "Evaluates the expression (one instruction for each operator, at least one) and puts the value into a variable of the process. A fork copies all variables.",
    example: r#"{ set = "x", to = "i * i + 1" }"#,
    real: Real::Yes("arithmetic of the interpreter, in user mode"),
    blocks: &[],
    parse: parse::<SetForm>,
    schema: schema::<SetForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SetForm {
    /// The variable.
    set: At<String>,
    /// Its value: a whole number or an expression.
    to: At<Value>,
}

impl Form for SetForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let value = cx.operand(&self.to);
        let variable = cx.assign(&self.set);
        cx.emit(Instruction::Set { variable, value });
    }
}
