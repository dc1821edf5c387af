//! The board: memory that all processes of a real run share. It says who exists, holds what they
//! note down, and tells them when to begin and when to stop.
//!
//! Everything is a word that is accessed atomically, so that a process may be ended at any moment
//! and the others can go on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ids::{Pid, Tid};
use crate::os::memory::Mapping;
use crate::os::process::{Ended, Usage};
use crate::program::userland::Origin;
use crate::program::{ProgramId, StartId};

use super::note::{NOTE_WORDS, Note, Noted};

/// Words of a task's row.
const ROW: usize = 24;
/// The first task's row comes after the words below and a counter for each program.
const ROWS: usize = 64 + PROGRAMS + crate::program::address::MOST_ADDRESSES;
const PROGRAMS: usize = 4096;
/// The ports of the addresses for sockets come behind the programs' counters.
const PORTS: usize = 64 + PROGRAMS;
/// Words of a chunk: its header, and notes.
const CHUNK: usize = 8192;
const CHUNK_HEADER: usize = 4;

/// Single words, by their place.
mod word {
    pub const BIRTHS: usize = 0;
    pub const CHUNKS: usize = 1;
    pub const LOST: usize = 2;
    pub const STOP: usize = 3;
    pub const START: usize = 4;
    pub const END: usize = 5;
    /// A cell of 32 bits on which the processes wait for the start.
    pub const GO: usize = 6;
    /// How many processes are ready for the start.
    pub const READY: usize = 7;
    /// The guardian's number on the host.
    pub const GUARDIAN: usize = 8;
}

/// Places within a task's row.
pub(super) mod row {
    pub const HOST_THREAD: usize = 0;
    pub const HOST_PROCESS: usize = 1;
    /// The parent's number above, the process's below.
    pub const FAMILY: usize = 2;
    pub const ORIGIN: usize = 3;
    pub const PROGRAM: usize = 4;
    /// What it was about to do when it last said so; see [`Doing`](super::Doing).
    pub const DOING: usize = 5;
    /// Its status plus one, once it has ended and somebody knows.
    pub const ENDED: usize = 6;
    /// The number plus one of the process that has waited for it.
    pub const REAPER: usize = 7;
    /// What it had used before the run began for it, and what it had used when it was waited for.
    pub const USED_BEFORE: usize = 8;
    pub const USED: usize = 14;
    /// The process group, by its number on the host; zero is that of the initial processes.
    pub const GROUP: usize = 20;
    /// Whether it has executed another program.
    pub const EXECUTED: usize = 21;
}

/// How large a board is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// So many processes and threads can be born.
    pub tasks: u32,
    /// So many bytes of notes fit.
    pub notes: u64,
}

impl Size {
    pub fn bytes(self) -> usize {
        (self.first_chunk() + self.chunks() * CHUNK) * 8
    }

    /// Where the chunks begin: whole pages, so that populating one doesn't touch another.
    const fn first_chunk(self) -> usize {
        (ROWS + self.tasks as usize * ROW).next_multiple_of(512)
    }

    fn chunks(self) -> usize {
        (self.notes / (CHUNK as u64 * 8)).max(1) as usize
    }
}

#[derive(Debug)]
pub struct Board {
    pub(super) memory: Mapping,
    size: Size,
}

/// A process or thread, as the board knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub task: Tid,
    pub process: Pid,
    pub parent: Tid,
    pub origin: Origin,
    pub program: ProgramId,
    pub host_thread: i32,
    pub host_process: i32,
    pub ended: Option<u16>,
    /// What the process used during the run, once somebody has waited for it; it stands in the row
    /// of the process's first thread.
    pub usage: Option<Usage>,
}

/// A part of the board that one thread writes its notes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// The first free word; zero before there is a chunk.
    at: usize,
    end: usize,
    header: usize,
}

impl Board {
    pub fn new(memory: Mapping, size: Size) -> Board {
        Board { memory, size }
    }

    fn word(&self, index: usize) -> &AtomicU64 {
        &self.memory.words()[index]
    }

    pub(super) fn get(&self, index: usize) -> u64 {
        self.word(index).load(Ordering::Acquire)
    }

    pub(super) fn set(&self, index: usize, value: u64) {
        self.word(index).store(value, Ordering::Release);
    }

    /// A number for a new process or thread; none if there are no more.
    pub fn number(&self) -> Option<Tid> {
        let born = self.word(word::BIRTHS).fetch_add(1, Ordering::AcqRel);
        // 0 and 1 are idle and init.
        (!self.is_stopped() && born + 2 < u64::from(self.size.tasks)).then(|| Tid(born as u32 + 2))
    }

    /// How many processes and threads run this program already; counts one more.
    pub fn forked(&self, program: ProgramId) -> u32 {
        let counter = 64 + usize::from(program.0) % PROGRAMS;
        self.word(counter).fetch_add(1, Ordering::AcqRel) as u32
    }

