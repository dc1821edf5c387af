//! `join`: waits for a thread of the same process to end, or for all of them.
//!
//! Real: a futex wait on the thread's number, which the kernel clears at its end (pthread_join).

use crate::program::ProgramId;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Join {
    /// Only threads that run this program; all others of the process if absent.
    pub program: Option<ProgramId>,
}
