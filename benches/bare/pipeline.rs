//! W4: a chain of processes joined by pipes; each computes on every item. An operation is one
//! stage's service of one item.

use super::kernel::{Kernel, Outcome, Step, Thread, Totals, Workload};
use super::pipe::Pipe;
use super::program::{Action, Program};
use super::random::{Draw, Random};

const SOURCE: &[Action] = &[Action::Compute, Action::Write];
const STAGE: &[Action] = &[Action::Read, Action::Compute, Action::Write];
const SINK: &[Action] = &[Action::Read, Action::Compute];

/// Sends `items` one-byte items through `stages` processes.
pub fn run(cpus: u32, stages: u32, capacity: u32, items: u32, service: Draw) -> Totals {
    let actions = |stage| match stage {
        0 => SOURCE,
        _ if stage + 1 == stages => SINK,
        _ => STAGE,
    };
    let mut workload = Pipeline {
        programs: (0..stages).map(|stage| Program::new(actions(stage), items)).collect(),
        pipes: (1..stages).map(|_| Pipe::new(capacity)).collect(),
        service,
        random: Random::new(4),
    };
    Kernel::new(cpus, stages, u64::MAX).run(&mut workload)
}

struct Pipeline {
    programs: Vec<Program>,
    /// Indexed by the writer.
    pipes: Vec<Pipe>,
    service: Draw,
    random: Random,
}

impl Workload for Pipeline {
    fn next(&mut self, thread: Thread) -> Step {
        match self.programs[thread.index()].next() {
            Action::Compute => Step::Compute(self.random.draw(self.service)),
            _ => Step::Call,
        }
    }

    fn body(&mut self, thread: Thread, kernel: &mut Kernel) -> Outcome {
        let stage = thread.index();
        match self.programs[stage].action {
            Action::Write => self.pipes[stage].write(thread, kernel),
            Action::Read => self.pipes[stage - 1].read(thread, kernel),
            _ => Outcome::Gone,
        }
    }
}
