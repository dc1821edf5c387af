//! `futex-requeue`: wakes some of those that sleep on a shared word, and lets others sleep on another one.
//!
//! A condition's broadcast is made of it: of all the threads that wait for the condition only one can have
//! the mutex at once, so the others needn't be woken before they can get it. Source: futex(2).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::caches::Used;
#[cfg(target_os = "linux")]
use crate::os::futex;
use crate::program::at::{At, Value};
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::{Native, SharedCell};
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Cell, Operand};
use crate::trace::Sink;

use super::futex::{used, word};

pub const ROW: VerbRow = VerbRow {
    name: "futex-requeue",
    level: Level::Syscall,
    summary: "wakes some sleepers of a shared cell and moves others to another cell",
    doc: "Wakes at most `wake` sleepers of the cell, those who came first first, and lets at most `move` of the others sleep on the cell `to` instead. With `expected` it fails with EAGAIN if the cell holds something else. The result is how many were woken or moved.",
    example: r#"{ futex-requeue = "shm.cell", to = "shm.array[0]", wake = 1, move = 10, expected = 2 }"#,
    real: Real::Yes("futex(2), FUTEX_REQUEUE or FUTEX_CMP_REQUEUE"),
    blocks: &[],
    parse: parse::<FutexRequeueForm>,
    schema: schema::<FutexRequeueForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FutexRequeueForm {
    /// The cell, "object.name", or element, "object.name[index]".
    futex_requeue: At<String>,
    /// The cell or element on which the others sleep afterwards.
    to: At<String>,
    /// How many are woken at most; 1 if absent.
    wake: Option<At<Value>>,
    /// How many are moved at most; all if absent.
    r#move: Option<At<Value>>,
    /// What the cell must hold; anything if absent.
    expected: Option<At<Value>>,
}

/// As many as there can be.
pub const ALL: Operand = Operand::Const(i32::MAX as i64);

impl Form for FutexRequeueForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let wake = self.wake.as_ref().map_or(Operand::Const(1), |wake| cx.operand(wake));
        let others = self.r#move.as_ref().map_or(ALL, |others| cx.operand(others));
        let expected = self.expected.as_ref().map(|expected| cx.operand(expected));
        let (from, to) = (cx.futex_cell(&self.futex_requeue), cx.futex_cell(&self.to));
        if let (Some((from, _)), Some((to, _))) = (from, to) {
            cx.call(step, FutexRequeue { from, to, wake, others, expected });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FutexRequeue {
    pub from: Cell,
    pub to: Cell,
    /// At most so many sleepers are woken, those who came first first.
    pub wake: Operand,
    /// At most so many of the others sleep on `to` from now on.
    pub others: Operand,
    /// What `from` must hold.
    pub expected: Option<Operand>,
}

impl SystemCall for FutexRequeue {
    fn uses<S: Sink>(&self, call: &Call<'_, S>) -> Option<Used> {
        Some(used(call, self.from))
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (from, value) = word(call, self.from)?;
        let (to, _) = word(call, self.to)?;
        let image = call.image;
        let user = call.user();
        let (wake, others) = (user.value(self.wake, image), user.value(self.others, image));
        let expected = self.expected.map(|expected| user.value(expected, image));
        if wake < 0 || others < 0 {
            return Err(Errno::EINVAL);
        }
        if expected.is_some_and(|expected| expected as i32 != value as i32) {
            return Err(Errno::EAGAIN);
        }
        let mut woken = 0;
        while woken < wake {
            let kernel = &mut *call.kernel;
            let Some(waiter) = kernel.next_futex_waiter(from) else { break };
            kernel.wake(call.cpu, waiter);
            woken += 1;
        }
        let kernel = &mut *call.kernel;
        let moved = kernel.futexes.requeue(from, to, others, &mut kernel.tasks);
        Ok(Outcome::Done(woken + moved))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let number = |operand| native.computed(operand).clamp(-1, i64::from(i32::MAX)) as i32;
        let (wake, others) = (number(self.wake), number(self.others));
        let expected = self.expected.map(|expected| native.computed(expected) as i32);
        let from = native.cell(self.from).and_then(SharedCell::word).ok_or(Errno::EFAULT)?;
        let to = native.cell(self.to).and_then(SharedCell::word).ok_or(Errno::EFAULT)?;
        futex::requeue(from, to, wake, others, expected)
    }
}
