//! From a recording to a plan: all calls in the order in which they took effect, each by its row.

use std::collections::{BTreeMap, BTreeSet};

use super::calls::{Carried, row};
use super::descriptors::{End, Table};
use super::futexes::{Roles, leader, roles};
use super::plan::{Fields, Item, Mean, Names, Plan, Value};
use super::recording::{Answer, Call, Moment, Recording, Task};
use super::report::{Fate, Report};
use super::state::{File, Pipe, ProcessState, Segment, Track};
use super::strace::gives_birth;
use super::things::Things;
use super::{Cost, ImportError, Options, finish};

/// A wait that isn't carried over becomes a sleep from this length on, in nanoseconds. Less isn't distinguishable
/// from the work of the call under a tracer.
const LONG: u64 = 100_000;
/// More tasks than this can't be processes and programs of a scenario.
const MOST_TASKS: usize = 20_000;

/// Longer recordings are gone through once only.
const MOST_RETRIED: usize = 300_000;
/// How often what can't be carried over is looked for one by one.
const MOST_LOOKS: usize = 20;
/// What processes often have from those that start them.
const INHERITED: &[&[i64]] =
    &[&[3], &[4], &[3, 4], &[5], &[3, 4, 5], &[4, 5], &[3, 5], &[255], &[10], &[3, 255], &[3, 4, 5, 6]];

/// The work in progress.
pub struct Builder<'r> {
    pub recording: &'r Recording,
    pub options: &'r Options,
    pub report: Report,
    pub names: Names,
    pub pipes: Vec<Pipe>,
    pub files: Vec<File>,
    /// Bytes of all files.
    pub bytes: u64,
    pub by_path: BTreeMap<String, usize>,
    pub by_inode: BTreeMap<String, usize>,
    /// By task: that of its leader counts.
    pub processes: Vec<ProcessState>,
    pub tracks: Vec<Option<Track>>,
    /// The task that now has a number.
    pub living: BTreeMap<u64, usize>,
    pub roles: Roles,
    /// By number; the name once it is used.
    pub semaphores: Vec<Option<String>>,
    /// Numbers of processes that get signals: their parents keep them in variables.
    pub targets: BTreeSet<u64>,
    /// Processes that a carried step kills.
    pub killed: BTreeSet<usize>,
    /// Children of a task by their number, in the order of their births.
    pub children: BTreeMap<(usize, u64), Vec<usize>>,
    /// Sockets, counters, queues.
    pub things: Things,
    pub cost: Cost,
    /// How many steps there are.
    pub steps: u64,
    /// Descriptors that first processes are taken to have beside the three standard ones.
    inherited: Vec<i64>,
    /// Whether the descriptors of pipes had to be worked out.
    pub guessed: bool,
    /// How often a descriptor was used that wasn't known, or in a way that it can't be.
    pub doubts: u64,
}

/// A call in its surroundings.
pub struct Context<'b, 'r> {
    pub builder: &'b mut Builder<'r>,
    pub task: usize,
    pub index: usize,
    pub call: &'r Call,
}

impl Context<'_, '_> {
    pub fn process(&mut self) -> &mut ProcessState {
        let process = self.builder.track(self.task).process;
        &mut self.builder.processes[process]
    }

    pub fn track(&mut self) -> &mut Track {
        self.builder.track(self.task)
    }
}

pub fn build(recording: &Recording, options: &Options) -> Result<(Plan, Report), ImportError> {
    let kept = kept(recording);
    let number = kept.iter().filter(|kept| **kept).count();
    if number > MOST_TASKS {
        let text =
            format!("{number} processes and threads are too many for a scenario: at most {MOST_TASKS}");
        return Err(ImportError::new(None, text));
    }
    let mut order = order(recording, &kept);
    // By time; at the same time births first, so that a child's calls find it.
    order.sort_by_key(|entry| (entry.at, !entry.birth, entry.task, entry.index));
    let mut builder = attempt(recording, options, &order, &[])?;
    if builder.guessed && builder.doubts > 0 && order.len() <= MOST_RETRIED {
        // A process that has other descriptors from whoever started it gets other numbers for its pipes.
        for inherited in INHERITED {
            let other = attempt(recording, options, &order, inherited)?;
            if other.doubts < builder.doubts {
                builder = other;
            }
            if builder.doubts == 0 {
                break;
            }
        }
    }
    builder.report.remarks.splice(0..0, recording.remarks.iter().cloned());
    let left = recording.tasks.len() - number;
    if left > 0 {
        builder.report.remark(format!("{left} tasks that made no system call are left out"));
    }
    for (task, kept) in kept.iter().enumerate() {
        if *kept && builder.tracks[task].is_none() && recording.tasks[task].calls.is_empty() {
            builder.without_calls(task);
        }
    }
    Ok(finish::finish(builder))
}

