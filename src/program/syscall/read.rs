//! `read`: takes bytes out of a pipe, or reads the next bytes of a file or a line from the terminal.
//!
//! From a pipe: waits while it is empty and somebody can still write; returns what there is, at
//! most what was asked for; 0 at the end of file. Source: read(2), pipe(7).

use crate::ids::Fd;
use crate::program::{Amount, Variable};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Read {
    pub fd: Fd,
    pub bytes: Amount,
    /// Repeats the call until all bytes are there or the file ends, as `fread` does.
    pub all: bool,
    /// Gets the value that the bytes carry (little-endian, at most eight bytes).
    pub into: Option<Variable>,
}
