//! `dup`, `dup2`: another descriptor for the same open description, as a shell makes them to redirect.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::ids::Fd;
use crate::kernel::file::MOST_DESCRIPTORS;
#[cfg(target_os = "linux")]
use crate::os;
use crate::program::at::At;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::resolve::End;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Handle, Variable};
use crate::trace::Sink;

pub const DUP: VerbRow = VerbRow {
    name: "dup",
    level: Level::Syscall,
    summary: "makes another descriptor for the same thing",
    doc: "Gives the process another number for what a descriptor stands for. Both share the open description: its position and its O_NONBLOCK. A pipe's end counts as closed only when all of its descriptors are.",
    example: r#"{ dup = "ping", end = "write", into = "copy" }"#,
    real: Real::Yes("dup(2); the new number is close-on-exec, as all that calls return"),
    blocks: &[],
    parse: parse::<DupForm>,
    schema: schema::<DupForm>,
};

pub const DUP2: VerbRow = VerbRow {
    name: "dup2",
    level: Level::Syscall,
    summary: "lets a descriptor stand for what another one does",
    doc: "Closes the descriptor `onto` and lets it stand for what the first one does, as a shell does it to redirect: after `{ dup2 = \"p\", end = \"write\", onto = \"terminal\" }` what the program prints with `write` goes into the pipe, also after an exec.",
    example: r#"{ dup2 = "ping", end = "write", onto = "terminal" }"#,
    real: Real::Yes("dup2(2), by dup3(2) so that numbers are close-on-exec"),
    blocks: &[],
    parse: parse::<Dup2Form>,
    schema: schema::<Dup2Form>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct DupForm {
    /// A pipe, FIFO, file, "terminal", or "@" and a variable with a number.
    dup: At<String>,
    /// Which end of a pipe; "read" if absent.
    end: Option<End>,
    /// The variable that gets the new number.
    into: At<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Dup2Form {
    /// A pipe, FIFO, file, "terminal", or "@" and a variable with a number.
    dup2: At<String>,
    /// Which end of a pipe; "read" if absent.
    end: Option<End>,
    /// The descriptor that is to stand for it: named in the same way.
    onto: At<String>,
    /// Which end of that, if it is a pipe or "terminal"; as `end` if absent.
    onto_end: Option<End>,
}

impl Form for DupForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let into = cx.assign(&self.into);
        if let Some(fd) = cx.channel(&self.dup, self.end.unwrap_or(End::Read)) {
            cx.call(step, Dup { fd, into });
        }
    }
}

impl Form for Dup2Form {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let end = self.end.unwrap_or(End::Read);
        let from = cx.channel(&self.dup2, end);
        let onto = cx.channel(&self.onto, self.onto_end.unwrap_or(end));
        if let (Some(fd), Some(onto)) = (from, onto) {
            cx.call(step, Dup2 { fd, onto });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dup {
    pub fd: Handle,
    pub into: Variable,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dup2 {
    pub fd: Handle,
    pub onto: Handle,
}

impl SystemCall for Dup {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (open, _) = call.opened(self.fd).ok_or(Errno::EBADF)?;
        let process = call.process();
        let fd = call.kernel.lowest_free(process)?;
        call.kernel.install(process, fd, open);
        call.user().set(Some(self.into), i64::from(fd.0));
        Ok(Outcome::Done(i64::from(fd.0)))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let copy = os::pipe::duplicate(native.descriptor(self.fd)?)?;
        let fd = native.adopt(copy, native.channel(self.fd))?;
        native.user.set(Some(self.into), i64::from(fd.0));
        Ok(i64::from(fd.0))
    }
}

impl SystemCall for Dup2 {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let process = call.process();
        let from = call.descriptor(self.fd).ok_or(Errno::EBADF)?;
        let (open, _) = call.kernel.opened(process, from).ok_or(Errno::EBADF)?;
        let onto = call.descriptor(self.onto).filter(in_range).ok_or(Errno::EBADF)?;
        if from != onto {
            call.kernel.hold(open);
            call.kernel.close(call.cpu, process, onto);
            call.kernel.install(process, onto, open);
            call.kernel.drop_reference(call.cpu, open);
        }
        Ok(Outcome::Done(i64::from(onto.0)))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let onto = match self.onto {
            Handle::Named(fd) => fd,
            Handle::Number(number) => {
                let number = u16::try_from(native.computed(number)).map(Fd).ok();
                number.filter(in_range).ok_or(Errno::EBADF)?
            }
        };
        native.duplicate_onto(self.fd, onto)?;
        Ok(i64::from(onto.0))
    }
}

/// Whether a process can have such a number at all.
const fn in_range(fd: &Fd) -> bool {
    fd.0 < MOST_DESCRIPTORS
}
