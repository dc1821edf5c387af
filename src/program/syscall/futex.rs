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
