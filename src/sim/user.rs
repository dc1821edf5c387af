//! What the programs' instructions do.
//!
//! An instruction begins (what it will take is known then), time passes, and it takes effect at its
//! end. Instructions that take no time are done as soon as they are reached. A thread in user mode
//! with nothing left to do hasn't begun its next instruction yet.

use std::ops::ControlFlow;

use crate::hw::mmu::KERNEL_BASE;
use crate::ids::Tid;
use crate::kernel::work::Context;
use crate::program::image::{Program, Text};
use crate::program::instruction::{Access, Address, Fact, Instruction, Note, OnError};
use crate::program::syscall::{EXIT, with_word};
use crate::program::value::DivideByZero;
use crate::program::{ArrayId, Operand, Syscall, Variable};
use crate::time::Span;
use crate::trace::{Exception, Kind, Sink};

use crate::trace::header::Outcome;

use super::{Simulator, Trap};

/// A system call as its instruction has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub call: &'a Syscall,
    pub on_error: OnError,
}

/// An instruction's effect: done, or the trap that it ends in.
pub(super) type Effect = Result<(), Trap>;

impl From<DivideByZero> for Trap {
    fn from(_: DivideByZero) -> Trap {
        Trap::Exception(Exception::DivideError)
    }
}

impl<'a, S: Sink> Simulator<'a, S> {
    /// The instruction that the current thread has begun ends: its effect, and on to the next.
    #[inline]
    pub(super) fn user_instruction_ends(&mut self, cpu: usize) -> Option<Trap> {
        let thread = self.kernel.cpus[cpu].current;
        let user = &mut self.userland.users[thread.index()];
        if self.prices.own.takes_time && user.fetched {
            return self.begin_user_instruction(cpu);
        }
        let instruction = &self.image.programs[usize::from(user.program.0)].code[user.next as usize];
        if matches!(instruction, Instruction::Compute(_)) {
            user.next += 1;
            if let Some(speeds) = &mut self.kernel.speeds {
                speeds.end(thread);
            }
            return self.begin_user_instruction(cpu);
        }
        match self.effect(cpu, thread, instruction) {
            Ok(()) if self.kernel.cpus[cpu].left.is_zero() => self.begin_user_instruction(cpu),
            Ok(()) => None,
            Err(trap) => Some(trap),
        }
    }

    fn effect(&mut self, cpu: usize, thread: Tid, instruction: &Instruction) -> Effect {
        match *instruction {
            Instruction::Touch { access, .. } => return self.touch(cpu, thread, access),
            Instruction::TouchKernel { access } => {
                return self.access(cpu, thread, KERNEL_BASE, access == Access::Write);
            }
            Instruction::Set { variable, value } => {
                let value = self.value(thread, value)?;
                self.userland.user(thread).set(Some(variable), value);
            }
            Instruction::Ring(work) => self.work_on_ring(cpu, thread, work)?,
            Instruction::InMemory(deed) => {
                let image = self.image;
                self.userland.user(thread).in_memory(deed, image);
            }
            Instruction::Buffer(work) => work.apply(self.userland.user(thread)),
            Instruction::Load { into, cell } => {
                let width = self.image.arrays[cell.array.0 as usize].width;
                let value = width.loaded(*self.cell(cpu, thread, cell, false)?);
                self.userland.user(thread).set(Some(into), value);
            }
            Instruction::LoadBits { into, cell } => {
                let bits = *self.cell(cpu, thread, cell, false)?;
                self.userland.user(thread).set(Some(into), bits);
            }
            Instruction::Store { cell, value } => {
                let value = self.value(thread, value)?;
                self.write(cpu, thread, cell, None, |_| value)?;
            }
            Instruction::AtomicAdd { cell, value, old } => {
                let value = self.value(thread, value)?;
                self.write(cpu, thread, cell, old, |before| before.wrapping_add(value))?;
            }
            Instruction::CompareSwap { cell, expected, new, old } => {
                let (expected, new) = (self.value(thread, expected)?, self.value(thread, new)?);
                let swap = |before| if before == expected { new } else { before };
                self.write(cpu, thread, cell, old, swap)?;
            }
            Instruction::Exchange { cell, new, old } => {
                let new = self.value(thread, new)?;
                self.write(cpu, thread, cell, Some(old), |_| new)?;
            }
            Instruction::Learn { into, what } => self.learn(cpu, thread, into, what),
            Instruction::Copy { .. } => {}
            Instruction::JumpIfZero { condition, target } => {
                if self.value(thread, condition)? == 0 {
                    self.userland.user(thread).next = target;
                    return Ok(());
                }
            }
            Instruction::Raise(exception) => return Err(Trap::Exception(exception)),
            Instruction::Compute(_)
            | Instruction::Jump(_)
            | Instruction::Loop { .. }
            | Instruction::LoopStart { .. }
            | Instruction::Syscall { .. }
            | Instruction::Print(_)
            | Instruction::Assert { .. }
            | Instruction::Note(_)
            | Instruction::CloseUnused(_)
            | Instruction::End => {
                unreachable!("{instruction:?} has no effect at the end of a time of its own")
            }
        }
        self.userland.user(thread).next += 1;
        Ok(())
    }

