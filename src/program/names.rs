//! What the names in steps mean, and where in the scenario's text a step stands.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::ids::{Fd, ObjectId};
use crate::kernel::ipc::socket::SocketKind;
use crate::time::Span;

use super::image::{MemoryId, ProgramId, StartId};
use super::instruction::{ArrayId, Memory};

/// What the names in steps mean.
#[derive(Debug, Default)]
pub struct Names {
    pub programs: BTreeMap<String, ProgramId>,
    pub starts: BTreeMap<String, StartId>,
    pub channels: BTreeMap<String, Channel>,
    pub memories: BTreeMap<String, Region>,
    /// Shared cells and arrays, by `object.name`.
    pub arrays: BTreeMap<String, Array>,
    pub mutexes: BTreeMap<String, Lock>,
    pub semaphores: BTreeMap<String, Semaphore>,
    pub sockets: BTreeMap<String, SocketAddress>,
    /// What everything is, for messages: `pipe`, `file` ...
    pub kinds: BTreeMap<String, &'static str>,
    /// How long an instruction takes.
    pub instruction: Span,
}

/// Something to read from and write to.
#[derive(Clone, Copy, Debug)]
pub enum Channel {
    Pipe { read: Fd, write: Fd },
    File(Fd),
}

/// Memory that a step can touch.
#[derive(Clone, Copy, Debug)]
pub struct Region {
    pub id: MemoryId,
    pub memory: Memory,
}

/// A shared cell (an array of one) or array.
#[derive(Clone, Copy, Debug)]
pub struct Array {
    pub id: ArrayId,
    pub length: u64,
    pub memory: MemoryId,
    pub object: ObjectId,
    pub is_cell: bool,
}

/// A mutex: its futex word.
#[derive(Clone, Copy, Debug)]
pub struct Lock {
    pub word: ArrayId,
    pub memory: MemoryId,
    pub object: ObjectId,
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
