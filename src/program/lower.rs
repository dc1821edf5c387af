//! Lowering: from steps to instructions, with all names resolved.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::ids::{Fd, NameId, StepId};
use crate::trace::header::StepEntry;

use super::at::{At, Value};
use super::call::SystemCall;
use super::form::Step;
use super::image::{MemoryId, Polled, Program, ProgramId, Text};
use super::instruction::{Address, ArgumentsId, FdListId, Instruction, OnError, TextId};
use super::library::stream::OpenStream;
use super::names::{Feeder, Names, Source};
use super::problem::{Code, Problem, Problems};
use super::syscall::Syscall;
use super::value::{Expressions, Operand, Variable};

/// Tables of the image that all programs share.
#[derive(Debug, Default)]
pub struct Tables {
    pub expressions: Expressions,
    pub texts: Vec<Text>,
    pub names: Vec<String>,
    pub fd_lists: Vec<Vec<Fd>>,
    pub arguments: Vec<Vec<(String, Operand)>>,
    pub polls: Vec<Vec<Polled>>,
    pub sets_timers: bool,
    pub steps: Vec<StepEntry>,
    pub lists: super::ipc::Lists,
}

/// How a program comes to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Fork,
    Thread,
    Exec,
    /// As a signal's handler.
    Handler,
    /// Its steps stand among the program's own.
    Within,
}

/// A fork, thread or exec in a program.
#[derive(Clone, Debug)]
pub struct Edge {
    pub link: Link,
    pub to: ProgramId,
    pub span: Range<usize>,
    /// The index of the top-level step that it is in.
    pub top: usize,
    /// Whether every run of the program comes to it.
    pub certain: bool,
}

/// A lowered program and what it was seen to use.
#[derive(Debug, Default)]
pub struct Unit {
    pub program: Program,
    /// The descriptors that its own steps use, each with the first place.
    pub fds: BTreeMap<Fd, Range<usize>>,
    pub memories: BTreeMap<MemoryId, Range<usize>>,
    pub edges: Vec<Edge>,
    /// The variables that it passes on to programs that it executes.
    pub passed: Vec<(ProgramId, String)>,
    /// Where the code of each top-level step ends.
    pub ends: Vec<Address>,
    /// Variables that are read but set nowhere in this program, each with the first place.
    pub unset: Vec<(String, Range<usize>)>,
    /// Variables that it sets.
    pub set: Vec<String>,
    /// Where its name stands.
    pub place: Range<usize>,
}

#[derive(Debug)]
struct Slot {
    name: String,
    read: Option<Range<usize>>,
    set: bool,
}

/// The state of lowering one program.
pub struct Lower<'a> {
    pub names: &'a Names,
    pub tables: &'a mut Tables,
    pub problems: &'a mut Problems,
    pub source: Source<'a>,
    unit: Unit,
    slots: Vec<Slot>,
    by_name: BTreeMap<String, usize>,
    counters: Vec<Variable>,
    temporaries: Vec<Variable>,
    /// Where shared cells may stand in expressions: how many were loaded for the one at hand.
    loads: Option<usize>,
    depth: usize,
    step: StepId,
    top: usize,
    keeps_buffer: bool,
    /// The streams that its steps use, by their numbers.
    pub open_streams: BTreeMap<u16, OpenStream>,
    /// The queues into which its steps put items, by the numbers of their streams.
    pub fed: BTreeMap<u16, Feeder>,
    /// How many enclosing steps may be skipped, or whether an exit lies before.
    doubt: usize,
}

/// Lowers a program's steps.
pub fn lower(
    name: &str,
    steps: &[Step],
    names: &Names,
    source: Source<'_>,
    tables: &mut Tables,
    problems: &mut Problems,
) -> Unit {
    let mut cx = Lower {
        names,
        tables,
        problems,
        source,
        unit: Unit::default(),
        slots: Vec::new(),
        by_name: BTreeMap::new(),
        counters: Vec::new(),
        temporaries: Vec::new(),
        loads: None,
        depth: 0,
        step: StepId::NONE,
        top: 0,
        keeps_buffer: false,
        open_streams: BTreeMap::new(),
        fed: BTreeMap::new(),
        doubt: 0,
    };
    cx.unit.program.name = name.to_owned();
    cx.slot("index").set = true;
    for (top, step) in steps.iter().enumerate() {
        cx.top = top;
        cx.step(step);
        let end = cx.here();
        cx.unit.ends.push(end);
    }
    cx.finish()
}

