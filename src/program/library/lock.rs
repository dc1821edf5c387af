//! `lock`, `try-lock` and `unlock`: a mutex on a futex.
//!
//! The word is 0 when free, 1 when taken, 2 when taken and perhaps waited for. None of the functions
//! enters the kernel unless there is contention. Source: U. Drepper, "Futexes are tricky", the
//! third mutex; the unlock exchanges 0 for the word, as glibc does.
//!
//! A mutex that isn't plain also has its holder's number in a word. One with `protocol = "inherit"` is in
//! `lock_pi`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::program::at::{At, TimeAmount};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::{Address, Cell, Instruction, Note, OnError};
use crate::program::lower::Lower;
use crate::program::names::{Lock, LockKind, Protocol};
use crate::program::syscall::{Ceiling, FutexWait, FutexWake, Limit};
use crate::program::value::{Amount, Operand, Operator, Variable};
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Cause;

use super::emit::{ONE, place};
use super::lock_pi;

pub const LOCK: VerbRow = VerbRow {
    name: "lock",
    level: Level::Library,
    summary: "takes a mutex",
    doc: "Takes the mutex. If it is free that is one atomic instruction and no system call; else the thread marks it as waited for and sleeps on its futex until it is unlocked. With a `timeout` it gives up with ETIMEDOUT. A mutex that checks errors answers EDEADLK to its holder; `result` says so, and without it the process ends.",
    example: r#"{ lock = "m" }"#,
    real: Real::Yes("one atomic instruction; futex(2) only if the lock is taken"),
    blocks: &[],
    parse: parse::<LockForm>,
    schema: schema::<LockForm>,
};

pub const TRY_LOCK: VerbRow = VerbRow {
    name: "try-lock",
    level: Level::Library,
    summary: "takes a mutex if it is free, and never waits",
    doc: "Takes the mutex if it is free: `result` is 0 then, else -16 (EBUSY). It never waits and needs no system call.",
    example: r#"{ try-lock = "m", result = "r" }"#,
    real: Real::Yes("one atomic instruction"),
    blocks: &[],
    parse: parse::<TryLockForm>,
    schema: schema::<TryLockForm>,
};

pub const UNLOCK: VerbRow = VerbRow {
    name: "unlock",
    level: Level::Library,
    summary: "gives a mutex back",
    doc: "Gives the mutex back. Only if somebody may be waiting does it enter the kernel, to wake one sleeper. A recursive mutex must be given back as often as it was taken; it and one that checks errors answer EPERM to anybody but their holder.",
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
    /// How long it waits at most; as long as it takes if absent.
    timeout: Option<At<TimeAmount>>,
    /// The variable that gets 0, or a negated error number. Without it, an error ends the process.
    result: Option<At<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct TryLockForm {
    /// The mutex.
    try_lock: At<String>,
    /// The variable that gets 0 if the thread has the mutex now, else a negated error number.
    result: At<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct UnlockForm {
    /// The mutex.
    unlock: At<String>,
    /// The variable that gets 0, or a negated error number. Without it, an error ends the process.
    result: Option<At<String>>,
}

const FREE: Operand = Operand::Const(0);
const TAKEN: Operand = Operand::Const(1);
const WAITED_FOR: Operand = Operand::Const(2);

/// How a mutex is taken.
#[derive(Clone, Copy)]
pub enum Way {
    /// Whoever comes waits until it is free, or until the limit.
    Wait(Limit),
    /// Nobody waits.
    Try,
    /// As the first, by somebody who may have been let wait for the mutex by others: it says so in the word.
    Back,
}

/// One of the words of a mutex.
pub const fn word(lock: Lock, index: i64) -> Cell {
    Cell { array: lock.word, index: Operand::Const(index) }
}

const OWNER: i64 = 1;
const DEPTH: i64 = 2;

impl Form for LockForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let timeout: Option<Amount> = self.timeout.as_ref().map(|time| cx.time(time));
        let result = self.result.as_ref().map(|name| cx.assign(name));
        if let Some(lock) = cx.mutex(&self.lock) {
            let limit = cx.deadline(timeout);
            take(cx, lock, Way::Wait(limit), result);
        }
    }
}

