//! `lock` and `unlock`: a mutex on a futex.
//!
//! The word is 0 when free, 1 when taken, 2 when taken and perhaps waited for. Neither function
//! enters the kernel unless there is contention. Source: U. Drepper, "Futexes are tricky", the
//! third mutex; the unlock exchanges 0 for the word, as glibc does.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::at::At;
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::{Cell, Instruction, Note, OnError};
use crate::program::lower::Lower;
use crate::program::names::Lock;
use crate::program::syscall::{FutexWait, FutexWake};
use crate::program::value::{Operand, Operator};
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Cause;

pub const LOCK: VerbRow = VerbRow {
    name: "lock",
    level: Level::Library,
    summary: "takes a mutex",
    doc: "Takes the mutex. If it is free that is one atomic instruction and no system call; else the thread marks it as waited for and sleeps on its futex until it is unlocked.",
    example: r#"{ lock = "m" }"#,
    real: Real::Yes("one atomic instruction; futex(2) only if the lock is taken"),
    blocks: &[],
    parse: parse::<LockForm>,
    schema: schema::<LockForm>,
};

pub const UNLOCK: VerbRow = VerbRow {
    name: "unlock",
    level: Level::Library,
    summary: "gives a mutex back",
    doc: "Gives the mutex back. Only if somebody may be waiting does it enter the kernel, to wake one sleeper.",
    example: r#"{ unlock = "m" }"#,
    real: Real::Yes("one atomic instruction; futex(2) only if somebody waits"),
    blocks: &[],
    parse: parse::<UnlockForm>,
    schema: schema::<UnlockForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct LockForm {
    /// The mutex.
    lock: At<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct UnlockForm {
    /// The mutex.
    unlock: At<String>,
}

const FREE: Operand = Operand::Const(0);
const TAKEN: Operand = Operand::Const(1);
const WAITED_FOR: Operand = Operand::Const(2);

fn word(lock: Lock) -> Cell {
    Cell { array: lock.word, index: Operand::Const(0) }
}

impl Form for LockForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let Some(lock) = cx.mutex(&self.lock) else {
            return;
        };
        let (cell, object) = (word(lock), lock.object);
        let old = cx.temporary(0);
        cx.emit(Instruction::CompareSwap { cell, expected: FREE, new: TAKEN, old: Some(old) });
        let free = cx.emit(Instruction::JumpIfZero { condition: Operand::Variable(old), target: 0 });
        cx.emit(Instruction::Note(Note::Contended { object }));
        // From here on the word says that somebody may wait, even if it is this thread that takes
        // the mutex: it can't know whether others sleep.
        let again = cx.emit(Instruction::Exchange { cell, new: WAITED_FOR, old });
        let freed = cx.emit(Instruction::JumpIfZero { condition: Operand::Variable(old), target: 0 });
        cx.emit(Instruction::Syscall {
            call: FutexWait { cell, expected: WAITED_FOR, cause: Cause::Lock, object }.into(),
            result: None,
            // The word has changed in the meantime, or a signal came: either way, try again.
            on_error: OnError::Continue,
        });
        cx.emit(Instruction::Jump(again));
        cx.patch(free);
        cx.patch(freed);
        cx.emit(Instruction::Note(Note::Acquired { object }));
    }
}

impl Form for UnlockForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let Some(lock) = cx.mutex(&self.unlock) else {
            return;
        };
        let (cell, object) = (word(lock), lock.object);
        let old = cx.temporary(0);
        cx.emit(Instruction::Exchange { cell, new: FREE, old });
        cx.emit(Instruction::Note(Note::Released { object }));
        let expressions = &mut cx.tables.expressions;
        let waited_for = expressions.add(Operator::Equal, Operand::Variable(old), WAITED_FOR);
        let alone = cx.emit(Instruction::JumpIfZero { condition: waited_for, target: 0 });
        let count = Operand::Const(1);
        cx.emit(Instruction::Syscall {
            call: FutexWake { cell, count }.into(),
            result: None,
            on_error: OnError::Exit,
        });
        cx.patch(alone);
    }
}
