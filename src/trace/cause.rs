//! What a thread waits for.

use serde::{Deserialize, Serialize};

/// What a thread waits for when it blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Cause {
    /// Data in a pipe, or its last writer closing.
    PipeRead,
    /// Room in a pipe, or its last reader closing.
    PipeWrite,
    /// A wake-up on a word of memory.
    Futex,
    /// A mutex that another thread holds.
    Lock,
    /// A semaphore's value to rise above zero.
    Semaphore,
    /// A child to end.
    Child,
    /// Another thread of the process to end.
    Thread,
    /// A timer.
    Sleep,
    /// A device to transfer a file's data.
    Disk,
    /// A page to be read from a device.
    Page,
    /// A line from the keyboard.
    Terminal,
    /// A packet from the network.
    Network,
    /// A signal.
    Signal,
    /// A message in a queue, or of the wanted type.
    Message,
    /// Room in a message queue.
    MessageRoom,
    /// A System V semaphore to allow the operation.
    SemaphoreSet,
    /// The other end of a FIFO to be opened.
    Fifo,
    /// Data at a socket, or the other side closing.
    SocketRead,
    /// Room in a socket's buffers.
    SocketWrite,
    /// A connection to be accepted.
    Accept,
    /// A connection to be established.
    Connect,
    /// One of several descriptors to become ready.
    Poll,
    /// An event counter or timer descriptor to rise above zero, or to have room.
    Counter,
    /// An asynchronous transfer to be completed.
    Completion,
    /// A signal that lets a stopped process go on.
    Stopped,
    /// The release of its next job.
    Release,
}

impl Cause {
    pub const ALL: &[Cause] = &[
        Cause::PipeRead,
        Cause::PipeWrite,
        Cause::Futex,
        Cause::Lock,
        Cause::Semaphore,
        Cause::Child,
        Cause::Thread,
        Cause::Sleep,
        Cause::Disk,
        Cause::Page,
        Cause::Terminal,
        Cause::Network,
        Cause::Signal,
        Cause::Message,
        Cause::MessageRoom,
        Cause::SemaphoreSet,
        Cause::Fifo,
        Cause::SocketRead,
        Cause::SocketWrite,
        Cause::Accept,
        Cause::Connect,
        Cause::Poll,
        Cause::Counter,
        Cause::Completion,
        Cause::Stopped,
        Cause::Release,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Cause::PipeRead => "pipe-read",
            Cause::PipeWrite => "pipe-write",
            Cause::Futex => "futex",
            Cause::Lock => "lock",
            Cause::Semaphore => "semaphore",
            Cause::Child => "child",
            Cause::Thread => "thread",
            Cause::Sleep => "sleep",
            Cause::Disk => "disk",
            Cause::Page => "page",
            Cause::Terminal => "terminal",
            Cause::Network => "network",
            Cause::Signal => "signal",
            Cause::Message => "message",
            Cause::MessageRoom => "message-room",
            Cause::SemaphoreSet => "semaphore-set",
            Cause::Fifo => "fifo",
            Cause::SocketRead => "socket-read",
            Cause::SocketWrite => "socket-write",
            Cause::Accept => "accept",
            Cause::Connect => "connect",
            Cause::Poll => "poll",
            Cause::Counter => "counter",
            Cause::Completion => "completion",
            Cause::Stopped => "stopped",
            Cause::Release => "release",
        }
    }
}
