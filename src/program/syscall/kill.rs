//! `kill`: sends a signal to a process.

use crate::program::{Operand, StartId};
use crate::signal::Signal;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kill {
    pub target: Target,
    pub signal: Signal,
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
}

use crate::errno::Errno;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::trace::Sink;

use crate::ids::Pid;

impl SystemCall for Kill {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let image = call.image;
        let process = call.process();
        let own = call.kernel.processes[process.index()].as_ref();
        let to = match self.target {
            Target::Pid(pid) => u32::try_from(call.user().value(pid, image)).ok().map(Pid),
            Target::Process(start) => call.kernel.first_of.get(usize::from(start.0)).copied().flatten(),
            Target::Child => own.and_then(|own| own.youngest_child),
            Target::Parent => own.map(|own| own.parent),
        };
        let sent = to.is_some_and(|to| call.kernel.send_signal(call.cpu, to, self.signal));
        if sent { Ok(Outcome::Done(0)) } else { Err(Errno::ESRCH) }
    }
}
