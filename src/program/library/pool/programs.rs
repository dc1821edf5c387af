//! What a pool's workers run, its result handler, and the thread that reaps the workers.

use std::ops::Range;

use crate::errno::Errno;
use crate::program::ProgramId;
use crate::program::at::At;
use crate::program::form::{Form, Step};
use crate::program::instruction::{Instruction, OnError};
use crate::program::lower::{Link, Lower};
use crate::program::syscall::{Kill, Target, Wait, Whom};
use crate::program::value::{Operand, Operator, Variable};
use crate::signal::Signal;

use super::super::condition::wake_all;
use super::super::emit::{ONE, ZERO};
use super::super::lock::give_back;
use super::super::thread_queue;
use super::{Channel, Pool, STRIDE, at, each, state, word};

/// The variables that a task's steps begin and end with, and that of a call-back.
pub const ARGUMENT: &str = "argument";
pub const ANSWER: &str = "answer";
pub const TICKET: &str = "ticket";

/// A worker: takes a message with tasks, goes through the steps for each, and sends the results.
pub struct Worker {
    pub pool: At<String>,
    /// The program whose steps these are, if they have a name.
    pub program: Option<(ProgramId, Range<usize>)>,
}

/// What is at work in a worker or the result handler; nothing of it may be lost in the steps that stand inside.
struct Message {
    head: Variable,
    first: Variable,
    count: Variable,
    index: Variable,
    value: Variable,
}

impl Message {
    fn new(cx: &mut Lower<'_>) -> Message {
        let [head, first, count, index, value] = std::array::from_fn(|_| cx.lasting());
        Message { head, first, count, index, value }
    }

    /// Which tasks the message is about.
    fn open(&self, cx: &mut Lower<'_>) {
        let first = cx.compute(self.head, Operator::Divide, STRIDE);
        cx.set(self.first, first);
        let count = cx.compute(self.head, Operator::Remainder, STRIDE);
        cx.set(self.count, count);
    }

    /// The number of the task at hand.
    fn task(&self, cx: &mut Lower<'_>) -> Operand {
        cx.compute(self.first, Operator::Add, self.index.into())
    }
}

impl Form for Worker {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let Some(pool) = cx.pool(&self.pool) else { return };
        if let Some((program, span)) = &self.program {
            cx.link_to(Link::Within, *program, span);
        }
        let named = |name: &str| At::new(self.pool.span.clone(), name.to_owned());
        let (argument, answer) = (cx.assign(&named(ARGUMENT)), cx.assign(&named(ANSWER)));
        let message = Message::new(cx);
        let again = cx.here();
        let ends = self.take_message(cx, &pool, &message);
        each(cx, message.index, message.count.into(), |cx| {
            let task = message.task(cx);
            cx.load(argument, at(pool.work, task));
            cx.set(answer, ZERO);
            cx.doubtful_block(step.block("steps"));
            cx.store(at(pool.work, task), answer.into());
        });
        match pool.results {
            Channel::Pipe { write, lock, .. } => {
                pool.take(cx, lock);
                cx.send_value(write, &self.pool, message.head.into());
                each(cx, message.index, message.count.into(), |cx| {
                    let task = message.task(cx);
                    cx.load(message.value, at(pool.work, task));
                    cx.send_value(write, &self.pool, message.value.into());
                });
                give_back(cx, lock, None);
            }
            Channel::Queue { words, items, capacity } => {
                thread_queue::put(cx, words, items, capacity, message.head.into());
            }
        }
        cx.emit(Instruction::Jump(again));
        for end in ends {
            cx.patch(end);
        }
        if let Channel::Pipe { lock, .. } = pool.tasks {
            give_back(cx, lock, None);
        }
    }
}

impl Worker {
    /// The next message, with the arguments of its tasks. Gives the jumps to the end.
    fn take_message(&self, cx: &mut Lower<'_>, pool: &Pool, message: &Message) -> Vec<u32> {
        match pool.tasks {
            Channel::Pipe { read, lock, .. } => {
                let got = cx.lasting();
                pool.take(cx, lock);
                let mut ends = vec![cx.receive(read, &self.pool, message.head, got)];
                ends.push(cx.if_zero(message.head));
                message.open(cx);
                each(cx, message.index, message.count.into(), |cx| {
                    ends.push(cx.receive(read, &self.pool, message.value, got));
                    let task = message.task(cx);
                    cx.store(at(pool.work, task), message.value.into());
                });
                give_back(cx, lock, None);
                ends
            }
            Channel::Queue { words, items, capacity } => {
                thread_queue::get(cx, words, items, capacity, message.head);
                let end = cx.if_zero(message.head);
                message.open(cx);
                vec![end]
            }
        }
    }
}

/// The result handler: stores results, runs call-backs, wakes those who wait.
pub struct ResultHandler {
    pub pool: At<String>,
    /// The programs of call-backs, with their steps.
    pub call_backs: Vec<(ProgramId, Range<usize>, Vec<Step>)>,
}

