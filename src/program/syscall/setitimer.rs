//! `alarm` and `setitimer`: a timer that sends SIGALRM to the process.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
#[cfg(target_os = "linux")]
use crate::os::signal as host;
use crate::program::at::{At, TimeAmount};
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Amount, Variable};
use crate::time::Span;
use crate::trace::Sink;

pub const ALARM: VerbRow = VerbRow {
    name: "alarm",
    level: Level::Syscall,
    summary: "sends SIGALRM after a time",
    doc: "The process gets SIGALRM after that time; there is one such timer, which each call sets anew. No time turns it off. Unlike the C library's function it doesn't count in whole seconds; the call is that of `setitimer`.",
    example: r#"{ alarm = "10ms" }"#,
    real: Real::Yes("setitimer(2) with ITIMER_REAL, in microseconds"),
    blocks: &[],
    parse: parse::<AlarmForm>,
    schema: schema::<AlarmForm>,
};

pub const SETITIMER: VerbRow = VerbRow {
    name: "setitimer",
    level: Level::Syscall,
    summary: "sends SIGALRM again and again",
    doc: "The process gets SIGALRM after that time, and then every so often. It is the timer of `alarm`.",
    example: r#"{ setitimer = "10ms", every = "2ms", left = "before" }"#,
    real: Real::Yes("setitimer(2) with ITIMER_REAL, in microseconds"),
    blocks: &[],
    parse: parse::<SetitimerForm>,
    schema: schema::<SetitimerForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AlarmForm {
    /// How long until then.
    alarm: At<TimeAmount>,
    /// The variable that gets the nanoseconds that were left before.
    left: Option<At<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SetitimerForm {
    /// How long until the first one.
    setitimer: At<TimeAmount>,
    /// How often after that.
    every: At<TimeAmount>,
    /// The variable that gets the nanoseconds that were left before.
    left: Option<At<String>>,
}

impl Form for AlarmForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let first = cx.time(&self.alarm);
        let left = self.left.as_ref().map(|name| cx.assign(name));
        cx.call(step, Setitimer { first, every: Amount::Const(0), left });
    }
}

impl Form for SetitimerForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let (first, every) = (cx.time(&self.setitimer), cx.time(&self.every));
        let left = self.left.as_ref().map(|name| cx.assign(name));
        cx.call(step, Setitimer { first, every, left });
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setitimer {
    /// Nanoseconds, as the next.
    pub first: Amount,
    pub every: Amount,
    pub left: Option<Variable>,
}

impl SystemCall for Setitimer {
    fn amount(&self) -> Option<&Amount> {
        Some(&self.first)
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (first, process, image) = (Span::from_nanos(call.amount()), call.process(), call.image);
        let every = Span::from_nanos(call.user().draw(self.every, image));
        let left = call.kernel.set_interval(call.cpu, process, first, every);
        call.user().set(self.left, left.as_nanos() as i64);
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let first = Span::from_nanos(native.drawn(self.first));
        let every = Span::from_nanos(native.user.draw(self.every, &native.world.image));
        let left = host::set_interval(first, every)?;
        native.timer_set = true;
        native.user.set(self.left, left.as_nanos() as i64);
        Ok(0)
    }
}
