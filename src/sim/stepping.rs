//! A run that stops after each instruction, for whoever looks at the machine in between.
//!
//! [`Simulator::step`] is one round of the core loop. What lies between two moments at which something
//! happens can be passed over at once: no instruction in the middle of a run changes anything but
//! its CPU's time, whichever CPU it is. So many instructions passed over count as so many turns,
//! and a run that is at turn `n` is in the same state however it got there.

use crate::ids::Vector;
use crate::kernel::cpu::Cpu;
use crate::kernel::work::Context;
use crate::time::{Instant, Span};
use crate::trace::Sink;

use super::{Outcome, Simulator};

/// How many instructions a CPU executes that end before a moment.
fn before(here: &Cpu, moment: Instant, unit: Span) -> u64 {
    if here.context == Context::Idle || moment <= here.now {
        return 0;
    }
    (moment.since(here.now).as_nanos() - 1) / unit.as_nanos()
}

impl<S: Sink> Simulator<'_, S> {
    /// One turn: a CPU executes an instruction, and enters the kernel if there is a reason. Gives the
    /// CPU; none if the run is over. For [`Pace::Single`](super::Pace).
    pub fn step(&mut self) -> Option<usize> {
        let cpu = self.execute_next_instruction()?;
        self.devices_assert_lines(cpu);
        let trap = self.take_effect(cpu).or_else(|| self.look_at_interrupt_register(cpu));
        if let Some(trap) = trap {
            self.dispatch(cpu, trap);
        }
        Some(cpu)
    }

    /// Passes over instructions that change nothing, at most `most` and none that ends at `until` or
    /// later. Gives how many.
    pub fn pass_over(&mut self, most: u64, until: Instant) -> u64 {
        let unit = self.kernel.costs.instruction;
        let moment = self.next_effect().min(until);
        let all = |moment| self.kernel.cpus.iter().map(|here| before(here, moment, unit)).sum::<u64>();
        let moment = if all(moment) <= most {
            moment
        } else {
            // The latest moment before which no more than that end.
            let (mut low, mut high) = (0, moment.as_nanos());
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                if all(Instant::from_nanos(middle)) <= most { low = middle } else { high = middle }
            }
            Instant::from_nanos(low)
        };
        let mut passed = 0;
        for here in &mut self.kernel.cpus {
            let count = before(here, moment, unit);
            let time = unit.saturating_mul(count);
            here.now += time;
            here.left -= time;
            passed += count;
        }
        self.turns += passed;
        passed
    }

    /// The first moment at which anything may happen by itself: before, instructions only take time.
    fn next_effect(&self) -> Instant {
        if self.outcome.is_some() || self.policy_has_failed() {
            return Instant::START;
        }
        let horizon = self.kernel.queue.next_due();
        let effect = |here: &Cpu| match here.context {
            Context::Idle => self.next_boundary(here, horizon),
            Context::User | Context::Kernel(_) if here.has_interrupt() => here.now,
            Context::User | Context::Kernel(_) => (here.now + here.left).min(here.timer),
        };
        let first = self.kernel.cpus.iter().map(effect).min().unwrap_or(Instant::NEVER);
        first.min(horizon).min(self.image.run.until)
    }

    /// How the run has ended, once [`step`](Self::step) has found it to be over; asked once.
    pub fn finish(&mut self) -> Outcome {
        self.end_of_run()
    }

    /// A line of the interrupt controller rises at a CPU, now.
    pub fn raise_now(&mut self, cpu: usize, vector: Vector) {
        self.raise(self.now(), cpu, vector);
    }

    /// The CPU whose instruction ends next; none if nothing is left to happen.
    pub fn next_cpu(&self) -> Option<usize> {
        let horizon = self.kernel.queue.next_due();
        let ends = self.kernel.cpus.iter().map(|here| self.next_boundary(here, horizon));
        let (end, cpu) = ends.enumerate().map(|(cpu, end)| (end, cpu)).min()?;
        (end < Instant::NEVER && end <= self.image.run.until).then_some(cpu)
    }
}
