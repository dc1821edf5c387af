//! What is written is read back, field by field.

use std::collections::BTreeMap;

use proptest::prelude::*;
use prost::Message;

use super::intern::Interned;
use super::plain;
use super::proto::{Annotated, DebugAnnotation, EventType, InternedString, Trace, TracePacket, TrackEvent};
use super::tracks::{Sort, track, uuid};
use super::*;
use crate::export::samples;
use crate::ids::{CpuId, ObjectId, Pid, Tid};
use crate::time::Instant;
use crate::trace::header::Outcome;
use crate::trace::kinds::samples as kinds;
use crate::trace::{Cause, Reader, Sink, Why, Writer};

/// What is exported of a file, with texts instead of their numbers.
fn read_back(bytes: &[u8]) -> Trace {
    let mut out = Vec::new();
    // What could be read of a damaged file is there all the same.
    let _damage = write(&mut Reader::new(bytes).unwrap().boxed(), &mut out);
    let mut trace = Trace::decode(&out[..]).unwrap();
    let mut texts = Texts::default();
    trace.packet.iter_mut().for_each(|packet| texts.resolve(packet));
    trace
}

fn exported() -> Trace {
    read_back(&samples::bytes())
}

/// Interned data, as a reader keeps it.
#[derive(Default)]
struct Texts([BTreeMap<u64, String>; 4]);

impl Texts {
    /// Puts texts where their numbers stand, as if there were no such thing.
    fn resolve(&mut self, packet: &mut TracePacket) {
        if let Some(data) = packet.interned_data.take() {
            let lists = [
                data.event_categories,
                data.event_names,
                data.debug_annotation_names,
                data.debug_annotation_string_values,
            ];
            for (known, list) in self.0.iter_mut().zip(lists) {
                for InternedString { iid, text } in list {
                    assert!(iid.unwrap() > 0 && known.insert(iid.unwrap(), text.unwrap()).is_none());
                }
            }
        }
        let [categories, names, annotation_names, values] = &self.0;
        let Some(event) = &mut packet.track_event else { return };
        assert_eq!(packet.sequence_flags.take(), Some(2));
        let numbers = event.category_iids.drain(..);
        event.categories.extend(numbers.map(|number| categories[&number].clone()));
        if let Some(number) = event.name_iid.take() {
            event.name = Some(names[&number].clone());
        }
        for one in &mut event.debug_annotations {
            if let Some(number) = one.name_iid.take() {
                one.name = Some(annotation_names[&number].clone());
            }
            if let Some(Annotated::TextIid(number)) = one.value {
                one.value = Some(Annotated::Text(values[&number].clone()));
            }
        }
    }
}

/// Packet by packet, so that a failure shows the first that differs.
fn compare(bytes: &[u8]) {
    let plain = plain::packets(&mut Reader::new(bytes).unwrap().boxed());
    let ours = read_back(bytes);
    for (index, (ours, plain)) in ours.packet.iter().zip(&plain.packet).enumerate() {
        assert_eq!(ours, plain, "packet {index}");
    }
    assert_eq!(ours.packet.len(), plain.packet.len());
}

#[test]
fn a_whole_trace_and_a_cut_one_are_the_messages_that_structs_would_give() {
    let bytes = samples::bytes();
    compare(&bytes);
    compare(&bytes[..bytes.len() - 20]);
}

/// Kinds with an example each, and switches for every reason.
fn all_kinds() -> Vec<Kind> {
    let mut all = kinds::kinds();
    let object = Some(ObjectId(0));
    for (prev, next) in [(2, 3), (3, 0), (0, 2)] {
        let whys = [
            Why::Blocked { on: Cause::PipeRead, object },
            Why::Blocked { on: Cause::Disk, object: None },
            Why::Preempted { by: Tid(next) },
            Why::SliceEnd,
            Why::Exited,
            Why::WorkArrived,
        ];
        all.extend(whys.map(|why| Kind::SchedSwitch { prev: Tid(prev), next: Tid(next), why }));
        all.push(Kind::SchedWaking { task: Tid(prev) });
        all.push(Kind::SchedWakeup { task: Tid(prev), on: CpuId(1) });
    }
    let object = ObjectId(0);
    all.extend([1, 5, 9].map(|bytes| Kind::MessageSend { object, bytes }));
    all.extend([1, 6].map(|bytes| Kind::MessageReceive { object, bytes }));
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The same events come again and again, and threads get other names meanwhile.
    #[test]
    fn any_events_are_the_messages_that_structs_would_give(
        events in prop::collection::vec(
            (0u64..3_000, prop::option::of(0u16..3), 0u32..5, 0u32..2, any::<prop::sample::Index>(), 0u8..40),
            0..400,
        )
    ) {
        let all = all_kinds();
        let mut writer = Writer::new(Vec::new(), &samples::trace().header).unwrap();
        let mut at = 0;
        for (after, cpu, task, step, kind, other) in events {
            at += after;
            let named = format!("thread with name {at}");
            match other {
                0 => writer.task(Tid(task), Pid(task / 2), Tid(1), &|| named.clone()),
                1 => drop(writer.name(&named)),
                _ => {}
            }
            let step = if step == 0 { StepId(0) } else { StepId::NONE };
            let kind = *kind.get(&all);
            let at = Instant::from_nanos(at);
            writer.event(Event { at, cpu: cpu.map(CpuId), task: Tid(task), step, kind });
        }
        compare(&writer.finish(Instant::from_nanos(at + 1), Outcome::Finished, 0).unwrap());
    }
}

