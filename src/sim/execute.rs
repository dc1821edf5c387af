//! Whose instruction ends next, and how far a run of plain instructions may go at once.
//!
//! A CPU has `left` to do before something happens by itself: the rest of a run of plain
//! instructions, or of a frame of kernel work. Fast-forward is a budget: the run goes on until it
//! is done, or to the first instruction boundary at or after the moment at which something else is
//! due anywhere in the machine, whichever comes first. At every boundary in between the
//! interrupt register would have been looked at in vain.

use std::hint::black_box;

use crate::ids::{Pid, Tid};
use crate::kernel::Due;
use crate::kernel::cpu::Cpu;
use crate::kernel::work::Context;
use crate::time::{Instant, Span};
use crate::trace::Sink;

use super::{Mutation, Outcome, Pace, Simulator};

/// A run is watched whenever the number of turns has none of these bits.
const WATCH: u64 = 0xffff;
/// If it is found so often at the same instant, it is taken for an endless loop that takes no time:
/// some 67 million turns.
const WATCHED_AT_ONCE: u32 = 1_024;
/// So many interrupts in a row, without one instruction of a program or of its calls in between,
/// are taken for a livelock.
pub(super) const INTERRUPTS_IN_A_ROW: u32 = 100_000;

/// The first instruction boundary of this CPU at or after `due`, but at least one instruction on.
#[inline]
fn boundary(here: &Cpu, due: Instant, unit: Span) -> Instant {
    let unit = unit.as_nanos();
    let ahead = due.since(here.now).as_nanos();
    let instructions = if unit == 1 { ahead } else { ahead.div_ceil(unit) };
    here.now + Span::from_nanos(unit.saturating_mul(instructions.max(1)))
}

/// How long no other CPU's instruction ends and no device is due.
#[derive(Clone, Copy)]
pub(super) struct Quiet {
    until: Instant,
    mutation: Mutation,
}

impl Quiet {
    /// See [`Simulator::passes_undisturbed`].
    #[inline(always)]
    pub(super) fn passes(self, here: &mut Cpu, taken: &mut u64, time: Span, turns: u64) -> bool {
        let end = here.now + time;
        let quiet = self.mutation.horizon(self.until.min(here.timer));
        if quiet <= end || here.interrupts.highest().is_some() {
            return false;
        }
        // Every now and then the long way, where the run is watched.
        let after = *taken + turns;
        if after ^ *taken > WATCH {
            return false;
        }
        *taken = after;
        here.now = end;
        true
    }
}

