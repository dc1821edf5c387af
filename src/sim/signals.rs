//! What signals do to a thread: on its way back to user mode it runs handlers, stops or ends; a call
//! that waits for something is interrupted.

use std::ops::ControlFlow;

use crate::errno::Errno;
use crate::ids::{ObjectId, Tid};
use crate::kernel::dispositions::{Handler, Unfinished};
use crate::kernel::signals::Next;
use crate::kernel::task::State;
use crate::kernel::work::{Context, Work};
use crate::program::ProgramId;
use crate::program::call::{AfterSignal, Call, Outcome as CallOutcome, RESTART, SystemCall};
use crate::program::instruction::Instruction;
use crate::program::syscall::SIGNAL_RETURN;
use crate::signal::Signal;
use crate::time::Span;
use crate::trace::header::Outcome;
use crate::trace::{Cause, Kind, Sink, Why};

use super::user::Asked;
use super::{Simulator, Trap};

/// So many exceptions of the same instruction in a row, each of which was handled, are taken for an
/// endless loop.
const FAULTS_IN_A_ROW: u32 = 100_000;

impl<S: Sink> Simulator<'_, S> {
    /// The current thread is about to return to user mode, and has something to look at before.
    /// Breaks off if it doesn't return now.
    #[cold]
    pub(super) fn attend(&mut self, cpu: usize) -> ControlFlow<Option<Trap>> {
        let thread = self.kernel.cpus[cpu].current;
        match self.kernel.settle(cpu, thread) {
            Next::Ends(status) => ControlFlow::Break(self.end_thread(cpu, status, false)),
            Next::Stops => {
                self.kernel.stop_here(cpu, thread);
                ControlFlow::Break(self.give_up_cpu(cpu, Why::Blocked { on: Cause::Stopped, object: None }))
            }
            Next::LeavesJob => {
                self.leave_job(cpu, thread);
                ControlFlow::Continue(())
            }
            Next::Handles(signal, handler) => {
                self.begin_handler(cpu, thread, signal, handler);
                ControlFlow::Break(None)
            }
            Next::Nothing => self.go_back(cpu, thread),
        }
    }

    /// No signal is left to look at: a mask that was set for a wait gives way to the one before, and
    /// what a handler has interrupted goes on.
    fn go_back(&mut self, cpu: usize, thread: Tid) -> ControlFlow<Option<Trap>> {
        let Some(own) = self.kernel.signals.threads.get_mut(&thread) else {
            return ControlFlow::Continue(());
        };
        if let Some(mask) = own.saved.take() {
            self.kernel.set_mask(thread, mask);
            if self.kernel.tasks[thread.index()].attention {
                return ControlFlow::Continue(());
            }
        }
        let Unfinished { left, failed } = std::mem::take(&mut self.kernel.signals.thread(thread).unfinished);
        if let Some(result) = failed {
            return ControlFlow::Break(self.fail_program(cpu, thread, result));
        }
        if !left.is_zero() {
            let time = self.rest_takes(cpu, thread, left);
            self.kernel.cpus[cpu].left += time;
        }
        ControlFlow::Continue(())
    }

    /// How long it takes here to do what is left of an instruction that a handler has interrupted.
    fn rest_takes(&mut self, cpu: usize, thread: Tid, left: Span) -> Span {
        let Some(speeds) = &mut self.kernel.speeds else { return left };
        let user = &self.userland.users[thread.index()];
        let instruction = &self.image.programs[usize::from(user.program.0)].code[user.next as usize];
        let computes = matches!(instruction, Instruction::Compute(_)) && !user.fetched;
        if computes { speeds.begin(cpu, thread, left) } else { left }
    }

    /// The handler's frame is put on the user's stack, which takes time.
    fn begin_handler(&mut self, cpu: usize, thread: Tid, signal: Signal, handler: Handler) {
        let mask = self.kernel.begin_handler(cpu, thread, signal, handler);
        let mut unfinished = std::mem::take(&mut self.kernel.signals.thread(thread).unfinished);
        let mut left = std::mem::take(&mut self.kernel.cpus[cpu].left);
        if let Some(speeds) = &mut self.kernel.speeds {
            left = speeds.suspend(thread, left);
        }
        unfinished.left += left;
        let image = self.image;
        self.userland.user(thread).handle(image, ProgramId(handler.program), signal, unfinished, mask);
        let cost = self.kernel.costs.signal;
        self.kernel.cpus[cpu].begin(Context::Kernel(Work::Deliver), cost);
    }

    /// The handler begins.
    pub(super) fn handler_begins(&mut self, cpu: usize) -> Option<Trap> {
        let here = &mut self.kernel.cpus[cpu];
        (here.context, here.left) = (Context::User, std::mem::take(&mut here.debt));
        self.go_on(cpu)
    }

    /// The end of a program's text: a handler returns to what it has interrupted.
    #[cold]
    pub(super) fn end_of_handler(&mut self, thread: Tid) -> Trap {
        let user = self.userland.user(thread);
        (user.progress, user.result, user.call) = (0, 0, SIGNAL_RETURN);
        (user.call_at, user.result_goes_to) = (None, None);
        Trap::Syscall(user.call)
    }

    /// A call is about to wait although its thread has something to look at: it waits only if that
    /// turns out to be nothing.
    #[cold]
    pub(super) fn wait_or_look(
        &mut self,
        cpu: usize,
        thread: Tid,
        on: Cause,
        object: Option<ObjectId>,
    ) -> ControlFlow<Option<Trap>, i64> {
        if matches!(on, Cause::Disk | Cause::Page) {
            return ControlFlow::Break(self.wait(cpu, thread, on, object));
        }
        match self.kernel.settle(cpu, thread) {
            Next::Nothing => ControlFlow::Break(self.wait(cpu, thread, on, object)),
            Next::Ends(status) => {
                self.kernel.cancel_wait(thread, on);
                ControlFlow::Break(self.end_thread(cpu, status, false))
            }
            Next::Stops => {
                self.kernel.cancel_wait(thread, on);
                ControlFlow::Break(self.stop_in_call(cpu, thread))
            }
            Next::LeavesJob => {
                self.kernel.cancel_wait(thread, on);
                ControlFlow::Continue(self.breaks_off(thread))
            }
            Next::Handles(_, handler) => {
                self.kernel.cancel_wait(thread, on);
                ControlFlow::Continue(self.interrupted(cpu, thread, handler))
            }
        }
    }

    /// A call has found out itself that a signal has interrupted its wait.
    #[cold]
    pub(super) fn was_interrupted(&mut self, cpu: usize, thread: Tid) -> ControlFlow<Option<Trap>, i64> {
        match self.kernel.settle(cpu, thread) {
            Next::Ends(status) => ControlFlow::Break(self.end_thread(cpu, status, false)),
            Next::Stops => ControlFlow::Break(self.stop_in_call(cpu, thread)),
            Next::LeavesJob => ControlFlow::Continue(self.breaks_off(thread)),
            Next::Handles(_, handler) => ControlFlow::Continue(self.interrupted(cpu, thread, handler)),
            // Nothing came of the signal: the call looks again.
            Next::Nothing => ControlFlow::Break(self.begin_body(cpu, false)),
        }
    }

    /// A call's body is about to take effect although its thread has something to look at. After a stop
    /// a handler comes before the call looks again; otherwise the call looks first.
    #[cold]
    pub(super) fn look_before(&mut self, cpu: usize, thread: Tid) -> Option<ControlFlow<Option<Trap>, i64>> {
        if let Some(status) = self.kernel.tasks[thread.index()].doomed {
            return Some(ControlFlow::Break(self.end_thread(cpu, status, false)));
        }
        let own = self.kernel.signals.threads.get_mut(&thread)?;
        if !std::mem::take(&mut own.stopped_in_call) {
            return None;
        }
        match self.kernel.settle(cpu, thread) {
            Next::Nothing => None,
            Next::Ends(status) => Some(ControlFlow::Break(self.end_thread(cpu, status, false))),
            Next::Stops => Some(ControlFlow::Break(self.stop_in_call(cpu, thread))),
            Next::LeavesJob => Some(ControlFlow::Continue(self.breaks_off(thread))),
            Next::Handles(_, handler) => Some(ControlFlow::Continue(self.interrupted(cpu, thread, handler))),
        }
    }

    /// The thread waits.
    fn wait(&mut self, cpu: usize, thread: Tid, on: Cause, object: Option<ObjectId>) -> Option<Trap> {
        self.kernel.tasks[thread.index()].state = State::Blocked { on, object };
        let here = &mut self.kernel.cpus[cpu];
        (here.context, here.left) = (Context::Kernel(Work::CallResume), Span::ZERO);
        self.give_up_cpu(cpu, Why::Blocked { on, object })
    }

    /// The thread stops in the middle of its call, which looks again afterwards.
    fn stop_in_call(&mut self, cpu: usize, thread: Tid) -> Option<Trap> {
        self.kernel.signals.thread(thread).stopped_in_call = true;
        self.kernel.stop_here(cpu, thread);
        let here = &mut self.kernel.cpus[cpu];
        (here.context, here.left) = (Context::Kernel(Work::CallResume), Span::ZERO);
        self.give_up_cpu(cpu, Why::Blocked { on: Cause::Stopped, object: None })
    }

    /// What an interrupted call returns: what it has done already, or that it is made again after the
    /// handler, or `EINTR`.
    fn interrupted(&mut self, cpu: usize, thread: Tid, handler: Handler) -> i64 {
        let Some(Asked { call: made, .. }) = self.asked(thread) else { return Errno::EINTR.result() };
        let Simulator { kernel, userland, image, .. } = self;
        let mut call = Call { kernel, userland, image, cpu, task: thread };
        if let Some(achieved) = made.achieved(&mut call) {
            return achieved;
        }
        let again = match made.after_signal() {
            AfterSignal::Fails => false,
            AfterSignal::RestartsIfAsked => handler.restart,
            AfterSignal::Restarts => true,
        };
        if !again {
            return Errno::EINTR.result();
        }
        let user = self.userland.user(thread);
        (user.repeats, user.result_goes_to) = (true, None);
        user.next = user.call_at.unwrap_or(user.next);
        RESTART
    }

    /// A call of a job that is given up returns without a result: the program doesn't see it.
    fn breaks_off(&mut self, thread: Tid) -> i64 {
        let user = self.userland.user(thread);
        (user.repeats, user.result_goes_to) = (true, None);
        RESTART
    }

    /// The thread's job has been given up: it goes on where the job ends, and handlers that it was in are
    /// left as by siglongjmp(3).
    fn leave_job(&mut self, cpu: usize, thread: Tid) {
        self.kernel.given_up.remove(&thread);
        let image = self.image;
        while let Some((_, mask)) = self.userland.user(thread).handled(image) {
            self.kernel.set_mask(thread, mask);
        }
        if let Some(own) = self.kernel.signals.threads.get_mut(&thread) {
            own.unfinished = Unfinished::default();
        }
        self.kernel.look_again(thread);
        if self.userland.user(thread).leave_job(image) {
            self.kernel.cpus[cpu].left = Span::ZERO;
        }
    }

    /// The current thread's own instruction has earned its process a signal.
    pub(super) fn force_signal(&mut self, cpu: usize, signal: Signal) -> Option<Trap> {
        let thread = self.kernel.cpus[cpu].current;
        self.kernel.force_signal(cpu, thread, signal);
        if self.kernel.tasks[thread.index()].doomed.is_none() {
            self.kernel.emit(cpu, Kind::ExceptionExit);
        }
        let at = {
            let user = &self.userland.users[thread.index()];
            u64::from(user.program.0) << 32 | u64::from(user.next)
        };
        let own = self.kernel.signals.thread(thread);
        own.faults = if own.faults.0 == at { (at, own.faults.1 + 1) } else { (at, 1) };
        if own.faults.1 >= FAULTS_IN_A_ROW {
            let text = format!(
                "{}: the handler of {signal} returns, and the instruction that raises it is executed again \
                 and again; let the handler exit, or mend what is wrong",
                self.describe(thread)
            );
            self.outcome = Some(Outcome::Livelock { text });
        }
        let here = &mut self.kernel.cpus[cpu];
        (here.context, here.left) = (Context::User, std::mem::take(&mut here.debt));
        self.go_on(cpu)
    }
}

/// A handler's call of `rt_sigreturn` takes effect: the thread is where it was, and has a look at what
/// it goes on with.
#[cold]
pub(super) fn return_from_handler<S: Sink>(call: &mut Call<'_, S>) -> Result<CallOutcome, Errno> {
    let (image, thread) = (call.image, call.task);
    let Some((unfinished, mask)) = call.user().handled(image) else { return Err(Errno::EFAULT) };
    call.kernel.signals.thread(thread).unfinished = unfinished;
    call.kernel.set_mask(thread, mask);
    Ok(CallOutcome::Done(0))
}
