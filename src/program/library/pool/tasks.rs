//! `pool-map`, `pool-apply`, `pool-apply-async`, `pool-get`: tasks for a pool's workers, and their results.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::program::at::{At, Raw, TimeAmount, Value, Whole};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
use crate::program::names::Array;
use crate::program::problem::{Code, Problem};
use crate::program::syscall::Limit;
use crate::program::value::{Operand, Operator, Variable};
use crate::program::verb::{Level, Real, VerbRow};

use super::super::emit::{ONE, ZERO};
use super::super::lock::give_back;
use super::job::{Job, wait_held};
use super::{Pool, at, each, word};

pub const POOL_MAP: VerbRow = VerbRow {
    name: "pool-map",
    level: Level::Library,
    summary: "has a pool's workers do a task for each of many arguments",
    doc: "Hands in a task for each argument, waits for all, and stores the results in the order of the arguments, whichever worker was done first. The arguments are those in `over`, or the `count` numbers from `from` on. A message to a worker holds `chunk` of them; if absent, as many as give each worker four messages. Errors: EPIPE if the pool isn't running (not started, or closed), ENOSPC if it has no room for so many tasks, EOWNERDEAD if a worker has died.",
    example: r#"{ pool-map = "p", over = [3, 1, 2], into = "shm.array" }"#,
    real: Real::Yes("write(2) and read(2) on pipes, or a queue in memory; futex(2) to wait"),
    blocks: &[],
    parse: parse::<PoolMapForm>,
    schema: schema::<PoolMapForm>,
};

pub const POOL_APPLY: VerbRow = VerbRow {
    name: "pool-apply",
    level: Level::Library,
    summary: "has a pool's worker do a task, and waits for the result",
    doc: "Hands in one task and waits for its result. Errors: as for `pool-map`.",
    example: r#"{ pool-apply = "p", argument = 7, into = "x" }"#,
    real: Real::Yes("write(2) and read(2) on pipes, or a queue in memory; futex(2) to wait"),
    blocks: &[],
    parse: parse::<PoolApplyForm>,
    schema: schema::<PoolApplyForm>,
};

pub const POOL_APPLY_ASYNC: VerbRow = VerbRow {
    name: "pool-apply-async",
    level: Level::Library,
    summary: "has a pool's worker do a task, and goes on",
    doc: "Hands in one task and goes on at once. `ticket` is its number, for `pool-get`. When the result is there, the owner's result handler goes through the steps of the program `call-back`, with the result in the variable `answer` and the task's number in `ticket`; it has variables of its own, which began as those of the thread that started the pool. Until the call-back is done, the task isn't. Errors: as for `pool-map`.",
    example: r#"{ pool-apply-async = "p", argument = 7, ticket = "t" }"#,
    real: Real::Yes("write(2) on a pipe, or a queue in memory"),
    blocks: &[],
    parse: parse::<PoolApplyAsyncForm>,
    schema: schema::<PoolApplyAsyncForm>,
};

