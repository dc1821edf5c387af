//! `fork`: a child with a copy of the parent's variables and memory (copied page by page, on write).
//!
//! The child runs another program of the scenario from its first step. Real programs share their
//! text and branch on the call's result; a scenario writes the two branches as two programs.

use crate::program::{ProgramId, Variable};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fork {
    pub program: ProgramId,
    /// Gets the child's process number, in the parent.
    pub into: Option<Variable>,
}
