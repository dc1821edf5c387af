//! What one job of a program takes: the longest way from one `next-period` to the next through the program's
//! instructions.
//!
//! Of two branches the longer one counts, and a loop as often as it says. What isn't known without running the
//! program is said: a random amount, a loop until something happens, a call that may wait. A lock counts as free
//! on the way; waiting for it is blocking, and that is counted elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::ObjectId;
use crate::kernel::cost::Costs;
use crate::program::Image;
use crate::program::image::Program;
use crate::program::instruction::{Address, Instruction, Note};
use crate::program::syscall::{NAMES, Syscall};
use crate::program::value::{Amount, Operand};
use crate::time::Span;

use super::longest::{Graph, Length};

/// A time, or why it isn't known.
pub type Known = Result<Span, String>;

/// What a job takes, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The longest computing of its `compute` steps.
    pub computing: Known,
    /// The longest that everything else in it takes: plain instructions, and calls that don't wait.
    pub others: Known,
    /// The step at which a job may wait for something else than a lock or its next release.
    pub waits: Option<String>,
    /// The longest that it holds each lock.
    pub sections: BTreeMap<ObjectId, Known>,
    /// How many locks a job takes at most.
    pub locks: u64,
    /// The longest call that it makes.
    pub longest_call: Span,
}

/// Looks at a program; `body` is that of each of its jobs.
pub fn body(image: &Image, program: &Program) -> Body {
    let look = Look { image, program };
    let graph = look.graph();
    let jobs = |weight: &dyn Fn(&Instruction) -> Length| {
        let ends = |instruction: &Instruction| ends_job(instruction).then_some(Length::NONE);
        let lengths = graph.longest(weight, &ends);
        look.beginnings().map(|at| lengths.at(at)).max().unwrap_or(Length::NONE)
    };
    let reached = graph.reached(look.beginnings());
    let instructions = || reached.iter().map(|&at| &program.code[at as usize]);
    let steps = reached.iter().map(|&at| (&program.code[at as usize], program.steps[at as usize]));
    let waits = steps.clone().find(|(instruction, _)| may_wait(instruction));
    let pages: BTreeSet<u32> = instructions().filter_map(touches).collect();
    let faults = image.costs.whole(first_access(&image.costs)) * pages.len() as u64;
    let held = instructions().filter_map(|instruction| match instruction {
        Instruction::Note(Note::Acquired { object }) => Some(*object),
        _ => None,
    });
    let held: BTreeSet<ObjectId> = held.collect();
    Body {
        computing: jobs(&|instruction| look.computing(instruction)).known(),
        others: jobs(&|instruction| look.others(instruction)).known().map(|time| time + faults),
        waits: waits.map(|(_, step)| {
            image.steps.get(step.index()).map_or_else(String::new, |step| step.text.clone())
        }),
        sections: held.into_iter().map(|lock| (lock, look.section(&graph, &reached, lock))).collect(),
        locks: jobs(&|instruction| match instruction {
            Instruction::Note(Note::Acquired { .. }) => Length::Time(1),
            _ => Length::NONE,
        })
        .known()
        .map_or(0, Span::as_nanos),
        longest_call: instructions()
            .filter_map(|instruction| look.call(instruction))
            .max()
            .unwrap_or(Span::ZERO),
    }
}

/// What the first access to a page costs, besides the walk of the page table.
fn first_access(costs: &Costs) -> Span {
    costs.fault_minor.max(costs.fault_copy).max(costs.fault_cached)
}

/// What a call takes from its instruction to its return if nothing disturbs it.
pub fn call_time(costs: &Costs, call: &Syscall) -> Span {
    let base = costs.call(NAMES[call.id().index()]).base;
    let whole = |cost| costs.whole(cost);
    // A futex that was last used on another CPU costs more.
    whole(costs.user_call)
        + whole(costs.syscall_entry)
        + whole(base + costs.contended + costs.wakeup + costs.ipi_send)
        + whole(costs.syscall_exit)
}

fn ends_job(instruction: &Instruction) -> bool {
    matches!(
        instruction,
        Instruction::Syscall { call: Syscall::NextPeriod(_) | Syscall::Exit(_), .. } | Instruction::End
    )
}

/// Whether it is a call that isn't known to come back at once.
fn may_wait(instruction: &Instruction) -> bool {
    match instruction {
        Instruction::Syscall { call, .. } => !matches!(
            call,
            Syscall::NextPeriod(_)
                | Syscall::Exit(_)
                | Syscall::FutexWake(_)
                | Syscall::FutexUnlockPi(_)
                | Syscall::Ceiling(_)
                | Syscall::Getpid(_)
                | Syscall::Getppid(_)
        ),
        Instruction::Ring(_) => true,
        _ => false,
    }
}

/// The array that an instruction accesses: its pages may have to be brought in once.
fn touches(instruction: &Instruction) -> Option<u32> {
    match instruction {
        Instruction::Load { cell, .. }
        | Instruction::LoadBits { cell, .. }
        | Instruction::Store { cell, .. }
        | Instruction::AtomicAdd { cell, .. }
        | Instruction::CompareSwap { cell, .. }
        | Instruction::Exchange { cell, .. } => Some(cell.array.0),
        _ => None,
    }
}

struct Look<'a> {
    image: &'a Image,
    program: &'a Program,
}

