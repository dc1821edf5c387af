//! `fsync`: waits until the disk holds all that was written to a file.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::caches::Used;
use crate::kernel::file::{Job, Opened, Transfer, Way};
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
        if let Some(fd) = file_to_sync(&self.fsync, cx) {
            cx.call(step, Fsync { fd });
        }
    }
}

/// The descriptor of a file; anything else can't be synchronised.
fn file_to_sync(name: &At<String>, cx: &mut Lower<'_>) -> Option<Handle> {
    if matches!(cx.channel_kind(&name.value), Some(Channel::Pipe { .. })) {
        let message = format!("`{}` is a pipe; only files can be synchronised", name.value);
        cx.problems.push(Problem::error(Code::WrongObject, name.span.clone(), message));
        return None;
    }
    cx.channel(name, End::Write)
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fsync {
    pub fd: Handle,
}

pub const DATA: VerbRow = VerbRow {
    name: "fdatasync",
    level: Level::Syscall,
    summary: "waits until the disk holds a file's data",
    doc: "As `fsync`, without what is only about the file, such as its time stamps. The model has none of these, so that both take equally long there.",
    example: r#"{ fdatasync = "log" }"#,
    real: Real::Yes("fdatasync(2)"),
    blocks: &[],
    parse: parse::<FdatasyncForm>,
    schema: schema::<FdatasyncForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FdatasyncForm {
    /// The file.
    fdatasync: At<String>,
}

impl Form for FdatasyncForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        if let Some(fd) = file_to_sync(&self.fdatasync, cx) {
            cx.call(step, Fdatasync(Fsync { fd }));
        }
    }
}

/// An [`Fsync`] of the data only.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fdatasync(pub Fsync);

impl SystemCall for Fdatasync {
    fn uses<S: Sink>(&self, call: &Call<'_, S>) -> Option<Used> {
        self.0.uses(call)
    }

    fn waits(&self, image: &Image) -> Option<Awaits> {
        self.0.waits(image)
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        self.0.simulate(call)
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        file::sync_data(native.descriptor(self.0.fd)?).map(|()| 0)
    }
}

impl SystemCall for Fsync {
    fn uses<S: Sink>(&self, call: &Call<'_, S>) -> Option<Used> {
        Used::through(call.opened(self.fd)?.1, false)
    }

    fn waits(&self, image: &Image) -> Option<Awaits> {
        Some(image.channel_wait(self.fd, Cause::Disk))
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (_, Opened::File(file)) = call.opened(self.fd).ok_or(Errno::EBADF)? else {
            return Err(Errno::EINVAL);
        };
        call.kernel.take_failure(call.task)?;
        let object = call.kernel.files.files[file as usize].object;
        if call.progress() == 0 {
            let (bytes, carries) = call.kernel.take_dirty(file);
            call.user().progress = 1;
            if bytes > 0 {
                let transfer = Transfer { thread: call.task, file, first_page: 0, pages: 0 };
                let job = Job { carries, ..Job::default() };
                call.kernel.begin_transfer(call.cpu, transfer, bytes, Way::Flush, job);
                return Ok(Outcome::Block { on: Cause::Disk, object: Some(object) });
            }
        }
        let entry = &mut call.kernel.files.files[file as usize];
        if entry.writing == 0 {
            let failed = std::mem::take(&mut entry.failed);
            return if failed { Err(Errno::EIO) } else { Ok(Outcome::Done(0)) };
        }
        // What the flusher has sent off is waited for as well.
        call.kernel.wait_for(crate::kernel::Kernel::<S>::file_key(file), call.task);
        Ok(Outcome::Block { on: Cause::Disk, object: Some(object) })
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        file::sync(native.descriptor(self.fd)?).map(|()| 0)
    }
}
