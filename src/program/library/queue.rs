//! `queue-put`, `queue-get` and `queue-close`: a queue of items between processes, of a pipe and a lock for each
//! of its ends.
//!
//! An item is its length in four bytes, then its bytes. Whoever has the writers' lock writes both; whoever has
//! the readers' lock reads both; so items stay whole, whatever their size. With a feeder a put doesn't write:
//! it leaves the item with its process's feeder, a thread that the first put starts, and returns. Items that the
//! feeder hasn't written yet are lost if the process is killed; at its normal end it waits for the feeder.
//! Models: `multiprocessing.Queue` and `SimpleQueue` of Python (Lib/multiprocessing/queues.py, connection.py).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::readiness::Events;
use crate::program::at::{At, SizeAmount, TimeAmount, Value};
use crate::program::content::{Content, What};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Polled;
use crate::program::instruction::{Address, Fact, InMemory, Instruction, OnError};
use crate::program::lower::{Link, Lower};
use crate::program::names::{ItemQueue, Synchroniser};
use crate::program::problem::{Code, Problem};
use crate::program::syscall::{Limit, Poll, Read, Syscall, Write};
use crate::program::value::{Amount, Handle, Operand, Operator, Variable};
use crate::program::verb::{Level, Real, VerbRow};

use super::emit::{ZERO, place};
use super::lock::{Way, give_back, take};
use super::queue_feeder::{leave_to_feeder, refuse_if_closed};
use super::semaphore::{attempt, down, up};

pub const QUEUE_PUT: VerbRow = VerbRow {
    name: "queue-put",
    level: Level::Library,
    summary: "puts an item into a queue between processes",
    doc: "Puts an item into a `[queue.NAME]`. With a feeder it only leaves the item with that thread of its process, which the first put starts and which writes it into the queue's pipe; without one it takes the writers' lock and writes itself. It waits while the queue is full; with `timeout` it gives up with ETIMEDOUT, with `nonblock` at once with EAGAIN. After a `queue-close` of its process it answers EBADF.",
    example: r#"{ queue-put = "items", value = "x" }"#,
    real: Real::Yes(
        "atomic instructions, write(2), and futex(2) to wait and wake; with a feeder in a thread of its own",
    ),
    blocks: &[],
    parse: parse::<QueuePutForm>,
    schema: schema::<QueuePutForm>,
};

pub const QUEUE_GET: VerbRow = VerbRow {
    name: "queue-get",
    level: Level::Library,
    summary: "takes the oldest item out of a queue between processes",
    doc: "Takes the readers' lock, reads the item's length and then the item. It waits while the queue is empty; with `timeout` it gives up with ETIMEDOUT, with `nonblock` at once with EAGAIN. If nobody is left who could put something it answers EPIPE.",
    example: r#"{ queue-get = "items", into = "x" }"#,
    real: Real::Yes(
        "read(2) twice, poll(2) with a `timeout` or `nonblock`, and futex(2) to wait for the lock",
    ),
    blocks: &[],
    parse: parse::<QueueGetForm>,
    schema: schema::<QueueGetForm>,
};

