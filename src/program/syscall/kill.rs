//! `kill`: sends a signal to a process.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::ids::Pid;
#[cfg(target_os = "linux")]
use crate::ids::Tid;
#[cfg(target_os = "linux")]
use crate::os::process;
use crate::program::at::{At, Raw, Value};
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::{Native, Row, What};
use crate::program::resolve::SignalName;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Operand, StartId};
use crate::signal::Signal;
use crate::trace::Sink;
#[cfg(target_os = "linux")]
use std::sync::Arc;

pub const ROW: VerbRow = VerbRow {
    name: "kill",
    level: Level::Syscall,
    summary: "sends a signal to a process",
    doc: "Sends a signal to `child` (the youngest living one), `parent`, `group` (all processes of the own one), an initial process by its name, or the process whose number a variable holds. SIGTERM if `signal` is absent.",
    example: r#"{ kill = "child", signal = "SIGTERM", on-error = "continue" }"#,
    real: Real::Yes("kill(2), only to processes of the same run"),
    blocks: &[],
    parse: parse::<KillForm>,
    schema: schema::<KillForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct KillForm {
    /// "child", "parent", "group" for all of the own group, a process's name, or an expression that gives a process number.
    kill: At<Value>,
    /// The signal.
    signal: Option<At<SignalName>>,
    /// Whether the number is that of a process group, each process of which gets the signal.
    #[serde(default)]
    group: bool,
    /// Whether nothing is sent, and the call only says whether there is such a process (signal 0).
    #[serde(default)]
    probe: bool,
}

impl Form for KillForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let signal = match &self.signal {
            None => Signal::SIGTERM,
            Some(name) => match name.value.resolve(&name.span) {
                Ok(signal) => signal,
                Err(problem) => {
                    cx.problems.push(problem);
                    return;
                }
            },
        };
        let target = match &self.kill.value.0 {
            Raw::Text(name) if name == "child" => Target::Child,
            Raw::Text(name) if name == "parent" => Target::Parent,
            Raw::Text(name) if name == "group" => Target::OwnGroup,
            _ if self.group => Target::Group(cx.operand(&self.kill)),
            Raw::Text(name) => match cx.names.starts.get(name) {
                Some(start) => Target::Process(*start),
                None => Target::Pid(cx.operand(&self.kill)),
            },
            _ => Target::Pid(cx.operand(&self.kill)),
        };
        cx.call(step, Kill { target, signal: (!self.probe).then_some(signal) });
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kill {
    pub target: Target,
    /// None only asks whether there is anybody.
    pub signal: Option<Signal>,
}

/// Whom a signal goes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// The process with this number.
    Pid(Operand),
    /// An initial process of the scenario; its first instance if it has several.
    Process(StartId),
    /// The sender's youngest living child.
    Child,
    Parent,
    /// All processes of a group; the sender's.
    Group(Operand),
    OwnGroup,
}

impl SystemCall for Kill {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let image = call.image;
        let process = call.process();
        let own = call.kernel.processes[process.index()].as_ref();
        let own_group = own.map(|own| own.group);
        let to = match self.target {
            Target::Pid(pid) => u32::try_from(call.user().value(pid, image)).ok().map(Pid),
            Target::Process(start) => call.kernel.first_of.get(usize::from(start.0)).copied().flatten(),
            Target::Child => call.kernel.youngest_living_child(process),
            Target::Parent => own.map(|own| own.parent),
            Target::Group(_) | Target::OwnGroup => None,
        };
        let group = match self.target {
            Target::Group(group) => u32::try_from(call.user().value(group, image)).ok().map(Pid),
            Target::OwnGroup => own_group,
            Target::Pid(_) | Target::Process(_) | Target::Child | Target::Parent => None,
        };
        let members = group.map_or(Vec::new(), |group| call.kernel.members(group));
        let mut sent = false;
        for to in to.into_iter().chain(members) {
            sent |= match self.signal {
                Some(signal) => call.kernel.send_signal(call.cpu, to, signal),
                None => call.kernel.is_there(to),
            };
        }
        if sent { Ok(Outcome::Done(0)) } else { Err(Errno::ESRCH) }
    }

    #[cfg(target_os = "linux")]
    /// Reaches processes of the same run only.
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let world = Arc::clone(&native.world);
        let own = world.board.find(native.process.leader());
        let row = match self.target {
            Target::Pid(pid) => world.board.process_on_host(native.computed(pid) as i32),
            Target::Process(start) => native.started(start),
            Target::Child => {
                let child = |row: &Row| row.parent == own.task && row.process.leader() == row.task;
                let children: Vec<Row> =
                    world.board.rows().filter(|row| child(row) && row.ended.is_none()).collect();
                // A zombie that nobody has waited for isn't meant.
                children.into_iter().rev().find(|row| process::lives(row.host_process))
            }
            Target::Parent => (own.parent > Tid::INIT).then(|| world.board.find(own.parent)),
            Target::Group(_) | Target::OwnGroup => None,
        };
        let group = match self.target {
            Target::Group(group) => Some(native.computed(group) as i32),
            Target::OwnGroup => Some(world.board.group(own.task)),
            Target::Pid(_) | Target::Process(_) | Target::Child | Target::Parent => None,
        };
        if let Some(group) = group {
            return self.execute_for_all(native, world.board.members(group));
        }
        let row = row.filter(|row| row.ended.is_none()).ok_or(Errno::ESRCH)?;
        self.send(native, &row)
    }
}

#[cfg(target_os = "linux")]
impl Kill {
    fn send(&self, native: &mut Native, row: &Row) -> Result<i64, Errno> {
        let Some(signal) = self.signal else {
            return if process::exists(row.host_process) { Ok(0) } else { Err(Errno::ESRCH) };
        };
        native.note(What::Signal, signal as i64, i64::from(row.task.0));
        process::kill(row.host_process, signal).map(|()| 0)
    }

    /// The sender comes last: the signal may end it.
    fn execute_for_all(&self, native: &mut Native, members: Vec<Row>) -> Result<i64, Errno> {
        let own = native.process.leader();
        let (own, others): (Vec<Row>, Vec<Row>) = members.into_iter().partition(|row| row.task == own);
        let mut result = Err(Errno::ESRCH);
        for row in others.iter().chain(&own) {
            result = self.send(native, row).or(result);
        }
        result
    }
}
