//! `event-set`, `event-clear` and `event-wait`: a flag that threads wait for.
//!
//! One word: 0 is clear, 1 set, 2 clear and waited for. Setting wakes everybody and enters the kernel only if
//! somebody waits; waiting does only while the flag is clear. Models: `threading.Event` of Python, the
//! manual-reset event of Windows.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::program::at::{At, TimeAmount};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::Instruction;
use crate::program::lower::Lower;
use crate::program::names::Synchroniser;
use crate::program::syscall::{FutexWait, Limit};
use crate::program::value::{Operand, Operator};
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Cause;

use super::emit::{ALL, ONE, TWO, ZERO, place};

pub const EVENT_SET: VerbRow = VerbRow {
    name: "event-set",
    level: Level::Library,
    summary: "sets a flag and wakes all that wait for it",
    doc: "Sets the flag. All that wait for it go on, and whoever comes later doesn't wait until it is cleared.",
    example: r#"{ event-set = "e" }"#,
    real: Real::Yes("one atomic instruction; futex(2) only if somebody waits"),
    blocks: &[],
    parse: parse::<EventSetForm>,
    schema: schema::<EventSetForm>,
};

pub const EVENT_CLEAR: VerbRow = VerbRow {
    name: "event-clear",
    level: Level::Library,
    summary: "clears a flag",
    doc: "Clears the flag: whoever comes from here on waits for it. One who was woken but hasn't looked yet waits as well.",
    example: r#"{ event-clear = "e" }"#,
    real: Real::Yes("one atomic instruction"),
    blocks: &[],
    parse: parse::<EventClearForm>,
    schema: schema::<EventClearForm>,
};

pub const EVENT_WAIT: VerbRow = VerbRow {
    name: "event-wait",
    level: Level::Library,
    summary: "waits until a flag is set",
    doc: "Waits until the flag is set. If it is, that takes one instruction and no system call. With a `timeout` it gives up with ETIMEDOUT.",
    example: r#"{ event-wait = "e" }"#,
    real: Real::Yes("one instruction; futex(2) only if the flag is clear"),
    blocks: &[],
    parse: parse::<EventWaitForm>,
    schema: schema::<EventWaitForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct EventSetForm {
    /// The flag.
    event_set: At<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct EventClearForm {
    /// The flag.
    event_clear: At<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct EventWaitForm {
    /// The flag.
    event_wait: At<String>,
    /// How long it waits at most; as long as it takes if absent.
    timeout: Option<At<TimeAmount>>,
    /// The variable that gets 0, or a negated error number. Without it, an error ends the process.
    result: Option<At<String>>,
}

/// How many words it has.
pub const WORDS: usize = 1;

const CLEAR: Operand = ZERO;
const SET: Operand = ONE;
const WAITED_FOR: Operand = TWO;

impl Form for EventSetForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let found = cx.synchroniser(&self.event_set, "event-flag");
        let Some(Synchroniser::EventFlag { words }) = found else { return };
        let (cell, old) = (words.cell(0), cx.temporary(place::OLD));
        cx.emit(Instruction::Exchange { cell, new: SET, old });
        let nobody = cx.unless(old, Operator::Equal, WAITED_FOR);
        cx.futex_wake(cell, ALL);
        cx.patch(nobody);
    }
}

impl Form for EventClearForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let found = cx.synchroniser(&self.event_clear, "event-flag");
        if let Some(Synchroniser::EventFlag { words }) = found {
            cx.emit(Instruction::CompareSwap { cell: words.cell(0), expected: SET, new: CLEAR, old: None });
        }
    }
}

impl Form for EventWaitForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let timeout = self.timeout.as_ref().map(|time| cx.time(time));
        let result = self.result.as_ref().map(|name| cx.assign(name));
        let found = cx.synchroniser(&self.event_wait, "event-flag");
        let Some(Synchroniser::EventFlag { words }) = found else { return };
        let (cell, object) = (words.cell(0), words.object);
        let (old, answer) = (cx.temporary(place::OLD), cx.temporary(place::ANSWER));
        let limit = cx.deadline(timeout);
        // It waits only if it finds the flag clear, and says so by the same instruction.
        let again =
            cx.emit(Instruction::CompareSwap { cell, expected: CLEAR, new: WAITED_FOR, old: Some(old) });
        let clear = cx.unless(old, Operator::Equal, SET);
        cx.answer_success(result);
        let end = cx.jump();
        cx.patch(clear);
        let wait = FutexWait { cell, expected: WAITED_FOR, cause: Cause::Futex, object, limit };
        cx.futex_wait(wait, Some(answer));
        if limit != Limit::Never {
            let late = Operand::Const(Errno::ETIMEDOUT.result());
            let given_up = cx.unless(answer, Operator::NotEqual, late);
            cx.emit(Instruction::Jump(again));
            cx.patch(given_up);
            cx.answer_error(result, Errno::ETIMEDOUT);
        } else {
            cx.emit(Instruction::Jump(again));
        }
        cx.patch(end);
    }
}
