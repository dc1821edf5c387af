//! What a system call does on the simulated kernel: the trait that each call's file implements.
//!
//! A call's life: the entry, then its body, whose price is known when it begins and whose effect
//! happens at its end, then either the exit, or a wait. A call that has waited goes through its body
//! again, paying only for what it copies then; `progress` tells it how far it had come.

use crate::errno::Errno;
use crate::ids::{Fd, ObjectId, Pid, Tid};
use crate::kernel::Kernel;
use crate::kernel::caches::Used;
use crate::kernel::cost::Copying;
use crate::kernel::file::{OpenId, Opened};
use crate::time::Instant;
use crate::trace::{Cause, Kind, Sink};

use super::image::Image;
#[cfg(target_os = "linux")]
use super::native::Native;
use super::userland::{User, Userland};
use super::value::{Amount, Handle, Operand};

/// How a call's body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The call returns this to the program.
    Done(i64),
    /// It returns this, and the library function around it makes the same call again.
    Repeat(i64),
    /// It waits. Whoever wakes the thread has put it into no queue any more.
    Block { on: Cause, object: Option<ObjectId> },
    /// It returns this after the other ready threads had their turn.
    Yield(i64),
    /// The thread (or with `all` the whole process) ends.
    Exit { status: u16, all: bool },
}

/// What a call returns that is made again after a handler: Linux's own `-ERESTARTSYS`, which no program
/// ever sees.
pub const RESTART: i64 = -512;

/// What becomes of a call whose wait a handler has interrupted before it had done anything; which
/// calls do what is said in signal(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterSignal {
    /// It fails with `EINTR`.
    Fails,
    /// It is made again if the handler was set with `restart`, else it fails with `EINTR`.
    RestartsIfAsked,
    /// It is made again in any case, by the library function around it.
    Restarts,
}

/// Bytes that a call copies, and where they go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    pub copying: Copying,
    pub bytes: u64,
}

/// What a call waits for, and at which object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Awaits {
    pub on: Cause,
    pub object: Option<ObjectId>,
}

impl Awaits {
    /// Whether somebody else must do something for the wait to end.
    pub const fn may_be_for_ever(self) -> bool {
        !matches!(self.on, Cause::Disk | Cause::Page | Cause::Sleep | Cause::Release | Cause::Completion)
    }
}

/// Everything that a call can see and change.
pub struct Call<'a, S> {
    pub kernel: &'a mut Kernel<S>,
    pub userland: &'a mut Userland,
    pub image: &'a Image,
    /// The CPU that executes it, and the thread that called.
    pub cpu: usize,
    pub task: Tid,
}

/// A system call.
pub trait SystemCall {
    /// The amount of bytes or time that it asks for, drawn when the call is made.
    fn amount(&self) -> Option<&Amount> {
        None
    }

    /// What the body would copy if it took effect now; that is part of its price.
    fn copies<S: Sink>(&self, _call: &Call<'_, S>) -> Option<Copied> {
        None
    }

    /// The program uses what it receives as a whole: it is to be kept in the thread's buffer.
    fn keep_what_comes(&mut self) {}

    /// The object that it works on, whose cache lines it gets from another CPU.
    fn uses<S: Sink>(&self, _call: &Call<'_, S>) -> Option<Used> {
        None
    }

    /// What it waits for, if it has to: the kernel's own trace says only that a thread sleeps.
    fn waits(&self, _image: &Image) -> Option<Awaits> {
        None
    }

    /// What becomes of it if a handler interrupts its wait before anything was done.
    fn after_signal(&self) -> AfterSignal {
        AfterSignal::RestartsIfAsked
    }

    /// What it returns if a handler interrupts its wait after something was done. It is also the
    /// place to say how much is left.
    fn achieved<S: Sink>(&self, _call: &mut Call<'_, S>) -> Option<i64> {
        None
    }

    /// Whether its wait has a time limit, so that it ends even if nobody does anything.
    fn ends_by_itself(&self) -> bool {
        false
    }

    /// The body's effect.
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno>;

    /// The same on the real kernel, with its actual call.
    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno>;
}

impl<S: Sink> Call<'_, S> {
    pub fn user(&mut self) -> &mut User {
        &mut self.userland.users[self.task.index()]
    }

    /// The bytes or nanoseconds that the call asks for.
    pub fn amount(&self) -> u64 {
        self.userland.users[self.task.index()].amount
    }

    /// The value of one of its arguments.
    pub fn user_value(&self, operand: Operand) -> i64 {
        self.userland.users[self.task.index()].value(operand, self.image)
    }

    /// How far the call had come when it last blocked; 0 at first.
    pub fn progress(&self) -> u64 {
        self.userland.users[self.task.index()].progress
    }

    pub fn process(&self) -> Pid {
        self.kernel.tasks[self.task.index()].process
    }

    pub fn now(&self) -> Instant {
        self.kernel.cpus[self.cpu].now
    }

    /// The number of the descriptor that a call is about; none if no descriptor can have it.
    #[inline(always)]
    pub fn descriptor(&self, handle: Handle) -> Option<Fd> {
        match handle {
            Handle::Named(fd) => Some(fd),
            Handle::Number(number) => {
                let number = self.userland.users[self.task.index()].value(number, self.image);
                u16::try_from(number).ok().map(Fd)
            }
        }
    }

    /// What a descriptor of the process stands for, if it is open.
    #[inline(always)]
    pub fn opened(&self, handle: Handle) -> Option<(OpenId, Opened)> {
        self.kernel.opened(self.process(), self.descriptor(handle)?)
    }

    /// The socket behind a descriptor of the process.
    pub fn socket(&self, handle: Handle) -> Result<(OpenId, u32), Errno> {
        match self.opened(handle).ok_or(Errno::EBADF)? {
            (open, Opened::Socket(socket)) => Ok((open, socket)),
            _ => Err(Errno::ENOTSOCK),
        }
    }

    pub fn emit(&mut self, kind: Kind) {
        self.kernel.emit(self.cpu, kind);
    }
}
