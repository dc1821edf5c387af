//! Traces that are written by hand: a scenario of two processes and two pipes.

use crate::ids::{CallId, CpuId, ObjectId, Pid, StepId, Tid};
use crate::time::{Instant, Span};
use crate::trace::header::{ObjectEntry, Outcome, SCHEMA, Source, StepEntry, TaskEntry};
use crate::trace::kinds::KINDS;
use crate::trace::{Cause as Wait, Event, Header, Kind, Trace, Why};

pub const WRITE: CallId = CallId(0);
pub const READ: CallId = CallId(1);
pub const EXIT: CallId = CallId(2);
pub const CALLER: Tid = Tid(2);
pub const ANSWERER: Tid = Tid(3);
pub const PING: ObjectId = ObjectId(0);
pub const PONG: ObjectId = ObjectId(1);

/// A trace that is written by hand.
pub struct Tape {
    pub trace: Trace,
    now: Instant,
}

pub fn header() -> Header {
    let step = |program: &str, verb: &str, line| StepEntry {
        program: program.to_owned(),
        verb: verb.to_owned(),
        text: String::new(),
        line,
    };
    let object = |name: &str| ObjectEntry { kind: "pipe".to_owned(), name: name.to_owned() };
    let task = |task: Tid, name: &str| TaskEntry {
        task,
        process: Pid(task.0),
        parent: Tid::INIT,
        name: name.to_owned(),
        start: Instant::START,
    };
    Header {
        schema: SCHEMA,
        tool_version: String::new(),
        scenario: "ping-pong".to_owned(),
        scenario_hash: String::new(),
        question: String::new(),
        seed: 1,
        source: Source::Simulated,
        cpus: 1,
        costs: String::new(),
        costs_hash: String::new(),
        // A switch takes no time for whoever can't see its end.
        observes: KINDS.iter().map(|row| row.name.to_owned()).filter(|name| name != "sched_exit").collect(),
        fingerprint: String::new(),
        calls: ["write", "read", "exit_group"].map(str::to_owned).to_vec(),
        steps: vec![
            step("caller", "write", 5),
            step("caller", "read", 6),
            step("answerer", "read", 9),
            step("answerer", "write", 10),
        ],
        objects: vec![object("ping"), object("pong")],
        vectors: Vec::new(),
        initial: vec![task(CALLER, "caller"), task(ANSWERER, "answerer")],
        programs: Vec::new(),
        memory: Default::default(),
    }
}

impl Tape {
    pub fn new() -> Tape {
        let header = header();
        let tasks = header.initial.clone();
        let trace = Trace {
            header,
            events: Vec::new(),
            names: Vec::new(),
            tasks,
            end: Instant::START,
            outcome: Outcome::Finished,
            lost: 0,
        };
        Tape { trace, now: Instant::START }
    }

    /// Something happens after so many nanoseconds.
    pub fn after(&mut self, nanos: u64, task: Tid, step: u32, kind: Kind) {
        self.now += Span::from_nanos(nanos);
        let event = Event { at: self.now, cpu: Some(CpuId(0)), task, step: StepId(step), kind };
        self.trace.events.push(event);
        self.trace.end = self.now;
    }

    pub fn blocks(&mut self, task: Tid, step: u32, next: Tid) {
        let why = Why::Blocked { on: Wait::PipeRead, object: None };
        self.after(0, task, step, Kind::SchedSwitch { prev: task, next, why });
    }
}
