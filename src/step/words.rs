//! The state of a stepped run in words, section by section: what the terminal shows, and what a script
//! prints.

use std::fmt::Write;

use crate::analysis::naming;
use crate::ids::{CpuId, StepId, Tid, Vector};
use crate::kernel::Due;
use crate::kernel::cpu::Cpu;
use crate::kernel::task::State;
use crate::kernel::work::{Context, Work};
use crate::program::image::Action;
use crate::program::instruction::Instruction;
use crate::time::{Instant, Span};

use super::Stepper;
use super::events::Names;

/// So many pages, translations or things that are due are listed; the others are counted.
const LISTED: usize = 12;

/// A part of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Cpus,
    Queues,
    Waiting,
    Memory,
    Due,
    Console,
    Trace,
}

impl Part {
    pub const ALL: &[Part] =
        &[Part::Cpus, Part::Queues, Part::Waiting, Part::Memory, Part::Due, Part::Console, Part::Trace];

    pub const fn title(self) -> &'static str {
        match self {
            Part::Cpus => "CPUs",
            Part::Queues => "Run queues",
            Part::Waiting => "Waiting",
            Part::Memory => "Memory",
            Part::Due => "Due next",
            Part::Console => "Console",
            Part::Trace => "Trace",
        }
    }

    /// Whether the end of its lines matters most.
    pub const fn grows(self) -> bool {
        matches!(self, Part::Console | Part::Trace)
    }
}

/// A moment to the nanosecond, in the unit that suits it.
pub fn moment(at: Instant) -> String {
    at.to_string()
}

