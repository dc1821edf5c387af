//! `pool-start`, `pool-close`, `pool-join`: the workers come to be, learn that there is no more, and are waited for.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::program::at::At;
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::{Instruction, OnError};
use crate::program::lower::{Link, Lower};
use crate::program::syscall::{Action, Fork, Join, SignalAction, Syscall, Thread};
use crate::program::value::{Operand, Operator};
use crate::program::verb::{Level, Real, VerbRow};
use crate::signal::Signal;

use super::super::emit::ZERO;
use super::super::lock::give_back;
use super::{at, each, state, word};

pub const POOL_START: VerbRow = VerbRow {
    name: "pool-start",
    level: Level::Library,
    summary: "starts a pool's workers",
    doc: "Makes the workers of a pool, as `[pool.NAME]` describes them, and the thread that stores their results; for processes also one that reaps them, and the process ignores SIGPIPE from then on. A pool is started once: the second time it answers EBUSY.",
    example: r#"{ pool-start = "p" }"#,
    real: Real::Yes("fork(2) or pthread_create(3) for each worker"),
    blocks: &[],
    parse: parse::<PoolStartForm>,
    schema: schema::<PoolStartForm>,
};

pub const POOL_CLOSE: VerbRow = VerbRow {
    name: "pool-close",
    level: Level::Library,
    summary: "closes a pool: it takes no more tasks",
    doc: "The pool takes no more tasks, and each worker ends when those before are done. Nothing is waited for. Closing it again does nothing; one that hasn't been started answers EPIPE.",
    example: r#"{ pool-close = "p" }"#,
    real: Real::Yes("a message for each worker, through the pipe or the queue"),
    blocks: &[],
    parse: parse::<PoolCloseForm>,
    schema: schema::<PoolCloseForm>,
};

pub const POOL_JOIN: VerbRow = VerbRow {
    name: "pool-join",
    level: Level::Library,
    summary: "waits for the end of a closed pool's workers",
    doc: "Waits until all workers have ended, all results are stored and all call-backs have run. A pool that isn't closed answers EBUSY.",
    example: r#"{ pool-join = "p" }"#,
    real: Real::Yes("pthread_join(3)"),
    blocks: &[],
    parse: parse::<PoolJoinForm>,
    schema: schema::<PoolJoinForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PoolStartForm {
    /// The pool.
    pool_start: At<String>,
    /// The variable that gets 0, or a negated error number. Without it, an error ends the process.
    result: Option<At<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PoolCloseForm {
    /// The pool.
    pool_close: At<String>,
    /// The variable that gets 0, or a negated error number. Without it, an error ends the process.
    result: Option<At<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PoolJoinForm {
    /// The pool.
    pool_join: At<String>,
    /// The variable that gets 0, or a negated error number. Without it, an error ends the process.
    result: Option<At<String>>,
}

fn must(cx: &mut Lower<'_>, call: impl Into<Syscall>) {
    let call = call.into();
    cx.emit(Instruction::Syscall { call, result: None, on_error: OnError::Exit });
}

impl Form for PoolStartForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let result = self.result.as_ref().map(|name| cx.assign(name));
        let name = &self.pool_start;
        let Some(pool) = cx.pool(name) else { return };
        let [seen, index, number] = std::array::from_fn(|_| cx.lasting());
        let programs = pool.programs;
        pool.take(cx, pool.lock);
        cx.load(seen, pool.word(word::STATE));
        let busy = cx.unless(seen, Operator::Equal, ZERO);
        cx.store(pool.word(word::STATE), state::RUNNING);
        give_back(cx, pool.lock, None);
        let workers = Operand::Const(pool.workers);
        if pool.of_processes() {
            // As Python does: a task for workers that have died must not end the owner.
            must(cx, SignalAction { signal: Signal::SIGPIPE, action: Action::Ignore });
            cx.link_to(Link::Fork, programs.worker, &name.span);
            each(cx, index, workers, |cx| {
                must(cx, Fork { program: programs.worker, into: Some(number) });
                cx.store(at(pool.numbers, index.into()), number.into());
            });
        } else {
            cx.link_to(Link::Thread, programs.worker, &name.span);
            each(cx, index, workers, |cx| must(cx, Thread { program: programs.worker }));
        }
        cx.link_to(Link::Thread, programs.handler, &name.span);
        must(cx, Thread { program: programs.handler });
        if pool.of_processes() {
            cx.link_to(Link::Thread, programs.watcher, &name.span);
            must(cx, Thread { program: programs.watcher });
        }
        cx.answer_success(result);
        let end = cx.jump();
        cx.patch(busy);
        give_back(cx, pool.lock, None);
        cx.answer_error(result, Errno::EBUSY);
        cx.patch(end);
    }
}

impl Form for PoolCloseForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let result = self.result.as_ref().map(|name| cx.assign(name));
        let name = &self.pool_close;
        let Some(pool) = cx.pool(name) else { return };
        let [seen, index] = std::array::from_fn(|_| cx.lasting());
        pool.take(cx, pool.put);
        pool.take(cx, pool.lock);
        cx.load(seen, pool.word(word::STATE));
        let running = cx.compute(seen, Operator::Equal, state::RUNNING);
        let other = cx.emit(Instruction::JumpIfZero { condition: running, target: 0 });
        cx.store(pool.word(word::STATE), state::CLOSED);
        cx.patch(other);
        give_back(cx, pool.lock, None);
        let other = cx.unless(seen, Operator::Equal, state::RUNNING);
        each(cx, index, Operand::Const(pool.workers), |cx| cx.send_head(pool.tasks, name, ZERO));
        cx.patch(other);
        give_back(cx, pool.put, None);
        let never = cx.unless(seen, Operator::NotEqual, ZERO);
        cx.answer_success(result);
        let end = cx.jump();
        cx.patch(never);
        cx.answer_error(result, Errno::EPIPE);
        cx.patch(end);
    }
}

impl Form for PoolJoinForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let result = self.result.as_ref().map(|name| cx.assign(name));
        let name = &self.pool_join;
        let Some(pool) = cx.pool(name) else { return };
        let seen = cx.lasting();
        let programs = pool.programs;
        cx.load(seen, pool.word(word::STATE));
        let open = cx.unless(seen, Operator::GreaterOrEqual, state::CLOSED);
        let joined = cx.unless(seen, Operator::Equal, state::CLOSED);
        if pool.of_processes() {
            must(cx, Join { program: Some(programs.watcher) });
        } else {
            must(cx, Join { program: Some(programs.worker) });
            cx.send_head(pool.results, name, ZERO);
        }
        must(cx, Join { program: Some(programs.handler) });
        cx.store(pool.word(word::STATE), state::JOINED);
        cx.patch(joined);
        cx.answer_success(result);
        let end = cx.jump();
        cx.patch(open);
        cx.answer_error(result, Errno::EBUSY);
        cx.patch(end);
    }
}
