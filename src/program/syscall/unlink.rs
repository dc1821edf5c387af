//! `unlink` and `rename`: what a name stands for. Source: unlink(2), rename(2).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
#[cfg(target_os = "linux")]
use crate::os::file;
use crate::program::at::At;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Sink;

use super::open::{FileName, file_name};

pub const UNLINK: VerbRow = VerbRow {
    name: "unlink",
    level: Level::Syscall,
    summary: "removes a file's name",
    doc: "Removes a file's name at once. Whoever has it open goes on using it; what it holds is gone when the last of these closes it. ENOENT if there is no such name.",
    example: r#"{ unlink = "log" }"#,
    real: Real::Yes("unlink(2)"),
    blocks: &[],
    parse: parse::<UnlinkForm>,
    schema: schema::<UnlinkForm>,
};

pub const RENAME: VerbRow = VerbRow {
    name: "rename",
    level: Level::Syscall,
    summary: "gives a file another name",
    doc: "Gives a file the name `to` in one step. If another file had that name, it loses it as by `unlink`: whoever opens `to` gets the old one or the new one, never none. ENOENT if there is no such file, EXDEV if the scenario has the two names on different disks.",
    example: r#"{ rename = "draft", to = "log" }"#,
    real: Real::Yes("rename(2)"),
    blocks: &[],
    parse: parse::<RenameForm>,
    schema: schema::<RenameForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct UnlinkForm {
    /// The file.
    unlink: At<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RenameForm {
    /// The file.
    rename: At<String>,
    /// Its name afterwards, a declared file's.
    to: At<String>,
}

impl Form for UnlinkForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        if let Some(name) = file_name(&self.unlink, cx) {
            cx.call(step, Unlink { name });
        }
    }
}

impl Form for RenameForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        if let (Some(from), Some(to)) = (file_name(&self.rename, cx), file_name(&self.to, cx)) {
            cx.call(step, Rename { from, to });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unlink {
    pub name: FileName,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rename {
    pub from: FileName,
    pub to: FileName,
}

impl SystemCall for Unlink {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        call.kernel.unlink_file(self.name.number(call.image)).map(|()| Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let world = &native.world;
        file::unlink(&world.path(self.name.number(&world.image) as usize)).map(|()| 0)
    }
}

impl SystemCall for Rename {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (from, to) = (self.from.number(call.image), self.to.number(call.image));
        call.kernel.rename_file(from, to).map(|()| Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let world = &native.world;
        let path = |name: FileName| world.path(name.number(&world.image) as usize);
        file::rename(&path(self.from), &path(self.to)).map(|()| 0)
    }
}
