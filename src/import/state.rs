//! What is known of recorded processes on the way to a plan: pipes, files, programs so far.

use std::collections::{BTreeMap, BTreeSet};

use super::descriptors::Table;
use super::plan::Item;
use super::recording::Moment;

/// A pipe that the recorded processes had.
#[derive(Debug, Default)]
pub struct Pipe {
    pub name: String,
    /// Bytes that steps read and write.
    pub read: u64,
    pub written: u64,
    /// How many steps read, the end of file included.
    pub reads: u64,
    pub capacity: Option<u64>,
    /// Whether it was made in the recording.
    pub known: bool,
}

/// A file that they used.
#[derive(Debug, Default)]
pub struct File {
    /// What it is to be called; what it is called from its first use on.
    pub name: String,
    pub path: String,
    pub used: bool,
    pub read: u64,
    pub written: u64,
}

/// What happened to a process so far.
#[derive(Clone, Debug, Default)]
pub struct ProcessState {
    pub table: Table,
    /// Signals that handlers catch.
    pub handled: BTreeSet<String>,
    pub over: bool,
}

/// A task on its way to programs.
#[derive(Debug, Default)]
pub struct Track {
    /// One program, and one more for each exec.
    pub segments: Vec<Segment>,
    /// Compute since the last step.
    pub pending: u64,
    /// When its last call ended.
    pub last: Moment,
    pub process: usize,
    /// Whether it runs from the beginning: its parent wasn't recorded.
    pub root: bool,
    /// Whether it has ended.
    pub over: bool,
    /// Which of its parent's programs made it: how many there were.
    pub born_in: usize,
    /// Whether its parent has waited for it.
    pub reaped: bool,
    /// Whose descriptors its variables hold, and whether its own steps use them.
    pub knows: BTreeMap<usize, bool>,
}

#[derive(Debug, Default)]
pub struct Segment {
    pub name: String,
    pub items: Vec<Item>,
}
