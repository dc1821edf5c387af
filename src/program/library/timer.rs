//! `timer-start` and `timer-cancel`: a thread that waits for a time and then runs a program, unless it is
//! cancelled.
//!
//! One word: odd while the timer is armed, and another number each time. The thread sleeps on it as long as it
//! stays the same. Model: `threading.Timer` of Python.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::program::at::At;
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::{Fact, Instruction, OnError};
use crate::program::lower::{Link, Lower};
use crate::program::names::{Synchroniser, Words};
use crate::program::syscall::{FutexWait, Limit, Thread};
use crate::program::value::{Amount, Operator};
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Cause;

use super::emit::{ALL, ONE, TWO, ZERO, place};

pub const TIMER_START: VerbRow = VerbRow {
    name: "timer-start",
    level: Level::Library,
    summary: "starts a timer",
    doc: "Starts the timer: a thread that waits for the time that `[timer.NAME]` says and then runs its program, unless the timer is cancelled before. One that is armed already answers EBUSY.",
    example: r#"{ timer-start = "t" }"#,
    real: Real::Yes("pthread_create(3), and futex(2) with a timeout in the thread"),
    blocks: &[],
    parse: parse::<TimerStartForm>,
    schema: schema::<TimerStartForm>,
};

pub const TIMER_CANCEL: VerbRow = VerbRow {
    name: "timer-cancel",
    level: Level::Library,
    summary: "cancels a timer",
    doc: "Cancels the timer, if it is still waiting; its thread ends then without having run the program. `cancelled` is 1 if that was in time, else 0.",
    example: r#"{ timer-cancel = "t" }"#,
    real: Real::Yes("an atomic instruction, and futex(2) to wake the timer's thread"),
    blocks: &[],
    parse: parse::<TimerCancelForm>,
    schema: schema::<TimerCancelForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct TimerStartForm {
    /// The timer.
    timer_start: At<String>,
    /// The variable that gets 0, or a negated error number. Without it, an error ends the process.
    result: Option<At<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct TimerCancelForm {
    /// The timer.
    timer_cancel: At<String>,
    /// The variable that is 1 if the timer was cancelled in time, else 0.
    cancelled: Option<At<String>>,
}

/// How many words it has.
pub const WORDS: usize = 1;

/// Reads the word; goes elsewhere, to be patched, unless it is odd (or even).
fn unless_armed(cx: &mut Lower<'_>, words: Words, armed: bool) -> u32 {
    let seen = cx.temporary(place::SEEN);
    cx.load(seen, words.cell(0));
    let rest = cx.compute(seen, Operator::Remainder, TWO);
    cx.unless(rest, Operator::Equal, if armed { ONE } else { ZERO })
}

impl Form for TimerStartForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let result = self.result.as_ref().map(|name| cx.assign(name));
        let found = cx.synchroniser(&self.timer_start, "timer");
        let Some(Synchroniser::Timer { words, program }) = found else { return };
        cx.link_to(Link::Thread, program, &self.timer_start.span);
        let (cell, seen, old) = (words.cell(0), cx.temporary(place::SEEN), cx.temporary(place::OLD));
        let armed = unless_armed(cx, words, false);
        let next = cx.compute(seen, Operator::Add, ONE);
        cx.emit(Instruction::CompareSwap { cell, expected: seen.into(), new: next, old: Some(old) });
        let taken = cx.unless(old, Operator::Equal, seen.into());
        let call = Thread { program }.into();
        cx.emit(Instruction::Syscall { call, result: None, on_error: OnError::Exit });
        cx.answer_success(result);
        let end = cx.jump();
        cx.patch(armed);
        cx.patch(taken);
        cx.answer_error(result, Errno::EBUSY);
        cx.patch(end);
    }
}

impl Form for TimerCancelForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let cancelled = self.cancelled.as_ref().map(|name| cx.assign(name));
        let found = cx.synchroniser(&self.timer_cancel, "timer");
        let Some(Synchroniser::Timer { words, .. }) = found else { return };
        let (cell, seen, old) = (words.cell(0), cx.temporary(place::SEEN), cx.temporary(place::OLD));
        let idle = unless_armed(cx, words, true);
        let next = cx.compute(seen, Operator::Add, ONE);
        cx.emit(Instruction::CompareSwap { cell, expected: seen.into(), new: next, old: Some(old) });
        let late = cx.unless(old, Operator::Equal, seen.into());
        cx.futex_wake(cell, ALL);
        if let Some(cancelled) = cancelled {
            cx.set(cancelled, ONE);
        }
        let end = cx.jump();
        cx.patch(idle);
        cx.patch(late);
        if let Some(cancelled) = cancelled {
            cx.set(cancelled, ZERO);
        }
        cx.patch(end);
    }
}

/// What a timer's thread does before the steps of its program.
#[derive(Debug)]
pub struct Prelude {
    /// The timer.
    pub name: At<String>,
    pub after: Amount,
}

impl Form for Prelude {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let found = cx.synchroniser(&self.name, "timer");
        let Some(Synchroniser::Timer { words, .. }) = found else { return };
        let (cell, object) = (words.cell(0), words.object);
        let (ticket, seen) = (cx.temporary(place::TICKET), cx.temporary(place::SEEN));
        let (deadline, answer) = (cx.temporary(place::DEADLINE), cx.temporary(place::ANSWER));
        let old = cx.temporary(place::OLD);
        cx.emit(Instruction::Learn { into: deadline, what: Fact::Deadline(self.after) });
        let mut cancelled = vec![unless_armed(cx, words, true)];
        cx.set(ticket, seen.into());
        let again = cx.here();
        let (expected, limit) = (ticket.into(), Limit::Until(deadline));
        cx.futex_wait(FutexWait { cell, expected, cause: Cause::Futex, object, limit }, Some(answer));
        cx.load(seen, cell);
        cancelled.push(cx.unless(seen, Operator::Equal, ticket.into()));
        let late = crate::program::Operand::Const(Errno::ETIMEDOUT.result());
        let not_yet = cx.unless(answer, Operator::Equal, late);
        let next = cx.compute(ticket, Operator::Add, ONE);
        cx.emit(Instruction::CompareSwap { cell, expected: ticket.into(), new: next, old: Some(old) });
        cancelled.push(cx.unless(old, Operator::Equal, ticket.into()));
        let fires = cx.jump();
        cx.patch(not_yet);
        cx.emit(Instruction::Jump(again));
        for cancelled in cancelled {
            cx.patch(cancelled);
        }
        cx.emit(Instruction::End);
        cx.patch(fires);
    }
}
