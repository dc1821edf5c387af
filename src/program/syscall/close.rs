//! `close`: gives up one end of a pipe or a file. The last close of a write end is the reader's end of file.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::program::Handle;
use crate::program::at::At;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
use crate::program::names::Channel;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::problem::{Code, Problem};
use crate::program::resolve::End;
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Sink;

pub const ROW: VerbRow = VerbRow {
    name: "close",
    level: Level::Syscall,
    summary: "gives up one end of a pipe or a file",
    doc: "Gives up a descriptor. When the last write end of a pipe is closed, its reader gets end of file; when the last read end is closed, its writer gets SIGPIPE. Programs give up ends that they don't use by themselves, unless the pipe says `ends = \"both\"`.",
    example: r#"{ close = "ping", end = "write" }"#,
    real: Real::Yes("close(2)"),
    blocks: &[],
    parse: parse::<CloseForm>,
    schema: schema::<CloseForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CloseForm {
    /// A pipe or file.
    close: At<String>,
    /// Which end of a pipe.
    end: Option<End>,
}

impl Form for CloseForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let pipe = matches!(cx.channel_kind(&self.close.value), Some(Channel::Pipe { .. }));
        if pipe && self.end.is_none() {
            let message = format!("`{}` is a pipe; say which end", self.close.value);
            let problem = Problem::error(Code::MissingKey, self.close.span.clone(), message);
            cx.problems.push(problem.help("add `end = \"read\"` or `end = \"write\"`"));
        }
        if let Some(fd) = cx.channel(&self.close, self.end.unwrap_or(End::Read)) {
            cx.call(step, Close { fd });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Close {
    pub fd: Handle,
}

impl SystemCall for Close {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let process = call.process();
        let fd = call.descriptor(self.fd).ok_or(Errno::EBADF)?;
        let was_open = call.kernel.close(call.cpu, process, fd);
        if was_open { Ok(Outcome::Done(0)) } else { Err(Errno::EBADF) }
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        native.close(self.fd).map(|()| 0)
    }
}
