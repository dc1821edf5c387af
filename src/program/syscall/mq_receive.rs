//! `mq-receive`: takes the next message out of a POSIX message queue.
//!
//! Waits while the queue is empty. Source: mq_receive(3), mq_timedreceive(2), mq_overview(7).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::bytes::Bytes;
use crate::kernel::cost::Copying;
use crate::kernel::ipc::mqueue::Message;
#[cfg(target_os = "linux")]
use crate::os::ipc;
use crate::program::at::{At, SizeAmount, TimeAmount};
use crate::program::call::{Awaits, Call, Copied, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Amount, Handle, Variable};
use crate::trace::{Cause, Kind, Sink};

use super::mq_open::queue_of;
#[cfg(target_os = "linux")]
use super::read::value_of;

/// The largest message of a queue whose size the scenario doesn't give.
const DEFAULT_ROOM: u64 = 8192;

pub const ROW: VerbRow = VerbRow {
    name: "mq-receive",
    level: Level::Syscall,
    summary: "takes the next message out of a POSIX message queue",
    doc: "Takes the oldest message of the highest priority. Waits while the queue is empty; with `timeout` at most so long, then ETIMEDOUT; EAGAIN at once if the descriptor doesn't wait. The result is the message's length. EMSGSIZE if there is less room than the queue's `message-size`.",
    example: r#"{ mq-receive = "orders", into = "order", priority-into = "priority" }"#,
    real: Real::Yes("mq_receive(3), mq_timedreceive(2)"),
    blocks: &[],
    parse: parse::<MqReceiveForm>,
    schema: schema::<MqReceiveForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct MqReceiveForm {
    /// The message queue.
    mq_receive: At<String>,
    /// The variable that gets the value that the message carries.
    into: Option<At<String>>,
    /// The variable that gets its priority.
    priority_into: Option<At<String>>,
    /// Waits at most so long.
    timeout: Option<At<TimeAmount>>,
    /// How much room there is for the message: the queue's `message-size` if absent.
    bytes: Option<At<SizeAmount>>,
}

impl Form for MqReceiveForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let into = self.into.as_ref().map(|name| cx.assign(name));
        let priority_into = self.priority_into.as_ref().map(|name| cx.assign(name));
        let timeout = cx.time_limit(self.timeout.as_ref());
        let room = match &self.bytes {
            Some(bytes) => cx.size(bytes),
            None => {
                let known = cx.names.queues.get(&self.mq_receive.value);
                Amount::Const(known.map_or(DEFAULT_ROOM, |queue| queue.message_size))
            }
        };
        if let Some(queue) = cx.queue(&self.mq_receive) {
            cx.call(step, MqReceive { queue, room, into, priority_into, timeout, keep: false });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MqReceive {
    pub queue: Handle,
    /// Bytes.
    pub room: Amount,
    pub into: Option<Variable>,
    pub priority_into: Option<Variable>,
    /// Nanoseconds.
    pub timeout: Option<Amount>,
    /// Whether the program uses the message as a whole.
    pub keep: bool,
}

impl SystemCall for MqReceive {
    fn amount(&self) -> Option<&Amount> {
        Some(&self.room)
    }

    fn keep_what_comes(&mut self) {
        self.keep = true;
    }

    fn copies<S: Sink>(&self, call: &Call<'_, S>) -> Option<Copied> {
        let queue = match call.progress().checked_sub(1) {
            Some(queue) => queue as u32,
            None => queue_of(call, self.queue).ok()?.0,
        };
        let here = call.kernel.mqueue(queue);
        let fits = call.amount() >= here.message_size;
        let bytes = if fits { here.next_bytes(call.task).unwrap_or(0) } else { 0 };
        Some(Copied { copying: Copying::MqReceive, bytes })
    }

    fn waits(&self, image: &Image) -> Option<Awaits> {
        Some(image.queue_wait(self.queue, Cause::Message))
    }

    fn ends_by_itself(&self) -> bool {
        self.timeout.is_some()
    }

    /// It waits no longer.
    fn achieved<S: Sink>(&self, call: &mut Call<'_, S>) -> Option<i64> {
        let queue = call.progress().checked_sub(1)?;
        let message = call.kernel.handed_message(queue as u32, call.task)?;
        Some(self.received(call, queue as u32, message))
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let task = call.task;
        if let Some(queue) = call.progress().checked_sub(1) {
            let queue = queue as u32;
            if let Some(message) = call.kernel.handed_message(queue, task) {
                return Ok(Outcome::Done(self.received(call, queue, message)));
            }
            if let Some(errno) = call.waited_in_vain(Errno::ETIMEDOUT) {
                return Err(errno);
            }
        }
        let (queue, nonblock) = queue_of(call, self.queue)?;
        let here = call.kernel.mqueue(queue);
        let object = here.object;
        if call.amount() < here.message_size {
            return Err(Errno::EMSGSIZE);
        }
        if let Some(message) = call.kernel.take_message(call.cpu, queue) {
            return Ok(Outcome::Done(self.received(call, queue, message)));
        }
        if nonblock {
            return Err(Errno::EAGAIN);
        }
        call.limit_wait(self.timeout, Errno::ETIMEDOUT)?;
        call.kernel.wait_for_message(queue, task);
        call.user().progress = u64::from(queue) + 1;
        Ok(Outcome::Block { on: Cause::Message, object: Some(object) })
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let descriptor = native.descriptor(self.queue)?;
        let object = native.channel(self.queue).object;
        let room = native.transfer(self.room)?;
        let limit = native.time_limit(self.timeout);
        let buffer = native.buffer.take(room);
        let (length, priority) = ipc::receive(descriptor, buffer, limit)?;
        let value = value_of(&buffer[..length]);
        if self.keep {
            native.user.keep(Bytes::text(&buffer[..length]), false);
        }
        native.user.set(self.into, value);
        native.user.set(self.priority_into, i64::from(priority));
        native.received(object, length);
        Ok(length as i64)
    }
}

impl MqReceive {
    fn received<S: Sink>(&self, call: &mut Call<'_, S>, queue: u32, message: Message) -> i64 {
        let object = call.kernel.mqueue(queue).object;
        let Message { bytes, priority } = message;
        let length = bytes.len();
        call.emit(Kind::MessageReceive { object, bytes: length });
        let user = call.user();
        user.set(self.into, bytes.first_word() as i64);
        user.set(self.priority_into, i64::from(priority));
        if self.keep {
            user.keep(bytes, false);
        }
        length as i64
    }
}
