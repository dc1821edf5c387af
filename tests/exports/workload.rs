//! A trace as long as one likes: two processes send bytes back and forth through two pipes, and print now and then.

use std::fs::File;
use std::path::Path;

use trapline::ids::{CallId, CpuId, ObjectId, Pid, StepId, Tid};
use trapline::time::Instant;
use trapline::trace::event::{Cause, Event, Kind, Why};
use trapline::trace::header::{Header, ObjectEntry, Outcome, SCHEMA, Source, StepEntry, TaskEntry};
use trapline::trace::{Sink, Writer};

/// Events of one turn.
const TURN: usize = 10;

fn header() -> Header {
    let thread = |task, name: &str| TaskEntry {
        task: Tid(task),
        process: Pid(task),
        parent: Tid::INIT,
        name: name.to_owned(),
        start: Instant::START,
    };
    let step = |program: &str, verb: &str, object: &str, line| StepEntry {
        program: program.to_owned(),
        verb: verb.to_owned(),
        text: format!("{{ {verb} = \"{object}\", bytes = \"1B\" }}"),
        line,
    };
    let mut header: Header = serde_json::from_value(serde_json::json!({
        "schema": SCHEMA, "tool-version": "", "scenario": "ping-pong", "scenario-hash": "", "question": "",
        "seed": 1, "source": "simulated", "cpus": 1, "costs": "textbook", "costs-hash": "", "observes": [],
        "fingerprint": "", "calls": ["read", "write"], "steps": [], "objects": [], "vectors": [],
        "initial": [], "programs": [],
    }))
    .expect("a header");
    header.source = Source::Simulated;
    header.steps = vec![
        step("left", "read", "pong", 7),
        step("left", "write", "ping", 8),
        step("right", "read", "ping", 12),
        step("right", "write", "pong", 13),
    ];
    header.objects =
        ["ping", "pong"].map(|name| ObjectEntry { kind: "pipe".to_owned(), name: name.to_owned() }).to_vec();
    header.initial = vec![thread(2, "left"), thread(3, "right")];
    header.observes = trapline::trace::kinds::KINDS.iter().map(|row| row.name.to_owned()).collect();
    header
}

/// Writes a trace of so many events.
pub fn write(path: &Path, events: usize) {
    let mut writer = Writer::new(File::create(path).expect("a file"), &header()).expect("a trace");
    let mut at = 0;
    for turn in 0..events / TURN {
        let side = (turn % 2) as u32;
        let (me, other) = (Tid(2 + side), Tid(3 - side));
        let (get, put) = (ObjectId(1 - side), ObjectId(side));
        let (reading, writing) = (StepId(2 * side), StepId(2 * side + 1));
        let mut event = |after: u64, step, kind| {
            at += after + turn as u64 % 7;
            writer.event(Event { at: Instant::from_nanos(at), cpu: Some(CpuId(0)), task: me, step, kind });
        };
        event(1_200, reading, Kind::SchedExit);
        event(90, reading, Kind::MessageReceive { object: get, bytes: 1 });
        event(60, reading, Kind::SysExit { call: CallId(0), result: 1 });
        event(40, writing, Kind::SysEnter { call: CallId(1) });
        event(150, writing, Kind::MessageSend { object: put, bytes: 1 });
        event(80, writing, Kind::SchedWaking { task: other });
        event(0, writing, Kind::SchedWakeup { task: other, on: CpuId(0) });
        event(60, writing, Kind::SysExit { call: CallId(1), result: 1 });
        event(40, reading, Kind::SysEnter { call: CallId(0) });
        let why = Why::Blocked { on: Cause::PipeRead, object: Some(get) };
        event(130, reading, Kind::SchedSwitch { prev: me, next: other, why });
    }
    writer.finish(Instant::from_nanos(at + 1_000), Outcome::Finished, 0).expect("a whole trace");
}
