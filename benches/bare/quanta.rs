//! W2: processes of pure computing take turns on a few CPUs, one quantum each. An operation is a
//! quantum.

use super::kernel::{Kernel, Outcome, Step, Thread, Totals, Workload};

/// Runs `processes` of `work` nanoseconds each.
pub fn run(cpus: u32, processes: u32, work: u64, quantum: u64) -> Totals {
    let mut workload = Quanta { work, begun: vec![false; processes as usize] };
    Kernel::new(cpus, processes, quantum).run(&mut workload)
}

struct Quanta {
    work: u64,
    begun: Vec<bool>,
}

impl Workload for Quanta {
    fn next(&mut self, thread: Thread) -> Step {
        match std::mem::replace(&mut self.begun[thread.index()], true) {
            false => Step::Compute(self.work),
            true => Step::Call,
        }
    }

    /// The only call is the exit.
    fn body(&mut self, _: Thread, _: &mut Kernel) -> Outcome {
        Outcome::Gone
    }
}
