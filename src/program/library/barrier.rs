//! `barrier-wait`: threads wait for one another.
//!
//! A word counts those who have come; another one counts the rounds and is what the others wait on. Whoever
//! comes last begins the next round. Both are guarded by a lock of their own, so that more threads than
//! `parties` may use the barrier. Source: pthread_barrier_wait(3).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::at::At;
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::Instruction;
use crate::program::lower::Lower;
use crate::program::names::Synchroniser;
use crate::program::syscall::{FutexWait, Limit};
use crate::program::value::{Operand, Operator};
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Cause;

use super::emit::{ALL, ONE, ZERO, place};

pub const BARRIER_WAIT: VerbRow = VerbRow {
    name: "barrier-wait",
    level: Level::Library,
    summary: "waits until all parties have come",
    doc: "Waits until as many threads as the barrier has `parties` have come; then all go on, and the next round begins. `last` is 1 for the one that came last, else 0. Only those who wait, and the last one, enter the kernel.",
    example: r#"{ barrier-wait = "b" }"#,
    real: Real::Yes("a few atomic and plain instructions; futex(2) to wait and to wake"),
    blocks: &[],
    parse: parse::<BarrierWaitForm>,
    schema: schema::<BarrierWaitForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct BarrierWaitForm {
    /// The barrier.
    barrier_wait: At<String>,
    /// The variable that is 1 for whoever comes last, else 0.
    last: Option<At<String>>,
}

mod word {
    pub const GUARD: i64 = 0;
    pub const ARRIVED: i64 = 1;
    pub const ROUND: i64 = 2;
}

/// How many words it has.
pub const WORDS: usize = 3;

impl Form for BarrierWaitForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let last = self.last.as_ref().map(|name| cx.assign(name));
        let found = cx.synchroniser(&self.barrier_wait, "barrier");
        let Some(Synchroniser::Barrier { words, parties }) = found else { return };
        let (guard, object) = (words.cell(word::GUARD), words.object);
        let (seen, ticket) = (cx.temporary(place::SEEN), cx.temporary(place::TICKET));
        cx.enter(guard, object);
        cx.load(ticket, words.cell(word::ROUND));
        cx.change(words.cell(word::ARRIVED), 1);
        cx.load(seen, words.cell(word::ARRIVED));
        let not_all = cx.unless(seen, Operator::Equal, Operand::Const(parties));
        cx.store(words.cell(word::ARRIVED), ZERO);
        cx.change(words.cell(word::ROUND), 1);
        cx.leave(guard);
        cx.futex_wake(words.cell(word::ROUND), ALL);
        if let Some(last) = last {
            cx.set(last, ONE);
        }
        let end = cx.jump();

        cx.patch(not_all);
        cx.leave(guard);
        let again = cx.here();
        let (cell, expected) = (words.cell(word::ROUND), ticket.into());
        let wait = FutexWait { cell, expected, cause: Cause::Futex, object, limit: Limit::Never };
        cx.futex_wait(wait, None);
        cx.load(seen, cell);
        let over = cx.unless(seen, Operator::Equal, expected);
        cx.emit(Instruction::Jump(again));
        cx.patch(over);
        if let Some(last) = last {
            cx.set(last, ZERO);
        }
        cx.patch(end);
    }
}
