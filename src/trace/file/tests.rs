//! Whole files: what is written comes back, and what is damaged is refused without a panic.

use std::io::{self, Write};

use proptest::prelude::*;

use super::*;
use crate::ids::{CallId, CpuId, NameId, ObjectId, Pid, StepId, Tid};
use crate::time::Instant;
use crate::trace::event::{Event, Kind};
use crate::trace::header::{Header, Outcome, SCHEMA, Source, TaskEntry};
use crate::trace::kinds::samples;
use crate::trace::sink::{Memory, Sink};

fn header() -> Header {
    let entry = |task, name: &str| TaskEntry {
        task: Tid(task),
        process: Pid(task),
        parent: Tid::INIT,
        name: name.to_owned(),
        start: Instant::START,
    };
    Header {
        schema: SCHEMA,
        tool_version: "0.1.0".to_owned(),
        scenario: "pipe".to_owned(),
        scenario_hash: "ab".to_owned(),
        question: "How long?".to_owned(),
        seed: 7,
        source: Source::Simulated,
        cpus: 2,
        costs: "textbook".to_owned(),
        costs_hash: "cd".to_owned(),
        observes: Vec::new(),
        fingerprint: String::new(),
        calls: vec!["read".to_owned(), "write".to_owned()],
        steps: Vec::new(),
        objects: Vec::new(),
        vectors: Vec::new(),
        initial: vec![entry(2, "parent")],
        programs: Vec::new(),
        memory: Default::default(),
    }
}

/// Puts one event of every kind, two texts and a thread into a sink.
fn fill(sink: &mut impl Sink) {
    assert_eq!(sink.name("child"), NameId(0));
    sink.task(Tid(2), Pid(2), Tid(1), &|| "parent".to_owned());
    for (index, kind) in samples::kinds().into_iter().enumerate() {
        let at = Instant::from_nanos(100 * index as u64);
        if let Kind::ProcessFork { child, process } = kind {
            sink.task(child, process, Tid(2), &|| "child".to_owned());
        }
        if matches!(kind, Kind::Print { .. }) {
            assert_eq!(sink.name("héllo"), NameId(1));
            assert_eq!(sink.name("child"), NameId(0));
        }
        sink.event(Event { at, cpu: Some(CpuId(0)), task: Tid(2), step: StepId(4), kind });
    }
}

fn small_file() -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &header()).unwrap();
    fill(&mut writer);
    let outcome = Outcome::Deadlock { text: "parent waits".to_owned() };
    writer.finish(Instant::from_nanos(9_999), outcome, 3).unwrap()
}

/// Longer than three blocks, with a text that is longer than one.
fn long_file() -> (Vec<u8>, Memory) {
    let mut memory = Memory::new();
    let mut writer = Writer::new(Vec::new(), &header()).unwrap();
    for sink in [&mut memory as &mut dyn Fill, &mut writer] {
        sink.fill_long();
    }
    (writer.finish(Instant::from_nanos(1), Outcome::Finished, 0).unwrap(), memory)
}

trait Fill {
    fn fill_long(&mut self);
}

impl<S: Sink> Fill for S {
    fn fill_long(&mut self) {
        for index in 0..60_000 {
            if index % 25_000 == 0 {
                self.name(&"x".repeat(index * 4));
            }
            let kind = Kind::MessageSend { object: ObjectId(index as u32 % 3), bytes: index as u64 };
            let at = Instant::from_nanos(index as u64 * 7);
            self.event(Event {
                at,
                cpu: Some(CpuId((index % 2) as u16)),
                task: Tid(2),
                step: StepId::NONE,
                kind,
            });
        }
    }
}

fn read(bytes: &[u8]) -> Result<Trace, TraceError> {
    Trace::from_reader(Reader::new(bytes)?)
}

#[test]
fn what_is_written_comes_back() {
    let trace = read(&small_file()).unwrap();
    let mut memory = Memory::new();
    fill(&mut memory);
    assert_eq!(trace.header, header());
    assert_eq!(trace.events, memory.events);
    assert_eq!(trace.names, ["child", "héllo"]);
    assert_eq!(trace.end, Instant::from_nanos(9_999));
    assert_eq!(trace.outcome, Outcome::Deadlock { text: "parent waits".to_owned() });
    assert_eq!(trace.lost, 3);
    // The header's thread once, and the child from the moment of its fork.
    let tasks: Vec<_> = trace.tasks.iter().map(|task| (task.task.0, task.name.as_str())).collect();
    assert_eq!(tasks, [(2, "parent"), (9, "child")]);
    let fork = trace.events.iter().find(|event| matches!(event.kind, Kind::ProcessFork { .. })).unwrap();
    assert_eq!(trace.tasks[1].start, fork.at);
}