impl<S: Sink> Simulator<'_, S> {
    /// Executes on one CPU: time passes there to the end of the instruction (or of the run of them)
    /// that ends first in the whole machine. None if the run is over.
    #[inline]
    pub(super) fn execute_next_instruction(&mut self) -> Option<usize> {
        let horizon = self.kernel.queue.next_due();
        let (mut end, mut cpu, mut second) = (Instant::NEVER, 0, Instant::NEVER);
        for (number, here) in self.kernel.cpus.iter().enumerate() {
            let boundary = self.next_boundary(here, horizon);
            if boundary < end {
                (second, end, cpu) = (end, boundary, number);
            } else {
                second = second.min(boundary);
            }
        }
        if end == Instant::NEVER || self.outcome.is_some() || self.policy_has_failed() {
            return None;
        }
        if end > self.image.run.until && !self.mutation.ignores_end() {
            self.cut_off = true;
            return None;
        }
        match self.pace {
            Pace::Step => {
                self.step_undisturbed(cpu, second.min(horizon).min(self.image.run.until));
                self.kernel.quiet_until = Instant::START;
                let here = &self.kernel.cpus[cpu];
                end = self.next_boundary(here, horizon);
            }
            Pace::Fast => self.kernel.quiet_until = second.min(self.image.run.until),
            Pace::Single => self.kernel.quiet_until = Instant::START,
        }
        let here = &mut self.kernel.cpus[cpu];
        let time = end.since(here.now);
        here.now = end;
        here.left = here.left.saturating_sub(time);
        self.turns += 1;
        if self.turns & WATCH == 0 {
            self.watch();
        }
        Some(cpu)
    }

    /// Steps through the instructions in the middle of a run, one at a time, for as long as each ends
    /// before anything else in the machine: no device is due then, and what is left is to look at
    /// the interrupt register. The last one that ends before is left to the caller.
    #[inline]
    fn step_undisturbed(&mut self, cpu: usize, quiet: Instant) {
        let here = &mut self.kernel.cpus[cpu];
        let unit = self.kernel.costs.instruction;
        if here.context == Context::Idle {
            return;
        }
        let quiet = quiet.min(here.timer);
        let mut watched = WATCH - (self.turns & WATCH);
        while watched > 0
            && here.left > unit
            && here.now + unit + unit < quiet
            // Read anew each time, as a CPU does: that it can't have changed is for tests to show.
            && !black_box(&*here).has_interrupt()
        {
            here.now += unit;
            here.left -= unit;
            watched -= 1;
        }
        self.turns = (self.turns | WATCH) - watched;
    }

    /// Lets time pass on one CPU if nothing can happen meanwhile: no CPU's instruction ends, no device
    /// is due, no interrupt waits. It is the same fast-forward as above, without asking who is next.
    /// What follows on each other and changes nothing in between (a call's entry and its body) can
    /// pass as one; `turns` says how many turns it would have taken one by one.
    #[inline(always)]
    pub(super) fn passes_undisturbed(&mut self, cpu: usize, time: Span, turns: u64) -> bool {
        let quiet = self.quiet();
        quiet.passes(&mut self.kernel.cpus[cpu], &mut self.turns, time, turns)
    }

    /// How long nothing outside of a CPU can disturb it.
    #[inline(always)]
    pub(super) fn quiet(&self) -> Quiet {
        // The run is over where a policy fails, whatever could still pass.
        let until = match self.policy_has_failed() {
            false => self.kernel.quiet_until.min(self.kernel.queue.next_due()),
            true => Instant::START,
        };
        Quiet { until, mutation: self.mutation }
    }

    /// The boundary at which this CPU stops executing to see what has happened.
    #[inline]
    pub(super) fn next_boundary(&self, here: &Cpu, horizon: Instant) -> Instant {
        let due = self.mutation.horizon(horizon.min(here.timer));
        let done = here.now + here.left;
        if done <= due && self.pace == Pace::Fast && !here.has_interrupt() && here.context != Context::Idle {
            return done;
        }
        self.cut(here, done, due)
    }

    /// As [`next_boundary`](Self::next_boundary), where it isn't simply the end of what the CPU is at.
    fn cut(&self, here: &Cpu, done: Instant, due: Instant) -> Instant {
        let unit = self.kernel.costs.instruction;
        if here.context == Context::Idle {
            if here.has_interrupt() || here.notices { here.noticed.max(here.now) } else { due.max(here.now) }
        } else if here.left.is_zero() {
            done
        } else if self.pace != Pace::Fast {
            done.min(here.now + unit)
        } else if here.has_interrupt() {
            done.min(boundary(here, here.noticed, unit))
        } else {
            done.min(boundary(here, due, unit))
        }
    }

    /// Notices a run that doesn't get on, and one that is to be stopped.
    #[cold]
    fn watch(&mut self) {
        let now = self.now();
        self.watched = match self.watched {
            (before, times) if before == now => (now, times + 1),
            _ => (now, 0),
        };
        if self.watched.1 == WATCHED_AT_ONCE {
            self.outcome = Some(self.endless_loop());
        }
        if let Some(control) = self.control {
            control.report(now, self.kernel.crossings);
            if control.is_stopped() {
                self.outcome = Some(Outcome::Interrupted);
            }
        }
    }

    /// Whatever is due by now happens: devices, messages, what comes from outside, and this CPU's
    /// own timer. The timer is clocked with its CPU's instructions: it comes at a boundary.
    #[inline]
    pub(super) fn devices_assert_lines(&mut self, cpu: usize) {
        let now = self.kernel.cpus[cpu].now;
        if self.kernel.queue.next_due() <= now {
            self.devices_due(cpu, now);
        }
        if self.kernel.cpus[cpu].timer <= now {
            self.kernel.cpus[cpu].timer = Instant::NEVER;
            let vector = crate::hw::interrupt::LOCAL_TIMER;
            self.kernel.assert_line(now, cpu, vector, crate::hw::device::Trigger::Edge);
        }
    }

    fn devices_due(&mut self, cpu: usize, now: Instant) {
        while let Some((at, _, due)) = self.kernel.queue.pop_due(now) {
            if due.is_hope() {
                self.kernel.hopes -= 1;
            }
            self.happen(cpu, at, due);
        }
    }

    /// Something that was due has come.
    fn happen(&mut self, cpu: usize, at: Instant, due: Due) {
        match due {
            Due::DiskDone { device, place } => self.kernel.disk_done(at, device, place),
            Due::Noise { device } => self.kernel.noise(at, device),
            Due::Card { device, ticket } => self.kernel.card_waited(at, device, ticket),
            Due::Ipi { to, vector } => {
                self.kernel.assert_line(at, to.index(), vector, crate::hw::device::Trigger::Edge);
            }
            Due::Notice { cpu } => self.kernel.notice(at, cpu),
            Due::Outside(index) => self.inject(cpu, at, index),
            Due::Start(start) => self.start(cpu, at, start),
            Due::Balance => self.externally(cpu, at, |kernel| kernel.even_out(cpu)),
            Due::Deadline { task, number, .. } => {
                self.externally(cpu, at, |kernel| kernel.deadline_over(cpu, task, number));
            }
            Due::WriteBack { file } => self.externally(cpu, at, |kernel| kernel.write_back(cpu, file)),
            Due::Interval { process, ticket } => {
                self.externally(cpu, at, |kernel| kernel.interval_expired(cpu, at, process, ticket));
            }
        }
    }

    /// What the instruction does, now that its time has passed; nothing in the middle of a run.
    #[inline]
    pub(super) fn take_effect(&mut self, cpu: usize) -> Option<super::Trap> {
        let here = &self.kernel.cpus[cpu];
        if !here.left.is_zero() && !here.notices {
            return None;
        }
        match here.context {
            Context::Idle if here.notices => self.idle_notices(cpu),
            Context::Idle => None,
            Context::User => self.user_instruction_ends(cpu),
            Context::Kernel(work) => self.work_ends(cpu, work).or_else(|| self.proceed(cpu)),
        }
    }

    /// A CPU that looked for work has found some.
    #[cold]
    fn idle_notices(&mut self, cpu: usize) -> Option<super::Trap> {
        self.kernel.cpus[cpu].notices = false;
        self.go_on(cpu)
    }

    /// Whether a run in which all CPUs idle can go on at all.
    pub(super) fn nothing_can_happen(&self) -> bool {
        self.kernel.hopes == 0
            && self.kernel.cpus.iter().all(|cpu| {
                cpu.context == Context::Idle
                    && !cpu.has_interrupt()
                    && self.kernel.queue_of(cpu.id).has_nobody()
                    && cpu.deferred == 0
            })
    }

    /// The process of the thread that the CPU runs.
    pub(super) fn process(&self, thread: Tid) -> Pid {
        self.kernel.tasks[thread.index()].process
    }
}
