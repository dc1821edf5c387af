//! A thread's priority goes up to a mutex's ceiling, and back. No step of its own: `lock` and `unlock`
//! make it for a mutex with `protocol = "ceiling"`. Source: pthread_mutexattr_setprotocol(3),
//! `PTHREAD_PRIO_PROTECT`.

use crate::errno::Errno;
#[cfg(target_os = "linux")]
use crate::os::process;
use crate::program::call::{Call, Outcome, SystemCall};
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::trace::Sink;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ceiling {
    pub ceiling: i32,
    /// Whether the mutex is about to be taken; it has been given back otherwise.
    pub up: bool,
}

impl SystemCall for Ceiling {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (cpu, task) = (call.cpu, call.task);
        if !self.up {
            call.kernel.leave_ceiling(cpu, task, self.ceiling);
        } else if !call.kernel.raise_to_ceiling(cpu, task, self.ceiling) {
            return Err(Errno::EINVAL);
        }
        Ok(Outcome::Done(0))
    }

    /// All threads of a run are of the class without static priorities, so that the call has an effect
    /// only on its own time. Whether the ceiling is high enough is seen by what the scenario says.
    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        if self.up && native.static_priority() > self.ceiling {
            return Err(Errno::EINVAL);
        }
        process::keep_priority().map(|()| 0)
    }
}
