//! `thread`: another thread of the same process: shares memory and files, has its own variables.

use schemars::JsonSchema;
use serde::Deserialize;

use super::fork::{give_birth, release};
use crate::errno::Errno;
use crate::kernel::process::Place;
use crate::program::Operand;
use crate::program::ProgramId;
use crate::program::at::{At, Value};
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Link;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::problem::Code;
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Sink;

pub const ROW: VerbRow = VerbRow {
    name: "thread",
    level: Level::Syscall,
    summary: "starts a thread in the same process",
    doc: "Starts a thread that runs the named program. It shares the process's memory and files and has variables of its own: those that both programs have start with the values of the thread that made it, the others at zero. `count` starts several by as many calls.",
    example: r#"{ thread = "worker" }"#,
    real: Real::Yes("pthread_create(3): clone3(2)"),
    blocks: &[],
    parse: parse::<ThreadForm>,
    schema: schema::<ThreadForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ThreadForm {
    /// The program that the thread runs.
    thread: At<String>,
    /// How many threads, one call for each; 1 if absent.
    count: Option<At<Value>>,
}

impl Form for ThreadForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let count = self.count.as_ref().map(|count| (cx.operand(count), count));
        if let Some((Operand::Const(number), at)) = count
            && !(0..=super::MAX_COUNT).contains(&number)
        {
            let message = format!("`count` is from 0 to {}", super::MAX_COUNT);
            cx.problems.error(Code::OutOfRange, at.span.clone(), message);
        }
        let Some(program) = cx.link(Link::Thread, &self.thread) else {
            return;
        };
        let call = Thread { program };
        match count {
            None => cx.call(step, call),
            Some((times, _)) => cx.repeat(times, |cx| cx.call(step, call)),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thread {
    pub program: ProgramId,
}

impl SystemCall for Thread {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let process = call.process();
        let thread = give_birth(call, self.program, Place::ThreadOf(process)).ok_or(Errno::EAGAIN)?;
        call.userland.share_home(call.task, thread, call.image);
        release(call, thread);
        Ok(Outcome::Done(i64::from(thread.0)))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let (task, mut user) = native.bear(self.program)?;
        native.user.share_home(&mut user, &native.world.image);
        native.start_thread(task, user)
    }
}
