//! Writes a trace by hand: a clock, a CPU, and what happens there next.

use crate::ids::{CallId, CpuId, NameId, ObjectId, Pid, StepId, Tid, Vector};
use crate::time::{Instant, Span};
use crate::trace::header::{ObjectEntry, SCHEMA, Source, TaskEntry, VectorEntry};
use crate::trace::{Event, Header, Kind, Why};

use super::{Account, Lanes, LanesBuilder, Summary};

pub const READ: CallId = CallId(0);
pub const WRITE: CallId = CallId(1);
pub const FORK: CallId = CallId(2);
pub const EXIT: CallId = CallId(3);

pub const PING: ObjectId = ObjectId(0);
pub const PONG: ObjectId = ObjectId(1);
pub const DISK: ObjectId = ObjectId(2);

pub const TIMER_VECTOR: Vector = Vector(236);
pub const RESCHEDULE_VECTOR: Vector = Vector(253);
pub const DISK_VECTOR: Vector = Vector(46);

/// A trace under construction, at one moment and on one CPU.
#[derive(Clone, Debug)]
pub struct Story {
    pub header: Header,
    pub events: Vec<Event>,
    pub tasks: Vec<(Tid, Pid, Tid, String)>,
    pub names: Vec<String>,
    pub end: Instant,
    pub now: Instant,
    cpu: CpuId,
    current: Vec<Tid>,
}

impl Story {
    pub fn new(name: &str, question: &str, cpus: u16) -> Story {
        let object = |kind: &str, name: &str| ObjectEntry { kind: kind.to_owned(), name: name.to_owned() };
        let vector = |vector, name: &str| VectorEntry { vector, name: name.to_owned(), device: None };
        let header = Header {
            schema: SCHEMA,
            tool_version: "0.1.0".to_owned(),
            scenario: name.to_owned(),
            scenario_hash: String::new(),
            question: question.to_owned(),
            seed: 1,
            source: Source::Simulated,
            cpus,
            costs: "textbook".to_owned(),
            costs_hash: String::new(),
            observes: Vec::new(),
            fingerprint: String::new(),
            calls: ["read", "write", "fork", "exit"].map(str::to_owned).to_vec(),
            steps: Vec::new(),
            objects: vec![object("pipe", "ping"), object("pipe", "pong"), object("disk", "disk")],
            vectors: vec![
                vector(RESCHEDULE_VECTOR, "reschedule"),
                vector(TIMER_VECTOR, "timer"),
                vector(DISK_VECTOR, "disk"),
            ],
            initial: Vec::new(),
            programs: Vec::new(),
            memory: Default::default(),
        };
        Story {
            header,
            events: Vec::new(),
            tasks: Vec::new(),
            names: Vec::new(),
            end: Instant::START,
            now: Instant::START,
            cpu: CpuId(0),
            current: vec![Tid::IDLE; cpus.into()],
        }
    }

    pub fn process(&mut self, task: Tid, name: &str) -> &mut Story {
        let entry = TaskEntry {
            task,
            process: task.leads(),
            parent: Tid::INIT,
            name: name.to_owned(),
            start: Instant::START,
        };
        self.header.initial.push(entry);
        self
    }

    pub fn on(&mut self, cpu: u16) -> &mut Story {
        self.cpu = CpuId(cpu);
        self
    }

    pub fn at(&mut self, nanos: u64) -> &mut Story {
        self.now = Instant::from_nanos(nanos);
        self
    }

    pub fn after(&mut self, nanos: u64) -> &mut Story {
        self.now += Span::from_nanos(nanos);
        self
    }

    pub fn then(&mut self, kind: Kind) -> &mut Story {
        let task = self.current[self.cpu.index()];
        self.events.push(Event { at: self.now, cpu: Some(self.cpu), task, step: StepId::NONE, kind });
        self.end = self.end.max(self.now);
        self
    }

    pub fn switch(&mut self, next: Tid, why: Why, cost: u64) -> &mut Story {
        let prev = self.current[self.cpu.index()];
        self.then(Kind::SchedSwitch { prev, next, why });
        self.current[self.cpu.index()] = next;
        self.after(cost).then(Kind::SchedExit)
    }

    pub fn enter(&mut self, call: CallId) -> &mut Story {
        self.then(Kind::SysEnter { call })
    }

    pub fn leave(&mut self, call: CallId, result: i64) -> &mut Story {
        self.then(Kind::SysExit { call, result })
    }

    pub fn wake(&mut self, task: Tid, on: u16) -> &mut Story {
        self.then(Kind::SchedWaking { task }).then(Kind::SchedWakeup { task, on: CpuId(on) })
    }

    pub fn raise(&mut self, vector: Vector, to: u16) -> &mut Story {
        self.then(Kind::InterruptRaised { vector, to: CpuId(to) })
    }

    pub fn recognise(&mut self, vector: Vector) -> &mut Story {
        self.then(Kind::InterruptRecognised { vector })
    }

    pub fn print(&mut self, text: &str) -> &mut Story {
        let number = NameId::from(self.names.len());
        self.names.push(text.to_owned());
        self.then(Kind::Print { text: number })
    }

    pub fn end(&mut self, nanos: u64) -> &mut Story {
        self.end = Instant::from_nanos(nanos);
        self
    }

    pub fn summary(&self) -> Summary {
        let mut account = Account::new(&self.header);
        self.tasks
            .iter()
            .for_each(|(task, process, parent, name)| account.task(*task, *process, *parent, name));
        self.names.iter().enumerate().for_each(|(number, text)| account.name(NameId::from(number), text));
        self.events.iter().for_each(|event| account.event(event));
        account.finish(self.end)
    }

    pub fn lanes(&self) -> Lanes {
        self.lanes_of(LanesBuilder::new(&self.header))
    }

    pub fn window(&self, from: u64, to: u64) -> Lanes {
        let (from, to) = (Instant::from_nanos(from), Instant::from_nanos(to));
        self.lanes_of(LanesBuilder::new(&self.header).window(from, to))
    }

    fn lanes_of(&self, mut lanes: LanesBuilder) -> Lanes {
        self.tasks
            .iter()
            .for_each(|(task, process, parent, name)| lanes.task(*task, *process, *parent, name));
        self.names.iter().enumerate().for_each(|(number, text)| lanes.name(NameId::from(number), text));
        self.events.iter().for_each(|event| lanes.event(event));
        lanes.finish(self.end)
    }
}
