//! `signal`: says what a process does with a signal: ignore it, or what it does by default.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
#[cfg(target_os = "linux")]
use crate::os::process;
use crate::program::at::At;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::resolve::SignalName;
use crate::program::verb::{Level, Real, VerbRow};
use crate::signal::Signal;
use crate::trace::Sink;

pub const ROW: VerbRow = VerbRow {
    name: "signal",
    level: Level::Syscall,
    summary: "says what the process does with a signal",
    doc: "From now on the process ignores the signal, or does what the system does by default. SIGKILL can't be ignored.",
    example: r#"{ signal = "SIGPIPE", action = "ignore" }"#,
    real: Real::Yes("rt_sigaction(2)"),
    blocks: &[],
    parse: parse::<SignalForm>,
    schema: schema::<SignalForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SignalForm {
    /// The signal.
    signal: At<SignalName>,
    /// What happens at its arrival.
    action: Rule,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Rule {
    Ignore,
    Default,
}

impl Form for SignalForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let action = match self.action {
            Rule::Ignore => Action::Ignore,
            Rule::Default => Action::Default,
        };
        match self.signal.value.resolve(&self.signal.span) {
            Ok(signal) => cx.call(step, SignalAction { signal, action }),
            Err(problem) => cx.problems.push(problem),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignalAction {
    pub signal: Signal,
    pub action: Action,
}

/// A process's rule for a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Default,
    Ignore,
}

impl SystemCall for SignalAction {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        if self.signal == Signal::SIGKILL {
            return Err(Errno::EINVAL);
        }
        let process = call.process();
        if let Some(process) = &mut call.kernel.processes[process.index()] {
            match self.action {
                Action::Ignore => process.ignored |= self.signal.bit(),
                Action::Default => process.ignored &= !self.signal.bit(),
            }
        }
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, _: &mut Native) -> Result<i64, Errno> {
        if self.signal == Signal::SIGKILL {
            return Err(Errno::EINVAL);
        }
        process::set_ignored(self.signal, self.action == Action::Ignore).map(|()| 0)
    }
}
