//! `exec`: replaces the process's program; variables and private memory start afresh, open files stay.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
#[cfg(target_os = "linux")]
use crate::os::process;
use crate::program::ProgramId;
use crate::program::at::{At, Value};
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::ArgumentsId;
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
    doc: "The process goes on with another program from its first step. Its number, parent and open files stay; variables and private memory start afresh, but for those that `args` passes on. Handlers of signals are gone, what is ignored or blocked stays. A successful exec doesn't return.",
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
    /// Variables that the new program begins with, by their names; the values are of the old one's.
    #[serde(default)]
    args: BTreeMap<String, At<Value>>,
}

impl Form for ExecForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        if let Some(program) = cx.link(Link::Exec, &self.exec) {
            let args = self.args.iter().map(|(name, value)| {
                let passed = At::new(value.span.clone(), name.clone());
                (name.clone(), cx.pass(program, &passed, value))
            });
            let args = args.collect();
            let arguments = cx.arguments(args);
            cx.call(step, Exec { program, arguments });
        }
        cx.never_returns();
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exec {
    pub program: ProgramId,
    pub arguments: ArgumentsId,
}

impl SystemCall for Exec {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let program = &call.image.programs[usize::from(self.program.0)];
        let process = call.process();
        call.kernel.end_other_threads(call.cpu);
        call.kernel.free_space(process);
        call.kernel.close_numbered(call.cpu, process);
        call.kernel.cpus[call.cpu].tlb.flush();
        let (made, image) = (call.user().call, call.image);
        let passed = call.user().passed(image, self.arguments);
        call.user().restart(self.program, program);
        call.userland.forget_own(process);
        call.user().receive(program, &passed);
        call.user().call = made;
        call.kernel.forget_handlers(process);
        if let Some(process) = &mut call.kernel.processes[process.index()] {
            process.executed = true;
        }
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
        let passed = native.user.passed(&world.image, self.arguments);
        Err(process::exec(&world.program, &Reborn::arguments(native, self.program, index, &passed)))
    }
}
