//! A run that is walked through, forwards and backwards: the model behind `trapline step`.
//!
//! - [`Stepper`]: where the run stands, and all that can be asked of it; knows no terminal
//! - [`recent`]: the last events, the console and the names
//! - [`snapshots`]: moments that can be gone back to at once
//! - [`breakpoint`]: where a run is to stop
//! - [`command`]: commands as text, for scripts and for the prompt
//! - [`words`]: the state in words, section by section; [`events`]: an event in words
//! - [`view`]: the sections on a terminal's screen
//!
//! **Backwards.** The simulator is deterministic, so the state `n` steps after the beginning is found by
//! running there again, from the last snapshot before it. Instructions that change nothing are passed over
//! at once ([`Simulator::pass_over`]).
//!
//! **What if.** An interrupt that the user raises is a step of its own in a timeline of its own: going back
//! before it and forward again raises it again.

pub mod breakpoint;
pub mod command;
pub mod events;
pub mod recent;
pub mod snapshots;
pub mod view;
pub mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::analysis::naming;
use crate::ids::{CpuId, StepId, Tid, Vector};
use crate::program::Image;
use crate::sim::{Outcome, Pace, Simulator, header};
use crate::time::Instant;
use crate::trace::{Event, Header, Kind};

use breakpoint::Breakpoint;
use command::Command;
use recent::Recent;
use snapshots::{Snapshot, Snapshots};

/// After so many steps in one go whoever waits is asked whether to stop.
const ASK: u64 = 1 << 14;

/// An interrupt that the user has raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raise {
    pub cpu: CpuId,
    pub vector: Vector,
}

/// A run at some step, and the way there.
pub struct Stepper<'a> {
    image: &'a Image,
    header: Header,
    simulator: Simulator<'a, Recent>,
    /// How many interrupts of the user's have been raised on the way here.
    raised: u64,
    outcome: Option<Outcome>,
    snapshots: Snapshots<'a>,
    /// What the user raises, by the number of steps before it.
    raises: BTreeMap<u64, Raise>,
    /// The steps after which there were new events, as far as the run has been followed.
    stops: Vec<u64>,
    breakpoints: Vec<Breakpoint>,
    /// What there is to say about the last command.
    note: String,
}

/// Up to where a run goes on.
enum Goal<'g> {
    Step(u64),
    /// The first step with an event of which this holds.
    Event(&'g dyn Fn(&Event) -> bool),
    Breakpoint,
}

