//! Traces written by hand, so that everything about them can be reckoned up in the head.

use std::path::Path;

use trapline::ids::{CallId, CpuId, NameId, ObjectId, StepId, Tid, Vector};
use trapline::time::Instant;
use trapline::trace::header::{MemoryEntry, ObjectEntry, SCHEMA, Source, StepEntry, TaskEntry, VectorEntry};
use trapline::trace::{Cause, Event, Header, Kind, Outcome, Rule, Trace, Why};

pub const A: Tid = Tid(2);
pub const B: Tid = Tid(3);
const PIPE: ObjectId = ObjectId(0);
const DISK: ObjectId = ObjectId(1);
const LINE: Vector = Vector(46);

/// A header with two processes, a pipe and a disk, under these names.
fn header(name: &str, [a, b]: [&str; 2], pipe: &str, disk: &str) -> Header {
    let task = |task: Tid, name: &str| TaskEntry {
        task,
        process: task.leads(),
        parent: Tid::INIT,
        name: name.to_owned(),
        start: Instant::START,
    };
    let object = |kind: &str, name: &str| ObjectEntry { kind: kind.to_owned(), name: name.to_owned() };
    let step = |program: &str, verb: &str, text: &str, line| StepEntry {
        program: program.to_owned(),
        verb: verb.to_owned(),
        text: text.to_owned(),
        line,
    };
    Header {
        schema: SCHEMA,
        tool_version: "0.1.0".to_owned(),
        scenario: name.to_owned(),
        scenario_hash: String::new(),
        question: "What does b wait for?".to_owned(),
        seed: 1,
        source: Source::Simulated,
        cpus: 1,
        memory: MemoryEntry::default(),
        costs: "textbook".to_owned(),
        costs_hash: String::new(),
        observes: Vec::new(),
        fingerprint: String::new(),
        calls: ["read", "write", "exit_group"].map(str::to_owned).to_vec(),
        steps: vec![
            step(a, "read", "{ read = \"file\", bytes = \"4KiB\" }", 9),
            step(a, "write", &format!("{{ write = \"{pipe}\", bytes = \"1B\" }}"), 10),
            step(b, "read", &format!("{{ read = \"{pipe}\", bytes = \"1B\" }}"), 21),
        ],
        objects: vec![object("pipe", pipe), object("disk", disk)],
        vectors: vec![VectorEntry { vector: LINE, name: "disk".to_owned(), device: None }],
        initial: vec![task(A, a), task(B, b)],
        programs: Vec::new(),
    }
}

/// Writes events on CPU 0 one after the other, at microseconds.
struct Pen {
    events: Vec<Event>,
    task: Tid,
    step: StepId,
}

impl Pen {
    fn at(&mut self, micros: u64, kind: Kind) -> &mut Pen {
        let (task, step) = (self.task, self.step);
        self.events.push(Event {
            at: Instant::from_nanos(micros * 1_000),
            cpu: Some(CpuId(0)),
            task,
            step,
            kind,
        });
        self
    }

    fn switch(&mut self, micros: u64, next: Tid, step: StepId, why: Why) -> &mut Pen {
        let prev = self.task;
        self.at(micros, Kind::SchedSwitch { prev, next, why });
        (self.task, self.step) = (next, step);
        self.at(micros + 1, Kind::SchedExit)
    }

    fn enter(&mut self, micros: u64, call: u16, step: StepId) -> &mut Pen {
        self.step = step;
        self.at(micros, Kind::SysEnter { call: CallId(call) })
    }

    fn leave(&mut self, micros: u64, call: u16, result: i64) -> &mut Pen {
        self.at(micros, Kind::SysExit { call: CallId(call), result })
    }

    fn wake(&mut self, micros: u64, task: Tid) -> &mut Pen {
        self.at(micros, Kind::SchedWaking { task }).at(micros, Kind::SchedWakeup { task, on: CpuId(0) })
    }
}

