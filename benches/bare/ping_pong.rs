//! W1: two processes send one byte back and forth through two pipes of capacity 1, with 1 us of
//! computing before each message. An operation is a message.

use super::kernel::{Kernel, Outcome, Step, Thread, Totals, Workload};
use super::pipe::Pipe;
use super::program::{Action, Program};

const COMPUTE: u64 = 1_000;
const PARENT: &[Action] = &[Action::Compute, Action::Write, Action::Read];
const CHILD: &[Action] = &[Action::Read, Action::Compute, Action::Write];

/// Runs the workload on one CPU; every round trip is two messages.
pub fn run(round_trips: u32) -> Totals {
    let mut workload = PingPong {
        programs: [PARENT, CHILD].map(|actions| Program::new(actions, round_trips)),
        pipes: [Pipe::new(1), Pipe::new(1)],
    };
    Kernel::new(1, 2, u64::MAX).run(&mut workload)
}

struct PingPong {
    programs: [Program; 2],
    /// Indexed by the writer.
    pipes: [Pipe; 2],
}

impl Workload for PingPong {
    fn next(&mut self, thread: Thread) -> Step {
        match self.programs[thread.index()].next() {
            Action::Compute => Step::Compute(COMPUTE),
            _ => Step::Call,
        }
    }

    fn body(&mut self, thread: Thread, kernel: &mut Kernel) -> Outcome {
        let this = thread.index();
        match self.programs[this].action {
            Action::Write => self.pipes[this].write(thread, kernel),
            Action::Read => self.pipes[1 - this].read(thread, kernel),
            _ => Outcome::Gone,
        }
    }
}
