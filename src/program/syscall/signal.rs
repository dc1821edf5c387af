//! `signal`: says what a process does with a signal: ignore it, or what it does by default.

use crate::signal::Signal;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignalAction {
    pub signal: Signal,
    pub action: Action,
}

/// A process's rule for a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Default,
    Ignore,
}

use crate::errno::Errno;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::trace::Sink;

impl SystemCall for SignalAction {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        if self.signal == Signal::SIGKILL {
            return Err(Errno::EINVAL);
        }
        let process = call.process();
        if let Some(process) = &mut call.kernel.processes[process.index()] {
            match self.action {
                Action::Ignore => process.ignored |= self.signal.bit(),
                Action::Default => process.ignored &= !self.signal.bit(),
            }
        }
        Ok(Outcome::Done(0))
    }
}
