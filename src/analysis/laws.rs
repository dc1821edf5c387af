//! What must add up in every summary, whichever world its trace came from.

use thiserror::Error;

use crate::ids::{CpuId, Tid};
use crate::time::{Instant, Span};

use super::summary::Summary;

/// A sum that doesn't add up: the trace is damaged, or has lost events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Broken {
    #[error("CPU {cpu}: user + kernel + interrupt + switch + idle is {sum}, but the run took {wall}")]
    CpuTime { cpu: CpuId, sum: Span, wall: Span },
    #[error("thread {task}: its states add up to {sum}, but it existed for {lifetime}")]
    ThreadTime { task: Tid, sum: Span, lifetime: Span },
    #[error("threads were current for {threads} in all, but CPUs were busy with them for {cpus}")]
    Busy { threads: Span, cpus: Span },
}

impl Summary {
    /// Every law that this summary breaks; none, for a whole trace.
    pub fn laws(&self) -> Vec<Broken> {
        let mut broken = Vec::new();
        for cpu in &self.cpus {
            let sum = cpu.busy() + cpu.idle;
            if sum != self.wall {
                broken.push(Broken::CpuTime { cpu: cpu.cpu, sum, wall: self.wall });
            }
        }
        let run_end = Instant::START + self.wall;
        for thread in &self.threads {
            let Some(start) = thread.start else { continue };
            let lifetime = thread.end.unwrap_or(run_end).since(start);
            let sum = thread.usage.lifetime();
            if sum != lifetime {
                broken.push(Broken::ThreadTime { task: thread.task, sum, lifetime });
            }
        }
        // Idle CPUs serve interrupts and switch as well; only these two times are threads' alone.
        let threads = self.threads.iter().map(|thread| thread.usage.user + thread.usage.kernel).sum();
        let cpus = self.cpus.iter().map(|cpu| cpu.user + cpu.kernel).sum();
        if threads != cpus {
            broken.push(Broken::Busy { threads, cpus });
        }
        broken
    }
}
