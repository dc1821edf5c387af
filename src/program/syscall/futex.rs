//! `futex`: sleep until a shared word changes, and wake those that sleep on it.
//!
//! `wait` compares the word with an expected value and sleeps in one indivisible step of the
//! kernel, so that no wake-up between the comparison and the sleep can be lost. Source: futex(2).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::ids::ObjectId;
use crate::kernel::caches::Used;
use crate::kernel::waits::Interruption;
#[cfg(target_os = "linux")]
use crate::os::futex;
use crate::program::at::{At, TimeAmount, Value};
use crate::program::call::{AfterSignal, Awaits, Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::{Native, SharedCell};
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Amount, Cell, Operand, Variable};
use crate::time::{Instant, Span};
use crate::trace::Cause;
use crate::trace::Sink;

pub const WAIT: VerbRow = VerbRow {
    name: "futex-wait",
    level: Level::Syscall,
    summary: "sleeps while a shared cell holds a value",
    doc: "Compares the cell with `expected` and, if they are equal, sleeps until a `futex-wake` on the same cell; else it fails at once with EAGAIN. With a `timeout` it fails with ETIMEDOUT when that has passed. Comparing and falling asleep are one indivisible step of the kernel, so that no wake-up is lost between them. Locks are built from it.",
    example: r#"{ futex-wait = "shm.cell", expected = 1, on-error = "continue" }"#,
    real: Real::Yes("futex(2), FUTEX_WAIT"),
    blocks: &[],
    parse: parse::<FutexWaitForm>,
    schema: schema::<FutexWaitForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FutexWaitForm {
    /// The cell, "object.name", or element, "object.name[index]".
    futex_wait: At<String>,
    /// The value at which it sleeps.
    expected: At<Value>,
    /// How long at most; then it fails with ETIMEDOUT. As long as it takes if absent.
    timeout: Option<At<TimeAmount>>,
}

impl Form for FutexWaitForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let expected = cx.operand(&self.expected);
        if let Some((cell, object)) = cx.futex_cell(&self.futex_wait) {
            let limit = self.timeout.as_ref().map_or(Limit::Never, |time| Limit::For(cx.time(time)));
            let cause = Cause::Futex;
            cx.call(step, FutexWait { cell, expected, cause, object, limit });
        }
    }
}

