//! Slices: how long the current thread may run, and the timer that ends its turn.

use crate::hw::interrupt::LOCAL_TIMER;
use crate::ids::CpuId;
use crate::time::Instant;
use crate::trace::{Sink, Why};

use super::Kernel;
use super::options::Queues;
use super::schedule::thread;

impl<S: Sink> Kernel<S> {
    /// A new slice begins for the current thread.
    pub(super) fn begin_slice(&mut self, cpu: usize) {
        let Kernel { parameters, cpus, queues, options, keeps_account, .. } = self;
        let here = &mut cpus[cpu];
        here.slice_start = here.now;
        let slice = queues[here.queue].slice(thread(parameters, here.current), here.now);
        let before = std::mem::replace(&mut here.slice, slice);
        if before.is_none() && here.slice.is_none() && options.tick.is_none() && !*keeps_account {
            return;
        }
        if let (Some(period), Instant::NEVER) = (options.tick, here.next_tick) {
            let ticks = here.now.as_nanos() / period.as_nanos() + 1;
            here.next_tick = Instant::from_nanos(ticks.saturating_mul(period.as_nanos()));
        }
        self.set_timer(cpu);
    }

    /// Somebody now waits: the current thread's slice has an end. A thread that was alone has had
    /// several slices in a row; the one that it is in ends at its own time, and never before the
    /// next nanosecond, since the change may come from another CPU.
    pub(super) fn limit_slice(&mut self, cpu: usize, now: Instant) {
        let here = &mut self.cpus[cpu];
        if self.keeps_account {
            return self.renew_slice(cpu, now);
        }
        let Some(slice) = here.slice else { return };
        // If others waited before, it is the slice that it is in that ends.
        if !slice.is_zero() && self.queues[here.queue].waiting() <= 1 {
            let used = now.since(here.slice_start).as_nanos();
            here.slice_start += slice * (used / slice.as_nanos());
        }
        self.set_timer(cpu);
    }

    /// The policy knows how much of the current thread's slice is left.
    fn renew_slice(&mut self, cpu: usize, now: Instant) {
        let Kernel { parameters, cpus, queues, .. } = self;
        let here = &mut cpus[cpu];
        if here.slice.is_some() {
            here.slice_start = now;
            here.slice = queues[here.queue].slice(thread(parameters, here.current), now);
        }
        self.set_timer(cpu);
    }

    /// When the current thread's slice ends; never if it has no end, nobody waits, or the thread must
    /// give way anyway.
    fn slice_end(&self, cpu: usize) -> Instant {
        let here = &self.cpus[cpu];
        let policy = &self.queues[here.queue];
        match here.slice {
            Some(slice) if here.reschedule.is_none() && (policy.waiting() > 0 || policy.limits_alone()) => {
                here.slice_start + slice
            }
            _ => Instant::NEVER,
        }
    }

    /// Sets the local timer for whatever it is needed for first.
    pub fn set_timer(&mut self, cpu: usize) {
        let slice_end = match self.options.tick {
            None => self.slice_end(cpu),
            Some(_) => Instant::NEVER,
        };
        let due = if self.keeps_account { self.policy_due(cpu) } else { Instant::NEVER };
        let here = &mut self.cpus[cpu];
        // While its interrupt waits or is being served, the handler will set it.
        let served = here.interrupts.pending() | here.interrupts.in_service();
        here.timer = if served & (1 << LOCAL_TIMER.0) != 0 {
            Instant::NEVER
        } else {
            let alarm = here.alarms.as_ref().map_or(Instant::NEVER, |alarms| alarms.next_due());
            here.sleepers.next_due().min(slice_end).min(here.next_tick).min(alarm).min(due)
        };
        // It may be another CPU's timer than that of the CPU whose turn it is.
        self.quiet_until = self.quiet_until.min(here.timer);
    }

    /// The timer has come: ticks on, and notes that the current thread must give way if its slice is over.
    pub fn check_slice(&mut self, cpu: usize) {
        let now = self.cpus[cpu].now;
        if let Some(period) = self.options.tick {
            let here = &mut self.cpus[cpu];
            while here.next_tick <= now {
                here.next_tick += period;
            }
        }
        if self.keeps_account && self.policy_due(cpu) <= now {
            self.policy_elapses(cpu, now);
        }
        let every_tick = self.keeps_account && self.options.tick.is_some();
        if self.cpus[cpu].is_idle() || (self.slice_end(cpu) > now && !every_tick) {
            return;
        }
        self.account(cpu, now);
        self.tell_news(cpu, CpuId::from(cpu));
        let Kernel { parameters, cpus, queues, .. } = self;
        let here = &mut cpus[cpu];
        if queues[here.queue].gives_way(thread(parameters, here.current), now) {
            here.must_give_way(Why::SliceEnd);
        } else if self.keeps_account {
            self.renew_slice(cpu, now);
        } else {
            here.slice_start = now;
        }
    }

    /// When the policy has something to do by itself on a CPU.
    pub(super) fn policy_due(&self, cpu: usize) -> Instant {
        let here = &self.cpus[cpu];
        self.queues[here.queue].due(here.id)
    }

    /// The policy does what was due by now on a CPU: somebody may run who might not before.
    pub(super) fn policy_elapses(&mut self, cpu: usize, now: Instant) {
        self.account(cpu, now);
        while self.policy_due(cpu) <= now {
            let Kernel { parameters, cpus, queues, options, .. } = self;
            let here = &mut cpus[cpu];
            let policy = &mut queues[here.queue];
            let Some(freed) = policy.elapse(here.id, now) else { break };
            if options.queues == Queues::Global && !policy.seats() {
                self.offer(cpu, freed);
            } else if here.is_idle() {
                here.must_give_way(Why::WorkArrived);
            } else if policy.preempts(thread(parameters, freed), thread(parameters, here.current), now) {
                here.must_give_way(Why::Preempted { by: freed });
            }
        }
        if self.cpus[cpu].reschedule.is_none() {
            self.limit_slice(cpu, now);
        }
    }
}
