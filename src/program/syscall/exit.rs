//! `exit`: ends the process with a status, all its threads with it.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::program::Operand;
use crate::program::at::{At, Value};
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Sink;

pub const ROW: VerbRow = VerbRow {
    name: "exit",
    level: Level::Syscall,
    summary: "ends the process",
    doc: "Ends the process with a status (its lowest eight bits count), and all its threads. It stays a zombie until its parent has waited for it.",
    example: "{ exit = 0 }",
    real: Real::Yes("exit_group(2)"),
    blocks: &[],
    parse: parse::<ExitForm>,
    schema: schema::<ExitForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ExitForm {
    /// The status: a whole number or an expression; 0 means success.
    exit: At<Value>,
}

impl Form for ExitForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        cx.leave_queues(true);
        cx.flush_streams();
        let status = cx.operand(&self.exit);
        cx.call(step, Exit { status, all: true });
        cx.never_returns();
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exit {
    pub status: Operand,
    /// Ends all threads of the process; otherwise only the caller.
    pub all: bool,
}

impl SystemCall for Exit {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let image = call.image;
        let status = call.user().value(self.status, image);
        // As in Linux, only the low eight bits reach the parent.
        Ok(Outcome::Exit { status: (status & 0xff) as u16, all: self.all })
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        // Without `all` the caller is a thread, and its program's end is the interpreter's affair.
        native.exit((native.computed(self.status) & 0xff) as u16)
    }
}