impl Form for ResultHandler {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let Some(pool) = cx.pool(&self.pool) else { return };
        let message = Message::new(cx);
        let again = cx.here();
        let mut ends = Vec::new();
        match pool.results {
            Channel::Pipe { read, .. } => {
                let (got, over) = (cx.lasting(), cx.lasting());
                ends.push(cx.receive(read, &self.pool, message.head, got));
                ends.push(cx.if_zero(message.head));
                message.open(cx);
                each(cx, message.index, message.count.into(), |cx| {
                    ends.push(cx.receive(read, &self.pool, message.value, got));
                    // A worker that was killed may have sent half a message.
                    cx.load(over, pool.word(word::OVER));
                    ends.push(cx.unless(over, Operator::Equal, ZERO));
                    let task = message.task(cx);
                    cx.store(at(pool.answers, task), message.value.into());
                });
            }
            Channel::Queue { words, items, capacity } => {
                thread_queue::get(cx, words, items, capacity, message.head);
                ends.push(cx.if_zero(message.head));
                message.open(cx);
                each(cx, message.index, message.count.into(), |cx| {
                    let task = message.task(cx);
                    cx.load(message.value, at(pool.work, task));
                    cx.store(at(pool.answers, task), message.value.into());
                });
            }
        }
        self.run_call_backs(cx, &pool, &message);
        let (job, left) = (cx.lasting(), cx.lasting());
        pool.take(cx, pool.lock);
        cx.load(job, at(pool.job, message.first.into()));
        cx.load(left, at(pool.left, job.into()));
        let rest = cx.compute(left, Operator::Subtract, message.count.into());
        cx.set(left, rest);
        cx.store(at(pool.left, job.into()), left.into());
        let more = cx.unless(left, Operator::Equal, ZERO);
        wake_all(cx, pool.done);
        cx.patch(more);
        give_back(cx, pool.lock, None);
        cx.emit(Instruction::Jump(again));
        for end in ends {
            cx.patch(end);
        }
        pool.is_over(cx);
    }
}

impl ResultHandler {
    /// Only single tasks have one, so it is about the message's first.
    fn run_call_backs(&self, cx: &mut Lower<'_>, pool: &Pool, message: &Message) {
        if self.call_backs.is_empty() {
            return;
        }
        let named = |name: &str| At::new(self.pool.span.clone(), name.to_owned());
        let (answer, ticket) = (cx.assign(&named(ANSWER)), cx.assign(&named(TICKET)));
        let wanted = cx.lasting();
        cx.load(wanted, at(pool.call_back, message.first.into()));
        cx.set(answer, message.value.into());
        cx.set(ticket, message.first.into());
        for (program, span, steps) in &self.call_backs {
            cx.link_to(Link::Within, *program, span);
            let other = cx.unless(wanted, Operator::Equal, Operand::Const(i64::from(program.0) + 1));
            cx.doubtful_block(steps);
            cx.patch(other);
        }
    }
}

/// The watcher: reaps the workers. If one ends before its time, no result is waited for any longer and the others
/// are killed, since it may have died with a lock.
pub struct Watcher {
    pub pool: At<String>,
}

impl Form for Watcher {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let Some(pool) = cx.pool(&self.pool) else { return };
        let [left, status, reaped, seen, index, number] = std::array::from_fn(|_| cx.lasting());
        cx.set(left, Operand::Const(pool.workers));
        let again = cx.here();
        let whom = Whom::Program(pool.programs.worker);
        let call = Wait { whom, status: Some(status), now: false, stopped: false, continued: false }.into();
        cx.emit(Instruction::Syscall { call, result: Some(reaped), on_error: OnError::Continue });
        let interrupted = Operand::Const(Errno::EINTR.result());
        let done = cx.unless(reaped, Operator::Equal, interrupted);
        cx.emit(Instruction::Jump(again));
        cx.patch(done);
        let rest = cx.compute(left, Operator::Subtract, ONE);
        cx.set(left, rest);
        // Somebody else has waited for all of them.
        let some = cx.unless(reaped, Operator::Less, ZERO);
        cx.set(left, ZERO);
        cx.set(status, ZERO);
        cx.patch(some);
        cx.load(seen, pool.word(word::STATE));
        let closed = cx.compute(seen, Operator::GreaterOrEqual, state::CLOSED);
        let well = cx.compute(status, Operator::Equal, ZERO);
        let in_time = cx.compute(closed, Operator::And, well);
        let died = cx.emit(Instruction::JumpIfZero { condition: in_time, target: 0 });
        let on = cx.jump();
        cx.patch(died);
        cx.load(seen, pool.word(word::OVER));
        let first = cx.unless(seen, Operator::Equal, ZERO);
        pool.is_over(cx);
        each(cx, index, Operand::Const(pool.workers), |cx| {
            cx.load(number, at(pool.numbers, index.into()));
            let call = Kill { target: Target::Pid(number.into()), signal: Some(Signal::SIGKILL) }.into();
            cx.emit(Instruction::Syscall { call, result: None, on_error: OnError::Continue });
        });
        cx.patch(first);
        cx.patch(on);
        let none = cx.unless(left, Operator::Greater, ZERO);
        cx.emit(Instruction::Jump(again));
        cx.patch(none);
        cx.send_head(pool.results, &self.pool, ZERO);
    }
}