impl Lower<'_> {
    fn finish(mut self) -> Unit {
        self.step = StepId::NONE;
        self.leave_queues(false);
        self.flush_streams();
        self.step = StepId::NONE;
        self.emit(Instruction::End);
        let mut unit = self.unit;
        if self.keeps_buffer {
            for instruction in &mut unit.program.code {
                match instruction {
                    Instruction::Syscall { call, .. } => call.keep_what_comes(),
                    Instruction::Ring(work) => work.keep_what_comes(),
                    _ => {}
                }
            }
        }
        for slot in self.slots {
            if slot.set && !slot.name.is_empty() {
                unit.set.push(slot.name.clone());
            } else if let Some(at) = slot.read {
                unit.unset.push((slot.name.clone(), at));
            }
            unit.program.variables.push(slot.name);
        }
        unit
    }

    /// Writes what is in the buffers of the streams that its steps have used, as C's `exit` does.
    pub fn flush_streams(&mut self) {
        for stream in self.open_streams.clone().into_values() {
            stream.flush(self, OnError::Continue);
        }
    }

    /// Lowers one step with its own entry in the steps' table.
    fn step(&mut self, step: &Step) {
        let outer = self.step;
        self.step = StepId::from(self.tables.steps.len());
        let text = self.source.slice(&step.span);
        self.tables.steps.push(StepEntry {
            program: self.unit.program.name.clone(),
            verb: step.row.name.to_owned(),
            text: shorten(text),
            line: self.source.line(step.span.start),
        });
        step.form.lower(step, self);
        self.step = outer;
    }

    /// Lowers nested steps.
    pub fn block(&mut self, steps: &[Step]) {
        for step in steps {
            self.step(step);
        }
    }

    /// Lowers nested steps that not every run comes to.
    pub fn doubtful_block(&mut self, steps: &[Step]) {
        self.doubt += 1;
        self.block(steps);
        self.doubt -= 1;
    }

    /// The line that says that the step has failed.
    pub fn failure(&self, errno: crate::errno::Errno) -> String {
        let step = &self.tables.steps[self.step.index()];
        format!("{}: {}: {errno}", self.unit.program.name, step.text)
    }

    /// From here on, nothing is certain to be reached.
    pub fn never_returns(&mut self) {
        self.doubt += 1;
    }

    pub fn here(&self) -> Address {
        self.unit.program.code.len() as Address
    }

    /// Adds an instruction and gives its address.
    pub fn emit(&mut self, instruction: Instruction) -> Address {
        let at = self.here();
        self.unit.program.code.push(instruction);
        self.unit.program.steps.push(self.step);
        at
    }

    /// Lets a jump that was emitted before go to this place.
    pub fn patch(&mut self, at: Address) {
        let here = self.here();
        if let Some(target) = target(&mut self.unit.program.code[at as usize]) {
            *target = here;
        }
    }

    /// A system call with the step's result and error rule.
    pub fn call(&mut self, step: &Step, call: impl Into<Syscall>) {
        let result = step.result.as_ref().map(|name| self.assign(name));
        self.emit(Instruction::Syscall { call: call.into(), result, on_error: step.on_error });
    }

    /// Runs what `body` emits `times` times.
    pub fn repeat(&mut self, times: super::value::Operand, body: impl FnOnce(&mut Self)) {
        let counter = self.counter();
        let start = self.emit(Instruction::LoopStart { counter, times, past: 0 });
        let target = self.here();
        self.depth += 1;
        body(self);
        self.depth -= 1;
        self.emit(Instruction::Loop { counter, target });
        self.patch(start);
    }

    /// The counter of a loop; loops that aren't nested share theirs.
    fn counter(&mut self) -> Variable {
        if self.counters.len() <= self.depth {
            let variable = self.hidden();
            self.counters.push(variable);
        }
        self.counters[self.depth]
    }

    /// A place for a library function's intermediate value. Its content doesn't outlive the step.
    pub fn temporary(&mut self, number: usize) -> Variable {
        while self.temporaries.len() <= number {
            let variable = self.hidden();
            self.temporaries.push(variable);
        }
        self.temporaries[number]
    }

    /// Lowers something in whose expressions shared cells may stand.
    pub fn loading_cells<T>(&mut self, lower: impl FnOnce(&mut Self) -> T) -> T {
        self.loads = Some(0);
        let lowered = lower(self);
        self.loads = None;
        lowered
    }

    pub const fn loads_cells(&self) -> bool {
        self.loads.is_some()
    }

    /// The place of the next shared cell that is loaded for the expression at hand.
    pub fn next_load(&mut self) -> Variable {
        let number = self.loads.unwrap_or(0);
        self.loads = self.loads.map(|number| number + 1);
        self.temporary(number)
    }

    /// A place for what a step keeps from one execution to the next; zero at first.
    pub fn lasting(&mut self) -> Variable {
        self.hidden()
    }

    fn hidden(&mut self) -> Variable {
        self.slots.push(Slot { name: String::new(), read: None, set: true });
        Variable((self.slots.len() - 1) as u16)
    }

    fn slot(&mut self, name: &str) -> &mut Slot {
        let next = self.slots.len();
        let index = *self.by_name.entry(name.to_owned()).or_insert(next);
        if index == next {
            self.slots.push(Slot { name: name.to_owned(), read: None, set: false });
        }
        &mut self.slots[index]
    }

    fn variable(&mut self, name: &str, span: &Range<usize>) -> Variable {
        let index = self.by_name.get(name).copied().unwrap_or_default();
        let variable = u16::try_from(index);
        Variable(variable.unwrap_or_else(|_| {
            let message = "a program can't have more than 65536 variables";
            self.problems.error(Code::OutOfRange, span.clone(), message);
            0
        }))
    }

    /// A variable that an expression reads.
    pub fn read_variable(&mut self, name: &str, span: &Range<usize>) -> Variable {
        self.slot(name).read.get_or_insert_with(|| span.clone());
        self.variable(name, span)
    }

    /// A variable that a step sets.
    pub fn assign(&mut self, name: &At<String>) -> Variable {
        if !is_variable(&name.value) {
            let message = format!("`{}` can't be a variable's name", name.value);
            let problem = Problem::error(Code::BadName, name.span.clone(), message);
            let help = "a variable's name has letters, digits and `_`, no digit in front, and isn't `and`, `or`, `not` or `index`";
            self.problems.push(problem.help(help));
            return Variable(0);
        }
        self.slot(&name.value).set = true;
        self.variable(&name.value, &name.span)
    }

    /// A new stream of random numbers.
    pub fn stream(&mut self, span: &Range<usize>) -> u16 {
        let stream = self.unit.program.streams;
        match stream.checked_add(1) {
            Some(next) => self.unit.program.streams = next,
            None => {
                let message = "a program can't have more than 65535 random amounts";
                self.problems.error(Code::OutOfRange, span.clone(), message);
            }
        }
        stream
    }

    pub fn text(&mut self, text: Text) -> TextId {
        self.tables.texts.push(text);
        TextId((self.tables.texts.len() - 1) as u32)
    }

    pub fn name(&mut self, name: String) -> NameId {
        self.tables.names.push(name);
        NameId::from(self.tables.names.len() - 1)
    }

    /// Notes that the program's own steps use a descriptor.
    pub fn use_fd(&mut self, fd: Fd, span: &Range<usize>) -> Fd {
        self.unit.fds.entry(fd).or_insert_with(|| span.clone());
        fd
    }

    pub fn use_memory(&mut self, id: MemoryId, span: &Range<usize>) {
        self.unit.memories.entry(id).or_insert_with(|| span.clone());
    }

    /// The program uses what it has read as a whole, so its reads keep that.
    pub fn uses_buffer(&mut self) {
        self.keeps_buffer = true;
    }

    /// Whether it has a step that starts a thread.
    pub fn starts_threads(&self) -> bool {
        self.unit.edges.iter().any(|edge| edge.link == Link::Thread)
    }

    /// The program that a fork, thread or exec names.
    pub fn link(&mut self, link: Link, name: &At<String>) -> Option<ProgramId> {
        let to = self.program(name)?;
        self.link_to(link, to, &name.span);
        Some(to)
    }

    /// A way to another program that isn't named.
    pub fn link_to(&mut self, link: Link, to: ProgramId, span: &Range<usize>) {
        // Whether a signal ever comes isn't known.
        // What stands among the own steps has said itself what it forks.
        let certain = self.doubt == 0 && !matches!(link, Link::Handler | Link::Within);
        self.unit.edges.push(Edge { link, to, span: span.clone(), top: self.top, certain });
    }

    /// A variable with which a program begins that this one executes, and its value.
    pub fn pass(&mut self, to: ProgramId, name: &At<String>, value: &At<Value>) -> Operand {
        if !is_variable(&name.value) {
            let message = format!("`{}` can't be a variable's name", name.value);
            self.problems.error(Code::BadName, name.span.clone(), message);
        }
        self.unit.passed.push((to, name.value.clone()));
        self.operand(value)
    }

    /// The arguments of an exec.
    pub fn arguments(&mut self, list: Vec<(String, Operand)>) -> ArgumentsId {
        self.tables.arguments.push(list);
        ArgumentsId((self.tables.arguments.len() - 1) as u32)
    }

    /// The program with this name.
    pub fn program(&mut self, name: &At<String>) -> Option<ProgramId> {
        let found = self.names.programs.get(&name.value).copied();
        if found.is_none() {
            let message = format!("there is no program `{}`", name.value);
            let problem = Problem::error(Code::UnknownProgram, name.span.clone(), message);
            let names = self.names.programs.keys().map(String::as_str);
            let problem = problem.suggest(&name.value, names);
            self.problems.push(problem.help(format!("a program is described by `[program.{}]`", name.value)));
        }
        found
    }
}

