//! W5: very many processes that do nothing but sleep. An operation is a wake-up.

use super::kernel::{Kernel, Outcome, Step, Thread, Totals, Workload};
use super::random::{Draw, Random};

/// Runs the workload on one CPU; `sleeps` is the number for each process.
pub fn run(processes: u32, sleeps: u8, sleep: Draw) -> Totals {
    let mut workload = Sleepers { left: vec![sleeps; processes as usize], sleep, random: Random::new(5) };
    Kernel::new(1, processes, u64::MAX).run(&mut workload)
}

struct Sleepers {
    left: Vec<u8>,
    sleep: Draw,
    random: Random,
}

impl Workload for Sleepers {
    fn next(&mut self, _: Thread) -> Step {
        Step::Call
    }

    fn body(&mut self, thread: Thread, kernel: &mut Kernel) -> Outcome {
        let left = &mut self.left[thread.index()];
        if *left == 0 {
            return Outcome::Gone;
        }
        *left -= 1;
        kernel.wake_at(thread, kernel.now() + self.random.draw(self.sleep));
        Outcome::Block
    }
}
