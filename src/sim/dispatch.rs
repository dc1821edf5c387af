//! Traps become frames of kernel work, and what happens at each frame's end.
//!
//! The frames of a system call are in `call`. An interrupt's frame lies on top of whatever it
//! interrupted. On the way back from the kernel a doomed thread ends, and one that must give way
//! loses the CPU.

use std::ops::ControlFlow;

use crate::hw::interrupt::{LOCAL_TIMER, RESCHEDULE};
use crate::ids::{PageNumber, Vector};
use crate::kernel::memory::Remedy;
use crate::kernel::options::AtSliceEnd;
use crate::kernel::task::State;
use crate::kernel::work::{Context, Work};
#[cfg(target_os = "linux")]
use crate::os::cache::fetch_ahead;
use crate::program::syscall::EXIT;
use crate::signal::Signal;
use crate::time::Span;
use crate::trace::header::Outcome;
use crate::trace::{Exception, Fault, Kind, Sink, Why};

use super::execute::INTERRUPTS_IN_A_ROW;
use super::{Simulator, Trap};

/// Why a run under opt or unopt is broken off.
const ASTRAY: &str = "`replacement = \"opt\"` (and \"unopt\") must know the order of accesses beforehand, and the run doesn't go \
                      as the one that recorded it: something depends on when pages come";

