//! Pools of workers: processes that get their tasks through a pipe, or threads that take them out of a queue.
//!
//! All workers read from one pipe, under a lock, and write what they have found to a second one, under another
//! lock. A thread of the owner, the result handler, stores the results, runs the call-backs and wakes who waits.
//! A second thread reaps the workers and tells if one has died. Threads have two queues in place of the pipes.
//! Model: `multiprocessing.pool` of Python; that all outstanding tasks fail with a dead worker is of its
//! `concurrent.futures`. Whoever hands in a task puts it into the pipe itself; Python has a thread for that.
//!
//! - [`life`]: start, close, join
//! - [`tasks`]: the tasks and their results
//! - [`job`]: how tasks are handed in and waited for
//! - [`programs`]: what workers, the result handler and the watcher run

pub mod job;
pub mod life;
pub mod programs;
pub mod tasks;

use crate::ids::Fd;
use crate::program::ProgramId;
use crate::program::at::At;
use crate::program::content::What;
use crate::program::image::MemoryId;
use crate::program::instruction::{Address, ArrayId, Cell, Instruction, OnError};
use crate::program::lower::Lower;
use crate::program::names::{Lock, Words};
use crate::program::syscall::{Read, Write};
use crate::program::value::{Amount, Handle, Operand, Operator, Variable};

use super::condition::wake_all;
use super::emit::{ONE, ZERO};
use super::lock::{Way, give_back, take};
use super::thread_queue;
use crate::program::syscall::Limit;

/// A pool of workers.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    pub workers: i64,
    /// How many tasks it has room for.
    pub capacity: i64,
    /// The memory of locks, and that of its own.
    pub memories: [MemoryId; 2],
    /// Held while a task is handed in.
    pub put: Lock,
    /// Protects what is in the pool's memory.
    pub lock: Lock,
    /// What those who wait for a result are woken by.
    pub done: Words,
    pub tasks: Channel,
    pub results: Channel,
    /// [`word`]s.
    pub control: ArrayId,
    /// By the task's number: the argument on its way, then the result on its way.
    pub work: ArrayId,
    pub answers: ArrayId,
    /// By the number of a job's first task: how many of its tasks aren't done.
    pub left: ArrayId,
    /// The number of the first task of its job.
    pub job: ArrayId,
    /// The program of the call-back and 1, or 0.
    pub call_back: ArrayId,
    /// The process numbers of the workers.
    pub numbers: ArrayId,
    pub programs: Programs,
}

/// What a pool's own threads and processes run; known when all programs are.
#[derive(Clone, Copy, Debug)]
pub struct Programs {
    pub worker: ProgramId,
    pub handler: ProgramId,
    pub watcher: ProgramId,
}

/// How tasks get to the workers, and results back.
#[derive(Clone, Copy, Debug)]
pub enum Channel {
    /// The lock is for the side that has many workers.
    Pipe {
        read: Fd,
        write: Fd,
        lock: Lock,
    },
    Queue {
        words: Words,
        items: ArrayId,
        capacity: i64,
    },
}

/// The words in a pool's memory.
pub mod word {
    pub const STATE: i64 = 0;
    /// 1 if no more results come.
    pub const OVER: i64 = 1;
    /// The number of the next task.
    pub const NEXT: i64 = 2;
    pub const COUNT: usize = 3;
}

/// What becomes of a pool.
mod state {
    use crate::program::value::Operand;
    pub const RUNNING: Operand = Operand::Const(1);
    pub const CLOSED: Operand = Operand::Const(2);
    pub const JOINED: Operand = Operand::Const(3);
}

/// A message begins with the number of its first task times this, and how many there are. 0 ends whoever reads it.
const STRIDE: Operand = Operand::Const(1 << 16);
const WORD: Amount = Amount::Const(8);

impl Pool {
    pub const fn of_processes(&self) -> bool {
        matches!(self.tasks, Channel::Pipe { .. })
    }

    const fn word(&self, index: i64) -> Cell {
        Cell { array: self.control, index: Operand::Const(index) }
    }

    fn take(&self, cx: &mut Lower<'_>, lock: Lock) {
        take(cx, lock, Way::Wait(Limit::Never), None);
    }

    /// No more results come: whoever waits for one is told.
    fn is_over(&self, cx: &mut Lower<'_>) {
        self.take(cx, self.lock);
        cx.store(self.word(word::OVER), ONE);
        wake_all(cx, self.done);
        give_back(cx, self.lock, None);
    }
}

const fn at(array: ArrayId, index: Operand) -> Cell {
    Cell { array, index }
}

/// Goes through the values of `index` from 0 below `end`, once at least.
fn each(cx: &mut Lower<'_>, index: Variable, end: Operand, body: impl FnOnce(&mut Lower<'_>)) {
    cx.set(index, ZERO);
    let again = cx.here();
    body(cx);
    let next = cx.compute(index, Operator::Add, ONE);
    cx.set(index, next);
    let past = cx.unless(index, Operator::Less, end);
    cx.emit(Instruction::Jump(again));
    cx.patch(past);
}

impl Lower<'_> {
    /// The pool with this name.
    pub fn pool(&mut self, name: &At<String>) -> Option<Pool> {
        let found = self.names.pools.get(&name.value).copied();
        match found {
            Some(pool) => pool.memories.iter().for_each(|memory| self.use_memory(*memory, &name.span)),
            None => {
                let have = self.names.pools.keys().cloned().collect();
                self.no_such(name, "pool", have);
            }
        }
        found
    }

    /// Reads a value of eight bytes; goes elsewhere, to be patched, if there is none.
    fn receive(&mut self, read: Fd, name: &At<String>, into: Variable, got: Variable) -> Address {
        let fd = Handle::Named(self.use_fd(read, &name.span));
        let call = Read { fd, bytes: WORD, direct: false, all: true, into: Some(into), keep: false }.into();
        self.emit(Instruction::Syscall { call, result: Some(got), on_error: OnError::Continue });
        self.unless(got, Operator::Greater, ZERO)
    }

    /// Writes a value of eight bytes. If nobody can read it, somebody else says so.
    fn send_value(&mut self, write: Fd, name: &At<String>, value: Operand) {
        let fd = Handle::Named(self.use_fd(write, &name.span));
        let call = Write { fd, bytes: WORD, what: What::Value(value), sync: false, direct: false }.into();
        self.emit(Instruction::Syscall { call, result: None, on_error: OnError::Continue });
    }

    /// Puts a message's head into a queue or a pipe.
    fn send_head(&mut self, way: Channel, name: &At<String>, head: Operand) {
        match way {
            Channel::Pipe { write, .. } => self.send_value(write, name, head),
            Channel::Queue { words, items, capacity } => {
                thread_queue::put(self, words, items, capacity, head)
            }
        }
    }
}