impl Form for TryLockForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let result = cx.assign(&self.result);
        if let Some(lock) = cx.mutex(&self.try_lock) {
            take(cx, lock, Way::Try, Some(result));
        }
    }
}

impl Form for UnlockForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let result = self.result.as_ref().map(|name| cx.assign(name));
        if let Some(lock) = cx.mutex(&self.unlock) {
            give_back(cx, lock, result);
        }
    }
}

/// Takes a mutex of any kind. What follows is reached in any case; `result` says with what success.
pub fn take(cx: &mut Lower<'_>, lock: Lock, way: Way, result: Option<Variable>) {
    let mut ends = Vec::new();
    if lock.kind != LockKind::Normal {
        ends.extend(take_again(cx, lock, way, result));
    }
    if let Protocol::Ceiling(ceiling) = lock.protocol {
        ends.push(raise(cx, ceiling, result));
    }
    let failures = match lock.protocol {
        Protocol::Inherit => lock_pi::take(cx, lock, way, result),
        Protocol::None | Protocol::Ceiling(_) => take_word(cx, word(lock, 0), lock, way),
    };
    if lock.kind != LockKind::Normal {
        let own = cx.own_number();
        cx.store(word(lock, OWNER), own.into());
        cx.store(word(lock, DEPTH), ONE);
    }
    cx.emit(Instruction::Note(Note::Acquired { object: lock.object }));
    if lock.protocol != Protocol::Inherit {
        cx.answer_success(result);
    }
    for (failed, errno) in failures {
        ends.push(cx.jump());
        cx.patch(failed);
        if let Protocol::Ceiling(ceiling) = lock.protocol {
            lower(cx, ceiling);
        }
        cx.answer_error(result, errno);
    }
    for end in ends {
        cx.patch(end);
    }
}

/// The holder takes it once more. Gives the jumps to the end.
fn take_again(cx: &mut Lower<'_>, lock: Lock, way: Way, result: Option<Variable>) -> Vec<Address> {
    let (own, seen) = (cx.own_number(), cx.temporary(place::SEEN));
    cx.load(seen, word(lock, OWNER));
    let other = cx.unless(seen, Operator::Equal, own.into());
    match (lock.kind, way) {
        (LockKind::Recursive, _) => {
            cx.change(word(lock, DEPTH), 1);
            cx.answer_success(result);
        }
        (LockKind::Normal | LockKind::ErrorChecking, Way::Try) => cx.answer_error(result, Errno::EBUSY),
        (LockKind::Normal | LockKind::ErrorChecking, Way::Wait(_) | Way::Back) => {
            cx.answer_error(result, Errno::EDEADLK);
        }
    }
    let end = cx.jump();
    cx.patch(other);
    vec![end]
}

