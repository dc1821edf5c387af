//! What a periodic process does whose steps don't say themselves where a job ends: all of them once in
//! each period.

use crate::program::form::{Form, Step};
use crate::program::instruction::{Instruction, OnError};
use crate::program::lower::Lower;
use crate::program::syscall::NextPeriod;
use crate::program::value::Operand;

/// The steps in the block `do` are one job.
#[derive(Debug)]
pub struct Jobs;

impl Form for Jobs {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let number = cx.lasting();
        let top = cx.here();
        cx.block(step.block("do"));
        let call = NextPeriod.into();
        cx.emit(Instruction::Syscall { call, result: Some(number), on_error: OnError::Exit });
        // The head of a loop takes no time, as a comparison would.
        let times = Operand::Variable(number);
        let over = cx.emit(Instruction::LoopStart { counter: number, times, past: 0 });
        cx.emit(Instruction::Jump(top));
        cx.patch(over);
    }
}
