//! `tgkill`: sends a signal to one thread of the own process.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::ids::Tid;
#[cfg(target_os = "linux")]
use crate::os::signal as host;
use crate::program::Operand;
use crate::program::at::{At, Value};
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::{Native, Row, What};
use crate::program::resolve::SignalName;
use crate::program::verb::{Level, Real, VerbRow};
use crate::signal::Signal;
use crate::trace::Sink;

pub const ROW: VerbRow = VerbRow {
    name: "tgkill",
    level: Level::Syscall,
    summary: "sends a signal to a thread",
    doc: "Sends a signal to one thread of the own process, by the number that `thread` returned or that of the process for its first thread. A deadly signal ends the whole process all the same.",
    example: r#"{ tgkill = "index", signal = "SIGUSR1", on-error = "continue" }"#,
    real: Real::Yes("tgkill(2)"),
    blocks: &[],
    parse: parse::<TgkillForm>,
    schema: schema::<TgkillForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct TgkillForm {
    /// The thread's number.
    tgkill: At<Value>,
    /// The signal.
    signal: At<SignalName>,
}

impl Form for TgkillForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let thread = cx.operand(&self.tgkill);
        match self.signal.value.resolve(&self.signal.span) {
            Ok(signal) => cx.call(step, Tgkill { thread, signal }),
            Err(problem) => cx.problems.push(problem),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tgkill {
    pub thread: Operand,
    pub signal: Signal,
}

impl SystemCall for Tgkill {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (process, image) = (call.process(), call.image);
        let thread = call.user().value(self.thread, image);
        if thread <= 0 {
            return Err(Errno::EINVAL);
        }
        let thread = u32::try_from(thread).map_err(|_| Errno::ESRCH)?;
        let own = call.kernel.tasks.get(thread as usize).is_some_and(|task| task.process == process);
        let sent = own && call.kernel.send_to_thread(call.cpu, Tid(thread), self.signal);
        if sent { Ok(Outcome::Done(0)) } else { Err(Errno::ESRCH) }
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let thread = native.computed(self.thread);
        if thread <= 0 {
            return Err(Errno::EINVAL);
        }
        let process = native.process;
        // A first thread bears its process's number, the others that which `thread` has returned.
        let number = |row: &Row| match row.task == process.leader() {
            true => i64::from(row.host_process),
            false => i64::from(row.task.0),
        };
        let row = native
            .world
            .board
            .rows()
            .find(|row| row.process == process && number(row) == thread && row.ended.is_none());
        let row = row.ok_or(Errno::ESRCH)?;
        native.note(What::Signal, self.signal as i64, i64::from(row.task.0));
        host::send_to_thread(row.host_process, row.host_thread, self.signal).map(|()| 0)
    }
}
