//! `pause`: sleeps until a signal ends the process.

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pause;

use crate::errno::Errno;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::trace::Sink;

use crate::trace::Cause;

impl SystemCall for Pause {
    fn simulate<S: Sink>(&self, _: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        Ok(Outcome::Block { on: Cause::Signal, object: None })
    }
}
