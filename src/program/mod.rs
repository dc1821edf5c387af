//! Programs: what a scenario's steps become before either world runs them.
//!
//! - [`instruction`]: the instructions
//! - [`value`]: operands, expressions and random amounts
//! - [`syscall`]: system calls, one file for each
//! - [`image`]: a whole lowered scenario
//! - [`call`]: what a system call does on the simulated kernel; [`userland`]: the programs' state;
//!   [`handler`]: signal handlers on top of it
//! - [`verb`]: the registry of what a step can say; [`control`], [`basic`] and [`library`] hold the
//!   verbs that aren't system calls; [`outside`]: the registry of what an event can be
//! - [`content`]: what the bytes of a message hold; [`buffer_work`]: what programs do with those that they read
//! - [`form`] and [`reading`]: from TOML to forms; [`at`]: values with their places
//! - [`lower`]: from forms to instructions, with [`names`], [`amount`], [`expression`] and
//!   [`resolve`]
//! - [`problem`]: what can be wrong with a scenario

pub mod address;
pub mod amount;
pub mod at;
pub mod basic;
pub mod buffer_work;
pub mod call;
pub mod content;
pub mod control;
pub mod expression;
pub mod form;
pub mod handler;
pub mod image;
pub mod instruction;
pub mod ipc;
pub mod library;
pub mod lower;
pub mod manager;
pub mod names;
#[cfg(target_os = "linux")]
pub mod native;
pub mod outside;
pub mod problem;
pub mod reading;
pub mod resolve;
pub mod shell;
pub mod start;
pub mod syscall;
pub mod userland;
pub mod value;
pub mod verb;
pub mod width;

pub use image::{Image, Program, ProgramId, StartId};
pub use instruction::{Access, Address, ArrayId, Cell, Instruction, Memory, Note, OnError};
pub use syscall::Syscall;
pub use value::{Amount, Distribution, Expressions, Handle, Operand, Operator, Site, Variable};
