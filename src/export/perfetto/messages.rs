//! What is made of a mark: the content of a TrackEvent, or of a FtraceEvent, without its time.

use std::io;
use std::ops::Range;

use crate::export::lanes::{Label, Lane, called};
use crate::export::names::Names;
use crate::ids::{CpuId, StepId, Tid};
use crate::trace::event::{Cause, Kind, Why};
use crate::trace::fields::Value;
use crate::trace::header::Footer;

use super::intern::{Interned, Sort};
use super::memo::{Key, Lasts, Told};
use super::tracks::{counted, signed, uuid};
use super::{Packets, wire};

/// The priority of a thread of nice 0, in the kernel's numbers: a trace has none of its own.
const PRIORITY: u64 = 120;

/// Perfetto's types of TrackEvent.
#[derive(Clone, Copy)]
enum Type {
    SliceBegin = 1,
    SliceEnd,
    Instant,
    Counter,
}

/// What a slice belongs to.
pub(super) const fn category(lane: Lane) -> &'static str {
    match lane {
        Lane::Calls(_) => "thread",
        Lane::State(_) => "state",
        Lane::Kernel(_) | Lane::Cpu(_) => "kernel",
        Lane::Machine => "machine",
    }
}

impl Packets<'_> {
    /// Makes what `key` stands for, and tells where it is now. What it needs is announced first.
    pub fn make(&mut self, key: Key, names: &Names) -> io::Result<Range<usize>> {
        match key {
            Key::Begin(lane, ..) | Key::Moment(lane, ..) => self.announce(lane, names)?,
            Key::Count(counter) => self.announce_counter(counter, names)?,
            Key::End(..) | Key::Schedule(..) => {}
        }
        let mut out = std::mem::take(&mut self.content);
        out.clear();
        match key {
            Key::Begin(lane, name, told) => self.named(&mut out, Type::SliceBegin, lane, name, told, names),
            Key::Moment(lane, name, told) => self.named(&mut out, Type::Instant, lane, name, told, names),
            Key::End(lane, told) => {
                end(&mut out, lane);
                fields(&mut out, &told.kind, names, &mut self.interned);
            }
            Key::Count(counter) => head(&mut out, Type::Counter, counted(counter)),
            Key::Schedule(cpu, task, kind) => scheduled(&mut out, cpu, task, &kind, names),
        }
        let place = self.memo.put(key, &out, lasts(&key));
        self.content = out;
        Ok(place)
    }

    fn named(
        &mut self,
        out: &mut Vec<u8>,
        sort: Type,
        lane: Lane,
        name: Label,
        told: Option<Told>,
        names: &Names,
    ) {
        head(out, sort, uuid(lane));
        self.interned.put(out, Sort::Category, 3, 22, category(lane));
        self.interned.put(out, Sort::Name, 10, 23, &name.text(names));
        let Some(told) = told else { return };
        fields(out, &told.kind, names, &mut self.interned);
        if told.step != StepId::NONE
            && let Some((text, line)) = self.steps.get(told.step.index())
        {
            annotation(out, "step", Annotated::Text(text), &mut self.interned);
            annotation(out, "line", Annotated::Number((*line).into()), &mut self.interned);
        }
    }
}

/// Whether the next event that looks alike gets the same message. A text is said once at most, and its name may come later.
fn lasts(key: &Key) -> Lasts {
    let mut lasts = Lasts::UntilNamesChange;
    if let Key::Begin(.., Some(told)) | Key::End(_, told) | Key::Moment(.., Some(told)) = key {
        told.kind.each_field(|_, value| {
            if matches!(value, Value::Name(_)) {
                lasts = Lasts::Once;
            }
        });
    }
    lasts
}

/// The end of a slice.
#[inline]
pub fn end(out: &mut Vec<u8>, lane: Lane) {
    head(out, Type::SliceEnd, uuid(lane));
}

#[inline]
fn head(out: &mut Vec<u8>, sort: Type, track: u64) {
    wire::number(out, 9, sort as u64);
    wire::number(out, 11, track);
}

