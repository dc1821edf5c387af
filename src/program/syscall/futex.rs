//! `futex`: sleep until a shared word changes, and wake those that sleep on it.
//!
//! `wait` compares the word with an expected value and sleeps in one indivisible step of the
//! kernel, so that no wake-up between the comparison and the sleep can be lost. Source: futex(2).

use crate::ids::ObjectId;
use crate::program::{Cell, Operand};
use crate::trace::Cause;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FutexWait {
    pub cell: Cell,
    pub expected: Operand,
    /// What the trace names as the cause of waiting: a lock, a semaphore, or the futex itself.
    pub cause: Cause,
    pub object: ObjectId,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FutexWake {
    pub cell: Cell,
    /// At most so many sleepers are woken, those who came first first.
    pub count: Operand,
}

use crate::errno::Errno;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::trace::Sink;

/// The futex's word and its value now.
fn word<S: Sink>(call: &mut Call<'_, S>, cell: Cell) -> Result<((u32, u32), i64), Errno> {
    let image = call.image;
    let index = call.user().value(cell.index, image);
    let value = *call.userland.element(cell.array, index).ok_or(Errno::EFAULT)?;
    Ok(((cell.array.0, index as u32), value))
}

impl SystemCall for FutexWait {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        if call.progress() > 0 {
            return Ok(Outcome::Done(0));
        }
        let (word, value) = word(call, self.cell)?;
        let image = call.image;
        if value != call.user().value(self.expected, image) {
            return Err(Errno::EAGAIN);
        }
        let (task, kernel) = (call.task, &mut *call.kernel);
        kernel.futexes.wait(word, task, &mut kernel.tasks);
        call.user().progress = 1;
        Ok(Outcome::Block { on: self.cause, object: Some(self.object) })
    }
}

impl SystemCall for FutexWake {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (word, _) = word(call, self.cell)?;
        let image = call.image;
        let count = call.user().value(self.count, image);
        let mut woken = 0;
        while woken < count {
            let kernel = &mut *call.kernel;
            let Some(waiter) = kernel.futexes.wake(word, &mut kernel.tasks) else { break };
            kernel.wake(call.cpu, waiter);
            woken += 1;
        }
        Ok(Outcome::Done(woken))
    }
}
