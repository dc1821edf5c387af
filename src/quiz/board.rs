//! Where everybody stands at a point of a run: who runs, who is ready and in which order, who waits for
//! what, and which interrupts are pending.
//!
//! It follows single events, not pieces of time as [`crate::analysis::replay`] does: at one instant several
//! things can happen, and a question stands between two of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{CpuId, ObjectId, Tid, Vector};
use crate::time::Instant;
use crate::trace::{Cause, Event, Kind, Why};

use super::observed::{Run, at};
use super::question::StateLine;

/// More lines than this nobody reads.
const LINES: usize = 12;

/// What a thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Ready { cpu: Option<CpuId> },
    Running { cpu: CpuId },
    Blocked { on: Cause, object: Option<ObjectId> },
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seat {
    standing: Standing,
    since: Instant,
    /// Who came into this standing later has a higher number.
    turn: usize,
    /// How deep it is in calls and exceptions; zero in user mode.
    depth: u32,
}

/// Everybody, between two events.
#[derive(Clone, Debug, Default)]
pub struct Board {
    seats: BTreeMap<Tid, Seat>,
    pub current: BTreeMap<CpuId, Tid>,
    /// The interrupt handlers that each CPU is inside of, the innermost last.
    pub handlers: BTreeMap<CpuId, Vec<Option<Vector>>>,
    pub pending: BTreeMap<CpuId, BTreeSet<Vector>>,
    /// CPUs between a switch and its end.
    switching: BTreeSet<CpuId>,
    now: Instant,
    turns: usize,
}

impl Board {
    /// After the first so many events of the run.
    pub fn after(run: &Run<'_>, events: usize) -> Board {
        let mut board = Board::default();
        for entry in run.trace.header.initial.iter().filter(|entry| entry.task > Tid::INIT) {
            board.put(entry.task, Standing::Ready { cpu: None }, entry.start);
        }
        run.events()[..events].iter().for_each(|event| board.event(event));
        board
    }

    /// Takes the next event.
    pub fn event(&mut self, event: &Event) {
        self.now = event.at;
        let cpu = event.cpu.unwrap_or_default();
        match event.kind {
            Kind::SchedSwitch { prev, next, why } => self.switch(cpu, prev, next, why),
            Kind::SchedExit => drop(self.switching.remove(&cpu)),
            Kind::SchedWakeup { task, on } => {
                let seat = self.seats.get(&task).map(|seat| seat.standing);
                if !matches!(seat, Some(Standing::Running { .. } | Standing::Ended)) {
                    self.put(task, Standing::Ready { cpu: Some(on) }, event.at);
                }
            }
            Kind::SchedMigrate { task, to, .. } => {
                if let Some(seat) = self.seats.get_mut(&task)
                    && let Standing::Ready { cpu } = &mut seat.standing
                {
                    *cpu = Some(to);
                }
            }
            Kind::ProcessFork { child, .. } => {
                self.put(child, Standing::Ready { cpu: None }, event.at);
                let depth = self.depth(event.task);
                self.set_depth(child, depth);
            }
            Kind::ProcessExit { .. } => {
                let running = self.current.values().any(|&task| task == event.task);
                if !running {
                    self.put(event.task, Standing::Ended, event.at);
                }
            }
            Kind::SysEnter { .. } | Kind::PageFaultUser { .. } | Kind::ExceptionEntry { .. } => {
                let depth = self.depth(event.task);
                self.set_depth(event.task, depth + 1);
            }
            Kind::SysExit { .. } => self.set_depth(event.task, 0),
            Kind::ExceptionExit => {
                let depth = self.depth(event.task);
                self.set_depth(event.task, depth.saturating_sub(1));
            }
            Kind::InterruptRaised { vector, to } => {
                self.pending.entry(to).or_default().insert(vector);
            }
            Kind::InterruptRecognised { vector } => {
                self.pending.entry(cpu).or_default().remove(&vector);
            }
            Kind::IrqHandlerEntry { vector } | Kind::SoftirqEntry { vector } => {
                self.handlers.entry(cpu).or_default().push(Some(vector));
            }
            Kind::LocalTimerEntry | Kind::RescheduleEntry => {
                self.handlers.entry(cpu).or_default().push(None);
            }
            Kind::IrqHandlerExit { .. }
            | Kind::SoftirqExit { .. }
            | Kind::LocalTimerExit
            | Kind::RescheduleExit => drop(self.handlers.entry(cpu).or_default().pop()),
            _ => {}
        }
    }

