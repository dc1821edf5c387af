//! `getpid` and `getppid`: the process's own number and its parent's. The cheapest calls there are.

use crate::program::Variable;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Getpid {
    pub into: Option<Variable>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Getppid {
    pub into: Option<Variable>,
}

use crate::errno::Errno;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::trace::Sink;

impl SystemCall for Getpid {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let own = i64::from(call.process().0);
        call.user().set(self.into, own);
        Ok(Outcome::Done(own))
    }
}

impl SystemCall for Getppid {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let process = call.process();
        let parent = call.kernel.processes[process.index()].as_ref().map_or(0, |process| process.parent.0);
        call.user().set(self.into, i64::from(parent));
        Ok(Outcome::Done(i64::from(parent)))
    }
}
