//! `assert`: ends the run with a report if a condition doesn't hold.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::at::{At, Raw, Value};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::Instruction;
use crate::program::lower::Lower;
use crate::program::verb::{Level, Real, VerbRow};

pub const ROW: VerbRow = VerbRow {
    name: "assert",
    level: Level::Control,
    summary: "ends the run if a condition doesn't hold",
    doc: "Evaluates the condition and, if it is zero, ends the whole run with a report that names the process, the step and the message. Takes no time.",
    example: r#"{ assert = "i >= 0", message = "i can't be negative" }"#,
    real: Real::Yes("a comparison in user mode; the first that fails ends the run"),
    blocks: &[],
    parse: parse::<AssertForm>,
    schema: schema::<AssertForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AssertForm {
    /// The condition, an expression such as "n == 10".
    assert: At<Value>,
    /// What the report says; the condition itself if absent.
    message: Option<String>,
}

impl Form for AssertForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let condition = cx.condition(&self.assert);
        let text = match (&self.message, &self.assert.value.0) {
            (Some(message), _) => message.clone(),
            (None, Raw::Text(text)) => text.clone(),
            (None, _) => "assertion".to_owned(),
        };
        let text = cx.name(text);
        cx.emit(Instruction::Assert { condition, text });
    }

    fn takes_time(&self, _step: &Step) -> bool {
        false
    }
}
