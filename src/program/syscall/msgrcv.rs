//! `msgrcv`: takes a message of a type out of a System V message queue.
//!
//! Waits while there is none. Source: msgop(2).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::bytes::Bytes;
use crate::kernel::cost::Copying;
use crate::kernel::ipc::typed_queue::{MOST_BYTES, TypedMessage, Wanted};
#[cfg(target_os = "linux")]
use crate::os::ipc::{self, Receiving};
use crate::program::at::{At, SizeAmount, Value};
use crate::program::call::{AfterSignal, Awaits, Call, Copied, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Amount, Operand, Variable};
use crate::trace::{Cause, Kind, Sink};

#[cfg(target_os = "linux")]
use super::read::value_of;

pub const ROW: VerbRow = VerbRow {
    name: "msgrcv",
    level: Level::Syscall,
    summary: "takes a message of a type out of a System V message queue",
    doc: "`type` 0 takes the oldest message, a type above zero the oldest of that type, one below zero the oldest of the lowest type up to its amount. Waits while there is none; with `nowait` that is ENOMSG. The result is the message's length. A message longer than `bytes` stays in the queue with E2BIG, or with `truncate` loses its end. EINVAL for a queue that was removed, EIDRM if it is removed meanwhile.",
    example: r#"{ msgrcv = "jobs", type = -2, into = "job", type-into = "kind" }"#,
    real: Real::Yes("msgrcv(2)"),
    blocks: &[],
    parse: parse::<MsgrcvForm>,
    schema: schema::<MsgrcvForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct MsgrcvForm {
    /// The System V message queue.
    msgrcv: At<String>,
    /// Which type; 0, any, if absent.
    r#type: Option<At<Value>>,
    /// The variable that gets the value that the message carries.
    into: Option<At<String>>,
    /// The variable that gets its type.
    type_into: Option<At<String>>,
    /// Fails with ENOMSG instead of waiting (IPC_NOWAIT).
    nowait: Option<bool>,
    /// Cuts a message off that is too long (MSG_NOERROR).
    truncate: Option<bool>,
    /// How much room there is for the message; "8KiB" if absent.
    bytes: Option<At<SizeAmount>>,
}

impl Form for MsgrcvForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let into = self.into.as_ref().map(|name| cx.assign(name));
        let type_into = self.type_into.as_ref().map(|name| cx.assign(name));
        let room = self.bytes.as_ref().map_or(Amount::Const(MOST_BYTES), |bytes| cx.size(bytes));
        let kind = self.r#type.as_ref().map_or(Operand::Const(0), |at| cx.operand(at));
        if let Some(queue) = cx.typed_queue(&self.msgrcv) {
            let (nowait, truncate) = (self.nowait.unwrap_or(false), self.truncate.unwrap_or(false));
            cx.call(step, Msgrcv { queue, room, kind, into, type_into, nowait, truncate, keep: false });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Msgrcv {
    /// The queue's number among the scenario's.
    pub queue: u32,
    /// Bytes.
    pub room: Amount,
    pub kind: Operand,
    pub into: Option<Variable>,
    pub type_into: Option<Variable>,
    pub nowait: bool,
    pub truncate: bool,
    /// Whether the program uses the message as a whole.
    pub keep: bool,
}

impl SystemCall for Msgrcv {
    fn amount(&self) -> Option<&Amount> {
        Some(&self.room)
    }

    fn keep_what_comes(&mut self) {
        self.keep = true;
    }

    fn copies<S: Sink>(&self, call: &Call<'_, S>) -> Option<Copied> {
        let wanted = Wanted::of(call.userland.users[call.task.index()].value(self.kind, call.image));
        let bytes = call.kernel.ipc.typed[self.queue as usize].next_bytes(call.task, wanted).unwrap_or(0);
        let taken = if bytes <= call.amount() || self.truncate { bytes.min(call.amount()) } else { 0 };
        Some(Copied { copying: Copying::MsgReceive, bytes: taken })
    }

    fn waits(&self, image: &Image) -> Option<Awaits> {
        let object = image.ipc.typed[self.queue as usize].object;
        Some(Awaits { on: Cause::Message, object: Some(object) })
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
            match call.kernel.end_typed_wait(queue, task) {
                Some(Ok(message)) => return Ok(self.received(call, message)),
                Some(Err(errno)) => return Err(errno),
                None => {}
            }
            if let Some(errno) = call.waited_in_vain(Errno::EINTR) {
                return Err(errno);
            }
        }
        let wanted = Wanted::of(call.user().value(self.kind, image));
        let room = call.amount();
        let here = call.kernel.typed_queue(queue)?;
        let object = here.object;
        if let Some(found) = here.messages.find(wanted) {
            if found.bytes.len() > room && !self.truncate {
                return Err(Errno::E2BIG);
            }
            let taken = call.kernel.take_typed(call.cpu, queue, wanted);
            return taken.map(|message| self.received(call, message)).ok_or(Errno::ENOMSG);
        }
        if self.nowait {
            return Err(Errno::ENOMSG);
        }
        call.kernel.wait_for_typed(queue, task, wanted, (!self.truncate).then_some(room));
        call.user().progress = 1;
        Ok(Outcome::Block { on: Cause::Message, object: Some(object) })
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let kind = native.computed(self.kind);
        let id = native.typed_queue(self.queue)?;
        let object = native.world.image.ipc.typed[self.queue as usize].object;
        let room = native.transfer(self.room)?;
        let buffer = native.buffer.take(ipc::HEAD + room);
        let how = Receiving { nowait: self.nowait, truncate: self.truncate };
        let (length, kind) = ipc::receive_typed(id, kind, buffer, how)?;
        let message = &buffer[ipc::HEAD..ipc::HEAD + length];
        let value = value_of(message);
        if self.keep {
            native.user.keep(Bytes::text(message), false);
        }
        native.user.set(self.into, value);
        native.user.set(self.type_into, kind);
        native.received(Some(object), length);
        Ok(length as i64)
    }
}

impl Msgrcv {
    fn received<S: Sink>(&self, call: &mut Call<'_, S>, message: TypedMessage) -> Outcome {
        let object = call.kernel.ipc.typed[self.queue as usize].object;
        let TypedMessage { kind, mut bytes } = message;
        bytes.resize(bytes.len().min(call.amount()));
        let length = bytes.len();
        call.emit(Kind::MessageReceive { object, bytes: length });
        let user = call.user();
        user.set(self.into, bytes.first_word() as i64);
        user.set(self.type_into, kind);
        if self.keep {
            user.keep(bytes, false);
        }
        Outcome::Done(length as i64)
    }
}