/// What a DebugAnnotation can hold.
enum Annotated<'a> {
    Flag(bool),
    Number(u64),
    Result(i64),
    /// A text that will come again.
    Text(&'a str),
    /// A text that won't.
    Once(&'a str),
}

fn annotation(out: &mut Vec<u8>, name: &str, value: Annotated<'_>, interned: &mut Interned) {
    wire::message(out, 4, |out| {
        interned.put(out, Sort::AnnotationName, 1, 10, name);
        match value {
            Annotated::Flag(flag) => wire::number(out, 2, flag.into()),
            Annotated::Number(number) => wire::number(out, 3, number),
            Annotated::Result(result) => wire::signed(out, 4, result),
            Annotated::Text(text) => interned.put(out, Sort::AnnotationText, 17, 6, text),
            Annotated::Once(text) => wire::text(out, 6, text),
        }
    });
}

/// All that an event carries.
fn fields(out: &mut Vec<u8>, kind: &Kind, names: &Names, interned: &mut Interned) {
    kind.each_field(|name, value| match value {
        Value::Number(number) => annotation(out, name, Annotated::Number(number), interned),
        Value::Result(result) => annotation(out, name, Annotated::Result(result), interned),
        Value::Flag(flag) => annotation(out, name, Annotated::Flag(flag), interned),
        Value::Cpu(cpu) => annotation(out, name, Annotated::Number(cpu.0.into()), interned),
        Value::Process(process) => annotation(out, name, Annotated::Number(process.0.into()), interned),
        Value::Word(word) => annotation(out, name, Annotated::Text(word), interned),
        Value::Name(_) => annotation(out, name, Annotated::Once(&names.of(value)), interned),
        Value::Task(_) | Value::Call(_) | Value::Object(_) | Value::Vector(_) | Value::Signal(_) => {
            annotation(out, name, Annotated::Text(&names.of(value)), interned);
        }
    });
}

/// A switch or a wake-up as the kernel's own tracing has it. Nothing for other kinds.
fn scheduled(out: &mut Vec<u8>, cpu: CpuId, current: Tid, kind: &Kind, names: &Names) {
    let comm = |out: &mut Vec<u8>, field, task: Tid| match task {
        Tid::IDLE => wire::text(out, field, "swapper"),
        task => wire::text(out, field, &called(names, task)),
    };
    wire::number(out, 2, current.0.into());
    if let Kind::SchedSwitch { prev, next, why } = *kind {
        wire::message(out, 4, |out| {
            comm(out, 1, prev);
            wire::number(out, 2, signed(prev.0));
            wire::number(out, 3, PRIORITY);
            wire::number(out, 4, state(why));
            comm(out, 5, next);
            wire::number(out, 6, signed(next.0));
            wire::number(out, 7, PRIORITY);
        });
    }
    if let Kind::SchedWaking { task } = *kind {
        wire::message(out, 20, |out| {
            comm(out, 1, task);
            wire::number(out, 2, signed(task.0));
            wire::number(out, 3, PRIORITY);
            wire::number(out, 4, 1);
            wire::number(out, 5, cpu.0.into());
        });
    }
}

/// The state in which a thread leaves its CPU, in the kernel's numbers.
const fn state(why: Why) -> u64 {
    match why {
        Why::SliceEnd | Why::Preempted { .. } | Why::Yielded | Why::WorkArrived => 0,
        Why::Blocked { on: Cause::Disk | Cause::Page, .. } => 2,
        Why::Blocked { .. } => 1,
        Why::Exited => 32,
    }
}

/// The moment at which the run ended, and how.
pub fn outcome(out: &mut Vec<u8>, footer: &Footer) {
    head(out, Type::Instant, uuid(Lane::Machine));
    wire::text(out, 23, &format!("outcome: {}", footer.outcome.name()));
    wire::message(out, 4, |out| {
        wire::number(out, 3, footer.lost);
        wire::text(out, 10, "lost");
    });
    if let Some(text) = footer.outcome.text() {
        wire::message(out, 4, |out| {
            wire::text(out, 6, text);
            wire::text(out, 10, "text");
        });
    }
}
