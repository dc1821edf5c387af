//! The life of a system call: `CallEntry`, its body `CallBody`, then either `CallExit` and back to
//! the program, or a wait; when it is woken, `CallResume` and its body again.

use std::ops::ControlFlow;

use crate::errno::Errno;
use crate::ids::{CallId, Tid};
use crate::kernel::Kernel;
use crate::kernel::caches::{Used, pipe_pages};
use crate::kernel::cost::CallCost;
use crate::kernel::options::Preemption;
use crate::kernel::task::State;
use crate::kernel::work::{Context, Work};
use crate::program::Syscall;
use crate::program::call::{Call, Copied, Outcome as CallOutcome, RESTART, SystemCall};
use crate::program::instruction::OnError;
use crate::program::syscall::SIGNAL_RETURN;
use crate::program::userland::User;
use crate::time::Span;
use crate::trace::{Kind, Sink, Why};

use super::signals::return_from_handler;
use super::user::Asked;
use super::{CallPrice, Simulator, Trap};

impl<S: Sink> Simulator<'_, S> {
    /// The entry of a call. If nothing can happen before its body takes effect, the body's time
    /// passes at once as well: its price can't change meanwhile.
    #[inline(always)]
    pub(super) fn enter_call(&mut self, cpu: usize, call: CallId) -> Option<Trap> {
        self.kernel.crossings += 1;
        self.kernel.emit(cpu, Kind::SysEnter { call });
        let body = self.price(cpu, self.kernel.cpus[cpu].current, call, true);
        let entry = self.prices.entry;
        let quiet = self.quiet();
        let here = &mut self.kernel.cpus[cpu];
        if quiet.passes(here, &mut self.turns, entry + here.debt + body, 2) {
            here.reach(Context::Kernel(Work::CallBody));
            return self.body_ends(cpu);
        }
        here.begin(Context::Kernel(Work::CallEntry), entry);
        None
    }

    /// The body's price is known now, and it begins.
    pub(super) fn begin_body(&mut self, cpu: usize, first: bool) -> Option<Trap> {
        let thread = self.kernel.cpus[cpu].current;
        let call = self.userland.users[thread.index()].call;
        let price = self.price(cpu, thread, call, first);
        let quiet = self.quiet();
        let here = &mut self.kernel.cpus[cpu];
        if quiet.passes(here, &mut self.turns, price + here.debt, 1) {
            here.reach(Context::Kernel(Work::CallBody));
            return self.body_ends(cpu);
        }
        here.begin(Context::Kernel(Work::CallBody), price);
        None
    }

    /// What a call's body costs: its base the first time, and what it will copy.
    #[inline(always)]
    fn price(&mut self, cpu: usize, thread: Tid, call: CallId, first: bool) -> Span {
        let CallPrice { base, cost, fixed } = self.prices.calls[call.index()];
        let base = if first { base } else { Span::ZERO };
        if fixed { base } else { self.price_with_copy(cpu, thread, base, cost) }
    }

    /// What a call's body costs that copies, or moves an object's cache lines from another CPU.
    #[inline(never)]
    fn price_with_copy(&mut self, cpu: usize, task: Tid, base: Span, cost: CallCost) -> Span {
        let Some(Asked { call: made, .. }) = self.asked(task) else { return base };
        let Simulator { kernel, userland, image, .. } = self;
        let call = Call { kernel, userland, image, cpu, task };
        let copied = made.copies(&call);
        let object = call.kernel.caches.is_some().then(|| made.uses(&call)).flatten();
        let costs = &self.kernel.costs;
        let copying = copied.map_or(Span::ZERO, |Copied { copying, bytes }| {
            let curve = &costs.copies[copying];
            if curve.is_empty() { cost.copying(bytes) } else { curve.from_origin(bytes) }
        });
        let moving = match (&self.kernel.caches, object) {
            (Some(caches), Some(object)) => {
                let bytes = copied.map_or(0, |copied| copied.bytes);
                let pages = match object {
                    Used::Pipe { pipe, writes } => {
                        pipe_pages(costs, &self.kernel.pipes[pipe as usize], writes, bytes)
                    }
                    Used::File { .. } | Used::Futex(_) => Span::ZERO,
                };
                pages + caches.price(costs, cpu, object, bytes)
            }
            _ => Span::ZERO,
        };
        costs.whole(base + copying + moving)
    }

    /// The call takes effect.
    pub(super) fn body_ends(&mut self, cpu: usize) -> Option<Trap> {
        let thread = self.kernel.cpus[cpu].current;
        if self.kernel.tasks[thread.index()].attention {
            match self.look_before(cpu, thread) {
                None => {}
                Some(ControlFlow::Break(trap)) => return trap,
                Some(ControlFlow::Continue(result)) => {
                    self.userland.user(thread).result = result;
                    return self.begin_exit(cpu, false);
                }
            }
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
            Some(Asked { call: made, .. }) if call.kernel.caches.is_some() => {
                simulate_with_caches(made, &mut call)
            }
            Some(Asked { call: made, .. }) => made.simulate(&mut call),
            None => implied(&mut call),
        };
        self.kernel.tell_frames(cpu);
        let yields = match outcome {
            Ok(CallOutcome::Done(result)) => {
                self.userland.users[thread.index()].result = result;
                false
            }
            Ok(CallOutcome::Block { on, object }) if !self.kernel.tasks[thread.index()].attention => {
                let task = &mut self.kernel.tasks[thread.index()];
                (task.state, task.interruption) = (State::Blocked { on, object }, None);
                let here = &mut self.kernel.cpus[cpu];
                (here.context, here.left) = (Context::Kernel(Work::CallResume), Span::ZERO);
                return self.give_up_cpu(cpu, Why::Blocked { on, object });
            }
            outcome => match self.ends_otherwise(cpu, thread, outcome) {
                ControlFlow::Break(trap) => return trap,
                ControlFlow::Continue(yields) => yields,
            },
        };
        self.begin_exit(cpu, yields)
    }

    /// A body ends otherwise than most: the call returns all the same (whether it yields the CPU), or
    /// breaks off.
    #[inline(never)]
    fn ends_otherwise(
        &mut self,
        cpu: usize,
        thread: Tid,
        outcome: Result<CallOutcome, Errno>,
    ) -> ControlFlow<Option<Trap>, bool> {
        let result = match outcome {
            Ok(CallOutcome::Done(result) | CallOutcome::Yield(result)) => result,
            Err(Errno::EINTR) => self.was_interrupted(cpu, thread)?,
            Err(errno) => errno.result(),
            Ok(CallOutcome::Repeat(result)) => {
                let user = self.userland.user(thread);
                user.repeats = true;
                user.next = user.call_at.unwrap_or(user.next);
                result
            }
            Ok(CallOutcome::Block { on, object }) => self.wait_or_look(cpu, thread, on, object)?,
            Ok(CallOutcome::Exit { status, all }) => {
                return ControlFlow::Break(self.end_thread(cpu, status, all));
            }
        };
        let user = self.userland.user(thread);
        user.result = result;
        if outcome.is_err() && !user.repeats {
            user.goes_on_no_more();
        }
        ControlFlow::Continue(matches!(outcome, Ok(CallOutcome::Yield(_))))
    }

    /// The call's way back to the program.
    #[inline(always)]
    fn begin_exit(&mut self, cpu: usize, yields: bool) -> Option<Trap> {
        let exit = self.prices.exit;
        let quiet = self.quiet();
        let here = &mut self.kernel.cpus[cpu];
        let gives_way = match here.reschedule {
            _ if yields => Some(Why::Yielded),
            Some(why) if self.kernel.options.preemption != Preemption::None => Some(why),
            _ => None,
        };
        if gives_way.is_none() && quiet.passes(here, &mut self.turns, exit + here.debt, 1) {
            here.reach(Context::User);
            return self.call_returns(cpu);
        }
        here.begin(Context::Kernel(Work::CallExit), exit);
        gives_way.and_then(|why| self.give_up_cpu(cpu, why))
    }

    /// Back in user mode, the call's result goes to the program.
    #[inline(always)]
    fn call_returns(&mut self, cpu: usize) -> Option<Trap> {
        if S::ON {
            let User { call, result, .. } = self.userland.users[self.kernel.cpus[cpu].current.index()];
            self.kernel.emit(cpu, Kind::SysExit { call, result });
        }
        let running = self.running(cpu);
        let user = &mut *running.user;
        let result = user.result;
        user.set(user.result_goes_to, result);
        if result < 0 || running.here.reschedule.is_some() || running.task.attention {
            return self.returns_to_something(cpu, result);
        }
        match running.usual_instructions::<S>() {
            ControlFlow::Continue((program, at)) => self.go_on_from(cpu, program, at),
            ControlFlow::Break(trap) => trap,
        }
    }

    /// A call has failed, or there is something to look at before the program goes on.
    #[inline(never)]
    fn returns_to_something(&mut self, cpu: usize, result: i64) -> Option<Trap> {
        let thread = self.kernel.cpus[cpu].current;
        if result < 0 && self.asked(thread).is_some_and(|asked| asked.on_error == OnError::Exit) {
            return self.fail_program(cpu, thread, result);
        }
        self.go_on(cpu)
    }

    /// The exit of a call that was disturbed on its way.
    #[inline(never)]
    pub(super) fn call_exit_ends(&mut self, cpu: usize) -> Option<Trap> {
        let here = &mut self.kernel.cpus[cpu];
        (here.context, here.left) = (Context::User, Span::ZERO);
        self.call_returns(cpu)
    }

    /// A call has failed and the program has no rule for that: it says so and exits.
    #[cold]
    pub(super) fn fail_program(&mut self, cpu: usize, thread: Tid, result: i64) -> Option<Trap> {
        if result == RESTART {
            return self.go_on(cpu);
        }
        // A signal that ends it comes first, such as the SIGPIPE of a write; so does a handler.
        if self.kernel.tasks[thread.index()].attention {
            self.kernel.signals.thread(thread).unfinished.failed = Some(result);
            return self.go_on(cpu);
        }
        let user = &self.userland.users[thread.index()];
        if S::ON
            && let Some(errno) = Errno::from_result(result)
        {
            let program = &self.image.programs[usize::from(user.program.0)];
            let at = user.call_at.unwrap_or(0) as usize;
            let step = &self.image.steps[program.steps[at].index()];
            let line = Trap::failure(&program.name, &step.text, errno);
            let text = self.kernel.sink.name(&line);
            self.kernel.emit(cpu, Kind::Print { text });
        }
        Some(self.end_of_program(thread, 1))
    }
}

/// The call takes effect, and its object's cache lines are where its CPU is.
#[inline(never)]
fn simulate_with_caches<S: Sink>(made: &Syscall, call: &mut Call<'_, S>) -> Result<CallOutcome, Errno> {
    let object = made.uses(call);
    let filled = |kernel: &Kernel<S>| match object {
        Some(Used::Pipe { pipe, .. }) => kernel.pipes[pipe as usize].used(),
        _ => 0,
    };
    let before = filled(call.kernel);
    let outcome = made.simulate(call);
    let after = filled(call.kernel);
    if let (Some(caches), Some(object)) = (&mut call.kernel.caches, object) {
        caches.used(call.cpu, object, before, after);
    }
    outcome
}

/// The call of a program that has come to its end, or failed: a handler returns, the main thread takes
/// the whole process with it.
#[cold]
fn implied<S: Sink>(call: &mut Call<'_, S>) -> Result<CallOutcome, Errno> {
    if call.user().call == SIGNAL_RETURN {
        return return_from_handler(call);
    }
    let all = call.process().leader() == call.task;
    Ok(CallOutcome::Exit { status: call.user().result as u16, all })
}
