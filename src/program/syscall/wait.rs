//! `wait`: waits until a child has ended and takes its status, which frees the zombie.

use crate::program::{ProgramId, Variable};

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

use crate::errno::Errno;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::trace::Sink;

use crate::kernel::process::Awaited;
use crate::trace::Cause;

impl SystemCall for Wait {
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
}
