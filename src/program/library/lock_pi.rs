//! A mutex with `protocol = "inherit"`: its word is the number of its holder. Taken and given back without
//! the kernel as long as nobody waits; else by `FUTEX_LOCK_PI` and `FUTEX_UNLOCK_PI`, so that the kernel
//! knows whose priority to raise.
//!
//! A robust one tells who gets it after its holder has died. If somebody waited, the kernel has left a mark
//! in the word; if nobody did, it finds out that there is no such thread any more.

use crate::errno::Errno;
use crate::ids::ObjectId;
use crate::kernel::ipc::pi::OWNER_DIED;
use crate::program::instruction::{Address, Cell, Instruction, Note, OnError};
use crate::program::lower::Lower;
use crate::program::names::Lock;
use crate::program::syscall::{FutexLockPi, FutexUnlockPi, Limit};
use crate::program::value::{Operand, Operator, Variable};

use super::emit::{ZERO, place};
use super::lock::{Way, word};

const fn error(errno: Errno) -> Operand {
    Operand::Const(errno.result())
}

/// Takes the mutex; `result` has been set where it goes on. Gives the places that are to be reached if it
/// can't be had.
pub fn take(cx: &mut Lower<'_>, lock: Lock, way: Way, result: Option<Variable>) -> Vec<(Address, Errno)> {
    let (cell, object) = (word(lock, 0), lock.object);
    let old = cx.temporary(place::OLD);
    let own = cx.own_number();
    cx.emit(Instruction::CompareSwap { cell, expected: ZERO, new: own.into(), old: Some(old) });
    let limit = match way {
        Way::Wait(limit) => limit,
        Way::Back => Limit::Never,
        Way::Try => {
            let busy = cx.unless(old, Operator::Equal, ZERO);
            cx.answer_success(result);
            return vec![(busy, Errno::EBUSY)];
        }
    };
    let contended = cx.unless(old, Operator::Equal, ZERO);
    cx.answer_success(result);
    let free = cx.jump();
    cx.patch(contended);
    cx.emit(Instruction::Note(Note::Contended { object }));
    let failures = ask(cx, Asked { cell, object, limit, robust: lock.robust }, result);
    cx.patch(free);
    failures
}

#[derive(Clone, Copy)]
struct Asked {
    cell: Cell,
    object: ObjectId,
    limit: Limit,
    robust: bool,
}

/// The kernel is asked for the mutex.
fn ask(cx: &mut Lower<'_>, asked: Asked, result: Option<Variable>) -> Vec<(Address, Errno)> {
    let Asked { cell, object, limit, robust } = asked;
    let answer = cx.temporary(place::ANSWER);
    let again = cx.here();
    let call = FutexLockPi { cell, object, tries: false, limit }.into();
    cx.emit(Instruction::Syscall { call, result: Some(answer), on_error: OnError::Continue });
    let refused = cx.unless(answer, Operator::Equal, ZERO);
    let mut got = Vec::new();
    if robust {
        got.extend(look_for_mark(cx, cell, result));
    }
    cx.answer_success(result);
    got.push(cx.jump());
    cx.patch(refused);
    let mut failures = Vec::new();
    for errno in [Errno::EDEADLK, Errno::ETIMEDOUT] {
        failures.push((cx.unless(answer, Operator::NotEqual, error(errno)), errno));
    }
    // Anything else is a signal, or a holder that is about to end.
    let ended = cx.unless(answer, Operator::NotEqual, error(Errno::ESRCH));
    cx.emit(Instruction::Jump(again));
    if robust {
        cx.patch(ended);
        inherit_from_dead(cx, cell, again, result);
    } else {
        failures.push((ended, Errno::ESRCH));
    }
    for got in got {
        cx.patch(got);
    }
    failures
}

/// Whether the kernel has marked the word because the last holder has died. Gives the jumps that are taken
/// if it has.
fn look_for_mark(cx: &mut Lower<'_>, cell: Cell, result: Option<Variable>) -> Vec<Address> {
    let seen = cx.temporary(place::SEEN);
    cx.load(seen, cell);
    // The word has a sign: with the waiters' bit on top, the mark is what lifts it above the lowest quarter
    // of all numbers; without it, what lifts it above the third quarter.
    let mark = i64::from(OWNER_DIED);
    let waited = cx.compute(seen, Operator::GreaterOrEqual, Operand::Const(-mark));
    let negative = cx.compute(seen, Operator::Less, ZERO);
    let alone = cx.compute(seen, Operator::GreaterOrEqual, Operand::Const(mark));
    let both = cx.compute(waited, Operator::And, negative);
    let sound = cx.unless(both, Operator::Or, alone);
    cx.answer_error(result, Errno::EOWNERDEAD);
    let marked = cx.jump();
    cx.patch(sound);
    vec![marked]
}

/// Nobody has the number in the word: the mutex is taken from it, unless another thread is faster.
fn inherit_from_dead(cx: &mut Lower<'_>, cell: Cell, again: Address, result: Option<Variable>) {
    let (seen, old, own) = (cx.temporary(place::SEEN), cx.temporary(place::OLD), cx.temporary(place::OWN));
    cx.load(seen, cell);
    cx.emit(Instruction::CompareSwap { cell, expected: seen.into(), new: own.into(), old: Some(old) });
    let swapped = cx.compute(old, Operator::Equal, seen.into());
    cx.emit(Instruction::JumpIfZero { condition: swapped, target: again });
    cx.answer_error(result, Errno::EOWNERDEAD);
}

/// Gives the mutex back.
pub fn give_back(cx: &mut Lower<'_>, lock: Lock, result: Option<Variable>) {
    let cell = word(lock, 0);
    let old = cx.temporary(place::OLD);
    let own = cx.own_number();
    // The moment at which others can have it comes first: it is noted before.
    cx.emit(Instruction::Note(Note::Released { object: lock.object }));
    cx.emit(Instruction::CompareSwap { cell, expected: own.into(), new: ZERO, old: Some(old) });
    let waited_for = cx.unless(old, Operator::Equal, own.into());
    cx.answer_success(result);
    let done = cx.jump();
    cx.patch(waited_for);
    let on_error = if result.is_some() { OnError::Continue } else { OnError::Exit };
    cx.emit(Instruction::Syscall { call: FutexUnlockPi { cell }.into(), result, on_error });
    cx.patch(done);
}
