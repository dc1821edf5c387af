//! The timeline as characters, for a terminal, with memory that doesn't depend on the run's length.
//!
//! - [`Overview`]: takes a trace's events one by one, while they happen or from a file
//! - `strip`: what one CPU or thread did, in so many cells of time as there ever are
//! - `text`: cells as lines of Unicode blocks; `glyphs`: which, and in which colours
//!
//! The cells begin short. When a run outgrows them, each two become one of twice the length. So all of a
//! run is seen at any moment, in a few hundred cells, without knowing beforehand how long it will be.
//! It leaves out arrows, releases of jobs, and what threads print: those are for the pictures.

mod glyphs;
mod strip;
mod text;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::lanes::{CpuSpan, ThreadSpan};
use crate::analysis::naming::base;
use crate::analysis::replay::{Observer, Replay};
use crate::analysis::state::{CpuState, ThreadState};
use crate::ids::{CpuId, Pid, Tid};
use crate::time::{Instant, Span};
use crate::trace::{Event, Header, Kind};

use super::columns::Piece;
use strip::{CELLS, Strip, Who};

pub use text::Look;

/// Threads beyond so many share a strip.
const MOST_THREADS: usize = 64;

/// Which part of a run an overview shows. The default is all of it.
#[derive(Clone, Debug)]
pub struct Part {
    pub from: Instant,
    pub to: Instant,
    /// All if empty.
    pub cpus: Vec<CpuId>,
    /// Names of threads, each of which stands for its numbered ones as well; all if empty.
    pub tasks: Vec<String>,
}

impl Default for Part {
    fn default() -> Part {
        Part { from: Instant::START, to: Instant::NEVER, cpus: Vec::new(), tasks: Vec::new() }
    }
}

/// A run so far, at a resolution that is bounded.
#[derive(Clone, Debug)]
pub struct Overview {
    scenario: String,
    replay: Replay,
    grid: Grid,
    interrupts: InterruptsAre,
    now: Instant,
}

/// What tells of an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InterruptsAre {
    Recognised,
    /// The source sees handlers only.
    Handled,
}

/// The cells of all strips.
#[derive(Clone, Debug)]
struct Grid {
    part: Part,
    /// How long a cell is.
    cell: Span,
    cpus: BTreeMap<CpuId, Strip>,
    /// By index in the replay.
    threads: BTreeMap<usize, Strip>,
    /// Threads that aren't shown.
    left_out: BTreeSet<usize>,
    /// Those that share a strip, because there are too many.
    others: BTreeSet<usize>,
    together: Strip,
    /// How many interrupts there were in each cell.
    interrupts: Vec<u32>,
}

impl Overview {
    pub fn new(header: &Header, part: Part) -> Overview {
        let sees =
            header.observes.is_empty() || header.observes.iter().any(|kind| kind == "interrupt_recognised");
        let replay = Replay::new(header);
        let grid = Grid {
            part,
            cell: Span::from_nanos(1),
            cpus: (0..replay.cpus()).map(|cpu| (CpuId::from(cpu), Strip::default())).collect(),
            threads: BTreeMap::new(),
            left_out: BTreeSet::new(),
            others: BTreeSet::new(),
            together: Strip::default(),
            interrupts: Vec::new(),
        };
        let interrupts = if sees { InterruptsAre::Recognised } else { InterruptsAre::Handled };
        let mut overview =
            Overview { scenario: header.scenario.clone(), replay, grid, interrupts, now: Instant::START };
        overview.grid.cpus.retain(|cpu, _| overview.grid.part.shows_cpu(*cpu));
        overview
    }

    /// Announces a thread that the header doesn't list, before the first event that names it.
    pub fn task(&mut self, task: Tid, process: Pid, parent: Tid, name: &str) {
        self.replay.announce(task, process, parent, name);
    }

    /// Takes the next event of the trace.
    pub fn event(&mut self, event: &Event) {
        self.now = self.now.max(event.at);
        self.grid.choose(&self.replay);
        self.replay.event(event, &mut self.grid);
        let interrupts = match self.interrupts {
            InterruptsAre::Recognised => matches!(event.kind, Kind::InterruptRecognised { .. }),
            InterruptsAre::Handled => {
                matches!(event.kind, Kind::IrqHandlerEntry { .. } | Kind::LocalTimerEntry)
            }
        };
        if interrupts {
            self.grid.interrupt(event);
        }
        if let Kind::DeadlineMiss { task, .. } = event.kind
            && let Some(thread) = self.replay.find(task)
        {
            self.grid.miss(thread, event.at);
        }
    }

    /// Closes what is still going on, at the run's end, which is at or after the last event.
    pub fn finish(&mut self, end: Instant) {
        self.now = self.now.max(end);
        self.grid.choose(&self.replay);
        self.replay.finish(end, &mut self.grid);
    }

