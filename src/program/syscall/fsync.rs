//! `fsync`: waits until the disk holds all that was written to a file.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::hw::mmu::PAGE_SIZE;
use crate::kernel::caches::Used;
use crate::kernel::file::{Opened, Transfer, Way};
#[cfg(target_os = "linux")]
use crate::os::file;
use crate::program::Handle;
use crate::program::at::At;
use crate::program::call::{Awaits, Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::lower::Lower;
use crate::program::names::Channel;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::problem::{Code, Problem};
use crate::program::resolve::End;
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Cause;
use crate::trace::Sink;

pub const ROW: VerbRow = VerbRow {
    name: "fsync",
    level: Level::Syscall,
    summary: "waits until the disk holds a file",
    doc: "Waits until the disk has all that was written to the file. A `write` alone only changes the page cache: what was acknowledged can still be lost.",
    example: r#"{ fsync = "log" }"#,
    real: Real::Yes("fsync(2)"),
    blocks: &[],
    parse: parse::<FsyncForm>,
    schema: schema::<FsyncForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FsyncForm {
    /// The file.
    fsync: At<String>,
}

impl Form for FsyncForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        if matches!(cx.channel_kind(&self.fsync.value), Some(Channel::Pipe { .. })) {
            let message = format!("`{}` is a pipe; only files can be synchronised", self.fsync.value);
            cx.problems.push(Problem::error(Code::WrongObject, self.fsync.span.clone(), message));
            return;
        }
        if let Some(fd) = cx.channel(&self.fsync, End::Write) {
            cx.call(step, Fsync { fd });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fsync {
    pub fd: Handle,
}

impl SystemCall for Fsync {
    fn uses<S: Sink>(&self, call: &Call<'_, S>) -> Option<Used> {
        match call.opened(self.fd)?.1 {
            Opened::File(file) => Some(Used::File { file, writes: false }),
            Opened::PipeRead(_)
            | Opened::PipeWrite(_)
            | Opened::Keyboard
            | Opened::Screen
            | Opened::Socket(_) => None,
        }
    }

    fn waits(&self, image: &Image) -> Option<Awaits> {
        Some(image.channel_wait(self.fd, Cause::Disk))
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (_, Opened::File(file)) = call.opened(self.fd).ok_or(Errno::EBADF)? else {
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
        call.kernel.transfer(call.cpu, transfer, dirty * PAGE_SIZE, Way::Flush);
        call.user().progress = 1;
        Ok(Outcome::Block { on: Cause::Disk, object: Some(object) })
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        file::sync(native.descriptor(self.fd)?).map(|()| 0)
    }
}
