//! Programs: what a scenario's steps become before either world runs them.
//!
//! - [`instruction`]: the instructions
//! - [`value`]: operands, expressions and random amounts
//! - [`syscall`]: system calls, one file for each
//! - [`image`]: a whole lowered scenario
//! - [`call`]: what a system call does on the simulated kernel; [`userland`]: the programs' state

pub mod call;
pub mod image;
pub mod instruction;
pub mod syscall;
pub mod userland;
pub mod value;

pub use image::{Image, Program, ProgramId, StartId};
pub use instruction::{Access, Address, ArrayId, Cell, Instruction, Memory, Note, OnError};
pub use syscall::Syscall;
pub use value::{Amount, Distribution, Expressions, Operand, Operator, Site, Variable};
