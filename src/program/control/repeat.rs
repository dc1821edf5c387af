//! `repeat`: a number of times.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::at::{At, Value};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
use crate::program::value::Operand;
use crate::program::verb::{Level, Real, VerbRow};

pub const ROW: VerbRow = VerbRow {
    name: "repeat",
    level: Level::Control,
    summary: "executes steps a number of times",
    doc: "Executes the steps in `do` as often as the number or expression says; the expression is evaluated once, before the first round. Counting takes no time: a loop costs what is written in it.",
    example: r#"{ repeat = 3, do = [ { compute = "1us" } ] }"#,
    real: Real::Yes("a loop of the interpreter, in user mode"),
    blocks: &["do"],
    parse: parse::<RepeatForm>,
    schema: schema::<RepeatForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RepeatForm {
    /// How often: a whole number or an expression.
    repeat: At<Value>,
}

impl Form for RepeatForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let times = cx.operand(&self.repeat);
        let body = step.block("do");
        cx.repeat(times, |cx| match times {
            Operand::Const(1..) => cx.block(body),
            Operand::Const(_) | Operand::Variable(_) | Operand::Expression(_) => {
                cx.doubtful_block(body);
            }
        });
    }

    fn takes_time(&self, step: &Step) -> bool {
        step.block("do").iter().any(Step::takes_time)
    }
}
