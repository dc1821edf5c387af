//! `spin-lock` and `spin-unlock`: a lock that is waited for by trying again and again.
//!
//! One indivisible exchange takes it; the kernel knows nothing of it. On one CPU the waiting thread uses up
//! its slice before the holder can go on, unless it yields.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::at::{At, TimeAmount};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::{Instruction, Note, OnError};
use crate::program::lower::Lower;
use crate::program::names::Synchroniser;
use crate::program::syscall::Yield;
use crate::program::verb::{Level, Real, VerbRow};

use super::emit::{ONE, ZERO, place};

pub const SPIN_LOCK: VerbRow = VerbRow {
    name: "spin-lock",
    level: Level::Library,
    summary: "takes a spin lock",
    doc: "Tries to take the lock by one indivisible instruction, again and again until it succeeds; with `pause` it computes for so long between two attempts, with `yield` it asks the scheduler to run others first. It never sleeps.",
    example: r#"{ spin-lock = "l" }"#,
    real: Real::Yes("an atomic exchange in a loop; sched_yield(2) with `yield`"),
    blocks: &[],
    parse: parse::<SpinLockForm>,
    schema: schema::<SpinLockForm>,
};

pub const SPIN_UNLOCK: VerbRow = VerbRow {
    name: "spin-unlock",
    level: Level::Library,
    summary: "gives a spin lock back",
    doc: "Gives the lock back by one store. Nobody is woken, since nobody sleeps.",
    example: r#"{ spin-unlock = "l" }"#,
    real: Real::Yes("one store, in user mode"),
    blocks: &[],
    parse: parse::<SpinUnlockForm>,
    schema: schema::<SpinUnlockForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SpinLockForm {
    /// The spin lock.
    spin_lock: At<String>,
    /// How long it computes between two attempts; not at all if absent.
    pause: Option<At<TimeAmount>>,
    /// Whether it yields the CPU between two attempts; false if absent.
    r#yield: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SpinUnlockForm {
    /// The spin lock.
    spin_unlock: At<String>,
}

/// How many words it has.
pub const WORDS: usize = 1;

impl Form for SpinLockForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let pause = self.pause.as_ref().map(|time| cx.time(time));
        let found = cx.synchroniser(&self.spin_lock, "spinlock");
        let Some(Synchroniser::Spinlock { words }) = found else { return };
        let (cell, object, old) = (words.cell(0), words.object, cx.temporary(place::OLD));
        cx.emit(Instruction::Exchange { cell, new: ONE, old });
        let free = cx.if_zero(old);
        cx.emit(Instruction::Note(Note::Contended { object }));
        let again = cx.here();
        if let Some(pause) = pause {
            cx.emit(Instruction::Compute(pause));
        }
        if self.r#yield == Some(true) {
            let on_error = OnError::Exit;
            cx.emit(Instruction::Syscall { call: Yield.into(), result: None, on_error });
        }
        cx.emit(Instruction::Exchange { cell, new: ONE, old });
        let freed = cx.if_zero(old);
        cx.emit(Instruction::Jump(again));
        cx.patch(free);
        cx.patch(freed);
        cx.emit(Instruction::Note(Note::Acquired { object }));
    }
}

impl Form for SpinUnlockForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let found = cx.synchroniser(&self.spin_unlock, "spinlock");
        if let Some(Synchroniser::Spinlock { words }) = found {
            cx.emit(Instruction::Note(Note::Released { object: words.object }));
            cx.store(words.cell(0), ZERO);
        }
    }
}
