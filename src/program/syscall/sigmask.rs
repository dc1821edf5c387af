//! `sigmask`: which signals a thread blocks.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::dispositions::UNBLOCKABLE;
#[cfg(target_os = "linux")]
use crate::os::signal as host;
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
    name: "sigmask",
    level: Level::Syscall,
    summary: "blocks signals, or lets them through",
    doc: "Changes the thread's mask: `block` adds the signals to it, `unblock` takes them out, `set` makes them the mask. A blocked signal stays pending until it is let through; a second one of the same kind is lost meanwhile. SIGKILL and SIGSTOP can't be blocked.",
    example: r#"{ sigmask = "block", signals = ["SIGUSR1"] }"#,
    real: Real::Yes("rt_sigprocmask(2)"),
    blocks: &[],
    parse: parse::<SigmaskForm>,
    schema: schema::<SigmaskForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SigmaskForm {
    /// What is done to the mask.
    sigmask: How,
    /// The signals.
    signals: Vec<At<SignalName>>,
}

/// What is done to a thread's mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    Block,
    Unblock,
    Set,
}

impl Form for SigmaskForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        if let Some(signals) = signal_set(&self.signals, cx) {
            cx.call(step, Sigmask { how: self.sigmask, signals });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sigmask {
    pub how: How,
    pub signals: u64,
}

impl Sigmask {
    const fn after(self, before: u64) -> u64 {
        let mask = match self.how {
            How::Block => before | self.signals,
            How::Unblock => before & !self.signals,
            How::Set => self.signals,
        };
        mask & !UNBLOCKABLE
    }
}

impl SystemCall for Sigmask {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let before = call.kernel.signals.blocked(call.task);
        call.kernel.set_mask(call.task, self.after(before));
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        native.mask = self.after(native.mask);
        // What has arrived already is looked at first, with this mask to go back to.
        if !host::has_arrived() {
            host::set_mask(native.mask);
        }
        Ok(0)
    }
}
