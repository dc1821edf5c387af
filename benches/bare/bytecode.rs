//! The bare loop over instructions: fetch, execute, look at an interrupt register.
//!
//! The program sums the numbers from `times` down to 1, four instructions for each. The register
//! is an atomic that never gets a bit here; the processor must nevertheless read it each time,
//! since any thread could set one.

use std::sync::atomic::{AtomicU32, Ordering};

/// One instruction of a machine with an accumulator, a counter and memory.
#[derive(Clone, Copy, Debug)]
pub enum Instruction {
    /// Adds the counter to the accumulator.
    Add,
    /// Writes the accumulator to memory.
    Store(u8),
    /// Counts the counter down.
    Decrement,
    /// Goes elsewhere unless the counter is zero.
    JumpIfNotZero(u32),
    Halt,
}

/// The program of the measurement.
pub const SUM: &[Instruction] = &[
    Instruction::Add,
    Instruction::Store(3),
    Instruction::Decrement,
    Instruction::JumpIfNotZero(0),
    Instruction::Halt,
];

/// What a program's execution came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Executed {
    pub instructions: u64,
    pub sum: u64,
}

/// Executes the program with the counter at `times`. An interrupt stops it.
pub fn run(program: &[Instruction], times: u64, register: &AtomicU32) -> Executed {
    execute(program, times, || register.load(Ordering::Relaxed) != 0)
}

/// The same without an interrupt register.
pub fn run_deaf(program: &[Instruction], times: u64) -> Executed {
    execute(program, times, || false)
}

#[inline]
fn execute(program: &[Instruction], times: u64, interrupted: impl Fn() -> bool) -> Executed {
    let mut memory = [0_u64; 256];
    let (mut sum, mut counter, mut at, mut instructions) = (0_u64, times, 0, 0);
    loop {
        let instruction = program[at];
        instructions += 1;
        at += 1;
        match instruction {
            Instruction::Add => sum = sum.wrapping_add(counter),
            Instruction::Store(cell) => memory[usize::from(cell)] = sum,
            Instruction::Decrement => counter -= 1,
            Instruction::JumpIfNotZero(target) if counter != 0 => at = target as usize,
            Instruction::JumpIfNotZero(_) => {}
            Instruction::Halt => break,
        }
        if interrupted() {
            break;
        }
    }
    Executed { instructions, sum: memory[3] }
}
