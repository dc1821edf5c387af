//! `join`: waits for a thread of the same process to end, or for all of them.
//!
//! Real: a futex wait on the thread's number, which the kernel clears at its end (pthread_join).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::task::State;
use crate::program::ProgramId;
use crate::program::at::{At, Whether};
use crate::program::call::{AfterSignal, Awaits, Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Cause;
use crate::trace::Sink;

pub const ROW: VerbRow = VerbRow {
    name: "join",
    level: Level::Syscall,
    summary: "waits for threads of the same process",
    doc: "Waits for a thread that runs the named program to end; with `true`, for all other threads of the process.",
    example: r#"{ join = "worker" }"#,
    real: Real::Yes("pthread_join(3): futex(2)"),
    blocks: &[],
    parse: parse::<JoinForm>,
    schema: schema::<JoinForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct JoinForm {
    /// The program that the thread runs, or `true` for all threads.
    join: At<Whether>,
}

impl Form for JoinForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let program = match &self.join.value {
            Whether::True => None,
            Whether::Name(name) if name == "all" => None,
            Whether::Name(name) => match cx.program(&At::new(self.join.span.clone(), name.clone())) {
                Some(program) => Some(program),
                None => return,
            },
        };
        cx.call(step, Join { program });
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Join {
    /// Only threads that run this program; all others of the process if absent.
    pub program: Option<ProgramId>,
}

impl SystemCall for Join {
    /// The library's function waits on.
    fn after_signal(&self) -> AfterSignal {
        AfterSignal::Restarts
    }

    fn waits(&self, _: &Image) -> Option<Awaits> {
        Some(Awaits { on: Cause::Thread, object: None })
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let process = call.process();
        let awaited = (process.index()..call.kernel.tasks.len()).any(|index| {
            let task = &call.kernel.tasks[index];
            let program = call.userland.users[index].program;
            task.process == process
                && index != call.task.index()
                && task.state != State::Ended
                && self.program.is_none_or(|only| only == program)
        });
        if !awaited {
            return Ok(Outcome::Done(0));
        }
        let (task, kernel) = (call.task, &mut *call.kernel);
        if let Some(process) = &mut kernel.processes[process.index()] {
            process.joiners.push(task, &mut kernel.tasks);
        }
        Ok(Outcome::Block { on: Cause::Thread, object: None })
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        native.join(self.program).map(|()| 0)
    }
}