    /// Goes through instructions that take no time, up to one that does (it has begun then) or
    /// that asks for the kernel.
    #[inline(never)]
    pub(super) fn begin_user_instruction(&mut self, cpu: usize) -> Option<Trap> {
        match self.running(cpu).usual_instructions::<S>() {
            ControlFlow::Continue((program, at)) => self.go_on_from(cpu, program, at),
            ControlFlow::Break(trap) => trap,
        }
    }

    /// Goes on where an instruction stands that isn't one of the usual ones.
    #[inline(never)]
    pub(super) fn go_on_from(&mut self, cpu: usize, program: &'a Program, at: Address) -> Option<Trap> {
        let mut reached = (program, at);
        loop {
            if let ControlFlow::Break(trap) = self.unusual_instruction(cpu, reached.0, reached.1) {
                return trap;
            }
            reached = match self.running(cpu).usual_instructions::<S>() {
                ControlFlow::Continue(reached) => reached,
                ControlFlow::Break(trap) => return trap,
            };
        }
    }

    /// An instruction that isn't one of the usual ones; breaks off if it takes time that something may
    /// disturb, or ends in a trap.
    #[inline(always)]
    fn unusual_instruction(
        &mut self,
        cpu: usize,
        program: &Program,
        at: Address,
    ) -> ControlFlow<Option<Trap>> {
        let image = self.image;
        let thread = self.kernel.cpus[cpu].current;
        let unit = self.kernel.costs.instruction;
        let user = &mut self.userland.users[thread.index()];
        let time = match program.code[at as usize] {
            Instruction::LoopStart { counter, times, past } => match self.value(thread, times) {
                Ok(times) => {
                    let user = self.userland.user(thread);
                    user.set(Some(counter), times);
                    user.next = if times > 0 { at + 1 } else { past };
                    return ControlFlow::Continue(());
                }
                Err(trap) => return ControlFlow::Break(Some(trap)),
            },
            Instruction::Touch { first, pages, .. } => {
                user.first_page = user.draw(first, image).min(u64::from(u32::MAX)) as u32;
                user.amount = user.draw(pages, image);
                user.progress = 0;
                if user.amount == 0 { Span::ZERO } else { self.access_time(cpu, thread) }
            }
            Instruction::Set { value: operand, .. } | Instruction::JumpIfZero { condition: operand, .. } => {
                unit * u64::from(image.expressions.instructions(operand).max(1))
            }
            Instruction::InMemory(_) => unit,
            Instruction::Ring(work) => unit * work.instructions(),
            Instruction::Buffer(work) => self.kernel.costs.whole(work.time(user, unit)),
            Instruction::TouchKernel { .. } | Instruction::Raise(_) | Instruction::Learn { .. } => unit,
            Instruction::Copy { bytes, .. } => self.kernel.costs.copying_in_memory(bytes),
            Instruction::Load { .. }
            | Instruction::LoadBits { .. }
            | Instruction::Store { .. }
            | Instruction::AtomicAdd { .. }
            | Instruction::CompareSwap { .. }
            | Instruction::Exchange { .. } => self.access_time(cpu, thread),
            Instruction::Print(text) => {
                self.print(cpu, thread, &image.texts[text.0 as usize]);
                Span::ZERO
            }
            Instruction::Assert { condition, text } => match self.value(thread, condition) {
                Ok(0) => {
                    self.fail(thread, &image.names[text.index()]);
                    return ControlFlow::Break(None);
                }
                Ok(_) => Span::ZERO,
                Err(trap) => return ControlFlow::Break(Some(trap)),
            },
            Instruction::Note(note) => {
                self.note(cpu, thread, note);
                Span::ZERO
            }
            Instruction::CloseUnused(list) => {
                let process = self.kernel.tasks[thread.index()].process;
                for &fd in &image.fd_lists[list.0 as usize] {
                    self.kernel.close(cpu, process, fd);
                }
                Span::ZERO
            }
            Instruction::End if user.is_handler() => {
                return ControlFlow::Break(Some(self.end_of_handler(thread)));
            }
            Instruction::End => return ControlFlow::Break(Some(self.end_of_program(thread, 0))),
            Instruction::Compute(_)
            | Instruction::Syscall { .. }
            | Instruction::Loop { .. }
            | Instruction::Jump(_) => unreachable!("the usual instructions have been gone through"),
        };
        if time.is_zero() {
            self.userland.user(thread).next = at + 1;
            return ControlFlow::Continue(());
        }
        self.kernel.cpus[cpu].begin(Context::User, time);
        let time = self.kernel.cpus[cpu].left;
        if !self.passes_undisturbed(cpu, time, 1) {
            return ControlFlow::Break(None);
        }
        self.kernel.cpus[cpu].left = Span::ZERO;
        match self.effect(cpu, thread, &program.code[at as usize]) {
            Ok(()) if self.kernel.cpus[cpu].left.is_zero() => ControlFlow::Continue(()),
            Ok(()) => ControlFlow::Break(None),
            Err(trap) => ControlFlow::Break(Some(trap)),
        }
    }

