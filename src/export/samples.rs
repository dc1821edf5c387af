//! A small trace with awkward names.

use crate::ids::{CallId, CpuId, ObjectId, Pid, StepId, Tid, Vector};
use crate::signal::Signal;
use crate::time::Instant;
use crate::trace::event::{Cause, Event, Kind, Why};
use crate::trace::header::{Header, ObjectEntry, Outcome, SCHEMA, Source, StepEntry, TaskEntry, VectorEntry};
use crate::trace::sink::{Memory, Sink};
use crate::trace::{Trace, kinds};

fn header() -> Header {
    Header {
        schema: SCHEMA,
        tool_version: "0.1.0".to_owned(),
        scenario: "awkward \"names\"".to_owned(),
        scenario_hash: String::new(),
        question: "Does it\nescape?".to_owned(),
        seed: u64::MAX,
        source: Source::Simulated,
        cpus: 2,
        costs: "textbook".to_owned(),
        costs_hash: String::new(),
        observes: kinds::KINDS.iter().map(|row| row.name.to_owned()).collect(),
        fingerprint: String::new(),
        calls: vec!["read".to_owned(), "write".to_owned()],
        steps: vec![StepEntry {
            program: "parent".to_owned(),
            verb: "read".to_owned(),
            text: "{ read = \"ping\" }".to_owned(),
            line: 12,
        }],
        objects: vec![ObjectEntry { kind: "pipe".to_owned(), name: "ping".to_owned() }],
        vectors: vec![VectorEntry { vector: Vector(33), name: "disk".to_owned(), device: None }],
        initial: vec![TaskEntry {
            task: Tid(2),
            process: Pid(2),
            parent: Tid::INIT,
            name: "say \"hi\"".to_owned(),
            start: Instant::START,
        }],
        programs: vec!["child".to_owned()],
        memory: Default::default(),
    }
}

pub fn trace() -> Trace {
    let mut memory = Memory::new();
    let text = memory.name("line one\nline \"two\", and more");
    memory.task(Tid(9), Pid(9), Tid(2), &|| "child, the first".to_owned());
    let blocked = Why::Blocked { on: Cause::PipeRead, object: Some(ObjectId(0)) };
    let nowhere = StepId::NONE;
    let events = [
        (Some(0), 0, nowhere, Kind::LocalTimerEntry),
        (Some(0), 2, StepId(0), Kind::SysEnter { call: CallId(0) }),
        (Some(0), 2, nowhere, Kind::SchedSwitch { prev: Tid(2), next: Tid::IDLE, why: blocked }),
        (None, 0, nowhere, Kind::InterruptRaised { vector: Vector(33), to: CpuId(1) }),
        (Some(1), 0, nowhere, Kind::IrqHandlerEntry { vector: Vector(99) }),
        (Some(0), 2, nowhere, Kind::ProcessFork { child: Tid(9), process: Pid(9) }),
        (Some(0), 2, StepId(77), Kind::SysExit { call: CallId(1), result: -32 }),
        (Some(0), 2, nowhere, Kind::SignalDeliver { signal: Signal::SIGPIPE, handled: false }),
        (Some(0), 2, nowhere, Kind::MessageSend { object: ObjectId(0), bytes: 7 }),
        (Some(0), 2, nowhere, Kind::Print { text }),
    ];
    for (index, (cpu, task, step, kind)) in events.into_iter().enumerate() {
        let at = Instant::from_nanos(100 * index as u64);
        memory.event(Event { at, cpu: cpu.map(CpuId), task: Tid(task), step, kind });
    }
    Trace::from_memory(header(), memory, Instant::from_nanos(5_000), Outcome::Finished)
}

/// The same as a file.
pub fn bytes() -> Vec<u8> {
    trace().write(Vec::new()).unwrap()
}
