//! `sem-wait` and `sem-post`: a counting semaphore on a futex.
//!
//! Two words: the value, and how many threads wait or are about to. Waiting enters the kernel only
//! at value 0, posting only if somebody waits. No wake-up is lost: a waiter counts itself in before
//! it looks at the value for the last time, and the poster raises the value before it looks at the
//! count; so at least one of them sees the other. The futex compares the value once more before the
//! thread sleeps. Source: glibc, nptl/sem_waitcommon.c (the variant with two words).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::at::At;
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::{Address, Cell, Instruction, Note, OnError};
use crate::program::lower::Lower;
use crate::program::names::Semaphore;
use crate::program::syscall::{FutexWait, FutexWake};
use crate::program::value::{Operand, Operator, Variable};
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Cause;

pub const SEM_WAIT: VerbRow = VerbRow {
    name: "sem-wait",
    level: Level::Library,
    summary: "waits until a semaphore is above zero and counts it down",
    doc: "Counts the semaphore down by one; at zero it sleeps on a futex until somebody posts. Above zero it needs no system call.",
    example: r#"{ sem-wait = "s" }"#,
    real: Real::Yes("one atomic instruction; futex(2) only if the semaphore is zero"),
    blocks: &[],
    parse: parse::<SemWaitForm>,
    schema: schema::<SemWaitForm>,
};

pub const SEM_POST: VerbRow = VerbRow {
    name: "sem-post",
    level: Level::Library,
    summary: "counts a semaphore up",
    doc: "Counts the semaphore up by one and, if somebody waits, enters the kernel to wake one.",
    example: r#"{ sem-post = "s" }"#,
    real: Real::Yes("one atomic instruction; futex(2) only if somebody waits"),
    blocks: &[],
    parse: parse::<SemPostForm>,
    schema: schema::<SemPostForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SemWaitForm {
    /// The semaphore.
    sem_wait: At<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SemPostForm {
    /// The semaphore.
    sem_post: At<String>,
}

const ONE: Operand = Operand::Const(1);

fn value(semaphore: Semaphore) -> Cell {
    Cell { array: semaphore.value, index: Operand::Const(0) }
}

fn waiters(semaphore: Semaphore) -> Cell {
    Cell { array: semaphore.waiters, index: Operand::Const(0) }
}

/// Counts down if the value is above zero, by compare-and-swap. Gives the jump that is taken at
/// zero, which the caller patches; what follows is reached after a success.
fn try_down(cx: &mut Lower<'_>, cell: Cell) -> Address {
    let (seen, old): (Variable, Variable) = (cx.temporary(0), cx.temporary(1));
    let seen_value = Operand::Variable(seen);
    let again = cx.emit(Instruction::Load { into: seen, cell });
    let zero = cx.emit(Instruction::JumpIfZero { condition: seen_value, target: 0 });
    let less = cx.tables.expressions.add(Operator::Subtract, seen_value, ONE);
    cx.emit(Instruction::CompareSwap { cell, expected: seen_value, new: less, old: Some(old) });
    let expressions = &mut cx.tables.expressions;
    let swapped = expressions.add(Operator::Equal, Operand::Variable(old), seen_value);
    cx.emit(Instruction::JumpIfZero { condition: swapped, target: again });
    zero
}

impl Form for SemWaitForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let Some(semaphore) = cx.semaphore(&self.sem_wait) else {
            return;
        };
        let (value, waiters, object) = (value(semaphore), waiters(semaphore), semaphore.object);
        let zero = try_down(cx, value);
        let done = cx.emit(Instruction::Jump(0));

        cx.patch(zero);
        cx.emit(Instruction::Note(Note::Contended { object }));
        cx.emit(Instruction::AtomicAdd { cell: waiters, value: ONE, old: None });
        let again = cx.here();
        let still_zero = try_down(cx, value);
        cx.emit(Instruction::AtomicAdd { cell: waiters, value: Operand::Const(-1), old: None });
        let got_it = cx.emit(Instruction::Jump(0));

        cx.patch(still_zero);
        cx.emit(Instruction::Syscall {
            call: FutexWait { cell: value, expected: Operand::Const(0), cause: Cause::Semaphore, object }
                .into(),
            result: None,
            // The value has changed in the meantime, or a signal came: either way, try again.
            on_error: OnError::Continue,
        });
        cx.emit(Instruction::Jump(again));

        cx.patch(done);
        cx.patch(got_it);
        cx.emit(Instruction::Note(Note::Acquired { object }));
    }
}

impl Form for SemPostForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let Some(semaphore) = cx.semaphore(&self.sem_post) else {
            return;
        };
        let object = semaphore.object;
        cx.emit(Instruction::AtomicAdd { cell: value(semaphore), value: ONE, old: None });
        cx.emit(Instruction::Note(Note::Released { object }));
        let waiting = cx.temporary(0);
        cx.emit(Instruction::Load { into: waiting, cell: waiters(semaphore) });
        let nobody = cx.emit(Instruction::JumpIfZero { condition: Operand::Variable(waiting), target: 0 });
        cx.emit(Instruction::Syscall {
            call: FutexWake { cell: value(semaphore), count: ONE }.into(),
            result: None,
            on_error: OnError::Exit,
        });
        cx.patch(nobody);
    }
}
