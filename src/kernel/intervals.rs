//! Interval timers of processes: each sends a signal when it expires, once or again and again.

use crate::hw::queue::Rank;
use crate::ids::Pid;
use crate::signal::Signal;
use crate::time::{Instant, Span};
use crate::trace::Sink;

use super::dispositions::Interval;
use super::{Due, Kernel};

impl<S: Sink> Kernel<S> {
    /// Sets a process's timer of real time: it expires after `first`, unless that is zero, and every
    /// so often after that. Gives what was left of the time before.
    pub fn set_interval(&mut self, cpu: usize, process: Pid, first: Span, every: Span) -> Span {
        let now = self.cpus[cpu].now;
        let own = &mut self.signals.process(process).timer;
        self.hopes -= u64::from(own.due.is_some());
        let left = own.due.map_or(Span::ZERO, |due| due.since(now));
        let due = (!first.is_zero()).then(|| now + first);
        *own = Interval { due, ticket: own.ticket + 1, every };
        let ticket = own.ticket;
        if let Some(due) = due {
            self.hopes += 1;
            self.expect(due, Rank::Device, Due::Interval { process, ticket });
        }
        left
    }

    /// The process is over, and its timer with it.
    pub(super) fn forget_interval(&mut self, process: Pid) {
        let own = self.signals.processes.remove(&process);
        self.hopes -= u64::from(own.is_some_and(|own| own.timer.due.is_some()));
    }

    /// A process's timer has expired, unless that was set anew.
    pub fn interval_expired(&mut self, cpu: usize, at: Instant, process: Pid, ticket: u32) {
        let Some(own) = self.signals.processes.get_mut(&process) else { return };
        if own.timer.ticket != ticket {
            return;
        }
        let every = own.timer.every;
        self.hopes -= 1;
        own.timer.due = (!every.is_zero()).then(|| at + every);
        if let Some(due) = own.timer.due {
            self.hopes += 1;
            self.expect(due, Rank::Device, Due::Interval { process, ticket });
        }
        self.send_signal(cpu, process, Signal::SIGALRM);
    }
}
