//! `[process.NAME]` and `[program.NAME]`: who runs what.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use crate::ids::CpuId;
use crate::kernel::releases::OnMiss;
use crate::kernel::sched::{Class, Parameters};
use crate::program::at::{At, Time, TimeChoice, Whole};
use crate::program::form::{Step, parse_steps};
use crate::program::image::{ProgramId, StartId};
use crate::program::library::jobs::Jobs;
use crate::program::library::queue::QUEUE_PUT;
use crate::program::library::queue_feeder::Feed;
use crate::program::library::timer::{Prelude, TIMER_START};
use crate::program::names::{ItemQueue, Names, Synchroniser};
use crate::program::problem::{Code, Problem, Problems};
use crate::program::start::Start;
use crate::program::syscall::NEXT_PERIOD;
use crate::program::value::Amount;
use crate::time::{Instant, Span};

use super::classes;
use super::sync::TimerForm;
use super::table::{Entry, entries, lookup, named, read_form, time, whole};

/// `[process.NAME]`: a process that exists from the beginning, or comes to exist at a time.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProcessForm {
    /// What it does.
    #[serde(default, rename = "steps")]
    #[schemars(with = "Vec<super::schema::Step>")]
    pub _steps: Option<IgnoredAny>,
    /// The program that it runs, instead of own steps.
    pub program: Option<At<String>>,
    /// When it begins to exist; at the beginning if absent.
    pub start: Option<At<Time>>,
    /// How many of them; 1 if absent. The variable `index` tells them apart, from 0.
    pub count: Option<At<Whole>>,
    /// The only CPU that it may run on; any if absent.
    pub cpu: Option<At<Whole>>,
    /// At most so many of its pages are in memory: beyond that one of its own is replaced. It needs
    /// `replacement` in `[kernel]`.
    pub frames: Option<At<Whole>>,
    /// Its static priority; a greater number is preferred; 0 if absent.
    pub priority: Option<At<Whole>>,
    /// Its niceness, -20 to 19; a smaller number is preferred; 0 if absent.
    pub nice: Option<At<Whole>>,
    /// What it is scheduled as under the policy `linux`: "deadline", "fifo", "rr", "other" (the default), "batch"
    /// or "idle". The first needs `budget` and `period`, the next two a `priority` from 1 to 99. Other
    /// policies don't look at it.
    pub class: Option<At<Class>>,
    /// Its shares under a lottery or stride scheduler.
    pub tickets: Option<At<Whole>>,
    /// It has a job in each period: the first is released at its start, each other one so much after the one
    /// before. A job is all of its steps, or those up to the next `next-period`.
    pub period: Option<At<Time>>,
    /// From a job's release to when it must have ended; the period if absent.
    pub deadline: Option<At<Time>>,
    /// How many jobs it has; if absent, one in each period for ever.
    pub jobs: Option<At<Whole>>,
    /// It has a job at each of these times, in order, instead of one in each period. The period, if there is
    /// one, is the least time between two; without it a deadline is needed. It begins to exist at the first.
    pub releases: Option<At<Vec<At<Time>>>>,
    /// How much later than a period after the one before a job is released: a time, or a random one, as
    /// { dist = "exponential", mean = "2ms" }. The period is the least time between two then.
    pub gap: Option<At<TimeChoice>>,
    /// What becomes of a job that hasn't ended by its deadline: "continue" (the default): it goes on, and
    /// the ones after it begin late; "skip": it goes on, and jobs released meanwhile are left out; "abort": it
    /// is given up, and the process goes on where the job ends.
    pub on_miss: Option<At<OnMiss>>,
    /// The longest that one of its jobs computes, for policies and analysis that are to know.
    pub wcet: Option<At<Time>>,
    /// Real-time policies: how long it may run in each period.
    pub budget: Option<At<Time>>,
    /// How long it computes from one wait to the next, as the policies sjf and srtf are told; without it they go by
    /// how long it did before.
    pub burst: Option<At<Time>>,
    /// How much of the CPU it asks for at a time, under the policy eevdf; the policy's own slice if absent. With a
    /// shorter one it waits less, and has no more (Linux: `sched_runtime` of sched_setattr(2)).
    pub slice: Option<At<Time>>,
}

/// `[program.NAME]`: steps for fork, exec and threads.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProgramForm {
    /// What it does.
    #[serde(default, rename = "steps")]
    #[schemars(with = "Vec<super::schema::Step>")]
    pub _steps: Option<IgnoredAny>,
}

/// A program's steps, before lowering.
pub struct Body {
    pub name: At<String>,
    pub steps: Vec<Step>,
}

/// Processes and programs, with their names in `names`.
pub struct Processes {
    pub bodies: Vec<Body>,
    pub starts: Vec<Start>,
    /// Where the name of each start stands.
    pub places: Vec<std::ops::Range<usize>>,
}

