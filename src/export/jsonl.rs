//! JSON lines: one JSON object per line, for `jq`, pandas and whatever else reads JSON.
//!
//! The first line is `{"header":...}`, the last `{"footer":...}`, and each line between is an
//! event, with names in place of numbers; a text (`{"name":...}`) and a thread (`{"thread":...}`) that the header
//! doesn't list come before the first event that names them. A number that nothing in the trace names is written as
//! `#7`; where the name alone would lead to another number, a field with `_number` behind its name says which. So
//! nothing is lost: `trace::file` reads these lines as a trace.
//!
//! Objects are put together by hand, since building each as a tree would cost ten times more.

use std::collections::HashSet;
use std::io::Write;

use crate::ids::StepId;
use crate::trace::fields::Value;
use crate::trace::{Event, Header, Record};

use super::names::Names;
use super::{ExportError, Exporter, Input, Writes};

pub const EXPORTER: Exporter = Exporter {
    name: "jsonl",
    endings: &["jsonl"],
    doc: "JSON lines: the header, one object per event with all names resolved, the footer.",
    writes: Writes::Events(write),
};

/// So many bytes are collected before they are written.
const CHUNK: usize = 64 * 1024;

fn write(input: &mut Input<'_>, out: &mut dyn Write) -> Result<(), ExportError> {
    let mut names = Names::new(input.header(), quoted);
    let mut line = Line {
        bytes: Vec::with_capacity(2 * CHUNK),
        number: itoa::Buffer::new(),
        clear: Clear::new(input.header()),
    };
    line.whole("header", &serde_json::to_string(input.header()).map_err(std::io::Error::from)?);
    for record in input.by_ref() {
        match record {
            Ok(Record::Event(event)) => line.event(&event, &names),
            Ok(other) => {
                names.learn(&other);
                line.other(&other)?;
            }
            Err(error) => {
                out.write_all(&line.bytes)?;
                return Err(error.into());
            }
        }
        if line.bytes.len() >= CHUNK {
            out.write_all(&line.bytes)?;
            line.bytes.clear();
        }
    }
    line.whole("footer", &serde_json::to_string(&input.footer()).map_err(std::io::Error::from)?);
    out.write_all(&line.bytes)?;
    out.flush()?;
    Ok(())
}

/// A text as a JSON string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Which numbers are found again by their names: the first that bears a name, unless that looks like a number.
struct Clear {
    calls: Vec<bool>,
    objects: Vec<bool>,
    vectors: [bool; 256],
    texts: Vec<bool>,
    /// The texts so far. Asked only, never walked.
    seen: HashSet<String>,
}

impl Clear {
    fn new(header: &Header) -> Clear {
        let mut seen = HashSet::new();
        let calls = header.calls.iter().map(|call| first(&mut seen, call)).collect();
        seen.clear();
        let objects = header.objects.iter().map(|object| first(&mut seen, &object.name)).collect();
        seen.clear();
        // Of two entries for one vector, the last gives its name.
        let mut vectors = [false; 256];
        for entry in &header.vectors {
            vectors[entry.vector.index()] = first(&mut seen, &entry.name);
        }
        seen.clear();
        Clear { calls, objects, vectors, texts: Vec::new(), seen }
    }
}

fn first(seen: &mut HashSet<String>, name: &str) -> bool {
    seen.insert(name.to_owned()) && !name.starts_with('#')
}

/// The lines under construction.
struct Line {
    bytes: Vec<u8>,
    number: itoa::Buffer,
    clear: Clear,
}

impl Line {
    fn whole(&mut self, key: &str, json: &str) {
        self.raw("{");
        self.key(key);
        self.raw(json);
        self.raw("}\n");
    }

    /// A text or a thread that comes with the stream.
    fn other(&mut self, record: &Record) -> std::io::Result<()> {
        match record {
            Record::Name(number, text) => {
                let clear = first(&mut self.clear.seen, text);
                self.clear.texts.push(clear);
                self.raw("{\"name\":{\"number\":");
                self.number(number.0);
                self.raw(",\"text\":");
                self.raw(&quoted(text));
                self.raw("}}\n");
            }
            Record::Task(entry) => self.whole("thread", &serde_json::to_string(entry)?),
            Record::Event(_) => {}
        }
        Ok(())
    }

    fn event(&mut self, event: &Event, names: &Names) {
        self.raw("{\"at\":");
        self.number(event.at.as_nanos());
        if let Some(cpu) = event.cpu {
            self.raw(",\"cpu\":");
            self.number(cpu.0);
        }
        self.raw(",\"task\":");
        self.number(event.task.0);
        if let Some(name) = names.task(event.task) {
            self.raw(",\"task_name\":");
            self.raw(name);
        }
        if event.step != StepId::NONE {
            self.raw(",\"step\":");
            self.number(event.step.0);
            if let Some(line) = names.line(event.step) {
                self.raw(",\"line\":");
                self.number(line);
            }
        }
        self.raw(",\"kind\":\"");
        self.raw(event.kind.name());
        self.raw("\",\"fields\":{");
        let mut first = true;
        event.kind.each_field(|name, value| {
            if !std::mem::take(&mut first) {
                self.raw(",");
            }
            self.field(name, value, names);
        });
        self.raw("}}\n");
    }

