//! Every format, of a trace full of names that could break it, of an empty one, and of damaged ones: whatever comes
//! out can be read as what it claims to be.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value as Json;

use super::graph::GRAPHS;
use super::*;
use crate::ids::{NameId, ObjectId, Tid};
use crate::trace::event::{Event, Kind};
use crate::trace::header::TaskEntry;
use crate::trace::kinds::samples as kinds;
use crate::trace::{Trace, TraceError};

/// Markup, quotes, line ends, what other formats take for theirs, other scripts, a reversed one, and no text at all.
const AWKWARD: [&str; 12] = [
    "<script>alert('x')</script>",
    "say \"hi\", 'you' & `me`",
    "two\nlines\r\nand a\ttab",
    "nul\0bell\u{7}escape\u{1b}[31m",
    "🙂 数 שלום \u{202e}gnp.exe",
    "back\\slash \\N \\n %20 %%{init}%% #quot; &amp;",
    "]]> --> n1[\"x\"]; { } | -->|x| subgraph end",
    "line\u{2028}separator\u{feff}",
    "=cmd|'/c calc'!A0",
    "",
    "#7",
    "--- title: x",
];

/// Each awkward text in each place that has one.
fn trace() -> Trace {
    let mut trace = samples::trace();
    let header = &mut trace.header;
    header.scenario = AWKWARD.join("");
    header.question = AWKWARD.join(" ");
    header.calls = AWKWARD.map(str::to_owned).to_vec();
    let (object, step, vector) =
        (header.objects[0].clone(), header.steps[0].clone(), header.vectors[0].clone());
    header.objects.clear();
    header.steps.clear();
    header.vectors.clear();
    trace.tasks.clear();
    trace.names.clear();
    let template = trace.events[1];
    trace.events.clear();
    for (index, text) in AWKWARD.iter().enumerate() {
        let text = (*text).to_owned();
        let number = index as u32;
        let mut object = object.clone();
        (object.kind, object.name) = (text.clone(), text.clone());
        header.objects.push(object);
        let mut step = step.clone();
        (step.text, step.verb, step.program) = (text.clone(), text.clone(), text.clone());
        header.steps.push(step);
        let mut vector = vector.clone();
        (vector.vector.0, vector.name) = (40 + index as u8, text.clone());
        header.vectors.push(vector);
        let task = Tid(2 + number);
        trace.tasks.push(TaskEntry {
            task,
            process: task.leads(),
            parent: Tid(1 + number),
            name: text.clone(),
            start: crate::time::Instant::START,
        });
        trace.names.push(text);
    }
    header.initial.clone_from(&trace.tasks);
    for index in 0..AWKWARD.len() as u32 {
        let text = NameId(index);
        let object = ObjectId(index);
        let mut all = kinds::kinds();
        all.extend([
            Kind::Print { text },
            Kind::ProcessExec { program: text },
            Kind::MessageSend { object, bytes: 5 },
            Kind::MessageReceive { object, bytes: 3 },
            Kind::LockAcquired { object },
            Kind::SchedSwitch {
                prev: Tid(2 + index),
                next: Tid(3 + index),
                why: crate::trace::Why::Blocked { on: crate::trace::Cause::Lock, object: Some(object) },
            },
        ]);
        let event = |kind| Event { kind, task: Tid(2 + index), step: crate::ids::StepId(index), ..template };
        trace
            .events
            .extend(all.into_iter().filter(|kind| !matches!(kind, Kind::ProcessExit { .. })).map(event));
    }
    trace
}

fn exported(
    exporter: &Exporter,
    bytes: &[u8],
    graph: &'static GraphRow,
) -> (Vec<u8>, Result<(), ExportError>) {
    let mut out = Vec::new();
    let result = match Reader::new(bytes) {
        Ok(reader) => exporter.write(&mut reader.boxed(), &Options { graph }, &mut out),
        Err(error) => Err(error.into()),
    };
    (out, result)
}

