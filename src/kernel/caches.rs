//! Which CPU's caches hold what: pipes, files and futexes remember who used them last, and their
//! bytes who wrote them. Only a profile that prices this has it.
//!
//! Left out: how much a cache holds. What one CPU had, it has until another uses it.

use std::collections::{BTreeMap, VecDeque};

use crate::time::Span;

use super::cost::{Costs, per_kib};
use super::file::Opened;
use super::ipc::futex::Word;
use super::ipc::pipe::Pipe;

/// A pipe keeps so many pages for itself when they are empty (`tmp_page` in fs/pipe.c of Linux).
const OWN_PAGES: usize = 2;

/// What a call works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Used {
    /// A pipe, by its index, and whether bytes are put in.
    Pipe {
        pipe: u32,
        writes: bool,
    },
    /// A file, by its index, and whether its bytes are written.
    File {
        file: u32,
        writes: bool,
    },
    Futex(Word),
}

impl Used {
    /// What a transfer through a descriptor works on: a pipe's end of the right kind, or a file.
    /// Other objects aren't followed.
    #[inline]
    pub fn through(opened: Opened, writes: bool) -> Option<Used> {
        match opened {
            Opened::PipeRead(pipe) if !writes => Some(Used::Pipe { pipe, writes }),
            Opened::PipeWrite(pipe) if writes => Some(Used::Pipe { pipe, writes }),
            Opened::File(file) => Some(Used::File { file, writes }),
            Opened::PipeRead(_)
            | Opened::PipeWrite(_)
            | Opened::Keyboard
            | Opened::Screen
            | Opened::Counter(_)
            | Opened::Alarm(_)
            | Opened::Epoll(_)
            | Opened::Ring(_)
            | Opened::Queue(_)
            | Opened::Socket(_) => None,
        }
    }
}

/// The CPUs that hold the objects' cache lines, as bits.
#[derive(Clone, Debug, Default)]
pub struct Caches {
    pipes: BTreeMap<u32, PipeLines>,
    files: BTreeMap<u32, FileLines>,
    futexes: BTreeMap<Word, usize>,
}

#[derive(Clone, Debug, Default)]
struct PipeLines {
    last: usize,
    /// Who wrote the bytes, the oldest first.
    writers: VecDeque<(usize, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct FileLines {
    last: usize,
    /// The CPUs that have the file's bytes as they are now.
    holders: u64,
}

impl Caches {
    /// What the profile charges for these; none if it charges nothing.
    pub fn of(costs: &Costs) -> Option<Box<Caches>> {
        let prices = [costs.contended, costs.remote_per_kib, costs.pipe_page_in, costs.pipe_page_out];
        prices.iter().any(|price| !price.is_zero()).then(Box::default)
    }

    /// What it costs a CPU to get an object, and so many of its bytes, from where they are.
    pub fn price(&self, costs: &Costs, cpu: usize, object: Used, bytes: u64) -> Span {
        let (last, remote) = match object {
            Used::Pipe { pipe, writes } => match self.pipes.get(&pipe) {
                Some(lines) => (Some(lines.last), if writes { 0 } else { lines.remote(cpu, bytes) }),
                None => (None, 0),
            },
            Used::File { file, writes } => match self.files.get(&file) {
                Some(lines) => {
                    let has_bytes = writes || lines.holders & (1 << cpu) != 0;
                    (Some(lines.last), if has_bytes { 0 } else { bytes })
                }
                None => (None, 0),
            },
            Used::Futex(word) => (self.futexes.get(&word).copied(), 0),
        };
        let contended = if last.is_some_and(|last| last != cpu) { costs.contended } else { Span::ZERO };
        contended + per_kib(costs.remote_per_kib, remote)
    }

    /// A CPU has used an object; if it is a pipe, so many bytes were in it before and after.
    pub fn used(&mut self, cpu: usize, object: Used, before: u64, after: u64) {
        match object {
            Used::Pipe { pipe, .. } => {
                let lines = self.pipes.entry(pipe).or_default();
                lines.last = cpu;
                lines.taken(before.saturating_sub(after));
                lines.put(cpu, after.saturating_sub(before));
            }
            Used::File { file, writes } => {
                let lines = self.files.entry(file).or_insert(FileLines { last: cpu, holders: 0 });
                lines.last = cpu;
                lines.holders = if writes { 0 } else { lines.holders } | 1 << cpu;
            }
            Used::Futex(word) => drop(self.futexes.insert(word, cpu)),
        }
    }
}

/// What the pages of a pipe cost that so many bytes fill or empty.
pub fn pipe_pages(costs: &Costs, pipe: &Pipe, writes: bool, bytes: u64) -> Span {
    let beyond = |slots: usize| slots.max(OWN_PAGES) as u64;
    let used = pipe.slots_in_use();
    if writes {
        costs.pipe_page_in * (beyond(pipe.slots_with(pipe.accepts(bytes, false))) - beyond(used))
    } else {
        costs.pipe_page_out * (beyond(used) - beyond(pipe.slots_without(bytes)))
    }
}

impl PipeLines {
    fn put(&mut self, cpu: usize, bytes: u64) {
        match self.writers.back_mut() {
            _ if bytes == 0 => {}
            Some((last, count)) if *last == cpu => *count += bytes,
            _ => self.writers.push_back((cpu, bytes)),
        }
    }

    fn taken(&mut self, mut bytes: u64) {
        while let Some((_, count)) = self.writers.front_mut() {
            let part = bytes.min(*count);
            *count -= part;
            bytes -= part;
            if *count > 0 {
                return;
            }
            self.writers.pop_front();
        }
    }

    /// How many of the oldest so many bytes another CPU wrote.
    fn remote(&self, cpu: usize, mut bytes: u64) -> u64 {
        let mut remote = 0;
        for &(writer, count) in &self.writers {
            let part = bytes.min(count);
            remote += if writer == cpu { 0 } else { part };
            bytes -= part;
            if bytes == 0 {
                break;
            }
        }
        remote
    }
}
