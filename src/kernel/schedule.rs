//! Who runs where: waking, choosing the next thread, pre-emption, and the local timer.
//!
//! The counterparts in Linux are `try_to_wake_up`, `__schedule` and the `need_resched` flag.

use std::sync::Arc;

use crate::ids::{CpuId, Tid};
use crate::time::Instant;
use crate::trace::{Kind, Moved, Reason, Sink, Why};

use super::Kernel;
use super::cpu::Cpu;
use super::options::{Placement, Preemption, Queues};
use super::sched::{Parameters, Ready, Thread};
use super::task::{Affinity, State};
use super::work::Context;

pub(super) fn thread(parameters: &[Arc<Parameters>], id: Tid) -> Thread<'_> {
    Thread { id, parameters: &parameters[id.index()] }
}

/// Why a thread that stays ready is put back into the queue.
fn comes_back(why: Why) -> Option<Ready> {
    match why {
        Why::SliceEnd => Some(Ready::SliceEnd),
        Why::Preempted { .. } => Some(Ready::Preempted),
        Why::Yielded => Some(Ready::Yielded),
        Why::Blocked { .. } | Why::Exited | Why::WorkArrived => None,
    }
}

impl<S: Sink> Kernel<S> {
    /// Makes a blocked thread ready. `by` is the CPU on which that happens, and which pays for it.
    pub fn wake(&mut self, by: usize, woken: Tid) {
        self.emit(by, Kind::SchedWaking { task: woken });
        let task = &mut self.tasks[woken.index()];
        task.state = State::Ready;
        if task.timer != 0 {
            // It needn't wait for its time limit any more.
            task.timer = 0;
            self.hopes -= 1;
        }
        let task = &self.tasks[woken.index()];
        let from = task.cpu;
        let to = self.place(woken);
        if to != from {
            self.emit(by, Kind::SchedMigrate { task: woken, from, to, why: Moved::Woken });
            self.carry_over(woken, from, to);
            self.set_free(by, from);
        }
        let cost = self.costs.wakeup;
        self.cpus[by].debt += cost;
        self.make_ready(by, woken, to, Ready::Woken);
        self.emit(by, Kind::SchedWakeup { task: woken, on: to });
    }

    /// Puts a thread into a CPU's queue and lets that CPU know.
    #[inline(always)]
    pub fn make_ready(&mut self, by: usize, ready: Tid, to: CpuId, why: Ready) {
        if self.options.queues == Queues::Global {
            return self.make_ready_for_all(by, ready, to, why);
        }
        let now = self.cpus[by].now;
        // A thread that has slept in the queue finds its place there before the running one's time is
        // reckoned up, any other after that (`requeue_delayed_entity`, `enqueue_entity`).
        let held = self.keeps_account && self.queue_of(to).holds(ready);
        if self.keeps_account && !held {
            self.account(to.index(), now);
        }
        let Kernel { tasks, parameters, cpus, queues, .. } = self;
        tasks[ready.index()].cpu = to;
        queues[cpus[to.index()].queue].enqueue(thread(parameters, ready), why, now);
        if held {
            self.account(to.index(), now);
        }
        self.tell_news(by, to);
        let Kernel { parameters, cpus, queues, keeps_account, .. } = self;
        let cpu = &mut cpus[to.index()];
        let policy = &mut queues[cpu.queue];
        let is_over = *keeps_account && policy.is_over();
        let notice = if cpu.is_idle() {
            Some(Why::WorkArrived)
        } else if is_over {
            Some(Why::SliceEnd)
        } else if matches!(why, Ready::New | Ready::Woken | Ready::Migrated)
            && policy.preempts(thread(parameters, ready), thread(parameters, cpu.current), now)
        {
            Some(Why::Preempted { by: ready })
        } else {
            None
        };
        match notice {
            Some(why) => self.notify(by, to, why),
            None => {
                self.limit_slice(to.index(), now);
                if self.reloads {
                    self.notify(by, to, Why::WorkArrived);
                }
            }
        }
    }

    /// Lets a CPU know that it must schedule.
    #[inline(always)]
    pub(super) fn notify(&mut self, by: usize, to: CpuId, why: Why) {
        if self.cpus[to.index()].must_give_way(why) && to.index() != by {
            self.ask_to_schedule(by, to);
        }
    }