impl Stepper<'_> {
    pub(super) fn names(&self) -> Names<'_> {
        Names { header: &self.header, recent: self.recent() }
    }

    pub(super) fn vector(&self, vector: Vector) -> String {
        self.names().vector(vector)
    }

    /// Where the run stands, in one line.
    pub fn headline(&self) -> String {
        let mut text = format!(
            "{}  step {}  {}  {} events",
            naming::printable(&self.header.scenario),
            naming::count(self.step()),
            moment(self.now()),
            naming::count(self.recent().count)
        );
        let (behind, ahead) = self.raises();
        if let Some((step, raise)) = behind.last() {
            let (vector, times) = (self.vector(raise.vector), behind.len());
            let _ = write!(text, "  WHAT IF: {vector} at step {step}");
            if times > 1 {
                let _ = write!(text, " and {} before", times - 1);
            }
        }
        if ahead > 0 {
            let _ = write!(text, "  ({ahead} what-if ahead)");
        }
        if let Some(outcome) = &self.outcome {
            let _ = write!(text, "  [{}]", outcome.name());
        }
        text
    }

    /// All that is shown of a part.
    pub fn lines(&self, part: Part) -> Vec<String> {
        let lines = match part {
            Part::Cpus => {
                let next = if self.outcome.is_some() { None } else { self.simulator.next_cpu() };
                let cpus = self.simulator.kernel.cpus.iter();
                cpus.flat_map(|cpu| self.cpu(cpu, next == Some(cpu.id.index()))).collect()
            }
            Part::Queues => self.queues(),
            Part::Waiting => self.waiting(),
            Part::Memory => self.memory(),
            Part::Due => self.due(),
            Part::Console => {
                let line = |&(task, text)| format!("{}: {}", self.task(task), self.recent().text(text));
                self.recent().console.iter().map(line).collect()
            }
            Part::Trace => {
                let names = self.names();
                let cpu = |cpu: Option<CpuId>| cpu.map_or_else(|| "?".to_owned(), |cpu| cpu.to_string());
                let events = self.recent().events.iter();
                events
                    .map(|event| format!("{} [{}] {}", moment(event.at), cpu(event.cpu), names.tell(event)))
                    .collect()
            }
        };
        let shown: Vec<String> =
            lines.iter().map(|line: &String| naming::printable(line.trim_end())).collect();
        if shown.is_empty() { vec!["-".to_owned()] } else { shown }
    }

    /// The whole state as text.
    pub fn text(&self, events: usize) -> String {
        let mut text = format!("{}\n", self.headline());
        for &part in Part::ALL {
            let lines = self.lines(part);
            let skipped = if part.grows() { lines.len().saturating_sub(events) } else { 0 };
            let _ = writeln!(text, "{}", part.title());
            for line in &lines[skipped..] {
                let _ = writeln!(text, "  {line}");
            }
        }
        text
    }

    fn task(&self, task: Tid) -> &str {
        self.recent().task(task)
    }

    fn cpu(&self, cpu: &Cpu, is_next: bool) -> Vec<String> {
        let mark = if is_next { ">" } else { " " };
        let mode = match cpu.context {
            Context::Idle => "idle",
            Context::User => "user mode",
            Context::Kernel(_) => "kernel mode",
        };
        let mut lines = vec![format!("{mark} CPU {}  {}  {mode}", cpu.id, self.thread(cpu.current))];
        if cpu.current != Tid::IDLE {
            lines.push(format!("  {}", self.place(cpu.current)));
        }
        lines.push(format!("  next: {}", self.next(cpu.context, cpu.left, cpu.current)));
        for &(context, left) in cpu.suspended.iter().rev() {
            lines.push(format!("  interrupted: {}", self.next(context, left, cpu.current)));
        }
        if let Some(why) = cpu.reschedule {
            lines.push(format!("  must give way: {}", why.name()));
        }
        lines.extend(self.register(cpu));
        lines
    }

    fn thread(&self, task: Tid) -> String {
        if task == Tid::IDLE { "nobody".to_owned() } else { format!("{} ({task})", self.task(task)) }
    }

    /// The line and the step at which a thread is.
    fn place(&self, task: Tid) -> String {
        let user = &self.simulator.userland.users[task.index()];
        let program = &self.image.programs[usize::from(user.program.0)];
        let known = self.simulator.kernel.tasks[task.index()].step;
        let step = match user.call_at {
            None => program.steps.get(user.next as usize).copied().unwrap_or(known),
            Some(at) => program.steps.get(at as usize).copied().unwrap_or(known),
        };
        if step == StepId::NONE {
            return "outside of its steps".to_owned();
        }
        self.header.steps.get(step.index()).map_or_else(
            || "outside of its steps".to_owned(),
            |entry| format!("line {}: {}", entry.line, entry.text),
        )
    }

    /// What a context is about to execute.
    fn next(&self, context: Context, left: Span, task: Tid) -> String {
        let rest = if left.is_zero() { String::new() } else { format!(", {} to go", left) };
        match context {
            Context::Idle => "halted until an interrupt".to_owned(),
            Context::Kernel(work) => format!("{}{rest}", self.work(work, task)),
            Context::User => format!("{}{rest}", self.instruction(task)),
        }
    }

    fn instruction(&self, task: Tid) -> String {
        let user = &self.simulator.userland.users[task.index()];
        let program = &self.image.programs[usize::from(user.program.0)];
        let Some(instruction) = program.code.get(user.next as usize) else { return "nothing".to_owned() };
        match instruction {
            Instruction::Syscall { call, .. } => format!("system call {}", self.names().call(call.id())),
            other => {
                // The variant's name, as words: `JumpIfZero` is "jump if zero".
                let debug = format!("{other:?}");
                let name = debug.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
                let mut words = String::new();
                for letter in name.chars() {
                    if letter.is_uppercase() && !words.is_empty() {
                        words.push(' ');
                    }
                    words.extend(letter.to_lowercase());
                }
                words
            }
        }
    }

    fn work(&self, work: Work, task: Tid) -> String {
        let call = || match task {
            Tid::IDLE => "?",
            task => {
                let call = self.simulator.userland.users[task.index()].call;
                self.header.calls.get(call.index()).map_or("?", String::as_str)
            }
        };
        match work {
            Work::CallEntry => format!("entry of {}", call()),
            Work::CallResume => format!("{} looks again", call()),
            Work::CallBody => format!("body of {}", call()),
            Work::CallExit => format!("exit of {}", call()),
            Work::PageFault { page, fault, .. } => {
                format!("page-fault handler, page {page} ({})", fault.name())
            }
            Work::Exception(exception) => format!("handler of {}", exception.name()),
            Work::Deliver => "signal frame is built".to_owned(),
            Work::ThreadExit => "thread is taken apart".to_owned(),
            Work::Handler(vector) => format!("interrupt handler of {}", self.vector(vector)),
            Work::Deferred(vector) => format!("deferred half of {}", self.vector(vector)),
            Work::Timer => "timer handler".to_owned(),
            Work::Reschedule => "reschedule handler".to_owned(),
            Work::Switch => "context switch (interrupts off)".to_owned(),
        }
    }

    /// The interrupt register, a column for each vector in use.
    fn register(&self, cpu: &Cpu) -> Vec<String> {
        let vectors = &self.header.vectors;
        let bits = |name: &str, word: u64| {
            let bit = |vector: Vector| if word >> vector.0 & 1 == 1 { " 1" } else { " ." };
            let bits: String = vectors.iter().map(|entry| format!(" {}", bit(entry.vector))).collect();
            format!("  {name:10}{bits}")
        };
        let numbers: String = vectors.iter().map(|entry| format!(" {:2}", entry.vector.0)).collect();
        vec![
            format!("  {:10}{numbers}", "vector"),
            bits("pending", cpu.interrupts.pending()),
            bits("masked", cpu.interrupts.masked()),
            bits("in service", cpu.interrupts.in_service()),
        ]
    }

    fn queues(&self) -> Vec<String> {
        let kernel = &self.simulator.kernel;
        let line = |number: usize| {
            let queue = &kernel.queues[number];
            let waiting: Vec<&str> = queue.queue().into_iter().map(|task| self.task(task)).collect();
            let name = if kernel.queues.len() < kernel.cpus.len() {
                "all".to_owned()
            } else {
                format!("CPU {number}")
            };
            format!("{name}: {}", if waiting.is_empty() { "-".to_owned() } else { waiting.join(", ") })
        };
        (0..kernel.queues.len()).map(line).collect()
    }

    /// Who waits, by what they wait for.
    fn waiting(&self) -> Vec<String> {
        let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
        for (number, task) in self.simulator.kernel.tasks.iter().enumerate() {
            let State::Blocked { on, object } = task.state else { continue };
            let id = Tid::from(number);
            if id == Tid::IDLE || id == Tid::INIT {
                continue;
            }
            let what = match object {
                Some(object) => format!("{} {}", on.name(), self.names().object(object)),
                None => on.name().to_owned(),
            };
            match groups.iter_mut().find(|(known, _)| *known == what) {
                Some((_, who)) => who.push(self.task(id)),
                None => groups.push((what, vec![self.task(id)])),
            }
        }
        groups.into_iter().map(|(what, who)| format!("{what}: {}", who.join(", "))).collect()
    }

    /// The frames, and page table and TLB of what each CPU runs.
    fn memory(&self) -> Vec<String> {
        let kernel = &self.simulator.kernel;
        let mut lines = vec![format!("{} frames used", kernel.frames.used())];
        for cpu in kernel.cpus.iter().filter(|cpu| cpu.current != Tid::IDLE) {
            let process = kernel.tasks[cpu.current.index()].process;
            let Some(Some(process)) = kernel.processes.get(process.index()) else { continue };
            let table = &process.space.table;
            let flag = |writable| if writable { "w" } else { "r" };
            let mapped = table
                .mappings()
                .take(LISTED)
                .map(|(page, mapping)| format!("{page}>{}{}", mapping.frame, flag(mapping.writable)));
            let mapped: Vec<String> = mapped.collect();
            let more = if table.present() as usize > LISTED { " ..." } else { "" };
            lines.push(format!(
                "{}: {} pages  {}{more}",
                self.task(cpu.current),
                table.present(),
                mapped.join(" ")
            ));
            let mut pages: Vec<String> =
                cpu.tlb.pages().map(|(page, writable)| format!("{page}{}", flag(writable))).collect();
            let count = pages.len();
            pages.truncate(LISTED);
            let more = if count > LISTED { " ..." } else { "" };
            lines.push(format!(
                "TLB {}: {}{more}",
                cpu.id,
                if count == 0 { "-".to_owned() } else { pages.join(" ") }
            ));
        }
        lines
    }

    /// What is due next: at devices, from outside, and the CPUs' timers.
    fn due(&self) -> Vec<String> {
        let kernel = &self.simulator.kernel;
        let timers = kernel.cpus.iter().filter(|cpu| cpu.timer < Instant::NEVER);
        let mut due: Vec<(Instant, String)> =
            timers.map(|cpu| (cpu.timer, format!("timer of CPU {}", cpu.id))).collect();
        due.extend(kernel.queue.upcoming().into_iter().map(|(at, due)| (at, self.tell_due(due))));
        due.sort_by_key(|(at, _)| *at);
        let count = due.len();
        let mut lines: Vec<String> =
            due.into_iter().take(LISTED).map(|(at, what)| format!("{} {what}", moment(at))).collect();
        if count > LISTED {
            lines.push(format!("and {} more", count - LISTED));
        }
        lines
    }

    fn tell_due(&self, due: Due) -> String {
        let device = |id: crate::ids::DeviceId| self.simulator.kernel.devices[id.index()].spec.name.as_str();
        match due {
            Due::DiskDone { device: id, .. } => format!("{} has done its request", device(id)),
            Due::Noise { device: id } => format!("{} interrupts", device(id)),
            Due::Card { device: id, .. } => format!("{} has waited for packets", device(id)),
            Due::Ipi { to, vector } => format!("{} reaches CPU {to}", self.vector(vector)),
            Due::Notice { cpu } => format!("CPU {cpu} notices work"),
            Due::Outside(index) => {
                let action = &self.image.injections[index as usize].action;
                let what = match action {
                    Action::Raise { vector, .. }
                    | Action::Mask { vector, .. }
                    | Action::Unmask { vector, .. } => {
                        format!(" {}", self.vector(*vector))
                    }
                    Action::Keys { device: id, .. }
                    | Action::Packet { device: id, .. }
                    | Action::Unplug { device: id }
                    | Action::Plug { device: id } => format!(" {}", device(*id)),
                    Action::Signal { signal, .. } => format!(" {}", signal.name()),
                };
                format!("from outside: {}{what}", action.row().key)
            }
            Due::Start(entry) => format!("start of {}", self.image.starts[usize::from(entry)].name),
            Due::WriteBack { .. } => "write-back of a file".to_owned(),
            Due::Interval { process, .. } => format!("interval timer of process {process}"),
            Due::Balance => "queues are evened out".to_owned(),
            Due::Deadline { task, number, .. } => format!("deadline of {}, job {number}", self.task(task)),
        }
    }
}