/// Panics if the bytes aren't what the format promises; `events` is how many are told of.
fn check(format: &str, out: &[u8], events: usize) {
    let text = || std::str::from_utf8(out).expect("UTF-8");
    match format {
        "jsonl" => {
            let lines = text().lines().map(|line| serde_json::from_str::<Json>(line).expect("a JSON line"));
            assert_eq!(lines.filter(|line| line.get("kind").is_some()).count(), events);
        }
        "csv" => {
            let mut table = ::csv::Reader::from_reader(out);
            assert_eq!(table.records().collect::<Result<Vec<_>, _>>().expect("rows").len(), events);
        }
        "parquet" => {
            use ::parquet::file::reader::{FileReader, SerializedFileReader};
            let file = SerializedFileReader::new(bytes::Bytes::copy_from_slice(out)).expect("Parquet");
            let rows = file.get_row_iter(None).expect("rows");
            assert_eq!(rows.collect::<Result<Vec<_>, _>>().expect("rows").len(), events);
        }
        "perfetto" => {
            let mut rest = out;
            while !rest.is_empty() {
                assert_eq!(rest[0], 0x0a, "the field `packet`");
                rest = &rest[1..];
                let packet: perfetto::proto::TracePacket =
                    prost::Message::decode_length_delimited(&mut rest).expect("a packet");
                drop(packet);
            }
        }
        "chrome" => {
            let json: Json = serde_json::from_slice(out).expect("JSON");
            assert!(json["traceEvents"].is_array());
        }
        "firefox" => {
            let json: Json = serde_json::from_slice(out).expect("JSON");
            assert!(json["threads"].is_array() && json["shared"]["stringArray"].is_array());
        }
        "ftrace" => {
            assert!(!text().contains(|c: char| c.is_control() && c != '\n'));
            assert_eq!(text().lines().filter(|line| !line.starts_with('#')).count(), events);
        }
        "dot" => check_dot(text()),
        "mermaid" => check_mermaid(text()),
        "trace" => {
            let trace = Trace::from_reader(Reader::new(out).expect("a trace")).expect("a whole trace");
            assert_eq!(trace.events.len(), events);
        }
        other => panic!("say here how {other} is checked"),
    }
}

/// Statements on lines, and quoted texts that end on theirs.
fn check_dot(text: &str) {
    assert!(text.starts_with("digraph trapline {\n") && text.ends_with("\n}\n"));
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
    for line in text.lines().skip(1).filter(|line| *line != "}") {
        let mut quoted = false;
        let mut letters = line.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '\\' if quoted => assert!(letters.next().is_some(), "{line}"),
                '"' => quoted = !quoted,
                '<' | '>' | '{' | '}' | ';' if !quoted => {
                    let rest = letters.as_str();
                    assert!(line.contains("->") && letter == '>' || rest.is_empty(), "{letter} in {line}");
                }
                _ => {}
            }
        }
        assert!(!quoted && line.ends_with("];"), "{line}");
    }
}

/// A head, and lines whose texts have nothing in them that means something.
fn check_mermaid(text: &str) {
    let lines: Vec<&str> = text.split('\n').collect();
    assert_eq!((lines[0], lines[2], lines[3]), ("---", "---", "flowchart LR"));
    serde_json::from_str::<Json>(lines[1].strip_prefix("title: ").expect("a title")).expect("a quoted title");
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
    for line in &lines[4..] {
        let parts: Vec<&str> = line.split('"').collect();
        assert!([1, 3].contains(&parts.len()), "{line}");
        if let [_, label, _] = parts[..] {
            let label = label.replace("<br/>", "");
            assert!(!label.contains(['<', '>', '&', '`', '%', '\\']), "{line}");
            let numbered = label
                .split('#')
                .skip(1)
                .all(|rest| rest.split_once(';').is_some_and(|(number, _)| number.parse::<u32>().is_ok()));
            assert!(numbered, "{line}");
        }
    }
}

