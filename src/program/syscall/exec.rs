//! `exec`: replaces the process's program; variables and private memory start afresh, open files stay.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::ProgramId;
use crate::program::at::At;
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Link;
use crate::program::lower::Lower;
use crate::program::verb::{Level, VerbRow};

pub const ROW: VerbRow = VerbRow {
    name: "exec",
    level: Level::Syscall,
    summary: "replaces the process's program",
    doc: "The process goes on with another program from its first step. Its number, parent and open files stay; variables and private memory start afresh. A successful exec doesn't return.",
    example: r#"{ exec = "child" }"#,
    blocks: &[],
    parse: parse::<ExecForm>,
    schema: schema::<ExecForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ExecForm {
    /// The program.
    exec: At<String>,
}

impl Form for ExecForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        if let Some(program) = cx.link(Link::Exec, &self.exec) {
            cx.call(step, Exec { program });
        }
        cx.never_returns();
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exec {
    pub program: ProgramId,
}
