//! A pipe: a ring of bytes with an end to read and an end to write.
//!
//! Model: pipe(7). Bytes are read once, in the order in which they were written.

use crate::ids::ObjectId;
use crate::kernel::bytes::Bytes;
use crate::kernel::wait::WaitQueue;

/// Writes of at most so many bytes go in as one piece (limits.h).
pub const PIPE_BUF: u64 = 4096;

/// The capacity of a pipe unless the scenario says otherwise: 16 pages (pipe(7)).
pub const DEFAULT_CAPACITY: u64 = 65_536;

#[derive(Clone, Debug)]
pub struct Pipe {
    pub object: ObjectId,
    pub capacity: u64,
    /// From the oldest on.
    content: Bytes,
    /// Open descriptions of each end.
    pub readers: u32,
    pub writers: u32,
    pub waiting_readers: WaitQueue,
    pub waiting_writers: WaitQueue,
}

impl Pipe {
    pub fn new(object: ObjectId, capacity: u64) -> Pipe {
        Pipe {
            object,
            capacity,
            content: Bytes::default(),
            readers: 0,
            writers: 0,
            waiting_readers: WaitQueue::default(),
            waiting_writers: WaitQueue::default(),
        }
    }

    pub const fn used(&self) -> u64 {
        self.content.len()
    }

    pub const fn room(&self) -> u64 {
        self.capacity - self.used()
    }

    /// How many of `rest` bytes of a write of `total` go in now. A write of at most PIPE_BUF bytes
    /// goes in whole or not at all, unless the whole pipe is too small for it.
    #[inline]
    pub fn accepts(&self, rest: u64, total: u64) -> u64 {
        let now = self.room().min(rest);
        let atomic = total <= PIPE_BUF.min(self.capacity);
        if atomic && now < rest { 0 } else { now }
    }

    /// Puts bytes in that nothing is known of.
    #[inline]
    pub fn put_zeros(&mut self, bytes: u64) {
        self.content.push_zeros(bytes);
    }

    pub fn put(&mut self, bytes: Bytes) {
        self.content.push(bytes);
    }

    /// Takes out as many bytes as there are, at most `bytes`: how many, and the first eight of them.
    #[inline]
    pub fn take_word(&mut self, bytes: u64) -> (u64, u64) {
        self.content.take_word(bytes)
    }

    /// Takes out as many bytes as there are, at most `bytes`.
    pub fn take(&mut self, bytes: u64) -> Bytes {
        self.content.take(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipe(capacity: u64) -> Pipe {
        Pipe::new(ObjectId(0), capacity)
    }

    #[test]
    fn small_writes_are_atomic_and_large_ones_may_be_split() {
        let mut pipe = pipe(8192);
        pipe.put_zeros(5000);
        assert_eq!(pipe.accepts(4096, 4096), 0, "no room for all of it");
        assert_eq!(pipe.accepts(5000, 5000), 3192);
        assert_eq!(pipe.accepts(100, 100), 100);
    }

    #[test]
    fn a_pipe_smaller_than_the_write_takes_what_fits() {
        let pipe = pipe(1);
        assert_eq!(pipe.accepts(10, 10), 1);
    }
}
