//! `poll`: waits until one of several descriptors can be read or written. Source: poll(2).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::readiness::Events;
use crate::kernel::waits::Interruption;
#[cfg(target_os = "linux")]
use crate::os;
use crate::program::Amount;
use crate::program::at::{At, TimeAmount};
use crate::program::call::{AfterSignal, Awaits, Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::{Image, Polled};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::resolve::End;
use crate::program::verb::{Level, Real, VerbRow};
use crate::time::{Instant, Span};
use crate::trace::{Cause, Sink};

pub const ROW: VerbRow = VerbRow {
    name: "poll",
    level: Level::Syscall,
    summary: "waits until one of several descriptors is ready",
    doc: "Looks at each descriptor of the list, and waits until one is ready, or until `timeout` has passed (for ever if absent; \"0ns\" doesn't wait). Returns how many are. `into` of each gets what it is ready for, with poll's bits: 1 to read, 4 to write, 8 an error (nobody reads), 16 hung up (nobody writes), 32 no such descriptor; the last three are told whether asked for or not. A file is always ready.",
    example: r#"{ poll = [{ on = "ping", events = "read", into = "ready" }], timeout = "1ms" }"#,
    real: Real::Yes("ppoll(2)"),
    blocks: &[],
    parse: parse::<PollForm>,
    schema: schema::<PollForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PollForm {
    /// The descriptors, each with what is wanted of it.
    poll: Vec<PolledForm>,
    /// How long at most; for ever if absent.
    timeout: Option<At<TimeAmount>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PolledForm {
    /// A pipe, FIFO, file, "terminal", or "@" and a variable with a number.
    on: At<String>,
    /// Which end of a pipe; the one that `events` is about if absent.
    end: Option<End>,
    /// To "read" (the default), to "write", or "both".
    events: Option<Wanted>,
    /// The variable that gets what it is ready for.
    into: Option<At<String>>,
}

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Wanted {
    #[default]
    Read,
    Write,
    Both,
}

impl Wanted {
    pub(super) fn events(self) -> Events {
        match self {
            Wanted::Read => Events::IN,
            Wanted::Write => Events::OUT,
            Wanted::Both => Events::IN | Events::OUT,
        }
    }

    /// The end of a pipe that it is about.
    pub(super) const fn end(self) -> End {
        match self {
            Wanted::Read | Wanted::Both => End::Read,
            Wanted::Write => End::Write,
        }
    }
}

impl Form for PollForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let mut list = Vec::new();
        for one in &self.poll {
            let wanted = one.events.unwrap_or_default();
            let into = one.into.as_ref().map(|name| cx.assign(name));
            if let Some(fd) = cx.channel(&one.on, one.end.unwrap_or(wanted.end())) {
                list.push(Polled { fd, events: wanted.events(), into });
            }
        }
        let timeout = self.timeout.as_ref().map(|timeout| cx.time(timeout));
        cx.tables.polls.push(list);
        let list = (cx.tables.polls.len() - 1) as u32;
        cx.call(step, Poll { list, timeout });
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Poll {
    /// The index of what it looks at in [`Image::polls`].
    pub list: u32,
    /// Nanoseconds; none is for ever.
    pub timeout: Option<Amount>,
}

impl SystemCall for Poll {
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
        let list = &call.image.polls[self.list as usize];
        let each = call.kernel.costs.poll_each * list.len() as u64;
        call.kernel.cpus[call.cpu].debt += call.kernel.costs.whole(each);
        let mut ready = 0;
        for one in list {
            let found = match call.opened(one.fd) {
                Some((open, _)) => call.kernel.look_at(open) & one.events.and_troubles(),
                None => Events::INVALID,
            };
            ready += i64::from(!found.is_empty());
            call.user().set(one.into, i64::from(found.0));
        }
        if ready > 0 {
            return Ok(Outcome::Done(ready));
        }
        let timeout = self.timeout.map(|_| Span::from_nanos(call.amount()));
        if !wait_longer(call, interruption, timeout)? {
            return Ok(Outcome::Done(0));
        }
        for one in list {
            if let Some((_, what)) = call.opened(one.fd) {
                call.kernel.watchers.add(what, call.task, one.events);
            }
        }
        Ok(Outcome::Block { on: Cause::Poll, object: None })
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let image = &native.world.image;
        let limit = self.timeout.map(|timeout| Span::from_nanos(native.user.draw(timeout, image)));
        let list = &image.polls[self.list as usize];
        let mut polled: Vec<os::events::Polled> = list
            .iter()
            .map(|one| {
                // A number that can't be of this run is none at all; below zero it would be left out.
                let descriptor = native.descriptor(one.fd).unwrap_or(i32::MAX);
                os::events::Polled { descriptor, events: one.events.0, found: 0 }
            })
            .collect();
        let ready = os::events::poll(&mut polled, limit)?;
        for (one, polled) in list.iter().zip(&polled) {
            native.user.set(one.into, i64::from(polled.found));
        }
        Ok(ready as i64)
    }
}

/// Whether a call that has found nothing goes on waiting, now that its wait was ended by this, if by
/// anything. Its time limit begins when it waits first.
pub(super) fn wait_longer<S: Sink>(
    call: &mut Call<'_, S>,
    interruption: Option<Interruption>,
    timeout: Option<Span>,
) -> Result<bool, Errno> {
    match interruption {
        Some(Interruption::Signal) => return Err(Errno::EINTR),
        Some(Interruption::Timeout) => return Ok(false),
        Some(Interruption::Failure) | None => {}
    }
    let Some(timeout) = timeout else {
        return Ok(true);
    };
    if timeout.is_zero() {
        return Ok(false);
    }
    if call.progress() == 0 {
        call.user().progress = (call.now() + timeout).as_nanos();
    }
    let due = Instant::from_nanos(call.progress());
    if due <= call.now() {
        return Ok(false);
    }
    call.kernel.limit_wait(call.cpu, call.task, due);
    Ok(true)
}
