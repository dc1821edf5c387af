//! `fsync`: waits until the disk holds all that was written to a file.

use crate::ids::Fd;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fsync {
    pub fd: Fd,
}

use crate::errno::Errno;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::trace::Sink;

use crate::hw::mmu::PAGE_SIZE;
use crate::kernel::file::{Opened, Transfer};
use crate::trace::Cause;

impl SystemCall for Fsync {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let process = call.process();
        let (_, Opened::File(file)) = call.kernel.opened(process, self.fd).ok_or(Errno::EBADF)? else {
            return Err(Errno::EINVAL);
        };
        if call.progress() > 0 {
            return call.kernel.take_failure(call.task).map(|()| Outcome::Done(0));
        }
        let entry = &mut call.kernel.files.files[file as usize];
        let dirty = entry.dirty.iter_mut().map(std::mem::take).filter(|&dirty| dirty).count() as u64;
        if dirty == 0 {
            return Ok(Outcome::Done(0));
        }
        let object = entry.object;
        let transfer = Transfer { thread: call.task, file, first_page: 0, pages: 0 };
        call.kernel.transfer(call.cpu, transfer, dirty * PAGE_SIZE, true);
        call.user().progress = 1;
        Ok(Outcome::Block { on: Cause::Disk, object: Some(object) })
    }
}