impl<'a> Stepper<'a> {
    /// A run that is about to begin.
    pub fn new(image: &'a Image) -> Stepper<'a> {
        let header = header(image);
        let simulator = Simulator::new(image, Recent::new(&header), Pace::Single);
        Stepper {
            image,
            header,
            simulator,
            raised: 0,
            outcome: None,
            snapshots: Snapshots::apart(snapshots::EVENTS),
            raises: BTreeMap::new(),
            stops: Vec::new(),
            breakpoints: Vec::new(),
            note: String::new(),
        }
    }

    /// How many steps the run has made: instructions, and interrupts of the user's.
    pub fn step(&self) -> u64 {
        self.simulator.turns() + self.raised
    }

    pub fn now(&self) -> Instant {
        self.simulator.now()
    }

    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    pub fn recent(&self) -> &Recent {
        &self.simulator.kernel.sink
    }

    /// The user's interrupts up to here, by the number of steps before each; and how many are ahead.
    pub fn raises(&self) -> (Vec<(u64, Raise)>, usize) {
        let behind: Vec<(u64, Raise)> =
            self.raises.range(..self.step()).map(|(&step, &raise)| (step, raise)).collect();
        let ahead = self.raises.len() - behind.len();
        (behind, ahead)
    }

    pub fn breakpoints(&self) -> &[Breakpoint] {
        &self.breakpoints
    }

    /// What there is to say about the last command.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// Something to say that isn't about a command.
    pub fn tell(&mut self, note: String) {
        self.note = note;
    }

    /// Does what a command says. `stop` is asked now and then whether the user has had enough.
    pub fn command(&mut self, command: &Command, stop: &mut dyn FnMut() -> bool) {
        self.note.clear();
        match command {
            Command::Step(count) => {
                let goal = self.step().saturating_add(*count);
                self.forward(&Goal::Step(goal), stop);
            }
            Command::Back(count) => self.go_to(self.step().saturating_sub(*count), stop),
            Command::Event(count) => {
                for _ in 0..*count {
                    self.forward(&Goal::Event(&|_| true), stop);
                }
            }
            Command::EventBack(count) => {
                let before = self.stops.partition_point(|&stop| stop < self.step());
                let place = (before as u64).checked_sub(*count);
                let goal = place.map_or(0, |place| self.stops[place as usize]);
                self.go_to(goal, stop);
            }
            Command::Crossing(count) => {
                for _ in 0..*count {
                    self.forward(&Goal::Event(&is_entry), stop);
                }
            }
            Command::Run => self.forward(&Goal::Breakpoint, stop),
            Command::GoTo(step) => self.go_to(*step, stop),
            Command::Break(breakpoint) => match breakpoint.check(&self.header) {
                Ok(()) => {
                    self.note = format!("breakpoint at {breakpoint}");
                    self.breakpoints.push(breakpoint.clone());
                }
                Err(wrong) => self.note = wrong,
            },
            Command::ClearBreakpoints => {
                self.note = format!("{} breakpoints removed", self.breakpoints.len());
                self.breakpoints.clear();
            }
            Command::Raise { line, cpu } => match self.find(line, *cpu) {
                Ok(raise) => self.fork(raise),
                Err(wrong) => self.note = wrong,
            },
            Command::Forget => self.forget(),
        }
        if self.note.is_empty()
            && let Some(outcome) = &self.outcome
        {
            self.note = match outcome.text() {
                Some(text) => format!("the run is over: {}: {text}", outcome.name()),
                None => format!("the run is over: {}", outcome.name()),
            };
        }
    }

    /// Goes to the state after so many steps, whichever direction that is.
    fn go_to(&mut self, step: u64, stop: &mut dyn FnMut() -> bool) {
        let here = self.step();
        if let Some(snapshot) = self.snapshots.up_to(step).filter(|kept| step < here || kept.step > here) {
            let Snapshot { simulator, raised, .. } = snapshot.clone();
            (self.simulator, self.raised, self.outcome) = (simulator, raised, None);
        } else if step < here {
            self.simulator = Simulator::new(self.image, Recent::new(&self.header), Pace::Single);
            (self.raised, self.outcome) = (0, None);
        }
        self.forward(&Goal::Step(step), stop);
    }

    fn forward(&mut self, goal: &Goal, stop: &mut dyn FnMut() -> bool) {
        let mut met = self.conditions();
        let mut asked = 0;
        while !matches!(goal, Goal::Step(step) if *step <= self.step()) && self.outcome.is_none() {
            asked += 1;
            if asked % ASK == 0 && stop() {
                self.note = "stopped".to_owned();
                return;
            }
            self.pass_over(goal);
            if matches!(goal, Goal::Step(step) if *step <= self.step()) || !self.advance() {
                return;
            }
            let fresh = &self.recent().fresh;
            match goal {
                Goal::Step(_) => {}
                Goal::Event(wanted) if fresh.iter().any(wanted) => return,
                Goal::Event(_) => {}
                Goal::Breakpoint => {
                    let now = self.conditions();
                    let hit = self.breakpoints.iter().enumerate().find(|(number, breakpoint)| {
                        now[*number] && !met[*number]
                            || fresh.iter().any(|event| self.hits(breakpoint, event))
                    });
                    if let Some((_, breakpoint)) = hit {
                        self.note = format!("stopped at {breakpoint}");
                        return;
                    }
                    met = now;
                }
            }
        }
    }

    /// Passes over instructions that change nothing, as far as the goal and the user's interrupts allow.
    fn pass_over(&mut self, goal: &Goal) {
        let here = self.step();
        let raise = self.raises.range(here..).next().map_or(u64::MAX, |(&step, _)| step);
        let (last, until) = match goal {
            Goal::Step(step) => (*step, Instant::NEVER),
            Goal::Event(_) => (u64::MAX, Instant::NEVER),
            Goal::Breakpoint => {
                let times = self.breakpoints.iter().filter_map(|breakpoint| breakpoint.time);
                (u64::MAX, times.filter(|&time| time > self.now()).min().unwrap_or(Instant::NEVER))
            }
        };
        self.simulator.pass_over(last.min(raise) - here, until);
    }

    /// One step. False if the run is over.
    fn advance(&mut self) -> bool {
        self.simulator.kernel.sink.fresh.clear();
        if let Some(raise) = self.raises.get(&self.step()) {
            self.simulator.raise_now(raise.cpu.index(), raise.vector);
            self.raised += 1;
        } else if self.simulator.step().is_none() {
            self.outcome = Some(self.simulator.finish());
            return false;
        }
        let step = self.step();
        let is_new = self.stops.last().is_none_or(|&last| last < step);
        if is_new && !self.recent().fresh.is_empty() {
            self.stops.push(step);
        }
        self.snapshots.consider(step, self.raised, &self.simulator);
        true
    }

    /// Another timeline begins here, in which an interrupt is raised now.
    fn fork(&mut self, raise: Raise) {
        if self.outcome.is_some() {
            self.note = "the run is over; go back to where it isn't".to_owned();
            return;
        }
        let step = self.step();
        self.raises.split_off(&step);
        self.raises.insert(step, raise);
        self.snapshots.forget_after(step);
        self.stops.retain(|&stop| stop <= step);
        self.advance();
        let vector = self.vector(raise.vector);
        self.note =
            format!("what if: {vector} raised at CPU {} in step {step}; a timeline of its own", raise.cpu);
    }

    /// Gives up what the user raises from here on; what has been raised before stays.
    fn forget(&mut self) {
        let step = self.step();
        let given_up = self.raises.split_off(&step).len();
        self.snapshots.forget_after(step);
        self.stops.retain(|&stop| stop <= step);
        self.note = match given_up {
            0 => "nothing that you raise lies ahead; go back before it first".to_owned(),
            count => format!("{count} of your interrupts forgotten; the timeline ahead is without them"),
        };
    }

    /// The line that is meant by a name or a number, and the CPU that it leads to.
    fn find(&self, line: &str, cpu: Option<u16>) -> Result<Raise, String> {
        let number = line.parse::<u8>().ok();
        let lines = &self.header.vectors;
        let found = lines.iter().find(|entry| entry.name == line || Some(entry.vector.0) == number);
        let Some(entry) = found else {
            let known: Vec<&str> = lines.iter().map(|entry| entry.name.as_str()).collect();
            return Err(format!("there is no line `{line}`; there are {}", known.join(", ")));
        };
        let devices = &self.simulator.kernel.devices;
        let own = entry.device.map_or(CpuId(0), |device| devices[device.index()].spec.line.cpu);
        let cpu = cpu.map_or(own, CpuId);
        if cpu.0 >= self.header.cpus {
            return Err(format!("there is no CPU {cpu}; the last one is {}", self.header.cpus - 1));
        }
        Ok(Raise { cpu, vector: entry.vector })
    }

    /// Which breakpoints' conditions hold, of those that aren't about an event.
    fn conditions(&self) -> Vec<bool> {
        let holds = |breakpoint: &Breakpoint| {
            breakpoint.kind.is_none()
                && breakpoint.time.is_none_or(|time| self.now() >= time)
                && (breakpoint.task.is_none() && breakpoint.line.is_none()
                    || self.simulator.kernel.cpus.iter().any(|cpu| self.is_at(breakpoint, cpu.current)))
        };
        self.breakpoints.iter().map(holds).collect()
    }

    fn is_at(&self, breakpoint: &Breakpoint, thread: Tid) -> bool {
        if thread == Tid::IDLE {
            return false;
        }
        self.matches(breakpoint, thread, self.simulator.kernel.tasks[thread.index()].step)
    }

    fn hits(&self, breakpoint: &Breakpoint, event: &Event) -> bool {
        breakpoint.kind.as_deref() == Some(event.kind.name())
            && breakpoint.time.is_none_or(|time| event.at >= time)
            && self.matches(breakpoint, event.task, event.step)
    }

    /// Whether task and line are those that the breakpoint names, if it names any.
    fn matches(&self, breakpoint: &Breakpoint, thread: Tid, step: StepId) -> bool {
        let task = breakpoint.task.as_deref().is_none_or(|wanted| {
            let name = self.recent().task(thread);
            name == wanted || naming::base(name) == wanted
        });
        task && breakpoint
            .line
            .is_none_or(|line| self.header.steps.get(step.index()).is_some_and(|entry| entry.line == line))
    }
}

/// Whether control enters the kernel.
fn is_entry(event: &Event) -> bool {
    matches!(
        event.kind,
        Kind::SysEnter { .. }
            | Kind::PageFaultUser { .. }
            | Kind::PageFaultKernel { .. }
            | Kind::ExceptionEntry { .. }
            | Kind::IrqHandlerEntry { .. }
            | Kind::LocalTimerEntry
            | Kind::RescheduleEntry
    )
}
