//! A CPU and its share of the kernel: what it executes, its interrupt register, its run queue.

use crate::hw::interrupt::Controller;
use crate::hw::mmu::Tlb;
use crate::hw::timers::Timers;
use crate::ids::{CpuId, Tid};
use crate::time::{Instant, Span};
use crate::trace::Why;

use super::work::Context;

/// One processor. Its size is a power of two, which makes finding it a shift.
#[derive(Clone, Debug)]
#[repr(align(512))]
pub struct Cpu {
    pub id: CpuId,
    /// The instruction boundary that it has reached.
    pub now: Instant,
    /// What it executes, and how much of that is left before something happens by itself.
    pub context: Context,
    pub left: Span,
    /// What was interrupted, innermost last.
    pub suspended: Vec<(Context, Span)>,
    pub interrupts: Controller,
    /// When its interrupt register last changed through something outside of it. It may be later than
    /// the boundary that it has reached: the interrupt is recognised at the first one from then on.
    pub noticed: Instant,
    /// When its local timer asserts its line.
    pub timer: Instant,
    pub tlb: Tlb,

    /// The thread that it runs; [`Tid::IDLE`] if none.
    pub current: Tid,
    /// Its run queue in [`Kernel::queues`](super::Kernel).
    pub queue: usize,
    /// The current thread must give way at the next place where it can, and why.
    pub reschedule: Option<Why>,
    /// Since when the current thread's time hasn't been accounted to the policy.
    pub accounted: Instant,
    /// When the current thread's slice began, and how long it is.
    pub slice_start: Instant,
    pub slice: Option<Span>,
    /// When the periodic tick is due next.
    pub next_tick: Instant,
    /// Threads that sleep until a time; the timer is set for the first.
    pub sleepers: Timers,
    /// Timers behind descriptors, if there have been any.
    pub alarms: Option<Box<Timers>>,
    /// Deferred halves that wait to run, by their vectors' bits.
    pub deferred: u64,
    /// Kernel work done on the side (wake-ups, messages to other CPUs), to be paid with the next frame.
    pub debt: Span,
    /// Interrupts taken since the last instruction outside of any handler.
    pub interrupts_in_a_row: u32,
    /// When the outermost handler last returned.
    pub last_return: Instant,
    /// When it halts, having been idle for as long as it looks for work.
    pub halts_at: Instant,
    /// When it will notice, looking for work, that there is some; and whether it has.
    pub notice_at: Instant,
    pub notices: bool,
    /// How often it has switched to a thread, and at which of these to each, by the threads' numbers;
    /// kept if the profile prices it.
    pub switches: u64,
    pub switched_at: Vec<u64>,
}

impl Cpu {
    pub fn new(id: CpuId, queue: usize, tlb: u16) -> Cpu {
        Cpu {
            id,
            now: Instant::START,
            context: Context::Idle,
            left: Span::ZERO,
            suspended: Vec::with_capacity(8),
            interrupts: Controller::default(),
            noticed: Instant::START,
            timer: Instant::NEVER,
            tlb: Tlb::new(tlb),
            current: Tid::IDLE,
            queue,
            reschedule: None,
            accounted: Instant::START,
            slice_start: Instant::START,
            slice: None,
            next_tick: Instant::NEVER,
            sleepers: Timers::default(),
            alarms: None,
            deferred: 0,
            debt: Span::ZERO,
            interrupts_in_a_row: 0,
            last_return: Instant::START,
            halts_at: Instant::START,
            notice_at: Instant::NEVER,
            notices: false,
            switches: 0,
            switched_at: Vec::new(),
        }
    }

    /// It must schedule at the next place where it can. True if it didn't know that yet.
    pub fn must_give_way(&mut self, why: Why) -> bool {
        match self.reschedule {
            None => {
                self.reschedule = Some(why);
                true
            }
            // Its thread would have stayed.
            Some(Why::WorkArrived) if !self.is_idle() => {
                self.reschedule = Some(why);
                false
            }
            Some(_) => false,
        }
    }

    pub fn is_idle(&self) -> bool {
        self.current == Tid::IDLE
    }

    /// Whether an interrupt would be taken at the next instruction boundary.
    #[inline]
    pub fn has_interrupt(&self) -> bool {
        self.interrupts.highest().is_some() && !self.masks_interrupts()
    }

    #[inline]
    pub const fn masks_interrupts(&self) -> bool {
        match self.context {
            Context::Kernel(work) => work.masks_interrupts(),
            Context::User | Context::Idle => false,
        }
    }

    /// Begins a frame of kernel work on top of what it was doing.
    pub fn enter(&mut self, work: super::work::Work, cost: Span) {
        self.suspended.push((self.context, self.left));
        self.begin(Context::Kernel(work), cost);
    }

    /// Goes on with something, after paying for what was done on the side.
    #[inline]
    pub fn begin(&mut self, context: Context, cost: Span) {
        self.context = context;
        self.left = cost + std::mem::take(&mut self.debt);
    }

    /// Whether it is idle and looks for work, in place of being halted.
    pub fn polls(&self, now: Instant) -> bool {
        self.is_idle() && now < self.halts_at
    }

    /// Counts a switch to a thread: how many switches ago it came here last; none if it never did.
    pub fn count_switch(&mut self, to: Tid) -> Option<u64> {
        self.switches += 1;
        if self.switched_at.len() <= to.index() {
            self.switched_at.resize(to.index() + 1, 0);
        }
        let before = std::mem::replace(&mut self.switched_at[to.index()], self.switches);
        (before > 0).then(|| self.switches - before)
    }

    /// Has come to where something else ends or begins, and has paid for what was done on the side.
    #[inline]
    pub fn reach(&mut self, context: Context) {
        (self.context, self.left, self.debt) = (context, Span::ZERO, Span::ZERO);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cpu_takes_few_lines_of_the_hosts_cache() {
        assert_eq!(size_of::<Cpu>(), 512);
    }
}
