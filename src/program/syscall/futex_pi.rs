//! `futex-lock-pi` and `futex-unlock-pi`: a lock that the kernel keeps in a shared word, with priority
//! inheritance. Source: futex(2).
//!
//! The library's mutex with `protocol = "inherit"` is made of these calls and needs them only if others
//! want the lock; the calls themselves also do the whole work.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::ids::ObjectId;
use crate::kernel::caches::Used;
use crate::kernel::ipc::pi::{Attempt, WAITERS, owner};
#[cfg(target_os = "linux")]
use crate::os::futex;
use crate::program::at::{At, TimeAmount};
use crate::program::call::{AfterSignal, Awaits, Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::{Image, Width};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Amount, Cell};
use crate::trace::Cause;
use crate::trace::Sink;

use super::futex::{Limit, ending, used, word};

pub const LOCK: VerbRow = VerbRow {
    name: "futex-lock-pi",
    level: Level::Syscall,
    summary: "takes a lock that the kernel keeps in a shared cell, with priority inheritance",
    doc: "Takes the lock in the cell: 0 is free, else the cell holds the number of the thread that has it. If another one has it, the caller waits and meanwhile lends it its priority, and so on if that one waits for such a lock itself. Errors: EDEADLK if the caller has it already or would wait for itself, ESRCH if whoever had it doesn't exist any more, EAGAIN with `try` if it is taken, ETIMEDOUT.",
    example: r#"{ futex-lock-pi = "shm.cell" }"#,
    real: Real::Yes("futex(2), FUTEX_LOCK_PI, FUTEX_LOCK_PI2 with a timeout, FUTEX_TRYLOCK_PI with `try`"),
    blocks: &[],
    parse: parse::<FutexLockPiForm>,
    schema: schema::<FutexLockPiForm>,
};

pub const UNLOCK: VerbRow = VerbRow {
    name: "futex-unlock-pi",
    level: Level::Syscall,
    summary: "gives back a lock that the kernel keeps in a shared cell",
    doc: "Gives the lock in the cell back. The waiter of the highest priority has it then, the one that came first among equals; the caller has its own priority again. EPERM if the caller doesn't have it.",
    example: r#"{ futex-unlock-pi = "shm.cell" }"#,
    real: Real::Yes("futex(2), FUTEX_UNLOCK_PI"),
    blocks: &[],
    parse: parse::<FutexUnlockPiForm>,
    schema: schema::<FutexUnlockPiForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FutexLockPiForm {
    /// The cell, "object.name", or element, "object.name[index]".
    futex_lock_pi: At<String>,
    /// Whether it fails at once if the lock is taken; false if absent.
    r#try: Option<bool>,
    /// How long it waits at most; as long as it takes if absent.
    timeout: Option<At<TimeAmount>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FutexUnlockPiForm {
    /// The cell, "object.name", or element, "object.name[index]".
    futex_unlock_pi: At<String>,
}

impl Form for FutexLockPiForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let limit = self.timeout.as_ref().map_or(Limit::Never, |time| Limit::For(cx.time(time)));
        if let Some((cell, object)) = cx.cell(&self.futex_lock_pi) {
            cx.call(step, FutexLockPi { cell, object, tries: self.r#try == Some(true), limit });
        }
    }
}

impl Form for FutexUnlockPiForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        if let Some((cell, _)) = cx.cell(&self.futex_unlock_pi) {
            cx.call(step, FutexUnlockPi { cell });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FutexLockPi {
    pub cell: Cell,
    pub object: ObjectId,
    /// It doesn't wait.
    pub tries: bool,
    pub limit: Limit,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FutexUnlockPi {
    pub cell: Cell,
}

/// Changes the 32 bits that a futex has of a cell.
fn set_word<S: Sink>(call: &mut Call<'_, S>, cell: Cell, value: u32) {
    let image = call.image;
    let index = call.user().value(cell.index, image);
    let width = image.arrays[cell.array.0 as usize].width;
    if let Some(place) = call.userland.element(cell.array, index) {
        *place = with_word(*place, value, width);
    }
}

/// A cell's value with other lower 32 bits.
pub fn with_word(before: i64, value: u32, width: Width) -> i64 {
    width.stored(before & !i64::from(u32::MAX) | i64::from(value))
}

impl SystemCall for FutexLockPi {
    fn amount(&self) -> Option<&Amount> {
        self.limit.amount()
    }

    fn ends_by_itself(&self) -> bool {
        self.limit != Limit::Never
    }

    fn after_signal(&self) -> AfterSignal {
        AfterSignal::Restarts
    }

    fn uses<S: Sink>(&self, call: &Call<'_, S>) -> Option<Used> {
        Some(used(call, self.cell))
    }

    fn waits(&self, _: &Image) -> Option<Awaits> {
        Some(Awaits { on: Cause::Lock, object: Some(self.object) })
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        if call.progress() > 0 {
            return ending(call);
        }
        let (key, value) = word(call, self.cell)?;
        let task = call.task;
        match call.kernel.try_pi(value as u32, task) {
            Attempt::Taken(value) => {
                set_word(call, self.cell, value);
                Ok(Outcome::Done(0))
            }
            Attempt::Deadlock => Err(Errno::EDEADLK),
            Attempt::NoOwner => Err(Errno::ESRCH),
            Attempt::Held(holder) => {
                // From here on whoever has the lock must ask the kernel to give it back.
                set_word(call, self.cell, value as u32 | WAITERS);
                if self.tries {
                    return Err(Errno::EAGAIN);
                }
                call.user().progress = 1;
                if let Some(due) = self.limit.due(call) {
                    if due <= call.now() {
                        return Err(Errno::ETIMEDOUT);
                    }
                    call.kernel.limit_wait(call.cpu, task, due);
                    call.user().progress = due.as_nanos();
                }
                call.kernel.wait_pi(call.cpu, key, holder, task);
                Ok(Outcome::Block { on: Cause::Lock, object: Some(self.object) })
            }
        }
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let limit = self.limit.on_host(native);
        let cell = native.cell(self.cell).ok_or(Errno::EFAULT)?;
        let locked =
            if self.tries { futex::try_lock_pi(cell.word()) } else { futex::lock_pi(cell.word(), limit) };
        locked.map(|()| 0)
    }
}

impl SystemCall for FutexUnlockPi {
    fn uses<S: Sink>(&self, call: &Call<'_, S>) -> Option<Used> {
        Some(used(call, self.cell))
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (key, value) = word(call, self.cell)?;
        let task = call.task;
        if owner(value as u32) != Some(task) {
            return Err(Errno::EPERM);
        }
        let value = call.kernel.release_pi(call.cpu, key, task);
        set_word(call, self.cell, value);
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let cell = native.cell(self.cell).ok_or(Errno::EFAULT)?;
        futex::unlock_pi(cell.word()).map(|()| 0)
    }
}
