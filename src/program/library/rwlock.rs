//! `read-lock`, `write-lock` and `rw-unlock`: a lock that many readers or one writer can hold.
//!
//! Its words are guarded by a lock of their own, held for a few instructions. Readers and writers wait on a
//! futex each, whose word counts how often they were woken. Source: glibc 2.24, `pthread_rwlock_rdlock.c` and
//! its siblings.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::program::at::{At, TimeAmount};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::{Instruction, Note};
use crate::program::lower::Lower;
use crate::program::names::{Synchroniser, Words};
use crate::program::syscall::{FutexWait, Limit};
use crate::program::value::{Operand, Operator, Variable};
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Cause;

use super::emit::{ALL, ONE, ZERO, place};

pub const READ_LOCK: VerbRow = VerbRow {
    name: "read-lock",
    level: Level::Library,
    summary: "takes a read-write lock together with other readers",
    doc: "Waits until no writer has the lock, then holds it; other readers may have it at the same time. With `prefer = \"writers\"` it also waits for writers that came before. It needs no system call unless it waits.",
    example: r#"{ read-lock = "rw" }"#,
    real: Real::Yes("a few atomic and plain instructions; futex(2) only if it must wait"),
    blocks: &[],
    parse: parse::<ReadLockForm>,
    schema: schema::<ReadLockForm>,
};

pub const WRITE_LOCK: VerbRow = VerbRow {
    name: "write-lock",
    level: Level::Library,
    summary: "takes a read-write lock alone",
    doc: "Waits until nobody has the lock, then holds it alone. It needs no system call unless it waits.",
    example: r#"{ write-lock = "rw" }"#,
    real: Real::Yes("a few atomic and plain instructions; futex(2) only if it must wait"),
    blocks: &[],
    parse: parse::<WriteLockForm>,
    schema: schema::<WriteLockForm>,
};

pub const RW_UNLOCK: VerbRow = VerbRow {
    name: "rw-unlock",
    level: Level::Library,
    summary: "gives a read-write lock back",
    doc: "Gives the lock back, whichever way it was taken. The last one to do so wakes a writer or all readers, if any wait: first the writer, or with `prefer = \"readers\"` first the readers.",
    example: r#"{ rw-unlock = "rw" }"#,
    real: Real::Yes("a few atomic and plain instructions; futex(2) only if somebody waits"),
    blocks: &[],
    parse: parse::<RwUnlockForm>,
    schema: schema::<RwUnlockForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ReadLockForm {
    /// The read-write lock.
    read_lock: At<String>,
    /// How long it waits at most; as long as it takes if absent.
    timeout: Option<At<TimeAmount>>,
    /// The variable that gets 0, or a negated error number. Without it, an error ends the process.
    result: Option<At<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WriteLockForm {
    /// The read-write lock.
    write_lock: At<String>,
    /// How long it waits at most; as long as it takes if absent.
    timeout: Option<At<TimeAmount>>,
    /// The variable that gets 0, or a negated error number. Without it, an error ends the process.
    result: Option<At<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RwUnlockForm {
    /// The read-write lock.
    rw_unlock: At<String>,
}

/// The words, in the order in which they lie in memory.
mod word {
    pub const GUARD: i64 = 0;
    /// 1 while a writer has it, and how many readers do.
    pub const WRITER: i64 = 1;
    pub const READERS: i64 = 2;
    /// How often readers and writers were woken: what they wait on.
    pub const READERS_WOKEN: i64 = 3;
    pub const WRITERS_WOKEN: i64 = 4;
    /// How many wait.
    pub const READERS_WAIT: i64 = 5;
    pub const WRITERS_WAIT: i64 = 6;
}

/// How many words it has.
pub const WORDS: usize = 7;

/// What the two sides do differently.
#[derive(Clone, Copy)]
struct Side {
    woken: i64,
    wait: i64,
    held: i64,
    note: fn(Words) -> Note,
}

const READER: Side = Side {
    woken: word::READERS_WOKEN,
    wait: word::READERS_WAIT,
    held: word::READERS,
    note: |words| Note::Joined { object: words.object },
};
const WRITER: Side = Side {
    woken: word::WRITERS_WOKEN,
    wait: word::WRITERS_WAIT,
    held: word::WRITER,
    note: |words| Note::Acquired { object: words.object },
};

impl Form for ReadLockForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let timeout = self.timeout.as_ref().map(|time| cx.time(time));
        let result = self.result.as_ref().map(|name| cx.assign(name));
        let found = cx.synchroniser(&self.read_lock, "rwlock");
        if let Some(Synchroniser::Rwlock { words, prefers_readers }) = found {
            let limit = cx.deadline(timeout);
            // What must be zero for a reader to come in.
            let bars: &[i64] =
                if prefers_readers { &[word::WRITER] } else { &[word::WRITER, word::WRITERS_WAIT] };
            take(cx, words, READER, bars, limit, result);
        }
    }
}

impl Form for WriteLockForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let timeout = self.timeout.as_ref().map(|time| cx.time(time));
        let result = self.result.as_ref().map(|name| cx.assign(name));
        if let Some(Synchroniser::Rwlock { words, .. }) = cx.synchroniser(&self.write_lock, "rwlock") {
            let limit = cx.deadline(timeout);
            take(cx, words, WRITER, &[word::WRITER, word::READERS], limit, result);
        }
    }
}

