//! `fsync`: waits until the disk holds all that was written to a file.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::ids::Fd;
use crate::program::at::At;
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Channel;
use crate::program::lower::Lower;
use crate::program::problem::{Code, Problem};
use crate::program::resolve::End;
use crate::program::verb::{Level, VerbRow};

pub const ROW: VerbRow = VerbRow {
    name: "fsync",
    level: Level::Syscall,
    summary: "waits until the disk holds a file",
    doc: "Waits until the disk has all that was written to the file. A `write` alone only changes the page cache: what was acknowledged can still be lost.",
    example: r#"{ fsync = "log" }"#,
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
    pub fd: Fd,
}