impl Look<'_> {
    fn graph(&self) -> Graph<'_> {
        Graph { code: &self.program.code, ends: ends_job }
    }

    /// Where jobs begin: with the program, and behind each `next-period`.
    fn beginnings(&self) -> impl Iterator<Item = Address> + Clone {
        let code = self.program.code.iter().enumerate();
        let behind = code.filter(|(_, instruction)| {
            matches!(instruction, Instruction::Syscall { call: Syscall::NextPeriod(_), .. })
        });
        std::iter::once(0).chain(behind.map(|(at, _)| at as Address + 1))
    }

    fn computing(&self, instruction: &Instruction) -> Length {
        match instruction {
            Instruction::Compute(Amount::Const(time)) => self.time(Span::from_nanos(*time)),
            Instruction::Compute(Amount::Operand(Operand::Const(time))) => {
                self.time(Span::from_nanos(u64::try_from(*time).unwrap_or(0)))
            }
            Instruction::Compute(Amount::Random(_)) => Length::unknown("it computes for a random time"),
            Instruction::Compute(_) => Length::unknown("it computes for a time that it computes itself"),
            _ => Length::NONE,
        }
    }

    fn time(&self, time: Span) -> Length {
        Length::Time(u128::from(self.image.costs.whole(time).as_nanos()))
    }

    fn call(&self, instruction: &Instruction) -> Option<Span> {
        match instruction {
            Instruction::Syscall { call, .. } => Some(call_time(&self.image.costs, call)),
            _ => None,
        }
    }

    /// What an instruction takes that doesn't compute: as the CPU executes it, at its worst.
    fn others(&self, instruction: &Instruction) -> Length {
        let costs = &self.image.costs;
        let own = costs.whole(costs.user_step);
        let plain = |count: u64| self.time(own + costs.instruction * count);
        match instruction {
            Instruction::Syscall { .. } if ends_job(instruction) => Length::NONE,
            Instruction::Syscall { .. } if may_wait(instruction) => Length::NONE,
            Instruction::Syscall { .. } => self.time(self.call(instruction).unwrap_or(Span::ZERO)),
            Instruction::Set { value: operand, .. } | Instruction::JumpIfZero { condition: operand, .. } => {
                plain(u64::from(self.image.expressions.instructions(*operand).max(1)))
            }
            Instruction::InMemory(_) | Instruction::Learn { .. } => plain(1),
            Instruction::Copy { bytes, .. } => self.time(own + costs.copying_in_memory(*bytes)),
            Instruction::Load { .. }
            | Instruction::LoadBits { .. }
            | Instruction::Store { .. }
            | Instruction::AtomicAdd { .. }
            | Instruction::CompareSwap { .. }
            | Instruction::Exchange { .. } => {
                self.time(own + costs.instruction + costs.whole(costs.tlb_miss))
            }
            Instruction::Loop { .. } | Instruction::Jump(_) => self.time(own),
            Instruction::LoopStart { .. } => self.time(own),
            Instruction::Print(_) | Instruction::Note(_) => self.time(costs.whole(costs.user_note)),
            Instruction::Touch { .. } => {
                Length::unknown("it touches memory: page faults take what they take")
            }
            Instruction::TouchKernel { .. } | Instruction::Raise(_) => {
                Length::unknown("it raises an exception")
            }
            Instruction::Buffer(_) | Instruction::Ring(_) => {
                Length::unknown("it works on bytes whose number isn't known")
            }
            Instruction::Compute(_)
            | Instruction::Assert { .. }
            | Instruction::CloseUnused(_)
            | Instruction::End => Length::NONE,
        }
    }

    /// The longest time for which a lock is held, with the work just before and after it that counts as holding.
    fn section(&self, graph: &Graph<'_>, reached: &BTreeSet<Address>, lock: ObjectId) -> Known {
        let weight = |instruction: &Instruction| self.computing(instruction).plus(self.others(instruction));
        let ends = |instruction: &Instruction| match instruction {
            Instruction::Note(Note::Released { object }) if *object == lock => Some(Length::NONE),
            _ if ends_job(instruction) => Some(Length::unknown("a job may end with the lock")),
            _ => None,
        };
        let lengths = graph.longest(&weight, &ends);
        let taken = reached.iter().filter(|&&at| {
            matches!(self.program.code[at as usize], Instruction::Note(Note::Acquired { object }) if object == lock)
        });
        let longest = taken.map(|&at| lengths.at(at)).max().unwrap_or(Length::NONE);
        longest.known().map(|time| time + self.around_a_lock())
    }

    /// Before a lock is taken and after it is given back, a thread may have its priority already or still: a
    /// few instructions, and the calls for the priority and for the next waiter.
    fn around_a_lock(&self) -> Span {
        let costs = &self.image.costs;
        let instruction = costs.whole(costs.user_step) + costs.instruction + costs.whole(costs.tlb_miss);
        let calls = ["sched_setparam", "futex_unlock_pi", "futex_wake"];
        let base = calls.iter().map(|call| costs.call(call).base).max().unwrap_or(Span::ZERO);
        let call = costs.whole(costs.user_call)
            + costs.whole(costs.syscall_entry)
            + costs.whole(base + costs.contended + costs.wakeup + costs.ipi_send)
            + costs.whole(costs.syscall_exit);
        instruction * 10 + call * 3
    }
}