    /// The end of a program's text: the main thread ends its process, another thread only itself.
    pub(super) fn end_of_program(&mut self, thread: Tid, status: i64) -> Trap {
        let user = self.userland.user(thread);
        user.progress = 0;
        user.result = status;
        user.call = EXIT;
        user.call_at = None;
        user.result_goes_to = None;
        Trap::Syscall(user.call)
    }

    pub(super) fn value(&self, thread: Tid, operand: Operand) -> Result<i64, Trap> {
        Ok(self.image.expressions.evaluate(operand, &self.userland.users[thread.index()].variables)?)
    }

    /// The current thread has ended: locks that others wait for are theirs.
    pub(super) fn bequeath_locks(&mut self, cpu: usize) {
        let ended = self.kernel.cpus[cpu].current;
        for ((array, index), value) in self.kernel.bequeath_pi(cpu, ended) {
            let width = self.image.arrays[array as usize].width;
            if let Some(place) = self.userland.element(ArrayId(array), i64::from(index)) {
                *place = with_word(*place, value, width);
            }
        }
    }

    fn learn(&mut self, cpu: usize, thread: Tid, into: Variable, what: Fact) {
        let now = self.kernel.cpus[cpu].now;
        let image = self.image;
        let user = self.userland.user(thread);
        let value = match what {
            Fact::Thread => i64::from(thread.0),
            Fact::Leads => {
                let leader = self.kernel.tasks[thread.index()].process.leader();
                i64::from(leader == thread && !user.is_handler())
            }
            Fact::Deadline(time) => {
                let due = now + Span::from_nanos(user.draw(time, image));
                i64::try_from(due.as_nanos()).unwrap_or(i64::MAX)
            }
        };
        user.set(Some(into), value);
    }

    fn print(&mut self, cpu: usize, thread: Tid, text: &Text) {
        if S::ON {
            let line = self.userland.users[thread.index()].format(text, self.image);
            let text = self.kernel.sink.name(&line);
            self.kernel.emit(cpu, Kind::Print { text });
        }
    }

    fn fail(&mut self, thread: Tid, text: &str) {
        let user = &self.userland.users[thread.index()];
        let program = &self.image.programs[usize::from(user.program.0)];
        let step = &self.image.steps[program.steps[user.next as usize].index()];
        let values: Vec<String> = program
            .variables
            .iter()
            .zip(user.variables.iter())
            .filter(|(name, _)| !name.is_empty())
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        self.outcome = Some(Outcome::AssertFailed {
            text: format!("line {}: {}: {text} ({})", step.line, program.name, values.join(", ")),
        });
    }

    fn note(&mut self, cpu: usize, thread: Tid, note: Note) {
        let kind = match note {
            Note::Contended { object } => Kind::LockContended { object },
            Note::Acquired { object } => {
                self.holders.insert(object, thread);
                Kind::LockAcquired { object }
            }
            Note::Released { object } => {
                self.holders.remove(&object);
                Kind::LockReleased { object }
            }
            Note::Joined { object } => {
                self.sharers.insert((object, thread));
                Kind::LockAcquired { object }
            }
            Note::Left { object } => {
                self.sharers.remove(&(object, thread));
                Kind::LockReleased { object }
            }
        };
        self.kernel.emit(cpu, kind);
    }

    /// The call under way as its instruction has it; an exit that the program didn't write itself
    /// has none.
    #[inline]
    pub(super) fn asked(&self, thread: Tid) -> Option<Asked<'a>> {
        let user = &self.userland.users[thread.index()];
        let at = user.call_at?;
        match &self.image.programs[usize::from(user.program.0)].code[at as usize] {
            Instruction::Syscall { call, on_error, .. } => Some(Asked { call, on_error: *on_error }),
            _ => None,
        }
    }
}
