//! `value-get`, `value-set` and `value-add`: a shared value, with a lock of its own or raw.
//!
//! With a lock each function is a critical section: it takes the lock, works, and gives it back. Raw, an
//! addition is a load and a store, between which another thread can change the value. Model:
//! `multiprocessing.Value` and `RawValue` of Python.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::at::{At, Value};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::Cell;
use crate::program::lower::Lower;
use crate::program::names::Synchroniser;
use crate::program::value::Operator;
use crate::program::verb::{Level, Real, VerbRow};

use super::emit::place;

pub const VALUE_GET: VerbRow = VerbRow {
    name: "value-get",
    level: Level::Library,
    summary: "reads a shared value",
    doc: "Reads the shared value into a variable, under the value's lock if it has one.",
    example: r#"{ value-get = "v", into = "x" }"#,
    real: Real::Yes("a load from a shared mapping, under a lock on a futex if it has one"),
    blocks: &[],
    parse: parse::<ValueGetForm>,
    schema: schema::<ValueGetForm>,
};

pub const VALUE_SET: VerbRow = VerbRow {
    name: "value-set",
    level: Level::Library,
    summary: "writes a shared value",
    doc: "Writes the shared value, under the value's lock if it has one.",
    example: r#"{ value-set = "v", to = 5 }"#,
    real: Real::Yes("a store to a shared mapping, under a lock on a futex if it has one"),
    blocks: &[],
    parse: parse::<ValueSetForm>,
    schema: schema::<ValueSetForm>,
};

pub const VALUE_ADD: VerbRow = VerbRow {
    name: "value-add",
    level: Level::Library,
    summary: "adds to a shared value",
    doc: "Adds to the shared value: under the value's lock if it has one, so that nothing is lost; else by a load and a store, between which another thread can come.",
    example: r#"{ value-add = "v", by = 1 }"#,
    real: Real::Yes("a load and a store, under a lock on a futex if it has one"),
    blocks: &[],
    parse: parse::<ValueAddForm>,
    schema: schema::<ValueAddForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ValueGetForm {
    /// The shared value.
    value_get: At<String>,
    /// The variable that gets it.
    into: At<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ValueSetForm {
    /// The shared value.
    value_set: At<String>,
    /// A whole number or an expression.
    to: At<Value>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ValueAddForm {
    /// The shared value.
    value_add: At<String>,
    /// A whole number or an expression; 1 if absent.
    by: Option<At<Value>>,
}

/// How many words its lock has.
pub const WORDS: usize = 1;

/// Works on the value, under its lock if it has one.
fn with(cx: &mut Lower<'_>, name: &At<String>, work: impl FnOnce(&mut Lower<'_>, Cell)) {
    let found = cx.synchroniser(name, "value");
    let Some(Synchroniser::Value { words, cell, is_locked }) = found else { return };
    if !is_locked {
        return work(cx, cell);
    }
    cx.enter(words.cell(0), words.object);
    work(cx, cell);
    cx.leave(words.cell(0));
}

impl Form for ValueGetForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let into = cx.assign(&self.into);
        with(cx, &self.value_get, |cx, cell| cx.load(into, cell));
    }
}

impl Form for ValueSetForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let value = cx.operand(&self.to);
        with(cx, &self.value_set, |cx, cell| cx.store(cell, value));
    }
}

impl Form for ValueAddForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let by = match &self.by {
            Some(by) => cx.operand(by),
            None => super::emit::ONE,
        };
        with(cx, &self.value_add, |cx, cell| {
            let seen = cx.temporary(place::SEEN);
            cx.load(seen, cell);
            let sum = cx.compute(seen, Operator::Add, by);
            cx.store(cell, sum);
        });
    }
}
