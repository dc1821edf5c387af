//! `fork`: a child with a copy of the parent's variables and memory (copied page by page, on write).
//!
//! The child runs another program of the scenario from its first step. Real programs share their
//! text and branch on the call's result; a scenario writes the two branches as two programs.

use crate::program::{ProgramId, Variable};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fork {
    pub program: ProgramId,
    /// Gets the child's process number, in the parent.
    pub into: Option<Variable>,
}

use crate::errno::Errno;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::trace::Sink;

use crate::ids::Tid;
use crate::kernel::process::{Birth, Place};
use crate::kernel::sched::Ready;
use crate::kernel::work::{Context, Work};
use crate::program::userland::User;
use crate::trace::Kind;

impl SystemCall for Fork {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let parent = call.process();
        let child = give_birth(call, self.program, Place::ChildOf(parent)).ok_or(Errno::EAGAIN)?;
        let pages = call.kernel.copy_space(call.cpu, parent, child.leads());
        let copying = call.kernel.costs.fork_page * u64::from(pages);
        call.kernel.cpus[call.cpu].debt += call.kernel.costs.whole(copying);
        inherit_files(call, self.program, child);
        release(call, child);
        call.user().set(self.into, i64::from(child.0));
        Ok(Outcome::Done(i64::from(child.0)))
    }
}

/// A child or thread of the caller that is about to return from the same call with result 0, to
/// the beginning of its program. It isn't in a run queue yet.
pub(super) fn give_birth<S: Sink>(call: &mut Call<'_, S>, id: ProgramId, place: Place) -> Option<Tid> {
    let parent = &call.kernel.tasks[call.task.index()];
    let birth = Birth {
        place,
        program: id.0,
        parameters: parent.parameters,
        affinity: parent.affinity,
        context: Context::Kernel(Work::CallExit),
    };
    let child = call.kernel.create(birth)?;
    let image = call.image;
    let program = &image.programs[usize::from(id.0)];
    let origin = call.userland.next_born(id);
    let user = call.user();
    if user.children.len() <= usize::from(id.0) {
        user.children.resize(usize::from(id.0) + 1, 0);
    }
    let index = user.children[usize::from(id.0)];
    user.children[usize::from(id.0)] += 1;
    let key = user.key.named(&program.name).numbered(u64::from(index));
    let mut born = User::new(origin, id, program, index, key);
    born.inherit(program, user, &image.programs[usize::from(user.program.0)]);
    born.call = user.call;
    call.userland.users.push(born);
    let process = call.kernel.tasks[child.index()].process;
    call.kernel.sink.task(child, process, call.task, &|| origin.name(image));
    call.emit(Kind::ProcessFork { child, process });
    call.kernel.tasks[child.index()].left = call.kernel.costs.whole(call.kernel.costs.syscall_exit);
    Some(child)
}

/// Puts a new thread into a run queue.
pub(super) fn release<S: Sink>(call: &mut Call<'_, S>, child: Tid) {
    let to = call.kernel.place_new(call.kernel.tasks[child.index()].affinity);
    let wakeup = call.kernel.costs.whole(call.kernel.costs.wakeup);
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
