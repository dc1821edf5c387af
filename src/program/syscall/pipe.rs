//! `pipe`: makes a pipe, whose two ends are descriptors with numbers.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::file::{Flags, Opened};
use crate::kernel::ipc::pipe::{DEFAULT_CAPACITY, Pipe};
#[cfg(target_os = "linux")]
use crate::os;
use crate::program::Variable;
use crate::program::at::At;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::{Channel, ChannelKind, Native};
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Sink;

pub const ROW: VerbRow = VerbRow {
    name: "pipe",
    level: Level::Syscall,
    summary: "makes a pipe whose ends have numbers",
    doc: "Makes a pipe while the program runs. Its two ends are descriptors whose numbers two variables get: first the end to read, then the one to write. They are used as `\"@r\"`, a fork passes them on, and an exec closes them.",
    example: r#"{ pipe = ["r", "w"] }"#,
    real: Real::Yes("pipe2(2)"),
    blocks: &[],
    parse: parse::<PipeForm>,
    schema: schema::<PipeForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PipeForm {
    /// The variables that get the numbers of the end to read and of the end to write.
    pipe: [At<String>; 2],
    /// Whether calls on it fail with EAGAIN where they would wait (O_NONBLOCK); false if absent.
    nonblock: Option<bool>,
}

impl Form for PipeForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let [read, write] = [cx.assign(&self.pipe[0]), cx.assign(&self.pipe[1])];
        cx.call(step, MakePipe { read, write, nonblock: self.nonblock.unwrap_or(false) });
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MakePipe {
    pub read: Variable,
    pub write: Variable,
    pub nonblock: bool,
}

impl SystemCall for MakePipe {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let process = call.process();
        let number = call.kernel.pipes.len() as u32;
        let flags = Flags { nonblock: self.nonblock };
        call.kernel.pipes.push(Pipe::new(None, DEFAULT_CAPACITY));
        let read = call.kernel.open(process, Opened::PipeRead(number), flags)?;
        let write = match call.kernel.open(process, Opened::PipeWrite(number), flags) {
            Ok(write) => write,
            Err(errno) => {
                call.kernel.close(call.cpu, process, read);
                return Err(errno);
            }
        };
        call.user().set(Some(self.read), i64::from(read.0));
        call.user().set(Some(self.write), i64::from(write.0));
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let (read, write) = os::pipe::pipe(self.nonblock)?;
        let channel = Channel { object: None, kind: ChannelKind::Pipe };
        let read = native.adopt(read, channel)?;
        let write = match native.adopt(write, channel) {
            Ok(write) => write,
            Err(errno) => {
                native.close_number(read)?;
                return Err(errno);
            }
        };
        native.user.set(Some(self.read), i64::from(read.0));
        native.user.set(Some(self.write), i64::from(write.0));
        Ok(0)
    }
}
