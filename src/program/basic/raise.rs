//! `raise`: an instruction that the CPU can't execute.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::Instruction;
use crate::program::lower::Lower;
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Exception;

pub const ROW: VerbRow = VerbRow {
    name: "raise",
    level: Level::Instruction,
    summary: "raises an exception of the CPU",
    doc: "Executes an instruction that raises an exception: a division by zero or an illegal instruction. The kernel turns it into a signal, SIGFPE or SIGILL, which ends the process.",
    example: r#"{ raise = "divide-error" }"#,
    real: Real::Yes(
        "an instruction that traps (`div` by zero, `ud2`) on x86-64; elsewhere the signal that it leads to, sent by kill(2)",
    ),
    blocks: &[],
    parse: parse::<RaiseForm>,
    schema: schema::<RaiseForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RaiseForm {
    /// The exception.
    raise: Which,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Which {
    DivideError,
    IllegalInstruction,
}

impl Form for RaiseForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        cx.emit(Instruction::Raise(match self.raise {
            Which::DivideError => Exception::DivideError,
            Which::IllegalInstruction => Exception::IllegalInstruction,
        }));
        cx.never_returns();
    }
}
