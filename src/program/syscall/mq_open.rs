//! `mq-open` and `mq-unlink`: the names of POSIX message queues.
//!
//! A queue lives until its name has been removed and its last descriptor closed. Source: mq_open(3),
//! mq_unlink(3), mq_overview(7).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::file::{Flags, Opened};
use crate::kernel::ipc::mqueue::Opening;
#[cfg(target_os = "linux")]
use crate::os::ipc::{self, OpenQueue, QueueSize};
use crate::program::at::At;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::{Channel, ChannelKind, Native};
use crate::program::problem::Code;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Handle, Variable};
use crate::trace::Sink;

pub const OPEN: VerbRow = VerbRow {
    name: "mq-open",
    level: Level::Syscall,
    summary: "opens a POSIX message queue by its name",
    doc: "Gives a new descriptor for the queue, which steps name as \"@\" and the variable. With `create` a queue that doesn't exist is made; without, that is ENOENT. With `exclusive` a queue that exists is EEXIST. A new queue must keep within the user's limits: EINVAL if it is too large, ENOSPC if there are 256 queues, EMFILE if the queues of the user would take more than 800 KiB.",
    example: r#"{ mq-open = "orders", create = true, into = "q" }"#,
    real: Real::Yes("mq_open(3)"),
    blocks: &[],
    parse: parse::<MqOpenForm>,
    schema: schema::<MqOpenForm>,
};

pub const UNLINK: VerbRow = VerbRow {
    name: "mq-unlink",
    level: Level::Syscall,
    summary: "removes a POSIX message queue's name",
    doc: "Nobody can open the queue any more: ENOENT if it has no name. Those who have it open go on using it; its messages are gone with the last of them. The name can be given to a new queue at once.",
    example: r#"{ mq-unlink = "orders" }"#,
    real: Real::Yes("mq_unlink(3)"),
    blocks: &[],
    parse: parse::<MqUnlinkForm>,
    schema: schema::<MqUnlinkForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct MqOpenForm {
    /// The message queue.
    mq_open: At<String>,
    /// The variable that gets the descriptor.
    into: At<String>,
    /// Makes the queue if it doesn't exist (O_CREAT).
    create: Option<bool>,
    /// With `create`: fails if it exists (O_EXCL).
    exclusive: Option<At<bool>>,
    /// Calls on this descriptor fail with EAGAIN instead of waiting (O_NONBLOCK).
    nonblock: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct MqUnlinkForm {
    /// The message queue.
    mq_unlink: At<String>,
}

impl Form for MqOpenForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let into = cx.assign(&self.into);
        let create = self.create.unwrap_or(false);
        let exclusive = self.exclusive.as_ref().is_some_and(|at| at.value);
        if let Some(at) = self.exclusive.as_ref().filter(|at| at.value && !create) {
            let message = "`exclusive` means something only with `create = true`";
            cx.problems.error(Code::MissingKey, at.span.clone(), message);
        }
        if let Some(queue) = cx.queue_name(&self.mq_open) {
            let nonblock = self.nonblock.unwrap_or(false);
            cx.call(step, MqOpen { name: queue.number, into, create, exclusive, nonblock });
        }
    }
}

impl Form for MqUnlinkForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        if let Some(queue) = cx.queue_name(&self.mq_unlink) {
            cx.call(step, MqUnlink { name: queue.number });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MqOpen {
    /// The queue's number among the scenario's.
    pub name: u32,
    pub into: Variable,
    pub create: bool,
    pub exclusive: bool,
    pub nonblock: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MqUnlink {
    pub name: u32,
}

impl SystemCall for MqOpen {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let opening = Opening { create: self.create, exclusive: self.exclusive };
        let (process, flags) = (call.process(), Flags { nonblock: self.nonblock });
        let fd = call.kernel.open_mqueue(process, self.name as usize, opening, flags)?;
        let number = i64::from(fd.0);
        call.user().set(Some(self.into), number);
        Ok(Outcome::Done(number))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let spec = &native.world.image.ipc.queues[self.name as usize];
        let size = QueueSize { messages: spec.max_messages, bytes: spec.message_size };
        let channel = Channel { object: Some(spec.object), kind: ChannelKind::Queue };
        let how = OpenQueue {
            create: self.create.then_some(size),
            exclusive: self.exclusive,
            nonblock: self.nonblock,
        };
        let opened = ipc::open_queue(native.queue_name(self.name)?, how)?;
        let number = i64::from(native.adopt(opened, channel)?.0);
        native.user.set(Some(self.into), number);
        Ok(number)
    }
}

impl SystemCall for MqUnlink {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        call.kernel.unlink_mqueue(self.name as usize).map(|()| Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        ipc::unlink_queue(native.queue_name(self.name)?).map(|()| 0)
    }
}

/// The queue behind a descriptor, and whether calls on it fail instead of waiting.
pub(super) fn queue_of<S: Sink>(call: &Call<'_, S>, handle: Handle) -> Result<(u32, bool), Errno> {
    match call.opened(handle) {
        Some((open, Opened::Queue(queue))) => {
            Ok((queue, call.kernel.files.open[open.0 as usize].flags.nonblock))
        }
        Some(_) | None => Err(Errno::EBADF),
    }
}
