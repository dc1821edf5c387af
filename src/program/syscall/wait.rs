//! `wait`: waits until a child has ended and takes its status, which frees the zombie.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::ids::Pid;
use crate::kernel::dispositions::News;
use crate::kernel::process::Awaited;
#[cfg(target_os = "linux")]
use crate::os::children::{Also, Waited};
use crate::program::at::{At, Value};
use crate::program::call::{Awaits, Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::problem::Code;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Operand, ProgramId, Variable};
use crate::trace::Cause;
use crate::trace::Sink;

pub const ROW: VerbRow = VerbRow {
    name: "wait",
    level: Level::Syscall,
    summary: "waits until a child has ended",
    doc: "Waits until a child has ended and takes its status, which frees the zombie: `any` child, one that was forked to run the named program, or `all` of them, one call for each. With `pid` it is the child with that number.",
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
    /// Only the child with this number; together with `any`.
    pid: Option<At<Value>>,
    /// Whether the call returns at once, with 0, if no such child has ended (WNOHANG).
    #[serde(default)]
    now: bool,
    /// Whether a child that a signal has stopped counts, too; its status is 256 + the signal's number
    /// (WUNTRACED).
    #[serde(default)]
    stopped: bool,
    /// Whether a child that goes on after a stop counts, too; its status is 512 (WCONTINUED).
    #[serde(default)]
    continued: bool,
}

/// The statuses of a child that has stopped, to which the signal's number is added, and of one that goes
/// on.
const STOPPED: i64 = 256;
const CONTINUED: i64 = 512;

impl Form for WaitForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let pid = self.pid.as_ref().map(|pid| cx.operand(pid));
        let whom = match (self.wait.value.as_str(), pid) {
            ("any", Some(pid)) => Whom::Pid(pid),
            (_, Some(_)) => {
                let message = "a number is waited for by `wait = \"any\"`";
                cx.problems.error(Code::WrongObject, self.wait.span.clone(), message);
                return;
            }
            ("any", None) => Whom::Any,
            ("all", None) => Whom::All,
            (_, None) => match cx.program(&self.wait) {
                Some(program) => Whom::Program(program),
                None => return,
            },
        };
        let status = self.status.as_ref().map(|name| cx.assign(name));
        let Self { now, stopped, continued, .. } = *self;
        cx.call(step, Wait { whom, status, now, stopped, continued });
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wait {
    pub whom: Whom,
    /// Gets the child's status: 0 to 255, or 128 + the signal's number.
    pub status: Option<Variable>,
    /// It doesn't wait.
    pub now: bool,
    /// Children that have stopped count, and those that go on.
    pub stopped: bool,
    pub continued: bool,
}

/// Which child a process waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Whichever ends first.
    Any,
    /// One that was forked to run this program.
    Program(ProgramId),
    /// The one with this number.
    Pid(Operand),
    /// Each child there is; the call is made once for each.
    All,
}

impl SystemCall for Wait {
    fn waits(&self, _: &Image) -> Option<Awaits> {
        Some(Awaits { on: Cause::Child, object: None })
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let process = call.process();
        let image = call.image;
        let (program, pid) = match self.whom {
            Whom::Any | Whom::All => (None, None),
            Whom::Program(program) => (Some(program.0), None),
            Whom::Pid(pid) => (None, Some(call.user().value(pid, image))),
        };
        let fits = |id: Pid, runs: u16| {
            program.is_none_or(|program| program == runs) && pid.is_none_or(|pid| pid == i64::from(id.0))
        };
        let awaited = call.kernel.reap(process, fits);
        if awaited == Awaited::Alive && (self.stopped || self.continued) {
            let wanted = |news| match news {
                News::Stopped(_) => self.stopped,
                News::Continued => self.continued,
            };
            if let Some((child, news)) = call.kernel.news_of(process, fits, wanted) {
                let status = match news {
                    News::Stopped(signal) => STOPPED + signal as i64,
                    News::Continued => CONTINUED,
                };
                call.user().set(self.status, status);
                return Ok(Outcome::Done(i64::from(child.0)));
            }
        }
        match awaited {
            Awaited::Alive if self.now => Ok(Outcome::Done(0)),
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
            let Self { now, stopped, continued, .. } = *self;
            let also = Also { now, stopped, continued };
            let child = match self.whom {
                Whom::Any | Whom::All => native.wait(None, None, also),
                Whom::Program(program) => native.wait(Some(program), None, also),
                Whom::Pid(pid) => native.wait(None, Some(native.computed(pid)), also),
            };
            match child {
                Ok(None) => return Ok(0),
                Ok(Some(Waited::Stopped { pid, signal })) => {
                    native.user.set(self.status, STOPPED + i64::from(signal));
                    return Ok(i64::from(pid));
                }
                Ok(Some(Waited::Continued { pid })) => {
                    native.user.set(self.status, CONTINUED);
                    return Ok(i64::from(pid));
                }
                Ok(Some(Waited::Ended(child))) => {
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
