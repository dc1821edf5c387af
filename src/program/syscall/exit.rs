//! `exit`: ends the process with a status, all its threads with it.

use crate::program::Operand;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exit {
    pub status: Operand,
    /// Ends all threads of the process; otherwise only the caller.
    pub all: bool,
}

use crate::errno::Errno;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::trace::Sink;

impl SystemCall for Exit {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let image = call.image;
        let status = call.user().value(self.status, image);
        // As in Linux, only the low eight bits reach the parent.
        Ok(Outcome::Exit { status: (status & 0xff) as u16, all: self.all })
    }
}
