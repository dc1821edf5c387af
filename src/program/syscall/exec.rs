//! `exec`: replaces the process's program; variables and private memory start afresh, open files stay.

use crate::program::ProgramId;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exec {
    pub program: ProgramId,
}

use crate::errno::Errno;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::trace::Sink;

use crate::trace::Kind;

impl SystemCall for Exec {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let program = &call.image.programs[usize::from(self.program.0)];
        let process = call.process();
        call.kernel.end_other_threads(call.cpu);
        call.kernel.free_space(process);
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
}