#[test]
fn a_trace_from_memory_equals_the_one_from_the_file() {
    let mut memory = Memory::new();
    fill(&mut memory);
    let outcome = Outcome::Deadlock { text: "parent waits".to_owned() };
    let mut trace = Trace::from_memory(header(), memory, Instant::from_nanos(9_999), outcome);
    trace.lost = 3;
    assert_eq!(trace, read(&small_file()).unwrap());
    assert_eq!(read(&trace.write(Vec::new()).unwrap()).unwrap(), trace);
}

#[test]
fn records_that_need_many_blocks_come_back() {
    let (bytes, memory) = long_file();
    let trace = read(&bytes).unwrap();
    assert_eq!(trace.events, memory.events);
    assert_eq!(trace.names, memory.names);
    assert!(bytes.len() > 3 * BLOCK);
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    assert_eq!(small_file(), small_file());
}

#[test]
fn a_time_that_runs_backwards_comes_back_as_it_was() {
    let mut writer = Writer::new(Vec::new(), &header()).unwrap();
    let times = [500, 400, u64::MAX, 0];
    for at in times {
        let kind = Kind::SysEnter { call: CallId(0) };
        writer.event(Event {
            at: Instant::from_nanos(at),
            cpu: None,
            task: Tid(2),
            step: StepId::NONE,
            kind,
        });
    }
    let trace = read(&writer.finish(Instant::START, Outcome::Limit, 0).unwrap()).unwrap();
    assert_eq!(trace.events.iter().map(|event| event.at.as_nanos()).collect::<Vec<_>>(), times);
}

#[test]
fn every_cut_is_recognised_and_what_is_there_can_be_read() {
    let bytes = small_file();
    let whole = read(&bytes).unwrap();
    for len in 1..bytes.len() {
        let Ok(reader) = Reader::new(&bytes[..len]) else {
            assert!(matches!(read(&bytes[..len]), Err(TraceError::Truncated { events: 0 })), "{len}");
            continue;
        };
        let (part, error) = Trace::from_reader_partly(reader);
        let Some(TraceError::Truncated { events }) = error else { panic!("cut at {len}: {error:?}") };
        assert_eq!(events, part.events.len() as u64);
        assert_eq!(part.events[..], whole.events[..part.events.len()]);
        assert_eq!(part.outcome, Outcome::Interrupted);
    }
    // Only the end's magic is missing: all events are there.
    let (part, _) = Trace::from_reader_partly(Reader::new(&bytes[..bytes.len() - 8]).unwrap());
    assert_eq!(part.events, whole.events);
}

#[test]
fn every_changed_byte_is_noticed() {
    let bytes = small_file();
    let whole = read(&bytes).unwrap();
    for position in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[position] ^= 0x10;
        if let Ok(trace) = read(&changed) {
            panic!("byte {position} of {}: {}", bytes.len(), trace == whole);
        }
    }
}

#[test]
fn an_exchanged_block_is_noticed() {
    let (bytes, _) = long_file();
    let len_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize + 8;
    let first = 12 + len_at(12);
    let second = first + len_at(first);
    let without_first = [&bytes[..first], &bytes[second..]].concat();
    assert!(matches!(read(&without_first), Err(TraceError::Corrupt { .. })));
}

#[test]
fn foreign_and_newer_files_are_told_apart_from_damaged_ones() {
    assert!(matches!(read(b""), Err(TraceError::Foreign)));
    assert!(matches!(read(b"PK\x03\x04 something else"), Err(TraceError::Foreign)));
    let mut newer = small_file();
    newer[8] = 2;
    let error = read(&newer).unwrap_err();
    assert_eq!(
        error.to_string(),
        "this trace has format version 2, and this version of Trapline reads up to 1: use a newer Trapline"
    );
    let next = Header { schema: SCHEMA + 1, ..header() };
    let bytes = Writer::new(Vec::new(), &next).unwrap().finish(Instant::START, Outcome::Finished, 0).unwrap();
    assert!(matches!(read(&bytes), Err(TraceError::Future { what: "schema", found: 2, known: 1 })));
    let behind = [small_file(), b"more".to_vec()].concat();
    assert!(matches!(read(&behind), Err(TraceError::Corrupt { .. })));
}

#[test]
fn a_block_that_claims_an_absurd_length_takes_no_memory() {
    let mut bytes = small_file();
    bytes[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(read(&bytes), Err(TraceError::Corrupt { .. })));
    bytes[12..16].copy_from_slice(&(MAX_HEADER as u32).to_le_bytes());
    assert!(matches!(read(&bytes), Err(TraceError::Truncated { events: 0 })));
}