#[test]
fn awkward_names_break_no_format() {
    let trace = trace();
    let bytes = trace.write(Vec::new()).unwrap();
    for exporter in EXPORTERS {
        for graph in GRAPHS {
            let (out, result) = exported(exporter, &bytes, graph);
            result.unwrap();
            check(exporter.name, &out, trace.events.len());
        }
    }
}

#[test]
fn names_come_out_as_they_are_where_the_format_can_hold_them() {
    let bytes = trace().write(Vec::new()).unwrap();
    let out = |name: &str| exported(by_name(name).unwrap(), &bytes, &GRAPHS[0]).0;
    let chrome: Json = serde_json::from_slice(&out("chrome")).unwrap();
    let firefox: Json = serde_json::from_slice(&out("firefox")).unwrap();
    let csv = ::csv::Reader::from_reader(&out("csv")[..]).records().map(Result::unwrap).collect::<Vec<_>>();
    for text in AWKWARD {
        let labelled = |event: &Json| event["ph"] == "M" && event["args"]["name"] == text;
        assert!(chrome["traceEvents"].as_array().unwrap().iter().any(labelled), "{text:?}");
        assert!(
            firefox["threads"].as_array().unwrap().iter().any(|thread| thread["name"] == text),
            "{text:?}"
        );
        assert!(csv.iter().any(|row| &row[3] == text), "{text:?}");
    }
}

#[test]
fn an_empty_trace_is_a_whole_file_of_every_format() {
    let mut trace = samples::trace();
    trace.events.clear();
    trace.names.clear();
    let mut bare = trace.clone();
    bare.tasks.clear();
    bare.header.initial.clear();
    bare.header.cpus = 0;
    for trace in [trace, bare] {
        let bytes = trace.write(Vec::new()).unwrap();
        for exporter in EXPORTERS {
            for graph in GRAPHS {
                let (out, result) = exported(exporter, &bytes, graph);
                result.unwrap();
                check(exporter.name, &out, 0);
            }
        }
    }
}

#[test]
fn a_cut_trace_is_written_up_to_the_cut_and_then_told() {
    let bytes = samples::bytes();
    let events = samples::trace().events.len();
    for exporter in EXPORTERS {
        for graph in GRAPHS {
            let (out, result) = exported(exporter, &bytes[..bytes.len() - 20], graph);
            let error = result.unwrap_err();
            assert!(matches!(error, ExportError::Trace(TraceError::Truncated { .. })), "{error}");
            check(exporter.name, &out, events);
        }
    }
}

#[test]
fn every_format_has_an_end_wherever_the_trace_is_damaged() {
    let bytes = trace().write(Vec::new()).unwrap();
    let whole = Trace::from_reader(Reader::new(&bytes[..]).unwrap()).unwrap().events.len();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for at in (0..bytes.len()).step_by(bytes.len() / 40) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x41;
        for exporter in EXPORTERS {
            let (out, result) = exported(exporter, &damaged, &GRAPHS[1]);
            assert!(result.is_err(), "{} at {at}", exporter.name);
            if !out.is_empty() {
                check(exporter.name, &out, if exporter.name == "perfetto" { whole } else { count(&damaged) });
                *seen.entry(exporter.name).or_default() += 1;
            }
        }
    }
    assert!(EXPORTERS.iter().all(|exporter| seen[exporter.name] > 3), "{seen:?}");
}

/// How many events can be read.
fn count(bytes: &[u8]) -> usize {
    Trace::from_reader_partly(Reader::new(bytes).unwrap()).0.events.len()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_names_break_no_format(text in "\\PC{0,12}|[\\x00-\\x7f]{0,12}") {
        let mut trace = samples::trace();
        trace.header.scenario = text.clone();
        trace.header.objects[0].name = text.clone();
        trace.header.initial[0].name = text.clone();
        trace.tasks[0].name = text.clone();
        trace.names[0] = text;
        let bytes = trace.write(Vec::new()).unwrap();
        for exporter in EXPORTERS {
            for graph in GRAPHS {
                let (out, result) = exported(exporter, &bytes, graph);
                prop_assert!(result.is_ok());
                check(exporter.name, &out, trace.events.len());
            }
        }
    }
}
