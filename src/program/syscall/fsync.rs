//! `fsync`: waits until the disk holds all that was written to a file.

use crate::ids::Fd;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fsync {
    pub fd: Fd,
}
