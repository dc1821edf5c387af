//! `cond-wait`, `cond-signal` and `cond-broadcast`: waiting until somebody says that something has changed.
//!
//! A word counts the signals and is what waiters sleep on; another one counts the waiters, so that a signal
//! that nobody waits for needs no call. No signal is lost: a waiter reads the count while it still has the
//! mutex, and the kernel compares it once more before the thread sleeps. A wake-up may be spurious, if a
//! signal comes between the two: waiters look at what they wait for in a loop.
//!
//! A broadcast wakes one waiter and lets the others wait for the mutex, which only one can have at once.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::program::at::{At, TimeAmount};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::{Instruction, OnError};
use crate::program::lower::Lower;
use crate::program::names::{Lock, LockKind, Protocol, Synchroniser, Words};
use crate::program::problem::{Code, Problem};
use crate::program::syscall::{FutexRequeue, FutexWait, Limit};
use crate::program::value::{Operand, Operator};
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Cause;

use super::emit::{ALL, ONE, ZERO, place};
use super::lock::{Way, give_back, take, word as mutex_word};

pub const COND_WAIT: VerbRow = VerbRow {
    name: "cond-wait",
    level: Level::Library,
    summary: "gives a mutex back, waits for a signal, and takes the mutex again",
    doc: "Gives the mutex back and sleeps until the condition is signalled, both without a gap in which a signal could be lost; then takes the mutex again. Spurious wake-ups are possible, so it belongs into a loop that looks at what it waits for. With a `timeout` it gives up with ETIMEDOUT, and has the mutex then, too.",
    example: r#"{ cond-wait = "c", mutex = "m" }"#,
    real: Real::Yes("futex(2)"),
    blocks: &[],
    parse: parse::<CondWaitForm>,
    schema: schema::<CondWaitForm>,
};

pub const COND_SIGNAL: VerbRow = VerbRow {
    name: "cond-signal",
    level: Level::Library,
    summary: "wakes one that waits for a condition",
    doc: "Wakes one of those that wait for the condition. If nobody waits it has no effect and needs no system call.",
    example: r#"{ cond-signal = "c" }"#,
    real: Real::Yes("an atomic instruction; futex(2) only if somebody waits"),
    blocks: &[],
    parse: parse::<CondSignalForm>,
    schema: schema::<CondSignalForm>,
};

