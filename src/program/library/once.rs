//! `once`: steps that only the first thread executes, while the others wait for it to be done.
//!
//! One word: 0 is not yet, 1 under way, 2 done, 3 under way and waited for. Source: pthread_once(3).

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

use super::emit::{ALL, ONE, TWO, ZERO, place};

pub const ROW: VerbRow = VerbRow {
    name: "once",
    level: Level::Library,
    summary: "executes steps once for all threads",
    doc: "The first thread that comes executes the steps in `do`; others that come meanwhile wait until they are done, and whoever comes later skips them by one instruction.",
    example: r#"{ once = "o", do = [ { compute = "1us" } ] }"#,
    real: Real::Yes("one instruction; futex(2) only for those who come meanwhile"),
    blocks: &["do"],
    parse: parse::<OnceForm>,
    schema: schema::<OnceForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct OnceForm {
    /// The `[once.NAME]` that says whether it was done.
    once: At<String>,
}

/// How many words it has.
pub const WORDS: usize = 1;

const NOT_YET: Operand = ZERO;
const UNDER_WAY: Operand = ONE;
const DONE: Operand = TWO;
const WAITED_FOR: Operand = Operand::Const(3);

impl Form for OnceForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let found = cx.synchroniser(&self.once, "once");
        let Some(Synchroniser::Once { words }) = found else { return };
        let (cell, object) = (words.cell(0), words.object);
        let (old, seen) = (cx.temporary(place::OLD), cx.temporary(place::SEEN));
        cx.load(seen, cell);
        let mut ends = vec![cx.unless(seen, Operator::NotEqual, DONE)];
        cx.emit(Instruction::CompareSwap { cell, expected: NOT_YET, new: UNDER_WAY, old: Some(old) });
        let second = cx.unless(old, Operator::Equal, NOT_YET);
        cx.doubtful_block(step.block("do"));
        cx.emit(Instruction::Exchange { cell, new: DONE, old });
        ends.push(cx.unless(old, Operator::Equal, WAITED_FOR));
        cx.futex_wake(cell, ALL);
        ends.push(cx.jump());

        cx.patch(second);
        let again =
            cx.emit(Instruction::CompareSwap { cell, expected: UNDER_WAY, new: WAITED_FOR, old: Some(old) });
        ends.push(cx.unless(old, Operator::NotEqual, DONE));
        let (expected, limit) = (WAITED_FOR, Limit::Never);
        cx.futex_wait(FutexWait { cell, expected, cause: Cause::Futex, object, limit }, None);
        cx.emit(Instruction::Jump(again));
        for end in ends {
            cx.patch(end);
        }
    }
}
