//! `sem-wait` and `sem-post`: a counting semaphore on a futex.
//!
//! Two words: the value, and how many threads wait or are about to. Waiting enters the kernel only
//! at value 0, posting only if somebody waits. No wake-up is lost: a waiter counts itself in before
//! it looks at the value for the last time, and the poster raises the value before it looks at the
//! count; so at least one of them sees the other. The futex compares the value once more before the
//! thread sleeps. Source: glibc, nptl/sem_waitcommon.c (the variant with two words).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::program::at::{At, TimeAmount};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::{Address, Cell, Instruction, Note};
use crate::program::lower::Lower;
use crate::program::names::Semaphore;
use crate::program::syscall::{FutexWait, Limit};
use crate::program::value::{Operand, Operator, Variable};
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Cause;

use super::emit::place;

pub const SEM_WAIT: VerbRow = VerbRow {
    name: "sem-wait",
    level: Level::Library,
    summary: "waits until a semaphore is above zero and counts it down",
    doc: "Counts the semaphore down by one; at zero it sleeps on a futex until somebody posts. Above zero it needs no system call. With a `timeout` it gives up with ETIMEDOUT.",
    example: r#"{ sem-wait = "s" }"#,
    real: Real::Yes("one atomic instruction; futex(2) only if the semaphore is zero"),
    blocks: &[],
    parse: parse::<SemWaitForm>,
    schema: schema::<SemWaitForm>,
};

pub const SEM_TRY_WAIT: VerbRow = VerbRow {
    name: "sem-try-wait",
    level: Level::Library,
    summary: "counts a semaphore down if it is above zero, and never waits",
    doc: "Counts the semaphore down by one if it is above zero: `result` is 0 then, else -11 (EAGAIN). It never waits and needs no system call.",
    example: r#"{ sem-try-wait = "s", result = "r" }"#,
    real: Real::Yes("one atomic instruction"),
    blocks: &[],
    parse: parse::<SemTryWaitForm>,
    schema: schema::<SemTryWaitForm>,
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
    /// How long it waits at most; as long as it takes if absent.
    timeout: Option<At<TimeAmount>>,
    /// The variable that gets 0, or a negated error number. Without it, an error ends the process.
    result: Option<At<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SemTryWaitForm {
    /// The semaphore.
    sem_try_wait: At<String>,
    /// The variable that gets 0, or a negated error number.
    result: At<String>,
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
        let timeout = self.timeout.as_ref().map(|time| cx.time(time));
        let result = self.result.as_ref().map(|name| cx.assign(name));
        if let Some(semaphore) = cx.semaphore(&self.sem_wait) {
            let limit = cx.deadline(timeout);
            down(cx, semaphore, limit, result);
        }
    }
}

/// Counts down, and waits at zero.
pub fn down(cx: &mut Lower<'_>, semaphore: Semaphore, limit: Limit, result: Option<Variable>) {
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
    // If it fails the value has changed in the meantime, or a signal came: either way, try again.
    let (expected, cause) = (Operand::Const(0), Cause::Semaphore);
    let wait = FutexWait { cell: value, expected, cause, object, limit };
    let mut given_up = None;
    if limit == Limit::Never {
        cx.futex_wait(wait, None);
    } else {
        let answer = cx.temporary(place::ANSWER);
        cx.futex_wait(wait, Some(answer));
        let late = Operand::Const(Errno::ETIMEDOUT.result());
        given_up = Some(cx.unless(answer, Operator::NotEqual, late));
    }
    cx.emit(Instruction::Jump(again));

    cx.patch(done);
    cx.patch(got_it);
    cx.emit(Instruction::Note(Note::Acquired { object }));
    cx.answer_success(result);
    if let Some(given_up) = given_up {
        let end = cx.jump();
        cx.patch(given_up);
        cx.emit(Instruction::AtomicAdd { cell: waiters, value: Operand::Const(-1), old: None });
        cx.answer_error(result, Errno::ETIMEDOUT);
        cx.patch(end);
    }
}

impl Form for SemTryWaitForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let result = cx.assign(&self.result);
        if let Some(semaphore) = cx.semaphore(&self.sem_try_wait) {
            attempt(cx, semaphore, result);
        }
    }
}

/// Counts down without waiting; `result` says with what success.
pub fn attempt(cx: &mut Lower<'_>, semaphore: Semaphore, result: Variable) {
    let zero = try_down(cx, value(semaphore));
    cx.emit(Instruction::Note(Note::Acquired { object: semaphore.object }));
    cx.answer_success(Some(result));
    let end = cx.jump();
    cx.patch(zero);
    cx.answer_error(Some(result), Errno::EAGAIN);
    cx.patch(end);
}

impl Form for SemPostForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        if let Some(semaphore) = cx.semaphore(&self.sem_post) {
            up(cx, semaphore);
        }
    }
}

/// Counts up, and wakes one who waits.
pub fn up(cx: &mut Lower<'_>, semaphore: Semaphore) {
    let object = semaphore.object;
    cx.emit(Instruction::AtomicAdd { cell: value(semaphore), value: ONE, old: None });
    cx.emit(Instruction::Note(Note::Released { object }));
    let waiting = cx.temporary(0);
    cx.emit(Instruction::Load { into: waiting, cell: waiters(semaphore) });
    let nobody = cx.emit(Instruction::JumpIfZero { condition: Operand::Variable(waiting), target: 0 });
    cx.futex_wake(value(semaphore), ONE);
    cx.patch(nobody);
}
