//! `uring-setup` and `uring-enter`: the calls of a ring of requests. Sources: io_uring_setup(2),
//! io_uring_enter(2). What a program does with its queues without a call is in
//! [`library::uring`](crate::program::library::uring).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::file::{Flags, Opened};
#[cfg(target_os = "linux")]
use crate::os;
use crate::program::at::{At, Value};
use crate::program::call::{AfterSignal, Awaits, Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::{Channel, ChannelKind, Native};
use crate::program::resolve::End;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Handle, Operand, Variable};
use crate::trace::{Cause, Sink};

pub const SETUP: VerbRow = VerbRow {
    name: "uring-setup",
    level: Level::Syscall,
    summary: "makes a ring of requests",
    doc: "Makes a ring (io_uring): a queue of `entries` requests that haven't been submitted, at most 32768 and rounded up to a power of two, and one of completions, which has `completions` places or twice as many as there are entries. Both lie in memory that the program shares with the kernel: `uring-read` and its like put a request in, `uring-enter` tells the kernel of many by one call, and `uring-reap` takes a completion out. The variable gets the descriptor's number, which can be polled: to read when there are completions, to write when there is room for a request. A forked child has no part in it. EINVAL for impossible numbers, EMFILE.",
    example: r#"{ uring-setup = "r", entries = 8 }"#,
    real: Real::Yes("io_uring_setup(2), if the host allows that; the mappings of the queues are in no trace"),
    blocks: &[],
    parse: parse::<SetupForm>,
    schema: schema::<SetupForm>,
};

pub const ENTER: VerbRow = VerbRow {
    name: "uring-enter",
    level: Level::Syscall,
    summary: "submits a ring's requests, and waits for completions",
    doc: "Tells the kernel of `submit` requests of the ring (all that are queued if absent), and returns how many it has taken. What needs no device is done when the call returns: a read of cached pages, a write to the page cache. With `wait` it then waits until so many completions are in their queue, and brings in those that had found no place there (0 does only that); it doesn't wait if fewer requests were queued than asked for. EINTR if a signal's handler has run before anything was submitted, EBADF, EOPNOTSUPP for what is no ring.",
    example: r#"{ uring-enter = "@r", wait = 8 }"#,
    real: Real::Yes("io_uring_enter(2)"),
    blocks: &[],
    parse: parse::<EnterForm>,
    schema: schema::<EnterForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SetupForm {
    /// The variable that gets the descriptor's number.
    uring_setup: At<String>,
    /// How many requests can be queued.
    entries: At<Value>,
    /// How many places for completions there are; twice as many as entries if absent.
    completions: Option<At<Value>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct EnterForm {
    /// The ring: "@" and the variable with its number.
    uring_enter: At<String>,
    /// How many requests are submitted; all that are queued if absent.
    submit: Option<At<Value>>,
    /// How many completions are waited for; if absent, the call doesn't look at them.
    wait: Option<At<Value>>,
}

impl Form for SetupForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let (into, entries) = (cx.assign(&self.uring_setup), cx.operand(&self.entries));
        let completions = self.completions.as_ref().map(|number| cx.operand(number));
        cx.call(step, UringSetup { into, entries, completions });
    }
}

impl Form for EnterForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let submit = self.submit.as_ref().map(|number| cx.operand(number));
        let wait = self.wait.as_ref().map(|number| cx.operand(number));
        if let Some(ring) = cx.channel(&self.uring_enter, End::Read) {
            cx.call(step, UringEnter { ring, submit, wait });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UringSetup {
    pub into: Variable,
    pub entries: Operand,
    pub completions: Option<Operand>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UringEnter {
    pub ring: Handle,
    pub submit: Option<Operand>,
    pub wait: Option<Operand>,
}

impl SystemCall for UringSetup {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (process, entries) = (call.process(), call.user_value(self.entries));
        let completions = self.completions.map(|number| call.user_value(number));
        let ring = call.kernel.new_ring(process, entries, completions)?;
        let fd = call.kernel.open(process, ring, Flags::default())?;
        call.user().set(Some(self.into), i64::from(fd.0));
        Ok(Outcome::Done(i64::from(fd.0)))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let number = |number: i64| u32::try_from(number).map_err(|_| Errno::EINVAL);
        let entries = number(native.computed(self.entries))?;
        let completions = self.completions.map(|completions| number(native.computed(completions)));
        let ring = os::uring::Ring::new(entries, completions.transpose()?)?;
        let descriptor = os::pipe::duplicate(ring.descriptor())?;
        let ring = native.rings.add(ring);
        let adopted = native.adopt(descriptor, Channel { object: None, kind: ChannelKind::Ring(ring) });
        let fd = adopted.inspect_err(|_| native.rings.remove(ring))?;
        native.user.set(Some(self.into), i64::from(fd.0));
        Ok(i64::from(fd.0))
    }
}

/// A number of requests or completions as the call takes it.
fn count(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

impl SystemCall for UringEnter {
    fn waits(&self, _: &Image) -> Option<Awaits> {
        self.wait.map(|_| Awaits { on: Cause::Completion, object: None })
    }

    fn after_signal(&self) -> AfterSignal {
        AfterSignal::Fails
    }

    fn achieved<S: Sink>(&self, call: &mut Call<'_, S>) -> Option<i64> {
        let submitted = i64::from(call.progress() as u32);
        (submitted > 0).then_some(submitted)
    }

    /// While it waits, `progress` says for which ring, and how many requests it has taken.
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        call.kernel.take_interruption(call.task);
        let progress = call.progress();
        let (ring, submitted) = match progress >> 32 {
            0 => {
                let Opened::Ring(ring) = call.opened(self.ring).ok_or(Errno::EBADF)?.1 else {
                    return Err(Errno::EOPNOTSUPP);
                };
                let queued = call.kernel.rings[ring as usize].queued() as u32;
                let asked = self.submit.map_or(queued, |number| count(call.user_value(number)));
                let submitted = asked.min(queued);
                for _ in 0..submitted {
                    call.kernel.take_entry(call.cpu, call.task, ring);
                }
                let costs = &call.kernel.costs;
                let each = costs.whole(costs.ring_entry * u64::from(submitted));
                call.kernel.cpus[call.cpu].debt += each;
                if submitted < asked {
                    return Ok(Outcome::Done(i64::from(submitted)));
                }
                (ring, submitted)
            }
            ring => (ring as u32 - 1, progress as u32),
        };
        let Some(wait) = self.wait else { return Ok(Outcome::Done(i64::from(submitted))) };
        let wait = count(call.user_value(wait)) as usize;
        if call.kernel.await_completions(ring, call.task, wait) {
            return Ok(Outcome::Done(i64::from(submitted)));
        }
        call.user().progress = u64::from(ring + 1) << 32 | u64::from(submitted);
        Ok(Outcome::Block { on: Cause::Completion, object: None })
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let descriptor = native.descriptor(self.ring)?;
        // It stays until the call has returned, even if another thread closes it.
        let ring = native.ring(self.ring);
        let queued = ring.as_ref().map_or(0, |ring| ring.queued());
        let submit = self.submit.map_or(queued, |number| count(native.computed(number)));
        let wait = self.wait.map(|number| count(native.computed(number)));
        os::uring::enter(descriptor, submit, wait)
    }
}