/// Adds a list of descriptors that a program closes.
pub fn close_list(tables: &mut Tables, fds: Vec<Fd>) -> FdListId {
    tables.fd_lists.push(fds);
    FdListId((tables.fd_lists.len() - 1) as u32)
}

/// Inserts an instruction behind a top-level step. What lies before and goes on at this place
/// passes through it; what lies behind and jumps back to the place doesn't.
pub fn insert(program: &mut Program, at: Address, instruction: Instruction) {
    for (index, old) in program.code.iter_mut().enumerate() {
        let behind = index as Address >= at;
        let Some(target) = target(old) else {
            continue;
        };
        if *target > at || (*target == at && behind) {
            *target += 1;
        }
    }
    let step = match at.checked_sub(1) {
        Some(before) => program.steps[before as usize],
        None => StepId::NONE,
    };
    program.code.insert(at as usize, instruction);
    program.steps.insert(at as usize, step);
}

/// Where an instruction may go on instead of behind itself.
fn target(instruction: &mut Instruction) -> Option<&mut Address> {
    match instruction {
        Instruction::Jump(target)
        | Instruction::JumpIfZero { target, .. }
        | Instruction::Loop { target, .. }
        | Instruction::LoopStart { past: target, .. } => Some(target),
        Instruction::Compute(_)
        | Instruction::Touch { .. }
        | Instruction::TouchKernel { .. }
        | Instruction::Set { .. }
        | Instruction::Buffer(_)
        | Instruction::Load { .. }
        | Instruction::LoadBits { .. }
        | Instruction::Store { .. }
        | Instruction::AtomicAdd { .. }
        | Instruction::CompareSwap { .. }
        | Instruction::Exchange { .. }
        | Instruction::Learn { .. }
        | Instruction::Copy { .. }
        | Instruction::Syscall { .. }
        | Instruction::InMemory(_)
        | Instruction::Ring(_)
        | Instruction::Print(_)
        | Instruction::Assert { .. }
        | Instruction::Raise(_)
        | Instruction::Note(_)
        | Instruction::CloseUnused(_)
        | Instruction::End => None,
    }
}

/// A step's text on one line, without what is nested in it beyond a few words.
pub fn shorten(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= 60 {
        return line;
    }
    let mut short: String = line.chars().take(57).collect();
    short.push_str("...");
    short
}

/// Whether a name can be a variable's.
pub fn is_variable(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !matches!(name, "and" | "or" | "not" | "index")
}
