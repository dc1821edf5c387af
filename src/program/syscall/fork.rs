//! `fork`: a child with a copy of the parent's variables and memory (copied page by page, on write).
//!
//! The child runs another program of the scenario from its first step. Real programs share their
//! text and branch on the call's result; a scenario writes the two branches as two programs.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::ids::Tid;
use crate::kernel::process::{Birth, Place};
use crate::kernel::sched::Ready;
use crate::kernel::work::{Context, Work};
#[cfg(target_os = "linux")]
use crate::os::process::{self, Forked};
use crate::program::Operand;
use crate::program::at::{At, Value};
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Link;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::{Native, What};
use crate::program::problem::Code;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{ProgramId, Variable};
use crate::trace::Kind;
use crate::trace::Sink;

pub const ROW: VerbRow = VerbRow {
    name: "fork",
    level: Level::Syscall,
    summary: "makes a child process",
    doc: "Makes a child process with a copy of the variables and of the private memory (copied page by page, at the first write). The child runs the named program. Real programs branch on the call's result; here the two branches are two programs. `count` makes several children by as many calls.",
    example: r#"{ fork = "child", into = "pid" }"#,
    real: Real::Yes("fork(2); the child interprets its own program"),
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

impl SystemCall for Fork {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let parent = call.process();
        let child = give_birth(call, self.program, Place::ChildOf(parent)).ok_or(Errno::EAGAIN)?;
        let pages = call.kernel.copy_space(call.cpu, parent, child.leads());
        let copying = call.kernel.costs.fork_page * u64::from(pages);
        call.kernel.cpus[call.cpu].debt += call.kernel.costs.whole(copying);
        inherit_files(call, self.program, child);
        call.kernel.inherit_numbered(parent, child.leads());
        release(call, child);
        call.user().set(self.into, i64::from(child.0));
        Ok(Outcome::Done(i64::from(child.0)))
    }

    #[cfg(target_os = "linux")]
    /// Returns twice, as the real call does. The child goes on with its own program.
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        native.check_memory()?;
        let (task, user) = native.bear(self.program)?;
        let world = Arc::clone(&native.world);
        world.board.enter(task, task.leads(), native.process.leader(), user.origin, self.program);
        native.note(What::Fork, i64::from(task.0), 0);
        let held = native.held.copied();
        match process::fork() {
            Ok(Forked::Parent(pid)) => {
                world.board.is_on_host(task, pid, pid);
                native.user.set(self.into, i64::from(pid));
                Ok(i64::from(pid))
            }
            Ok(Forked::Child) => {
                native.become_child(task, user, held);
                native.keep_only_used();
                Ok(0)
            }
            Err(errno) => {
                world.board.has_ended(task, 0);
                Err(errno)
            }
        }
    }
}

/// A child or thread of the caller that is about to return from the same call with result 0, to
/// the beginning of its program. It isn't in a run queue yet.
pub(super) fn give_birth<S: Sink>(call: &mut Call<'_, S>, id: ProgramId, place: Place) -> Option<Tid> {
    let parent = &call.kernel.tasks[call.task.index()];
    let birth = Birth {
        place,
        program: id.0,
        parameters: call.kernel.own_parameters(call.task),
        affinity: parent.affinity,
        context: Context::Kernel(Work::CallExit),
    };
    let child = call.kernel.create(birth)?;
    let image = call.image;
    let origin = call.userland.next_born(id);
    let born = call.user().bear(image, id, origin);
    call.userland.users.push(born);
    let process = call.kernel.tasks[child.index()].process;
    call.kernel.sink.task(child, process, call.task, &|| origin.name(image));
    call.emit(Kind::ProcessFork { child, process });
    call.kernel.tasks[child.index()].left = call.kernel.costs.syscall_exit;
    call.kernel.inherit_signals(call.task, child);
    Some(child)
}

/// Puts a new thread into a run queue.
pub(super) fn release<S: Sink>(call: &mut Call<'_, S>, child: Tid) {
    let to = call.kernel.place_new(call.kernel.tasks[child.index()].affinity);
    let wakeup = call.kernel.costs.wakeup;
    call.kernel.cpus[call.cpu].debt += wakeup;
    call.kernel.make_ready(call.cpu, child, to, Ready::New);
    call.emit(Kind::SchedWakeup { task: child, on: to });
}

/// The child gets those of its parent's open files that its program uses.
fn inherit_files<S: Sink>(call: &mut Call<'_, S>, program: ProgramId, child: Tid) {
    let parent = call.process();
    for &fd in &call.image.programs[usize::from(program.0)].fds {
        if let Some((open, _)) = call.kernel.opened(parent, fd) {
            call.kernel.install(child.leads(), fd, open);
        }
    }
}