pub const QUEUE_CLOSE: VerbRow = VerbRow {
    name: "queue-close",
    level: Level::Library,
    summary: "puts nothing more into a queue between processes",
    doc: "Says that the process puts nothing more into the queue: its feeder writes what it has, closes the pipe's end and ends. With `join` it waits for that, as the process's end does anyway.",
    example: r#"{ queue-close = "items", join = true }"#,
    real: Real::Yes("futex(2) to wake the feeder and to wait for its end"),
    blocks: &[],
    parse: parse::<QueueCloseForm>,
    schema: schema::<QueueCloseForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct QueuePutForm {
    /// The queue.
    queue_put: At<String>,
    /// How many bytes; 8 if only a value is given.
    bytes: Option<At<SizeAmount>>,
    /// What the first eight bytes hold: a whole number or an expression.
    value: Option<At<Value>>,
    /// A text, with expressions in braces as in `print`.
    text: Option<At<String>>,
    /// What the thread has read last, as many bytes as that was.
    buffer: Option<bool>,
    /// How long it waits at most; as long as it takes if absent.
    timeout: Option<At<TimeAmount>>,
    /// Whether it never waits for room; false if absent.
    nonblock: Option<bool>,
    /// The variable that gets 0, or a negated error number. Without it, an error ends the process.
    result: Option<At<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct QueueGetForm {
    /// The queue.
    queue_get: At<String>,
    /// The variable that gets the value that the item carries.
    into: Option<At<String>>,
    /// How long it waits at most; as long as it takes if absent.
    timeout: Option<At<TimeAmount>>,
    /// Whether it never waits for an item; false if absent.
    nonblock: Option<bool>,
    /// The variable that gets 0, or a negated error number. Without it, an error ends the process.
    result: Option<At<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct QueueCloseForm {
    /// The queue, which must have a feeder.
    queue_close: At<String>,
    /// Whether it waits until the feeder has written all items; false if absent.
    join: Option<bool>,
}

/// The bytes of an item's length.
const HEADER: i64 = 4;
/// An item of up to so many bytes is written together with its length (connection.py, `_send_bytes`).
const TOGETHER: i64 = 16 << 10;

/// How long somebody waits.
#[derive(Clone, Copy)]
enum Patience {
    For(Limit),
    Never,
}

impl Patience {
    fn of(timeout: &Option<At<TimeAmount>>, nonblock: Option<bool>, cx: &mut Lower<'_>) -> Patience {
        let timeout = timeout.as_ref().map(|time| (cx.time(time), time.span.clone()));
        if nonblock.unwrap_or(false) {
            if let Some((_, span)) = timeout {
                let message = "a step that never waits has no `timeout`";
                cx.problems.error(Code::OutOfRange, span, message);
            }
            return Patience::Never;
        }
        Patience::For(cx.deadline(timeout.map(|(time, _)| time)))
    }

    /// What is answered when it is at its end.
    const fn errno(self) -> Errno {
        match self {
            Patience::For(_) => Errno::ETIMEDOUT,
            Patience::Never => Errno::EAGAIN,
        }
    }

    const fn has_end(self) -> bool {
        !matches!(self, Patience::For(Limit::Never))
    }
}

impl Lower<'_> {
    pub(super) fn item_queue(&mut self, name: &At<String>) -> Option<ItemQueue> {
        match self.synchroniser(name, "queue") {
            Some(Synchroniser::Queue(queue)) => Some(queue),
            Some(_) | None => None,
        }
    }

    /// Makes a call again as long as signals interrupt it; gives where its answer is.
    fn persist(&mut self, call: impl Into<Syscall>) -> Variable {
        let answer = self.temporary(place::ANSWER);
        let again = self.here();
        self.emit(Instruction::Syscall {
            call: call.into(),
            result: Some(answer),
            on_error: OnError::Continue,
        });
        let interrupted = Operand::Const(Errno::EINTR.result());
        let done = self.unless(answer, Operator::Equal, interrupted);
        self.emit(Instruction::Jump(again));
        self.patch(done);
        answer
    }
}

impl Form for QueuePutForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let content = Content::of(&self.bytes, &self.value, &self.text, self.buffer);
        let (bytes, what) = cx.content(step, content);
        let result = self.result.as_ref().map(|name| cx.assign(name));
        let Some(queue) = cx.item_queue(&self.queue_put) else { return };
        cx.use_fd(queue.write, &self.queue_put.span);
        let mut ends = Vec::new();
        if let Some(feeder) = queue.feeder {
            cx.link_to(Link::Thread, feeder.program, &self.queue_put.span);
            cx.fed.insert(queue.stream, feeder);
            ends.push(refuse_if_closed(cx, feeder, result));
        }
        let patience = Patience::of(&self.timeout, self.nonblock, cx);
        ends.extend(take_room(cx, queue, patience, result));
        let (stream, pending) = (queue.stream, cx.temporary(place::PENDING));
        cx.emit(Instruction::InMemory(InMemory::Frame { stream, bytes, what, pending }));
        match queue.feeder {
            Some(feeder) => leave_to_feeder(cx, queue, feeder, pending),
            None => {
                take(cx, queue.write_lock, Way::Wait(Limit::Never), None);
                let failed = write_item(cx, queue, pending);
                give_back(cx, queue.write_lock, None);
                cx.answer_success(result);
                ends.push(cx.jump());
                cx.patch(failed);
                give_back(cx, queue.write_lock, None);
                cx.answer_error(result, Errno::EPIPE);
                for end in std::mem::take(&mut ends) {
                    cx.patch(end);
                }
                return;
            }
        }
        cx.answer_success(result);
        for end in ends {
            cx.patch(end);
        }
    }
}

/// Waits until there may be one more item. Gives the jump to the end for whoever gives up.
fn take_room(
    cx: &mut Lower<'_>,
    queue: ItemQueue,
    patience: Patience,
    result: Option<Variable>,
) -> Option<Address> {
    let room = queue.room?;
    let success = cx.temporary(place::SUCCESS);
    match patience {
        Patience::For(Limit::Never) => {
            down(cx, room, Limit::Never, None);
            return None;
        }
        Patience::For(limit) => down(cx, room, limit, Some(success)),
        Patience::Never => attempt(cx, room, success),
    }
    let good = cx.unless(success, Operator::Less, ZERO);
    cx.answer_error(result, patience.errno());
    let end = cx.jump();
    cx.patch(good);
    Some(end)
}

