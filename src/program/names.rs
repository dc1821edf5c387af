//! What the names in steps mean, and where in the scenario's text a step stands.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::ids::{Fd, ObjectId};
use crate::kernel::ipc::socket::SocketKind;
use crate::time::Span;

use schemars::JsonSchema;
use serde::Deserialize;

use super::at::At;
use super::image::{Backing, MemoryId, ProgramId, StartId, Width};
use super::instruction::{ArrayId, Cell, Memory};
use super::lower::Lower;
use super::value::Operand;

/// What the names in steps mean.
#[derive(Debug, Default)]
pub struct Names {
    pub programs: BTreeMap<String, ProgramId>,
    pub starts: BTreeMap<String, StartId>,
    pub channels: BTreeMap<String, Channel>,
    /// Files that don't exist at the beginning.
    pub absent: BTreeSet<String>,
    pub memories: BTreeMap<String, Region>,
    /// Shared cells and arrays, by `object.name`.
    pub arrays: BTreeMap<String, Array>,
    pub mutexes: BTreeMap<String, Lock>,
    pub semaphores: BTreeMap<String, Semaphore>,
    pub sockets: BTreeMap<String, SocketAddress>,
    /// What else threads synchronise by.
    pub synchronisers: BTreeMap<String, Synchroniser>,
    /// The words of timers; their programs are found later.
    pub timers: BTreeMap<String, Words>,
    /// The programs that timers run.
    pub by_timers: Vec<ProgramId>,
    pub pools: BTreeMap<String, super::library::pool::Pool>,
    pub queues: BTreeMap<String, Queue>,
    /// System V message queues and semaphore sets, by their number.
    pub typed_queues: BTreeMap<String, u32>,
    pub semaphore_sets: BTreeMap<String, u32>,
    /// How many semaphores each set has, by the set's number.
    pub set_sizes: Vec<usize>,
    pub streams: BTreeMap<String, Stream>,
    /// What everything is, for messages: `pipe`, `file` ...
    pub kinds: BTreeMap<String, &'static str>,
    /// How long an instruction takes.
    pub instruction: Span,
}

/// Something to read from and write to.
#[derive(Clone, Copy, Debug)]
pub enum Channel {
    Pipe {
        read: Fd,
        write: Fd,
    },
    File(Fd),
    /// A POSIX message queue.
    Queue(Fd),
}

/// A POSIX message queue: its number among them, and its descriptor if it is open from the beginning.
#[derive(Clone, Copy, Debug)]
pub struct Queue {
    pub number: u32,
    pub message_size: u64,
    pub fd: Option<Fd>,
}

/// A buffer in the program's memory in front of a channel.
#[derive(Clone, Debug)]
pub struct Stream {
    pub number: u16,
    /// How many bytes the buffer holds.
    pub size: i64,
    pub over: At<String>,
}

/// Memory that a step can touch.
#[derive(Clone, Copy, Debug)]
pub struct Region {
    pub id: MemoryId,
    pub memory: Memory,
    pub backing: Backing,
}

/// A shared cell (an array of one) or array.
#[derive(Clone, Copy, Debug)]
pub struct Array {
    pub id: ArrayId,
    pub length: u64,
    pub memory: MemoryId,
    pub object: ObjectId,
    pub is_cell: bool,
    pub width: Width,
}

/// A mutex: its futex word. One that isn't plain has two more: who holds it, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Lock {
    pub word: ArrayId,
    pub memory: MemoryId,
    pub object: ObjectId,
    pub kind: LockKind,
    pub protocol: Protocol,
    /// Whoever gets it after its holder has died is told.
    pub robust: bool,
}

/// What happens if the holder of a mutex takes it again, or another one gives it back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LockKind {
    /// Nobody looks: taking it again waits for ever.
    #[default]
    Normal,
    /// It is taken so many times, and must be given back as often.
    Recursive,
    /// Both are errors.
    ErrorChecking,
}

/// What a mutex does about priorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    None,
    /// The holder has the priority of the highest waiter.
    Inherit,
    /// The holder has at least this priority.
    Ceiling(i32),
}

/// Words of 32 bits in a cache line of their own, by which threads synchronise.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    pub array: ArrayId,
    pub memory: MemoryId,
    pub object: ObjectId,
}

impl Words {
    /// One of the words.
    pub const fn cell(self, index: i64) -> Cell {
        Cell { array: self.array, index: Operand::Const(index) }
    }
}

