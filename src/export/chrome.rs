//! Chrome's trace event format: JSON that chrome://tracing, Perfetto and Speedscope open.
//!
//! Process 0 of the picture has a row for who runs on each CPU, process 1 one for what the kernel does
//! there; a process's own rows bear its threads' calls. States are a second picture of each process, whose
//! number is 1,000,000 higher. A slice is written when it ends, so the lines aren't sorted by time.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Map, Value as Json, json};

use crate::ids::{Pid, StepId, Tid};
use crate::trace::fields::Value;
use crate::trace::header::{StepEntry, TaskEntry};
use crate::trace::{Event, Header, Record};

use super::lanes::{Lane, Lanes, What};
use super::names::Names;
use super::{ExportError, Exporter, Input, Writes};

pub const EXPORTER: Exporter = Exporter {
    name: "chrome",
    endings: &["json"],
    doc: "Chrome's trace events as JSON: slices, arrows and counters, for chrome://tracing, Perfetto, Speedscope.",
    writes: Writes::Events(write),
};

/// So many bytes are collected before they are written.
const CHUNK: usize = 64 * 1024;
/// What is added to a process's number for the picture of its threads' states.
const STATES: u64 = 1_000_000;

fn write(input: &mut Input<'_>, out: &mut dyn Write) -> Result<(), ExportError> {
    let mut names = Names::new(input.header(), str::to_owned);
    let mut lanes = Lanes::new(input.header());
    let mut list = List::new(input.header(), out);
    list.begin(input.header())?;
    let mut failed = None;
    for record in input.by_ref() {
        match record {
            Ok(Record::Event(event)) => {
                lanes.take(&event);
                list.draw(&lanes, Some(&event), &names)?;
            }
            Ok(other) => {
                names.learn(&other);
                if let Record::Task(entry) = other {
                    list.thread(&entry)?;
                }
            }
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    let end = input.footer().map_or(0, |footer| footer.end.as_nanos());
    lanes.finish(end);
    list.draw(&lanes, None, &names)?;
    list.finish()?;
    failed.map_or(Ok(()), |error| Err(error.into()))
}

/// A slice that hasn't ended.
struct Open {
    at: u64,
    name: String,
    args: Map<String, Json>,
}

/// The list under construction.
struct List<'a> {
    out: &'a mut dyn Write,
    bytes: Vec<u8>,
    first: bool,
    open: BTreeMap<Lane, Vec<Open>>,
    processes: BTreeMap<Tid, Pid>,
    steps: Vec<StepEntry>,
}

impl<'a> List<'a> {
    fn new(header: &Header, out: &'a mut dyn Write) -> List<'a> {
        List {
            out,
            bytes: Vec::with_capacity(2 * CHUNK),
            first: true,
            open: BTreeMap::new(),
            processes: BTreeMap::new(),
            steps: header.steps.clone(),
        }
    }

    fn begin(&mut self, header: &Header) -> io::Result<()> {
        let about = json!({"scenario": header.scenario, "question": header.question, "seed": header.seed});
        let about = serde_json::to_string(&about)?;
        write!(self.bytes, "{{\"displayTimeUnit\":\"ns\",\"otherData\":{about},\"traceEvents\":[")?;
        self.label("process_name", 0, 0, "CPUs")?;
        self.label("process_name", 1, 0, "Kernel")?;
        for cpu in 0..header.cpus {
            self.label("thread_name", 0, cpu.into(), &format!("CPU {cpu}"))?;
            self.label("thread_name", 1, cpu.into(), &format!("CPU {cpu}: kernel"))?;
        }
        for entry in &header.initial {
            self.thread(entry)?;
        }
        Ok(())
    }

    fn thread(&mut self, entry: &TaskEntry) -> io::Result<()> {
        self.processes.insert(entry.task, entry.process);
        let (process, thread) = (u64::from(entry.process.0), u64::from(entry.task.0));
        if entry.process.leader() == entry.task {
            self.label("process_name", process, thread, &entry.name)?;
            self.label("process_name", STATES + process, thread, &format!("{}: states", entry.name))?;
        }
        self.label("thread_name", process, thread, &entry.name)?;
        self.label("thread_name", STATES + process, thread, &entry.name)
    }

    fn label(&mut self, what: &str, process: u64, thread: u64, name: &str) -> io::Result<()> {
        self.put(&json!({"ph": "M", "name": what, "pid": process, "tid": thread, "args": {"name": name}}))
    }

    fn place(&self, lane: Lane) -> (u64, u64) {
        let process = |task: Tid| u64::from(self.processes.get(&task).map_or(task.0, |process| process.0));
        match lane {
            Lane::Cpu(cpu) => (0, cpu.0.into()),
            Lane::Kernel(cpu) => (1, cpu.0.into()),
            Lane::Machine => (1, u64::from(u16::MAX) + 1),
            Lane::Calls(task) => (process(task), task.0.into()),
            Lane::State(task) => (STATES + process(task), task.0.into()),
        }
    }

    fn draw(&mut self, lanes: &Lanes, event: Option<&Event>, names: &Names) -> io::Result<()> {
        for mark in lanes.marks() {
            let at = micros(mark.at);
            match &mark.what {
                What::Begin { lane, name, told } => {
                    let args = self.args(event.filter(|_| *told), names);
                    let open = Open { at: mark.at, name: name.text(names).into_owned(), args };
                    self.open.entry(*lane).or_default().push(open);
                }
                What::End { lane, told } => {
                    let Some(mut open) = self.open.get_mut(lane).and_then(Vec::pop) else { continue };
                    if let Some(event) = event.filter(|_| *told) {
                        fields(event, names, &mut open.args);
                    }
                    let (process, thread) = self.place(*lane);
                    self.put(&json!({"ph": "X", "name": open.name, "pid": process, "tid": thread,
                        "ts": micros(open.at), "dur": micros(mark.at - open.at), "args": open.args}))?;
                }
                What::Moment { lane, name, starts, ends } => {
                    let (process, thread) = self.place(*lane);
                    let args = self.args(event, names);
                    self.put(
                        &json!({"ph": "i", "s": "t", "name": name.text(names), "pid": process, "tid": thread,
                        "ts": at, "args": args}),
                    )?;
                    if let Some(id) = starts {
                        self.put(&json!({"ph": "s", "id": id, "name": "arrow", "cat": "arrow",
                            "pid": process, "tid": thread, "ts": at}))?;
                    }
                    for id in &lanes.ends()[ends.clone()] {
                        self.put(&json!({"ph": "f", "bp": "e", "id": id, "name": "arrow", "cat": "arrow",
                            "pid": process, "tid": thread, "ts": at}))?;
                    }
                }
                What::Count { counter, value } => {
                    self.put(&json!({"ph": "C", "name": counter.name(names), "pid": 0, "tid": 0,
                        "ts": at, "args": {"value": value}}))?;
                }
            }
        }
        Ok(())
    }

    fn args(&self, event: Option<&Event>, names: &Names) -> Map<String, Json> {
        let mut args = Map::new();
        let Some(event) = event else { return args };
        fields(event, names, &mut args);
        if event.step != StepId::NONE
            && let Some(step) = self.steps.get(event.step.index())
        {
            args.insert("step".to_owned(), step.text.as_str().into());
            args.insert("line".to_owned(), step.line.into());
        }
        args
    }

    fn put(&mut self, entry: &Json) -> io::Result<()> {
        self.bytes.extend_from_slice(if std::mem::take(&mut self.first) { b"\n" } else { b",\n" });
        serde_json::to_writer(&mut self.bytes, entry)?;
        if self.bytes.len() >= CHUNK {
            self.out.write_all(&self.bytes)?;
            self.bytes.clear();
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.bytes.extend_from_slice(b"\n]}\n");
        self.out.write_all(&self.bytes)?;
        self.out.flush()
    }
}

/// The format's times are microseconds; the fraction keeps nanoseconds.
fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1_000.0
}

fn fields(event: &Event, names: &Names, args: &mut Map<String, Json>) {
    event.kind.each_field(|name, value| {
        let value = match value {
            Value::Number(number) => number.into(),
            Value::Result(result) => result.into(),
            Value::Flag(flag) => flag.into(),
            other => names.of(other).into(),
        };
        args.insert(name.to_owned(), value);
    });
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::trace::Reader;

    fn exported(bytes: &[u8]) -> (Json, bool) {
        let mut out = Vec::new();
        let whole = write(&mut Reader::new(bytes).unwrap().boxed(), &mut out).is_ok();
        (serde_json::from_slice(&out).unwrap(), whole)
    }

    fn find<'a>(trace: &'a Json, sort: &str, name: &str) -> &'a Json {
        let events = trace["traceEvents"].as_array().unwrap();
        events.iter().find(|event| event["ph"] == sort && event["name"] == name).unwrap()
    }

    #[test]
    fn slices_moments_and_names_come_back() {
        let (trace, whole) = exported(&samples::bytes());
        assert!(whole);
        assert_eq!(trace["otherData"]["question"], "Does it\nescape?");
        let waits = find(&trace, "X", "waits: pipe-read ping");
        assert_eq!((&waits["pid"], &waits["tid"]), (&json!(STATES + 2), &json!(2)));
        assert_eq!((&waits["ts"], &waits["dur"]), (&json!(0.2), &json!(4.8)));
        let read = find(&trace, "X", "read");
        assert_eq!(
            (&read["args"]["step"], &read["args"]["line"]),
            (&json!("{ read = \"ping\" }"), &json!(12))
        );
        assert_eq!(read["args"]["result"], -32, "the end of a call tells its result");
        assert_eq!(find(&trace, "X", "switch: blocked")["args"]["on"], "pipe-read");
        assert_eq!(find(&trace, "i", "print")["args"]["text"], "line one\nline \"two\", and more");
        assert_eq!(find(&trace, "C", "bytes in ping")["args"]["value"], 7);
        assert_eq!(find(&trace, "s", "arrow")["ts"], json!(0.8));
        let named = find(&trace, "M", "thread_name");
        assert_eq!(named["args"]["name"], "CPU 0");
    }

    #[test]
    fn a_cut_trace_is_still_json() {
        let bytes = samples::bytes();
        let (trace, whole) = exported(&bytes[..bytes.len() - 20]);
        assert!(!whole);
        find(&trace, "i", "print");
    }
}
