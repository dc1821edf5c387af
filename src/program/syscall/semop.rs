//! `semop`: operations on the semaphores of a System V set, all at once or none.
//!
//! Waits until all are possible. Source: semop(2).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::ipc::semaphore_set::{Attempt, Operation};
#[cfg(target_os = "linux")]
use crate::os::ipc;
use crate::program::Amount;
use crate::program::at::{At, TimeAmount, Value};
use crate::program::call::{AfterSignal, Awaits, Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::ipc::{OperationsId, SemaphoreStep};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::userland::User;
use crate::program::value::Operand;
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::{Cause, Sink};

pub const ROW: VerbRow = VerbRow {
    name: "semop",
    level: Level::Syscall,
    summary: "operates on semaphores of a System V set, on all at once or on none",
    doc: "Each operation adds to a semaphore; one that adds 0 waits until it is zero. No semaphore falls below zero: the call waits until all operations are possible, and then does them as one. With `timeout` it waits at most so long, then EAGAIN; so at once with `nowait`. What was done with `undo` is undone when the process ends. EFBIG if the set has no such semaphore, ERANGE above 32767, EINVAL for a set that was removed, EIDRM if it is removed meanwhile.",
    example: r#"{ semop = "forks", ops = [{ number = 0, add = -1 }, { number = 1, add = -1, undo = true }] }"#,
    real: Real::Yes("semop(2), semtimedop(2)"),
    blocks: &[],
    parse: parse::<SemopForm>,
    schema: schema::<SemopForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SemopForm {
    /// The semaphore set.
    semop: At<String>,
    /// The operations, done in this order.
    ops: Vec<OperationForm>,
    /// Waits at most so long.
    timeout: Option<At<TimeAmount>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct OperationForm {
    /// Which semaphore of the set, from 0; 0 if absent.
    number: Option<At<Value>>,
    /// What is added to it; 0 waits until it is zero.
    add: At<Value>,
    /// If this operation isn't possible now, the call fails with EAGAIN (IPC_NOWAIT).
    nowait: Option<bool>,
    /// It is undone when the process ends (SEM_UNDO).
    undo: Option<bool>,
}

impl Form for SemopForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let mut operations = Vec::new();
        for form in &self.ops {
            operations.push(SemaphoreStep {
                number: form.number.as_ref().map_or(Operand::Const(0), |at| cx.operand(at)),
                change: cx.operand(&form.add),
                nowait: form.nowait.unwrap_or(false),
                undo: form.undo.unwrap_or(false),
            });
        }
        let timeout = cx.time_limit(self.timeout.as_ref());
        if let Some(set) = cx.semaphore_set(&self.semop) {
            let lists = &mut cx.tables.lists.operations;
            lists.push(operations);
            let operations = OperationsId((lists.len() - 1) as u32);
            cx.call(step, Semop { set, operations, timeout });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Semop {
    /// The set's number among the scenario's.
    pub set: u32,
    pub operations: OperationsId,
    /// Nanoseconds.
    pub timeout: Option<Amount>,
}

impl Semop {
    /// The operations with their values. A change that the host's call can't take is taken to the end
    /// of its range, which no semaphore allows either.
    fn operations(&self, user: &User, image: &Image) -> Vec<Operation> {
        let steps = image.lists.operations[self.operations.0 as usize].iter();
        steps
            .map(|step| Operation {
                number: user.value(step.number, image),
                change: user.value(step.change, image).clamp(i16::MIN.into(), i16::MAX.into()),
                nowait: step.nowait,
                undo: step.undo,
            })
            .collect()
    }
}

impl SystemCall for Semop {
    fn waits(&self, image: &Image) -> Option<Awaits> {
        let object = image.ipc.semaphores[self.set as usize].object;
        Some(Awaits { on: Cause::SemaphoreSet, object: Some(object) })
    }

    fn ends_by_itself(&self) -> bool {
        self.timeout.is_some()
    }

    fn after_signal(&self) -> AfterSignal {
        AfterSignal::Fails
    }

    /// It waits no longer.
    fn achieved<S: Sink>(&self, call: &mut Call<'_, S>) -> Option<i64> {
        if call.progress() > 0 {
            call.kernel.end_of_operations(self.set, call.task);
        }
        None
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (task, image, set, process) = (call.task, call.image, self.set, call.process());
        if call.progress() > 0 {
            if let Some(ended) = call.kernel.end_of_operations(set, task) {
                return ended.map(|()| Outcome::Done(0));
            }
            if let Some(errno) = call.waited_in_vain(Errno::EAGAIN) {
                return Err(errno);
            }
        }
        let operations = self.operations(call.user(), image);
        let here = call.kernel.semaphore_set(set)?;
        let object = here.object;
        here.check(&operations)?;
        match call.kernel.operate(call.cpu, set, process, &operations) {
            Attempt::Done => Ok(Outcome::Done(0)),
            Attempt::Fails(errno) => Err(errno),
            Attempt::Waits => {
                call.limit_wait(self.timeout, Errno::EAGAIN)?;
                call.kernel.wait_to_operate(set, task, process, operations);
                call.user().progress = 1;
                Ok(Outcome::Block { on: Cause::SemaphoreSet, object: Some(object) })
            }
        }
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let operations = self.operations(&native.user, &native.world.image);
        let limit = native.time_limit(self.timeout);
        let operations: Vec<ipc::Operation> = operations
            .into_iter()
            .map(|Operation { number, change, nowait, undo }| ipc::Operation {
                // What doesn't fit is no semaphore either.
                number: u16::try_from(number).unwrap_or(u16::MAX),
                change: change as i16,
                nowait,
                undo,
            })
            .collect();
        ipc::operate(native.semaphore_set(self.set)?, &operations, limit).map(|()| 0)
    }
}
