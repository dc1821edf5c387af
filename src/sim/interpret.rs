//! The program's own work around its instructions: on a measured host an interpreter executes them,
//! which reads each, finds out what it asks for, and notes down what became of it.
//!
//! That takes time in user mode before the instruction itself. A profile that doesn't measure it leaves
//! it out, and then nothing here is ever executed.

use crate::kernel::cost::Costs;
use crate::kernel::cpu::Cpu;
use crate::kernel::work::Context;
use crate::program::instruction::Instruction;
use crate::program::userland::User;
use crate::time::Span;

use super::execute::Quiet;

/// The prices of a program's own work, in whole instructions.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnWork {
    /// Whether any of it takes time.
    pub takes_time: bool,
    step: Span,
    call: Span,
    note: Span,
    instruction: Span,
}

impl OwnWork {
    pub fn new(costs: &Costs) -> OwnWork {
        let [step, call, note] =
            [costs.user_step, costs.user_call, costs.user_note].map(|cost| costs.whole(cost));
        let takes_time = !(step + call + note).is_zero();
        OwnWork { takes_time, step, call, note, instruction: costs.instruction }
    }

    /// What comes before an instruction, besides the time that it takes itself.
    fn before(&self, instruction: &Instruction) -> Span {
        match instruction {
            Instruction::Compute(_)
            | Instruction::Copy { .. }
            | Instruction::Jump(_)
            | Instruction::Loop { .. }
            | Instruction::LoopStart { .. }
            | Instruction::Assert { .. } => self.step,
            // These take an instruction or more themselves.
            Instruction::Set { .. }
            | Instruction::Buffer(_)
            | Instruction::JumpIfZero { .. }
            | Instruction::Load { .. }
            | Instruction::LoadBits { .. }
            | Instruction::Store { .. }
            | Instruction::AtomicAdd { .. }
            | Instruction::CompareSwap { .. }
            | Instruction::Exchange { .. }
            | Instruction::Learn { .. }
            | Instruction::Touch { .. }
            | Instruction::TouchKernel { .. }
            | Instruction::InMemory(_)
            | Instruction::Ring(_)
            | Instruction::Raise(_) => self.step.saturating_sub(self.instruction),
            Instruction::Syscall { .. } | Instruction::End => self.call,
            Instruction::Print(_) | Instruction::Note(_) => self.note,
            Instruction::CloseUnused(_) => Span::ZERO,
        }
    }

    /// Whether the work before the thread's next instruction is done: it was, or passes now. If not, it
    /// has begun, and the instruction follows at its end.
    #[inline(never)]
    pub fn passes_before(
        &self,
        instruction: &Instruction,
        user: &mut User,
        here: &mut Cpu,
        quiet: Quiet,
        turns: &mut u64,
    ) -> bool {
        if std::mem::take(&mut user.fetched) {
            return true;
        }
        let time = self.before(instruction);
        if time.is_zero() {
            return true;
        }
        if quiet.passes(here, turns, time + here.debt, 1) {
            here.debt = Span::ZERO;
            return true;
        }
        user.fetched = true;
        here.begin(Context::User, time);
        false
    }
}