/// The plain mutex. Gives the places that are to be reached if it can't be had.
fn take_word(cx: &mut Lower<'_>, cell: Cell, lock: Lock, way: Way) -> Vec<(Address, Errno)> {
    let object = lock.object;
    let old = cx.temporary(place::OLD);
    let mut failures = Vec::new();
    let limit = match way {
        Way::Wait(limit) => limit,
        Way::Try => {
            cx.emit(Instruction::CompareSwap { cell, expected: FREE, new: TAKEN, old: Some(old) });
            let busy = cx.unless(old, Operator::Equal, FREE);
            return vec![(busy, Errno::EBUSY)];
        }
        Way::Back => Limit::Never,
    };
    let mut free = None;
    if !matches!(way, Way::Back) {
        cx.emit(Instruction::CompareSwap { cell, expected: FREE, new: TAKEN, old: Some(old) });
        free = Some(cx.if_zero(old));
        cx.emit(Instruction::Note(Note::Contended { object }));
    }
    // From here on the word says that somebody may wait, even if it is this thread that takes
    // the mutex: it can't know whether others sleep.
    let again = cx.emit(Instruction::Exchange { cell, new: WAITED_FOR, old });
    let freed = cx.if_zero(old);
    // If it fails the word has changed in the meantime, or a signal came: either way, try again.
    let wait = FutexWait { cell, expected: WAITED_FOR, cause: Cause::Lock, object, limit };
    if limit == Limit::Never {
        cx.futex_wait(wait, None);
    } else {
        let answer = cx.temporary(place::ANSWER);
        cx.futex_wait(wait, Some(answer));
        let late = Operand::Const(Errno::ETIMEDOUT.result());
        failures.push((cx.unless(answer, Operator::NotEqual, late), Errno::ETIMEDOUT));
    }
    cx.emit(Instruction::Jump(again));
    if let Some(free) = free {
        cx.patch(free);
    }
    cx.patch(freed);
    failures
}

/// Gives back a mutex of any kind.
pub fn give_back(cx: &mut Lower<'_>, lock: Lock, result: Option<Variable>) {
    let mut end = None;
    let mut stranger = None;
    if lock.kind != LockKind::Normal {
        let (own, seen) = (cx.own_number(), cx.temporary(place::SEEN));
        cx.load(seen, word(lock, OWNER));
        stranger = Some(cx.unless(seen, Operator::Equal, own.into()));
        if lock.kind == LockKind::Recursive {
            cx.change(word(lock, DEPTH), -1);
            cx.load(seen, word(lock, DEPTH));
            let last = cx.if_zero(seen);
            cx.answer_success(result);
            end = Some(cx.jump());
            cx.patch(last);
        }
        cx.store(word(lock, OWNER), FREE);
    }
    match lock.protocol {
        Protocol::Inherit => lock_pi::give_back(cx, lock, result),
        Protocol::None | Protocol::Ceiling(_) => {
            give_back_word(cx, word(lock, 0), lock);
            if let Protocol::Ceiling(ceiling) = lock.protocol {
                lower(cx, ceiling);
            }
            cx.answer_success(result);
        }
    }
    if let Some(stranger) = stranger {
        let done = cx.jump();
        cx.patch(stranger);
        cx.answer_error(result, Errno::EPERM);
        cx.patch(done);
    }
    if let Some(end) = end {
        cx.patch(end);
    }
}

fn give_back_word(cx: &mut Lower<'_>, cell: Cell, lock: Lock) {
    let object = lock.object;
    let old = cx.temporary(place::OLD);
    cx.emit(Instruction::Exchange { cell, new: FREE, old });
    cx.emit(Instruction::Note(Note::Released { object }));
    let alone = cx.unless(old, Operator::Equal, WAITED_FOR);
    let call = FutexWake { cell, count: ONE }.into();
    cx.emit(Instruction::Syscall { call, result: None, on_error: OnError::Exit });
    cx.patch(alone);
}

/// The thread gets the ceiling's priority before it takes the mutex. Gives the jump to the end if it can't.
fn raise(cx: &mut Lower<'_>, ceiling: i32, result: Option<Variable>) -> Address {
    let answer = cx.temporary(place::ANSWER);
    let call = Ceiling { ceiling, up: true }.into();
    cx.emit(Instruction::Syscall { call, result: Some(answer), on_error: OnError::Continue });
    let high = cx.unless(answer, Operator::NotEqual, FREE);
    cx.answer_error(result, Errno::EINVAL);
    let end = cx.jump();
    cx.patch(high);
    end
}

/// It has its priority back after it has given back the mutex.
fn lower(cx: &mut Lower<'_>, ceiling: i32) {
    let call = Ceiling { ceiling, up: false }.into();
    cx.emit(Instruction::Syscall { call, result: None, on_error: OnError::Exit });
}
