//! `join`: waits for a thread of the same process to end, or for all of them.
//!
//! Real: a futex wait on the thread's number, which the kernel clears at its end (pthread_join).

use crate::program::ProgramId;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Join {
    /// Only threads that run this program; all others of the process if absent.
    pub program: Option<ProgramId>,
}

use crate::errno::Errno;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::trace::Sink;

use crate::kernel::task::State;
use crate::trace::Cause;

impl SystemCall for Join {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let process = call.process();
        let awaited = (process.index()..call.kernel.tasks.len()).any(|index| {
            let task = &call.kernel.tasks[index];
            let program = call.userland.users[index].program;
            task.process == process
                && index != call.task.index()
                && task.state != State::Ended
                && self.program.is_none_or(|only| only == program)
        });
        if !awaited {
            return Ok(Outcome::Done(0));
        }
        let (task, kernel) = (call.task, &mut *call.kernel);
        if let Some(process) = &mut kernel.processes[process.index()] {
            process.joiners.push(task, &mut kernel.tasks);
        }
        Ok(Outcome::Block { on: Cause::Thread, object: None })
    }
}
