//! `add`: a private variable grows.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::at::{At, Value};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::Instruction;
use crate::program::lower::Lower;
use crate::program::value::{Operand, Operator};
use crate::program::verb::{Level, Real, VerbRow};

pub const ROW: VerbRow = VerbRow {
    name: "add",
    level: Level::Instruction,
    summary: "adds to a private variable",
    doc: "Adds a value to a variable of the process. One instruction for the addition and one for each further operator.",
    example: r#"{ add = "i", value = 1 }"#,
    real: Real::Yes("arithmetic of the interpreter, in user mode"),
    blocks: &[],
    parse: parse::<AddForm>,
    schema: schema::<AddForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AddForm {
    /// The variable.
    add: At<String>,
    /// What is added: a whole number or an expression.
    value: At<Value>,
}

impl Form for AddForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let by = cx.operand(&self.value);
        let variable = cx.assign(&self.add);
        let sum = Operand::Variable(variable);
        let value = cx.tables.expressions.add(Operator::Add, sum, by);
        cx.emit(Instruction::Set { variable, value });
    }
}
