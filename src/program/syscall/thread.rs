//! `thread`: another thread of the same process: shares memory and files, has its own variables.

use crate::program::ProgramId;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thread {
    pub program: ProgramId,
}

use crate::errno::Errno;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::trace::Sink;

use super::fork::{give_birth, release};
use crate::kernel::process::Place;

impl SystemCall for Thread {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let process = call.process();
        let thread = give_birth(call, self.program, Place::ThreadOf(process)).ok_or(Errno::EAGAIN)?;
        release(call, thread);
        Ok(Outcome::Done(i64::from(thread.0)))
    }
}
