//! `change-buffer`: user-mode work on what the thread has read last.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::amount::{fixed_time, unit_problem};
use crate::program::at::{At, Time};
use crate::program::buffer_work::BufferWork;
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::Instruction;
use crate::program::lower::Lower;
use crate::program::verb::{Level, Real, VerbRow};
use crate::time::Span;

pub const ROW: VerbRow = VerbRow {
    name: "change-buffer",
    level: Level::Instruction,
    summary: "changes the bytes that were read last",
    doc: "Changes each byte of what the thread has read or received last: \"upper\" and \"lower\" change letters, \"invert\" all bits. It takes `cost` for each of them. A `write` or `send` with `buffer` passes the result on.",
    example: r#"{ change-buffer = "upper", cost = "2ns" }"#,
    real: Real::Yes("the same change of the buffer that the bytes were read into"),
    blocks: &[],
    parse: parse::<ChangeBufferForm>,
    schema: schema::<ChangeBufferForm>,
};

/// What happens to each byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    Upper,
    Lower,
    Invert,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ChangeBufferForm {
    /// "upper", "lower" or "invert".
    change_buffer: Change,
    /// How long the work takes for each byte; one instruction altogether if absent.
    cost: Option<At<Time>>,
}

impl Change {
    pub const fn apply(self, byte: u8) -> u8 {
        match self {
            Change::Upper => byte.to_ascii_uppercase(),
            Change::Lower => byte.to_ascii_lowercase(),
            Change::Invert => !byte,
        }
    }
}

impl Form for ChangeBufferForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        cx.uses_buffer();
        let cost = self.cost.as_ref().map_or(Ok(Span::ZERO), |cost| {
            fixed_time(&cost.value.0, cx.names.instruction)
                .map_err(|error| unit_problem(error, cost.span.clone()))
        });
        match cost {
            Ok(cost) => {
                let change = self.change_buffer;
                cx.emit(Instruction::Buffer(BufferWork::Change { change, cost }));
            }
            Err(problem) => cx.problems.push(problem),
        }
    }
}
