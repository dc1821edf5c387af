//! Traps become frames of kernel work, and what happens at each frame's end.
//!
//! The life of a system call: `CallEntry`, then its body `CallBody`, then either `CallExit` and back
//! to the program, or a wait; when it is woken, `CallResume` and its body again. An interrupt's
//! frame lies on top of whatever it interrupted. On the way back from the kernel a doomed thread
//! ends, and one that must give way loses the CPU.

use crate::hw::interrupt::{LOCAL_TIMER, RESCHEDULE};
use crate::ids::{CallId, PageNumber, Tid, Vector};
use crate::kernel::cost::CallCost;
use crate::kernel::memory::Remedy;
use crate::kernel::options::Preemption;
use crate::kernel::task::State;
use crate::kernel::work::{Context, Work};
use crate::program::call::{Call, Outcome as CallOutcome, SystemCall};
use crate::program::instruction::OnError;
use crate::signal::Signal;
use crate::time::Span;
use crate::trace::header::Outcome;
use crate::trace::{Exception, Kind, Sink, Why};

use super::execute::INTERRUPTS_IN_A_ROW;
use super::user::Asked;
use super::{Simulator, Trap};

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
    #[inline]
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

    /// The entry of a call. If nothing can happen before its body takes effect, the body's time
    /// passes at once as well: its price can't change meanwhile.
    #[inline(always)]
    fn enter_call(&mut self, cpu: usize, call: CallId) -> Option<Trap> {
        self.kernel.crossings += 1;
        self.kernel.emit(cpu, Kind::SysEnter { call });
        let here = &self.kernel.cpus[cpu];
        let entry = self.prices.entry + here.debt;
        let body = self.price(cpu, here.current, call, true);
        if self.passes_undisturbed(cpu, entry + body, 2) {
            return self.body_reached(cpu);
        }
        self.kernel.cpus[cpu].begin(Context::Kernel(Work::CallEntry), self.prices.entry);
        None
    }

    fn enter_page_fault(
        &mut self,
        cpu: usize,
        page: PageNumber,
        write: bool,
        fault: crate::trace::Fault,
    ) -> Option<Trap> {
        use crate::trace::Fault;
        self.kernel.crossings += 1;
        self.kernel.emit(cpu, Kind::PageFaultUser { page: u64::from(page.0), fault });
        let costs = &self.kernel.costs;
        let cost = match fault {
            Fault::Minor => costs.fault_minor,
            Fault::Major => costs.fault_major,
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
            Work::ThreadExit => {
                self.kernel.finish_exit(cpu);
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

    /// The body's price is known now, and it begins.
    fn begin_body(&mut self, cpu: usize, first: bool) -> Option<Trap> {
        let here = &self.kernel.cpus[cpu];
        let (thread, debt) = (here.current, here.debt);
        let call = self.userland.users[thread.index()].call;
        let price = self.price(cpu, thread, call, first);
        if self.passes_undisturbed(cpu, price + debt, 1) {
            return self.body_reached(cpu);
        }
        self.kernel.cpus[cpu].begin(Context::Kernel(Work::CallBody), price);
        None
    }

    /// What a call's body costs: its base the first time, and what it will copy.
    #[inline(always)]
    fn price(&mut self, cpu: usize, thread: Tid, call: CallId, first: bool) -> Span {
        let cost = self.prices.calls[call.index()];
        let base = if first { cost.base } else { Span::ZERO };
        if cost.per_kib.is_zero() { base } else { self.price_with_copy(cpu, thread, base, cost) }
    }

    #[inline(never)]
    fn price_with_copy(&mut self, cpu: usize, task: Tid, base: Span, cost: CallCost) -> Span {
        let Some(Asked { call, .. }) = self.asked(task) else { return base };
        let Simulator { kernel, userland, image, .. } = self;
        let copies = call.copies(&Call { kernel, userland, image, cpu, task });
        self.kernel.costs.whole(base + cost.copying(copies))
    }

    /// The time up to the end of the call's body, and what was to be paid with it, has passed.
    #[inline]
    fn body_reached(&mut self, cpu: usize) -> Option<Trap> {
        let here = &mut self.kernel.cpus[cpu];
        (here.context, here.left, here.debt) = (Context::Kernel(Work::CallBody), Span::ZERO, Span::ZERO);
        self.body_ends(cpu)
    }

    /// The call takes effect.
    fn body_ends(&mut self, cpu: usize) -> Option<Trap> {
        let thread = self.kernel.cpus[cpu].current;
        if let Some(status) = self.kernel.tasks[thread.index()].doomed {
            return self.end_thread(cpu, status, false);
        }
        let asked = self.asked(thread);
        let mut call = Call {
            kernel: &mut self.kernel,
            userland: &mut self.userland,
            image: self.image,
            cpu,
            task: thread,
        };
        let outcome = match asked {
            Some(Asked { call: made, .. }) => made.simulate(&mut call),
            None => implied_exit(&mut call),
        };
        let user = &mut self.userland.users[thread.index()];
        match outcome {
            Ok(CallOutcome::Done(result) | CallOutcome::Yield(result)) => user.result = result,
            Err(errno) => user.result = errno.result(),
            Ok(CallOutcome::Repeat(result)) => {
                user.result = result;
                user.repeats = true;
                user.next = user.call_at.unwrap_or(user.next);
            }
            Ok(CallOutcome::Block { on, object }) => {
                self.kernel.tasks[thread.index()].state = State::Blocked { on, object };
                let here = &mut self.kernel.cpus[cpu];
                (here.context, here.left) = (Context::Kernel(Work::CallResume), Span::ZERO);
                return self.give_up_cpu(cpu, Why::Blocked { on, object });
            }
            Ok(CallOutcome::Exit { status, all }) => return self.end_thread(cpu, status, all),
        }
        let here = &self.kernel.cpus[cpu];
        let gives_way = match outcome {
            Ok(CallOutcome::Yield(_)) => Some(Why::Yielded),
            _ if self.kernel.options.preemption == Preemption::None => None,
            _ => here.reschedule,
        };
        let (exit, debt) = (self.prices.exit, here.debt);
        if gives_way.is_none() && self.passes_undisturbed(cpu, exit + debt, 1) {
            self.kernel.cpus[cpu].debt = Span::ZERO;
            return self.call_returns(cpu);
        }
        self.kernel.cpus[cpu].begin(Context::Kernel(Work::CallExit), exit);
        gives_way.and_then(|why| self.give_up_cpu(cpu, why))
    }

    /// The call's result goes to the program.
    #[inline(always)]
    fn call_returns(&mut self, cpu: usize) -> Option<Trap> {
        let thread = self.kernel.cpus[cpu].current;
        let (call, result) = {
            let user = &self.userland.users[thread.index()];
            (user.call, user.result)
        };
        self.kernel.emit(cpu, Kind::SysExit { call, result });
        let here = &mut self.kernel.cpus[cpu];
        (here.context, here.left) = (Context::User, Span::ZERO);
        let go_straight_on = here.reschedule.is_none() && self.kernel.tasks[thread.index()].doomed.is_none();
        let user = &mut self.userland.users[thread.index()];
        user.set(user.result_goes_to, result);
        if result < 0 && self.asked(thread).is_some_and(|asked| asked.on_error == OnError::Exit) {
            return self.fail_program(cpu, thread, result);
        }
        if go_straight_on { self.next_user_instructions(cpu) } else { self.go_on(cpu) }
    }

    /// The exit of a call that was disturbed on its way.
    #[inline(never)]
    fn call_exit_ends(&mut self, cpu: usize) -> Option<Trap> {
        self.call_returns(cpu)
    }

    /// A call has failed and the program has no rule for that: it says so and exits.
    fn fail_program(&mut self, cpu: usize, thread: crate::ids::Tid, result: i64) -> Option<Trap> {
        let user = &self.userland.users[thread.index()];
        if S::ON
            && let Some(errno) = crate::errno::Errno::from_result(result)
        {
            let program = &self.image.programs[usize::from(user.program.0)];
            let at = user.call_at.unwrap_or(0) as usize;
            let step = &self.image.steps[program.steps[at].index()];
            let line = Trap::failure(&program.name, &step.text, errno);
            let text = self.kernel.sink.name(&line);
            self.kernel.emit(cpu, Kind::Print { text });
        }
        if self.kernel.tasks[thread.index()].doomed.is_some() {
            return self.go_on(cpu);
        }
        Some(self.end_of_program(thread, 1))
    }

    fn fault_handled(&mut self, cpu: usize, page: PageNumber, write: bool) -> Option<Trap> {
        let thread = self.kernel.cpus[cpu].current;
        let failed = self.kernel.take_failure(thread).is_err();
        let remedy = if self.kernel.tasks[thread.index()].doomed.is_some() {
            Remedy::Mapped
        } else if failed {
            Remedy::Refused(Signal::SIGBUS)
        } else {
            self.kernel.remedy(cpu, thread, page, write)
        };
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
            Remedy::Reading(on) => {
                self.kernel.tasks[thread.index()].state = State::Blocked { on, object: None };
                let fault = crate::trace::Fault::Major;
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

    /// The current thread's own instruction has earned its process a deadly signal, whatever its
    /// rules are.
    fn force_signal(&mut self, cpu: usize, signal: Signal) -> Option<Trap> {
        let thread = self.kernel.cpus[cpu].current;
        let process = self.process(thread);
        if let Some(process) = &mut self.kernel.processes[process.index()] {
            process.ignored &= !signal.bit();
        }
        self.kernel.send_signal(cpu, process, signal);
        self.end_thread(cpu, 128 + signal as u16, true)
    }

    /// The current thread begins to end.
    fn end_thread(&mut self, cpu: usize, status: u16, all: bool) -> Option<Trap> {
        if let Some(signal) = status.checked_sub(128).and_then(Signal::from_number)
            && status > 128
            && self.kernel.tasks[self.kernel.cpus[cpu].current.index()].doomed.is_some()
        {
            self.kernel.emit(cpu, Kind::SignalDeliver { signal });
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
            here.left = left + debt;
        }
        if !here.suspended.is_empty() {
            return None;
        }
        here.last_return = here.now;
        self.go_on(cpu)
    }

    /// The current thread leaves the CPU; what it will go on with is what the CPU is at.
    fn give_up_cpu(&mut self, cpu: usize, why: Why) -> Option<Trap> {
        self.kernel.schedule(cpu, why);
        self.go_on(cpu)
    }

    /// About to go on with what the CPU is at, outside of any interrupt: a doomed thread ends
    /// instead, one that must give way does so, and one that is back in user mode begins its next
    /// instruction.
    #[inline]
    fn go_on(&mut self, cpu: usize) -> Option<Trap> {
        loop {
            let here = &self.kernel.cpus[cpu];
            let context = here.context;
            if context == Context::User
                && let Some(status) = self.kernel.tasks[here.current.index()].doomed
            {
                return self.end_thread(cpu, status, false);
            }
            if let Some(why) = here.reschedule
                && self.kernel.may_preempt(here)
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

/// The exit of a program that has come to its end, or failed: the main thread takes the whole
/// process with it.
fn implied_exit<S: Sink>(call: &mut Call<'_, S>) -> Result<CallOutcome, crate::errno::Errno> {
    let all = call.process().leader() == call.task;
    Ok(CallOutcome::Exit { status: call.user().result as u16, all })
}