pub const WAKE: VerbRow = VerbRow {
    name: "futex-wake",
    level: Level::Syscall,
    summary: "wakes those that sleep on a shared cell",
    doc: "Wakes at most `count` sleepers of the cell, those who came first first; the result is how many.",
    example: r#"{ futex-wake = "shm.cell", count = 1 }"#,
    real: Real::Yes("futex(2), FUTEX_WAKE"),
    blocks: &[],
    parse: parse::<FutexWakeForm>,
    schema: schema::<FutexWakeForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FutexWakeForm {
    /// The cell, "object.name", or element, "object.name[index]".
    futex_wake: At<String>,
    /// How many at most; 1 if absent.
    count: Option<At<Value>>,
}

impl Form for FutexWakeForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let count = match &self.count {
            Some(count) => cx.operand(count),
            None => Operand::Const(1),
        };
        if let Some((cell, _)) = cx.futex_cell(&self.futex_wake) {
            cx.call(step, FutexWake { cell, count });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FutexWait {
    pub cell: Cell,
    pub expected: Operand,
    /// What the trace names as the cause of waiting: a lock, a semaphore, or the futex itself.
    pub cause: Cause,
    pub object: ObjectId,
    pub limit: Limit,
}

/// When a wait ends at the latest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    Never,
    /// So many nanoseconds after the call.
    For(Amount),
    /// At that time of the monotonic clock, in nanoseconds.
    Until(Variable),
}

impl Limit {
    pub fn amount(&self) -> Option<&Amount> {
        match self {
            Limit::For(amount) => Some(amount),
            Limit::Never | Limit::Until(_) => None,
        }
    }

    /// The limit of a wait that begins now.
    pub fn due<S: Sink>(self, call: &mut Call<'_, S>) -> Option<Instant> {
        match self {
            Limit::Never => None,
            Limit::For(_) => Some(call.now() + Span::from_nanos(call.amount())),
            Limit::Until(Variable(slot)) => {
                let due = call.user().variables[usize::from(slot)];
                Some(Instant::from_nanos(u64::try_from(due).unwrap_or(0)))
            }
        }
    }

    #[cfg(target_os = "linux")]
    pub fn on_host(self, native: &mut Native) -> futex::Limit {
        match self {
            Limit::Never => futex::Limit::Never,
            Limit::For(amount) => futex::Limit::For(native.user.draw(amount, &native.world.image)),
            Limit::Until(Variable(slot)) => {
                let due = native.user.variables[usize::from(slot)];
                futex::Limit::Until(u64::try_from(due).unwrap_or(0))
            }
        }
    }
}

/// How a wait with a limit has ended.
pub fn ending<S: Sink>(call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
    match call.kernel.take_interruption(call.task) {
        None => Ok(Outcome::Done(0)),
        Some(Interruption::Timeout) => Err(Errno::ETIMEDOUT),
        Some(Interruption::Signal | Interruption::Failure) => {
            // Should nothing come of the signal, it looks at the word again, for the rest of the time.
            let now = call.now().as_nanos();
            let user = call.user();
            user.amount = user.progress.saturating_sub(now);
            user.progress = 0;
            Err(Errno::EINTR)
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FutexWake {
    pub cell: Cell,
    /// At most so many sleepers are woken, those who came first first.
    pub count: Operand,
}

/// The futex's word and its value now.
pub(super) fn word<S: Sink>(call: &mut Call<'_, S>, cell: Cell) -> Result<((u32, u32), i64), Errno> {
    let image = call.image;
    let index = call.user().value(cell.index, image);
    let process = call.process();
    let userland = &mut *call.userland;
    let place = if userland.is_own(cell.array) {
        userland.own_element(process, cell.array, index, image)
    } else {
        userland.element(cell.array, index)
    };
    let value = *place.ok_or(Errno::EFAULT)?;
    Ok((key(call, cell, index), value))
}

/// What the kernel knows a word by: its place, and in memory of a process's own whose it is.
fn key<S: Sink>(call: &Call<'_, S>, cell: Cell, index: i64) -> (u32, u32) {
    let owner = if call.userland.is_own(cell.array) { call.process().0 << OWN_WORDS } else { 0 };
    (cell.array.0, owner | index as u32)
}

/// Bits for the number of a word among those that a process has for its own.
const OWN_WORDS: u32 = 8;

/// The word as an object that CPUs share.
pub(super) fn used<S: Sink>(call: &Call<'_, S>, cell: Cell) -> Used {
    let index = call.userland.users[call.task.index()].value(cell.index, call.image);
    Used::Futex(key(call, cell, index))
}

impl SystemCall for FutexWait {
    fn amount(&self) -> Option<&Amount> {
        self.limit.amount()
    }

    fn ends_by_itself(&self) -> bool {
        self.limit != Limit::Never
    }

    /// The kernel doesn't make a call with a time limit again (signal(7)).
    fn after_signal(&self) -> AfterSignal {
        if self.limit == Limit::Never { AfterSignal::RestartsIfAsked } else { AfterSignal::Fails }
    }

    fn uses<S: Sink>(&self, call: &Call<'_, S>) -> Option<Used> {
        Some(used(call, self.cell))
    }

    fn waits(&self, _: &Image) -> Option<Awaits> {
        Some(Awaits { on: self.cause, object: Some(self.object) })
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        if call.progress() > 0 {
            return ending(call);
        }
        let (word, value) = word(call, self.cell)?;
        let image = call.image;
        // The kernel compares 32 bits, the lower ones of a wider cell.
        if value as i32 != call.user().value(self.expected, image) as i32 {
            return Err(Errno::EAGAIN);
        }
        let task = call.task;
        call.user().progress = 1;
        if let Some(due) = self.limit.due(call) {
            if due <= call.now() {
                return Err(Errno::ETIMEDOUT);
            }
            call.kernel.limit_wait(call.cpu, task, due);
            call.user().progress = due.as_nanos();
        }
        let kernel = &mut *call.kernel;
        kernel.futexes.wait(word, task, &mut kernel.tasks);
        Ok(Outcome::Block { on: self.cause, object: Some(self.object) })
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let expected = native.computed(self.expected);
        let limit = self.limit.on_host(native);
        let cell = native.cell(self.cell).and_then(SharedCell::word).ok_or(Errno::EFAULT)?;
        futex::wait(cell, expected as i32, limit).map(|()| 0)
    }
}

impl SystemCall for FutexWake {
    fn uses<S: Sink>(&self, call: &Call<'_, S>) -> Option<Used> {
        Some(used(call, self.cell))
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (word, _) = word(call, self.cell)?;
        let image = call.image;
        let count = call.user().value(self.count, image);
        let mut woken = 0;
        while woken < count {
            let kernel = &mut *call.kernel;
            let Some(waiter) = kernel.next_futex_waiter(word) else { break };
            kernel.wake(call.cpu, waiter);
            woken += 1;
        }
        Ok(Outcome::Done(woken))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let count = native.computed(self.count).clamp(0, i64::from(i32::MAX));
        let cell = native.cell(self.cell).and_then(SharedCell::word).ok_or(Errno::EFAULT)?;
        futex::wake(cell, count as i32)
    }
}
