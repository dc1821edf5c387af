//! The same packets built as structs, one after the other and without numbers for texts: what the tests hold the
//! exporter against.

use std::collections::BTreeSet;

use super::messages::category;
use super::proto::{
    Annotated, CounterDescriptor, DebugAnnotation, EventType, FtraceEvent, FtraceEventBundle,
    ProcessDescriptor, SchedSwitch, SchedWaking, ThreadDescriptor, Trace, TracePacket, TrackDescriptor,
    TrackEvent, Unit,
};
use super::tracks::{Sort, track, uuid};
use crate::export::Input;
use crate::export::lanes::{Counter, Lane, Lanes, What, called};
use crate::export::names::Names;
use crate::ids::{CpuId, Pid, StepId, Tid};
use crate::trace::event::{Cause, Event, Kind, Why};
use crate::trace::fields::Value;
use crate::trace::header::{Footer, TaskEntry};
use crate::trace::{Header, Record};

/// The priority of a thread of nice 0.
const PRIORITY: i32 = 120;

/// All packets of a trace, up to where it is damaged.
pub fn packets(input: &mut Input<'_>) -> Trace {
    let mut names = Names::new(input.header(), str::to_owned);
    let mut lanes = Lanes::new(input.header());
    let mut packets = Packets::new(input.header());
    packets.begin(input.header());
    let mut last = 0;
    let mut whole = true;
    for record in input.by_ref() {
        match record {
            Ok(Record::Event(event)) => {
                last = event.at.as_nanos().max(last);
                packets.schedule(&event, &names);
                lanes.take(&event);
                packets.draw(&lanes, Some(&event), &names);
            }
            Ok(other) => {
                names.learn(&other);
                if let Record::Task(entry) = other {
                    packets.thread(&entry);
                }
            }
            Err(_) => {
                whole = false;
                break;
            }
        }
    }
    let end = input.footer().map_or(last, |footer| footer.end.as_nanos());
    lanes.finish(end);
    packets.draw(&lanes, None, &names);
    if let Some(footer) = input.footer().filter(|_| whole) {
        packets.outcome(end.max(last), footer);
    }
    Trace { packet: packets.list }
}