/// All calls, with these descriptors open from the beginning: as often as it turns out that the steps can't use
/// something that they used.
fn attempt<'r>(
    recording: &'r Recording,
    options: &'r Options,
    order: &[Entry],
    inherited: &[i64],
) -> Result<Builder<'r>, ImportError> {
    let mut unfit = BTreeSet::new();
    for count in 0.. {
        let mut builder = look(recording, options, order, inherited, unfit)?;
        match builder.things.judged() {
            None => return Ok(builder),
            Some(more) if count < MOST_LOOKS && order.len() <= MOST_RETRIED => unfit = more,
            Some(_) => unfit = builder.things.none(),
        }
    }
    Err(ImportError::interrupted())
}

fn look<'r>(
    recording: &'r Recording,
    options: &'r Options,
    order: &[Entry],
    inherited: &[i64],
    unfit: BTreeSet<usize>,
) -> Result<Builder<'r>, ImportError> {
    let mut builder = Builder::new(recording, options);
    builder.inherited = inherited.to_vec();
    builder.things = Things::without(unfit);
    for (count, entry) in order.iter().enumerate() {
        if count % 4096 == 0 && (options.stop)() {
            return Err(ImportError::interrupted());
        }
        builder.call(entry.task, entry.index);
    }
    Ok(builder)
}

/// Which tasks the scenario is about. In a recording of the whole system most only show in switches.
fn kept(recording: &Recording) -> Vec<bool> {
    let calls = recording.tasks.iter().any(|task| !task.calls.is_empty());
    let mut kept: Vec<bool> = recording.tasks.iter().map(|task| !task.calls.is_empty() || !calls).collect();
    // Parents come before their children only mostly.
    for _ in 0..2 {
        for (index, task) in recording.tasks.iter().enumerate() {
            kept[index] |= task.parent.is_some_and(|parent| kept[parent]);
        }
    }
    kept
}

struct Entry {
    at: Moment,
    birth: bool,
    task: usize,
    index: usize,
}

/// When each call takes effect: births and closes when they begin, all others when they end. A task's calls
/// stay in their order.
fn order(recording: &Recording, kept: &[bool]) -> Vec<Entry> {
    let mut order = Vec::new();
    for (task, recorded) in recording.tasks.iter().enumerate().filter(|(task, _)| kept[*task]) {
        let mut last: Moment = 0;
        for (index, call) in recorded.calls.iter().enumerate() {
            let birth = gives_birth(&call.name);
            let at = if birth || call.name.starts_with("close") { call.begin } else { call.end };
            // Never at the same time as the one before, which would let a birth pass by it.
            last = at.max(last.saturating_add(1));
            order.push(Entry { at: last, birth, task, index });
        }
    }
    order
}

