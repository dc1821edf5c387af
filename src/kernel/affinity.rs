//! Which CPUs a thread may run on, and which of these has the least to do.

use std::sync::Arc;

use crate::ids::{CpuId, Tid};
use crate::trace::{Kind, Moved, Sink};

use super::Kernel;
use super::cpu::Cpu;
use super::options::Placement;
use super::sched::{Parameters, Ready};
use super::task::Affinity;

impl<S: Sink> Kernel<S> {
    /// The CPU that a new thread goes to: the one with the least to do, the lowest number among equals.
    pub fn place_new(&self, affinity: Affinity) -> CpuId {
        match affinity {
            Affinity::Any => self.least_loaded(),
            Affinity::Only(only) => only,
            Affinity::Among(_) => self.least_loaded_of(affinity),
        }
    }

    /// Where a thread is woken that may run on some CPUs only: where it was, if that is allowed and
    /// idle, or on one that has less to do.
    pub(super) fn place_among(&self, previous: CpuId, affinity: Affinity) -> CpuId {
        let stays =
            self.options.placement == Placement::Previous || self.is_unwanted(&self.cpus[previous.index()]);
        if affinity.allows(previous) && stays { previous } else { self.least_loaded_of(affinity) }
    }

    fn least_loaded_of(&self, affinity: Affinity) -> CpuId {
        let allowed = self.cpus.iter().filter(|cpu| affinity.allows(cpu.id));
        allowed.min_by_key(|cpu| (self.load(cpu), cpu.id)).map_or(CpuId(0), |cpu| cpu.id)
    }

    /// From now on the current thread of a CPU may run on these only. If this one isn't among them, it
    /// moves when it gives up the CPU.
    pub fn allow(&mut self, cpu: usize, thread: Tid, affinity: Affinity) -> bool {
        self.tasks[thread.index()].affinity = affinity;
        self.is_pinned |= affinity != Affinity::Any;
        affinity.allows(self.cpus[cpu].id)
    }

    /// The policy is told something else about the current thread of a CPU.
    pub fn set_parameters(&mut self, cpu: usize, thread: Tid, parameters: Arc<Parameters>) {
        let now = self.cpus[cpu].now;
        self.account(cpu, now);
        self.parameters[thread.index()] = parameters;
    }

    /// A thread that may not run here any more goes to another CPU.
    #[cold]
    pub(super) fn send_away(&mut self, cpu: usize, thread: Tid) {
        let (from, affinity) = (self.cpus[cpu].id, self.tasks[thread.index()].affinity);
        let to = self.place_new(affinity);
        if self.keeps_account {
            self.queue_mut(from).sent_away(thread);
        }
        self.emit(cpu, Kind::SchedMigrate { task: thread, from, to, why: Moved::Affinity });
        self.carry_over(thread, from, to);
        self.make_ready(cpu, thread, to, Ready::Migrated);
    }

    /// Whether no thread runs on a CPU, nor waits to.
    pub(super) fn is_unwanted(&self, cpu: &Cpu) -> bool {
        cpu.is_idle() && self.queues[cpu.queue].waiting() == 0
    }

    /// Threads that want a CPU: those that wait and the one that runs.
    pub(super) fn load(&self, cpu: &Cpu) -> usize {
        self.queues[cpu.queue].waiting() + usize::from(!cpu.is_idle())
    }

    pub(super) fn least_loaded(&self) -> CpuId {
        let least = self.cpus.iter().min_by_key(|cpu| (self.load(cpu), cpu.id));
        least.map_or(CpuId(0), |cpu| cpu.id)
    }
}
