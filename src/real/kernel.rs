//! What only the kernel could see: switches, wake-ups, faults, interrupts and signals, in the words
//! of the trace's schema.
//!
//! Threads that aren't the run's count as the idle loop: the trace is about the run, and what else
//! the host does is only seen as time that the run's threads don't get. The kernel has no trace
//! point for the end of a page fault: a fault that didn't block ends when it begins. Now and
//! then the filter by process lets a switch from idle, or a wake-up, go unrecorded; it is inferred from the
//! thread's next event. Where the kernel was asked by way of performance events, it has said less; see
//! [`perf`](super::perf).

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{CallId, CpuId, StepId, Tid, Vector};
use crate::program::image::Image;
use crate::signal::Signal;
use crate::trace::header::VectorEntry;
use crate::trace::{Cause, Fault, Kind, Moved, Why};

use super::regions::Regions;
use super::run::Measured;
use super::seen::{DEAD, Point, Raw, SLEEPS, SLEEPS_DEEPLY, Seen};
use super::waits::waits;
use crate::program::call::Awaits;

/// Bits of a page fault's error code, as the processor gives it.
const PRESENT: i64 = 1;
const WRITE: i64 = 2;

/// The kernel's names of its softirqs, by number.
const SOFTIRQS: [&str; 10] =
    ["hi", "timer", "net-tx", "net-rx", "block", "irq-poll", "tasklet", "sched", "hrtimer", "rcu"];
/// The first vector for hardware interrupts; those below are softirqs.
const FIRST_IRQ: u8 = 16;
/// So many hardware interrupts have a line of their own.
const MOST_IRQS: usize = 40;

/// Translates the kernel's events.
pub struct Translator<'a> {
    /// Threads of the run by the host's numbers.
    tasks: BTreeMap<i32, Tid>,
    /// The run's CPUs by the host's numbers.
    cpus: &'a [usize],
    /// The scenario's memory objects.
    memories: Regions,
    events: &'a [Raw],
    /// Whether wake-ups, and the ends of page faults, are among them.
    sees_wakeups: bool,
    sees_fault_ends: bool,
    waits: BTreeMap<(StepId, CallId), Awaits>,
    irqs: Vec<i64>,
    on_cpu: BTreeMap<Tid, CpuId>,
    current: BTreeMap<CpuId, Tid>,
    /// Threads that are blocked inside of a page fault.
    faulting: BTreeSet<Tid>,
    blocked: BTreeSet<Tid>,
    /// CPUs whose timer has rung since the last wake-up there.
    ticked: BTreeSet<CpuId>,
    exited: BTreeSet<Tid>,
}

/// What a kernel event amounts to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translated {
    pub cpu: Option<CpuId>,
    pub task: Tid,
    /// What must have happened before, though it wasn't recorded, each with the thread that was
    /// current then.
    pub inferred: Vec<(Tid, Kind)>,
    /// The thread that was over before this.
    pub ends: Option<Tid>,
    pub kinds: [Option<Kind>; 2],
}

