//! `timerfd`, `timerfd-settime`: a timer whose expirations are read from a descriptor.
//! Source: timerfd_create(2).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::file::{Flags, OpenId, Opened};
use crate::kernel::ipc::alarm::ringing;
#[cfg(target_os = "linux")]
use crate::os;
use crate::program::at::{At, TimeAmount};
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::{Channel, ChannelKind, Native};
use crate::program::resolve::End;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Amount, Handle, Variable};
use crate::time::Span;
use crate::trace::Sink;

use super::Read;
use super::eventfd::wait_at;

pub const CREATE: VerbRow = VerbRow {
    name: "timerfd",
    level: Level::Syscall,
    summary: "makes a timer behind a descriptor",
    doc: "Makes a timer that isn't set yet, whose descriptor's number a variable gets. `timerfd-settime` sets it. `{ read = \"@t\", into = \"n\" }` waits until it has expired and tells how often it has since the last read; `poll` and epoll wait for it together with other descriptors.",
    example: r#"{ timerfd = "t" }"#,
    real: Real::Yes("timerfd_create(2) on the monotonic clock"),
    blocks: &[],
    parse: parse::<CreateForm>,
    schema: schema::<CreateForm>,
};

pub const SET: VerbRow = VerbRow {
    name: "timerfd-settime",
    level: Level::Syscall,
    summary: "sets a timer behind a descriptor",
    doc: "Lets the timer expire `after` a time, and from then on once in each `every`, if given. `after = \"0ns\"` stops it. Expirations that haven't been read are forgotten. It expires by the local timer's interrupt.",
    example: r#"{ timerfd-settime = "@t", after = "1ms", every = "2ms" }"#,
    real: Real::Yes("timerfd_settime(2)"),
    blocks: &[],
    parse: parse::<SetForm>,
    schema: schema::<SetForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CreateForm {
    /// The variable that gets the descriptor's number.
    timerfd: At<String>,
    /// Whether a read fails with EAGAIN where it would wait (TFD_NONBLOCK); false if absent.
    nonblock: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SetForm {
    /// The timer: "@" and the variable with its number.
    timerfd_settime: At<String>,
    /// The time from now on to its first expiration; nothing stops it.
    after: At<TimeAmount>,
    /// A fixed time from each expiration to the next; if absent it expires only once.
    every: Option<At<crate::program::at::Time>>,
}

impl Form for CreateForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let into = cx.assign(&self.timerfd);
        cx.call(step, Timerfd { into, nonblock: self.nonblock.unwrap_or(false) });
    }
}

impl Form for SetForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let after = cx.time(&self.after);
        let every = self.every.as_ref().map(|at| At::new(at.span.clone(), TimeAmount(at.value.0.clone())));
        let every = match every.map(|every| cx.time(&every)) {
            Some(Amount::Const(nanos)) => Span::from_nanos(nanos),
            // A mistake has been reported.
            Some(Amount::Operand(_) | Amount::Text(_) | Amount::Buffer | Amount::Random(_)) | None => {
                Span::ZERO
            }
        };
        cx.tables.sets_timers = true;
        if let Some(fd) = cx.channel(&self.timerfd_settime, End::Read) {
            cx.call(step, TimerfdSettime { fd, after, every });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timerfd {
    pub into: Variable,
    pub nonblock: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimerfdSettime {
    pub fd: Handle,
    /// Nanoseconds; zero stops it.
    pub after: Amount,
    pub every: Span,
}

impl SystemCall for Timerfd {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let process = call.process();
        call.kernel.lowest_free(process)?;
        let alarm = call.kernel.new_alarm();
        let fd = call.kernel.open(process, alarm, Flags { nonblock: self.nonblock })?;
        call.user().set(Some(self.into), i64::from(fd.0));
        Ok(Outcome::Done(i64::from(fd.0)))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let channel = Channel { object: None, kind: ChannelKind::Events };
        let fd = native.adopt(os::events::timer(self.nonblock)?, channel)?;
        native.user.set(Some(self.into), i64::from(fd.0));
        Ok(i64::from(fd.0))
    }
}

impl SystemCall for TimerfdSettime {
    fn amount(&self) -> Option<&Amount> {
        Some(&self.after)
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (_, what) = call.opened(self.fd).ok_or(Errno::EBADF)?;
        let Opened::Alarm(alarm) = what else {
            return Err(Errno::EINVAL);
        };
        let after = Span::from_nanos(call.amount());
        call.kernel.set_alarm(call.cpu, alarm, after, self.every);
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let descriptor = native.descriptor(self.fd)?;
        let after = Span::from_nanos(native.user.draw(self.after, &native.world.image));
        os::events::set_timer(descriptor, after, self.every).map(|()| 0)
    }
}

impl Read {
    /// Takes the number of expirations; waits while there are none.
    #[inline(never)]
    pub(super) fn read_alarm<S: Sink>(
        &self,
        call: &mut Call<'_, S>,
        open: OpenId,
        alarm: u32,
    ) -> Result<Outcome, Errno> {
        if call.amount() < 8 {
            return Err(Errno::EINVAL);
        }
        match call.kernel.take_expirations(call.cpu, alarm) {
            Some(expirations) => Ok(self.got_number(call, expirations)),
            None => wait_at(call, open, ringing(alarm)),
        }
    }
}