/// B waits for a byte in a pipe, which A will write when the disk has given it its data.
///
/// In microseconds: B runs 1-10 and reads until it blocks at 12. A runs 13-20, reads the disk and blocks at 22. The
/// disk is done at 103; its interrupt wakes A at 104. A goes on at 107, writes 120-124 and wakes B at 122. A ends at
/// 132. B goes on at 133, has its byte at 134, and ends at 151.
fn events() -> Vec<Event> {
    let mut pen = Pen { events: Vec::new(), task: Tid::IDLE, step: StepId::NONE };
    let request = |done: bool| {
        let (object, bytes, write) = (DISK, 4_096, false);
        if done {
            Kind::BlockRqComplete { object, bytes, write }
        } else {
            Kind::BlockRqIssue { object, bytes, write }
        }
    };
    let blocked = |on, object| Why::Blocked { on, object: Some(object) };
    pen.switch(0, B, StepId::NONE, Why::WorkArrived).enter(10, 0, StepId(2));
    pen.switch(12, A, StepId::NONE, blocked(Cause::PipeRead, PIPE)).enter(20, 0, StepId(0));
    pen.at(21, request(false)).switch(22, Tid::IDLE, StepId::NONE, blocked(Cause::Disk, DISK));
    pen.at(100, Kind::InterruptRaised { vector: LINE, to: CpuId(0) });
    pen.at(101, Kind::InterruptRecognised { vector: LINE }).at(101, Kind::IrqHandlerEntry { vector: LINE });
    pen.at(103, request(true)).wake(104, A).at(106, Kind::IrqHandlerExit { vector: LINE, handled: true });
    pen.switch(106, A, StepId(0), Why::WorkArrived).leave(109, 0, 4_096).enter(120, 1, StepId(1));
    pen.at(122, Kind::MessageSend { object: PIPE, bytes: 1 }).wake(122, B).leave(124, 1, 1);
    pen.enter(130, 2, StepId::NONE).at(132, Kind::ProcessExit { status: 0 });
    pen.at(132, Kind::SchedPick { task: B, rule: Rule::Level, number: 3 });
    pen.switch(132, B, StepId(2), Why::Exited).at(134, Kind::MessageReceive { object: PIPE, bytes: 1 });
    pen.leave(135, 0, 1).at(140, Kind::Print { text: NameId(0) });
    pen.enter(150, 2, StepId::NONE).at(151, Kind::ProcessExit { status: 0 });
    pen.switch(151, Tid::IDLE, StepId::NONE, Why::Exited);
    pen.events
}

fn write(path: &Path, header: Header, printed: &str, outcome: Outcome) {
    let trace = Trace {
        tasks: header.initial.clone(),
        header,
        events: events(),
        names: vec![printed.to_owned()],
        end: Instant::from_nanos(152_000),
        outcome,
        lost: 0,
    };
    let bytes = trace.write(Vec::new()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// The story as a trace file.
pub fn write_story(path: &Path) {
    write(path, header("disk-then-pipe", ["a", "b"], "x", "sda"), "got the byte", Outcome::Finished);
}

/// A trace in which nothing happens.
pub fn write_empty(path: &Path) {
    let header = header("nothing", ["a", "b"], "x", "sda");
    let trace = Trace {
        tasks: header.initial.clone(),
        header,
        events: Vec::new(),
        names: Vec::new(),
        end: Instant::START,
        outcome: Outcome::Finished,
        lost: 0,
    };
    std::fs::write(path, trace.write(Vec::new()).unwrap()).unwrap();
}

/// The same with names and texts that would do harm where they are taken for markup.
pub fn write_evil(path: &Path) {
    let evil = |place: &str| format!("</script><img src=x onerror=\"document.title='{place}'\">{place}");
    let [a, b, pipe, disk] = ["a", "b", "pipe", "disk"].map(evil);
    let mut header = header(&evil("name"), [&a, &b], &pipe, &disk);
    header.question = evil("question");
    header.calls = ["read", "write", "exit_group"].map(evil).to_vec();
    header.vectors[0].name = evil("vector");
    write(path, header, &evil("printed"), Outcome::Deadlock { text: evil("outcome") });
}

/// A scenario without an end: messages to and fro, and processes that compute and sleep, on four CPUs.
pub const LONG: &str = r#"format = 1
name = "long"
question = "Is a long run still smooth?"

[machine]
cpus = 4
costs = "textbook"

[kernel]
scheduler = { policy = "round-robin", quantum = "100us" }

[pipe.ping]
[pipe.pong]

[process.server]
count = 1
steps = [
  { fork = "client" },
  { forever = true, do = [ { read = "ping", bytes = "1B" }, { compute = { dist = "exponential", mean = "3us" } }, { write = "pong", bytes = "1B" } ] },
]

[program.client]
steps = [ { forever = true, do = [ { compute = { dist = "exponential", mean = "3us" } }, { write = "ping", bytes = "1B" }, { read = "pong", bytes = "1B" } ] } ]

[process.worker]
count = 24
steps = [ { forever = true, do = [ { compute = { dist = "exponential", mean = "30us" } }, { sleep = "20us" } ] } ]
"#;
