//! From one thread to another on a CPU, and to the same one again.
//!
//! The counterpart in Linux is `context_switch`. What it costs stands in the cost profile as a whole or in
//! parts ([`SwitchPrices`](super::cost::SwitchPrices)).

use crate::ids::{CpuId, Tid};
use crate::time::{Instant, Span};
use crate::trace::{Kind, Sink, Why};

use super::Kernel;
use super::task::State;
use super::work::{Context, Work};

impl<S: Sink> Kernel<S> {
    /// Nobody else wants the CPU: the previous thread keeps it.
    pub(super) fn go_on(&mut self, cpu: usize, thread: Tid, why: Why) {
        let here = &mut self.cpus[cpu];
        if thread == Tid::IDLE {
            here.begin(Context::Idle, Span::ZERO);
            if self.keeps_account {
                // Somebody may have come who runs later.
                self.set_timer(cpu);
            }
            return;
        }
        let task = &mut self.tasks[thread.index()];
        task.state = State::Running;
        if !self.prices.again.is_zero() {
            here.slice = None;
            return self.choose_again(cpu, thread, why);
        }
        here.begin(task.context, task.left);
        self.begin_slice(cpu);
    }

    /// The same thread is chosen again, which takes time: as a switch from it to itself.
    #[cold]
    fn choose_again(&mut self, cpu: usize, thread: Tid, why: Why) {
        self.emit(cpu, Kind::SchedSwitch { prev: thread, next: thread, why });
        self.cpus[cpu].begin(Context::Kernel(Work::Switch), self.prices.again);
        self.set_timer(cpu);
    }

    /// A thread has become ready that the running one needn't give way to. It goes on with the slice that it
    /// is in, but its state is saved for the decision and loaded after it.
    #[cold]
    pub(super) fn reload(&mut self, cpu: usize) {
        let here = &mut self.cpus[cpu];
        let current = here.current;
        here.reschedule = None;
        let task = &mut self.tasks[current.index()];
        (task.context, task.left) = (here.context, here.left);
        self.choose_again(cpu, current, Why::WorkArrived);
    }

    pub(super) fn switch(&mut self, cpu: usize, previous: Tid, next: Tid, why: Why) {
        self.emit(cpu, Kind::SchedSwitch { prev: previous, next, why });
        let (same_space, cost) = if next == Tid::IDLE {
            (true, self.prices.to_idle)
        } else {
            let task = &mut self.tasks[next.index()];
            task.state = State::Running;
            task.cpu = CpuId::from(cpu);
            let process = task.process;
            let before = (previous != Tid::IDLE).then(|| self.tasks[previous.index()].process);
            let cold = if self.costs.switch_cold.is_empty() { Span::ZERO } else { self.cold(cpu, next) };
            (
                before == Some(process),
                if before.is_some() { self.prices.between } else { self.prices.from_idle } + cold,
            )
        };
        if self.speeds.is_some() {
            self.change_speed(cpu, previous, next);
        }
        let next_one_pays = self.next_one_pays(why);
        let here = &mut self.cpus[cpu];
        if !same_space {
            here.tlb.flush();
        }
        here.current = next;
        if !next_one_pays {
            here.accounted = here.now;
        }
        here.begin(Context::Kernel(Work::Switch), cost);
        if here.slice.take().is_some() {
            self.set_timer(cpu);
        }
    }

    /// What the previous thread was computing is work again; what the next one was is time on this CPU.
    #[inline(never)]
    fn change_speed(&mut self, cpu: usize, previous: Tid, next: Tid) {
        let Kernel { speeds: Some(speeds), tasks, cpus, .. } = self else { return };
        let now = cpus[cpu].now;
        if previous != Tid::IDLE {
            let task = &mut tasks[previous.index()];
            let left = (task.context == Context::User).then_some(task.left);
            task.left = speeds.leave(cpu, previous, now, left).unwrap_or(task.left);
        }
        if next != Tid::IDLE {
            let task = &mut tasks[next.index()];
            task.left = speeds.arrive(cpu, next, now).unwrap_or(task.left);
        }
    }

    /// What a switch costs on top if the thread's data has left the CPU's caches: by how many switches
    /// ago it ran here. One that never did is as cold as can be.
    #[inline(never)]
    fn cold(&mut self, cpu: usize, next: Tid) -> Span {
        let distance = self.cpus[cpu].count_switch(next).unwrap_or(u64::MAX);
        self.costs.whole(self.costs.switch_cold.within_points(distance))
    }

    /// The switch is complete: the thread goes on where it was. The caller looks after a thread
    /// that goes on in user mode.
    pub fn switched(&mut self, cpu: usize) {
        self.emit(cpu, Kind::SchedExit);
        let here = &mut self.cpus[cpu];
        if here.current == Tid::IDLE {
            here.begin(Context::Idle, Span::ZERO);
            here.halts_at = here.now + self.costs.idle_poll;
            (here.slice, here.next_tick) =
                (None, if self.options.tickless_idle { Instant::NEVER } else { here.next_tick });
            self.set_timer(cpu);
            return;
        }
        let task = &self.tasks[here.current.index()];
        here.begin(task.context, task.left);
        if here.slice.is_some() {
            // It has only been loaded anew.
            return self.set_timer(cpu);
        }
        self.begin_slice(cpu);
    }
}
