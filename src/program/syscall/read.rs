//! `read`: takes bytes out of a pipe, or reads the next bytes of a file or a line from the terminal.
//!
//! From a pipe: waits while it is empty and somebody can still write; returns what there is, at
//! most what was asked for; 0 at the end of file. Source: read(2), pipe(7).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::ids::Fd;
use crate::program::at::{At, SizeAmount};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
use crate::program::resolve::End;
use crate::program::verb::{Level, VerbRow};
use crate::program::{Amount, Variable};

pub const ROW: VerbRow = VerbRow {
    name: "read",
    level: Level::Syscall,
    summary: "takes bytes out of a pipe, a file or the terminal",
    doc: "Takes at most `bytes` bytes. From a pipe: waits while it is empty and somebody can still write; 0 is the end of file. With `all` it asks again until all bytes are there or the file ends, as `fread` does. From `terminal` it returns a line.",
    example: r#"{ read = "ping", bytes = "8B", into = "x" }"#,
    blocks: &[],
    parse: parse::<ReadForm>,
    schema: schema::<ReadForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ReadForm {
    /// A pipe, a file or "terminal".
    read: At<String>,
    /// How many bytes at most; 8 if absent.
    bytes: Option<At<SizeAmount>>,
    /// Asks again until all bytes are there or the file ends.
    all: Option<bool>,
    /// The variable that gets the value that the bytes carry.
    into: Option<At<String>>,
}

impl Form for ReadForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let bytes = match &self.bytes {
            Some(bytes) => cx.size(bytes),
            None => Amount::Const(8),
        };
        let into = self.into.as_ref().map(|name| cx.assign(name));
        let all = self.all.unwrap_or(false);
        if let Some(fd) = cx.channel(&self.read, End::Read) {
            cx.call(step, Read { fd, bytes, all, into });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Read {
    pub fd: Fd,
    pub bytes: Amount,
    /// Repeats the call until all bytes are there or the file ends, as `fread` does.
    pub all: bool,
    /// Gets the value that the bytes carry (little-endian, at most eight bytes).
    pub into: Option<Variable>,
}
