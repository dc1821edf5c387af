//! Lanes as columns: spans, wake-ups, messages, interrupts and jobs.
//!
//! The spans of all lanes of a kind follow each other; a column of their own says how many each lane has. A span is
//! the gap since the one before in its lane, its length, its state and where it was (or who). States are places in
//! a list of those that occur.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use crate::analysis::Lanes;
use crate::analysis::critical::CriticalPath;
use crate::analysis::lanes::Waker;
use crate::analysis::state::{CpuState, Handler, ThreadState, Work};
use crate::chart::Paint;
use crate::time::Instant;

use super::columns::Column;
use super::tasks::Tasks;

/// Columns of everything that has a length, or two ends.
#[derive(Clone, Debug, Default)]
pub struct Spans {
    columns: Vec<(&'static str, Column)>,
    states: States,
}

/// States by their first use.
#[derive(Clone, Debug, Default)]
struct States {
    /// Looked up only, never walked.
    places: HashMap<Key, u64>,
    all: Vec<Json>,
}

/// What tells states apart: a number for each shape, and what belongs to it.
type Key = (u8, u32, u32);

/// Times of one lane, which follow each other.
struct Clock(u64);

impl Clock {
    /// The gap since the last span's end, and the length.
    fn span(&mut self, from: Instant, to: Instant) -> (u64, u64) {
        let (from, to) = (from.as_nanos(), to.as_nanos());
        let gap = from.saturating_sub(self.0);
        self.0 = to;
        (gap, to - from)
    }
}

impl Spans {
    pub fn of(lanes: &Lanes, path: &CriticalPath, tasks: &mut Tasks) -> Spans {
        let mut spans = Spans::default();
        spans.threads(lanes, tasks);
        spans.cpus(lanes, tasks);
        spans.wakeups(lanes, tasks);
        spans.messages(lanes, tasks);
        spans.interrupts(lanes);
        spans.jobs(lanes, tasks);
        spans.critical(path, tasks);
        spans
    }

    pub fn columns(&self) -> impl Iterator<Item = (&'static str, &Column)> {
        self.columns.iter().map(|(name, column)| (*name, column))
    }

    pub fn states(&self) -> &[Json] {
        &self.states.all
    }

    fn add<const N: usize>(&mut self, names: [&'static str; N], columns: [Column; N]) {
        self.columns.extend(names.into_iter().zip(columns));
    }

    fn threads(&mut self, lanes: &Lanes, tasks: &mut Tasks) {
        let [mut task, mut count, mut gap, mut len, mut state, mut cpu] = columns();
        for lane in &lanes.threads {
            task.uint(tasks.place(lane.task));
            count.uint(lane.spans.len() as u64);
            let mut clock = Clock(0);
            for span in &lane.spans {
                let (before, long) = clock.span(span.from, span.to);
                gap.uint(before);
                len.uint(long);
                state.uint(self.states.of_thread(span.state));
                cpu.uint(span.cpu.map_or(0, |cpu| u64::from(cpu.0) + 1));
            }
        }
        let names = ["lane-task", "lane-count", "span-gap", "span-len", "span-state", "span-cpu"];
        self.add(names, [task, count, gap, len, state, cpu]);
    }

    fn cpus(&mut self, lanes: &Lanes, tasks: &mut Tasks) {
        let [mut count, mut gap, mut len, mut state, mut task] = columns();
        for lane in &lanes.cpus {
            count.uint(lane.spans.len() as u64);
            let mut clock = Clock(0);
            for span in &lane.spans {
                let (before, long) = clock.span(span.from, span.to);
                gap.uint(before);
                len.uint(long);
                state.uint(self.states.of_cpu(span.state));
                task.uint(tasks.place(span.task));
            }
        }
        self.add(
            ["cpu-count", "cpu-gap", "cpu-len", "cpu-state", "cpu-task"],
            [count, gap, len, state, task],
        );
    }

    /// `by` is twice the thread, or one more than twice the state of a handler.
    fn wakeups(&mut self, lanes: &Lanes, tasks: &mut Tasks) {
        let [mut at, mut task, mut by, mut cpu] = columns();
        for wakeup in &lanes.wakeups {
            at.delta(wakeup.at.as_nanos());
            task.uint(tasks.place(wakeup.task));
            by.uint(match wakeup.by {
                Waker::Thread(waker) => tasks.place(waker) * 2,
                Waker::Handler(handler) => self.states.of_cpu(CpuState::Interrupt(handler)) * 2 + 1,
            });
            cpu.uint(wakeup.cpu.map_or(0, |cpu| u64::from(cpu.0) + 1));
        }
        self.add(["wake-at", "wake-task", "wake-by", "wake-cpu"], [at, task, by, cpu]);
    }

    fn messages(&mut self, lanes: &Lanes, tasks: &mut Tasks) {
        let [mut sent, mut received, mut from, mut to, mut object, mut bytes] = columns();
        for message in &lanes.messages {
            sent.delta(message.sent.as_nanos());
            received.delta(message.received.as_nanos());
            from.uint(tasks.place(message.from));
            to.uint(tasks.place(message.to));
            object.uint(message.object.0.into());
            bytes.uint(message.bytes);
        }
        let names = [
            "message-sent",
            "message-received",
            "message-from",
            "message-to",
            "message-object",
            "message-bytes",
        ];
        self.add(names, [sent, received, from, to, object, bytes]);
    }

    /// An end that isn't known is 0, others are the time plus one.
    fn interrupts(&mut self, lanes: &Lanes) {
        let [mut vector, mut cpu, mut raised, mut recognised] = columns();
        let end = |at: Option<Instant>| at.map_or(0, |at| at.as_nanos() + 1);
        for interrupt in &lanes.interrupts {
            vector.uint(interrupt.vector.0.into());
            cpu.uint(interrupt.cpu.0.into());
            raised.delta(end(interrupt.raised));
            recognised.delta(end(interrupt.recognised));
        }
        self.add(
            ["irq-vector", "irq-cpu", "irq-raised", "irq-recognised"],
            [vector, cpu, raised, recognised],
        );
    }

    fn jobs(&mut self, lanes: &Lanes, tasks: &mut Tasks) {
        let [mut task, mut number, mut release, mut deadline, mut missed] = columns();
        for job in &lanes.jobs {
            task.uint(tasks.place(job.task));
            number.uint(job.number);
            release.delta(job.release.as_nanos());
            deadline.delta(job.deadline.as_nanos());
            missed.uint(job.missed.into());
        }
        let names = ["job-task", "job-number", "job-release", "job-deadline", "job-missed"];
        self.add(names, [task, number, release, deadline, missed]);
    }

    fn critical(&mut self, path: &CriticalPath, tasks: &mut Tasks) {
        let [mut task, mut gap, mut len, mut state] = columns();
        let mut clock = Clock(0);
        for piece in &path.pieces {
            let (before, long) = clock.span(piece.from, piece.to);
            task.uint(tasks.place(piece.task));
            gap.uint(before);
            len.uint(long);
            state.uint(self.states.of_thread(piece.state));
        }
        self.add(["path-task", "path-gap", "path-len", "path-state"], [task, gap, len, state]);
    }
}

fn columns<const N: usize>() -> [Column; N] {
    std::array::from_fn(|_| Column::default())
}

impl States {
    fn place(&mut self, key: Key, paint: Paint, describe: impl FnOnce() -> Json) -> u64 {
        let next = self.all.len() as u64;
        let place = *self.places.entry(key).or_insert(next);
        if place == next {
            let mut state = describe();
            state["paint"] = (paint as usize).into();
            self.all.push(state);
        }
        place
    }

