//! `signal`: says what a process does with a signal: ignore it, or what it does by default.

use crate::signal::Signal;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignalAction {
    pub signal: Signal,
    pub action: Action,
}

/// A process's rule for a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Default,
    Ignore,
}
