//! `close`: gives up one end of a pipe or a file. The last close of a write end is the reader's end of file.

use crate::ids::Fd;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Close {
    pub fd: Fd,
}

use crate::errno::Errno;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::trace::Sink;

impl SystemCall for Close {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let process = call.process();
        let was_open = call.kernel.close(call.cpu, process, self.fd);
        if was_open { Ok(Outcome::Done(0)) } else { Err(Errno::EBADF) }
    }
}
