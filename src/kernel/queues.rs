//! Run queues: each CPU's own, or one for all CPUs.
//!
//! With one for all, a thread that becomes ready goes to an idle CPU, or takes the CPU of the thread
//! that matters least, if that matters less than itself. Ties between CPUs: the one where the thread
//! was last, else the lowest number. A policy can also say itself which CPU a thread runs on.

use crate::hw::interrupt::LOCAL_TIMER;
use crate::ids::{CpuId, Tid};
use crate::time::{Instant, Span};
use crate::trace::{Kind, Moved, Sink, Why};

use super::Kernel;
use super::options::Queues;
use super::sched::{News, Policy, Ready};
use super::schedule::thread;

impl<S: Sink> Kernel<S> {
    /// The run queue of a CPU.
    pub fn queue_of(&self, cpu: CpuId) -> &dyn Policy {
        self.queues[self.cpus[cpu.index()].queue].as_ref()
    }

    pub(super) fn queue_mut(&mut self, cpu: CpuId) -> &mut dyn Policy {
        self.queues[self.cpus[cpu.index()].queue].as_mut()
    }

    /// Whether the policy promises that no CPU idles while a thread that may run there waits in its
    /// queue.
    pub fn conserves_work(&self) -> bool {
        self.queues.iter().all(|queue| queue.conserves_work())
    }

    /// The policy of a CPU may have done something of which the trace should tell, while CPU `by` took its turn.
    #[inline]
    pub(super) fn tell_news(&mut self, by: usize, on: CpuId) {
        if !self.gives_reasons {
            return;
        }
        match self.queue_mut(on).news() {
            Some(News::Boost { level, due }) => {
                self.emit(by, Kind::SchedBoost { on, level, due: due.as_nanos() });
            }
            Some(News::Load(load)) => self.emit(by, Kind::SchedLoad { load }),
            None => {}
        }
    }

    /// The time of whoever runs on a CPU is accounted; with one queue for all, everybody's, since what they
    /// are due depends on each other.
    #[inline(always)]
    pub(super) fn account_all(&mut self, cpu: usize, now: Instant) {
        if self.keeps_account && self.options.queues == Queues::Global {
            (0..self.cpus.len()).for_each(|other| self.account(other, now));
        } else {
            self.account(cpu, now);
        }
    }

    /// A CPU that idled because it belonged to a thread which goes elsewhere has others to run now.
    pub(super) fn set_free(&mut self, by: usize, from: CpuId) {
        let has_nobody = self.queue_of(from).has_nobody();
        if self.cpus[from.index()].is_idle() && !has_nobody {
            self.notify(by, from, Why::WorkArrived);
        }
    }

    /// Puts a thread into the queue for all CPUs, and finds one for it.
    pub(super) fn make_ready_for_all(&mut self, by: usize, ready: Tid, last: CpuId, why: Ready) {
        let now = self.cpus[by].now;
        if self.keeps_account {
            self.account_all(by, now);
        }
        self.tasks[ready.index()].cpu = last;
        let Kernel { tasks, parameters, queues, .. } = self;
        if why == Ready::New && queues[0].seats() {
            let task = &mut tasks[ready.index()];
            queues[0].joins(ready, task.process);
            task.cpu = queues[0].seat(ready).unwrap_or(last);
        }
        queues[0].enqueue(thread(parameters, ready), why, now);
        self.offer(by, ready);
        if self.keeps_account && self.policy_due(by) != Instant::NEVER {
            self.set_timer(by);
        }
    }

    /// A thread in the queue for all CPUs gets one, if one is idle or runs somebody who must give way
    /// to it. If not, those that run have a slice from now on.
    pub(super) fn offer(&mut self, by: usize, ready: Tid) {
        let now = self.cpus[by].now;
        if self.queues[0].seats() {
            return self.offer_seat(by, ready);
        }
        if let Some(idle) = self.idle_cpu_for(ready) {
            self.notify(by, idle, Why::WorkArrived);
        } else if let Some(least) = self.least_important_for(by, ready) {
            self.notify(by, least, Why::Preempted { by: ready });
        } else {
            for cpu in 0..self.cpus.len() {
                self.limit_slice(cpu, now);
            }
        }
    }