/// Writes the item that is in the thread's buffer. Gives the jump that is taken if nobody reads any more.
pub(super) fn write_item(cx: &mut Lower<'_>, queue: ItemQueue, pending: Variable) -> Address {
    let (stream, fd, chunk) = (queue.stream, Handle::Named(queue.write), cx.temporary(place::CHUNK));
    let small = cx.unless(pending, Operator::Greater, Operand::Const(TOGETHER + HEADER));
    cx.set(chunk, Operand::Const(HEADER));
    let header_first = cx.jump();
    cx.patch(small);
    let again = cx.here();
    cx.set(chunk, pending.into());
    cx.patch(header_first);
    let (bytes, what) = (Amount::Operand(chunk.into()), What::Stream(stream));
    let written = cx.persist(Write { fd, bytes, what, sync: false, direct: false });
    let good = cx.unless(written, Operator::Less, ZERO);
    cx.emit(Instruction::InMemory(InMemory::Drop { stream, bytes: pending, pending }));
    let failed = cx.jump();
    cx.patch(good);
    cx.emit(Instruction::InMemory(InMemory::Drop { stream, bytes: written, pending }));
    let done = cx.if_zero(pending);
    cx.emit(Instruction::Jump(again));
    cx.patch(done);
    failed
}

impl Form for QueueGetForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let into = self.into.as_ref().map(|name| cx.assign(name));
        let result = self.result.as_ref().map(|name| cx.assign(name));
        let Some(queue) = cx.item_queue(&self.queue_get) else { return };
        cx.use_fd(queue.read, &self.queue_get.span);
        let (fd, lock) = (Handle::Named(queue.read), queue.read_lock);
        let patience = Patience::of(&self.timeout, self.nonblock, cx);
        let mut failures = Vec::new();
        let mut ends = Vec::new();
        if patience.has_end() {
            let success = cx.temporary(place::SUCCESS);
            let way = match patience {
                Patience::For(limit) => Way::Wait(limit),
                Patience::Never => Way::Try,
            };
            take(cx, lock, way, Some(success));
            let good = cx.unless(success, Operator::Less, ZERO);
            cx.answer_error(result, patience.errno());
            ends.push(cx.jump());
            cx.patch(good);
            failures.push((await_item(cx, fd, patience), patience.errno()));
        } else {
            take(cx, lock, Way::Wait(Limit::Never), None);
        }
        let length = cx.temporary(place::LENGTH);
        let header = Amount::Const(HEADER as u64);
        let (direct, keep, all) = (false, false, true);
        let got = cx.persist(Read { fd, bytes: header, direct, all, into: Some(length), keep });
        failures.push((cx.unless(got, Operator::Greater, ZERO), Errno::EPIPE));
        let bytes = Amount::Operand(length.into());
        // It may come in several pieces, and the first one has the value.
        cx.persist(Read { fd, bytes, direct, all, into: None, keep: into.is_some() });
        give_back(cx, lock, None);
        if let Some(into) = into {
            cx.emit(Instruction::InMemory(InMemory::Word { into }));
        }
        if let Some(room) = queue.room {
            up(cx, room);
        }
        cx.answer_success(result);
        for (failed, errno) in failures {
            ends.push(cx.jump());
            cx.patch(failed);
            give_back(cx, lock, None);
            cx.answer_error(result, errno);
        }
        for end in ends {
            cx.patch(end);
        }
    }
}

/// Waits until the pipe has something, for what is left of the time. Gives the jump that is taken if it hasn't.
fn await_item(cx: &mut Lower<'_>, fd: Handle, patience: Patience) -> Address {
    let left = match patience {
        Patience::For(Limit::Until(deadline)) => {
            let now = cx.temporary(place::SEEN);
            cx.emit(Instruction::Learn { into: now, what: Fact::Deadline(Amount::Const(0)) });
            Amount::Operand(cx.compute(deadline, Operator::Subtract, now.into()))
        }
        Patience::For(Limit::Never | Limit::For(_)) | Patience::Never => Amount::Const(0),
    };
    cx.tables.polls.push(vec![Polled { fd, events: Events::IN, into: None }]);
    let list = (cx.tables.polls.len() - 1) as u32;
    let ready = cx.persist(Poll { list, timeout: Some(left) });
    cx.unless(ready, Operator::Greater, ZERO)
}

impl Form for QueueCloseForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let Some(queue) = cx.item_queue(&self.queue_close) else { return };
        let Some(feeder) = queue.feeder else {
            let message = format!("the queue `{}` has no feeder that could be told", self.queue_close.value);
            let problem = Problem::error(Code::WrongObject, self.queue_close.span.clone(), message);
            cx.problems.push(problem.help("what its puts wrote is in the pipe already: leave the step out"));
            return;
        };
        cx.close_queue(feeder, self.join.unwrap_or(false));
    }
}
