//! A job: the tasks of one call, from handing them in to their last result.

use crate::errno::Errno;
use crate::program::at::At;
use crate::program::instruction::{Address, Instruction};
use crate::program::lower::Lower;
use crate::program::syscall::Limit;
use crate::program::value::{Operand, Operator, Variable};

use super::super::condition::wait;
use super::super::emit::{ZERO, place};
use super::super::lock::give_back;
use super::{Channel, Pool, STRIDE, at, each, state, word};

/// What a call is about to hand in, and where it stands.
pub struct Job<'a> {
    pub pool: Pool,
    pub name: &'a At<String>,
    /// The number of its first task.
    pub first: Variable,
    pub count: Operand,
    /// How many tasks a message holds.
    pub chunk: Operand,
    pub call_back: i64,
}

/// Places from which an error is to be answered, with what must be given back before.
pub type Failures = Vec<(Address, Errno)>;

impl Job<'_> {
    /// Hands in the tasks; `arguments` stores those under the tasks' numbers.
    pub fn hand_in(&self, cx: &mut Lower<'_>, arguments: impl FnOnce(&mut Lower<'_>)) -> Failures {
        let Job { pool, first, count, .. } = *self;
        let [seen, size, index, inner] = std::array::from_fn(|_| cx.lasting());
        pool.take(cx, pool.put);
        pool.take(cx, pool.lock);
        cx.load(seen, pool.word(word::STATE));
        let mut failures = vec![(cx.unless(seen, Operator::Equal, state::RUNNING), Errno::EPIPE)];
        cx.load(seen, pool.word(word::OVER));
        failures.push((cx.unless(seen, Operator::Equal, ZERO), Errno::EOWNERDEAD));
        cx.load(first, pool.word(word::NEXT));
        let next = cx.compute(first, Operator::Add, count);
        failures.push((cx.unless(next, Operator::LessOrEqual, Operand::Const(pool.capacity)), Errno::ENOSPC));
        cx.store(pool.word(word::NEXT), next);
        cx.store(at(pool.left, first.into()), count);
        give_back(cx, pool.lock, None);
        arguments(cx);
        cx.set(index, ZERO);
        let again = cx.here();
        cx.set(size, self.chunk);
        let end = cx.compute(index, Operator::Add, size.into());
        let within = cx.unless(end, Operator::Greater, count);
        let rest = cx.compute(count, Operator::Subtract, index.into());
        cx.set(size, rest);
        cx.patch(within);
        let task = cx.compute(first, Operator::Add, index.into());
        cx.store(at(pool.job, task), first.into());
        cx.store(at(pool.call_back, task), Operand::Const(self.call_back));
        let head = cx.compute(task, Operator::Multiply, STRIDE);
        let head = cx.compute(head, Operator::Add, size.into());
        cx.set(seen, head);
        cx.send_head(pool.tasks, self.name, seen.into());
        if let Channel::Pipe { write, .. } = pool.tasks {
            each(cx, inner, size.into(), |cx| {
                let task = cx.compute(task, Operator::Add, inner.into());
                cx.load(seen, at(pool.work, task));
                cx.send_value(write, self.name, seen.into());
            });
        }
        let end = cx.compute(index, Operator::Add, size.into());
        cx.set(index, end);
        let all = cx.unless(index, Operator::Less, count);
        cx.emit(Instruction::Jump(again));
        cx.patch(all);
        give_back(cx, pool.put, None);
        failures
    }

    /// Waits for all results. The pool's lock is held afterwards, also where it fails.
    pub fn wait(&self, cx: &mut Lower<'_>, limit: Limit) -> Failures {
        wait_for(cx, &self.pool, self.first.into(), limit)
    }

    /// Gives the tasks' numbers back, if none was given after them; and the lock.
    pub fn finish(&self, cx: &mut Lower<'_>) {
        let Job { pool, first, count, .. } = *self;
        let seen = cx.lasting();
        cx.load(seen, pool.word(word::NEXT));
        let next = cx.compute(first, Operator::Add, count);
        let last = cx.unless(seen, Operator::Equal, next);
        cx.store(pool.word(word::NEXT), first.into());
        cx.patch(last);
        give_back(cx, pool.lock, None);
    }

    /// What follows when all went well, and the errors' answers.
    pub fn answer(&self, cx: &mut Lower<'_>, result: Option<Variable>, handing: Failures, waiting: Failures) {
        let pool = &self.pool;
        cx.answer_success(result);
        let mut ends = Vec::new();
        for (failures, handed) in [(handing, false), (waiting, true)] {
            for (failed, errno) in failures {
                ends.push(cx.jump());
                cx.patch(failed);
                give_back(cx, pool.lock, None);
                if !handed {
                    give_back(cx, pool.put, None);
                }
                cx.answer_error(result, errno);
            }
        }
        for end in ends {
            cx.patch(end);
        }
    }
}

/// Takes the pool's lock and waits until a job is done.
fn wait_for(cx: &mut Lower<'_>, pool: &Pool, job: Operand, limit: Limit) -> Failures {
    let (left, over) = (cx.lasting(), cx.lasting());
    pool.take(cx, pool.lock);
    wait_held(cx, pool, job, limit, left, over)
}

/// As `wait_for`, by somebody who has the lock.
pub fn wait_held(
    cx: &mut Lower<'_>,
    pool: &Pool,
    job: Operand,
    limit: Limit,
    left: Variable,
    over: Variable,
) -> Failures {
    let mut failures = Vec::new();
    let again = cx.here();
    cx.load(left, at(pool.left, job));
    let done = cx.if_zero(left);
    cx.load(over, pool.word(word::OVER));
    failures.push((cx.unless(over, Operator::Equal, ZERO), Errno::EOWNERDEAD));
    wait(cx, pool.done, pool.lock, limit);
    if limit == Limit::Never {
        cx.emit(Instruction::Jump(again));
    } else {
        let answer = cx.temporary(place::ANSWER);
        let late = cx.unless(answer, Operator::Equal, Operand::Const(Errno::ETIMEDOUT.result()));
        // The result may have come at the last moment.
        cx.load(left, at(pool.left, job));
        failures.push((cx.unless(left, Operator::Equal, ZERO), Errno::ETIMEDOUT));
        cx.patch(late);
        cx.emit(Instruction::Jump(again));
    }
    cx.patch(done);
    failures
}