    /// The CPU that a woken thread goes to.
    #[inline(always)]
    fn place(&self, woken: Tid) -> CpuId {
        let task = &self.tasks[woken.index()];
        if self.queues.len() == 1 {
            return task.cpu;
        }
        match task.affinity {
            Affinity::Any => {}
            Affinity::Only(only) => return only,
            Affinity::Among(_) => return self.place_among(task.cpu, task.affinity),
        }
        let previous = &self.cpus[task.cpu.index()];
        if self.keeps_account && self.queue_of(previous.id).holds(woken) {
            return previous.id;
        }
        match self.options.placement {
            Placement::Previous => previous.id,
            Placement::Idle if self.is_unwanted(previous) => previous.id,
            Placement::Idle => {
                let idle = self.cpus.iter().find(|cpu| self.is_unwanted(cpu));
                idle.map_or(previous.id, |cpu| cpu.id)
            }
            Placement::Shortest => self.least_loaded(),
        }
    }

    /// Gives the CPU to whoever is next. What the previous thread would go on with is what the CPU
    /// is at now; a thread that ended or blocked has been marked so before.
    pub fn schedule(&mut self, cpu: usize, why: Why) {
        let now = self.cpus[cpu].now;
        if self.reloads && why == Why::WorkArrived && !self.cpus[cpu].is_idle() {
            return self.reload(cpu);
        }
        if !self.next_one_pays(why) {
            self.account_all(cpu, now);
        }
        let Kernel { tasks, parameters, cpus, queues, keeps_account, .. } = self;
        let here = &mut cpus[cpu];
        let previous = here.current;
        here.reschedule = None;
        if previous != Tid::IDLE {
            let task = &mut tasks[previous.index()];
            (task.context, task.left) = (here.context, here.left);
            match comes_back(why) {
                Some(_) if task.affinity != Affinity::Any && !task.affinity.allows(here.id) => {
                    task.state = State::Ready;
                    self.send_away(cpu, previous);
                }
                Some(ready) => {
                    task.state = State::Ready;
                    queues[here.queue].enqueue(thread(parameters, previous), ready, now);
                }
                None if *keeps_account => queues[here.queue].left(previous, why == Why::Exited),
                None => {}
            }
        }
        self.tell_news(cpu, CpuId::from(cpu));
        let queue = self.cpus[cpu].queue;
        let picked = match self.options.queues {
            Queues::PerCpu => self.queues[queue].pick(now),
            Queues::Global => self.pick_of_all(cpu),
        };
        self.tell_news(cpu, CpuId::from(cpu));
        if self.gives_reasons
            && let (Some(task), Some(Reason { rule, number })) = (picked, self.queues[queue].reason())
        {
            self.emit(cpu, Kind::SchedPick { task, rule, number });
        }
        let next = picked.or_else(|| self.steal(cpu)).unwrap_or(Tid::IDLE);
        if self.options.queues == Queues::Global {
            if previous != next && comes_back(why).is_some() {
                self.offer(cpu, previous);
            }
            if self.keeps_account {
                self.call_the_others(cpu);
            }
        }
        if next == previous {
            self.go_on(cpu, next, why);
        } else {
            self.switch(cpu, previous, next, why);
        }
    }

    /// The clock isn't read a second time for a switch that a wake-up has asked for: the time since
    /// then counts as the next thread's (`rq_clock_skip_update` in `wakeup_preempt`).
    pub(super) const fn next_one_pays(&self, why: Why) -> bool {
        self.charges_the_next && matches!(why, Why::Preempted { .. })
    }

    /// Tells the policy how long the current thread has run until now, which is the time on the CPU
    /// whose turn it is.
    #[inline]
    pub(super) fn account(&mut self, cpu: usize, now: Instant) {
        let Kernel { parameters, cpus, queues, .. } = self;
        let here = &mut cpus[cpu];
        if here.current != Tid::IDLE {
            let time = now.since(here.accounted);
            queues[here.queue].ran(thread(parameters, here.current), time, now);
            here.accounted = now;
        }
    }

    /// A thread that isn't in a queue goes to another CPU with what its policy knows of it.
    pub(super) fn carry_over(&mut self, thread: Tid, from: CpuId, to: CpuId) {
        if self.keeps_account {
            let baggage = self.queue_mut(from).hand_over(thread);
            self.queue_mut(to).take_over(thread, baggage);
        }
    }

    /// Whether the thread may lose the CPU where it is now, having been asked to give way.
    pub fn may_preempt(&self, here: &Cpu) -> bool {
        match here.context {
            Context::Idle | Context::User => true,
            Context::Kernel(work) => self.options.preemption == Preemption::Full && !work.masks_interrupts(),
        }
    }
}
