//! `ftruncate` sets how long a file is; `fstat` asks for that. Source: ftruncate(2), fstat(2).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::file::Opened;
#[cfg(target_os = "linux")]
use crate::os::file;
use crate::program::at::{At, SizeAmount};
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::resolve::End;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Amount, Handle, Variable};
use crate::trace::Sink;

use super::file_io::MOST_BYTES;

pub const TRUNCATE: VerbRow = VerbRow {
    name: "ftruncate",
    level: Level::Syscall,
    summary: "sets how long a file is",
    doc: "Cuts a file off at `size` bytes, or adds zeros up to there. The place at which it is read or written next stays. EINVAL if the descriptor isn't for writing or isn't a file's.",
    example: r#"{ ftruncate = "log", size = "4KiB" }"#,
    real: Real::Yes("ftruncate(2)"),
    blocks: &[],
    parse: parse::<FtruncateForm>,
    schema: schema::<FtruncateForm>,
};

pub const STAT: VerbRow = VerbRow {
    name: "fstat",
    level: Level::Syscall,
    summary: "asks how long a file is",
    doc: "Asks the kernel about a descriptor: `size` gets how many bytes its file has, 0 for a pipe.",
    example: r#"{ fstat = "log", size = "n" }"#,
    real: Real::Yes("fstat(2)"),
    blocks: &[],
    parse: parse::<FstatForm>,
    schema: schema::<FstatForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FtruncateForm {
    /// The file.
    ftruncate: At<String>,
    /// How many bytes it has afterwards.
    size: At<SizeAmount>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FstatForm {
    /// The file.
    fstat: At<String>,
    /// The variable that gets how many bytes it has.
    size: At<String>,
}

impl Form for FtruncateForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let size = cx.size(&self.size);
        if let Some(fd) = cx.channel(&self.ftruncate, End::Write) {
            cx.call(step, Ftruncate { fd, size });
        }
    }
}

impl Form for FstatForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let size = cx.assign(&self.size);
        if let Some(fd) = cx.channel(&self.fstat, End::Read) {
            cx.call(step, Fstat { fd, size });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ftruncate {
    pub fd: Handle,
    pub size: Amount,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fstat {
    pub fd: Handle,
    pub size: Variable,
}

impl SystemCall for Ftruncate {
    fn amount(&self) -> Option<&Amount> {
        Some(&self.size)
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let size = call.amount();
        let (open, opened) = call.opened(self.fd).ok_or(Errno::EBADF)?;
        let Opened::File(file) = opened else { return Err(Errno::EINVAL) };
        if call.kernel.files.open[open.0 as usize].mode.no_write {
            return Err(Errno::EINVAL);
        }
        if size > MOST_BYTES {
            return Err(Errno::EFBIG);
        }
        call.kernel.resize_file(file, size);
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let size = native.user.draw(self.size, &native.world.image);
        let size = i64::try_from(size).map_err(|_| Errno::EFBIG)?;
        file::truncate(native.descriptor(self.fd)?, size).map(|()| 0)
    }
}

impl SystemCall for Fstat {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (_, opened) = call.opened(self.fd).ok_or(Errno::EBADF)?;
        let size = match opened {
            Opened::File(file) => call.kernel.files.files[file as usize].size,
            _ => 0,
        };
        call.user().set(Some(self.size), size as i64);
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let size = file::size(native.descriptor(self.fd)?)?;
        native.user.set(Some(self.size), size);
        Ok(0)
    }
}
