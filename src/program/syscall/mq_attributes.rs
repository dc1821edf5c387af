//! `mq-getattr` and `mq-setattr`: how many messages a POSIX message queue holds, and whether calls on
//! a descriptor wait. Source: mq_getattr(3), mq_getsetattr(2).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
#[cfg(target_os = "linux")]
use crate::os::ipc;
use crate::program::at::At;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Handle, Variable};
use crate::trace::Sink;

use super::mq_open::queue_of;

pub const GET: VerbRow = VerbRow {
    name: "mq-getattr",
    level: Level::Syscall,
    summary: "asks how many messages a POSIX message queue holds",
    doc: "The variable gets the number of messages that wait in the queue.",
    example: r#"{ mq-getattr = "orders", into = "waiting" }"#,
    real: Real::Yes("mq_getattr(3)"),
    blocks: &[],
    parse: parse::<MqGetattrForm>,
    schema: schema::<MqGetattrForm>,
};

pub const SET: VerbRow = VerbRow {
    name: "mq-setattr",
    level: Level::Syscall,
    summary: "says whether calls on a message queue's descriptor wait",
    doc: "With `nonblock` calls on this descriptor fail with EAGAIN instead of waiting, also those of processes that share it since a fork.",
    example: r#"{ mq-setattr = "orders", nonblock = true }"#,
    real: Real::Yes("mq_setattr(3)"),
    blocks: &[],
    parse: parse::<MqSetattrForm>,
    schema: schema::<MqSetattrForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct MqGetattrForm {
    /// The message queue.
    mq_getattr: At<String>,
    /// The variable that gets the number of messages.
    into: At<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct MqSetattrForm {
    /// The message queue.
    mq_setattr: At<String>,
    /// Whether calls fail instead of waiting (O_NONBLOCK).
    nonblock: bool,
}

impl Form for MqGetattrForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let into = cx.assign(&self.into);
        if let Some(queue) = cx.queue(&self.mq_getattr) {
            cx.call(step, MqAttributes { queue, what: Attributes::Get { into } });
        }
    }
}

impl Form for MqSetattrForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        if let Some(queue) = cx.queue(&self.mq_setattr) {
            cx.call(step, MqAttributes { queue, what: Attributes::Set { nonblock: self.nonblock } });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MqAttributes {
    pub queue: Handle,
    pub what: Attributes,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Attributes {
    Get { into: Variable },
    Set { nonblock: bool },
}

impl SystemCall for MqAttributes {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (queue, _) = queue_of(call, self.queue)?;
        match self.what {
            Attributes::Get { into } => {
                let messages = i64::from(call.kernel.mqueue(queue).messages.len());
                call.user().set(Some(into), messages);
            }
            Attributes::Set { nonblock } => {
                if let Some((open, _)) = call.opened(self.queue) {
                    call.kernel.files.open[open.0 as usize].flags.nonblock = nonblock;
                }
            }
        }
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let descriptor = native.descriptor(self.queue)?;
        match self.what {
            Attributes::Get { into } => {
                let messages = ipc::messages(descriptor)?;
                native.user.set(Some(into), messages);
            }
            Attributes::Set { nonblock } => ipc::set_nonblock(descriptor, nonblock)?,
        }
        Ok(0)
    }
}
