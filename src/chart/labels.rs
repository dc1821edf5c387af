//! Texts inside bars: what the kernel is doing, what a thread waits for, who runs.

use crate::analysis::lanes::{CpuSpan, Lanes};
use crate::analysis::state::{CpuState, Handler, ThreadState, Work};
use crate::ids::{CallId, Tid, Vector};
use crate::trace::Header;

use super::columns::{Drawn, Paint, Scale};
use super::font::{Weight, fit, width};
use super::layout::{INSIDE, Place};

/// Between a text and the edge of its bar.
const PADDING: f64 = 5.0;
/// A bar narrower than this has no room for any text.
const NARROWEST: i32 = 20;
/// The names below a CPU's bar.
const NAME_BELOW: i32 = 10;

/// What a text stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// A filled bar.
    Paint(Paint),
    /// A line that the text interrupts.
    Line,
    /// Nothing.
    Plain,
}

/// A text, centred.
#[derive(Clone, Debug)]
pub struct Label {
    pub x: i32,
    pub y: i32,
    pub room: i32,
    pub ground: Ground,
    pub text: String,
}

/// Says things by their names.
#[derive(Clone, Copy)]
pub struct Namer<'a> {
    pub header: &'a Header,
    pub lanes: &'a Lanes,
    /// Whether there is room for what the legend says too.
    pub wordy: bool,
    /// Where the names of a CPU's threads stand.
    pub names: Names,
}

/// Where the names of a CPU's threads stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Below the bar, which tells what they do.
    Below,
    /// On the bar, in place of that.
    Inside,
}

impl Namer<'_> {
    /// Texts for the blocks of a thread's row.
    pub fn thread(&self, lane: usize, drawn: &Drawn, place: Place, labels: &mut Vec<Label>) {
        for &(left, right, paint, span) in roomy(drawn) {
            let texts = self.thread_texts(self.lanes.threads[lane].spans[span].state);
            let ground = if paint == Paint::Blocked { Ground::Line } else { Ground::Paint(paint) };
            labels.extend(choose(&texts, left, right, place.middle(), ground));
        }
    }

    /// Texts for the blocks of a CPU's row, and the names of its threads below.
    pub fn cpu(&self, lane: usize, drawn: &Drawn, scale: &Scale, place: Place, labels: &mut Vec<Label>) {
        let spans = &self.lanes.cpus[lane].spans;
        let own_texts = roomy(drawn).filter(|_| self.names == Names::Below);
        for &(left, right, paint, span) in own_texts {
            let texts = self.cpu_texts(spans[span].state);
            labels.extend(choose(&texts, left, right, place.middle(), Ground::Paint(paint)));
        }
        for turn in spans.chunk_by(|one, next| one.task == next.task) {
            let (Some(first), Some(last)) = (turn.first(), turn.last()) else {
                continue;
            };
            if first.task == Tid::IDLE && is_idle(turn) {
                continue;
            }
            let (left, right) = (scale.x(first.from), scale.x(last.to));
            if right - left < NARROWEST {
                continue;
            }
            if let Some(name) =
                fit(&self.task(first.task), f64::from(right - left - 4), INSIDE, Weight::Regular)
            {
                let x = (left + right) / 2;
                let (y, ground) = match self.names {
                    Names::Below => (place.bottom() + NAME_BELOW, Ground::Plain),
                    Names::Inside => (place.middle(), Ground::Paint(Paint::User)),
                };
                labels.push(Label { x, y, room: right - left, ground, text: name });
            }
        }
    }

    /// A thread's name.
    pub fn task(&self, task: Tid) -> String {
        match self.lanes.threads.iter().find(|thread| thread.task == task) {
            Some(thread) => thread.name.clone(),
            None if task == Tid::IDLE => "idle".to_owned(),
            None => format!("task {task}"),
        }
    }

    /// What a thread is doing, in more and in fewer words.
    pub fn thread_texts(&self, state: ThreadState) -> Vec<String> {
        match state {
            ThreadState::User => Vec::new(),
            ThreadState::Kernel(work) => self.work(work),
            ThreadState::Interrupted(handler) => self.handler(handler),
            ThreadState::Switch => vec!["switch".to_owned()],
            ThreadState::Ready if self.wordy => vec!["ready".to_owned()],
            ThreadState::Ready => Vec::new(),
            ThreadState::Blocked { on, object } => {
                let object = object.and_then(|object| self.header.objects.get(object.index()));
                let named = object.map(|object| format!("{}: {}", on.name(), object.name));
                let short = on.name().to_owned();
                let full = named.clone().unwrap_or_else(|| short.clone());
                let wordy = self.wordy.then(|| format!("blocked on {full}"));
                wordy.into_iter().chain(named).chain([short]).collect()
            }
        }
    }

    fn cpu_texts(&self, state: CpuState) -> Vec<String> {
        match state {
            CpuState::Idle | CpuState::User => Vec::new(),
            CpuState::Kernel(work) => self.work(work),
            CpuState::Switch => vec!["switch".to_owned()],
            CpuState::Interrupt(handler) => self.handler(handler),
        }
    }

    fn work(&self, work: Work) -> Vec<String> {
        match work {
            Work::Call(call) => vec![self.call(call)],
            Work::Fault(fault) => {
                vec![format!("{} page fault", fault.name()), "page fault".to_owned(), "fault".to_owned()]
            }
            Work::Exception(exception) => vec![exception.name().to_owned()],
            Work::Death(signal) => {
                vec![format!("ended by {}", signal.name()), signal.name().to_owned(), "end".to_owned()]
            }
        }
    }

    fn handler(&self, handler: Handler) -> Vec<String> {
        match handler {
            Handler::Irq(vector) => {
                let name = self.vector(vector);
                vec![format!("{name} handler"), name]
            }
            Handler::Softirq(vector) => {
                let name = self.vector(vector);
                vec![format!("{name}, deferred half"), format!("{name}, deferred"), "deferred".to_owned()]
            }
            Handler::Timer => vec!["timer".to_owned()],
            Handler::Reschedule => vec!["reschedule".to_owned()],
        }
    }

    fn call(&self, call: CallId) -> String {
        self.header.calls.get(call.index()).cloned().unwrap_or_else(|| format!("call {call}"))
    }

    fn vector(&self, vector: Vector) -> String {
        let named = self.header.vectors.iter().find(|entry| entry.vector == vector);
        named.map_or_else(|| format!("vector {vector}"), |entry| entry.name.clone())
    }
}

fn is_idle(turn: &[CpuSpan]) -> bool {
    turn.iter().all(|span| matches!(span.state, CpuState::Idle | CpuState::Switch | CpuState::Interrupt(_)))
}

fn roomy(drawn: &Drawn) -> impl Iterator<Item = &(i32, i32, Paint, usize)> {
    drawn.blocks.iter().filter(|(left, right, _, _)| right - left >= NARROWEST)
}

/// The first of the texts that has room.
pub fn choose(texts: &[String], left: i32, right: i32, y: i32, ground: Ground) -> Option<Label> {
    let room = right - left;
    let fits = |text: &&String| width(text, INSIDE, Weight::Regular) + 2.0 * PADDING <= f64::from(room);
    let text = texts.iter().find(fits)?.clone();
    Some(Label { x: (left + right) / 2, y, room, ground, text })
}