    /// The same where the policy says which CPU it is.
    fn offer_seat(&mut self, by: usize, ready: Tid) {
        let now = self.cpus[by].now;
        let Kernel { parameters, cpus, queues, .. } = self;
        if let Some(seat) = queues[0].seat(ready) {
            let there = &cpus[seat.index()];
            let why = if there.is_idle() {
                Some(Why::WorkArrived)
            } else {
                let preempts =
                    queues[0].preempts(thread(parameters, ready), thread(parameters, there.current), now);
                preempts.then_some(Why::Preempted { by: ready })
            };
            if let Some(why) = why {
                self.notify(by, seat, why);
            }
        }
        for cpu in 0..self.cpus.len() {
            let before = self.cpus[cpu].timer;
            self.limit_slice(cpu, now);
            self.postpone(by, cpu, before);
        }
    }

    /// Another CPU's timer that has been set anew comes at the next nanosecond at the earliest: nothing
    /// crosses the machine in no time.
    fn postpone(&mut self, by: usize, cpu: usize, before: Instant) {
        let now = self.cpus[by].now;
        let timer = &mut self.cpus[cpu].timer;
        if cpu != by && *timer <= now && before > now {
            *timer = now + Span::TICK;
        }
    }

    /// What a CPU has just chosen may change what the others should run: they are told.
    pub(super) fn call_the_others(&mut self, by: usize) {
        let now = self.cpus[by].now;
        for cpu in (0..self.cpus.len()).filter(|&cpu| cpu != by) {
            let there = &self.cpus[cpu];
            let before = there.timer;
            // Its own timer may tell it at this very moment.
            let served = there.interrupts.pending() | there.interrupts.in_service();
            let hears = there.timer <= now || served & (1 << LOCAL_TIMER.0) != 0;
            if !hears && there.reschedule.is_none() && self.policy_due(cpu) <= now {
                self.policy_elapses(cpu, now);
                let there = &self.cpus[cpu];
                if there.reschedule.is_some() {
                    self.ask_to_schedule(by, there.id);
                }
            }
            self.set_timer(cpu);
            self.postpone(by, cpu, before);
        }
    }

    fn idle_cpu_for(&self, ready: Tid) -> Option<CpuId> {
        let task = &self.tasks[ready.index()];
        self.last_first(task.cpu).find(|&id| {
            let cpu = &self.cpus[id.index()];
            cpu.is_idle() && cpu.reschedule.is_none() && task.affinity.allows(id)
        })
    }

    /// Of the CPUs whose threads must give way to this one, the one whose thread would have to give way
    /// to all the others'.
    fn least_important_for(&mut self, by: usize, ready: Tid) -> Option<CpuId> {
        let now = self.cpus[by].now;
        let (last, affinity) = (self.tasks[ready.index()].cpu, self.tasks[ready.index()].affinity);
        let order = self.last_first(last);
        let Kernel { parameters, cpus, queues, .. } = self;
        let mut least: Option<(CpuId, Tid)> = None;
        for id in order {
            let cpu = &cpus[id.index()];
            if cpu.is_idle() || cpu.reschedule.is_some() || !affinity.allows(id) {
                continue;
            }
            let mut gives_way = |to: Tid| {
                queues[cpu.queue].preempts(thread(parameters, to), thread(parameters, cpu.current), now)
            };
            if gives_way(ready) && least.is_none_or(|(_, other)| gives_way(other)) {
                least = Some((id, cpu.current));
            }
        }
        least.map(|(id, _)| id)
    }

    /// All CPUs: this one, then the others by their numbers.
    fn last_first(&self, last: CpuId) -> impl Iterator<Item = CpuId> + use<S> {
        let others = (0..self.cpus.len()).map(CpuId::from).filter(move |&id| id != last);
        std::iter::once(last).chain(others)
    }

    /// Takes the thread that runs next on a CPU out of the queue for all: the first that may run there.
    pub(super) fn pick_of_all(&mut self, cpu: usize) -> Option<Tid> {
        let (here, now) = (self.cpus[cpu].id, self.cpus[cpu].now);
        let Kernel { queues, tasks, is_pinned, .. } = self;
        let picked = if *is_pinned || queues[0].seats() {
            queues[0].pick_for(here, &|id| tasks[id.index()].affinity.allows(here), now)?
        } else {
            queues[0].pick(now)?
        };
        let from = std::mem::replace(&mut self.tasks[picked.index()].cpu, here);
        if from != here {
            self.emit(cpu, Kind::SchedMigrate { task: picked, from, to: here, why: Moved::Picked });
        }
        Some(picked)
    }
}
