//! `setpgid` and `getpgid`: the process group that a process belongs to.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::ids::Pid;
use crate::program::at::{At, Value};
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::{Native, Row};
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Operand, Variable};
use crate::trace::Sink;

pub const SET: VerbRow = VerbRow {
    name: "setpgid",
    level: Level::Syscall,
    summary: "puts a process into a process group",
    doc: "Puts the process with this number (0 for itself), which is the caller or a child of its that hasn't executed another program, into a group: an existing one, or its own if `group` is 0 or absent. A signal can be sent to a whole group. `ESRCH` if it is neither, `EPERM` if there is no such group.",
    example: r#"{ setpgid = 0 }"#,
    real: Real::Yes(
        "kept by the run itself: all of its processes stay in one group of the host's, so that they can be ended at once",
    ),
    blocks: &[],
    parse: parse::<SetpgidForm>,
    schema: schema::<SetpgidForm>,
};

pub const GET: VerbRow = VerbRow {
    name: "getpgid",
    level: Level::Syscall,
    summary: "asks for a process's group",
    doc: "Asks for the number of the group of the caller, or of the process with the number `of`. That of the initial processes is 1.",
    example: r#"{ getpgid = "group" }"#,
    real: Real::Yes("kept by the run itself, as `setpgid` says"),
    blocks: &[],
    parse: parse::<GetpgidForm>,
    schema: schema::<GetpgidForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SetpgidForm {
    /// The process's number; 0 for the caller.
    setpgid: At<Value>,
    /// The group's number; 0 for the process's own.
    group: Option<At<Value>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct GetpgidForm {
    /// The variable that gets the group's number.
    getpgid: At<String>,
    /// The process's number; 0 for the caller.
    of: Option<At<Value>>,
}

impl Form for SetpgidForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let process = cx.operand(&self.setpgid);
        let group = self.group.as_ref().map_or(Operand::Const(0), |group| cx.operand(group));
        cx.call(step, Setpgid { process, group });
    }
}

impl Form for GetpgidForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let into = cx.assign(&self.getpgid);
        let process = self.of.as_ref().map_or(Operand::Const(0), |of| cx.operand(of));
        cx.call(step, Getpgid { process, into });
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setpgid {
    pub process: Operand,
    pub group: Operand,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Getpgid {
    pub process: Operand,
    pub into: Variable,
}

/// The process with this number; zero stands for the caller.
fn named<S: Sink>(call: &Call<'_, S>, number: i64) -> Result<Pid, Errno> {
    if number == 0 {
        return Ok(call.process());
    }
    let id = u32::try_from(number).map(Pid).map_err(|_| Errno::ESRCH)?;
    let process = call.kernel.processes.get(id.index()).and_then(Option::as_ref);
    process.filter(|process| process.is_alive() && id != Pid::INIT).map(|_| id).ok_or(Errno::ESRCH)
}

impl SystemCall for Setpgid {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (image, own) = (call.image, call.process());
        let (number, group) = (call.user().value(self.process, image), call.user().value(self.group, image));
        if group < 0 {
            return Err(Errno::EINVAL);
        }
        let target = named(call, number)?;
        let parent = |id: Pid| call.kernel.processes[id.index()].as_ref().map(|process| process.parent);
        if target != own && parent(target) != Some(own) {
            return Err(Errno::ESRCH);
        }
        let executed = call.kernel.processes[target.index()].as_ref().is_some_and(|process| process.executed);
        if target != own && executed {
            return Err(Errno::EACCES);
        }
        let group = if group == 0 { target } else { Pid(u32::try_from(group).map_err(|_| Errno::EPERM)?) };
        if group != target && call.kernel.members(group).is_empty() {
            return Err(Errno::EPERM);
        }
        if let Some(process) = &mut call.kernel.processes[target.index()] {
            process.group = group;
        }
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let (number, group) = (native.computed(self.process), native.computed(self.group));
        if group < 0 {
            return Err(Errno::EINVAL);
        }
        let target = on_host(native, number)?;
        let own = native.process.leader();
        if target.task != own && target.parent != own {
            return Err(Errno::ESRCH);
        }
        let board = &native.world.board;
        if target.task != own && board.has_executed(target.task) {
            return Err(Errno::EACCES);
        }
        let group = if group == 0 { target.host_process } else { group as i32 };
        if group != target.host_process && board.members(group).is_empty() {
            return Err(Errno::EPERM);
        }
        board.set_group(target.task, group);
        Ok(0)
    }
}

impl SystemCall for Getpgid {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let image = call.image;
        let number = call.user().value(self.process, image);
        let target = named(call, number)?;
        let group = call.kernel.processes[target.index()].as_ref().map_or(0, |process| process.group.0);
        call.user().set(Some(self.into), i64::from(group));
        Ok(Outcome::Done(i64::from(group)))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let target = on_host(native, native.computed(self.process))?;
        let group = i64::from(native.world.board.group(target.task));
        native.user.set(Some(self.into), group);
        Ok(group)
    }
}

/// The process with this number on the host; zero stands for the caller.
#[cfg(target_os = "linux")]
fn on_host(native: &Native, number: i64) -> Result<Row, Errno> {
    let board = &native.world.board;
    if number == 0 {
        return Ok(board.find(native.process.leader()));
    }
    let number = i32::try_from(number).map_err(|_| Errno::ESRCH)?;
    let row = board.process_on_host(number).filter(|row| number > 0 && row.ended.is_none());
    row.ok_or(Errno::ESRCH)
}
