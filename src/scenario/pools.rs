//! `[pool.NAME]`: workers that do tasks, for `pool-map`, `pool-apply` and the others.
//!
//! A pool's pipes, locks and memory come with the objects; what its workers and threads run comes with the programs.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::de::{DeArray, DeTable, DeValue};

use crate::ids::ObjectId;
use crate::program::at::{At, Whole};
use crate::program::form::Step;
use crate::program::image::{ArraySpec, Backing, MemoryId, MemorySpec, PipeSpec, ProgramId, Width};
use crate::program::library::pool::life::POOL_START;
use crate::program::library::pool::programs::{ResultHandler, Watcher, Worker};
use crate::program::library::pool::{Channel, Pool, Programs, word};
use crate::program::library::{condition, thread_queue};
use crate::program::names::Names;
use crate::program::problem::{Code, Problem, Problems};
use crate::trace::header::ObjectEntry;

use super::locks::{LINE, Lines};
use super::objects::{Objects, PipeRule};
use super::processes::{Body, Processes, form_and_steps};
use super::shell::expand::each_list;
use super::table::{entries, lookup, whole};

/// `[pool.NAME]`: workers that do tasks, for `pool-start`, `pool-map`, `pool-apply`, `pool-apply-async`,
/// `pool-get`, `pool-close`, `pool-join`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PoolForm {
    /// What a worker does for a task: the variable `argument` holds the task's argument, and what `answer` holds
    /// in the end is the result.
    #[serde(default, rename = "steps")]
    #[schemars(with = "Option<Vec<super::schema::Step>>")]
    pub _steps: Option<IgnoredAny>,
    /// The `[program.NAME]` with these steps, instead of own ones.
    pub program: Option<At<String>>,
    /// "processes" (the default), which get their tasks through a pipe, or "threads" of the process that starts
    /// the pool.
    pub kind: Option<PoolKind>,
    /// How many workers.
    pub workers: Option<At<Whole>>,
    /// How many tasks it has room for; 1024 if absent. Those of `pool-map` and `pool-apply` need it until they are
    /// done, those of `pool-apply-async` as long as the pool exists.
    pub tasks: Option<At<Whole>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PoolKind {
    #[default]
    Processes,
    Threads,
}

/// The steps for a task, and the program that they are of, with the place where it is named.
type Tasks = (Vec<Step>, Option<(ProgramId, std::ops::Range<usize>)>);

const MOST_WORKERS: i128 = 1024;
const MOST_TASKS: i128 = 1 << 20;
/// Lines of a pool: the locks, the condition, and three for each queue of threads.
const LINES: u64 = 9;

impl Objects {
    pub(super) fn pools(&mut self, root: &DeTable<'_>, names: &mut Names, problems: &mut Problems) {
        for (name, value) in entries(root, "pool", problems) {
            let of = format!("`[pool.{}]`", name.value);
            // What is wrong with the steps is said where the programs are read.
            let (form, _) = form_and_steps::<PoolForm>(value, &of, &mut Problems::default());
            let mut number = |at: &Option<At<Whole>>, what, most| {
                at.as_ref().and_then(|at| whole::<i64>(at, what, 1..=most, problems))
            };
            let capacity = number(&form.tasks, "`tasks`", MOST_TASKS).unwrap_or(1024);
            let workers = number(&form.workers, "`workers`", MOST_WORKERS).unwrap_or(1);
            if form.workers.is_none() {
                let message = format!("{of} doesn't say how many `workers` it has");
                problems.push(Problem::error(Code::MissingKey, name.span.clone(), message));
            }
            let object = self.object("pool", &name, names, problems);
            let pool = self.pool(&name, object, form.kind.unwrap_or_default(), workers, capacity, problems);
            names.pools.insert(name.value.clone(), pool);
        }
    }

