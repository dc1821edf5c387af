//! The longest response time of each task under EDF, on one CPU.
//!
//! Unlike under fixed priorities, it isn't found where all tasks release jobs at once: a job that comes a bit
//! later has a later deadline, and waits for more. What must be tried are the releases `a` by which the job's
//! deadline is that of another task's job, all others having begun together at 0.
//!
//! M. Spuri, "Analysis of deadline scheduled real-time systems", INRIA RR-2772, 1996.

use crate::time::Span;

use super::demand::{Line, Lines, nanos, span};
use super::task::{Budget, Exhausted, TaskSet};

/// The longest responses, in the order of the tasks; none if that is too much to compute, the CPU is overloaded,
/// or a release can be late.
pub fn responses(set: &TaskSet, budget: &mut Budget) -> Option<Vec<Span>> {
    if !set.utilisation().is_at_most(1) || set.tasks.iter().any(|task| !task.jitter.is_zero()) {
        return None;
    }
    let lines = Lines::new(set);
    let busy = lines.busy_period(budget).ok()?;
    let worst = (0..set.tasks.len()).map(|index| {
        let blocking = nanos(set.tasks[index].blocking);
        lines.response(index, blocking, busy, budget).map(span)
    });
    worst.collect::<Result<_, Exhausted>>().ok()
}

impl Lines {
    fn response(
        &self,
        index: usize,
        blocking: u128,
        busy: u128,
        budget: &mut Budget,
    ) -> Result<u128, Exhausted> {
        let own = &self.tasks[index];
        let mut worst = own.cost;
        for line in &self.tasks {
            // The first release of the own job that has a deadline of this task, none before 0.
            let mut deadline = line.deadline;
            if deadline < own.deadline {
                deadline += (own.deadline - deadline).div_ceil(line.period) * line.period;
            }
            while deadline - own.deadline < busy {
                let release = deadline - own.deadline;
                let done = self.done(index, release, blocking, budget)?;
                worst = worst.max(done.saturating_sub(release));
                deadline += line.period;
            }
        }
        Ok(worst)
    }

    /// When the job that is released at `release` is done.
    fn done(
        &self,
        index: usize,
        release: u128,
        blocking: u128,
        budget: &mut Budget,
    ) -> Result<u128, Exhausted> {
        let own = &self.tasks[index];
        let due = release + own.deadline;
        let fixed = blocking + (release / own.period + 1) * own.cost;
        let others = || self.tasks.iter().enumerate().filter(|(other, _)| *other != index);
        let before = |line: &Line, window: u128| match due.checked_sub(line.deadline) {
            Some(rest) => {
                let released = (window + self.end_of_window).div_ceil(line.period);
                released.min(rest / line.period + 1) * line.cost
            }
            None => 0,
        };
        let mut window = fixed.max(1);
        loop {
            budget.spend(self.len())?;
            let jobs: u128 = others().map(|(_, line)| before(line, window)).sum();
            let next = fixed + jobs + self.handlers(window);
            if next <= window {
                return Ok(window);
            }
            window = next;
        }
    }
}
