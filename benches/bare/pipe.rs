//! A pipe for one-byte messages, with one reader and one writer.
//!
//! Whoever finds the other side waiting completes the other's call and wakes it.

use super::kernel::{Kernel, Outcome, Thread};

/// A bounded buffer of bytes whose values nobody looks at.
pub struct Pipe {
    capacity: u32,
    bytes: u32,
    /// The end that waits: the reader while the pipe is empty, the writer while it is full.
    waiting: Option<Thread>,
}

impl Pipe {
    pub fn new(capacity: u32) -> Pipe {
        Pipe { capacity, bytes: 0, waiting: None }
    }

    pub fn write(&mut self, thread: Thread, kernel: &mut Kernel) -> Outcome {
        if self.bytes == self.capacity {
            self.waiting = Some(thread);
            return Outcome::Block;
        }
        match self.waiting.take() {
            Some(reader) => kernel.wake(reader),
            None => self.bytes += 1,
        }
        Outcome::Done
    }

    pub fn read(&mut self, thread: Thread, kernel: &mut Kernel) -> Outcome {
        if self.bytes == 0 {
            self.waiting = Some(thread);
            return Outcome::Block;
        }
        match self.waiting.take() {
            Some(writer) => kernel.wake(writer),
            None => self.bytes -= 1,
        }
        Outcome::Done
    }
}
