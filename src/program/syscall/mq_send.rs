//! `mq-send`: puts a message into a POSIX message queue.
//!
//! Waits while the queue is full. A message that somebody waits for goes to that thread directly.
//! Source: mq_send(3), mq_timedsend(2), mq_overview(7).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::cost::Copying;
use crate::kernel::ipc::mqueue::Message;
#[cfg(target_os = "linux")]
use crate::os::ipc;
use crate::program::at::{At, SizeAmount, TimeAmount, Value};
use crate::program::call::{Awaits, Call, Copied, Outcome, SystemCall};
use crate::program::content::{Content, What};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::ipc::priority;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Amount, Handle, Operand};
use crate::trace::{Cause, Kind, Sink};

use super::mq_open::queue_of;

pub const ROW: VerbRow = VerbRow {
    name: "mq-send",
    level: Level::Syscall,
    summary: "puts a message into a POSIX message queue",
    doc: "The message is received before all of lower `priority`, and after all of the same that came before it. Waits while the queue is full; with `timeout` at most so long, then ETIMEDOUT; EAGAIN at once if the descriptor doesn't wait. EMSGSIZE if the message is longer than the queue's `message-size`, EINVAL for a priority above 32767.",
    example: r#"{ mq-send = "orders", value = 7, priority = 2 }"#,
    real: Real::Yes("mq_send(3), mq_timedsend(2)"),
    blocks: &[],
    parse: parse::<MqSendForm>,
    schema: schema::<MqSendForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct MqSendForm {
    /// The message queue.
    mq_send: At<String>,
    /// From 0, the lowest and the default, to 32767.
    priority: Option<At<Value>>,
    /// Waits at most so long.
    timeout: Option<At<TimeAmount>>,
    /// How many bytes; 8 if only a value is given.
    bytes: Option<At<SizeAmount>>,
    /// What the first eight bytes hold: a whole number or an expression.
    value: Option<At<Value>>,
    /// A text, with expressions in braces as in `print`.
    text: Option<At<String>>,
    /// What the thread has read last, as many bytes as that was.
    buffer: Option<bool>,
}

impl Form for MqSendForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let content = Content::of(&self.bytes, &self.value, &self.text, self.buffer);
        let (bytes, what) = cx.content(step, content);
        let priority = cx.message_priority(self.priority.as_ref());
        let timeout = cx.time_limit(self.timeout.as_ref());
        if let Some(queue) = cx.queue(&self.mq_send) {
            cx.call(step, MqSend { queue, bytes, what, priority, timeout });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MqSend {
    pub queue: Handle,
    pub bytes: Amount,
    pub what: What,
    pub priority: Operand,
    /// Nanoseconds.
    pub timeout: Option<Amount>,
}

impl SystemCall for MqSend {
    fn amount(&self) -> Option<&Amount> {
        Some(&self.bytes)
    }

    /// The bytes are copied before the kernel looks whether there is room.
    fn copies<S: Sink>(&self, call: &Call<'_, S>) -> Option<Copied> {
        let (queue, _) = queue_of(call, self.queue).ok()?;
        let fits = call.progress() == 0 && call.amount() <= call.kernel.mqueue(queue).message_size;
        Some(Copied { copying: Copying::MqSend, bytes: if fits { call.amount() } else { 0 } })
    }

    fn waits(&self, image: &Image) -> Option<Awaits> {
        Some(image.queue_wait(self.queue, Cause::MessageRoom))
    }

    fn ends_by_itself(&self) -> bool {
        self.timeout.is_some()
    }

    /// The message is taken back.
    fn achieved<S: Sink>(&self, call: &mut Call<'_, S>) -> Option<i64> {
        let queue = call.progress().checked_sub(1)?;
        let accepted = call.kernel.was_accepted(queue as u32, call.task);
        accepted.then_some(0)
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (task, image) = (call.task, call.image);
        if let Some(queue) = call.progress().checked_sub(1) {
            // The receiver that made room has put the message in; it may even be received already.
            if call.kernel.was_accepted(queue as u32, task) {
                let (object, bytes) = (call.kernel.mqueue(queue as u32).object, call.amount());
                call.emit(Kind::MessageSend { object, bytes });
                return Ok(Outcome::Done(0));
            }
            if let Some(errno) = call.waited_in_vain(Errno::ETIMEDOUT) {
                return Err(errno);
            }
        }
        let number = call.user().value(self.priority, image);
        let priority = priority(number).ok_or(Errno::EINVAL)?;
        let (queue, nonblock) = queue_of(call, self.queue)?;
        let length = call.amount();
        let here = call.kernel.mqueue(queue);
        let (object, full) = (here.object, here.is_full());
        if length > here.message_size {
            return Err(Errno::EMSGSIZE);
        }
        if full && nonblock {
            return Err(Errno::EAGAIN);
        }
        let bytes = self.what.bytes(call.user(), image, length);
        let message = Message { bytes, priority };
        if !full {
            call.emit(Kind::MessageSend { object, bytes: length });
            call.kernel.send_message(call.cpu, queue, message);
            return Ok(Outcome::Done(0));
        }
        call.limit_wait(self.timeout, Errno::ETIMEDOUT)?;
        call.kernel.wait_to_send(queue, task, message);
        call.user().progress = u64::from(queue) + 1;
        Ok(Outcome::Block { on: Cause::MessageRoom, object: Some(object) })
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let number = native.computed(self.priority);
        let descriptor = native.descriptor(self.queue)?;
        let object = native.channel(self.queue).object;
        let length = native.transfer(self.bytes)?;
        let limit = native.time_limit(self.timeout);
        let buffer = native.filled(length, self.what);
        // What no number of the call's type can be isn't allowed either.
        ipc::send(descriptor, buffer, u32::try_from(number).unwrap_or(u32::MAX), limit)?;
        native.sent(object, length);
        Ok(0)
    }
}
