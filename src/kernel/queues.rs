//! Run queues: each CPU's own, or one for all CPUs.
//!
//! With one for all, a thread that becomes ready goes to an idle CPU, or takes the CPU of the thread
//! that matters least, if that matters less than itself. Ties between CPUs: the one where the thread
//! was last, else the lowest number.

use crate::ids::{CpuId, Tid};
use crate::time::Instant;
use crate::trace::{Kind, Sink, Why};

use super::Kernel;
use super::options::Queues;
use super::sched::{Policy, Ready};
use super::schedule::thread;

impl<S: Sink> Kernel<S> {
    /// The run queue of a CPU.
    pub fn queue_of(&self, cpu: CpuId) -> &dyn Policy {
        self.queues[self.cpus[cpu.index()].queue].as_ref()
    }

    pub(super) fn queue_mut(&mut self, cpu: CpuId) -> &mut dyn Policy {
        self.queues[self.cpus[cpu.index()].queue].as_mut()
    }

    /// Puts a thread into the queue for all CPUs, and finds one for it.
    pub(super) fn make_ready_for_all(&mut self, by: usize, ready: Tid, last: CpuId, why: Ready) {
        let now = self.cpus[by].now;
        if self.keeps_account {
            for cpu in 0..self.cpus.len() {
                self.account(cpu, now);
            }
        }
        self.tasks[ready.index()].cpu = last;
        let Kernel { parameters, queues, .. } = self;
        queues[0].enqueue(thread(parameters, ready), why, now);
        self.offer(by, ready);
        if self.withheld_until(by) != Instant::NEVER {
            self.set_timer(by);
        }
    }

    /// When a CPU's policy will let a thread run that it keeps from running.
    #[inline]
    pub(super) fn withheld_until(&self, cpu: usize) -> Instant {
        if !self.keeps_account {
            return Instant::NEVER;
        }
        self.queues[self.cpus[cpu].queue].withholds_until().unwrap_or(Instant::NEVER)
    }

    /// Threads that the policy kept from running until now want a CPU.
    pub(super) fn let_withheld_run(&mut self, cpu: usize, now: Instant) {
        while self.withheld_until(cpu) <= now
            && let Some(ready) = self.queues[self.cpus[cpu].queue].release(now)
        {
            if self.options.queues == Queues::Global {
                self.offer(cpu, ready);
                continue;
            }
            let Kernel { parameters, cpus, queues, .. } = self;
            let here = &mut cpus[cpu];
            let why = if here.is_idle() {
                Why::WorkArrived
            } else if queues[here.queue].preempts(
                thread(parameters, ready),
                thread(parameters, here.current),
                now,
            ) {
                Why::Preempted { by: ready }
            } else {
                continue;
            };
            here.reschedule.get_or_insert(why);
        }
    }

    /// A thread in the queue for all CPUs gets one, if one is idle or runs somebody who must give way
    /// to it. If not, those that run have a slice from now on.
    pub(super) fn offer(&mut self, by: usize, ready: Tid) {
        let now = self.cpus[by].now;
        let (to, why) = match (self.idle_cpu_for(ready), self.least_important_for(by, ready)) {
            (Some(idle), _) => (idle, Why::WorkArrived),
            (None, Some(least)) => (least, Why::Preempted { by: ready }),
            (None, None) => {
                for cpu in 0..self.cpus.len() {
                    self.limit_slice(cpu, now);
                }
                return;
            }
        };
        self.cpus[to.index()].reschedule = Some(why);
        if to.index() != by {
            self.ask_to_schedule(by, to);
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
        let order: Vec<CpuId> = self.last_first(last).collect();
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
        let picked = if self.is_pinned {
            let waiting = self.queues[0].queue();
            let first = waiting.into_iter().find(|id| self.tasks[id.index()].affinity.allows(here))?;
            self.queues[0].remove(first);
            first
        } else {
            self.queues[0].pick(now)?
        };
        let from = std::mem::replace(&mut self.tasks[picked.index()].cpu, here);
        if from != here {
            self.emit(cpu, Kind::SchedMigrate { task: picked, from, to: here });
        }
        Some(picked)
    }
}
