//! What a record of a trace costs: time to write and to read it, and bytes.
//!
//! The events are those of two processes that send one byte back and forth through two pipes on one
//! CPU. Rounds of writing, reading and walking a list in memory are interleaved, so that a
//! disturbance of the machine hits all of them alike; the best and the median round are shown.

use std::hint::black_box;
use std::time::Instant as Clock;

use trapline::ids::{CallId, CpuId, ObjectId, Pid, StepId, Tid};
use trapline::time::Instant;
use trapline::trace::check::Checker;
use trapline::trace::event::{Cause, Event, Kind, Why};
use trapline::trace::header::{Header, Outcome, SCHEMA, Source, TaskEntry};
use trapline::trace::{Reader, Record, Sink, Writer};

const EVENTS: usize = 10_000_000;
/// Enough to see that it works, where cargo only tests the bench.
const FEW: usize = 10_000;
const ROUNDS: usize = 5;
const READ: CallId = CallId(0);
const WRITE: CallId = CallId(1);

/// One side's turn: it is switched to, gets its byte, answers, and waits for the next.
fn turn(at: &mut u64, index: usize, events: &mut Vec<Event>) {
    let me = Tid(2 + (index % 2) as u32);
    let other = Tid(3 - (index % 2) as u32);
    let (get, put) = (ObjectId((index % 2) as u32), ObjectId(1 - (index % 2) as u32));
    let (reading, writing) = (StepId(2 + 3 * me.0), StepId(3 + 3 * me.0));
    let mut event = |after: u64, step, kind| {
        *at += after + index as u64 % 7;
        events.push(Event { at: Instant::from_nanos(*at), cpu: Some(CpuId(0)), task: me, step, kind });
    };
    event(1_200, reading, Kind::SchedExit);
    event(90, reading, Kind::MessageReceive { object: get, bytes: 1 });
    event(60, reading, Kind::SysExit { call: READ, result: 1 });
    event(40, writing, Kind::SysEnter { call: WRITE });
    event(150, writing, Kind::MessageSend { object: put, bytes: 1 });
    event(80, writing, Kind::SchedWaking { task: other });
    event(0, writing, Kind::SchedWakeup { task: other, on: CpuId(0) });
    event(60, writing, Kind::SysExit { call: WRITE, result: 1 });
    event(40, reading, Kind::SysEnter { call: READ });
    let why = Why::Blocked { on: Cause::PipeRead, object: Some(put) };
    event(130, reading, Kind::SchedSwitch { prev: me, next: other, why });
}

fn header() -> Header {
    let initial = |task, name: &str| TaskEntry {
        task: Tid(task),
        process: Pid(task),
        parent: Tid::INIT,
        name: name.to_owned(),
        start: Instant::START,
    };
    Header {
        schema: SCHEMA,
        tool_version: "bench".to_owned(),
        scenario: "pipe-ping-pong".to_owned(),
        scenario_hash: String::new(),
        question: String::new(),
        seed: 0,
        source: Source::Simulated,
        cpus: 1,
        costs: "textbook".to_owned(),
        costs_hash: String::new(),
        observes: Vec::new(),
        fingerprint: String::new(),
        calls: vec!["read".to_owned(), "write".to_owned()],
        steps: Vec::new(),
        objects: Vec::new(),
        vectors: Vec::new(),
        initial: vec![initial(2, "parent"), initial(3, "child")],
        programs: Vec::new(),
        memory: Default::default(),
    }
}

fn write(events: &[Event], into: Vec<u8>) -> Vec<u8> {
    let mut writer = Writer::new(into, &header()).expect("memory doesn't fail");
    for &event in events {
        writer.event(event);
    }
    writer.finish(Instant::NEVER, Outcome::Finished, 0).expect("memory doesn't fail")
}

/// Reads a trace and adds up something of each event, so that nothing is optimised away.
fn read(bytes: &[u8]) -> u64 {
    let reader = Reader::new(bytes).expect("a trace");
    reader.fold(0, |sum, record| match record.expect("a record") {
        Record::Event(event) => sum ^ event.at.as_nanos() ^ u64::from(event.task.0),
        Record::Name(..) | Record::Task(_) => sum,
    })
}

/// Holds all events to the laws.
fn check(events: &[Event]) -> usize {
    let mut checker = Checker::new(&header());
    events.iter().for_each(|event| checker.event(event));
    checker.finish().len()
}

/// Exports a trace to nowhere.
fn export(bytes: &[u8], name: &str) {
    let exporter = trapline::export::by_name(name).expect("an exporter");
    let mut input = Reader::new(bytes).expect("a trace").boxed();
    exporter
        .write(&mut input, &trapline::export::Options::default(), &mut std::io::sink())
        .expect("nowhere doesn't fail");
}

/// What producing the events from memory costs by itself.
fn walk(events: &[Event]) -> u64 {
    events.iter().fold(0, |sum, event| sum ^ black_box(*event).at.as_nanos() ^ u64::from(event.task.0))
}

fn show(what: &str, mut rounds: Vec<f64>) {
    rounds.sort_by(f64::total_cmp);
    println!("{what:8} best {:6.2} ns, median {:6.2} ns an event", rounds[0], rounds[rounds.len() / 2]);
}

fn main() {
    let wanted = if std::env::args().any(|argument| argument == "--bench") { EVENTS } else { FEW };
    let mut events = Vec::with_capacity(wanted);
    let mut at = 0;
    for index in 0..wanted / 10 {
        turn(&mut at, index, &mut events);
    }
    let mut bytes = write(&events, Vec::new());
    let nanos = |since: Clock| since.elapsed().as_nanos() as f64 / events.len() as f64;
    let (mut writes, mut reads, mut walks) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut into = std::mem::take(&mut bytes);
        into.clear();
        let start = Clock::now();
        bytes = write(black_box(&events), into);
        writes.push(nanos(start));
        let start = Clock::now();
        black_box(read(black_box(&bytes)));
        reads.push(nanos(start));
        let start = Clock::now();
        black_box(walk(black_box(&events)));
        walks.push(nanos(start));
    }
    println!("{} events, {:.2} bytes each", events.len(), bytes.len() as f64 / events.len() as f64);
    show("write", writes);
    show("read", reads);
    show("walk", walks);
    let start = Clock::now();
    // The trace begins in the middle of things, which breaks a law or two and no more.
    let broken = check(black_box(&events));
    show("check", vec![nanos(start)]);
    assert!(broken < 10, "the checker gave up early");
    for exporter in trapline::export::EXPORTERS {
        let start = Clock::now();
        export(&bytes, exporter.name);
        show(exporter.name, vec![nanos(start)]);
    }
}
