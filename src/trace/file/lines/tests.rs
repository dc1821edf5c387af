//! Traces that go through JSON lines, and lines that can't be read.

use proptest::prelude::*;

use super::*;
use crate::export::{self, Options};
use crate::ids::{CallId, NameId, ObjectId, Pid, Vector};
use crate::trace::event::{Kind, Why};
use crate::trace::header::{ObjectEntry, Outcome, SCHEMA, VectorEntry};
use crate::trace::kinds::samples;
use crate::trace::{Reader, Trace};

/// A trace in which two objects, two texts and two vectors have the same name, and one is called like a number.
fn trace(kinds: Vec<Kind>) -> Trace {
    let mut trace = crate::export::samples::trace();
    let object = |name: &str| ObjectEntry { kind: "file".to_owned(), name: name.to_owned() };
    trace.header.objects.extend([object("#9"), object("ping"), object("\u{202e}a\0\n🙂<b>\"&'\\")]);
    let vector =
        |vector, name: &str| VectorEntry { vector: Vector(vector), name: name.to_owned(), device: None };
    trace.header.vectors.extend([vector(34, "disk"), vector(33, "again")]);
    trace.names = ["one", "#1", "one", "\u{202e}<script>\0\r\n"].map(str::to_owned).to_vec();
    let places = [(None, 0, StepId::NONE), (Some(1), 2, StepId(0)), (Some(u16::MAX), u32::MAX, StepId(5))];
    let event = |(index, kind): (usize, Kind)| {
        let (cpu, task, step) = places[index % 3];
        Event { at: Instant::from_nanos(7 * index as u64), cpu: cpu.map(CpuId), task: Tid(task), step, kind }
    };
    trace.events = kinds.into_iter().enumerate().map(event).collect();
    trace
}

fn lines_of(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let exporter = export::by_name("jsonl").unwrap();
    let _ = exporter.write(&mut Reader::new(bytes).unwrap().boxed(), &Options::default(), &mut out);
    out
}

fn back(lines: &[u8]) -> Result<Vec<u8>, TraceError> {
    transcode(lines, Vec::new())
}

#[test]
fn every_kind_comes_back_byte_by_byte() {
    let bytes = trace(samples::kinds()).write(Vec::new()).unwrap();
    assert_eq!(back(&lines_of(&bytes)).unwrap(), bytes);
}

#[test]
fn names_that_several_bear_come_back_as_the_right_one() {
    let mut kinds: Vec<Kind> = (0..6).map(|object| Kind::LockAcquired { object: ObjectId(object) }).collect();
    kinds.extend((0..6).map(|object| Kind::SchedSwitch {
        prev: Tid(1),
        next: Tid(2),
        why: Why::Blocked { on: crate::trace::Cause::Lock, object: Some(ObjectId(object)) },
    }));
    kinds.extend((0..6).map(|text| Kind::Print { text: NameId(text) }));
    kinds.extend((30..36).map(|vector| Kind::IrqHandlerEntry { vector: Vector(vector) }));
    kinds.extend((0..4).map(|call| Kind::SysEnter { call: CallId(call) }));
    let mut trace = trace(kinds);
    trace.header.calls.push("read".to_owned());
    let bytes = trace.write(Vec::new()).unwrap();
    assert_eq!(back(&lines_of(&bytes)).unwrap(), bytes);
}

#[test]
fn threads_and_names_keep_their_places_and_the_outcome_its_text() {
    let mut trace = trace(Vec::new());
    trace.outcome = Outcome::Deadlock { text: "circle: a -> \"b\"\n".to_owned() };
    trace.lost = 3;
    let (mut writer, event) = (Writer::new(Vec::new(), &trace.header).unwrap(), |at, task, kind| Event {
        at: Instant::from_nanos(at),
        cpu: None,
        task: Tid(task),
        step: StepId::NONE,
        kind,
    });
    writer.event(event(5, 2, Kind::SchedExit));
    let text = writer.name("late");
    writer.event(event(4, 2, Kind::Print { text }));
    writer.task(Tid(40), Pid(40), Tid(2), &|| "born, late".to_owned());
    writer.event(event(u64::MAX, 40, Kind::SchedExit));
    let bytes = writer.finish(trace.end, trace.outcome, trace.lost).unwrap();
    assert_eq!(back(&lines_of(&bytes)).unwrap(), bytes);
}

#[test]
fn lines_without_their_end_are_a_cut_trace() {
    let bytes = trace(samples::kinds()).write(Vec::new()).unwrap();
    let lines = lines_of(&bytes);
    let header = lines.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    let (whole, _) = Trace::from_reader_partly(Reader::new(&bytes[..]).unwrap());
    for length in (header..lines.len() - 1).step_by(37) {
        let part = back(&lines[..length]).unwrap();
        let (read, error) = Trace::from_reader_partly(Reader::new(&part[..]).unwrap());
        assert!(matches!(error, Some(TraceError::Truncated { .. })), "{error:?} at {length}");
        assert_eq!(read.events, whole.events[..read.events.len()]);
    }
    assert!(matches!(back(&lines[..header - 2]), Err(TraceError::Line { line: 1, .. })));
    assert_eq!(back(&lines[..lines.len() - 1]).unwrap(), bytes, "the last line needs no end");
}

