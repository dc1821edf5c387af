//! `fcntl`: whether calls on a descriptor wait, and how much a pipe holds.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::file::Opened;
use crate::kernel::ipc::pipe::{MOST_CAPACITY, rounded};
#[cfg(target_os = "linux")]
use crate::os;
use crate::program::at::{At, SizeAmount};
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::problem::Code;
use crate::program::resolve::End;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Amount, Handle, Variable};
use crate::trace::Sink;

pub const ROW: VerbRow = VerbRow {
    name: "fcntl",
    level: Level::Syscall,
    summary: "sets how a descriptor behaves",
    doc: "Sets one property. `nonblock` belongs to the open description, so that all who share it, after a fork or `dup`, are concerned: a call that would wait fails with EAGAIN. `capacity` (F_SETPIPE_SZ) changes what a pipe holds, rounded up to pages and a power of two: EBUSY if more pages are in use, EPERM above 1 MiB. `into` (F_GETPIPE_SZ) asks for it.",
    example: r#"{ fcntl = "ping", end = "read", nonblock = true }"#,
    real: Real::Yes("fcntl(2); root may exceed the limit of a capacity"),
    blocks: &[],
    parse: parse::<FcntlForm>,
    schema: schema::<FcntlForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FcntlForm {
    /// A pipe, FIFO, file, "terminal", or "@" and a variable with a number.
    fcntl: At<String>,
    /// Which end of a pipe; "read" if absent.
    end: Option<End>,
    /// Whether calls fail with EAGAIN where they would wait (O_NONBLOCK).
    nonblock: Option<bool>,
    /// The new capacity of a pipe.
    capacity: Option<At<SizeAmount>>,
    /// The variable that gets the capacity of a pipe.
    into: Option<At<String>>,
}

impl Form for FcntlForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let given = [self.nonblock.is_some(), self.capacity.is_some(), self.into.is_some()];
        if given.iter().filter(|given| **given).count() != 1 {
            let message = "this step needs one of `nonblock`, `capacity` and `into`";
            cx.problems.error(Code::MissingKey, step.span.clone(), message);
        }
        let (mut amount, mut property) = (Amount::Const(0), Property::Nonblock(false));
        if let Some(nonblock) = self.nonblock {
            property = Property::Nonblock(nonblock);
        }
        if let Some(capacity) = &self.capacity {
            (amount, property) = (cx.size(capacity), Property::Capacity);
        }
        if let Some(into) = &self.into {
            property = Property::AskCapacity(cx.assign(into));
        }
        if let Some(fd) = cx.channel(&self.fcntl, self.end.unwrap_or(End::Read)) {
            cx.call(step, Fcntl { fd, property, amount });
        }
    }
}

/// What is set, or asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Property {
    Nonblock(bool),
    /// To the call's amount of bytes.
    Capacity,
    AskCapacity(Variable),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fcntl {
    pub fd: Handle,
    pub property: Property,
    pub amount: Amount,
}

impl SystemCall for Fcntl {
    fn amount(&self) -> Option<&Amount> {
        Some(&self.amount)
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (open, what) = call.opened(self.fd).ok_or(Errno::EBADF)?;
        if let Property::Nonblock(nonblock) = self.property {
            call.kernel.files.open[open.0 as usize].flags.nonblock = nonblock;
            return Ok(Outcome::Done(0));
        }
        let (Opened::PipeRead(pipe) | Opened::PipeWrite(pipe)) = what else {
            return Err(Errno::EBADF);
        };
        if self.property == Property::Capacity {
            let capacity = rounded(call.amount()).ok_or(Errno::EINVAL)?;
            let state = &mut call.kernel.pipes[pipe as usize];
            if capacity > state.capacity() && capacity > MOST_CAPACITY {
                return Err(Errno::EPERM);
            }
            if !state.resize(capacity) {
                return Err(Errno::EBUSY);
            }
            call.kernel.announce(call.cpu, Opened::PipeWrite(pipe));
            let writer = call.kernel.pipes[pipe as usize].waiting_writers.pop(&mut call.kernel.tasks);
            if let Some(writer) = writer {
                call.kernel.wake(call.cpu, writer);
            }
        }
        let capacity = call.kernel.pipes[pipe as usize].capacity() as i64;
        if let Property::AskCapacity(into) = self.property {
            call.user().set(Some(into), capacity);
        }
        Ok(Outcome::Done(capacity))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let descriptor = native.descriptor(self.fd)?;
        match self.property {
            Property::Nonblock(nonblock) => os::pipe::set_nonblock(descriptor, nonblock).map(|()| 0),
            Property::Capacity => {
                let bytes = native.user.draw(self.amount, &native.world.image);
                os::pipe::set_capacity(descriptor, bytes).map(|bytes| bytes as i64)
            }
            Property::AskCapacity(into) => {
                let bytes = os::pipe::capacity(descriptor)? as i64;
                native.user.set(Some(into), bytes);
                Ok(bytes)
            }
        }
    }
}