/// What threads synchronise by, beside mutexes and semaphores.
#[derive(Clone, Copy, Debug)]
pub enum Synchroniser {
    Rwlock {
        words: Words,
        prefers_readers: bool,
    },
    /// With the mutex to which a broadcast moves its waiters.
    Condition {
        words: Words,
        mutex: Option<Lock>,
    },
    Barrier {
        words: Words,
        parties: i64,
    },
    EventFlag {
        words: Words,
    },
    Once {
        words: Words,
    },
    Spinlock {
        words: Words,
    },
    /// A shared value, and whether it has a lock.
    Value {
        words: Words,
        cell: Cell,
        is_locked: bool,
    },
    /// Items from one thread to another, in an array.
    ThreadQueue {
        words: Words,
        items: ArrayId,
        memory: MemoryId,
        capacity: i64,
    },
    /// An array that one side fills and the other one reads, in turns.
    FloatChannel {
        empty: Semaphore,
        full: Semaphore,
        array: Region,
        bytes: u64,
    },
    /// The program of its thread, which waits first.
    Timer {
        words: Words,
        program: ProgramId,
    },
    /// A pipe and a lock for each of its ends.
    Queue(ItemQueue),
}

/// A queue between processes.
#[derive(Clone, Copy, Debug)]
pub struct ItemQueue {
    pub object: ObjectId,
    pub read: Fd,
    pub write: Fd,
    pub read_lock: Lock,
    pub write_lock: Lock,
    /// How many more items may be in it, if that is limited.
    pub room: Option<Semaphore>,
    /// The stream in whose buffer a thread has the item that it sends.
    pub stream: u16,
    pub feeder: Option<Feeder>,
}

/// The thread of a process that sends what the process's other threads have put into a queue.
#[derive(Clone, Copy, Debug)]
pub struct Feeder {
    /// Words that each process has for its own.
    pub words: Words,
    pub program: ProgramId,
}

impl Synchroniser {
    /// Its table in a scenario.
    pub const fn kind(&self) -> &'static str {
        match self {
            Synchroniser::Rwlock { .. } => "rwlock",
            Synchroniser::Condition { .. } => "condition",
            Synchroniser::Barrier { .. } => "barrier",
            Synchroniser::EventFlag { .. } => "event-flag",
            Synchroniser::Once { .. } => "once",
            Synchroniser::Spinlock { .. } => "spinlock",
            Synchroniser::Value { .. } => "value",
            Synchroniser::ThreadQueue { .. } => "thread-queue",
            Synchroniser::FloatChannel { .. } => "float-channel",
            Synchroniser::Timer { .. } => "timer",
            Synchroniser::Queue(_) => "queue",
        }
    }

    /// The memory that a program must share to use it.
    fn memories(&self) -> [MemoryId; 2] {
        match *self {
            Synchroniser::Rwlock { words, .. }
            | Synchroniser::Condition { words, .. }
            | Synchroniser::Barrier { words, .. }
            | Synchroniser::EventFlag { words }
            | Synchroniser::Once { words }
            | Synchroniser::Spinlock { words }
            | Synchroniser::Value { words, .. }
            | Synchroniser::Timer { words, .. } => [words.memory; 2],
            Synchroniser::ThreadQueue { words, memory, .. } => [words.memory, memory],
            Synchroniser::FloatChannel { empty, array, .. } => [empty.memory, array.id],
            Synchroniser::Queue(queue) => {
                let locks = queue.read_lock.memory;
                [locks, queue.feeder.map_or(locks, |feeder| feeder.words.memory)]
            }
        }
    }

    /// Whether it is a queue with a feeder.
    pub const fn has_feeder(&self) -> bool {
        matches!(self, Synchroniser::Queue(ItemQueue { feeder: Some(_), .. }))
    }
}

impl Lower<'_> {
    /// The object of this kind with this name.
    pub fn synchroniser(&mut self, name: &At<String>, kind: &str) -> Option<Synchroniser> {
        let all = &self.names.synchronisers;
        let found = all.get(&name.value).copied().filter(|found| found.kind() == kind);
        match found {
            Some(found) => {
                for memory in found.memories() {
                    self.use_memory(memory, &name.span);
                }
            }
            None => {
                let have = all.iter().filter(|(_, object)| object.kind() == kind);
                let have = have.map(|(name, _)| name.clone()).collect();
                self.no_such(name, kind, have);
            }
        }
        found
    }
}

/// A semaphore: its value and the number of those that wait.
#[derive(Clone, Copy, Debug)]
pub struct Semaphore {
    pub value: ArrayId,
    pub waiters: ArrayId,
    pub memory: MemoryId,
    pub object: ObjectId,
}

/// An address for sockets.
#[derive(Clone, Copy, Debug)]
pub struct SocketAddress {
    /// Its place in [`Image::sockets`](super::image::Image).
    pub id: u32,
    pub kind: SocketKind,
}

/// The scenario's text, for the steps' table and for places within texts.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    pub text: &'a str,
    /// Where each line begins.
    pub lines: &'a [usize],
}

impl<'a> Source<'a> {
    /// The text at a place; empty if it isn't in the file (a value from the command line).
    pub fn slice(&self, span: &Range<usize>) -> &'a str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    /// The line of a place, from 1; 0 if it isn't in the file.
    pub fn line(&self, at: usize) -> u32 {
        if at > self.text.len() {
            return 0;
        }
        self.lines.partition_point(|start| *start <= at) as u32
    }
}
