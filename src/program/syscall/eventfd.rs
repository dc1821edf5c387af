//! `eventfd`: a counter behind a descriptor: writes add to it, a read takes it. Source: eventfd(2).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::bytes::Bytes;
use crate::kernel::file::{Flags, OpenId, Opened};
use crate::kernel::ipc::counter::Counter;
use crate::kernel::readiness::Events;
use crate::kernel::waits::WaitKey;
#[cfg(target_os = "linux")]
use crate::os;
use crate::program::Variable;
use crate::program::at::{At, Whole};
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::{Channel, ChannelKind, Native};
use crate::program::problem::Code;
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::{Cause, Sink};

use super::{Read, Write};

pub const ROW: VerbRow = VerbRow {
    name: "eventfd",
    level: Level::Syscall,
    summary: "makes an event counter",
    doc: "Makes a counter behind a descriptor, whose number a variable gets. `{ write = \"@c\", value = n }` adds to it and waits if it would grow too large; `{ read = \"@c\", into = \"n\" }` takes all and leaves zero, and waits while it is zero. As a `semaphore` a read takes one. Both are of 8 bytes. A fork passes it on, an exec closes it.",
    example: r#"{ eventfd = "c", initial = 1, semaphore = true }"#,
    real: Real::Yes("eventfd2(2)"),
    blocks: &[],
    parse: parse::<EventfdForm>,
    schema: schema::<EventfdForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct EventfdForm {
    /// The variable that gets the descriptor's number.
    eventfd: At<String>,
    /// The value at the beginning; 0 if absent.
    initial: Option<At<Whole>>,
    /// A read takes one instead of all (EFD_SEMAPHORE); false if absent.
    semaphore: Option<bool>,
    /// Whether calls fail with EAGAIN where they would wait (EFD_NONBLOCK); false if absent.
    nonblock: Option<bool>,
}

impl Form for EventfdForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let into = cx.assign(&self.eventfd);
        let initial = match &self.initial {
            None => 0,
            Some(at) => match at.value.0 {
                crate::program::at::Raw::Integer(initial @ 0..=0xffff_ffff) => initial as u32,
                _ => {
                    let message = "`initial` is a whole number from 0 to 4294967295";
                    cx.problems.error(Code::OutOfRange, at.span.clone(), message);
                    0
                }
            },
        };
        let (semaphore, nonblock) = (self.semaphore.unwrap_or(false), self.nonblock.unwrap_or(false));
        cx.call(step, Eventfd { into, initial, semaphore, nonblock });
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Eventfd {
    pub into: Variable,
    pub initial: u32,
    pub semaphore: bool,
    pub nonblock: bool,
}

impl SystemCall for Eventfd {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let process = call.process();
        call.kernel.lowest_free(process)?;
        let counter = call.kernel.counters.len() as u32;
        call.kernel.counters.push(Counter { value: self.initial.into(), semaphore: self.semaphore });
        let flags = Flags { nonblock: self.nonblock };
        let fd = call.kernel.open(process, Opened::Counter(counter), flags)?;
        call.user().set(Some(self.into), i64::from(fd.0));
        Ok(Outcome::Done(i64::from(fd.0)))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let made = os::events::counter(self.initial, self.semaphore, self.nonblock)?;
        let fd = native.adopt(made, Channel { object: None, kind: ChannelKind::Events })?;
        native.user.set(Some(self.into), i64::from(fd.0));
        Ok(i64::from(fd.0))
    }
}

/// What threads wait for at a counter: readers and writers alike, as they do in Linux.
const fn changed(counter: u32) -> WaitKey {
    WaitKey { cause: Cause::Counter, object: counter }
}

impl Read {
    /// Takes the counter's value; waits while that is zero.
    #[inline(never)]
    pub(super) fn read_counter<S: Sink>(
        &self,
        call: &mut Call<'_, S>,
        open: OpenId,
        counter: u32,
    ) -> Result<Outcome, Errno> {
        if call.amount() < 8 {
            return Err(Errno::EINVAL);
        }
        let Some(value) = call.kernel.counters[counter as usize].take() else {
            return wait_at(call, open, changed(counter));
        };
        call.kernel.announce_events(call.cpu, Opened::Counter(counter), Events::OUT);
        call.kernel.wake_all_of(call.cpu, changed(counter));
        Ok(self.got_number(call, value))
    }

    /// A number of eight bytes has come.
    pub(super) fn got_number<S: Sink>(&self, call: &mut Call<'_, S>, value: u64) -> Outcome {
        call.user().set(self.into, value as i64);
        if self.keep {
            call.user().keep(Bytes::word(8, value), false);
        }
        Outcome::Done(8)
    }
}

impl Write {
    /// Adds to the counter; waits while it would grow too large.
    #[inline(never)]
    pub(super) fn write_counter<S: Sink>(
        &self,
        call: &mut Call<'_, S>,
        open: OpenId,
        counter: u32,
    ) -> Result<Outcome, Errno> {
        if call.amount() < 8 {
            return Err(Errno::EINVAL);
        }
        let user = &call.userland.users[call.task.index()];
        let more = self.what.bytes(user, call.image, 8).first_word();
        if !call.kernel.counters[counter as usize].add(more)? {
            return wait_at(call, open, changed(counter));
        }
        call.kernel.announce_events(call.cpu, Opened::Counter(counter), Events::IN);
        call.kernel.wake_all_of(call.cpu, changed(counter));
        Ok(Outcome::Done(8))
    }
}

/// The thread waits for a counter or timer to change; EAGAIN if it isn't to wait.
pub(super) fn wait_at<S: Sink>(call: &mut Call<'_, S>, open: OpenId, key: WaitKey) -> Result<Outcome, Errno> {
    if call.kernel.files.open[open.0 as usize].flags.nonblock {
        return Err(Errno::EAGAIN);
    }
    call.kernel.wait_for(key, call.task);
    Ok(Outcome::Block { on: Cause::Counter, object: None })
}