/// Perfetto's numbers are signed.
fn signed(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// The packets under construction.
struct Packets {
    list: Vec<TracePacket>,
    /// Tracks that Perfetto has been told of.
    known: BTreeSet<u64>,
    steps: Vec<(String, u32)>,
}

impl Packets {
    fn new(header: &Header) -> Packets {
        let steps = header.steps.iter().map(|step| (step.text.clone(), step.line)).collect();
        Packets { list: Vec::new(), known: BTreeSet::new(), steps }
    }

    fn packet(&mut self, mut packet: TracePacket) {
        packet.trusted_packet_sequence_id = Some(1);
        self.list.push(packet);
    }

    fn begin(&mut self, header: &Header) {
        self.packet(TracePacket { sequence_flags: Some(1), ..TracePacket::default() });
        self.describe(TrackDescriptor {
            uuid: Some(track(Sort::Machine, 0)),
            name: Some(format!("scenario {}", header.scenario)),
            ..TrackDescriptor::default()
        });
        for cpu in 0..header.cpus {
            self.kernel(CpuId(cpu));
        }
        for entry in &header.initial {
            self.thread(entry);
        }
    }

    fn describe(&mut self, descriptor: TrackDescriptor) {
        self.known.insert(descriptor.uuid());
        self.packet(TracePacket { track_descriptor: Some(descriptor), ..TracePacket::default() });
    }

    fn kernel(&mut self, cpu: CpuId) {
        self.describe(TrackDescriptor {
            uuid: Some(uuid(Lane::Kernel(cpu))),
            name: Some(format!("CPU {cpu}: kernel")),
            ..TrackDescriptor::default()
        })
    }

    fn thread(&mut self, entry: &TaskEntry) {
        let process = track(Sort::Process, entry.process.0.into());
        if !self.known.contains(&process) {
            self.describe(TrackDescriptor {
                uuid: Some(process),
                process: Some(ProcessDescriptor {
                    pid: Some(signed(entry.process.0)),
                    process_name: Some(entry.name.clone()),
                }),
                ..TrackDescriptor::default()
            });
        }
        let thread = uuid(Lane::Calls(entry.task));
        self.describe(TrackDescriptor {
            uuid: Some(thread),
            thread: Some(ThreadDescriptor {
                pid: Some(signed(entry.process.0)),
                tid: Some(signed(entry.task.0)),
                thread_name: Some(entry.name.clone()),
            }),
            ..TrackDescriptor::default()
        });
        self.describe(TrackDescriptor {
            uuid: Some(uuid(Lane::State(entry.task))),
            name: Some("state".to_owned()),
            parent_uuid: Some(thread),
            ..TrackDescriptor::default()
        })
    }

    /// Tells of a lane that nothing has announced.
    fn announce(&mut self, lane: Lane, names: &Names) {
        match lane {
            _ if self.known.contains(&uuid(lane)) => {}
            Lane::Calls(task) | Lane::State(task) => self.thread(&TaskEntry {
                task,
                process: Pid(task.0),
                parent: Tid::INIT,
                name: called(names, task).into_owned(),
                start: crate::time::Instant::START,
            }),
            Lane::Kernel(cpu) | Lane::Cpu(cpu) => self.kernel(cpu),
            Lane::Machine => {}
        }
    }

    /// What Perfetto's scheduling view is made of.
    fn schedule(&mut self, event: &Event, names: &Names) {
        let Some(cpu) = event.cpu else { return };
        let comm = |task: Tid| match task {
            Tid::IDLE => "swapper".to_owned(),
            task => called(names, task).into_owned(),
        };
        let mut traced = FtraceEvent {
            timestamp: Some(event.at.as_nanos()),
            pid: Some(event.task.0),
            ..FtraceEvent::default()
        };
        match event.kind {
            Kind::SchedSwitch { prev, next, why } => {
                traced.sched_switch = Some(SchedSwitch {
                    prev_comm: Some(comm(prev)),
                    prev_pid: Some(signed(prev.0)),
                    prev_prio: Some(PRIORITY),
                    prev_state: Some(state(why)),
                    next_comm: Some(comm(next)),
                    next_pid: Some(signed(next.0)),
                    next_prio: Some(PRIORITY),
                });
            }
            Kind::SchedWaking { task } => {
                traced.sched_waking = Some(SchedWaking {
                    comm: Some(comm(task)),
                    pid: Some(signed(task.0)),
                    prio: Some(PRIORITY),
                    success: Some(1),
                    target_cpu: Some(cpu.0.into()),
                });
            }
            _ => return,
        }
        let bundle = FtraceEventBundle { cpu: Some(cpu.0.into()), event: vec![traced] };
        self.packet(TracePacket { ftrace_events: Some(bundle), ..TracePacket::default() });
    }

    fn draw(&mut self, lanes: &Lanes, event: Option<&Event>, names: &Names) {
        for mark in lanes.marks() {
            let drawn = match &mark.what {
                What::Begin { lane: Lane::Cpu(_), .. } | What::End { lane: Lane::Cpu(_), .. } => continue,
                What::Begin { lane, name, told } => {
                    self.announce(*lane, names);
                    let event = event.filter(|_| *told);
                    self.named(EventType::SliceBegin, *lane, &name.text(names), event, names)
                }
                What::End { lane, told } => TrackEvent {
                    r#type: Some(EventType::SliceEnd.into()),
                    track_uuid: Some(uuid(*lane)),
                    debug_annotations: event
                        .filter(|_| *told)
                        .map_or_else(Vec::new, |event| fields(event, names)),
                    ..TrackEvent::default()
                },
                What::Moment { lane, name, starts, ends } => {
                    self.announce(*lane, names);
                    let mut drawn = self.named(EventType::Instant, *lane, &name.text(names), event, names);
                    drawn.flow_ids.extend(starts);
                    drawn.terminating_flow_ids.extend(&lanes.ends()[ends.clone()]);
                    drawn
                }
                What::Count { counter, value } => self.count(*counter, *value, names),
            };
            let timestamp = Some(mark.at);
            self.packet(TracePacket { timestamp, track_event: Some(drawn), ..TracePacket::default() });
        }
    }

    fn named(
        &self,
        sort: EventType,
        lane: Lane,
        name: &str,
        event: Option<&Event>,
        names: &Names,
    ) -> TrackEvent {
        let mut annotations = event.map_or_else(Vec::new, |event| fields(event, names));
        if let Some(event) = event.filter(|event| event.step != StepId::NONE)
            && let Some((text, line)) = self.steps.get(event.step.index())
        {
            annotations.push(annotation("step", Annotated::Text(text.clone())));
            annotations.push(annotation("line", Annotated::Number((*line).into())));
        }
        TrackEvent {
            debug_annotations: annotations,
            r#type: Some(sort.into()),
            track_uuid: Some(uuid(lane)),
            categories: vec![category(lane).to_owned()],
            name: Some(name.to_owned()),
            ..TrackEvent::default()
        }
    }

    fn count(&mut self, counter: Counter, value: u64, names: &Names) -> TrackEvent {
        let uuid = match counter {
            Counter::Queue(cpu) => track(Sort::Queue, cpu.0.into()),
            Counter::Load => track(Sort::Load, 0),
            Counter::Bytes(object) => track(Sort::Bytes, object.0.into()),
        };
        if !self.known.contains(&uuid) {
            let unit = if matches!(counter, Counter::Bytes(_)) { Unit::SizeBytes } else { Unit::Count };
            self.describe(TrackDescriptor {
                uuid: Some(uuid),
                name: Some(counter.name(names)),
                counter: Some(CounterDescriptor { unit: Some(unit.into()) }),
                ..TrackDescriptor::default()
            });
        }
        TrackEvent {
            r#type: Some(EventType::Counter.into()),
            track_uuid: Some(uuid),
            counter_value: Some(i64::try_from(value).unwrap_or(i64::MAX)),
            ..TrackEvent::default()
        }
    }

    fn outcome(&mut self, at: u64, footer: &Footer) {
        let mut annotations = vec![annotation("lost", Annotated::Number(footer.lost))];
        if let Some(text) = footer.outcome.text() {
            annotations.push(annotation("text", Annotated::Text(text.to_owned())));
        }
        let drawn = TrackEvent {
            debug_annotations: annotations,
            r#type: Some(EventType::Instant.into()),
            track_uuid: Some(uuid(Lane::Machine)),
            name: Some(format!("outcome: {}", footer.outcome.name())),
            ..TrackEvent::default()
        };
        self.packet(TracePacket { timestamp: Some(at), track_event: Some(drawn), ..TracePacket::default() });
    }
}

/// The state in which a thread leaves its CPU, in the kernel's numbers.
const fn state(why: Why) -> i64 {
    match why {
        Why::SliceEnd | Why::Preempted { .. } | Why::Yielded | Why::WorkArrived => 0,
        Why::Blocked { on: Cause::Disk | Cause::Page, .. } => 2,
        Why::Blocked { .. } => 1,
        Why::Exited => 32,
    }
}

fn annotation(name: &str, value: Annotated) -> DebugAnnotation {
    DebugAnnotation { name: Some(name.to_owned()), value: Some(value), name_iid: None }
}

/// All that an event carries.
fn fields(event: &Event, names: &Names) -> Vec<DebugAnnotation> {
    let mut list = Vec::new();
    event.kind.each_field(|name, value| {
        let value = match value {
            Value::Number(number) => Annotated::Number(number),
            Value::Result(result) => Annotated::Result(result),
            Value::Flag(flag) => Annotated::Flag(flag),
            Value::Cpu(cpu) => Annotated::Number(cpu.0.into()),
            Value::Process(process) => Annotated::Number(process.0.into()),
            other => Annotated::Text(names.of(other)),
        };
        list.push(annotation(name, value));
    });
    list
}