    fn of_thread(&mut self, state: ThreadState) -> u64 {
        let paint = Paint::of_thread(state);
        match state {
            ThreadState::User => self.of_cpu(CpuState::User),
            ThreadState::Kernel(work) => self.of_cpu(CpuState::Kernel(work)),
            ThreadState::Interrupted(handler) => self.of_cpu(CpuState::Interrupt(handler)),
            ThreadState::Switch => self.of_cpu(CpuState::Switch),
            ThreadState::Ready => self.place((1, 0, 0), paint, || json!({ "is": "ready" })),
            ThreadState::Blocked { on, object } => {
                let place = object.map_or(0, |object| object.0.wrapping_add(1));
                self.place(
                    (2, on as u32, place),
                    paint,
                    || json!({ "is": "blocked", "on": on.name(), "object": object }),
                )
            }
        }
    }

    fn of_cpu(&mut self, state: CpuState) -> u64 {
        let paint = Paint::of_cpu(state);
        match state {
            CpuState::Idle => self.place((3, 0, 0), paint, || json!({ "is": "idle" })),
            CpuState::User => self.place((4, 0, 0), paint, || json!({ "is": "user" })),
            CpuState::Switch => self.place((5, 0, 0), paint, || json!({ "is": "switch" })),
            CpuState::Kernel(Work::Call(call)) => {
                self.place((6, call.0.into(), 0), paint, || json!({ "is": "kernel", "call": call }))
            }
            CpuState::Kernel(Work::Fault(fault)) => {
                self.place((7, fault as u32, 0), paint, || json!({ "is": "kernel", "fault": fault.name() }))
            }
            CpuState::Kernel(Work::Exception(exception)) => self.place(
                (8, exception as u32, 0),
                paint,
                || json!({ "is": "kernel", "exception": exception.name() }),
            ),
            CpuState::Kernel(Work::Death(signal)) => self.place(
                (9, signal as u32, 0),
                paint,
                || json!({ "is": "kernel", "signal": signal.name() }),
            ),
            CpuState::Interrupt(Handler::Irq(vector)) => self.place(
                (10, vector.0.into(), 0),
                paint,
                || json!({ "is": "interrupt", "handler": "irq", "vector": vector }),
            ),
            CpuState::Interrupt(Handler::Softirq(vector)) => self.place(
                (11, vector.0.into(), 0),
                paint,
                || json!({ "is": "interrupt", "handler": "softirq", "vector": vector }),
            ),
            CpuState::Interrupt(Handler::Timer) => {
                self.place((12, 0, 0), paint, || json!({ "is": "interrupt", "handler": "timer" }))
            }
            CpuState::Interrupt(Handler::Reschedule) => {
                self.place((13, 0, 0), paint, || json!({ "is": "interrupt", "handler": "reschedule" }))
            }
        }
    }
}