fn take(cx: &mut Lower<'_>, words: Words, side: Side, bars: &[i64], limit: Limit, result: Option<Variable>) {
    let (guard, object) = (words.cell(word::GUARD), words.object);
    let (seen, ticket, answer) =
        (cx.temporary(place::SEEN), cx.temporary(place::TICKET), cx.temporary(place::ANSWER));
    let late = Operand::Const(Errno::ETIMEDOUT.result());
    cx.set(answer, ZERO);
    cx.enter(guard, object);
    let again = cx.here();
    let mut barred = Vec::new();
    for &bar in bars {
        cx.load(seen, words.cell(bar));
        barred.push(cx.unless(seen, Operator::Equal, ZERO));
    }
    cx.change(words.cell(side.held), 1);
    cx.leave(guard);
    cx.emit(Instruction::Note((side.note)(words)));
    cx.answer_success(result);
    let end = cx.jump();

    for barred in barred {
        cx.patch(barred);
    }
    let given_up = (limit != Limit::Never).then(|| cx.unless(answer, Operator::NotEqual, late));
    cx.emit(Instruction::Note(Note::Contended { object }));
    cx.change(words.cell(side.wait), 1);
    cx.load(ticket, words.cell(side.woken));
    cx.leave(guard);
    let cell = words.cell(side.woken);
    let wait = FutexWait { cell, expected: ticket.into(), cause: Cause::Lock, object, limit };
    cx.futex_wait(wait, Some(answer));
    cx.enter(guard, object);
    cx.change(words.cell(side.wait), -1);
    cx.emit(Instruction::Jump(again));
    if let Some(given_up) = given_up {
        cx.patch(given_up);
        pass_on(cx, words, side);
        cx.leave(guard);
        cx.answer_error(result, Errno::ETIMEDOUT);
    }
    cx.patch(end);
}

/// A writer that gives up was perhaps all that kept readers out: they look again.
fn pass_on(cx: &mut Lower<'_>, words: Words, side: Side) {
    if side.held == word::READERS {
        return;
    }
    let seen = cx.temporary(place::SEEN);
    let mut others = Vec::new();
    for busy in [word::WRITER, word::WRITERS_WAIT] {
        cx.load(seen, words.cell(busy));
        others.push(cx.unless(seen, Operator::Equal, ZERO));
    }
    cx.load(seen, words.cell(word::READERS_WAIT));
    others.push(cx.if_zero(seen));
    cx.change(words.cell(word::READERS_WOKEN), 1);
    cx.futex_wake(words.cell(word::READERS_WOKEN), ALL);
    for other in others {
        cx.patch(other);
    }
}

impl Form for RwUnlockForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let found = cx.synchroniser(&self.rw_unlock, "rwlock");
        let Some(Synchroniser::Rwlock { words, prefers_readers }) = found else { return };
        let (guard, object) = (words.cell(word::GUARD), words.object);
        let seen = cx.temporary(place::SEEN);
        cx.enter(guard, object);
        cx.load(seen, words.cell(word::WRITER));
        let reader = cx.if_zero(seen);
        cx.emit(Instruction::Note(Note::Released { object }));
        cx.store(words.cell(word::WRITER), ZERO);
        let released = cx.jump();
        cx.patch(reader);
        cx.emit(Instruction::Note(Note::Left { object }));
        cx.change(words.cell(word::READERS), -1);
        cx.load(seen, words.cell(word::READERS));
        let last = cx.unless(seen, Operator::NotEqual, ZERO);
        cx.leave(guard);
        let mut ends = vec![cx.jump()];
        cx.patch(released);
        cx.patch(last);
        let sides =
            if prefers_readers { [(READER, ALL), (WRITER, ONE)] } else { [(WRITER, ONE), (READER, ALL)] };
        for (side, count) in sides {
            cx.load(seen, words.cell(side.wait));
            let nobody = cx.if_zero(seen);
            cx.change(words.cell(side.woken), 1);
            cx.leave(guard);
            cx.futex_wake(words.cell(side.woken), count);
            ends.push(cx.jump());
            cx.patch(nobody);
        }
        cx.leave(guard);
        for end in ends {
            cx.patch(end);
        }
    }
}
