//! `thread`: another thread of the same process: shares memory and files, has its own variables.

use crate::program::ProgramId;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thread {
    pub program: ProgramId,
}
