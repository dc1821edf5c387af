//! `lseek`: moves the place at which a file is read or written next. Source: lseek(2).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::file::Opened;
#[cfg(target_os = "linux")]
use crate::os::file::{self, whence};
use crate::program::at::{At, Value};
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::resolve::End;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Handle, Operand, Variable};
use crate::trace::Sink;

pub const ROW: VerbRow = VerbRow {
    name: "lseek",
    level: Level::Syscall,
    summary: "moves the place at which a file is read or written",
    doc: "Moves the place at which the next read or write of a file begins: to `offset` (`whence = \"set\"`), so many bytes from where it is (\"cur\"), or from the file's end (\"end\"). A place behind the end is allowed; what is written there leaves zeros before it. ESPIPE for a pipe, EINVAL for a place before the beginning. Processes that share the descriptor since a fork share the place.",
    example: r#"{ lseek = "log", offset = 0, whence = "end", into = "size" }"#,
    real: Real::Yes("lseek(2)"),
    blocks: &[],
    parse: parse::<LseekForm>,
    schema: schema::<LseekForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct LseekForm {
    /// The file.
    lseek: At<String>,
    /// How many bytes; may be negative.
    offset: At<Value>,
    /// From where they are counted: "set" (the file's beginning, the default), "cur" or "end".
    whence: Option<Whence>,
    /// The variable that gets the new place.
    into: Option<At<String>>,
}

/// From where an offset is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Whence {
    #[default]
    Set,
    Cur,
    End,
}

impl Form for LseekForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let offset = cx.operand(&self.offset);
        let into = self.into.as_ref().map(|name| cx.assign(name));
        if let Some(fd) = cx.channel(&self.lseek, End::Read) {
            cx.call(step, Lseek { fd, offset, whence: self.whence.unwrap_or_default(), into });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lseek {
    pub fd: Handle,
    pub offset: Operand,
    pub whence: Whence,
    pub into: Option<Variable>,
}

impl SystemCall for Lseek {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (open, opened) = call.opened(self.fd).ok_or(Errno::EBADF)?;
        let Opened::File(file) = opened else {
            return Err(Errno::ESPIPE);
        };
        let from = match self.whence {
            Whence::Set => 0,
            Whence::Cur => call.kernel.offset(open),
            Whence::End => call.kernel.files.files[file as usize].size,
        };
        let (image, task) = (call.image, call.task);
        let offset = call.userland.users[task.index()].value(self.offset, image);
        let place = i64::try_from(from).ok().and_then(|from| from.checked_add(offset));
        let place = place.filter(|&place| place >= 0).ok_or(Errno::EINVAL)?;
        call.kernel.files.open[open.0 as usize].offset = place as u64;
        call.user().set(self.into, place);
        Ok(Outcome::Done(place))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let descriptor = native.descriptor(self.fd)?;
        let from = match self.whence {
            Whence::Set => whence::SEEK_SET,
            Whence::Cur => whence::SEEK_CUR,
            Whence::End => whence::SEEK_END,
        };
        let place = file::seek(descriptor, native.computed(self.offset), from)?;
        native.user.set(self.into, place);
        Ok(place)
    }
}
