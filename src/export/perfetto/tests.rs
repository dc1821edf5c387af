//! What is written is read back, field by field.

use prost::Message;

use super::proto::{Annotated, DebugAnnotation, EventType, Trace, TrackEvent};
use super::*;
use crate::export::samples;
use crate::trace::Reader;

fn exported() -> Trace {
    let bytes = samples::bytes();
    let mut out = Vec::new();
    write(&mut Reader::new(&bytes[..]).unwrap().boxed(), &mut out).unwrap();
    Trace::decode(&out[..]).unwrap()
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
    let mut open = std::collections::BTreeMap::<u64, i32>::new();
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
