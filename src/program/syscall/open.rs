//! `open`: opens a file once more, or makes it; the program gets the descriptor's number.
//!
//! Source: open(2).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::file::Mode;
use crate::kernel::file_names::Wanted;
#[cfg(target_os = "linux")]
use crate::os::file::{self, OFlag};
use crate::program::Variable;
use crate::program::at::At;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
use crate::program::names::Channel;
#[cfg(target_os = "linux")]
use crate::program::native::{Channel as NativeChannel, ChannelKind, Native};
use crate::program::problem::{Code, Problem};
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Sink;

pub const ROW: VerbRow = VerbRow {
    name: "open",
    level: Level::Syscall,
    summary: "opens a file, or makes one",
    doc: "Opens a file from its beginning. The lowest free descriptor is returned; steps name it by the variable that holds its number: `\"@fd\"`. `flags` are \"read\" and \"write\" (\"read\" alone if neither is there), \"append\" (each write goes to the end), \"create\", \"exclusive\" (with \"create\": fails with EEXIST if there is a file), \"truncate\", \"sync\" (a write returns when the disk has it), \"direct\" (past the page cache, in multiples of 512 bytes) and \"nonblock\". ENOENT if there is no file of that name.",
    example: r#"{ open = "log", flags = ["write", "append", "create"], into = "fd" }"#,
    real: Real::Yes("openat(2)"),
    blocks: &[],
    parse: parse::<OpenForm>,
    schema: schema::<OpenForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct OpenForm {
    /// The file.
    open: At<String>,
    /// How: ["read"] if absent.
    flags: Option<Vec<Flag>>,
    /// The variable that gets the descriptor's number.
    into: Option<At<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Flag {
    Read,
    Write,
    Append,
    Create,
    Exclusive,
    Truncate,
    Sync,
    Direct,
    Nonblock,
}

impl Form for OpenForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let flags = self.flags.as_deref().unwrap_or(&[]);
        let has = |flag| flags.contains(&flag);
        let (read, write) = (has(Flag::Read), has(Flag::Write));
        let mode = Mode {
            no_read: write && !read,
            no_write: !write,
            append: has(Flag::Append),
            sync: has(Flag::Sync),
            direct: has(Flag::Direct),
        };
        let wanted = Wanted {
            mode,
            nonblock: has(Flag::Nonblock),
            create: has(Flag::Create),
            exclusive: has(Flag::Exclusive),
            truncate: has(Flag::Truncate),
        };
        let into = self.into.as_ref().map(|name| cx.assign(name));
        if let Some(name) = file_name(&self.open, cx) {
            cx.call(step, Open { name, wanted, into });
        }
    }
}

/// The number of a file of the scenario, whether it exists or not.
pub(super) fn file_name(name: &At<String>, cx: &mut Lower<'_>) -> Option<FileName> {
    match cx.channel_kind(&name.value) {
        Some(Channel::File(fd)) => Some(FileName(fd)),
        _ => {
            let message = format!("there is no file `{}`", name.value);
            let problem = Problem::error(Code::UnknownObject, name.span.clone(), message);
            let help = format!("declare it: `[file.{0}]`, or `[file.{0}]` with `exists = false`", name.value);
            cx.problems.push(problem.help(help));
            None
        }
    }
}

/// A file's name, by the descriptor that the scenario has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileName(crate::ids::Fd);

impl FileName {
    /// Its index in the image's list of files.
    pub fn number(self, image: &crate::program::Image) -> u32 {
        image.file_number(self.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Open {
    pub name: FileName,
    pub wanted: Wanted,
    pub into: Option<Variable>,
}

impl SystemCall for Open {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (process, name) = (call.process(), self.name.number(call.image));
        let fd = call.kernel.open_file(process, name, self.wanted)?;
        call.user().set(self.into, i64::from(fd.0));
        Ok(Outcome::Done(i64::from(fd.0)))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let number = self.name.number(&native.world.image) as usize;
        let opened = file::open(&native.world.path(number), host_flags(self.wanted));
        let opened = opened.map_err(crate::os::errno)?;
        let object = Some(native.world.image.files[number].object);
        let fd = native.adopt(opened, NativeChannel { object, kind: ChannelKind::File })?;
        native.user.set(self.into, i64::from(fd.0));
        Ok(i64::from(fd.0))
    }
}

#[cfg(target_os = "linux")]
fn host_flags(wanted: Wanted) -> OFlag {
    let mode = wanted.mode;
    let mut flags = match (mode.no_read, mode.no_write) {
        (true, _) => OFlag::O_WRONLY,
        (false, true) => OFlag::O_RDONLY,
        (false, false) => OFlag::O_RDWR,
    };
    flags.set(OFlag::O_APPEND, mode.append);
    flags.set(OFlag::O_SYNC, mode.sync);
    flags.set(OFlag::O_DIRECT, mode.direct);
    flags.set(OFlag::O_NONBLOCK, wanted.nonblock);
    flags.set(OFlag::O_CREAT, wanted.create);
    flags.set(OFlag::O_EXCL, wanted.exclusive && wanted.create);
    flags.set(OFlag::O_TRUNC, wanted.truncate && !mode.no_write);
    flags | OFlag::O_CLOEXEC
}
