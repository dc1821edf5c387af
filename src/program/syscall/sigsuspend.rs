//! `sigsuspend`: sleeps until a signal, with another mask meanwhile.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::dispositions::UNBLOCKABLE;
#[cfg(target_os = "linux")]
use crate::os::signal as host;
use crate::program::at::At;
use crate::program::call::{AfterSignal, Awaits, Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::resolve::{SignalName, signal_set};
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::{Cause, Sink};

pub const ROW: VerbRow = VerbRow {
    name: "sigsuspend",
    level: Level::Syscall,
    summary: "lets signals through and sleeps until one comes",
    doc: "Blocks exactly these signals, as one step with beginning to sleep, so that a signal between the two isn't missed. When a handler has run, the mask is what it was before, and the call fails with `EINTR`, as it always does.",
    example: r#"{ sigsuspend = [], on-error = "continue" }"#,
    real: Real::Yes("rt_sigsuspend(2)"),
    blocks: &[],
    parse: parse::<SigsuspendForm>,
    schema: schema::<SigsuspendForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SigsuspendForm {
    /// The signals that are blocked meanwhile.
    sigsuspend: Vec<At<SignalName>>,
}

impl Form for SigsuspendForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        if let Some(mask) = signal_set(&self.sigsuspend, cx) {
            cx.call(step, Sigsuspend { mask });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sigsuspend {
    pub mask: u64,
}

impl SystemCall for Sigsuspend {
    fn waits(&self, _: &Image) -> Option<Awaits> {
        Some(Awaits { on: Cause::Signal, object: None })
    }

    fn after_signal(&self) -> AfterSignal {
        AfterSignal::Fails
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (task, kernel) = (call.task, &mut *call.kernel);
        let own = kernel.signals.thread(task);
        own.saved.get_or_insert(own.blocked);
        kernel.set_mask(task, self.mask & !UNBLOCKABLE);
        Ok(Outcome::Block { on: Cause::Signal, object: None })
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, _: &mut Native) -> Result<i64, Errno> {
        Err(host::suspend(self.mask))
    }
}
