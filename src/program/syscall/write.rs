//! `write`: puts bytes into a pipe, or writes them to a file or the terminal.
//!
//! To a pipe: waits while it is full. At most PIPE_BUF (4096) bytes go in as one piece; more may
//! be split. With no reader left: SIGPIPE, and EPIPE if that is ignored. Source: write(2), pipe(7).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::ids::Fd;
use crate::program::at::{At, SizeAmount, Value};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Channel;
use crate::program::lower::Lower;
use crate::program::problem::{Code, Problem};
use crate::program::resolve::End;
use crate::program::verb::{Level, VerbRow};
use crate::program::{Amount, Operand};

pub const ROW: VerbRow = VerbRow {
    name: "write",
    level: Level::Syscall,
    summary: "puts bytes into a pipe, a file or the terminal",
    doc: "Puts `bytes` bytes into the channel; the first eight hold `value`. To a pipe: waits while it is full; at most 4096 bytes go in as one piece. With no reader left the writer gets SIGPIPE. To a file it changes the page cache only, unless `sync` is set.",
    example: r#"{ write = "ping", value = "x + 1" }"#,
    blocks: &[],
    parse: parse::<WriteForm>,
    schema: schema::<WriteForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WriteForm {
    /// A pipe, a file or "terminal".
    write: At<String>,
    /// How many bytes; 8 if only a value is given.
    bytes: Option<At<SizeAmount>>,
    /// What the first eight bytes hold: a whole number or an expression.
    value: Option<At<Value>>,
    /// For files: returns only when the disk has it (O_SYNC).
    sync: Option<bool>,
}

impl Form for WriteForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        if self.bytes.is_none() && self.value.is_none() {
            let message = "a write needs `bytes` or `value`";
            let problem = Problem::error(Code::MissingKey, step.span.clone(), message);
            cx.problems.push(problem.help("for example `bytes = \"64B\"` or `value = \"x\"`"));
        }
        let bytes = match &self.bytes {
            Some(bytes) => cx.size(bytes),
            None => Amount::Const(8),
        };
        let value = self.value.as_ref().map(|value| cx.operand(value));
        let sync = self.sync.unwrap_or(false);
        if sync && matches!(cx.channel_kind(&self.write.value), Some(Channel::Pipe { .. })) {
            let message =
                format!("`{}` is a pipe; only a file's writes can be synchronous", self.write.value);
            cx.problems.push(Problem::error(Code::WrongObject, self.write.span.clone(), message));
        }
        if let Some(fd) = cx.channel(&self.write, End::Write) {
            cx.call(step, Write { fd, bytes, value, sync });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Write {
    pub fd: Fd,
    pub bytes: Amount,
    /// What the first eight bytes hold; zero if absent.
    pub value: Option<Operand>,
    /// For files: returns only when the disk has it (O_SYNC).
    pub sync: bool,
}
