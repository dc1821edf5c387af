//! `getpid` and `getppid`: the process's own number and its parent's. The cheapest calls there are.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
#[cfg(target_os = "linux")]
use crate::os::process;
use crate::program::Variable;
use crate::program::at::{At, Whether};
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Sink;

pub const GETPID: VerbRow = VerbRow {
    name: "getpid",
    level: Level::Syscall,
    summary: "asks for the process's own number",
    doc: "Asks the kernel for the process's number: the cheapest call there is, a good measure of what entering the kernel costs.",
    example: r#"{ getpid = "pid" }"#,
    real: Real::Yes("getpid(2)"),
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
    real: Real::Yes("getppid(2)"),
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

impl SystemCall for Getpid {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let own = i64::from(call.process().0);
        call.user().set(self.into, own);
        Ok(Outcome::Done(own))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let own = i64::from(process::getpid());
        native.user.set(self.into, own);
        Ok(own)
    }
}

impl SystemCall for Getppid {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let process = call.process();
        let parent = call.kernel.processes[process.index()].as_ref().map_or(0, |process| process.parent.0);
        call.user().set(self.into, i64::from(parent));
        Ok(Outcome::Done(i64::from(parent)))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let parent = process::getppid();
        let parent = if parent == native.world.board.guardian() { 1 } else { i64::from(parent) };
        native.user.set(self.into, parent);
        Ok(parent)
    }
}
