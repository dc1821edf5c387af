//! `kill`: sends a signal to a process.

use crate::program::{Operand, StartId};
use crate::signal::Signal;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kill {
    pub target: Target,
    pub signal: Signal,
}

/// Whom a signal goes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// The process with this number.
    Pid(Operand),
    /// An initial process of the scenario; its first instance if it has several.
    Process(StartId),
    /// The sender's youngest living child.
    Child,
    Parent,
}
