//! `wait`: waits until a child has ended and takes its status, which frees the zombie.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::process::Awaited;
use crate::program::at::At;
use crate::program::call::{Awaits, Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{ProgramId, Variable};
use crate::trace::Cause;
use crate::trace::Sink;

pub const ROW: VerbRow = VerbRow {
    name: "wait",
    level: Level::Syscall,
    summary: "waits until a child has ended",
    doc: "Waits until a child has ended and takes its status, which frees the zombie: `any` child, one that was forked to run the named program, or `all` of them, one call for each.",
    example: r#"{ wait = "child", status = "x" }"#,
    real: Real::Yes("wait4(2)"),
    blocks: &[],
    parse: parse::<WaitForm>,
    schema: schema::<WaitForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WaitForm {
    /// The child's program, "any" or "all".
    wait: At<String>,
    /// The variable that gets the child's status: 0 to 255, or 128 + the signal's number.
    status: Option<At<String>>,
}

impl Form for WaitForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let whom = match self.wait.value.as_str() {
            "any" => Whom::Any,
            "all" => Whom::All,
            _ => match cx.program(&self.wait) {
                Some(program) => Whom::Program(program),
                None => return,
            },
        };
        let status = self.status.as_ref().map(|name| cx.assign(name));
        cx.call(step, Wait { whom, status });
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wait {
    pub whom: Whom,
    /// Gets the child's status: 0 to 255, or 128 + the signal's number.
    pub status: Option<Variable>,
}

/// Which child a process waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Whichever ends first.
    Any,
    /// One that was forked to run this program.
    Program(ProgramId),
    /// Each child there is; the call is made once for each.
    All,
}

impl SystemCall for Wait {
    fn waits(&self, _: &Image) -> Option<Awaits> {
        Some(Awaits { on: Cause::Child, object: None })
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let process = call.process();
        let program = match self.whom {
            Whom::Any | Whom::All => None,
            Whom::Program(program) => Some(program.0),
        };
        match call.kernel.reap(process, program) {
            Awaited::Ended(child, status) => {
                call.user().set(self.status, i64::from(status));
                let more = self.whom == Whom::All && call.kernel.has_children(process);
                let child = i64::from(child.0);
                Ok(if more { Outcome::Repeat(child) } else { Outcome::Done(child) })
            }
            Awaited::Alive => {
                let (task, kernel) = (call.task, &mut *call.kernel);
                if let Some(process) = &mut kernel.processes[process.index()] {
                    process.parents_waiting.push(task, &mut kernel.tasks);
                }
                Ok(Outcome::Block { on: Cause::Child, object: None })
            }
            Awaited::None if self.whom == Whom::All => Ok(Outcome::Done(0)),
            Awaited::None => Err(Errno::ECHILD),
        }
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let mut last = 0;
        loop {
            let child = match self.whom {
                Whom::Any | Whom::All => native.wait(None),
                Whom::Program(program) => native.wait(Some(program)),
            };
            match child {
                Ok(child) => {
                    native.user.set(self.status, i64::from(child.status));
                    last = i64::from(child.pid);
                    if self.whom != Whom::All || !native.has_children() {
                        return Ok(last);
                    }
                    native.repeat_call(last);
                }
                Err(Errno::ECHILD) if self.whom == Whom::All => return Ok(last),
                Err(errno) => return Err(errno),
            }
        }
    }
}
