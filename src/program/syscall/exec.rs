//! `exec`: replaces the process's program; variables and private memory start afresh, open files stay.

use crate::program::ProgramId;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exec {
    pub program: ProgramId,
}
