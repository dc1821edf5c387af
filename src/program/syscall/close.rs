//! `close`: gives up one end of a pipe or a file. The last close of a write end is the reader's end of file.

use crate::ids::Fd;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Close {
    pub fd: Fd,
}
