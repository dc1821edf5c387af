//! `sigpending`: which signals wait for a thread to let them through.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
#[cfg(target_os = "linux")]
use crate::os::signal as host;
use crate::program::Variable;
use crate::program::at::At;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::resolve::{SignalName, signal_set};
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Sink;

pub const ROW: VerbRow = VerbRow {
    name: "sigpending",
    level: Level::Syscall,
    summary: "asks which signals are pending",
    doc: "Counts how many of these signals are pending: sent to the thread or its process, and blocked.",
    example: r#"{ sigpending = ["SIGUSR1", "SIGUSR2"], into = "n" }"#,
    real: Real::Yes("rt_sigpending(2)"),
    blocks: &[],
    parse: parse::<SigpendingForm>,
    schema: schema::<SigpendingForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SigpendingForm {
    /// The signals that are asked for.
    sigpending: Vec<At<SignalName>>,
    /// The variable that gets how many of them are pending.
    into: At<String>,
}

impl Form for SigpendingForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let into = cx.assign(&self.into);
        if let Some(signals) = signal_set(&self.sigpending, cx) {
            cx.call(step, Sigpending { signals, into });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sigpending {
    pub signals: u64,
    pub into: Variable,
}

impl SystemCall for Sigpending {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let process = call.process();
        let blocked = call.kernel.signals.blocked(call.task);
        let pending = call.kernel.signals.pending(call.task, process) & blocked & self.signals;
        call.user().set(Some(self.into), i64::from(pending.count_ones()));
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let pending = host::pending() & native.mask & self.signals;
        native.user.set(Some(self.into), i64::from(pending.count_ones()));
        Ok(0)
    }
}
