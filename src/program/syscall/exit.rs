//! `exit`: ends the process with a status, all its threads with it.

use crate::program::Operand;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exit {
    pub status: Operand,
}