impl<'a> Translator<'a> {
    pub fn new(image: &Image, measured: &'a Measured, seen: &'a Seen) -> Translator<'a> {
        let events = &seen.events;
        let mut irqs: Vec<i64> = events
            .iter()
            .filter(|event| event.point == Point::IrqEntry)
            .map(|event| event.values[0])
            .collect();
        irqs.sort_unstable();
        irqs.dedup();
        irqs.truncate(MOST_IRQS);
        Translator {
            // One that was ended before it began has no number, as the host's idle loop.
            tasks: (measured.rows.iter().filter(|row| row.host_thread > 0))
                .map(|row| (row.host_thread, row.task))
                .collect(),
            memories: Regions::new(image, &measured.memories),
            cpus: &measured.cpus,
            events,
            sees_wakeups: seen.sees(Point::Wakeup),
            sees_fault_ends: seen.sees(Point::FaultEnd),
            waits: waits(image),
            irqs,
            on_cpu: BTreeMap::new(),
            current: BTreeMap::new(),
            faulting: BTreeSet::new(),
            blocked: BTreeSet::new(),
            ticked: BTreeSet::new(),
            exited: BTreeSet::new(),
        }
    }

    /// The lines that interrupts came on, highest first.
    pub fn vectors(&self) -> Vec<VectorEntry> {
        let entry = |vector, name: String| VectorEntry { vector: Vector(vector), name, device: None };
        let used = |vector: u8| {
            let number = i64::from(vector);
            self.events.iter().any(|event| event.point == Point::SoftirqEntry && event.values[0] == number)
        };
        let soft = SOFTIRQS.iter().zip(0_u8..).filter(|(_, number)| used(*number));
        let soft = soft.map(|(name, number)| entry(number + 1, format!("softirq {name}")));
        let hard = self.irqs.iter().zip(FIRST_IRQ..).map(|(irq, vector)| entry(vector, format!("irq {irq}")));
        let mut vectors: Vec<VectorEntry> = soft.chain(hard).collect();
        vectors.push(entry(crate::hw::interrupt::LOCAL_TIMER.0, "timer".to_owned()));
        if self.events.iter().any(|event| event.point == Point::RescheduleEntry) {
            vectors.push(entry(crate::hw::interrupt::RESCHEDULE.0, "reschedule".to_owned()));
        }
        vectors.sort_by_key(|entry| std::cmp::Reverse(entry.vector));
        vectors
    }

    /// The CPU that a thread is on; none while the CPU where it was last seen runs another, by what the
    /// kernel recorded.
    pub fn cpu_of(&self, task: Tid) -> Option<CpuId> {
        self.on_cpu.get(&task).copied().filter(|cpu| self.current.get(cpu) == Some(&task))
    }

    fn task(&self, host: i64) -> Tid {
        i32::try_from(host).ok().and_then(|host| self.tasks.get(&host)).copied().unwrap_or(Tid::IDLE)
    }

    fn cpu(&self, host: i64) -> Option<CpuId> {
        self.cpus.iter().position(|&cpu| cpu as i64 == host).map(CpuId::from)
    }

    /// What the event at `index` amounts to; `doing` says which call a thread is inside of.
    pub fn translate(&mut self, index: usize, doing: &BTreeMap<Tid, (CallId, StepId)>) -> Option<Translated> {
        let event = self.events[index];
        let cpu = self.cpu(event.cpu as i64);
        let task = self.task(i64::from(event.pid));
        let own = task != Tid::IDLE && cpu.is_some();
        let mut inferred = Vec::new();
        match (event.point, cpu) {
            (Point::Switch, Some(cpu)) => self.arrive(self.task(event.values[0]), cpu, &mut inferred),
            (_, Some(cpu)) if own && !self.exited.contains(&task) => self.arrive(task, cpu, &mut inferred),
            (_, Some(_) | None) => {}
        }
        // What happens on other CPUs, or while others run, is nobody's of the run.
        let shown = cpu.filter(|_| own || event.point == Point::Switch);
        let meaning = self.meaning(index, cpu, task, doing, &mut inferred);
        // An event that means nothing here can still show that its thread is on the CPU.
        let nothing = meaning.is_none() && inferred.is_empty();
        let (kinds, ends) = meaning.unwrap_or_default();
        (!nothing).then_some(Translated { cpu: shown, task, inferred, ends, kinds })
    }

    /// The kinds that an event of the kernel becomes, and the thread that was over before.
    fn meaning(
        &mut self,
        index: usize,
        cpu: Option<CpuId>,
        task: Tid,
        doing: &BTreeMap<Tid, (CallId, StepId)>,
        inferred: &mut Vec<(Tid, Kind)>,
    ) -> Option<([Option<Kind>; 2], Option<Tid>)> {
        let event = self.events[index];
        let [first, second, third] = event.values;
        let own = task != Tid::IDLE && cpu.is_some();
        let mut kinds = [None; 2];
        let mut ends = None;
        kinds[0] = match event.point {
            Point::Switch => {
                let cpu = cpu?;
                let (prev, next) = (self.task(first), self.task(third));
                if prev == next {
                    return None;
                }
                // Between the trace point of its exit and this one a thread can still block.
                if second & DEAD != 0 && prev != Tid::IDLE {
                    self.exited.insert(prev);
                    ends = Some(prev);
                }
                let why = self.why(prev, second, next, cpu, doing);
                self.on_cpu.remove(&prev);
                self.on_cpu.insert(next, cpu);
                self.current.insert(cpu, next);
                self.blocked.remove(&prev);
                if matches!(why, Why::Blocked { .. }) {
                    self.blocked.insert(prev);
                }
                self.insist_awake(next, prev, cpu, inferred);
                if !self.sees_fault_ends && self.faulting.remove(&next) {
                    kinds[1] = Some(Kind::ExceptionExit);
                }
                Some(Kind::SchedSwitch { prev, next, why })
            }
            Point::Waking => Some(Kind::SchedWaking { task: self.named(first)? }),
            Point::Wakeup | Point::WakeupNew => {
                let on = self.cpu(second)?;
                self.ticked.remove(&on);
                self.blocked.remove(&self.task(first));
                Some(Kind::SchedWakeup { task: self.named(first)?, on })
            }
            Point::Migrate => {
                let (from, to) = (self.cpu(second)?, self.cpu(third)?);
                Some(Kind::SchedMigrate { task: self.named(first)?, from, to, why: Moved::Unknown })
            }
            Point::SignalGenerate => {
                let signal = Signal::from_number(first as u16)?;
                Some(Kind::SignalGenerate { signal, to: self.named(second)? })
            }
            _ if !own || self.exited.contains(&task) => return None,
            Point::FaultUser => {
                let fault = self.fault(index, second);
                match fault {
                    Fault::Major => {
                        self.faulting.insert(task);
                    }
                    Fault::Minor | Fault::CopyOnWrite if !self.sees_fault_ends => {
                        kinds[1] = Some(Kind::ExceptionExit)
                    }
                    Fault::Minor | Fault::CopyOnWrite | Fault::Protection => {}
                }
                Some(Kind::PageFaultUser { page: self.memories.page(first), fault })
            }
            Point::FaultEnd => {
                self.faulting.remove(&task);
                Some(Kind::ExceptionExit)
            }
            Point::FaultKernel => Some(Kind::PageFaultKernel {
                page: self.memories.page(first),
                fault: self.fault(index, second),
            }),
            Point::IrqEntry => Some(Kind::IrqHandlerEntry { vector: self.irq(first)? }),
            Point::IrqExit => Some(Kind::IrqHandlerExit { vector: self.irq(first)?, handled: second != 0 }),
            Point::SoftirqEntry => Some(Kind::SoftirqEntry { vector: Vector(first as u8 + 1) }),
            Point::SoftirqExit => Some(Kind::SoftirqExit { vector: Vector(first as u8 + 1) }),
            Point::TimerEntry => {
                self.ticked.extend(cpu);
                Some(Kind::LocalTimerEntry)
            }
            Point::TimerExit => Some(Kind::LocalTimerExit),
            Point::RescheduleEntry => Some(Kind::RescheduleEntry),
            Point::RescheduleExit => Some(Kind::RescheduleExit),
            // The defaults are the rules 0 and 1; others are places of handlers.
            Point::SignalDeliver => {
                let signal = Signal::from_number(first as u16)?;
                Some(Kind::SignalDeliver { signal, handled: !(0..=1).contains(&second) })
            }
            // The notes know better which call it is.
            Point::SysEnter | Point::SysExit | Point::Fork | Point::Exit => None,
        };
        Some((kinds, ends))
    }

    /// The thread is on the CPU, so the CPU must have switched to it.
    fn arrive(&mut self, task: Tid, cpu: CpuId, inferred: &mut Vec<(Tid, Kind)>) {
        if task == Tid::IDLE {
            return;
        }
        let Some(prev) = self.current.insert(cpu, task).filter(|prev| *prev != task) else { return };
        self.insist_awake(task, prev, cpu, inferred);
        self.on_cpu.remove(&prev);
        self.on_cpu.insert(task, cpu);
        let why = if prev == Tid::IDLE { Why::WorkArrived } else { Why::Preempted { by: task } };
        inferred.push((prev, Kind::SchedSwitch { prev, next: task, why }));
        if !self.sees_fault_ends && self.faulting.remove(&task) {
            inferred.push((task, Kind::ExceptionExit));
        }
    }

    /// A thread that goes on must have been woken.
    fn insist_awake(&mut self, task: Tid, current: Tid, on: CpuId, inferred: &mut Vec<(Tid, Kind)>) {
        if self.blocked.remove(&task) && self.sees_wakeups {
            inferred.push((current, Kind::SchedWakeup { task, on }));
        }
    }

    fn named(&self, host: i64) -> Option<Tid> {
        Some(self.task(host)).filter(|task| *task != Tid::IDLE)
    }

    fn irq(&self, number: i64) -> Option<Vector> {
        let index = self.irqs.iter().position(|irq| *irq == number)?;
        Some(Vector(FIRST_IRQ + index as u8))
    }

    /// The next event of the same thread.
    fn next(&self, index: usize) -> Option<Raw> {
        let pid = self.events[index].pid;
        self.events[index + 1..].iter().find(|event| event.pid == pid).copied()
    }

    fn fault(&self, index: usize, code: i64) -> Fault {
        if self.sees_fault_ends {
            return self.ended_fault(index);
        }
        let next = self.next(index);
        let point = |point| next.filter(|next| next.point == point);
        let segv = Signal::SIGSEGV as i64;
        if point(Point::SignalGenerate).is_some_and(|next| next.values[0] == segv) {
            Fault::Protection
        } else if point(Point::Switch).is_some_and(|next| next.values[1] & SLEEPS_DEEPLY != 0) {
            Fault::Major
        } else if code & (PRESENT | WRITE) == PRESENT | WRITE {
            Fault::CopyOnWrite
        } else {
            Fault::Minor
        }
    }

    /// What the fault's end says of it. One that has none is the thread's last deed.
    fn ended_fault(&self, index: usize) -> Fault {
        let pid = self.events[index].pid;
        let own =
            |event: &&Raw| event.pid == pid && matches!(event.point, Point::FaultUser | Point::FaultEnd);
        match self.events[index + 1..].iter().find(own) {
            Some(next) if next.point == Point::FaultEnd && next.values[1] != 0 => Fault::Major,
            Some(next) if next.point == Point::FaultEnd => Fault::Minor,
            Some(_) | None => Fault::Protection,
        }
    }

    fn why(
        &mut self,
        prev: Tid,
        state: i64,
        next: Tid,
        cpu: CpuId,
        doing: &BTreeMap<Tid, (CallId, StepId)>,
    ) -> Why {
        let ticked = self.ticked.remove(&cpu);
        if prev == Tid::IDLE {
            return Why::WorkArrived;
        }
        if self.exited.contains(&prev) {
            return Why::Exited;
        }
        let call = doing.get(&prev);
        if state & (SLEEPS | SLEEPS_DEEPLY) != 0 {
            let page = self.faulting.contains(&prev);
            let known = call.and_then(|&(call, step)| self.waits.get(&(step, call)));
            let other = if state & SLEEPS_DEEPLY != 0 { Cause::Disk } else { Cause::Futex };
            let (on, object) = match known {
                _ if page => (Cause::Page, None),
                Some(&Awaits { on, object }) => (on, object),
                None => (other, None),
            };
            return Why::Blocked { on, object };
        }
        let yields = call.is_some_and(|(call, _)| is_yield(*call));
        match (yields, ticked, next) {
            (true, _, _) => Why::Yielded,
            (_, true, _) | (_, _, Tid::IDLE) => Why::SliceEnd,
            (false, false, by) => Why::Preempted { by },
        }
    }
}

fn is_yield(call: CallId) -> bool {
    crate::program::syscall::NAMES.get(usize::from(call.0)).is_some_and(|name| *name == "sched_yield")
}