    fn pool(
        &mut self,
        name: &At<String>,
        object: ObjectId,
        kind: PoolKind,
        workers: i64,
        capacity: i64,
        problems: &mut Problems,
    ) -> Pool {
        let mut lines = self.lines_of(LINES, object, name, problems);
        let put = self.lock_of(name, "put", &mut lines);
        let lock = self.lock_of(name, "lock", &mut lines);
        let done = self.words_of(object, format!("{}.done", name.value), condition::WORDS, &mut lines);
        let lengths = [word::COUNT as i64, capacity, capacity, capacity, capacity, capacity, workers];
        let queue = capacity + workers + 1;
        let total: i64 = lengths.iter().sum::<i64>() + 2 * queue;
        let (memory, page) = self.own_memory(object, name, total as u64 * 8, problems);
        let mut offset = 0_u64;
        let mut array = |objects: &mut Objects, part: &str, length: i64| {
            let at = offset;
            offset += length as u64 * 8;
            let first = crate::ids::PageNumber(page.0 + (at / super::machine::PAGE) as u32);
            objects.array(ArraySpec {
                object,
                name: format!("{}.{part}", name.value),
                page: first,
                offset: (at % super::machine::PAGE) as u32,
                width: Width::Int64,
                initial: vec![0; length as usize],
            })
        };
        let parts = ["words", "work", "answers", "left", "jobs", "call-backs", "workers"];
        let mut arrays = parts.iter().zip(lengths).map(|(part, length)| array(self, part, length));
        let [control, work, answers, left, job, call_back, numbers] =
            std::array::from_fn(|_| arrays.next().unwrap_or(crate::program::ArrayId(0)));
        drop(arrays);
        let mut way = |objects: &mut Objects, part: &str| match kind {
            PoolKind::Processes => objects.pipe_of(name, part, &mut lines, problems),
            PoolKind::Threads => {
                let part_name = format!("{}.{part}", name.value);
                let entry = ObjectEntry { kind: "thread-queue".to_owned(), name: part_name.clone() };
                objects.entries.push(entry);
                let own = ObjectId::from(objects.entries.len() - 1);
                let words = objects.words_of(own, part_name.clone(), thread_queue::WORDS, &mut lines);
                for condition in ["not-empty", "not-full"] {
                    let name = format!("{part_name}.{condition}");
                    objects.words_of(own, name, condition::WORDS, &mut lines);
                }
                Channel::Queue { words, items: array(objects, part, queue), capacity: queue }
            }
        };
        let (tasks, results) = (way(self, "tasks"), way(self, "results"));
        let memories = [lines.memory, memory.id];
        // They are known when all programs are.
        let none = ProgramId(0);
        let programs = Programs { worker: none, handler: none, watcher: none };
        Pool {
            workers,
            capacity,
            memories,
            put,
            lock,
            done,
            tasks,
            results,
            control,
            work,
            answers,
            left,
            job,
            call_back,
            numbers,
            programs,
        }
    }

    /// Cache lines of a pool's own.
    fn lines_of(
        &mut self,
        count: u64,
        object: ObjectId,
        name: &At<String>,
        problems: &mut Problems,
    ) -> Lines {
        let memory = self.pages(count * u64::from(LINE), name, problems);
        let id = MemoryId(self.memories.len() as u16);
        self.memories.push(MemorySpec { object, memory, backing: Backing::Shared });
        Lines::new(id, memory.base)
    }

    /// A pipe and the lock of the side on which the workers are.
    fn pipe_of(
        &mut self,
        name: &At<String>,
        part: &str,
        lines: &mut Lines,
        problems: &mut Problems,
    ) -> Channel {
        let lock = self.lock_of(name, &format!("{part}-lock"), lines);
        let own = format!("{}.{part}", name.value);
        let object = self.part("pipe", own.clone());
        let (read, write) = (self.fd(name, problems), self.fd(name, problems));
        let capacity = 64 << 10;
        self.pipes.push(PipeSpec { object, capacity, read, write, nonblock: false, fifo: false });
        self.rules.push(PipeRule { name: own, of: None, both: false, read, write });
        Channel::Pipe { read, write, lock }
    }
}

/// The steps of a `[program.NAME]`, once more: they stand inside another program.
fn steps_of(root: &DeTable<'_>, name: &At<String>, what: &str, problems: &mut Problems) -> Vec<Step> {
    // Whatever is wrong in the program has been said where it was read.
    let mut told = Problems::default();
    let mut all = entries(root, "program", &mut told).into_iter();
    let Some((_, value)) = all.find(|(program, _)| program.value == name.value) else {
        let message = format!("{what} is a `[program.NAME]`, not a process");
        problems.error(Code::WrongObject, name.span.clone(), message);
        return Vec::new();
    };
    form_and_steps::<super::processes::ProgramForm>(value, "a program", &mut told).1.unwrap_or_default()
}

