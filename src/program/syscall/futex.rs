//! `futex`: sleep until a shared word changes, and wake those that sleep on it.
//!
//! `wait` compares the word with an expected value and sleeps in one indivisible step of the
//! kernel, so that no wake-up between the comparison and the sleep can be lost. Source: futex(2).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::ids::ObjectId;
use crate::program::at::{At, Value};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
use crate::program::verb::{Level, VerbRow};
use crate::program::{Cell, Operand};
use crate::trace::Cause;

pub const WAIT: VerbRow = VerbRow {
    name: "futex-wait",
    level: Level::Syscall,
    summary: "sleeps while a shared cell holds a value",
    doc: "Compares the cell with `expected` and, if they are equal, sleeps until a `futex-wake` on the same cell; else it fails at once with EAGAIN. Comparing and falling asleep are one indivisible step of the kernel, so that no wake-up is lost between them. Locks are built from it.",
    example: r#"{ futex-wait = "shm.cell", expected = 1, on-error = "continue" }"#,
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
        if let Some((cell, object)) = cx.cell(&self.futex_wait) {
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
        if let Some((cell, _)) = cx.cell(&self.futex_wake) {
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