pub const POOL_GET: VerbRow = VerbRow {
    name: "pool-get",
    level: Level::Library,
    summary: "waits for the result of a task of a pool",
    doc: "Waits until the task is done, and gives its result; it can be asked for again. Errors: EINVAL if there is no such task, ETIMEDOUT if the time is over, EOWNERDEAD if a worker has died before the result came.",
    example: r#"{ pool-get = "p", ticket = "t", into = "x" }"#,
    real: Real::Yes("loads and atomic instructions; futex(2) to wait"),
    blocks: &[],
    parse: parse::<PoolGetForm>,
    schema: schema::<PoolGetForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PoolMapForm {
    /// The pool.
    pool_map: At<String>,
    /// The arguments: whole numbers or expressions.
    over: Option<Vec<At<Value>>>,
    /// The first of a range of arguments; 0 if absent.
    from: Option<At<Value>>,
    /// How many arguments the range has.
    count: Option<At<Value>>,
    /// How many tasks a message holds.
    chunk: Option<At<Whole>>,
    /// The shared array that gets the results, from its first element on.
    into: Option<At<String>>,
    /// The variable that gets 0, or a negated error number. Without it, an error ends the process.
    result: Option<At<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PoolApplyForm {
    /// The pool.
    pool_apply: At<String>,
    /// The task's argument, a whole number or an expression; 0 if absent.
    argument: Option<At<Value>>,
    /// The variable that gets the result.
    into: Option<At<String>>,
    /// The variable that gets 0, or a negated error number. Without it, an error ends the process.
    result: Option<At<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PoolApplyAsyncForm {
    /// The pool.
    pool_apply_async: At<String>,
    /// The task's argument, a whole number or an expression; 0 if absent.
    argument: Option<At<Value>>,
    /// The variable that gets the task's number.
    ticket: Option<At<String>>,
    /// The program whose steps the result handler goes through when the result has come.
    call_back: Option<At<String>>,
    /// The variable that gets 0, or a negated error number. Without it, an error ends the process.
    result: Option<At<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PoolGetForm {
    /// The pool.
    pool_get: At<String>,
    /// The task's number, an expression.
    ticket: At<Value>,
    /// The variable that gets the result.
    into: At<String>,
    /// How long it waits at most; as long as it takes if absent.
    timeout: Option<At<TimeAmount>>,
    /// The variable that gets 0, or a negated error number. Without it, an error ends the process.
    result: Option<At<String>>,
}

/// The most tasks in a message.
const MOST_IN_MESSAGE: i128 = 1 << 15;

/// One task's argument goes to its place.
fn one_argument(cx: &mut Lower<'_>, argument: &Option<At<Value>>) -> Variable {
    let value = argument.as_ref().map_or(ZERO, |argument| cx.operand(argument));
    let variable = cx.lasting();
    cx.set(variable, value);
    variable
}

impl Form for PoolApplyForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let result = self.result.as_ref().map(|name| cx.assign(name));
        let into = self.into.as_ref().map(|name| cx.assign(name));
        let Some(pool) = cx.pool(&self.pool_apply) else { return };
        let argument = one_argument(cx, &self.argument);
        let first = cx.lasting();
        let job = Job { pool, name: &self.pool_apply, first, count: ONE, chunk: ONE, call_back: 0 };
        let handing = job.hand_in(cx, |cx| cx.store(at(pool.work, first.into()), argument.into()));
        let waiting = job.wait(cx, Limit::Never);
        if let Some(into) = into {
            cx.load(into, at(pool.answers, first.into()));
        }
        job.finish(cx);
        job.answer(cx, result, handing, waiting);
    }
}

impl Form for PoolApplyAsyncForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let result = self.result.as_ref().map(|name| cx.assign(name));
        let ticket = self.ticket.as_ref().map(|name| cx.assign(name));
        let call_back = match &self.call_back {
            None => 0,
            Some(name) => match cx.program(name) {
                Some(program) => i64::from(program.0) + 1,
                None => return,
            },
        };
        let Some(pool) = cx.pool(&self.pool_apply_async) else { return };
        let argument = one_argument(cx, &self.argument);
        let first = cx.lasting();
        let job = Job { pool, name: &self.pool_apply_async, first, count: ONE, chunk: ONE, call_back };
        let handing = job.hand_in(cx, |cx| cx.store(at(pool.work, first.into()), argument.into()));
        if let Some(ticket) = ticket {
            cx.set(ticket, first.into());
        }
        job.answer(cx, result, handing, Vec::new());
    }
}

impl Form for PoolGetForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let timeout = self.timeout.as_ref().map(|time| cx.time(time));
        let result = self.result.as_ref().map(|name| cx.assign(name));
        let into = cx.assign(&self.into);
        let ticket = cx.operand(&self.ticket);
        let Some(pool) = cx.pool(&self.pool_get) else { return };
        let [first, seen, left] = std::array::from_fn(|_| cx.lasting());
        cx.set(first, ticket);
        let limit = cx.deadline(timeout);
        pool.take(cx, pool.lock);
        cx.load(seen, pool.word(word::NEXT));
        let mut failures = vec![
            (cx.unless(first, Operator::GreaterOrEqual, ZERO), Errno::EINVAL),
            (cx.unless(first, Operator::Less, seen.into()), Errno::EINVAL),
        ];
        failures.extend(wait_held(cx, &pool, first.into(), limit, left, seen));
        cx.load(into, at(pool.answers, first.into()));
        give_back(cx, pool.lock, None);
        let job = Job { pool, name: &self.pool_get, first, count: ONE, chunk: ONE, call_back: 0 };
        job.answer(cx, result, Vec::new(), failures);
    }
}