    fn field(&mut self, name: &str, value: Value, names: &Names) {
        self.key(name);
        match value {
            Value::Task(task) => {
                self.number(task.0);
                if let Some(called) = names.task(task) {
                    self.raw(",\"");
                    self.raw(name);
                    self.raw("_name\":");
                    self.raw(called);
                }
            }
            Value::Process(process) => self.number(process.0),
            Value::Cpu(cpu) => self.number(cpu.0),
            Value::Call(call) => {
                let clear = self.clear.calls.get(call.index()).copied();
                self.named(name, names.call(call), call.0.into(), clear);
            }
            Value::Object(object) => {
                let clear = self.clear.objects.get(object.index()).copied();
                self.named(name, names.object(object), object.0, clear);
            }
            Value::Vector(vector) => {
                let clear = Some(self.clear.vectors[vector.index()]);
                self.named(name, names.vector(vector), vector.0.into(), clear);
            }
            Value::Name(text) => {
                let clear = self.clear.texts.get(text.index()).copied();
                self.named(name, names.text(text), text.0, clear);
            }
            Value::Signal(signal) => self.word(signal.name()),
            Value::Number(number) => self.number(number),
            Value::Result(result) => self.number(result),
            Value::Flag(flag) => self.raw(if flag { "true" } else { "false" }),
            Value::Word(word) => self.word(word),
        }
    }

    fn named(&mut self, field: &str, name: Option<&str>, number: u32, clear: Option<bool>) {
        match name {
            Some(name) => {
                self.raw(name);
                if clear == Some(false) {
                    self.raw(",\"");
                    self.raw(field);
                    self.raw("_number\":");
                    self.number(number);
                }
            }
            None => {
                self.raw("\"#");
                self.number(number);
                self.raw("\"");
            }
        }
    }

    fn key(&mut self, key: &str) {
        self.word(key);
        self.raw(":");
    }

    /// A word of ours, which has nothing to escape.
    fn word(&mut self, word: &str) {
        self.raw("\"");
        self.raw(word);
        self.raw("\"");
    }

    fn number(&mut self, number: impl itoa::Integer) {
        self.bytes.extend_from_slice(self.number.format(number).as_bytes());
    }

    fn raw(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::super::samples;
    use super::*;
    use crate::trace::Reader;

    fn lines() -> Vec<Json> {
        let bytes = samples::bytes();
        let mut out = Vec::new();
        write(&mut Reader::new(&bytes[..]).unwrap().boxed(), &mut out).unwrap();
        String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn header_events_and_footer_come_back() {
        let lines = lines();
        let trace = samples::trace();
        assert_eq!(lines[1], json!({"name": {"number": 0, "text": "line one\nline \"two\", and more"}}));
        let threads: Vec<_> = lines.iter().filter_map(|line| line.get("thread")).collect();
        assert_eq!((threads.len(), &threads[0]["name"]), (1, &json!("child, the first")));
        let events: Vec<_> = lines.iter().filter(|line| line.get("kind").is_some()).collect();
        assert_eq!((events.len(), lines.len()), (trace.events.len(), trace.events.len() + 4));
        let header: Header = serde_json::from_value(lines[0]["header"].clone()).unwrap();
        assert_eq!(header, trace.header);
        let footer = &lines[lines.len() - 1]["footer"];
        assert_eq!(
            *footer,
            json!({"events": trace.events.len(), "end": 5_000, "outcome": {"how": "finished"}, "lost": 0})
        );
        for (line, event) in events.iter().zip(&trace.events) {
            assert_eq!(line["at"], event.at.as_nanos());
            assert_eq!(line["kind"], event.kind.name());
            for field in event.kind.row().fields {
                assert!(!line["fields"][field.name].is_null(), "{}.{}", event.kind.name(), field.name);
            }
        }
    }

    #[test]
    fn numbers_are_resolved_to_names() {
        let lines = lines();
        let find = |kind: &str| lines.iter().find(|line| line["kind"] == kind).unwrap();
        assert_eq!(
            *find("sys_enter"),
            json!({"at": 100, "cpu": 0, "task": 2, "task_name": "say \"hi\"", "step": 0, "line": 12,
                   "kind": "sys_enter", "fields": {"call": "read"}})
        );
        assert_eq!(
            *find("sched_switch"),
            json!({"at": 200, "cpu": 0, "task": 2, "task_name": "say \"hi\"", "kind": "sched_switch", "fields": {
                   "prev": 2, "prev_name": "say \"hi\"", "next": 0, "next_name": "idle",
                   "why": "blocked", "on": "pipe-read", "object": "ping"}})
        );
        assert_eq!(find("interrupt_raised")["fields"], json!({"vector": "disk", "to": 1}));
        assert!(find("interrupt_raised").get("cpu").is_none());
        assert_eq!(find("irq_handler_entry")["fields"], json!({"vector": "#99"}));
        assert_eq!(find("process_fork")["fields"]["child_name"], "child, the first");
        assert_eq!(find("sys_exit")["fields"]["result"], -32);
        assert_eq!(find("signal_deliver")["fields"]["signal"], "SIGPIPE");
        assert_eq!(find("print")["fields"]["text"], "line one\nline \"two\", and more");
    }
}
