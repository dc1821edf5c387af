//! `fork`: a child with a copy of the parent's variables and memory (copied page by page, on write).
//!
//! The child runs another program of the scenario from its first step. Real programs share their
//! text and branch on the call's result; a scenario writes the two branches as two programs.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::Operand;
use crate::program::at::{At, Value};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Link;
use crate::program::lower::Lower;
use crate::program::problem::Code;
use crate::program::verb::{Level, VerbRow};
use crate::program::{ProgramId, Variable};

pub const ROW: VerbRow = VerbRow {
    name: "fork",
    level: Level::Syscall,
    summary: "makes a child process",
    doc: "Makes a child process with a copy of the variables and of the private memory (copied page by page, at the first write). The child runs the named program. Real programs branch on the call's result; here the two branches are two programs. `count` makes several children by as many calls.",
    example: r#"{ fork = "child", into = "pid" }"#,
    blocks: &[],
    parse: parse::<ForkForm>,
    schema: schema::<ForkForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ForkForm {
    /// The program that the child runs.
    fork: At<String>,
    /// The variable that gets the child's process number.
    into: Option<At<String>>,
    /// How many children, one call for each; 1 if absent.
    count: Option<At<Value>>,
}

impl Form for ForkForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let into = self.into.as_ref().map(|name| cx.assign(name));
        let count = self.count.as_ref().map(|count| (cx.operand(count), count));
        if let Some((Operand::Const(number), at)) = count
            && !(0..=super::MAX_COUNT).contains(&number)
        {
            let message = format!("`count` is from 0 to {}", super::MAX_COUNT);
            cx.problems.error(Code::OutOfRange, at.span.clone(), message);
        }
        let Some(program) = cx.link(Link::Fork, &self.fork) else {
            return;
        };
        let call = Fork { program, into };
        match count {
            None => cx.call(step, call),
            Some((times, _)) => cx.repeat(times, |cx| cx.call(step, call)),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fork {
    pub program: ProgramId,
    /// Gets the child's process number, in the parent.
    pub into: Option<Variable>,
}