    /// The run so far in lines for a terminal. Without colour each cell shows what took most of its time; with
    /// it, the shares of the two states that took most.
    pub fn render(&self, look: &Look) -> String {
        let mut grid = self.grid.clone();
        self.replay.unfinished(self.now, &mut grid);
        text::render(&grid, &self.replay, &self.scenario, self.now, look)
    }

    /// The latest moment that is known.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Whether there is such a CPU, and such a process; the first that there isn't.
    pub fn absent(&self) -> Option<Absent> {
        let part = &self.grid.part;
        if let Some(&cpu) = part.cpus.iter().find(|cpu| cpu.index() >= self.replay.cpus()) {
            return Some(Absent::Cpu(cpu));
        }
        let known = |name: &&String| self.names().any(|known| known == name.as_str());
        part.tasks.iter().find(|name| !known(name)).map(|name| Absent::Task(name.clone()))
    }

    /// The names that a part can be chosen by.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.replay.threads().iter().flat_map(|thread| [thread.name.as_str(), base(&thread.name)])
    }
}

/// What a part asks for although the trace doesn't have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absent {
    Cpu(CpuId),
    Task(String),
}

impl Part {
    fn shows_cpu(&self, cpu: CpuId) -> bool {
        self.cpus.is_empty() || self.cpus.contains(&cpu)
    }

    fn shows_task(&self, name: &str) -> bool {
        self.tasks.is_empty() || self.tasks.iter().any(|task| task == name || task == base(name))
    }

    /// The part of a piece of time that is shown.
    fn clip(&self, from: Instant, to: Instant) -> Option<(Instant, Instant)> {
        let (from, to) = (from.max(self.from), to.min(self.to));
        (from < to).then_some((from, to))
    }
}

impl Grid {
    /// Gives threads that are new a strip, or none.
    fn choose(&mut self, replay: &Replay) {
        let threads = replay.threads();
        let known = self.threads.len() + self.left_out.len() + self.others.len();
        for (number, thread) in threads.iter().enumerate().skip(known) {
            if !self.part.shows_task(&thread.name) {
                self.left_out.insert(number);
            } else if self.threads.len() < MOST_THREADS {
                self.threads.insert(number, Strip::default());
            } else {
                self.others.insert(number);
            }
        }
    }

    /// The cell of a moment in the part that is shown, after making cells longer if it lies beyond them.
    fn place(&mut self, at: Instant) -> usize {
        let past = at.since(self.part.from).as_nanos();
        while past / self.cell.as_nanos() >= CELLS as u64 {
            self.cell = Span::from_nanos(self.cell.as_nanos() * 2);
            self.cpus.values_mut().for_each(Strip::halve);
            self.threads.values_mut().for_each(Strip::halve);
            self.together.halve();
            self.interrupts = self.interrupts.chunks(2).map(|two| two.iter().sum()).collect();
        }
        (past / self.cell.as_nanos()) as usize
    }

    fn shows(&self, at: Instant) -> bool {
        (self.part.from..self.part.to).contains(&at)
    }

    fn interrupt(&mut self, event: &Event) {
        if self.shows(event.at) && event.cpu.is_none_or(|cpu| self.part.shows_cpu(cpu)) {
            let place = self.place(event.at);
            if self.interrupts.len() <= place {
                self.interrupts.resize(place + 1, 0);
            }
            self.interrupts[place] = self.interrupts[place].saturating_add(1);
        }
    }

    fn miss(&mut self, thread: usize, at: Instant) {
        if self.shows(at) {
            let place = self.place(at);
            if let Some(strip) = self.threads.get_mut(&thread) {
                strip.miss(place);
            }
        }
    }
}

impl Observer for Grid {
    fn cpu(&mut self, cpu: CpuId, task: Tid, state: CpuState, from: Instant, to: Instant) {
        if !self.part.shows_cpu(cpu) {
            return;
        }
        if let Some((from, to)) = self.part.clip(from, to) {
            // Makes room for all of it.
            self.place(Instant::from_nanos(to.as_nanos() - 1));
            let paint = CpuSpan { from, to, state, task }.paint();
            let who = if state == CpuState::Idle { Who::Nobody } else { Who::One(task) };
            let (start, cell) = (self.part.from, self.cell);
            self.cpus.entry(cpu).or_default().add(paint, who, from.since(start), to.since(start), cell);
        }
    }

    fn thread(&mut self, thread: usize, cpu: Option<CpuId>, state: ThreadState, from: Instant, to: Instant) {
        if self.left_out.contains(&thread) {
            return;
        }
        if let Some((from, to)) = self.part.clip(from, to) {
            self.place(Instant::from_nanos(to.as_nanos() - 1));
            let paint = ThreadSpan { from, to, state, cpu }.paint();
            let (start, cell) = (self.part.from, self.cell);
            let strip = self.threads.get_mut(&thread).unwrap_or(&mut self.together);
            strip.add(paint, Who::Nobody, from.since(start), to.since(start), cell);
        }
    }
}