impl PoolMapForm {
    /// How many arguments there are.
    fn number(&self, step: &Step, cx: &mut Lower<'_>) -> Option<Operand> {
        match (&self.over, &self.from, &self.count) {
            (Some(over), None, None) => Some(Operand::Const(over.len() as i64)),
            (None, _, Some(count)) => Some(cx.operand(count)),
            _ => {
                let message = "this needs `over`, or `count` and perhaps `from`";
                cx.problems.push(Problem::error(Code::MissingKey, step.span.clone(), message));
                None
            }
        }
    }

    /// The array for the results.
    fn array(&self, number: Operand, cx: &mut Lower<'_>) -> Option<Array> {
        let name = self.into.as_ref()?;
        let Some(array) = cx.names.arrays.get(name.value.trim()).copied() else {
            cx.cell(&At::new(name.span.clone(), format!("{}[0]", name.value)));
            return None;
        };
        cx.use_memory(array.memory, &name.span);
        if array.width.is_float() {
            let message = format!("`{}` holds floating-point numbers; results are integers", name.value);
            cx.problems.push(Problem::error(Code::WrongObject, name.span.clone(), message));
        }
        if let Operand::Const(number) = number
            && u64::try_from(number).is_ok_and(|number| number > array.length)
        {
            let message = format!("`{}` has {} elements, for {number} results", name.value, array.length);
            cx.problems.push(Problem::error(Code::OutOfRange, name.span.clone(), message));
        }
        Some(array)
    }

    fn chunk(&self, count: Variable, pool: &Pool, cx: &mut Lower<'_>) -> Operand {
        match self.chunk.as_ref().map(|at| (&at.value.0, at)) {
            Some((Raw::Integer(chunk), _)) if (1..=MOST_IN_MESSAGE).contains(chunk) => {
                Operand::Const(*chunk as i64)
            }
            Some((_, at)) => {
                let message = format!("`chunk` is a whole number from 1 to {MOST_IN_MESSAGE}");
                cx.problems.push(Problem::error(Code::OutOfRange, at.span.clone(), message));
                ONE
            }
            None => {
                let shares = pool.workers * 4;
                let up = cx.compute(count, Operator::Add, Operand::Const(shares - 1));
                cx.compute(up, Operator::Divide, Operand::Const(shares))
            }
        }
    }
}

impl Form for PoolMapForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let result = self.result.as_ref().map(|name| cx.assign(name));
        let Some(pool) = cx.pool(&self.pool_map) else { return };
        let Some(number) = self.number(step, cx) else { return };
        let array = self.array(number, cx);
        let [first, count, start, index, value] = std::array::from_fn(|_| cx.lasting());
        let from = self.from.as_ref().map_or(ZERO, |from| cx.operand(from));
        cx.set(count, number);
        cx.set(start, from);
        let none = cx.unless(count, Operator::Greater, ZERO);
        let chunk = self.chunk(count, &pool, cx);
        let job = Job { pool, name: &self.pool_map, first, count: count.into(), chunk, call_back: 0 };
        let handing = job.hand_in(cx, |cx| match &self.over {
            Some(over) => {
                for (index, argument) in over.iter().enumerate() {
                    let argument = cx.operand(argument);
                    let task = cx.compute(first, Operator::Add, Operand::Const(index as i64));
                    cx.store(at(pool.work, task), argument);
                }
            }
            None => each(cx, index, count.into(), |cx| {
                let task = cx.compute(first, Operator::Add, index.into());
                let argument = cx.compute(start, Operator::Add, index.into());
                cx.store(at(pool.work, task), argument);
            }),
        });
        let waiting = job.wait(cx, Limit::Never);
        if let Some(array) = array {
            each(cx, index, count.into(), |cx| {
                let task = cx.compute(first, Operator::Add, index.into());
                cx.load(value, at(pool.answers, task));
                cx.store(at(array.id, index.into()), value.into());
            });
        }
        job.finish(cx);
        cx.patch(none);
        job.answer(cx, result, handing, waiting);
    }
}