/// A disk with room for so many bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0 -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_first_error_of_the_disk_is_returned_at_the_end() {
    let mut writer = Writer::new(Full(100_000), &header()).unwrap();
    assert!(!writer.failed());
    writer.fill_long();
    assert!(writer.failed());
    let error = writer.finish(Instant::START, Outcome::Finished, 0).err().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}

#[test]
fn a_text_that_no_reader_would_accept_is_an_error() {
    let mut writer = Writer::new(io::sink(), &header()).unwrap();
    writer.name(&"x".repeat(MAX_BLOCK));
    let error = writer.finish(Instant::START, Outcome::Finished, 0).err().unwrap();
    assert!(error.to_string().contains("too long"), "{error}");
}

#[test]
fn a_file_appears_only_when_it_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.trace");
    let entries = || std::fs::read_dir(folder.path()).unwrap().count();

    drop(FileSink::create(&path, &header()).unwrap());
    assert_eq!(entries(), 0);

    let mut sink = FileSink::create(&path, &header()).unwrap();
    fill(&mut sink);
    assert!(!path.exists());
    sink.finish(Instant::from_nanos(9_999), Outcome::Deadlock { text: "parent waits".to_owned() }, 3)
        .unwrap();
    assert_eq!(entries(), 1);
    assert_eq!(std::fs::read(&path).unwrap(), small_file());
    assert_eq!(Trace::read(&path).unwrap(), read(&small_file()).unwrap());

    let missing = folder.path().join("no").join("run.trace");
    let error = FileSink::create(&missing, &header()).err().unwrap();
    assert!(error.to_string().starts_with("can't create the trace"), "{error}");
    assert!(matches!(Trace::read(&missing), Err(TraceError::File { doing: "open", .. })));
}

/// Reads everything; only the outcome "no panic" matters, and that an error comes last.
fn digest(bytes: &[u8]) -> bool {
    let Ok(mut reader) = Reader::new(bytes) else { return false };
    let mut failed = false;
    for record in reader.by_ref() {
        assert!(!failed, "there is a record behind an error");
        failed = record.is_err();
    }
    !failed && reader.footer().is_some()
}

/// Gives every block of a file the checksum that its bytes need, as an attacker would.
fn mend_checksums(bytes: &mut [u8]) {
    let mut checksum = crc32fast::Hasher::new();
    let mut at = 12;
    while at + 8 <= bytes.len() {
        let len = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let end = (at + 8).saturating_add(len);
        if end > bytes.len() {
            break;
        }
        checksum.update(&bytes[at + 8..end]);
        bytes[at + 4..at + 8].copy_from_slice(&checksum.clone().finalize().to_le_bytes());
        at = end;
    }
}

proptest! {
    #[test]
    fn damaged_files_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in any::<prop::sample::Index>(),
        mended in any::<bool>(),
    ) {
        let mut bytes = small_file();
        for (position, value) in changes {
            let position = position.index(bytes.len());
            bytes[position] = value;
        }
        if mended {
            mend_checksums(&mut bytes);
        }
        digest(&bytes);
        digest(&bytes[..cut.index(bytes.len())]);
    }

    #[test]
    fn damaged_records_with_right_checksums_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = small_file();
        let header = 12 + 8 + u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
        for (position, value) in changes {
            let position = header + 8 + position.index(bytes.len() - header - 8);
            bytes[position] = value;
        }
        mend_checksums(&mut bytes);
        digest(&bytes);
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        digest(&bytes);
        digest(&[&small_file()[..8], &bytes[..]].concat());
    }

    #[test]
    fn any_places_and_times_come_back(
        places in prop::collection::vec((any::<u64>(), any::<Option<u16>>(), any::<u32>(), any::<u32>()), 0..60),
    ) {
        let kinds = samples::kinds();
        let events: Vec<_> = places.into_iter().enumerate().map(|(index, (at, cpu, task, step))| Event {
            at: Instant::from_nanos(at),
            cpu: cpu.map(CpuId),
            task: Tid(task),
            step: StepId(step),
            kind: kinds[index % kinds.len()],
        }).collect();
        let mut writer = Writer::new(Vec::new(), &header()).unwrap();
        for &event in &events {
            writer.event(event);
        }
        let bytes = writer.finish(Instant::START, Outcome::Finished, 0).unwrap();
        prop_assert_eq!(read(&bytes).unwrap().events, events);
    }
}
