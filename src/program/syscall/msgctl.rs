//! `msgctl`: looks at a System V message queue, or removes it. Source: msgctl(2).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
#[cfg(target_os = "linux")]
use crate::os::ipc;
use crate::program::Variable;
use crate::program::at::At;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::problem::{Code, Problem};
use crate::program::resolve::True;
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Sink;

pub const ROW: VerbRow = VerbRow {
    name: "msgctl",
    level: Level::Syscall,
    summary: "looks at a System V message queue, or removes it",
    doc: "With `messages-into` the variable gets the number of messages in the queue (IPC_STAT). With `remove` the queue and its messages are gone at once (IPC_RMID): whoever waits there gets EIDRM, whoever comes later EINVAL.",
    example: r#"{ msgctl = "jobs", remove = true }"#,
    real: Real::Yes("msgctl(2)"),
    blocks: &[],
    parse: parse::<MsgctlForm>,
    schema: schema::<MsgctlForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct MsgctlForm {
    /// The System V message queue.
    msgctl: At<String>,
    /// The variable that gets the number of messages.
    messages_into: Option<At<String>>,
    /// Removes the queue.
    remove: Option<True>,
}

impl Form for MsgctlForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let into = self.messages_into.as_ref().map(|name| cx.assign(name));
        let what = match (into, self.remove) {
            (Some(into), None) => QueueControl::Messages { into },
            (None, Some(True)) => QueueControl::Remove,
            (None, None) | (Some(_), Some(True)) => {
                let message = "`msgctl` does one thing: `messages-into` or `remove`";
                cx.problems.push(Problem::error(Code::MissingKey, step.span.clone(), message));
                return;
            }
        };
        if let Some(queue) = cx.typed_queue(&self.msgctl) {
            cx.call(step, Msgctl { queue, what });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Msgctl {
    /// The queue's number among the scenario's.
    pub queue: u32,
    pub what: QueueControl,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum QueueControl {
    Messages { into: Variable },
    Remove,
}

impl SystemCall for Msgctl {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        match self.what {
            QueueControl::Messages { into } => {
                let messages = call.kernel.typed_queue(self.queue)?.messages.len() as i64;
                call.user().set(Some(into), messages);
            }
            QueueControl::Remove => call.kernel.remove_typed(call.cpu, self.queue)?,
        }
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let id = native.typed_queue(self.queue)?;
        match self.what {
            QueueControl::Messages { into } => {
                let messages = ipc::typed_messages(id)?;
                native.user.set(Some(into), messages);
            }
            QueueControl::Remove => ipc::remove_typed(id)?,
        }
        Ok(0)
    }
}
