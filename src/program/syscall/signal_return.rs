//! `rt_sigreturn`: the end of a signal's handler. No step makes it; the end of a handler's program does.

use crate::errno::Errno;
use crate::program::call::{Call, Outcome, SystemCall};
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::trace::Sink;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignalReturn;

impl SystemCall for SignalReturn {
    /// Whatever executes programs goes back itself to what the handler has interrupted.
    fn simulate<S: Sink>(&self, _: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        Err(Errno::EFAULT)
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, _: &mut Native) -> Result<i64, Errno> {
        Err(Errno::EFAULT)
    }
}