pub const COND_BROADCAST: VerbRow = VerbRow {
    name: "cond-broadcast",
    level: Level::Library,
    summary: "wakes all that wait for a condition",
    doc: "Lets all go on that wait for the condition: one is woken, the others wait for the mutex from here on, since only one can have it at a time. If the condition names no plain mutex, all are woken.",
    example: r#"{ cond-broadcast = "c" }"#,
    real: Real::Yes("futex(2), FUTEX_CMP_REQUEUE"),
    blocks: &[],
    parse: parse::<CondBroadcastForm>,
    schema: schema::<CondBroadcastForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CondWaitForm {
    /// The condition.
    cond_wait: At<String>,
    /// The mutex, which the thread holds; the one that `[condition.NAME]` names if absent.
    mutex: Option<At<String>>,
    /// How long it waits at most; as long as it takes if absent.
    timeout: Option<At<TimeAmount>>,
    /// The variable that gets 0, or a negated error number. Without it, an error ends the process.
    result: Option<At<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CondSignalForm {
    /// The condition.
    cond_signal: At<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CondBroadcastForm {
    /// The condition.
    cond_broadcast: At<String>,
}

mod word {
    pub const SIGNALS: i64 = 0;
    pub const WAITERS: i64 = 1;
}

/// How many words it has.
pub const WORDS: usize = 2;

impl Form for CondWaitForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let timeout = self.timeout.as_ref().map(|time| cx.time(time));
        let result = self.result.as_ref().map(|name| cx.assign(name));
        let Some((words, lock)) = self.resolve(cx) else { return };
        let limit = cx.deadline(timeout);
        wait(cx, words, lock, limit);
        let answer = cx.temporary(place::ANSWER);
        if limit == Limit::Never {
            cx.answer_success(result);
            return;
        }
        let late = Operand::Const(Errno::ETIMEDOUT.result());
        let given_up = cx.unless(answer, Operator::NotEqual, late);
        cx.answer_success(result);
        let end = cx.jump();
        cx.patch(given_up);
        cx.answer_error(result, Errno::ETIMEDOUT);
        cx.patch(end);
    }
}

impl CondWaitForm {
    /// The condition's words and the mutex.
    fn resolve(&self, cx: &mut Lower<'_>) -> Option<(Words, Lock)> {
        let found = cx.synchroniser(&self.cond_wait, "condition");
        let Some(Synchroniser::Condition { words, mutex }) = found else { return None };
        let named = match &self.mutex {
            Some(name) => Some((cx.mutex(name)?, name)),
            None => None,
        };
        let problem = match (named, mutex) {
            (None, None) => {
                let message = "this needs a mutex";
                let problem = Problem::error(Code::MissingKey, self.cond_wait.span.clone(), message);
                problem.help("write `mutex = \"m\"` here or in `[condition.NAME]`")
            }
            (Some((named, name)), Some(bound)) if named.object != bound.object => {
                let message = "the condition goes with another mutex";
                Problem::error(Code::WrongObject, name.span.clone(), message)
            }
            (Some((lock, _)), _) | (None, Some(lock)) => {
                if lock.kind != LockKind::Recursive {
                    return Some((words, lock));
                }
                let message = "a condition can't be waited for with a recursive mutex";
                let problem = Problem::error(Code::WrongObject, self.cond_wait.span.clone(), message);
                problem.help("its holder may have taken it several times, and would keep it while it sleeps")
            }
        };
        cx.problems.push(problem);
        None
    }
}

/// Waits for a signal; the mutex is the thread's before and after. What ended the wait is in the place of
/// answers.
pub fn wait(cx: &mut Lower<'_>, words: Words, lock: Lock, limit: Limit) {
    let (ticket, kept) = (cx.temporary(place::TICKET), cx.temporary(place::KEPT));
    let answer = cx.temporary(place::ANSWER);
    cx.atomic_add(words.cell(word::WAITERS), 1);
    cx.load(ticket, words.cell(word::SIGNALS));
    give_back(cx, lock, None);
    let (cell, object, expected) = (words.cell(word::SIGNALS), words.object, ticket.into());
    cx.futex_wait(FutexWait { cell, expected, cause: Cause::Futex, object, limit }, Some(answer));
    cx.atomic_add(words.cell(word::WAITERS), -1);
    // Taking the mutex uses the same place.
    cx.set(kept, answer.into());
    take(cx, lock, Way::Back, None);
    cx.set(answer, kept.into());
}

/// Wakes one waiter, if there is any.
pub fn signal(cx: &mut Lower<'_>, words: Words) {
    let seen = cx.temporary(place::SEEN);
    cx.load(seen, words.cell(word::WAITERS));
    let nobody = cx.if_zero(seen);
    cx.atomic_add(words.cell(word::SIGNALS), 1);
    cx.futex_wake(words.cell(word::SIGNALS), ONE);
    cx.patch(nobody);
}

/// Wakes all waiters.
pub fn wake_all(cx: &mut Lower<'_>, words: Words) {
    let seen = cx.temporary(place::SEEN);
    cx.load(seen, words.cell(word::WAITERS));
    let nobody = cx.if_zero(seen);
    cx.atomic_add(words.cell(word::SIGNALS), 1);
    cx.futex_wake(words.cell(word::SIGNALS), ALL);
    cx.patch(nobody);
}

impl Form for CondSignalForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let found = cx.synchroniser(&self.cond_signal, "condition");
        if let Some(Synchroniser::Condition { words, .. }) = found {
            signal(cx, words);
        }
    }
}

impl Form for CondBroadcastForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let found = cx.synchroniser(&self.cond_broadcast, "condition");
        let Some(Synchroniser::Condition { words, mutex }) = found else { return };
        let (seen, answer) = (cx.temporary(place::SEEN), cx.temporary(place::ANSWER));
        let cell = words.cell(word::SIGNALS);
        cx.load(seen, words.cell(word::WAITERS));
        let nobody = cx.if_zero(seen);
        cx.atomic_add(cell, 1);
        // With priority inheritance the kernel must know each waiter of the mutex, so all are woken.
        match mutex.filter(|lock| lock.protocol != Protocol::Inherit) {
            None => cx.futex_wake(cell, ALL),
            Some(lock) => {
                let again = cx.here();
                cx.load(seen, cell);
                let (to, expected) = (mutex_word(lock, 0), Some(seen.into()));
                let call = FutexRequeue { from: cell, to, wake: ONE, others: ALL, expected }.into();
                let on_error = OnError::Continue;
                cx.emit(Instruction::Syscall { call, result: Some(answer), on_error });
                // Another signal has changed the word meanwhile.
                let moved = cx.unless(answer, Operator::Less, ZERO);
                cx.emit(Instruction::Jump(again));
                cx.patch(moved);
            }
        }
        cx.patch(nobody);
    }
}
