//! `signal`: says what a process does with a signal: run a handler, ignore it, or what it does by
//! default.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::dispositions::{Handler, UNBLOCKABLE};
#[cfg(target_os = "linux")]
use crate::os::signal as host;
use crate::program::at::At;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::{Link, Lower};
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::problem::{Code, Problem};
use crate::program::resolve::{SignalName, signal_set};
use crate::program::verb::{Level, Real, VerbRow};
use crate::signal::Signal;
use crate::trace::Sink;

pub const ROW: VerbRow = VerbRow {
    name: "signal",
    level: Level::Syscall,
    summary: "says what the process does with a signal",
    doc: "From now on the process runs a handler at the signal's arrival, ignores it, or does what the system does by default. A handler is a program that runs on top of the interrupted thread: it shares the variables that both have by name, finds the signal's number in the variable `signal`, and at its end the thread goes on where it was. SIGKILL and SIGSTOP can be neither handled nor ignored.",
    example: r#"{ signal = "SIGUSR1", action = "handler", run = "worker", restart = true }"#,
    real: Real::Yes(
        "rt_sigaction(2); the handler's program begins when the thread's instruction or call has ended",
    ),
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
    action: At<Rule>,
    /// The program that the handler runs.
    run: Option<At<String>>,
    /// Whether calls that the handler interrupts are made again, as far as they can be (SA_RESTART); if
    /// not, they fail with `EINTR`.
    #[serde(default)]
    restart: bool,
    /// Whether the handler runs once only, and the default comes back (SA_RESETHAND).
    #[serde(default)]
    once: bool,
    /// Whether the signal may interrupt its own handler (SA_NODEFER).
    #[serde(default)]
    nested: bool,
    /// More signals that are blocked while the handler runs.
    #[serde(default)]
    blocks: Vec<At<SignalName>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Rule {
    Ignore,
    Default,
    Handler,
}

impl Form for SignalForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let rule = match (self.action.value, &self.run) {
            (Rule::Ignore, None) => Action::Ignore,
            (Rule::Default, None) => Action::Default,
            (Rule::Handler, Some(run)) => {
                let Some(program) = cx.link(Link::Handler, run) else { return };
                let Some(blocks) = signal_set(&self.blocks, cx) else { return };
                let Self { restart, once, nested, .. } = *self;
                Action::Handler(Handler { program: program.0, restart, once, nested, blocks })
            }
            (Rule::Handler, None) => {
                let message = "a handler needs the program that it runs: `run`";
                cx.problems.push(Problem::error(Code::MissingKey, self.action.span.clone(), message));
                return;
            }
            (Rule::Ignore | Rule::Default, Some(run)) => {
                let message = "only `action = \"handler\"` runs a program";
                cx.problems.push(Problem::error(Code::UnknownKey, run.span.clone(), message));
                return;
            }
        };
        match self.signal.value.resolve(&self.signal.span) {
            Ok(signal) => cx.call(step, SignalAction { signal, action: rule }),
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
    Handler(Handler),
}

impl SystemCall for SignalAction {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        if self.signal.bit() & UNBLOCKABLE != 0 {
            return Err(Errno::EINVAL);
        }
        let process = call.process();
        let handler = match self.action {
            Action::Default | Action::Ignore => None,
            Action::Handler(handler) => Some(handler),
        };
        call.kernel.set_rule(process, self.signal, handler, self.action == Action::Ignore);
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        if self.signal.bit() & UNBLOCKABLE != 0 {
            return Err(Errno::EINVAL);
        }
        let rule = match self.action {
            Action::Default => host::Rule::Default,
            Action::Ignore => host::Rule::Ignore,
            Action::Handler(handler) => {
                // It must be known before the first signal can come.
                native.set_handler(self.signal, Some(handler));
                host::Rule::Catch
            }
        };
        host::set_rule(self.signal, rule)?;
        if rule != host::Rule::Catch {
            native.set_handler(self.signal, None);
        }
        Ok(0)
    }
}
