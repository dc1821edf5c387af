//! A pipe: a ring of bytes with an end to read and an end to write.
//!
//! Model: pipe(7). Bytes are read once, in the order in which they were written. What isn't a value
//! that the scenario sends is zeros, so that only the values are stored.

use std::collections::VecDeque;

use crate::ids::ObjectId;
use crate::kernel::wait::WaitQueue;

/// Writes of at most so many bytes go in as one piece (limits.h).
pub const PIPE_BUF: u64 = 4096;

/// The capacity of a pipe unless the scenario says otherwise: 16 pages (pipe(7)).
pub const DEFAULT_CAPACITY: u64 = 65_536;

/// Bytes that hold at most one value, at their beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    bytes: u64,
    /// The first eight bytes, little-endian.
    value: u64,
}

#[derive(Clone, Debug)]
pub struct Pipe {
    pub object: ObjectId,
    pub capacity: u64,
    used: u64,
    /// What the bytes are, from the oldest on; empty if they are all zero.
    pieces: VecDeque<Piece>,
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
            used: 0,
            pieces: VecDeque::new(),
            readers: 0,
            writers: 0,
            waiting_readers: WaitQueue::default(),
            waiting_writers: WaitQueue::default(),
        }
    }

    pub const fn used(&self) -> u64 {
        self.used
    }

    pub const fn room(&self) -> u64 {
        self.capacity - self.used
    }

    /// How many of `rest` bytes of a write of `total` go in now. A write of at most PIPE_BUF bytes
    /// goes in whole or not at all, unless the whole pipe is too small for it.
    #[inline]
    pub fn accepts(&self, rest: u64, total: u64) -> u64 {
        let now = self.room().min(rest);
        let atomic = total <= PIPE_BUF.min(self.capacity);
        if atomic && now < rest { 0 } else { now }
    }

    /// Puts bytes in; the first eight of them hold `value`.
    pub fn put(&mut self, bytes: u64, value: Option<u64>) {
        let known = value.is_some() || !self.pieces.is_empty();
        if known {
            if self.pieces.is_empty() && self.used > 0 {
                self.pieces.push_back(Piece { bytes: self.used, value: 0 });
            }
            self.pieces.push_back(Piece { bytes, value: value.unwrap_or(0) });
        }
        self.used += bytes;
    }

    /// Takes out as many bytes as there are, at most `bytes`: how many, and the first eight of them.
    #[inline]
    pub fn take(&mut self, bytes: u64) -> (u64, u64) {
        let taken = bytes.min(self.used);
        self.used -= taken;
        if self.pieces.is_empty() {
            return (taken, 0);
        }
        (taken, self.take_value(taken))
    }

    /// The first eight of so many bytes, which are taken from the pieces.
    #[inline(never)]
    fn take_value(&mut self, taken: u64) -> u64 {
        let mut value = 0;
        let mut collected = 0;
        while collected < taken {
            let Some(piece) = self.pieces.front_mut() else {
                break;
            };
            let part = piece.bytes.min(taken - collected);
            if collected < 8 {
                let bits = 8 * part.min(8) as u32;
                let mask = u64::MAX.checked_shr(64 - bits).unwrap_or(0);
                value |= (piece.value & mask) << (8 * collected);
            }
            piece.bytes -= part;
            piece.value = piece.value.checked_shr(8 * part.min(8) as u32).unwrap_or(0);
            if piece.bytes == 0 {
                self.pieces.pop_front();
            }
            collected += part;
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipe(capacity: u64) -> Pipe {
        Pipe::new(ObjectId(0), capacity)
    }

    #[test]
    fn values_come_out_in_the_order_in_which_they_went_in() {
        let mut pipe = pipe(64);
        pipe.put(8, Some(7));
        pipe.put(8, Some(u64::MAX));
        assert_eq!(pipe.take(8), (8, 7));
        assert_eq!(pipe.take(100), (8, u64::MAX));
        assert_eq!(pipe.take(1), (0, 0));
    }

    #[test]
    fn a_value_that_is_read_in_two_parts_is_cut_at_the_byte() {
        let mut pipe = pipe(64);
        pipe.put(3, None);
        pipe.put(8, Some(0x1122_3344_5566_7788));
        assert_eq!(pipe.take(5), (5, 0x77_8800_0000));
        assert_eq!(pipe.take(6), (6, 0x1122_3344_5566));
    }

    #[test]
    fn small_writes_are_atomic_and_large_ones_may_be_split() {
        let mut pipe = pipe(8192);
        pipe.put(5000, None);
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
