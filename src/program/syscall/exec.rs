//! `exec`: replaces the process's program; variables and private memory start afresh, open files stay.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
#[cfg(target_os = "linux")]
use crate::os::process;
use crate::program::ProgramId;
use crate::program::at::At;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Link;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::{Native, Reborn, What};
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Kind;
use crate::trace::Sink;
#[cfg(target_os = "linux")]
use std::sync::Arc;

pub const ROW: VerbRow = VerbRow {
    name: "exec",
    level: Level::Syscall,
    summary: "replaces the process's program",
    doc: "The process goes on with another program from its first step. Its number, parent and open files stay; variables and private memory start afresh. A successful exec doesn't return.",
    example: r#"{ exec = "child" }"#,
    real: Real::Yes("execve(2) of trapline itself, which goes on with the named program"),
    blocks: &[],
    parse: parse::<ExecForm>,
    schema: schema::<ExecForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ExecForm {
    /// The program.
    exec: At<String>,
}

impl Form for ExecForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        if let Some(program) = cx.link(Link::Exec, &self.exec) {
            cx.call(step, Exec { program });
        }
        cx.never_returns();
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exec {
    pub program: ProgramId,
}

impl SystemCall for Exec {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let program = &call.image.programs[usize::from(self.program.0)];
        let process = call.process();
        call.kernel.end_other_threads(call.cpu);
        call.kernel.free_space(process);
        call.kernel.close_numbered(call.cpu, process);
        call.kernel.cpus[call.cpu].tlb.flush();
        let made = call.user().call;
        call.user().restart(self.program, program);
        call.user().call = made;
        if S::ON {
            let program = call.kernel.sink.name(&program.name);
            call.emit(Kind::ProcessExec { program });
        }
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let world = Arc::clone(&native.world);
        world.board.set_program(native.task, self.program);
        native.note(What::Exec, i64::from(self.program.0), 0);
        let index = native.user.variables.first().copied().unwrap_or(0);
        Err(process::exec(&world.program, &Reborn::arguments(native, self.program, index)))
    }
}
