//! How a run ends.

use crate::ids::Tid;
use crate::kernel::task::State;
use crate::trace::Cause;
use crate::trace::Sink;
use crate::trace::header::{Outcome, StepEntry};

use super::Simulator;

impl<S: Sink> Simulator<'_, S> {
    /// Why the run is over.
    pub(super) fn end_of_run(&mut self) -> Outcome {
        self.settle_mapped_cells();
        if let Some(outcome) = self.outcome.take() {
            return outcome;
        }
        if let Some(text) = self.policy_failure() {
            return Outcome::Error { text };
        }
        if self.kernel.numbers_in_use == 0 && self.unstarted == 0 {
            return Outcome::Finished;
        }
        if self.nothing_can_happen() {
            let deadlock = self.explain_deadlock();
            let text = deadlock.to_string();
            self.deadlock = Some(deadlock);
            return Outcome::Deadlock { text };
        }
        Outcome::Limit
    }

    /// Whether a queue's policy can't go on.
    #[inline(always)]
    pub(super) fn policy_has_failed(&self) -> bool {
        self.kernel.can_fail && self.policy_failure().is_some()
    }

    /// Why a queue's policy can't go on, if one can't.
    #[cold]
    pub(super) fn policy_failure(&self) -> Option<String> {
        self.kernel.queues.iter().find_map(|queue| queue.failure())
    }

    /// Turn after turn, and time stands still.
    pub(super) fn endless_loop(&self) -> Outcome {
        let running: Vec<String> = self
            .kernel
            .cpus
            .iter()
            .filter(|cpu| !cpu.is_idle())
            .map(|cpu| self.describe(cpu.current))
            .collect();
        Outcome::Livelock {
            text: format!(
                "a loop that takes no time goes round and round at {}: {}; give the loop something that \
                 takes time, or use a cost profile in which the kernel's work does",
                self.now(),
                running.join(", ")
            ),
        }
    }

    /// Who a thread is and which line it is at.
    pub(super) fn describe(&self, thread: Tid) -> String {
        let name = self.name(thread);
        match self.step_of(thread) {
            Some(step) => format!("{name} at line {} ({})", step.line, step.text),
            None => name,
        }
    }

    /// What a thread is called.
    pub(super) fn name(&self, thread: Tid) -> String {
        self.userland.users[thread.index()].origin.name(self.image)
    }

    /// The step of the scenario that a thread is at.
    pub(super) fn step_of(&self, thread: Tid) -> Option<&StepEntry> {
        let user = &self.userland.users[thread.index()];
        let program = &self.image.programs[usize::from(user.program.0)];
        let at = match self.kernel.tasks[thread.index()].state {
            State::Blocked { on, .. } if !matches!(on, Cause::Page | Cause::Stopped) => user.call_at?,
            State::Blocked { .. } | State::Ready | State::Running | State::Ended => user.next,
        };
        self.image.steps.get(program.steps.get(at as usize)?.index())
    }
}