impl<'r> Builder<'r> {
    fn new(recording: &'r Recording, options: &'r Options) -> Builder<'r> {
        let roles = roles(recording);
        let mut children: BTreeMap<(usize, u64), Vec<usize>> = BTreeMap::new();
        for (index, task) in recording.tasks.iter().enumerate() {
            if let Some(parent) = task.parent {
                children.entry((parent, task.number)).or_default().push(index);
            }
        }
        Builder {
            recording,
            options,
            report: Report::default(),
            names: Names::default(),
            pipes: Vec::new(),
            files: Vec::new(),
            bytes: 0,
            by_path: BTreeMap::new(),
            by_inode: BTreeMap::new(),
            processes: vec![ProcessState::default(); recording.tasks.len()],
            tracks: recording.tasks.iter().map(|_| None).collect(),
            living: BTreeMap::new(),
            semaphores: vec![None; roles.semaphores],
            roles,
            targets: super::carry_process::targets(recording),
            killed: BTreeSet::new(),
            children,
            things: Things::default(),
            cost: options.cost.of(recording),
            steps: 0,
            inherited: Vec::new(),
            guessed: false,
            doubts: 0,
        }
    }

    /// The track of a task, which is made a process of its own if nobody has made it.
    pub fn track(&mut self, task: usize) -> &mut Track {
        if self.tracks[task].is_none() {
            let recorded = &self.recording.tasks[task];
            let first = recorded.calls.first();
            let name = first.and_then(super::carry_process::program).unwrap_or_else(|| recorded.name.clone());
            let name = if name.is_empty() { "task".to_owned() } else { name };
            self.processes[task].table = Table::initial(&self.inherited);
            let begin = first.map_or(recorded.first, |call| call.begin);
            self.start(task, &name, task, begin);
            if let Some(track) = &mut self.tracks[task] {
                track.root = true;
            }
        }
        self.tracks[task].get_or_insert_default()
    }

    /// Begins a task's first program; gives its name.
    pub fn start(&mut self, task: usize, name: &str, process: usize, begin: Moment) -> String {
        let name = self.names.take(name);
        let segments = vec![Segment { name: name.clone(), items: Vec::new() }];
        self.tracks[task] = Some(Track { segments, process, last: begin, ..Track::default() });
        self.living.insert(self.recording.tasks[task].number, task);
        name
    }

    /// The process that a task belongs to.
    pub fn leader(&self, task: usize) -> usize {
        leader(self.recording, task)
    }

    fn call(&mut self, task: usize, index: usize) {
        let recording = self.recording;
        let recorded = &recording.tasks[task];
        let call = &recorded.calls[index];
        let process = self.track(task).process;
        if self.track(task).over {
            return;
        }
        self.gap(task, recorded, call);
        let mut context = Context { builder: self, task, index, call };
        let carried = match (row(&call.name), &call.result) {
            // The program that a recording begins with.
            (Some(row), _) if index == 0 && row.calls.contains(&"execve") && context.track().root => {
                Carried::Followed
            }
            (Some(row), _) => (row.carry)(&mut context),
            (None, Answer::Failed(_)) => Carried::Failed,
            (None, Answer::None) if call.name.starts_with("rt_sigreturn") => Carried::Work(""),
            (None, Answer::None) => Carried::LeftOut("hadn't returned at the end"),
            (None, Answer::Value(_)) => Carried::Work(""),
        };
        match carried {
            Carried::Steps(steps) => steps.into_iter().for_each(|fields| self.step(task, fields)),
            Carried::Exec { steps, name } => self.exec(task, steps, &name),
            Carried::Exit(status) => {
                self.step(task, vec![("exit", Value::Number(status & 0xff))]);
                self.track(task).over = true;
                self.processes[process].over = true;
                self.processes[process].table = Table::default();
            }
            Carried::Followed => self.took(task, recorded, call, Fate::Followed, "", false),
            Carried::Work(why) => self.took(task, recorded, call, Fate::Work, why, false),
            Carried::Failed => {
                let why = match &call.result {
                    Answer::Failed(error) => format!("failed with {error}"),
                    Answer::Value(_) | Answer::None => "failed".to_owned(),
                };
                self.took(task, recorded, call, Fate::Work, &why, false);
            }
            Carried::Waits(why) => self.took(task, recorded, call, Fate::Work, why, true),
            Carried::LeftOut(why) => self.report.add(Fate::LeftOut, &call.name, why),
        }
        self.track(task).last = call.end;
        if index + 1 == recorded.calls.len() && recorded.end.is_some() && !recorded.thread {
            self.processes[process].over = true;
        }
    }

    /// The compute before a call.
    fn gap(&mut self, task: usize, recorded: &Task, call: &Call) {
        let gap = self.cost.gap;
        let track = self.track(task);
        let (off, _) = recorded.off_between(track.last, call.begin);
        let time = call.begin.saturating_sub(track.last);
        track.pending = track.pending.saturating_add(time.saturating_sub(off).saturating_sub(gap));
    }

    /// The time of a call that is no step.
    fn took(&mut self, task: usize, recorded: &Task, call: &Call, fate: Fate, why: &str, waits: bool) {
        let (off, waited) = recorded.off_between(call.begin, call.end);
        let took = call.took().saturating_sub(self.cost.call);
        let (work, slept) = match self.recording.switches {
            true => (took.saturating_sub(off), waited),
            false if waits && took >= LONG => (0, took),
            false => (took, 0),
        };
        self.track(task).pending = self.track(task).pending.saturating_add(work);
        if slept >= LONG {
            self.step(task, vec![("sleep", Value::Measured(Mean::of(slept)))]);
            self.report.add(Fate::Slept, &call.name, why);
        } else {
            self.report.add(fate, &call.name, why);
        }
    }

    pub fn step(&mut self, task: usize, fields: Fields) {
        self.steps += 1;
        let order = self.steps;
        let track = self.track(task);
        let item = Item { order, ..Item::call(fields).after(std::mem::take(&mut track.pending)) };
        if let Some(segment) = track.segments.last_mut() {
            segment.items.push(item);
        }
    }

    fn exec(&mut self, task: usize, steps: Vec<Fields>, name: &str) {
        steps.into_iter().for_each(|fields| self.step(task, fields));
        let name = self.names.take(name);
        self.step(task, vec![("exec", super::plan::text(name.clone()))]);
        let track = self.track(task);
        track.knows.clear();
        track.segments.push(Segment { name, items: Vec::new() });
    }

    /// A task of which only switches were recorded: it computes when it is on a CPU, and sleeps when it waits.
    fn without_calls(&mut self, task: usize) {
        let recorded = &self.recording.tasks[task];
        let mut last = self.track(task).last.max(recorded.first);
        for off in &recorded.off {
            self.track(task).pending += off.from.saturating_sub(last);
            if off.waited && off.to > off.from {
                self.step(task, vec![("sleep", Value::Measured(Mean::of(off.to - off.from)))]);
            }
            last = off.to.max(last);
        }
        self.track(task).pending += recorded.last.saturating_sub(last);
    }

    /// A pipe's name, for a step.
    pub fn pipe_name(&self, pipe: usize) -> String {
        self.pipes[pipe].name.clone()
    }

    /// Whether any process still holds an end of a pipe.
    pub fn held(&self, pipe: usize, end: End) -> bool {
        self.holds(super::descriptors::What::Pipe(pipe, end))
    }

    /// Whether any process has a descriptor of it.
    pub fn holds(&self, what: super::descriptors::What) -> bool {
        self.processes.iter().any(|process| !process.over && process.table.holds(what))
    }
}