/// Lines with the second replaced.
fn with(line: &str) -> String {
    let bytes = trace(vec![Kind::SchedExit]).write(Vec::new()).unwrap();
    let lines = String::from_utf8(lines_of(&bytes)).unwrap();
    let header = lines.lines().next().unwrap();
    format!(
        "{header}\n{line}\n{{\"footer\":{{\"events\":1,\"end\":0,\"outcome\":{{\"how\":\"finished\"}},\"lost\":0}}}}\n"
    )
}

#[test]
fn wrong_lines_are_told_with_their_number() {
    let told = |line: &str| back(with(line).as_bytes()).unwrap_err().to_string();
    let event =
        |kind: &str, fields: &str| format!("{{\"at\":1,\"task\":2,\"kind\":\"{kind}\",\"fields\":{fields}}}");
    for (line, part) in [
        ("nonsense".to_owned(), "line 2: it isn't as it should be"),
        ("{}".to_owned(), "line 2: there is no `kind`"),
        ("{\"kind\":\"sched_exit\",\"task\":1}".to_owned(), "line 2: there is no `at`"),
        (event("sched_dream", "{}"), "line 2: the kind `sched_dream` is unknown"),
        (event("sys_enter", "{}"), "line 2: there is no `call` in `fields`"),
        (
            event("sys_enter", "{\"call\":\"fly\"}"),
            "line 2: `call` is \"fly\", which nothing before is called",
        ),
        (event("sys_enter", "{\"call\":70000}"), "line 2: a number is too large for its field"),
        (event("sys_enter", "{\"call\":-1}"), "line 2: `call` isn't a number from 0"),
        (event("page_fault_user", "{\"page\":1,\"fault\":\"odd\"}"), "line 2: `fault` is \"odd\""),
        (event("signal_deliver", "{\"signal\":\"SIGFUN\",\"handled\":true}"), "there is no signal `SIGFUN`"),
        ("{\"name\":{\"number\":3,\"text\":\"x\"}}".to_owned(), "line 2: the name 3 isn't the next, 0"),
        ("{\"header\":{}}".to_owned(), "line 2: there is a second header"),
        (format!("{0}\n{0}", event("sched_exit", "{}")), "line 4: there are 2 events, but the footer says 1"),
    ] {
        let told = told(&line);
        assert!(told.contains(part), "{told:?} for {line}");
    }
    let behind = with(&event("sched_exit", "{}")) + "\n{}\n";
    assert!(back(behind.as_bytes()).unwrap_err().to_string().contains("line 5: there is something behind"));
}

#[test]
fn foreign_and_future_files_are_told_apart() {
    assert!(matches!(back(b""), Err(TraceError::Foreign)));
    assert!(matches!(back(b"{\"traceEvents\":[]}\n"), Err(TraceError::Foreign)));
    assert!(matches!(back(b"{\n \"meta\": 1}\n"), Err(TraceError::Foreign)));
    let future = format!("{{\"header\":{{\"schema\":{}}}}}\n", SCHEMA + 1);
    assert!(matches!(back(future.as_bytes()), Err(TraceError::Future { .. })));
    assert!(matches!(back(b"{\"header\":{\"schema\":1}}\n"), Err(TraceError::Line { line: 1, .. })));
}

#[test]
fn a_file_of_lines_opens_as_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.jsonl");
    let trace = trace(samples::kinds());
    std::fs::write(&path, lines_of(&trace.write(Vec::new()).unwrap())).unwrap();
    let read = Trace::read(&path).unwrap();
    assert_eq!((read.events, read.header), (trace.events, trace.header));
}

/// Any kind with any fields, by way of the decoder.
fn kinds() -> impl Strategy<Value = Kind> {
    let numbers = prop::collection::vec(prop_oneof![0u64..8, any::<u64>()], 8);
    (0..KINDS.len(), numbers, any::<u32>()).prop_filter_map("not a kind", |(row, numbers, task)| {
        let mut bytes = [0; super::super::varint::SLOT];
        let mut slot = super::super::varint::Slot::new(&mut bytes);
        numbers.iter().take(5).for_each(|&number| slot.uint(number));
        let mut cursor = super::super::varint::Cursor::new(&bytes, 0);
        codec::decode_fields(KINDS[row].code, task, &mut cursor).ok()
    })
}

proptest! {
    #[test]
    fn any_events_come_back_byte_by_byte(
        events in prop::collection::vec(
            (any::<u64>(), any::<Option<u16>>(), any::<u32>(), any::<u32>(), kinds()), 0..60),
        names in prop::collection::vec("(a|b|#[0-9]|\\PC{0,3}|[\\x00-\\x1f])", 0..6),
    ) {
        let mut trace = trace(Vec::new());
        trace.names = names;
        trace.events = events
            .into_iter()
            .map(|(at, cpu, task, step, kind)| Event {
                at: Instant::from_nanos(at), cpu: cpu.map(CpuId), task: Tid(task), step: StepId(step), kind,
            })
            .collect();
        let bytes = trace.write(Vec::new()).unwrap();
        prop_assert_eq!(back(&lines_of(&bytes)).unwrap(), bytes);
    }

    #[test]
    fn damaged_lines_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut lines = lines_of(&trace(samples::kinds()).write(Vec::new()).unwrap());
        for (position, value) in changes {
            let position = position.index(lines.len());
            lines[position] = value;
        }
        let _ = back(&lines);
    }
}