/// The programs that a pool's steps name as call-backs, each once.
fn call_backs(root: &DeTable<'_>, pool: &str) -> Vec<At<String>> {
    let mut found: Vec<At<String>> = Vec::new();
    each_list(root, &mut |steps: &DeArray<'_>| {
        for step in steps.iter().filter_map(|step| step.get_ref().as_table()) {
            let text = |key: &str| match step.get(key).map(|value| (value.get_ref(), value.span())) {
                Some((DeValue::String(text), span)) => Some(At::new(span, text.to_string())),
                _ => None,
            };
            let of_pool = text("pool-apply-async").is_some_and(|name| name.value == pool);
            if let Some(name) = text("call-back").filter(|_| of_pool)
                && found.iter().all(|other| other.value != name.value)
            {
                found.push(name);
            }
        }
    });
    found
}

impl Processes {
    /// What the pools' workers and threads run.
    pub(super) fn pools(&mut self, root: &DeTable<'_>, names: &mut Names, problems: &mut Problems) {
        for (name, value) in entries(root, "pool", &mut Problems::default()) {
            let of = format!("`[pool.{}]`", name.value);
            let (form, steps) = form_and_steps::<PoolForm>(value, &of, problems);
            let Some((steps, program)) = self.tasks(root, &name, &form, steps, names, problems) else {
                continue;
            };
            let call_backs = call_backs(root, &name.value).into_iter().filter_map(|name| {
                // One that doesn't exist is told where it is named.
                let program = names.programs.get(&name.value).copied()?;
                let steps = steps_of(root, &name, "a call-back", problems);
                Some((program, name.span.clone(), steps))
            });
            let call_backs = call_backs.collect();
            let pool = || name.clone();
            let mut worker = own_step(Worker { pool: pool(), program }, &name);
            worker.blocks.insert("steps", steps);
            let handler = own_step(ResultHandler { pool: pool(), call_backs }, &name);
            let watcher = own_step(Watcher { pool: pool() }, &name);
            let worker = self.hidden(&name, "worker", worker);
            let handler = self.hidden(&name, "results", handler);
            let of_processes = names.pools.get(&name.value).is_some_and(Pool::of_processes);
            let watcher = if of_processes { self.hidden(&name, "watcher", watcher) } else { handler };
            // If nobody starts the pool, that is said once.
            names.by_timers.extend([handler, watcher]);
            if let Some(pool) = names.pools.get_mut(&name.value) {
                pool.programs = Programs { worker, handler, watcher };
            }
        }
    }

    /// The steps for a task, and the program that they are of.
    fn tasks(
        &self,
        root: &DeTable<'_>,
        name: &At<String>,
        form: &PoolForm,
        steps: Option<Vec<Step>>,
        names: &Names,
        problems: &mut Problems,
    ) -> Option<Tasks> {
        match (steps, &form.program) {
            (Some(steps), None) => Some((steps, None)),
            (None, Some(program)) => {
                let span = program.span.clone();
                let found = *lookup(&names.programs, "program", &program.value, &span, problems)?;
                Some((steps_of(root, program, "what a pool's workers do", problems), Some((found, span))))
            }
            (Some(_), Some(program)) => {
                let message = format!("`[pool.{}]` has both steps and a program", name.value);
                let problem = Problem::error(Code::StepsAndProgram, program.span.clone(), message);
                problems.push(problem.help("keep one of them"));
                None
            }
            (None, None) => {
                let message = format!("`[pool.{}]` has nothing to do", name.value);
                let problem = Problem::error(Code::NoSteps, name.span.clone(), message);
                problems.push(problem.help("give it `steps = [ ... ]` or `program = \"NAME\"`"));
                None
            }
        }
    }

    /// A program that steps can't name.
    fn hidden(&mut self, of: &At<String>, part: &str, step: Step) -> ProgramId {
        let name = At::new(of.span.clone(), format!("{}-{part}", of.value));
        self.bodies.push(Body { name, steps: vec![step] });
        ProgramId((self.bodies.len() - 1) as u16)
    }
}

fn own_step(form: impl crate::program::form::Form + 'static, of: &At<String>) -> Step {
    Step::of(&POOL_START, Box::new(form), of.span.clone())
}
