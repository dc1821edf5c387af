//! `epoll-wait`: waits until something in an epoll set is ready. Source: epoll_wait(2).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::file::Opened;
#[cfg(target_os = "linux")]
use crate::os;
use crate::program::at::{At, TimeAmount, Whole};
use crate::program::call::{AfterSignal, Awaits, Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::resolve::End;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Amount, Handle, Variable};
use crate::time::Span;
use crate::trace::{Cause, Sink};

use super::poll::wait_longer;

pub const WAIT: VerbRow = VerbRow {
    name: "epoll-wait",
    level: Level::Syscall,
    summary: "waits until something in an epoll set is ready",
    doc: "Waits until a descriptor of the set is ready, or until `timeout` has passed (for ever if absent; \"0ns\" doesn't wait). Returns how many are reported, at most `max`. The first one's `data` goes into `into`, what it is ready for into `events`, with poll's bits: 1 to read, 4 to write, 8 an error, 16 hung up. The second one's go into `second` and `second-events`.",
    example: r#"{ epoll-wait = "@set", into = "which", timeout = "1ms" }"#,
    real: Real::Yes("epoll_pwait2(2)"),
    blocks: &[],
    parse: parse::<WaitForm>,
    schema: schema::<WaitForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WaitForm {
    /// The set: "@" and the variable with its number.
    epoll_wait: At<String>,
    /// How many are reported at most; 1 if absent, or 2 with `second`.
    max: Option<At<Whole>>,
    /// How long at most; for ever if absent.
    timeout: Option<At<TimeAmount>>,
    /// The variable that gets the data of the first one.
    into: Option<At<String>>,
    /// The variable that gets what the first one is ready for.
    events: Option<At<String>>,
    /// The variable that gets the data of the second one.
    second: Option<At<String>>,
    /// The variable that gets what the second one is ready for.
    second_events: Option<At<String>>,
}

impl Form for WaitForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let mut assign = |name: &Option<At<String>>| name.as_ref().map(|name| cx.assign(name));
        let first = (assign(&self.into), assign(&self.events));
        let second = (assign(&self.second), assign(&self.second_events));
        let timeout = self.timeout.as_ref().map(|timeout| cx.time(timeout));
        let two = second.0.is_some() || second.1.is_some();
        let most = match &self.max {
            Some(at) => match at.value.0 {
                crate::program::at::Raw::Integer(most @ 0..=1024) => most as u16,
                _ => {
                    let message = "`max` is a whole number from 0 to 1024";
                    cx.problems.error(crate::program::problem::Code::OutOfRange, at.span.clone(), message);
                    1
                }
            },
            None => 1 + u16::from(two),
        };
        if let Some(set) = cx.channel(&self.epoll_wait, End::Read) {
            cx.call(step, EpollWait { set, most, timeout, told: [first, second] });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpollWait {
    pub set: Handle,
    pub most: u16,
    /// Nanoseconds; none is for ever.
    pub timeout: Option<Amount>,
    /// Where the data and the events of the first ones go.
    pub told: [(Option<Variable>, Option<Variable>); 2],
}

impl SystemCall for EpollWait {
    fn amount(&self) -> Option<&Amount> {
        self.timeout.as_ref()
    }

    fn waits(&self, _: &Image) -> Option<Awaits> {
        Some(Awaits { on: Cause::Poll, object: None })
    }

    fn after_signal(&self) -> AfterSignal {
        AfterSignal::Fails
    }

    fn ends_by_itself(&self) -> bool {
        self.timeout.is_some()
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let interruption = call.kernel.take_interruption(call.task);
        let (_, set) = call.opened(self.set).ok_or(Errno::EBADF)?;
        let Opened::Epoll(epoll) = set else {
            return Err(Errno::EINVAL);
        };
        if self.most == 0 {
            return Err(Errno::EINVAL);
        }
        let ready = call.kernel.take_ready(call.cpu, epoll, usize::from(self.most));
        for (&(data, events), (into, ready_for)) in ready.iter().zip(self.told) {
            call.user().set(into, data);
            call.user().set(ready_for, i64::from(events.0));
        }
        let each = call.kernel.costs.poll_each * ready.len() as u64;
        call.kernel.cpus[call.cpu].debt += call.kernel.costs.whole(each);
        if !ready.is_empty() {
            return Ok(Outcome::Done(ready.len() as i64));
        }
        let timeout = self.timeout.map(|_| Span::from_nanos(call.amount()));
        if !wait_longer(call, interruption, timeout)? {
            return Ok(Outcome::Done(0));
        }
        call.kernel.wait_for_epoll(epoll, call.task);
        Ok(Outcome::Block { on: Cause::Poll, object: None })
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let image = &native.world.image;
        let limit = self.timeout.map(|timeout| Span::from_nanos(native.user.draw(timeout, image)));
        let set = native.descriptor(self.set)?;
        let ready = os::events::wait_for_set(set, usize::from(self.most), limit)?;
        for (&(data, events), (into, ready_for)) in ready.iter().zip(self.told) {
            native.user.set(into, data);
            native.user.set(ready_for, i64::from(events));
        }
        Ok(ready.len() as i64)
    }
}
