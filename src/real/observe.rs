//! What was seen of a run, as a trace in the schema that simulated runs have.
//!
//! The processes' notes say what the program did: steps, calls, messages, output. They are taken in
//! user mode, so what the scheduler did, which CPU it was, and how long the kernel took aren't to be
//! seen from there; if the kernel was asked as well, its events fill that in, and set the times
//! right. The header says what could be observed.

use std::collections::{BTreeMap, BTreeSet};

use crate::errno::Errno;
use crate::ids::{CallId, NameId, ObjectId, StepId, Tid};
use crate::kernel::screen::Screen;
use crate::program::image::Image;
use crate::program::native::{Note, Noted, Row, What};
use crate::program::userland::Origin;
use crate::signal::Signal;
use crate::time::Instant;
use crate::trace::header::{Header, Outcome, Source, TaskEntry};
use crate::trace::{Event, Kind, Sink};

use super::align::align;
pub use super::fingerprint::fingerprint;
use super::guardian::End;
use super::kernel::Translator;
use super::run::Measured;
use super::said::{deadly, line, named, statuses, values};
use super::seen::{Point, Seen};
use super::unsaid::Pipes;

/// The kinds that notes can become.
pub const NOTED: &[&str] = &[
    "sys_enter",
    "sys_exit",
    "signal_generate",
    "signal_deliver",
    "process_fork",
    "process_exec",
    "process_exit",
    "message_send",
    "message_receive",
    "lock_contended",
    "lock_acquired",
    "lock_released",
    "print",
];

/// The header of a measured trace.
pub fn header(image: &Image, measured: &Measured) -> Header {
    let rows = measured.rows.iter();
    let initial = rows.filter(|row| is_initial(image, row)).map(|row| TaskEntry {
        task: row.task,
        process: row.process,
        parent: row.parent,
        name: row.origin.name(image),
        start: Instant::START,
    });
    let seen = measured.seen.iter().flat_map(Seen::kinds);
    Header {
        cpus: if measured.seen.is_some() { measured.cpus.len() as u16 } else { 0 },
        costs: String::new(),
        costs_hash: String::new(),
        fingerprint: fingerprint(),
        observes: NOTED.iter().copied().chain(seen).map(str::to_owned).collect(),
        vectors: translator(image, measured).map_or(Vec::new(), |translator| translator.vectors()),
        initial: initial.collect(),
        ..image.header(Source::Measured)
    }
}

/// For the kernel's events, if there are any.
fn translator<'a>(image: &Image, measured: &'a Measured) -> Option<Translator<'a>> {
    let seen = measured.seen.as_ref()?;
    Some(Translator::new(image, measured, seen))
}

fn is_initial(image: &Image, row: &Row) -> bool {
    match row.origin {
        Origin::Start { entry, .. } => image.starts[usize::from(entry.0)].at == Instant::START,
        Origin::Born { .. } => false,
    }
}

/// Gives the run's events to a sink, in the order of time; says when it ended and how.
pub fn replay(image: &Image, measured: &Measured, sink: &mut impl Sink) -> (Instant, Outcome) {
    let events = measured.seen.as_ref().map_or(&[][..], |seen| &seen.events);
    let notes = align(&measured.notes, events, &measured.rows);
    let mut replay = Replay {
        image,
        measured,
        rows: measured.rows.iter().map(|row| (row.task, *row)).collect(),
        announced: measured.rows.iter().filter(|row| is_initial(image, row)).map(|row| row.task).collect(),
        ended: BTreeSet::new(),
        in_fault: BTreeSet::new(),
        statuses: statuses(&measured.notes),
        doing: BTreeMap::new(),
        steps: BTreeMap::new(),
        pipes: Pipes::of(image),
        screen: Screen::default(),
        failed: None,
        translator: translator(image, measured),
        sink,
    };
    let mut raw = events.iter().enumerate().peekable();
    for (index, noted) in notes.iter().enumerate() {
        while let Some((number, _)) = raw.next_if(|(_, event)| event.at <= noted.note.at) {
            replay.seen(number);
        }
        replay.noted(noted, &notes[index + 1..]);
    }
    for (number, _) in raw.take_while(|(_, event)| event.at <= measured.end) {
        replay.seen(number);
    }
    let end = replay.instant(measured.end.max(notes.last().map_or(0, |last| last.note.at)));
    let outcome = replay.outcome();
    (end, outcome)
}

