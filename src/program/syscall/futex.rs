//! `futex`: sleep until a shared word changes, and wake those that sleep on it.
//!
//! `wait` compares the word with an expected value and sleeps in one indivisible step of the
//! kernel, so that no wake-up between the comparison and the sleep can be lost. Source: futex(2).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::ids::ObjectId;
use crate::kernel::caches::Used;
#[cfg(target_os = "linux")]
use crate::os::futex;
use crate::program::at::{At, Value};
use crate::program::call::{Awaits, Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::{Native, SharedCell};
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Cell, Operand};
use crate::trace::Cause;
use crate::trace::Sink;

pub const WAIT: VerbRow = VerbRow {
    name: "futex-wait",
    level: Level::Syscall,
    summary: "sleeps while a shared cell holds a value",
    doc: "Compares the cell with `expected` and, if they are equal, sleeps until a `futex-wake` on the same cell; else it fails at once with EAGAIN. Comparing and falling asleep are one indivisible step of the kernel, so that no wake-up is lost between them. Locks are built from it.",
    example: r#"{ futex-wait = "shm.cell", expected = 1, on-error = "continue" }"#,
    real: Real::Yes("futex(2), FUTEX_WAIT"),
    blocks: &[],
    parse: parse::<FutexWaitForm>,
    schema: schema::<FutexWaitForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FutexWaitForm {
    /// The cell, "object.name", or element, "object.name[index]".
    futex_wait: At<String>,
    /// The value at which it sleeps.
    expected: At<Value>,
}

impl Form for FutexWaitForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let expected = cx.operand(&self.expected);
        if let Some((cell, object)) = cx.futex_cell(&self.futex_wait) {
            let cause = Cause::Futex;
            cx.call(step, FutexWait { cell, expected, cause, object });
        }
    }
}

pub const WAKE: VerbRow = VerbRow {
    name: "futex-wake",
    level: Level::Syscall,
    summary: "wakes those that sleep on a shared cell",
    doc: "Wakes at most `count` sleepers of the cell, those who came first first; the result is how many.",
    example: r#"{ futex-wake = "shm.cell", count = 1 }"#,
    real: Real::Yes("futex(2), FUTEX_WAKE"),
    blocks: &[],
    parse: parse::<FutexWakeForm>,
    schema: schema::<FutexWakeForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FutexWakeForm {
    /// The cell, "object.name", or element, "object.name[index]".
    futex_wake: At<String>,
    /// How many at most; 1 if absent.
    count: Option<At<Value>>,
}

impl Form for FutexWakeForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let count = match &self.count {
            Some(count) => cx.operand(count),
            None => Operand::Const(1),
        };
        if let Some((cell, _)) = cx.futex_cell(&self.futex_wake) {
            cx.call(step, FutexWake { cell, count });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FutexWait {
    pub cell: Cell,
    pub expected: Operand,
    /// What the trace names as the cause of waiting: a lock, a semaphore, or the futex itself.
    pub cause: Cause,
    pub object: ObjectId,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FutexWake {
    pub cell: Cell,
    /// At most so many sleepers are woken, those who came first first.
    pub count: Operand,
}

/// The futex's word and its value now.
fn word<S: Sink>(call: &mut Call<'_, S>, cell: Cell) -> Result<((u32, u32), i64), Errno> {
    let image = call.image;
    let index = call.user().value(cell.index, image);
    let value = *call.userland.element(cell.array, index).ok_or(Errno::EFAULT)?;
    Ok(((cell.array.0, index as u32), value))
}

/// The word as an object that CPUs share.
fn used<S: Sink>(call: &Call<'_, S>, cell: Cell) -> Used {
    let index = call.userland.users[call.task.index()].value(cell.index, call.image);
    Used::Futex((cell.array.0, index as u32))
}

impl SystemCall for FutexWait {
    fn uses<S: Sink>(&self, call: &Call<'_, S>) -> Option<Used> {
        Some(used(call, self.cell))
    }

    fn waits(&self, _: &Image) -> Option<Awaits> {
        Some(Awaits { on: self.cause, object: Some(self.object) })
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        if call.progress() > 0 {
            return match call.kernel.take_interruption(call.task) {
                // Nobody has woken it: should nothing come of the signal, it looks at the word again.
                Some(_) => {
                    call.user().progress = 0;
                    Err(Errno::EINTR)
                }
                None => Ok(Outcome::Done(0)),
            };
        }
        let (word, value) = word(call, self.cell)?;
        let image = call.image;
        if value != call.user().value(self.expected, image) {
            return Err(Errno::EAGAIN);
        }
        let (task, kernel) = (call.task, &mut *call.kernel);
        kernel.futexes.wait(word, task, &mut kernel.tasks);
        call.user().progress = 1;
        Ok(Outcome::Block { on: self.cause, object: Some(self.object) })
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let expected = native.computed(self.expected);
        let cell = native.cell(self.cell).and_then(SharedCell::word).ok_or(Errno::EFAULT)?;
        futex::wait(cell, expected as i32).map(|()| 0)
    }
}

impl SystemCall for FutexWake {
    fn uses<S: Sink>(&self, call: &Call<'_, S>) -> Option<Used> {
        Some(used(call, self.cell))
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (word, _) = word(call, self.cell)?;
        let image = call.image;
        let count = call.user().value(self.count, image);
        let mut woken = 0;
        while woken < count {
            let kernel = &mut *call.kernel;
            let Some(waiter) = kernel.futexes.wake(word, &mut kernel.tasks) else { break };
            kernel.wake(call.cpu, waiter);
            woken += 1;
        }
        Ok(Outcome::Done(woken))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let count = native.computed(self.count).clamp(0, i64::from(i32::MAX));
        let cell = native.cell(self.cell).and_then(SharedCell::word).ok_or(Errno::EFAULT)?;
        futex::wake(cell, count as i32)
    }
}