    pub(super) fn row(&self, task: Tid, column: usize) -> usize {
        ROWS + task.index() * ROW + column
    }

    /// Writes down who a new task is.
    pub fn enter(&self, task: Tid, process: Pid, parent: Tid, origin: Origin, program: ProgramId) {
        self.set(self.row(task, row::FAMILY), u64::from(parent.0) << 32 | u64::from(process.0));
        let origin = match origin {
            Origin::Start { entry, number } => u64::from(number) << 32 | u64::from(entry.0),
            Origin::Born { program, number } => 1 << 31 | u64::from(number) << 32 | u64::from(program.0),
        };
        self.set(self.row(task, row::ORIGIN), origin);
        self.set(self.row(task, row::PROGRAM), u64::from(program.0));
        self.set(self.row(task, row::GROUP), self.get(self.row(parent, row::GROUP)));
    }

    /// The port that an address for sockets has on this host.
    pub fn port(&self, address: u32) -> u16 {
        self.get(PORTS + address as usize) as u16
    }

    pub fn set_port(&self, address: u32, port: u16) {
        self.set(PORTS + address as usize, u64::from(port));
    }

    /// The host's numbers of a task.
    pub fn is_on_host(&self, task: Tid, thread: i32, process: i32) {
        self.set(self.row(task, row::HOST_PROCESS), process as u64);
        self.set(self.row(task, row::HOST_THREAD), thread as u64);
    }

    /// The process has executed a program.
    pub fn set_program(&self, task: Tid, program: ProgramId) {
        self.set(self.row(task, row::EXECUTED), 1);
        self.set(self.row(task, row::PROGRAM), u64::from(program.0));
    }

    /// What the task does from now on.
    #[inline]
    pub fn does(&self, task: Tid, doing: u64) {
        self.word(self.row(task, row::DOING)).store(doing, Ordering::Relaxed);
    }

    pub fn doing(&self, task: Tid) -> u64 {
        self.get(self.row(task, row::DOING))
    }

    pub fn has_ended(&self, task: Tid, status: u16) {
        self.set(self.row(task, row::ENDED), u64::from(status) + 1);
    }

    /// How many processes and threads have been born so far.
    pub fn births(&self) -> u32 {
        let most = u64::from(self.size.tasks).saturating_sub(2);
        self.get(word::BIRTHS).min(most) as u32
    }

    /// The run begins for a process that has used so much already.
    pub fn has_used(&self, task: Tid, before: Usage) {
        self.set_usage(task, row::USED_BEFORE, before);
    }

    /// Somebody has waited for a process.
    pub fn was_reaped(&self, task: Tid, by: Tid, ended: Ended) {
        self.set_usage(task, row::USED, ended.usage);
        self.set(self.row(task, row::REAPER), u64::from(by.0) + 1);
        self.has_ended(task, ended.status);
    }

    fn set_usage(&self, task: Tid, column: usize, usage: Usage) {
        for (offset, value) in usage.words().into_iter().enumerate() {
            self.set(self.row(task, column + offset), value);
        }
    }

    fn usage(&self, task: Tid, column: usize) -> Usage {
        Usage::from_words(std::array::from_fn(|offset| self.get(self.row(task, column + offset))))
    }

    /// All processes and threads, with what the processes used themselves: the kernel adds to each
    /// what the children have used for which it has waited.
    pub fn rows_with_usage(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = self.rows().collect();
        let mut of_children: BTreeMap<u64, [u64; Usage::WORDS]> = BTreeMap::new();
        for row in &rows {
            let sums = of_children.entry(self.get(self.row(row.task, row::REAPER))).or_default();
            let used = self.usage(row.task, row::USED).words();
            sums.iter_mut().zip(used).for_each(|(sum, used)| *sum = sum.saturating_add(used));
        }
        for row in &mut rows {
            if self.get(self.row(row.task, row::REAPER)) == 0 {
                continue;
            }
            let children = of_children.get(&(u64::from(row.task.0) + 1)).copied().unwrap_or_default();
            let own = self.usage(row.task, row::USED) - Usage::from_words(children);
            row.usage = Some(own - self.usage(row.task, row::USED_BEFORE));
        }
        rows
    }

