//! `msgsnd`: puts a message of a type into a System V message queue.
//!
//! Waits while there is no room for it. Source: msgop(2).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::cost::Copying;
use crate::kernel::ipc::typed_queue::{MOST_BYTES, TypedMessage};
#[cfg(target_os = "linux")]
use crate::os::ipc;
use crate::program::at::{At, SizeAmount, Value};
use crate::program::call::{AfterSignal, Awaits, Call, Copied, Outcome, SystemCall};
use crate::program::content::{Content, What};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Amount, Operand};
use crate::trace::{Cause, Kind, Sink};

pub const ROW: VerbRow = VerbRow {
    name: "msgsnd",
    level: Level::Syscall,
    summary: "puts a message of a type into a System V message queue",
    doc: "The message has a `type` above zero, by which receivers choose. Waits while the queue has no room for its bytes; with `nowait` that is EAGAIN. EINVAL for a type that isn't above zero, for more than 8 KiB, or for a queue that was removed; EIDRM if it is removed meanwhile.",
    example: r#"{ msgsnd = "jobs", type = 2, value = 7 }"#,
    real: Real::Yes("msgsnd(2)"),
    blocks: &[],
    parse: parse::<MsgsndForm>,
    schema: schema::<MsgsndForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct MsgsndForm {
    /// The System V message queue.
    msgsnd: At<String>,
    /// The message's type; 1 if absent.
    r#type: Option<At<Value>>,
    /// Fails with EAGAIN instead of waiting (IPC_NOWAIT).
    nowait: Option<bool>,
    /// How many bytes; 8 if only a value is given.
    bytes: Option<At<SizeAmount>>,
    /// What the first eight bytes hold: a whole number or an expression.
    value: Option<At<Value>>,
    /// A text, with expressions in braces as in `print`.
    text: Option<At<String>>,
    /// What the thread has read last, as many bytes as that was.
    buffer: Option<bool>,
}

impl Form for MsgsndForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let content = Content::of(&self.bytes, &self.value, &self.text, self.buffer);
        let (bytes, what) = cx.content(step, content);
        let kind = self.r#type.as_ref().map_or(Operand::Const(1), |at| cx.operand(at));
        if let Some(queue) = cx.typed_queue(&self.msgsnd) {
            cx.call(step, Msgsnd { queue, bytes, what, kind, nowait: self.nowait.unwrap_or(false) });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Msgsnd {
    /// The queue's number among the scenario's.
    pub queue: u32,
    pub bytes: Amount,
    pub what: What,
    pub kind: Operand,
    pub nowait: bool,
}

impl SystemCall for Msgsnd {
    fn amount(&self) -> Option<&Amount> {
        Some(&self.bytes)
    }

    /// The bytes are copied before the kernel looks whether there is room.
    fn copies<S: Sink>(&self, call: &Call<'_, S>) -> Option<Copied> {
        let fits = call.progress() == 0 && call.amount() <= MOST_BYTES;
        Some(Copied { copying: Copying::MsgSend, bytes: if fits { call.amount() } else { 0 } })
    }

    fn waits(&self, image: &Image) -> Option<Awaits> {
        let object = image.ipc.typed[self.queue as usize].object;
        Some(Awaits { on: Cause::MessageRoom, object: Some(object) })
    }

    fn after_signal(&self) -> AfterSignal {
        AfterSignal::Fails
    }

    /// It waits no longer.
    fn achieved<S: Sink>(&self, call: &mut Call<'_, S>) -> Option<i64> {
        if call.progress() > 0 {
            call.kernel.end_typed_wait(self.queue, call.task);
        }
        None
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (task, image, queue) = (call.task, call.image, self.queue);
        if call.progress() > 0 {
            // Those who wait for room are only given an error.
            if let Some(Err(errno)) = call.kernel.end_typed_wait(queue, task) {
                return Err(errno);
            }
            if let Some(errno) = call.waited_in_vain(Errno::EINTR) {
                return Err(errno);
            }
        }
        let kind = call.user().value(self.kind, image);
        let length = call.amount();
        if length > MOST_BYTES || kind < 1 {
            return Err(Errno::EINVAL);
        }
        let here = call.kernel.typed_queue(queue)?;
        let object = here.object;
        if !here.has_room(length) {
            if self.nowait {
                return Err(Errno::EAGAIN);
            }
            call.kernel.wait_for_typed_room(queue, task, length);
            call.user().progress = 1;
            return Ok(Outcome::Block { on: Cause::MessageRoom, object: Some(object) });
        }
        let bytes = self.what.bytes(call.user(), image, length);
        call.emit(Kind::MessageSend { object, bytes: length });
        call.kernel.send_typed(call.cpu, queue, TypedMessage { kind, bytes });
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let kind = native.computed(self.kind);
        let id = native.typed_queue(self.queue)?;
        let object = native.world.image.ipc.typed[self.queue as usize].object;
        let length = native.transfer(self.bytes)?;
        ipc::send_typed(id, kind, native.filled(length, self.what), self.nowait)?;
        native.sent(Some(object), length);
        Ok(0)
    }
}