#[test]
fn texts_beyond_those_that_get_a_number_are_written_out() {
    let mut interned = Interned::default();
    let mut last = None;
    for text in 0.. {
        let number = interned.number(intern::Sort::Name, &format!("text {text}"));
        if number.is_none() {
            break;
        }
        last = number;
    }
    assert_eq!(last, Some(1 << 16));
    assert_eq!(interned.number(intern::Sort::Name, "text 7"), Some(8));
    assert_eq!(interned.number(intern::Sort::Category, "another sort"), Some(1));
    let mut out = Vec::new();
    interned.put(&mut out, intern::Sort::Name, 10, 23, "one more");
    assert_eq!(TrackEvent::decode(&out[..]).unwrap().name(), "one more");
}

fn events(trace: &Trace) -> Vec<(u64, &TrackEvent)> {
    let packets = trace.packet.iter();
    packets.filter_map(|packet| Some((packet.timestamp?, packet.track_event.as_ref()?))).collect()
}

fn find<'a>(events: &[(u64, &'a TrackEvent)], name: &str) -> (u64, &'a TrackEvent) {
    *events.iter().find(|(_, event)| event.name() == name).unwrap()
}

fn value<'a>(annotations: &'a [DebugAnnotation], name: &str) -> &'a Annotated {
    annotations.iter().find(|one| one.name() == name).unwrap().value.as_ref().unwrap()
}

#[test]
fn tracks_have_names_and_parents() {
    let trace = exported();
    let tracks: Vec<_> = trace.packet.iter().filter_map(|packet| packet.track_descriptor.as_ref()).collect();
    let of = |uuid: u64| *tracks.iter().find(|track| track.uuid() == uuid).unwrap();
    assert_eq!(of(uuid(Lane::Kernel(CpuId(1)))).name(), "CPU 1: kernel");
    let thread = of(uuid(Lane::Calls(Tid(2)))).thread.as_ref().unwrap();
    assert_eq!((thread.pid(), thread.tid(), thread.thread_name()), (2, 2, "say \"hi\""));
    assert_eq!(of(uuid(Lane::State(Tid(9)))).parent_uuid(), uuid(Lane::Calls(Tid(9))));
    let process = of(track(Sort::Process, 9)).process.as_ref().unwrap();
    assert_eq!((process.pid(), process.process_name()), (9, "child, the first"));
    for (_, event) in events(&trace) {
        of(event.track_uuid());
    }
}

#[test]
fn switches_are_written_as_the_kernel_would() {
    let trace = exported();
    let bundle = trace.packet.iter().find_map(|packet| packet.ftrace_events.as_ref()).unwrap();
    assert_eq!(bundle.cpu(), 0);
    assert_eq!((bundle.event[0].timestamp(), bundle.event[0].pid()), (200, 2));
    let switch = bundle.event[0].sched_switch.as_ref().unwrap();
    assert_eq!((switch.prev_comm(), switch.prev_pid(), switch.prev_state()), ("say \"hi\"", 2, 1));
    assert_eq!((switch.next_comm(), switch.next_pid()), ("swapper", 0));
}

#[test]
fn events_carry_their_fields_their_reasons_and_the_scenario_line() {
    let trace = exported();
    let events = events(&trace);
    let (at, read) = find(&events, "read");
    assert_eq!((at, read.r#type()), (100, EventType::SliceBegin));
    assert_eq!(*value(&read.debug_annotations, "step"), Annotated::Text("{ read = \"ping\" }".to_owned()));
    assert_eq!(*value(&read.debug_annotations, "line"), Annotated::Number(12));
    let (_, switch) = find(&events, "switch: blocked");
    assert_eq!(switch.track_uuid(), uuid(Lane::Kernel(CpuId(0))));
    assert_eq!(*value(&switch.debug_annotations, "on"), Annotated::Text("pipe-read".to_owned()));
    assert_eq!(*value(&switch.debug_annotations, "prev"), Annotated::Text("say \"hi\" (2)".to_owned()));
    let (at, waits) = find(&events, "waits: pipe-read ping");
    assert_eq!((at, waits.track_uuid()), (200, uuid(Lane::State(Tid(2)))));
    let (_, print) = find(&events, "print");
    assert_eq!(
        *value(&print.debug_annotations, "text"),
        Annotated::Text("line one\nline \"two\", and more".to_owned())
    );
    assert_eq!(find(&events, "outcome: finished").0, 5_000);
}

#[test]
fn slices_of_a_track_begin_and_end_in_pairs() {
    let trace = exported();
    let mut open = BTreeMap::<u64, i32>::new();
    let mut last = 0;
    for (at, event) in events(&trace) {
        assert!(at >= last);
        last = at;
        let depth = open.entry(event.track_uuid()).or_default();
        match event.r#type() {
            EventType::SliceBegin => *depth += 1,
            EventType::SliceEnd => *depth -= 1,
            _ => {}
        }
        assert!(*depth >= 0);
    }
    assert!(open.values().all(|depth| *depth == 0));
}