/// Reads both tables.
pub fn read(
    root: &DeTable<'_>,
    cpus: u16,
    instruction: Span,
    names: &mut Names,
    problems: &mut Problems,
) -> Processes {
    let mut all = Processes { bodies: Vec::new(), starts: Vec::new(), places: Vec::new() };
    let mut waiting = Vec::new();
    for (name, value) in entries(root, "process", problems) {
        let of = format!("`[process.{}]`", name.value);
        let (form, steps) = form_and_steps::<ProcessForm>(value, &of, problems);
        let jobs = form.period.as_ref().map(|at| &at.span);
        let jobs = jobs.or(form.releases.as_ref().map(|at| &at.span));
        let steps = match (steps, jobs) {
            (Some(steps), Some(jobs)) => Some(in_each_period(steps, jobs)),
            (steps, _) => steps,
        };
        let program = match (steps, &form.program) {
            (Some(steps), None) => all.body(name.clone(), steps, names, problems),
            (Some(_), Some(program)) => {
                let message = format!("{of} has both steps and a program");
                let problem = Problem::error(Code::StepsAndProgram, program.span.clone(), message);
                problems.push(problem.help("keep one of them"));
                None
            }
            (None, Some(_)) => None,
            (None, None) => {
                let message = format!("{of} has nothing to do");
                let problem = Problem::error(Code::NoSteps, name.span.clone(), message);
                problems.push(problem.help("give it `steps = [ ... ]` or `program = \"NAME\"`"));
                None
            }
        };
        waiting.push((name, form, program));
    }
    for (name, value) in entries(root, "program", problems) {
        let of = format!("`[program.{}]`", name.value);
        let (_, steps) = form_and_steps::<ProgramForm>(value, &of, problems);
        let steps = steps.unwrap_or_else(|| {
            let message = format!("{of} has no steps");
            let problem = Problem::error(Code::NoSteps, name.span.clone(), message);
            problems.push(problem.help("give it `steps = [ ... ]`"));
            Vec::new()
        });
        all.body(name, steps, names, problems);
    }
    all.timers(root, instruction, names, problems);
    all.feeders(root, names);
    all.pools(root, names, problems);
    for (name, form, program) in waiting {
        let program = program.or_else(|| {
            let at = form.program.as_ref()?;
            super::table::lookup(&names.programs, "program", &at.value, &at.span, problems).copied()
        });
        let start = StartId(all.starts.len() as u16);
        names.starts.insert(name.value.clone(), start);
        let program = program.unwrap_or(ProgramId(0));
        let start = form.start(&name, program, cpus, instruction, problems);
        all.starts.push(start);
        all.places.push(name.span);
    }
    if all.starts.is_empty() {
        let message = "this scenario has no process";
        let problem = Problem::error(Code::NoProcess, 0..0, message);
        problems.push(problem.help("add `[process.NAME]` with `steps = [ ... ]`"));
    }
    if all.bodies.len() > usize::from(u16::MAX) || all.starts.len() > usize::from(u16::MAX) {
        let message = "a scenario can't have more than 65535 processes and programs; use `count`";
        problems.error(Code::OutOfRange, 0..0, message);
    }
    all
}

/// Reads a table without its steps into the form, and its steps.
pub(super) fn form_and_steps<T: Default + serde::de::DeserializeOwned + JsonSchema>(
    value: &Spanned<DeValue<'_>>,
    of: &str,
    problems: &mut Problems,
) -> (T, Option<Vec<Step>>) {
    let mut value = value.clone();
    let steps = match value.get_mut() {
        DeValue::Table(table) => table.remove("steps"),
        _ => None,
    };
    let steps = steps.map(|steps| {
        let list = parse_steps(&steps, problems);
        if steps.get_ref().as_array().is_some_and(|array| array.is_empty()) {
            let message = format!("{of} has an empty list of steps");
            let problem = Problem::error(Code::NoSteps, steps.span(), message);
            problems.push(problem.help("for example `steps = [ { compute = \"10us\" } ]`"));
        }
        list
    });
    let form = read_form(&value, of, problems).unwrap_or_default();
    (form, steps)
}

impl Processes {
    /// The programs of timers' threads: they wait, and then go through the steps of the program that the timer
    /// names.
    fn timers(&mut self, root: &DeTable<'_>, instruction: Span, names: &mut Names, problems: &mut Problems) {
        // Whatever is wrong in the tables has been said when their words were given a place.
        let mut told = Problems::default();
        for Entry { name, form } in named::<TimerForm>(root, "timer", &mut told) {
            let Some(&words) = names.timers.get(&name.value) else { continue };
            let after = time(&form.after, instruction, problems).unwrap_or(Span::ZERO);
            let named_program = &form.program;
            let found =
                lookup(&names.programs, "program", &named_program.value, &named_program.span, problems);
            let Some(&found) = found else { continue };
            names.by_timers.push(found);
            let mut all = entries(root, "program", &mut told).into_iter();
            let Some((_, value)) = all.find(|(program, _)| program.value == named_program.value) else {
                let message = "a timer runs a `[program.NAME]`, not a process";
                problems.error(Code::WrongObject, named_program.span.clone(), message);
                continue;
            };
            let (_, steps) = form_and_steps::<ProgramForm>(value, "a program", &mut told);
            let mut steps = steps.unwrap_or_default();
            let prelude = Prelude { name: name.clone(), after: Amount::Const(after.as_nanos()) };
            steps.insert(0, Step::of(&TIMER_START, Box::new(prelude), name.span.clone()));
            let program = ProgramId(self.bodies.len() as u16);
            names.synchronisers.insert(name.value.clone(), Synchroniser::Timer { words, program });
            self.bodies.push(Body { name, steps });
        }
    }

