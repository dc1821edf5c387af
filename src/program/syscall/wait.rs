//! `wait`: waits until a child has ended and takes its status, which frees the zombie.

use crate::program::{ProgramId, Variable};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wait {
    pub whom: Whom,
    /// Gets the child's status: 0 to 255, or 128 + the signal's number.
    pub status: Option<Variable>,
}

/// Which child a process waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Whichever ends first.
    Any,
    /// One that was forked to run this program.
    Program(ProgramId),
    /// Each child there is; the call is made once for each.
    All,
}