impl<S: Sink> Simulator<'_, S> {
    /// Enters the kernel for a trap, and goes on from there for as long as nothing can disturb it:
    /// a thread that is back in user mode may ask for the kernel again at once.
    #[inline]
    pub(super) fn dispatch(&mut self, cpu: usize, trap: Trap) {
        let mut next = Some(trap);
        while let Some(trap) = next {
            next = match trap {
                Trap::Syscall(call) => self.enter_call(cpu, call),
                Trap::PageFault { page, write, fault } => self.enter_page_fault(cpu, page, write, fault),
                Trap::Exception(exception) => self.enter_exception(cpu, exception),
                Trap::Interrupt(vector) => self.enter_interrupt(cpu, vector),
            };
            if next.is_none() {
                next = self.proceed(cpu);
            }
        }
    }

    /// Kernel work that ends before anything else can happen is done at once.
    #[inline(always)]
    pub(super) fn proceed(&mut self, cpu: usize) -> Option<Trap> {
        loop {
            let here = &self.kernel.cpus[cpu];
            let Context::Kernel(work) = here.context else { return None };
            if !self.passes_undisturbed(cpu, here.left, 1) {
                return None;
            }
            self.kernel.cpus[cpu].left = Span::ZERO;
            let trap = self.work_ends(cpu, work).or_else(|| self.look_at_interrupt_register(cpu));
            if trap.is_some() {
                return trap;
            }
        }
    }

    fn enter_page_fault(&mut self, cpu: usize, page: PageNumber, write: bool, fault: Fault) -> Option<Trap> {
        self.kernel.crossings += 1;
        self.kernel.emit(cpu, Kind::PageFaultUser { page: u64::from(page.0), fault });
        let costs = &self.kernel.costs;
        let cost = match fault {
            Fault::Minor if !costs.fault_cached.is_zero() && self.kernel.is_of_file(page) => {
                costs.fault_cached
            }
            Fault::Minor => costs.fault_minor,
            Fault::Major => costs.fault_major,
            Fault::CopyOnWrite if !costs.fault_reuse.is_zero() && self.kernel.is_own(cpu, page) => {
                costs.fault_reuse
            }
            Fault::CopyOnWrite => costs.fault_copy,
            Fault::Protection => costs.fault_protection,
        };
        self.kernel.cpus[cpu].begin(Context::Kernel(Work::PageFault { page, write, fault }), cost);
        None
    }

    fn enter_exception(&mut self, cpu: usize, exception: Exception) -> Option<Trap> {
        self.kernel.crossings += 1;
        self.kernel.emit(cpu, Kind::ExceptionEntry { exception });
        let cost = self.kernel.costs.fault_protection;
        self.kernel.cpus[cpu].begin(Context::Kernel(Work::Exception(exception)), cost);
        None
    }

    fn enter_interrupt(&mut self, cpu: usize, vector: Vector) -> Option<Trap> {
        self.kernel.enter_interrupt(cpu, vector);
        if self.kernel.cpus[cpu].interrupts_in_a_row == INTERRUPTS_IN_A_ROW {
            let name = self.vector_name(vector);
            self.outcome = Some(Outcome::Livelock {
                text: format!(
                    "CPU {cpu} took {INTERRUPTS_IN_A_ROW} interrupts (the last from `{name}`) without \
                     executing one instruction in between: interrupts come faster than their handler ends"
                ),
            });
        }
        None
    }

    /// A frame of kernel work is done: its effect, and what comes next. A thread that goes back to
    /// user mode may ask for the kernel again at once.
    #[inline]
    pub(super) fn work_ends(&mut self, cpu: usize, work: Work) -> Option<Trap> {
        match work {
            Work::CallEntry => self.begin_body(cpu, true),
            Work::CallResume => self.begin_body(cpu, false),
            Work::CallBody => self.body_ends(cpu),
            Work::CallExit => self.call_exit_ends(cpu),
            Work::PageFault { page, write, .. } => self.fault_handled(cpu, page, write),
            Work::Exception(exception) => self.exception_handled(cpu, exception),
            Work::Deliver => self.handler_begins(cpu),
            Work::ThreadExit => {
                self.kernel.finish_exit(cpu);
                if !self.kernel.pi.is_empty() {
                    self.bequeath_locks(cpu);
                }
                self.give_up_cpu(cpu, Why::Exited)
            }
            Work::Handler(vector) => {
                self.kernel.device_handled(cpu, vector);
                self.return_from_interrupt(cpu)
            }
            Work::Deferred(vector) => {
                self.kernel.deferred_handled(cpu, vector);
                self.return_from_interrupt(cpu)
            }
            Work::Timer => {
                self.kernel.timer_handled(cpu);
                self.fetch_next_sleeper(cpu);
                self.return_from_interrupt(cpu)
            }
            Work::Reschedule => {
                self.kernel.reschedule_handled(cpu);
                self.return_from_interrupt(cpu)
            }
            Work::Switch => {
                self.kernel.switched(cpu);
                self.go_on(cpu)
            }
        }
    }

    fn fault_handled(&mut self, cpu: usize, page: PageNumber, write: bool) -> Option<Trap> {
        let thread = self.kernel.cpus[cpu].current;
        let failed = self.kernel.take_failure(thread).is_err();
        let remedy = if self.kernel.tasks[thread.index()].doomed.is_some() {
            self.kernel.give_up_frames(thread);
            Remedy::Mapped
        } else if failed {
            self.kernel.give_up_frames(thread);
            Remedy::Refused(Signal::SIGBUS)
        } else {
            self.kernel.remedy(cpu, thread, page, write)
        };
        if self.kernel.is_astray() {
            self.outcome = Some(Outcome::Error { text: ASTRAY.to_owned() });
        }
        match remedy {
            Remedy::Mapped => {
                let here = &mut self.kernel.cpus[cpu];
                let debt = std::mem::take(&mut here.debt);
                here.context = Context::User;
                self.kernel.emit(cpu, Kind::ExceptionExit);
                let again = self.access_time(cpu, thread) + debt;
                self.kernel.cpus[cpu].left = again;
                self.go_on(cpu)
            }
            Remedy::Waiting(on) => {
                self.kernel.tasks[thread.index()].state = State::Blocked { on, object: None };
                let fault = Fault::Major;
                let here = &mut self.kernel.cpus[cpu];
                (here.context, here.left) =
                    (Context::Kernel(Work::PageFault { page, write, fault }), Span::ZERO);
                self.give_up_cpu(cpu, Why::Blocked { on, object: None })
            }
            Remedy::Refused(signal) => self.force_signal(cpu, signal),
        }
    }

    fn exception_handled(&mut self, cpu: usize, exception: Exception) -> Option<Trap> {
        self.force_signal(cpu, exception.signal())
    }

    /// The current thread begins to end.
    #[cold]
    pub(super) fn end_thread(&mut self, cpu: usize, status: u16, all: bool) -> Option<Trap> {
        if let Some(signal) = status.checked_sub(128).and_then(Signal::from_number)
            && status > 128
            && self.kernel.tasks[self.kernel.cpus[cpu].current.index()].doomed.is_some()
        {
            self.kernel.emit(cpu, Kind::SignalDeliver { signal, handled: false });
            let here = &mut self.kernel.cpus[cpu];
            here.debt += self.kernel.costs.signal;
        }
        self.kernel.begin_exit(cpu, status, all);
        None
    }

    /// A handler is done: a deferred half if one waits, else back to what was interrupted.
    fn return_from_interrupt(&mut self, cpu: usize) -> Option<Trap> {
        if self.kernel.begin_deferred(cpu) {
            return None;
        }
        let here = &mut self.kernel.cpus[cpu];
        let (context, left) = here.suspended.pop().unwrap_or((Context::Idle, Span::ZERO));
        here.context = context;
        let debt = std::mem::take(&mut here.debt);
        if context == Context::Idle {
            // Whoever runs next pays for the wake-ups.
            here.debt = debt;
        } else {
            if let Some(speeds) = &mut self.kernel.speeds
                && context == Context::User
                && !debt.is_zero()
            {
                speeds.put_off(here.current, left);
            }
            here.left = left + debt;
        }
        if !here.suspended.is_empty() {
            return None;
        }
        here.last_return = here.now;
        self.go_on(cpu)
    }

    /// Where threads are many, those that sleep aren't in the host's cache: whoever wakes next is
    /// fetched while the others run.
    #[inline]
    fn fetch_next_sleeper(&self, cpu: usize) {
        #[cfg(target_os = "linux")]
        if let Some(next) = self.kernel.cpus[cpu].sleepers.first() {
            fetch_ahead(&self.kernel.tasks[next.index()]);
            fetch_ahead(&self.kernel.parameters[next.index()]);
            fetch_ahead(&self.userland.users[next.index()]);
        }
    }

    /// The current thread leaves the CPU; what it will go on with is what the CPU is at.
    pub(super) fn give_up_cpu(&mut self, cpu: usize, why: Why) -> Option<Trap> {
        self.kernel.schedule(cpu, why);
        let switches = matches!(self.kernel.cpus[cpu].context, Context::Kernel(Work::Switch));
        if switches { None } else { self.go_on(cpu) }
    }

    /// About to go on with what the CPU is at, outside of any interrupt: a doomed thread ends
    /// instead, one that must give way does so, and one that is back in user mode begins its next
    /// instruction.
    #[inline]
    pub(super) fn go_on(&mut self, cpu: usize) -> Option<Trap> {
        loop {
            let here = &self.kernel.cpus[cpu];
            let context = here.context;
            if context == Context::User && self.kernel.tasks[here.current.index()].attention {
                match self.attend(cpu) {
                    ControlFlow::Break(trap) => return trap,
                    ControlFlow::Continue(()) => continue,
                }
            }
            if let Some(why) = here.reschedule
                && self.kernel.may_preempt(here)
                && !(self.kernel.options.at_slice_end == AtSliceEnd::Ends && self.ends_first(cpu, why))
            {
                self.kernel.schedule(cpu, why);
                continue;
            }
            return match context {
                Context::User if here.left.is_zero() => self.begin_user_instruction(cpu),
                Context::User => None,
                Context::Kernel(Work::CallResume) if here.left.is_zero() => self.begin_body(cpu, false),
                Context::Idle => {
                    if self.nothing_can_happen() {
                        self.outcome = Some(self.end_of_run());
                    }
                    None
                }
                Context::Kernel(work) if here.left.is_zero() && work != Work::Switch => {
                    self.work_ends(cpu, work)
                }
                Context::Kernel(_) => None,
            };
        }
    }

    /// Whether the thread whose slice is over is on its way out.
    #[cold]
    fn ends_first(&self, cpu: usize, why: Why) -> bool {
        let here = &self.kernel.cpus[cpu];
        why == Why::SliceEnd
            && matches!(here.context, Context::Kernel(Work::CallEntry | Work::CallBody | Work::ThreadExit))
            && self.userland.users[here.current.index()].call == EXIT
    }

    /// The name of whatever is connected to a line.
    pub(super) fn vector_name(&self, vector: Vector) -> String {
        match vector {
            LOCAL_TIMER => "timer".to_owned(),
            RESCHEDULE => "reschedule".to_owned(),
            _ => {
                let device = self.kernel.lines[usize::from(vector.0)];
                device.map_or_else(
                    || format!("vector {vector}"),
                    |device| self.kernel.devices[device.index()].spec.name.clone(),
                )
            }
        }
    }
}
