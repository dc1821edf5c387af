//! `getpid` and `getppid`: the process's own number and its parent's. The cheapest calls there are.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::Variable;
use crate::program::at::{At, Whether};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
use crate::program::verb::{Level, VerbRow};

pub const GETPID: VerbRow = VerbRow {
    name: "getpid",
    level: Level::Syscall,
    summary: "asks for the process's own number",
    doc: "Asks the kernel for the process's number: the cheapest call there is, a good measure of what entering the kernel costs.",
    example: r#"{ getpid = "pid" }"#,
    blocks: &[],
    parse: parse::<GetpidForm>,
    schema: schema::<GetpidForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct GetpidForm {
    /// The variable that gets the number, or `true` to throw it away.
    getpid: At<Whether>,
}

impl Form for GetpidForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let into = into(&self.getpid, cx);
        cx.call(step, Getpid { into });
    }
}

pub const GETPPID: VerbRow = VerbRow {
    name: "getppid",
    level: Level::Syscall,
    summary: "asks for the parent's number",
    doc: "Asks the kernel for the parent's process number; 1 if the parent has ended.",
    example: r#"{ getppid = "pid" }"#,
    blocks: &[],
    parse: parse::<GetppidForm>,
    schema: schema::<GetppidForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct GetppidForm {
    /// The variable that gets the number, or `true` to throw it away.
    getppid: At<Whether>,
}

impl Form for GetppidForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let into = into(&self.getppid, cx);
        cx.call(step, Getppid { into });
    }
}

/// The variable that a result goes to, unless it is thrown away.
fn into(at: &At<Whether>, cx: &mut Lower<'_>) -> Option<Variable> {
    match &at.value {
        Whether::True => None,
        Whether::Name(name) => Some(cx.assign(&At::new(at.span.clone(), name.clone()))),
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Getpid {
    pub into: Option<Variable>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Getppid {
    pub into: Option<Variable>,
}