    /// The programs of queues' feeders.
    fn feeders(&mut self, root: &DeTable<'_>, names: &mut Names) {
        // Whatever is wrong in the tables has been said when the queues were read.
        for (name, _) in entries(root, "queue", &mut Problems::default()) {
            let Some(Synchroniser::Queue(ItemQueue { feeder: Some(feeder), .. })) =
                names.synchronisers.get_mut(&name.value)
            else {
                continue;
            };
            feeder.program = ProgramId(self.bodies.len() as u16);
            // Nobody need put anything into a queue.
            names.by_timers.push(feeder.program);
            let span = name.span.clone();
            let steps = vec![Step::of(&QUEUE_PUT, Box::new(Feed { name: name.clone() }), span.clone())];
            self.bodies.push(Body { name: At::new(span, format!("{}.feeder", name.value)), steps });
        }
    }

    fn body(
        &mut self,
        name: At<String>,
        steps: Vec<Step>,
        names: &mut Names,
        problems: &mut Problems,
    ) -> Option<ProgramId> {
        let id = ProgramId(self.bodies.len() as u16);
        if names.programs.insert(name.value.clone(), id).is_some() {
            let message = format!("`{}` is the name of a process with steps and of a program", name.value);
            let problem = Problem::error(Code::DuplicateName, name.span.clone(), message);
            problems.push(problem.help("a process with steps is a program, too; rename one of them"));
        }
        self.bodies.push(Body { name, steps });
        Some(id)
    }
}

impl ProcessForm {
    fn start(
        &self,
        name: &At<String>,
        program: ProgramId,
        cpus: u16,
        instruction: Span,
        problems: &mut Problems,
    ) -> Start {
        let mut number = |at: &Option<At<Whole>>, what: &str, low: i128, high: i128| {
            let at = at.as_ref();
            at.and_then(|at| whole::<i64>(at, what, low..=high, problems))
        };
        let count = number(&self.count, "`count`", 1, 4_000_000);
        let cpu = number(&self.cpu, "`cpu`", 0, i128::from(cpus) - 1);
        let frames = number(&self.frames, "`frames`", 1, 1 << 24);
        let priority = number(&self.priority, "`priority`", -1_000_000, 1_000_000);
        let nice = number(&self.nice, "`nice`", -20, 19);
        let tickets = number(&self.tickets, "`tickets`", 1, 1_000_000);
        let mut span = |at: &Option<At<Time>>| {
            let at = at.as_ref();
            at.and_then(|at| time(at, instruction, problems))
        };
        let at = span(&self.start).unwrap_or(Span::ZERO);
        let slice = span(&self.slice);
        let (budget, burst, wcet) = (span(&self.budget), span(&self.burst), span(&self.wcet));
        let jobs = super::rhythm::read(self, instruction, problems);
        // The bounds above make all of these casts exact.
        Start {
            name: name.value.clone(),
            program,
            at: jobs.first.unwrap_or(Instant::START + at),
            count: count.unwrap_or(1) as u32,
            parameters: Arc::new(Parameters {
                name: name.value.as_str().into(),
                priority: priority.unwrap_or(0) as i32,
                nice: nice.unwrap_or(0) as i8,
                tickets: tickets.unwrap_or(0) as u32,
                period: jobs.period,
                deadline: jobs.deadline,
                budget,
                burst,
                slice,
                wcet,
                job: None,
                class: classes::read(
                    self.class.as_ref(),
                    priority,
                    budget,
                    jobs.period,
                    jobs.deadline,
                    problems,
                ),
            }),
            rhythm: jobs.rhythm,
            cpu: cpu.map(|cpu| CpuId(cpu as u16)),
            frames: frames.map(|frames| frames as u32),
        }
    }
}

/// Whether a step ends a job, or one within it does.
fn ends_a_job(step: &Step) -> bool {
    step.row.name == NEXT_PERIOD.name || step.blocks.values().flatten().any(ends_a_job)
}

/// The steps of a periodic process, once in each period unless they say themselves where a job ends.
fn in_each_period(steps: Vec<Step>, jobs: &std::ops::Range<usize>) -> Vec<Step> {
    if steps.iter().any(ends_a_job) {
        return steps;
    }
    let mut all = Step::of(&NEXT_PERIOD, Box::new(Jobs), jobs.clone());
    all.blocks.insert("do", steps);
    vec![all]
}
