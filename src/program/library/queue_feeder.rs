//! The feeder of a queue between processes: a thread of each process that puts something in. It writes what the
//! process's other threads have left with it.
//!
//! They share a few words that each process has for its own. Model: `Queue._feed` and `Queue._finalize_join` of Python
//! (Lib/multiprocessing/queues.py).

use crate::errno::Errno;
use crate::program::at::At;
use crate::program::form::{Form, Step};
use crate::program::instruction::{Address, Fact, InMemory, Instruction, OnError};
use crate::program::lower::Lower;
use crate::program::names::{Feeder, ItemQueue, Synchroniser, Words};
use crate::program::syscall::{Close, FutexWait, Join, Limit, Thread};
use crate::program::value::{Handle, Operator, Variable};
use crate::trace::Cause;

use super::emit::{ONE, ZERO, place};
use super::lock::{Way, give_back, take};
use super::queue::write_item;

/// The words that a process and its feeder share.
mod word {
    /// A lock of the others.
    pub const LOCK: i64 = 0;
    /// What the feeder waits on, and whether it does.
    pub const TICKET: i64 = 1;
    pub const WAITS: i64 = 2;
    pub const STARTED: i64 = 3;
    pub const CLOSED: i64 = 4;
    /// How many items there are.
    pub const ITEMS: i64 = 5;
}

/// How many words a process has for its feeder.
pub const WORDS: usize = 6;
impl Lower<'_> {
    /// Wakes the feeder if it waits; the caller has the words' lock.
    fn wake_feeder(&mut self, words: Words) {
        let seen = self.temporary(place::SEEN);
        self.load(seen, words.cell(word::WAITS));
        let busy = self.if_zero(seen);
        self.atomic_add(words.cell(word::TICKET), 1);
        self.futex_wake(words.cell(word::TICKET), ONE);
        self.patch(busy);
    }

    /// Tells the process's feeder, if it has started one, that no more items come; and waits for its end.
    pub(super) fn close_queue(&mut self, feeder: Feeder, waits: bool) {
        let words = feeder.words;
        self.enter(words.cell(word::LOCK), words.object);
        self.store(words.cell(word::CLOSED), ONE);
        self.wake_feeder(words);
        self.leave(words.cell(word::LOCK));
        if waits {
            self.join_feeder(feeder);
        }
    }

    fn join_feeder(&mut self, feeder: Feeder) {
        let call = Join { program: Some(feeder.program) }.into();
        self.emit(Instruction::Syscall { call, result: None, on_error: OnError::Exit });
    }

    /// At the process's end its feeders write what they have. The end of a program is the process's only in
    /// its first thread; `is_exit` if it is the process's anyway.
    pub fn leave_queues(&mut self, is_exit: bool) {
        let mut fed: Vec<Feeder> = self.fed.values().copied().collect();
        // Its threads may put items in, too.
        if self.starts_threads() {
            let all = self.names.synchronisers.values();
            fed = all
                .filter_map(|one| if let Synchroniser::Queue(queue) = one { queue.feeder } else { None })
                .collect();
        }
        if fed.is_empty() {
            return;
        }
        let seen = self.temporary(place::SEEN);
        let mut is_thread = None;
        if !is_exit {
            self.emit(Instruction::Learn { into: seen, what: Fact::Leads });
            is_thread = Some(self.if_zero(seen));
        }
        for feeder in fed {
            self.use_memory(feeder.words.memory, &(0..0));
            self.load(seen, feeder.words.cell(word::STARTED));
            let unused = self.if_zero(seen);
            self.close_queue(feeder, true);
            self.patch(unused);
        }
        if let Some(is_thread) = is_thread {
            self.patch(is_thread);
        }
    }
}

/// Whoever has closed the queue can't put anything in. Gives the jump to the end.
pub(super) fn refuse_if_closed(cx: &mut Lower<'_>, feeder: Feeder, result: Option<Variable>) -> Address {
    let seen = cx.temporary(place::SEEN);
    cx.load(seen, feeder.words.cell(word::CLOSED));
    let open = cx.if_zero(seen);
    cx.answer_error(result, Errno::EBADF);
    let end = cx.jump();
    cx.patch(open);
    end
}

/// The item goes to the process's feeder, which is started if there is none yet.
pub(super) fn leave_to_feeder(cx: &mut Lower<'_>, queue: ItemQueue, feeder: Feeder, pending: Variable) {
    let (words, stream) = (feeder.words, queue.stream);
    let seen = cx.temporary(place::SEEN);
    cx.enter(words.cell(word::LOCK), words.object);
    cx.load(seen, words.cell(word::STARTED));
    let unstarted = cx.unless(seen, Operator::NotEqual, ZERO);
    let started = cx.jump();
    cx.patch(unstarted);
    cx.store(words.cell(word::STARTED), ONE);
    let call = Thread { program: feeder.program }.into();
    cx.emit(Instruction::Syscall { call, result: None, on_error: OnError::Exit });
    cx.patch(started);
    cx.emit(Instruction::InMemory(InMemory::Hand { stream, pending }));
    cx.change(words.cell(word::ITEMS), 1);
    cx.wake_feeder(words);
    cx.leave(words.cell(word::LOCK));
}

/// What a queue's feeder does.
#[derive(Debug)]
pub struct Feed {
    /// The queue.
    pub name: At<String>,
}

impl Form for Feed {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let Some(queue) = cx.item_queue(&self.name) else { return };
        let Some(Feeder { words, .. }) = queue.feeder else { return };
        cx.use_fd(queue.write, &self.name.span);
        let (seen, ticket) = (cx.temporary(place::SEEN), cx.temporary(place::TICKET));
        let (stream, pending) = (queue.stream, cx.temporary(place::PENDING));
        let (cell, object) = (words.cell(word::TICKET), words.object);

        let next = cx.here();
        cx.enter(words.cell(word::LOCK), object);
        let look = cx.here();
        cx.load(seen, words.cell(word::ITEMS));
        let empty = cx.if_zero(seen);
        cx.change(words.cell(word::ITEMS), -1);
        cx.emit(Instruction::InMemory(InMemory::Fetch { stream, pending }));
        cx.leave(words.cell(word::LOCK));
        take(cx, queue.write_lock, Way::Wait(Limit::Never), None);
        let failed = write_item(cx, queue, pending);
        give_back(cx, queue.write_lock, None);
        cx.emit(Instruction::Jump(next));

        cx.patch(empty);
        cx.load(seen, words.cell(word::CLOSED));
        let open = cx.if_zero(seen);
        cx.leave(words.cell(word::LOCK));
        let over = cx.jump();

        cx.patch(open);
        cx.store(words.cell(word::WAITS), ONE);
        cx.load(ticket, cell);
        cx.leave(words.cell(word::LOCK));
        let expected = ticket.into();
        cx.futex_wait(FutexWait { cell, expected, cause: Cause::Futex, object, limit: Limit::Never }, None);
        cx.enter(words.cell(word::LOCK), object);
        cx.store(words.cell(word::WAITS), ZERO);
        cx.emit(Instruction::Jump(look));

        // With nobody left to read, the rest is nobody's.
        cx.patch(failed);
        give_back(cx, queue.write_lock, None);
        cx.patch(over);
        let call = Close { fd: Handle::Named(queue.write) }.into();
        cx.emit(Instruction::Syscall { call, result: None, on_error: OnError::Continue });
    }
}
