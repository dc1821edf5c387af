//! `write`: puts bytes into a pipe, or writes them to a file or the terminal.
//!
//! To a pipe: waits while it is full. At most PIPE_BUF (4096) bytes go in as one piece; more may
//! be split. With no reader left: SIGPIPE, and EPIPE if that is ignored. Source: write(2), pipe(7).

use crate::ids::Fd;
use crate::program::{Amount, Operand};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Write {
    pub fd: Fd,
    pub bytes: Amount,
    /// What the first eight bytes hold; zero if absent.
    pub value: Option<Operand>,
    /// For files: returns only when the disk has it (O_SYNC).
    pub sync: bool,
}