struct Replay<'a, S> {
    image: &'a Image,
    measured: &'a Measured,
    rows: BTreeMap<Tid, Row>,
    announced: BTreeSet<Tid>,
    ended: BTreeSet<Tid>,
    /// Threads inside of a page fault that has been shown.
    in_fault: BTreeSet<Tid>,
    /// The status that each thread ended with, as far as anybody noted it.
    statuses: BTreeMap<Tid, u16>,
    /// The call that each thread is inside of, and its step.
    doing: BTreeMap<Tid, (CallId, StepId)>,
    /// The step that each thread is at.
    steps: BTreeMap<Tid, StepId>,
    pipes: Pipes,
    screen: Screen,
    /// What an assertion that didn't hold has to say.
    failed: Option<String>,
    translator: Option<Translator<'a>>,
    sink: &'a mut S,
}

impl<S: Sink> Replay<'_, S> {
    /// A time on the host's clock, as one of the run.
    fn instant(&self, at: u64) -> Instant {
        Instant::from_nanos(at.saturating_sub(self.measured.start))
    }

    fn emit(&mut self, noted: &Noted, kind: Kind) {
        let (at, step) = (self.instant(noted.note.at), noted.note.step);
        let cpu = self.translator.as_ref().and_then(|translator| translator.cpu_of(noted.task));
        self.sink.event(Event { at, cpu, task: noted.task, step, kind });
    }

    fn sees(&self, point: Point) -> bool {
        self.measured.seen.as_ref().is_some_and(|seen| seen.sees(point))
    }

    /// An event of the kernel, by its place.
    fn seen(&mut self, number: usize) {
        let measured = self.measured;
        let Some(event) = measured.seen.as_ref().and_then(|seen| seen.events.get(number)) else { return };
        let before = event.at < measured.start;
        let Some(translator) = &mut self.translator else { return };
        let Some(translated) = translator.translate(number, &self.doing) else { return };
        // Before the start only who is where matters.
        if before {
            return;
        }
        let task = translated.task;
        let step = self.steps.get(&task).copied().unwrap_or(StepId::NONE);
        for (task, kind) in translated.inferred {
            let (at, step) = (self.instant(event.at), StepId::NONE);
            self.kernel_event(Event { at, cpu: translated.cpu, task, step, kind });
        }
        if let Some(task) = translated.ends {
            self.exits(event.at, task);
        }
        for kind in translated.kinds.into_iter().flatten() {
            // The exception that a thread comes back to is its own.
            let task = match (kind, translated.kinds[0]) {
                (Kind::ExceptionExit, Some(Kind::SchedSwitch { next, .. })) => next,
                _ => task,
            };
            self.kernel_event(Event { at: self.instant(event.at), cpu: translated.cpu, task, step, kind });
        }
    }

    /// The end of a fault that began before the run did isn't shown: its beginning wasn't.
    fn kernel_event(&mut self, event: Event) {
        for task in named(event.task, event.kind) {
            self.announce_started(task);
        }
        let is_shown = match event.kind {
            Kind::PageFaultUser { .. } => {
                self.in_fault.insert(event.task);
                true
            }
            Kind::ExceptionExit => self.in_fault.remove(&event.task),
            // The kernel leaves a fault for a handler without saying so.
            Kind::SignalDeliver { handled: true, .. } => {
                if self.in_fault.remove(&event.task) {
                    self.sink.event(Event { kind: Kind::ExceptionExit, ..event });
                }
                true
            }
            _ => true,
        };
        if is_shown {
            self.sink.event(event);
        }
    }

    /// The kernel has seen a thread's end.
    fn exits(&mut self, at: u64, task: Tid) {
        let process = self.rows.get(&task).map_or(task.leads(), |row| row.process);
        let status = self.statuses.get(&task).or(self.statuses.get(&process.leader()));
        let note = Note { at, step: StepId::NONE, what: What::Exit, first: 0, second: 0 };
        let status = status.copied().unwrap_or(0);
        if self.ended.insert(task) {
            if !self.sees(Point::SignalDeliver)
                && let Some(signal) = deadly(status)
            {
                self.emit(&Noted { task, note }, Kind::SignalDeliver { signal, handled: false });
            }
            self.emit(&Noted { task, note }, Kind::ProcessExit { status });
        }
    }

    /// `rest` are the notes after this one: a text's values follow it.
    fn noted(&mut self, noted: &Noted, rest: &[Noted]) {
        if self.ended.contains(&noted.task) {
            return;
        }
        let (first, second) = (noted.note.first, noted.note.second);
        self.steps.insert(noted.task, noted.note.step);
        let object = ObjectId(first as u32);
        match noted.note.what {
            What::Begin => self.announce(noted.task),
            What::Enter => {
                let call = CallId(first as u16);
                self.doing.insert(noted.task, (call, noted.note.step));
                self.emit(noted, Kind::SysEnter { call });
            }
            What::Leave => {
                self.doing.remove(&noted.task);
                self.emit(noted, Kind::SysExit { call: CallId(first as u16), result: second });
            }
            What::Send => {
                self.pipes.took(object, second as u64);
                self.emit(noted, Kind::MessageSend { object, bytes: second as u64 });
            }
            What::Receive => {
                if let Some(unsaid) =
                    self.pipes.gave(object, second as u64, &self.doing, |task| !self.ended.contains(&task))
                {
                    let writer = Note { step: unsaid.step, ..noted.note };
                    let kind = Kind::MessageSend { object, bytes: unsaid.bytes };
                    self.emit(&Noted { task: unsaid.writer, note: writer }, kind);
                }
                self.emit(noted, Kind::MessageReceive { object, bytes: second as u64 });
            }
            What::Contended => self.emit(noted, Kind::LockContended { object }),
            What::Acquired => self.emit(noted, Kind::LockAcquired { object }),
            What::Released => self.emit(noted, Kind::LockReleased { object }),
            What::Print => {
                let line = line(&self.image.texts[first as usize], &values(noted.task, rest));
                self.print(noted, &line);
            }
            What::Value => {}
            What::Shown => {
                let bytes = first.to_le_bytes();
                for line in self.screen.show(bytes.into_iter().take(second as usize)) {
                    self.print(noted, &line);
                }
            }
            What::Failed => {
                let program = self.program(noted.task);
                let step = self.image.steps.get(noted.note.step.index()).map_or("", |step| &step.text);
                let errno = Errno::from_result(first).unwrap_or(Errno::EIO);
                self.print(noted, &format!("{program}: {step}: {errno}"));
            }
            What::AssertFailed => self.fail(noted, &values(noted.task, rest)),
            What::Fork => {
                let child = Tid(first as u32);
                self.announce(child);
                let process = self.rows.get(&child).map_or(child.leads(), |row| row.process);
                self.emit(noted, Kind::ProcessFork { child, process });
            }
            What::Exec => {
                let name = &self.image.programs[first as usize].name;
                let program = self.sink.name(name);
                self.emit(noted, Kind::ProcessExec { program });
            }
            What::Exit | What::Reaped if self.sees(Point::Exit) => {}
            What::Signal if self.sees(Point::SignalGenerate) => {}
            What::Deliver if self.sees(Point::SignalDeliver) => {}
            What::Deliver => {
                if let Some(signal) = Signal::from_number(first as u16) {
                    self.emit(noted, Kind::SignalDeliver { signal, handled: true });
                }
            }
            What::Exit => self.end(noted, noted.task, first as u16),
            What::Reaped => {
                let (task, status) = (Tid(first as u32), second as u16);
                if !self.ended.contains(&task) {
                    if let Some(signal) = deadly(status) {
                        let kind = Kind::SignalDeliver { signal, handled: false };
                        self.emit(&Noted { task, note: Note { step: StepId::NONE, ..noted.note } }, kind);
                    }
                    self.end(noted, task, status);
                }
            }
            What::Signal => {
                if let Some(signal) = Signal::from_number(first as u16) {
                    self.emit(noted, Kind::SignalGenerate { signal, to: Tid(second as u32) });
                }
            }
        }
    }

    fn program(&self, task: Tid) -> &str {
        let row = self.rows.get(&task);
        row.map_or("", |row| &self.image.programs[usize::from(row.program.0)].name)
    }

    /// Says who a thread is, before the first event that names it.
    fn announce(&mut self, task: Tid) {
        if let Some(&row) = self.rows.get(&task)
            && self.announced.insert(task)
        {
            let image = self.image;
            self.sink.task(task, row.process, row.parent, &|| row.origin.name(image));
        }
    }

    /// The kernel makes a process that starts later ready, and switches to it, before the process can note that it
    /// has begun. One that is forked is announced by its parent's call.
    fn announce_started(&mut self, task: Tid) {
        if self.rows.get(&task).is_some_and(|row| matches!(row.origin, Origin::Start { .. })) {
            self.announce(task);
        }
    }

    fn print(&mut self, noted: &Noted, line: &str) {
        let text = self.sink.name(line);
        self.emit(noted, Kind::Print { text });
    }

    /// A thread is over; the first thread of a process takes the others with it.
    fn end(&mut self, noted: &Noted, task: Tid, status: u16) {
        let process = self.rows.get(&task).map_or(task.leads(), |row| row.process);
        let whole = process.leader() == task;
        let others = self.rows.values().filter(|row| whole && row.process == process && row.task != task);
        let others: Vec<Tid> =
            others.map(|row| row.task).filter(|other| self.announced.contains(other)).collect();
        for task in others.into_iter().chain([task]) {
            if self.ended.insert(task) {
                let note = Note { step: StepId::NONE, ..noted.note };
                self.emit(&Noted { task, note }, Kind::ProcessExit { status });
            }
        }
    }

    fn fail(&mut self, noted: &Noted, values: &[i64]) {
        let Some(row) = self.rows.get(&noted.task) else { return };
        let program = &self.image.programs[usize::from(row.program.0)];
        let line = self.image.steps.get(noted.note.step.index()).map_or(0, |step| step.line);
        let text = &self.image.names[NameId(noted.note.first as u32).index()];
        let named = program.variables.iter().zip(values).filter(|(name, _)| !name.is_empty());
        let values: Vec<String> = named.map(|(name, value)| format!("{name} = {value}")).collect();
        self.failed = Some(format!("line {line}: {}: {text} ({})", program.name, values.join(", ")));
    }

    fn outcome(&self) -> Outcome {
        match self.measured.how {
            End::Finished => Outcome::Finished,
            End::Limit => Outcome::Limit,
            End::Interrupted => Outcome::Interrupted,
            End::Assertion => Outcome::AssertFailed { text: self.failed.clone().unwrap_or_default() },
            End::Stuck => Outcome::Deadlock { text: self.stuck() },
        }
    }

    /// Who waits, in which call, at which line.
    fn stuck(&self) -> String {
        let waiting = self.doing.iter().filter_map(|(task, &(call, step))| {
            let row = self.rows.get(task)?;
            let step = self.image.steps.get(step.index())?;
            let call = crate::program::syscall::NAMES.get(usize::from(call.0))?;
            let name = row.origin.name(self.image);
            Some(format!("{name} waits in {call} at line {}: {}", step.line, step.text))
        });
        let lines: Vec<String> = waiting.collect();
        format!("nobody gets on any more\n  {}", lines.join("\n  "))
    }
}
