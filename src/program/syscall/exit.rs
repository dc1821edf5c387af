//! `exit`: ends the process with a status, all its threads with it.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::Operand;
use crate::program::at::{At, Value};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
use crate::program::verb::{Level, VerbRow};

pub const ROW: VerbRow = VerbRow {
    name: "exit",
    level: Level::Syscall,
    summary: "ends the process",
    doc: "Ends the process with a status (its lowest eight bits count), and all its threads. It stays a zombie until its parent has waited for it.",
    example: "{ exit = 0 }",
    blocks: &[],
    parse: parse::<ExitForm>,
    schema: schema::<ExitForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ExitForm {
    /// The status: a whole number or an expression; 0 means success.
    exit: At<Value>,
}

impl Form for ExitForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let status = cx.operand(&self.exit);
        cx.call(step, Exit { status });
        cx.never_returns();
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exit {
    pub status: Operand,
}