    fn switch(&mut self, cpu: CpuId, prev: Tid, next: Tid, why: Why) {
        if prev != Tid::IDLE {
            let standing = match why {
                Why::Blocked { on, object } => Standing::Blocked { on, object },
                Why::Exited => Standing::Ended,
                Why::SliceEnd | Why::Preempted { .. } | Why::Yielded | Why::WorkArrived => {
                    Standing::Ready { cpu: Some(cpu) }
                }
            };
            self.put(prev, standing, self.now);
        }
        if next != Tid::IDLE {
            self.put(next, Standing::Running { cpu }, self.now);
        }
        self.current.insert(cpu, next);
        self.switching.insert(cpu);
    }

    fn put(&mut self, task: Tid, standing: Standing, since: Instant) {
        self.turns += 1;
        let depth = self.depth(task);
        self.seats.insert(task, Seat { standing, since, turn: self.turns, depth });
    }

    fn depth(&self, task: Tid) -> u32 {
        self.seats.get(&task).map_or(0, |seat| seat.depth)
    }

    fn set_depth(&mut self, task: Tid, depth: u32) {
        if let Some(seat) = self.seats.get_mut(&task) {
            seat.depth = depth;
        }
    }

    pub fn standing(&self, task: Tid) -> Option<Standing> {
        self.seats.get(&task).map(|seat| seat.standing)
    }

    /// Whether the CPU executes a program's own instructions.
    pub fn in_user_mode(&self, cpu: CpuId) -> bool {
        let current = self.current.get(&cpu).copied().unwrap_or(Tid::IDLE);
        current != Tid::IDLE
            && !self.switching.contains(&cpu)
            && self.handlers.get(&cpu).is_none_or(Vec::is_empty)
            && self.depth(current) == 0
    }

    /// Those of whom this holds, in the order in which they came to stand so.
    fn those(&self, wanted: impl Fn(Standing) -> bool) -> Vec<Tid> {
        let mut found: Vec<(usize, Tid)> = self
            .seats
            .iter()
            .filter(|(_, seat)| wanted(seat.standing))
            .map(|(&task, seat)| (seat.turn, task))
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, task)| task).collect()
    }

    /// Those that could run but have no CPU, the longest ready first.
    pub fn ready(&self) -> Vec<Tid> {
        self.those(|standing| matches!(standing, Standing::Ready { .. }))
    }

    pub fn blocked(&self) -> Vec<Tid> {
        self.those(|standing| matches!(standing, Standing::Blocked { .. }))
    }

    pub fn running(&self) -> Vec<Tid> {
        self.those(|standing| matches!(standing, Standing::Running { .. }))
    }

    /// The table beside a question: who runs, who is ready, who waits.
    pub fn table(&self, run: &Run<'_>) -> Vec<StateLine> {
        let many = run.trace.header.cpus > 1;
        let all = self.running().into_iter().chain(self.ready()).chain(self.blocked());
        let lines = all.filter_map(|task| {
            let seat = self.seats.get(&task)?;
            let since = at(seat.since);
            let (state, detail) = match seat.standing {
                Standing::Running { cpu } if many => ("running", format!("on CPU {cpu} since {since}")),
                Standing::Running { .. } => ("running", format!("since {since}")),
                Standing::Ready { cpu: Some(cpu) } if many => {
                    ("ready", format!("in the queue of CPU {cpu} since {since}"))
                }
                Standing::Ready { .. } => ("ready", format!("since {since}")),
                Standing::Blocked { on, object } => {
                    ("blocked", format!("waits for {} since {since}", run.wait(on, object)))
                }
                Standing::Ended => return None,
            };
            Some(StateLine { who: run.name(task), state: state.to_owned(), detail })
        });
        let mut lines: Vec<StateLine> = lines.collect();
        if lines.len() > LINES {
            let more = format!("and {} more", lines.len() - LINES);
            lines.truncate(LINES);
            lines.push(StateLine { who: "...".to_owned(), state: String::new(), detail: more });
        }
        lines
    }
}
