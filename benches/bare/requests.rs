//! W3: processes think (asleep) and then ask one first-come device for something, again and again.
//! An operation is a request.

use super::kernel::{Kernel, Outcome, Step, Thread, Totals, Workload};
use super::program::{Action, Program};
use super::random::{Draw, Random};

const CLIENT: &[Action] = &[Action::Sleep, Action::Request];

/// Runs the workload on one CPU; `requests` is the number for each process.
pub fn run(processes: u32, requests: u32, think: Draw, service: Draw) -> Totals {
    let mut workload = Requests {
        programs: (0..processes).map(|_| Program::new(CLIENT, requests)).collect(),
        think,
        service,
        device_free: 0,
        random: Random::new(3),
    };
    Kernel::new(1, processes, u64::MAX).run(&mut workload)
}

struct Requests {
    programs: Vec<Program>,
    think: Draw,
    service: Draw,
    /// When the device has done all that it has been asked for. As it serves first come, first
    /// served, that is all one has to know of its queue.
    device_free: u64,
    random: Random,
}

impl Workload for Requests {
    fn next(&mut self, thread: Thread) -> Step {
        self.programs[thread.index()].next();
        Step::Call
    }

    fn body(&mut self, thread: Thread, kernel: &mut Kernel) -> Outcome {
        let until = match self.programs[thread.index()].action {
            Action::Sleep => kernel.now() + self.random.draw(self.think),
            Action::Request => {
                let begin = self.device_free.max(kernel.now());
                self.device_free = begin + self.random.draw(self.service);
                self.device_free
            }
            _ => return Outcome::Gone,
        };
        kernel.wake_at(thread, until);
        Outcome::Block
    }
}