    /// All processes and threads so far, in the order of their births.
    pub fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        (2..2 + self.births()).map(|number| self.find(Tid(number)))
    }

    pub fn find(&self, task: Tid) -> Row {
        let get = |column| self.get(self.row(task, column));
        let (origin, family) = (get(row::ORIGIN), get(row::FAMILY));
        let (number, id) = ((origin >> 32) as u32, origin as u16);
        Row {
            task,
            process: Pid(family as u32),
            parent: Tid((family >> 32) as u32),
            origin: match origin & (1 << 31) {
                0 => Origin::Start { entry: StartId(id), number },
                _ => Origin::Born { program: ProgramId(id), number },
            },
            program: ProgramId(get(row::PROGRAM) as u16),
            host_thread: get(row::HOST_THREAD) as i32,
            host_process: get(row::HOST_PROCESS) as i32,
            ended: get(row::ENDED).checked_sub(1).map(|status| status as u16),
            usage: None,
        }
    }

    /// The process with this number on the host; only those of this run are known.
    pub fn process_on_host(&self, pid: i32) -> Option<Row> {
        self.rows().find(|row| row.host_process == pid && row.process.leader() == row.task)
    }

    /// Asks everybody to end.
    pub fn stop(&self) {
        self.set(word::STOP, 1);
    }

    pub fn is_stopped(&self) -> bool {
        self.get(word::STOP) != 0
    }

    /// When the run began and, if it has, ended, on the host's clock.
    pub fn start(&self) -> u64 {
        self.get(word::START)
    }

    pub fn end(&self) -> u64 {
        self.get(word::END)
    }

    pub fn set_end(&self, now: u64) {
        self.set(word::END, now);
    }

    /// Lets the processes begin.
    pub fn go(&self, now: u64) {
        self.set(word::START, now);
        self.set(word::GO, 1);
        if let Some(cell) = self.memory.cell32(word::GO * 8) {
            let _ = crate::os::futex::wake(cell, i32::MAX);
        }
    }

    /// The process that stands for process 1: the parent of who has none in the scenario.
    pub fn guardian(&self) -> i32 {
        self.get(word::GUARDIAN) as i32
    }

    pub fn set_guardian(&self, pid: i32) {
        self.set(word::GUARDIAN, pid as u64);
    }

    /// How many processes wait for the start.
    pub fn ready(&self) -> u64 {
        self.get(word::READY)
    }

    /// Waits for the start.
    pub fn await_go(&self) {
        self.word(word::READY).fetch_add(1, Ordering::AcqRel);
        let Some(cell) = self.memory.cell32(word::GO * 8) else { return };
        while cell.load(Ordering::Acquire) == 0 {
            let _ = crate::os::futex::wait(cell, 0, crate::os::futex::Limit::Never);
        }
    }

    /// Notes that found no place.
    pub fn lost(&self) -> u64 {
        self.get(word::LOST)
    }

    /// Writes a note down; a new chunk is taken when the last is full.
    #[inline]
    pub fn note(&self, task: Tid, chunk: &mut Chunk, note: Note) {
        if chunk.at + NOTE_WORDS > chunk.end && !self.take_chunk(task, chunk) {
            self.word(word::LOST).fetch_add(1, Ordering::Relaxed);
            return;
        }
        for (offset, value) in note.words().into_iter().enumerate() {
            self.word(chunk.at + offset).store(value, Ordering::Relaxed);
        }
        chunk.at += NOTE_WORDS;
        self.set(chunk.header + 1, (chunk.at - chunk.header) as u64);
    }

    #[cold]
    fn take_chunk(&self, task: Tid, chunk: &mut Chunk) -> bool {
        let number = self.word(word::CHUNKS).fetch_add(1, Ordering::AcqRel) as usize;
        if number >= self.size.chunks() {
            *chunk = Chunk::default();
            return false;
        }
        let header = self.chunk(number);
        self.memory.populate(header * 8, CHUNK * 8);
        // The kernel counts these pages as faults, though they aren't the scenario's doing.
        let leader = self.find(task).process.leader();
        let faults = self.row(leader, row::USED_BEFORE + Usage::MINOR_FAULTS);
        self.word(faults).fetch_add(CHUNK as u64 / 512, Ordering::Relaxed);
        self.set(header, u64::from(task.0));
        *chunk = Chunk { at: header + CHUNK_HEADER, end: header + CHUNK, header };
        true
    }

    fn chunk(&self, number: usize) -> usize {
        self.size.first_chunk() + number * CHUNK
    }

    /// Everything that was noted, in the order of time; those of one thread in their order.
    pub fn notes(&self) -> Vec<Noted> {
        let chunks = (self.get(word::CHUNKS) as usize).min(self.size.chunks());
        let mut notes: Vec<Noted> = (0..chunks)
            .flat_map(|number| {
                let header = self.chunk(number);
                let (task, used) = (Tid(self.get(header) as u32), self.get(header + 1) as usize);
                let places =
                    (header + CHUNK_HEADER..header + used.clamp(CHUNK_HEADER, CHUNK)).step_by(NOTE_WORDS);
                places.filter_map(move |at| {
                    let words = std::array::from_fn(|offset| self.get(at + offset));
                    Note::from_words(words).map(|note| Noted { task, note })
                })
            })
            .collect();
        notes.sort_by_key(|noted| noted.note.at);
        notes
    }
}
