//! `sleep`: blocks until a timer's interrupt.

use crate::program::Amount;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sleep {
    /// Nanoseconds.
    pub time: Amount,
}

use crate::errno::Errno;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::trace::Sink;

use crate::time::Span;
use crate::trace::Cause;

impl SystemCall for Sleep {
    fn amount(&self) -> Option<Amount> {
        Some(self.time)
    }

    #[inline]
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let time = Span::from_nanos(call.amount());
        if call.progress() > 0 || time.is_zero() {
            return Ok(Outcome::Done(0));
        }
        let due = call.now() + time;
        call.kernel.sleep_until(call.cpu, call.task, due);
        call.user().progress = 1;
        Ok(Outcome::Block { on: Cause::Sleep, object: None })
    }
}
