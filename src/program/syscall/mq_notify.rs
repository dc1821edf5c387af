//! `mq-notify`: asks for a signal when a message arrives at an empty POSIX message queue.
//!
//! One process at a time, for one message; a thread that waits for a message gets it without anybody
//! being told. Source: mq_notify(3).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
#[cfg(target_os = "linux")]
use crate::os::ipc;
use crate::program::Handle;
use crate::program::at::At;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::resolve::SignalName;
use crate::program::verb::{Level, Real, VerbRow};
use crate::signal::Signal;
use crate::trace::Sink;

use super::mq_open::queue_of;

pub const ROW: VerbRow = VerbRow {
    name: "mq-notify",
    level: Level::Syscall,
    summary: "asks for a signal when a message arrives at an empty POSIX message queue",
    doc: "The next message that arrives at the empty queue, and that nobody waits for, sends the signal to this process. That is once: whoever wants to know of further messages asks again. EBUSY if a process has asked already. Without `signal` the process takes its wish back; closing the queue does so too.",
    example: r#"{ mq-notify = "orders", signal = "SIGUSR1" }"#,
    real: Real::Yes("mq_notify(3)"),
    blocks: &[],
    parse: parse::<MqNotifyForm>,
    schema: schema::<MqNotifyForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct MqNotifyForm {
    /// The message queue.
    mq_notify: At<String>,
    /// The signal; without one the process isn't told any more.
    signal: Option<At<SignalName>>,
}

impl Form for MqNotifyForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let signal = self.signal.as_ref().and_then(|at| match at.value.resolve(&at.span) {
            Ok(signal) => Some(signal),
            Err(problem) => {
                cx.problems.push(problem);
                None
            }
        });
        if let Some(queue) = cx.queue(&self.mq_notify) {
            cx.call(step, MqNotify { queue, signal });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MqNotify {
    pub queue: Handle,
    pub signal: Option<Signal>,
}

impl SystemCall for MqNotify {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (queue, _) = queue_of(call, self.queue)?;
        let process = call.process();
        call.kernel.notify_of_message(queue, process, self.signal).map(|()| Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        ipc::notify(native.descriptor(self.queue)?, self.signal).map(|()| 0)
    }
}
