//! `enqueue` and `dequeue`: a queue of limited length between threads, of a mutex and two conditions.
//!
//! The items lie in a ring of shared memory; the kernel sees nothing of them. Model: `queue.Queue` of Python.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::at::{At, Value};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::{ArrayId, Cell, Instruction};
use crate::program::lower::Lower;
use crate::program::names::{Lock, LockKind, Protocol, Synchroniser, Words};
use crate::program::syscall::Limit;
use crate::program::value::{Operand, Operator, Variable};
use crate::program::verb::{Level, Real, VerbRow};

use super::condition::{signal, wait};
use super::emit::place;
use super::lock::{Way, give_back, take};

pub const ENQUEUE: VerbRow = VerbRow {
    name: "enqueue",
    level: Level::Library,
    summary: "puts an item into a queue between threads",
    doc: "Puts a number at the end of the queue; waits while the queue is full. It enters the kernel only to wait, and to wake one who waits for an item.",
    example: r#"{ enqueue = "q", value = 7 }"#,
    real: Real::Yes("loads, stores and atomic instructions; futex(2) only if somebody must wait"),
    blocks: &[],
    parse: parse::<EnqueueForm>,
    schema: schema::<EnqueueForm>,
};

pub const DEQUEUE: VerbRow = VerbRow {
    name: "dequeue",
    level: Level::Library,
    summary: "takes an item out of a queue between threads",
    doc: "Takes the oldest number out of the queue; waits while the queue is empty. It enters the kernel only to wait, and to wake one who waits for room.",
    example: r#"{ dequeue = "q", into = "x" }"#,
    real: Real::Yes("loads, stores and atomic instructions; futex(2) only if somebody must wait"),
    blocks: &[],
    parse: parse::<DequeueForm>,
    schema: schema::<DequeueForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct EnqueueForm {
    /// The queue.
    enqueue: At<String>,
    /// A whole number or an expression.
    value: At<Value>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct DequeueForm {
    /// The queue.
    dequeue: At<String>,
    /// The variable that gets the item.
    into: At<String>,
}

/// The words behind the mutex: where the first item is, how many there are, and the words of two conditions, each
/// with an array of its own.
mod word {
    pub const FIRST: i64 = 1;
    pub const COUNT: i64 = 2;
    pub const NOT_EMPTY: u32 = 1;
    pub const NOT_FULL: u32 = 2;
}

/// How many words it has, beside its conditions'.
pub const WORDS: usize = 3;

/// The arrays of the conditions' words follow that of its own words.
fn condition(words: Words, which: u32) -> Words {
    Words { array: crate::program::ArrayId(words.array.0 + which), ..words }
}

fn mutex(words: Words) -> Lock {
    let Words { array: word, memory, object } = words;
    let (kind, protocol) = (LockKind::Normal, Protocol::None);
    Lock { word, memory, object, kind, protocol, robust: false }
}

/// Waits under the lock until the number of items isn't `bad` any more.
fn enter(cx: &mut Lower<'_>, words: Words, bad: i64, which: u32) {
    let seen = cx.temporary(place::SEEN);
    take(cx, mutex(words), Way::Wait(Limit::Never), None);
    let again = cx.here();
    cx.load(seen, words.cell(word::COUNT));
    let good = cx.unless(seen, Operator::Equal, Operand::Const(bad));
    wait(cx, condition(words, which), mutex(words), Limit::Never);
    cx.emit(Instruction::Jump(again));
    cx.patch(good);
}

impl Form for EnqueueForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let value = cx.operand(&self.value);
        let found = cx.synchroniser(&self.enqueue, "thread-queue");
        let Some(Synchroniser::ThreadQueue { words, items, capacity, .. }) = found else { return };
        put(cx, words, items, capacity, value);
    }
}

impl Form for DequeueForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let into = cx.assign(&self.into);
        let found = cx.synchroniser(&self.dequeue, "thread-queue");
        let Some(Synchroniser::ThreadQueue { words, items, capacity, .. }) = found else { return };
        get(cx, words, items, capacity, into);
    }
}

/// Puts a value at the end; waits for room.
pub fn put(cx: &mut Lower<'_>, words: Words, items: ArrayId, capacity: i64, value: Operand) {
    let (seen, old) = (cx.temporary(place::SEEN), cx.temporary(place::OLD));
    enter(cx, words, capacity, word::NOT_FULL);
    cx.load(seen, words.cell(word::FIRST));
    cx.load(old, words.cell(word::COUNT));
    let end = cx.compute(seen, Operator::Add, old.into());
    let index = cx.compute(end, Operator::Remainder, Operand::Const(capacity));
    cx.store(Cell { array: items, index }, value);
    cx.change(words.cell(word::COUNT), 1);
    signal(cx, condition(words, word::NOT_EMPTY));
    give_back(cx, mutex(words), None);
}

/// Takes the oldest value out; waits for one.
pub fn get(cx: &mut Lower<'_>, words: Words, items: ArrayId, capacity: i64, into: Variable) {
    let seen = cx.temporary(place::SEEN);
    enter(cx, words, 0, word::NOT_EMPTY);
    cx.load(seen, words.cell(word::FIRST));
    cx.load(into, Cell { array: items, index: seen.into() });
    let next = cx.compute(seen, Operator::Add, super::emit::ONE);
    let next = cx.compute(next, Operator::Remainder, Operand::Const(capacity));
    cx.store(words.cell(word::FIRST), next);
    cx.change(words.cell(word::COUNT), -1);
    signal(cx, condition(words, word::NOT_FULL));
    give_back(cx, mutex(words), None);
}
