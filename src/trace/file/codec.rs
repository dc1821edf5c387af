//! One event to bytes and back.
//!
//! An event is a tag (its kind, and whether place or step are given), the time since the event
//! before, and the kind's own fields. Place and step are given only if they aren't what both sides
//! expect: the same CPU as before, on it the thread that was last current there (after a switch
//! the one it went to), and the step that this thread was last at.

use crate::ids::{CallId, CpuId, NameId, ObjectId, Pid, StepId, Tid, Vector};
use crate::signal::Signal;
use crate::time::Instant;
use crate::trace::event::{Cause, Event, Exception, Fault, Kind, Why};
use crate::trace::kinds::{Code, WhyCode};
use crate::trace::moved::Moved;
use crate::trace::rule::Rule;

use super::varint::{Bad, Cursor, Slot};

/// The tag's lower six bits are the kind or one of the records below.
pub const CODE: u8 = 0x3f;
/// Set in the tag if CPU or thread aren't the expected ones and so are given.
const PLACE: u8 = 0x40;
/// Set in the tag if the step isn't the expected one and so is given.
const STEP: u8 = 0x80;

/// Tag of a new text of the name table; the first text has number 0.
pub const NAME: u8 = 0x3d;
/// Tag of a new thread.
pub const TASK: u8 = 0x3e;
/// Tag of the last record.
pub const FOOTER: u8 = 0x3f;

/// The expectations are kept in tables of fixed size, indexed by the last byte of the number. Two
/// numbers that share an entry cost a byte or two, and no file can make the tables grow.
const TABLE: usize = 256;

/// What both sides expect of the next event.
pub struct Context {
    at: u64,
    /// The CPU's number plus one; 0 if it isn't known.
    cpu: u32,
    /// The current thread, by CPU.
    tasks: [u32; TABLE],
    /// The step's number plus one (so that "none" is 0), by thread.
    steps: [u32; TABLE],
}

impl Context {
    pub fn new() -> Context {
        Context { at: 0, cpu: 0, tasks: [0; TABLE], steps: [0; TABLE] }
    }

    /// The time of the last event.
    pub fn at(&self) -> Instant {
        Instant::from_nanos(self.at)
    }

    #[inline]
    fn expected_task(&mut self, cpu: u32) -> &mut u32 {
        &mut self.tasks[cpu as usize % TABLE]
    }

    #[inline]
    fn expected_step(&mut self, task: u32) -> &mut u32 {
        &mut self.steps[task as usize % TABLE]
    }

    /// After an event, the thread that is current on its CPU.
    #[inline]
    fn leave(&mut self, cpu: u32, task: u32, kind: &Kind) {
        self.cpu = cpu;
        *self.expected_task(cpu) = match kind {
            Kind::SchedSwitch { next, .. } => next.0,
            _ => task,
        };
    }

    /// Writes an event.
    #[inline]
    pub fn encode(&mut self, event: &Event, slot: &mut Slot<'_>) {
        let cpu = event.cpu.map_or(0, |cpu| u32::from(cpu.0) + 1);
        let task = event.task.0;
        let step = event.step.0.wrapping_add(1);
        let other_task = *self.expected_task(cpu) != task;
        let other_place = other_task || cpu != self.cpu;
        let step_before = std::mem::replace(self.expected_step(task), step);

        let mut tag = event.kind.code() as u8;
        tag |= if other_place { PLACE } else { 0 };
        tag |= if step != step_before { STEP } else { 0 };
        slot.byte(tag);
        // A time that runs backwards wraps around: it costs ten bytes, and forward costs nothing.
        let at = event.at.as_nanos();
        slot.uint(at.wrapping_sub(self.at));
        self.at = at;
        if other_place {
            slot.uint(u64::from(cpu) << 1 | u64::from(other_task));
            if other_task {
                slot.uint(u64::from(task));
            }
        }
        if step != step_before {
            slot.int(i64::from(step.wrapping_sub(step_before) as i32));
        }
        encode_fields(&event.kind, task, slot);
        self.leave(cpu, task, &event.kind);
    }

    /// Reads the event whose tag has just been read.
    #[inline]
    pub fn decode(&mut self, tag: u8, cursor: &mut Cursor<'_>) -> Result<Event, Bad> {
        let code = Code::from_u8(tag & CODE).ok_or(Bad::Invalid("a record of an unknown kind"))?;
        self.at = self.at.wrapping_add(cursor.uint()?);
        let mut cpu = self.cpu;
        let mut task = *self.expected_task(cpu);
        if tag & PLACE != 0 {
            let place: u32 = cursor.narrow()?;
            cpu = place >> 1;
            task = if place & 1 != 0 { cursor.narrow()? } else { *self.expected_task(cpu) };
        }
        let mut step = *self.expected_step(task);
        if tag & STEP != 0 {
            let difference =
                i32::try_from(cursor.int()?).map_err(|_| Bad::Invalid("a step that can't be"))?;
            step = step.wrapping_add(difference as u32);
            *self.expected_step(task) = step;
        }
        let known_cpu = match cpu {
            0 => None,
            _ => Some(CpuId(u16::try_from(cpu - 1).map_err(|_| Bad::Invalid("a CPU that can't be"))?)),
        };
        let kind = decode_fields(code, task, cursor)?;
        self.leave(cpu, task, &kind);
        Ok(Event {
            at: Instant::from_nanos(self.at),
            cpu: known_cpu,
            task: Tid(task),
            step: StepId(step.wrapping_sub(1)),
            kind,
        })
    }
}

#[inline]
fn encode_fields(kind: &Kind, current: u32, slot: &mut Slot<'_>) {
    match *kind {
        Kind::SchedSwitch { prev, next, why } => {
            slot.int(i64::from(prev.0) - i64::from(current));
            slot.uint(next.0.into());
            encode_why(why, slot);
        }
        Kind::SchedExit
        | Kind::ExceptionExit
        | Kind::LocalTimerEntry
        | Kind::LocalTimerExit
        | Kind::RescheduleEntry
        | Kind::RescheduleExit => {}
        Kind::SchedWaking { task } => slot.uint(task.0.into()),
        Kind::SchedWakeup { task, on } => {
            slot.uint(task.0.into());
            slot.uint(on.0.into());
        }
        Kind::SchedMigrate { task, from, to, why } => {
            slot.uint(task.0.into());
            slot.uint(from.0.into());
            slot.uint(to.0.into());
            slot.byte(why as u8);
        }
        Kind::SchedPiSetprio { task, donor, before, after } => {
            slot.uint(task.0.into());
            slot.uint(donor.0.into());
            slot.int(before);
            slot.int(after);
        }
        Kind::SysEnter { call } => slot.uint(call.0.into()),
        Kind::SysExit { call, result } => {
            slot.uint(call.0.into());
            slot.int(result);
        }
        Kind::PageFaultUser { page, fault } | Kind::PageFaultKernel { page, fault } => {
            slot.uint(page);
            slot.byte(fault as u8);
        }
        Kind::ExceptionEntry { exception } => slot.byte(exception as u8),
        Kind::InterruptRaised { vector, to } | Kind::InterruptCoalesced { vector, to } => {
            slot.uint(vector.0.into());
            slot.uint(to.0.into());
        }
        Kind::InterruptRecognised { vector }
        | Kind::IrqHandlerEntry { vector }
        | Kind::SoftirqEntry { vector }
        | Kind::SoftirqExit { vector } => slot.uint(vector.0.into()),
        Kind::IrqHandlerExit { vector, handled } => {
            slot.uint(vector.0.into());
            slot.byte(handled.into());
        }
        Kind::SignalGenerate { signal, to } => {
            slot.uint(signal as u64);
            slot.uint(to.0.into());
        }
        Kind::SignalDeliver { signal, handled } => {
            slot.uint(signal as u64);
            slot.byte(handled.into());
        }
        Kind::ProcessFork { child, process } => {
            slot.uint(child.0.into());
            slot.uint(process.0.into());
        }
        Kind::ProcessExec { program } => slot.uint(program.0.into()),
        Kind::ProcessExit { status } => slot.uint(status.into()),
        Kind::MessageSend { object, bytes }
        | Kind::MessageReceive { object, bytes }
        | Kind::PacketDropped { object, bytes } => {
            slot.uint(object.0.into());
            slot.uint(bytes);
        }
        Kind::LockContended { object } | Kind::LockAcquired { object } | Kind::LockReleased { object } => {
            slot.uint(object.0.into());
        }
        Kind::BlockRqIssue { object, bytes, write } | Kind::BlockRqComplete { object, bytes, write } => {
            slot.uint(object.0.into());
            slot.uint(bytes);
            slot.byte(write.into());
        }
        Kind::Print { text } => slot.uint(text.0.into()),
        Kind::PageEvicted { page, write } => {
            slot.uint(page);
            slot.byte(write.into());
        }
        Kind::FramesFree { free } => slot.uint(free),
        Kind::PagesUnmapped { task, page, pages } => {
            slot.uint(task.0.into());
            slot.uint(page);
            slot.uint(pages);
        }
        Kind::SchedPick { task, rule, number } => {
            slot.uint(task.0.into());
            slot.byte(rule as u8);
            slot.uint(number);
        }
        Kind::JobRelease { task, number, release, deadline } => {
            slot.uint(task.0.into());
            slot.uint(number);
            slot.uint(release);
            slot.uint(deadline);
        }
        Kind::JobEnd { task, number } | Kind::DeadlineMiss { task, number } => {
            slot.uint(task.0.into());
            slot.uint(number);
        }
        Kind::JobDrop { task, number, begun } => {
            slot.uint(task.0.into());
            slot.uint(number);
            slot.byte(begun.into());
        }
        Kind::SchedLoad { load } => slot.uint(load),
        Kind::SchedBoost { on, level, due } => {
            slot.uint(on.0.into());
            slot.uint(level.into());
            slot.uint(due);
        }
        Kind::OomKill { task, pages } => {
            slot.uint(task.0.into());
            slot.uint(pages);
        }
        Kind::DataLost { object, bytes } => {
            slot.uint(object.0.into());
            slot.uint(bytes);
        }
    }
}

#[inline]
fn encode_why(why: Why, slot: &mut Slot<'_>) {
    slot.byte(why.code() as u8);
    match why {
        Why::Blocked { on, object } => {
            slot.byte(on as u8);
            slot.uint(object.map_or(0, |object| u64::from(object.0) + 1));
        }
        Why::Preempted { by } => slot.uint(by.0.into()),
        Why::SliceEnd | Why::Yielded | Why::Exited | Why::WorkArrived => {}
    }
}

/// A kind whose fields are all these bytes.
pub fn decode_kind(code: Code, current: Tid, bytes: &[u8]) -> Result<Kind, Bad> {
    let mut cursor = Cursor::new(bytes, 0);
    decode_fields(code, current.0, &mut cursor)
}

#[inline]
pub fn decode_fields(code: Code, current: u32, from: &mut Cursor<'_>) -> Result<Kind, Bad> {
    Ok(match code {
        Code::SchedSwitch => {
            let prev = from.int()?.checked_add(i64::from(current)).and_then(|prev| u32::try_from(prev).ok());
            Kind::SchedSwitch {
                prev: Tid(prev.ok_or(Bad::Invalid("a thread that can't be"))?),
                next: Tid(from.narrow()?),
                why: decode_why(from)?,
            }
        }
        Code::SchedExit => Kind::SchedExit,
        Code::SchedWaking => Kind::SchedWaking { task: Tid(from.narrow()?) },
        Code::SchedWakeup => Kind::SchedWakeup { task: Tid(from.narrow()?), on: CpuId(from.narrow()?) },
        Code::SchedMigrate => Kind::SchedMigrate {
            task: Tid(from.narrow()?),
            from: CpuId(from.narrow()?),
            to: CpuId(from.narrow()?),
            why: from.pick(Moved::ALL)?,
        },
        Code::SchedPiSetprio => Kind::SchedPiSetprio {
            task: Tid(from.narrow()?),
            donor: Tid(from.narrow()?),
            before: from.int()?,
            after: from.int()?,
        },
        Code::SysEnter => Kind::SysEnter { call: CallId(from.narrow()?) },
        Code::SysExit => Kind::SysExit { call: CallId(from.narrow()?), result: from.int()? },
        Code::PageFaultUser => Kind::PageFaultUser { page: from.uint()?, fault: from.pick(Fault::ALL)? },
        Code::PageFaultKernel => Kind::PageFaultKernel { page: from.uint()?, fault: from.pick(Fault::ALL)? },
        Code::ExceptionEntry => Kind::ExceptionEntry { exception: from.pick(Exception::ALL)? },
        Code::ExceptionExit => Kind::ExceptionExit,
        Code::InterruptRaised => {
            Kind::InterruptRaised { vector: Vector(from.narrow()?), to: CpuId(from.narrow()?) }
        }
        Code::InterruptCoalesced => {
            Kind::InterruptCoalesced { vector: Vector(from.narrow()?), to: CpuId(from.narrow()?) }
        }
        Code::InterruptRecognised => Kind::InterruptRecognised { vector: Vector(from.narrow()?) },
        Code::IrqHandlerEntry => Kind::IrqHandlerEntry { vector: Vector(from.narrow()?) },
        Code::IrqHandlerExit => {
            Kind::IrqHandlerExit { vector: Vector(from.narrow()?), handled: from.bool()? }
        }
        Code::SoftirqEntry => Kind::SoftirqEntry { vector: Vector(from.narrow()?) },
        Code::SoftirqExit => Kind::SoftirqExit { vector: Vector(from.narrow()?) },
        Code::LocalTimerEntry => Kind::LocalTimerEntry,
        Code::LocalTimerExit => Kind::LocalTimerExit,
        Code::RescheduleEntry => Kind::RescheduleEntry,
        Code::RescheduleExit => Kind::RescheduleExit,
        Code::SignalGenerate => {
            Kind::SignalGenerate { signal: decode_signal(from)?, to: Tid(from.narrow()?) }
        }
        Code::SignalDeliver => Kind::SignalDeliver { signal: decode_signal(from)?, handled: from.bool()? },
        Code::ProcessFork => Kind::ProcessFork { child: Tid(from.narrow()?), process: Pid(from.narrow()?) },
        Code::ProcessExec => Kind::ProcessExec { program: NameId(from.narrow()?) },
        Code::ProcessExit => Kind::ProcessExit { status: from.narrow()? },
        Code::MessageSend => Kind::MessageSend { object: ObjectId(from.narrow()?), bytes: from.uint()? },
        Code::MessageReceive => {
            Kind::MessageReceive { object: ObjectId(from.narrow()?), bytes: from.uint()? }
        }
        Code::LockContended => Kind::LockContended { object: ObjectId(from.narrow()?) },
        Code::LockAcquired => Kind::LockAcquired { object: ObjectId(from.narrow()?) },
        Code::LockReleased => Kind::LockReleased { object: ObjectId(from.narrow()?) },
        Code::BlockRqIssue => {
            Kind::BlockRqIssue { object: ObjectId(from.narrow()?), bytes: from.uint()?, write: from.bool()? }
        }
        Code::BlockRqComplete => Kind::BlockRqComplete {
            object: ObjectId(from.narrow()?),
            bytes: from.uint()?,
            write: from.bool()?,
        },
        Code::PacketDropped => Kind::PacketDropped { object: ObjectId(from.narrow()?), bytes: from.uint()? },
        Code::Print => Kind::Print { text: NameId(from.narrow()?) },
        Code::PageEvicted => Kind::PageEvicted { page: from.uint()?, write: from.bool()? },
        Code::SchedPick => {
            Kind::SchedPick { task: Tid(from.narrow()?), rule: from.pick(Rule::ALL)?, number: from.uint()? }
        }
        Code::JobRelease => Kind::JobRelease {
            task: Tid(from.narrow()?),
            number: from.uint()?,
            release: from.uint()?,
            deadline: from.uint()?,
        },
        Code::JobEnd => Kind::JobEnd { task: Tid(from.narrow()?), number: from.uint()? },
        Code::DeadlineMiss => Kind::DeadlineMiss { task: Tid(from.narrow()?), number: from.uint()? },
        Code::JobDrop => {
            Kind::JobDrop { task: Tid(from.narrow()?), number: from.uint()?, begun: from.bool()? }
        }
        Code::SchedLoad => Kind::SchedLoad { load: from.uint()? },
        Code::SchedBoost => {
            Kind::SchedBoost { on: CpuId(from.narrow()?), level: from.narrow()?, due: from.uint()? }
        }
        Code::OomKill => Kind::OomKill { task: Tid(from.narrow()?), pages: from.uint()? },
        Code::FramesFree => Kind::FramesFree { free: from.uint()? },
        Code::PagesUnmapped => {
            Kind::PagesUnmapped { task: Tid(from.narrow()?), page: from.uint()?, pages: from.uint()? }
        }
        Code::DataLost => Kind::DataLost { object: ObjectId(from.narrow()?), bytes: from.uint()? },
    })
}

#[inline]
fn decode_why(from: &mut Cursor<'_>) -> Result<Why, Bad> {
    let code = WhyCode::from_u8(from.byte()?).ok_or(Bad::Invalid("a switch for an unknown reason"))?;
    Ok(match code {
        WhyCode::Blocked => {
            let on = from.pick(Cause::ALL)?;
            let object = match from.uint()? {
                0 => None,
                number => {
                    let number =
                        u32::try_from(number - 1).map_err(|_| Bad::Invalid("an object that can't be"))?;
                    Some(ObjectId(number))
                }
            };
            Why::Blocked { on, object }
        }
        WhyCode::SliceEnd => Why::SliceEnd,
        WhyCode::Preempted => Why::Preempted { by: Tid(from.narrow()?) },
        WhyCode::Yielded => Why::Yielded,
        WhyCode::Exited => Why::Exited,
        WhyCode::WorkArrived => Why::WorkArrived,
    })
}

fn decode_signal(from: &mut Cursor<'_>) -> Result<Signal, Bad> {
    let number = from.uint()?;
    let signal = Signal::ALL.iter().copied().find(|&signal| signal as u64 == number);
    signal.ok_or(Bad::Invalid("an unknown signal"))
}

#[cfg(test)]
mod tests {
    use super::super::varint::SLOT;
    use super::*;
    use crate::trace::kinds::samples;

    /// Every kind, at the worst possible place for its length.
    fn events() -> Vec<Event> {
        let kinds = samples::kinds().into_iter().enumerate();
        kinds
            .map(|(index, kind)| Event {
                at: Instant::from_nanos(if index % 2 == 0 { u64::MAX } else { 0 }),
                cpu: [None, Some(CpuId(0)), Some(CpuId(u16::MAX))][index % 3],
                task: Tid([0, u32::MAX, 300, 44][index % 4]),
                step: StepId([0, u32::MAX, u32::MAX / 2, 44][index % 4]),
                kind,
            })
            .collect()
    }

    #[test]
    fn every_kind_comes_back_as_it_was() {
        let (mut there, mut back) = (Context::new(), Context::new());
        for event in events() {
            let mut bytes = [0; SLOT];
            let mut slot = Slot::new(&mut bytes);
            there.encode(&event, &mut slot);
            let len = slot.len();
            let mut cursor = Cursor::new(&bytes[..len], 0);
            let tag = cursor.byte().unwrap();
            assert_eq!(back.decode(tag, &mut cursor), Ok(event));
            assert_eq!(cursor.at(), len, "{event:?}");
        }
    }

    #[test]
    fn every_kind_fits_into_a_slot() {
        // Tag, time, place, thread, step; then the longest fields: a switch's prev, next, reason,
        // cause and object.
        const LONGEST: usize = (1 + 10 + 3 + 5 + 5) + (5 + 5 + 1 + 1 + 5);
        const { assert!(LONGEST <= SLOT) };
        let mut context = Context::new();
        for event in events() {
            let mut bytes = [0; SLOT];
            let mut slot = Slot::new(&mut bytes);
            context.encode(&event, &mut slot);
            assert!(slot.len() <= LONGEST, "{event:?}: {} bytes", slot.len());
        }
    }

    #[test]
    fn an_expected_event_is_three_bytes_long() {
        let mut context = Context::new();
        let event = |at, kind| Event {
            at: Instant::from_nanos(at),
            cpu: Some(CpuId(0)),
            task: Tid(2),
            step: StepId(5),
            kind,
        };
        let mut length = |event: Event| {
            let mut bytes = [0; SLOT];
            let mut slot = Slot::new(&mut bytes);
            context.encode(&event, &mut slot);
            slot.len()
        };
        // Tag, time, place, thread, step, call.
        assert_eq!(length(event(100, Kind::SysEnter { call: CallId(1) })), 6);
        // Tag, time, call, result.
        assert_eq!(length(event(200, Kind::SysExit { call: CallId(1), result: 1 })), 4);
        // Tag, time, call.
        assert_eq!(length(event(300, Kind::SysEnter { call: CallId(1) })), 3);
    }

    #[test]
    fn listed_values_stand_at_their_number() {
        assert!(Cause::ALL.iter().enumerate().all(|(index, &cause)| cause as usize == index));
        assert!(Moved::ALL.iter().enumerate().all(|(index, &moved)| moved as usize == index));
        assert!(Rule::ALL.iter().enumerate().all(|(index, &rule)| rule as usize == index));
        assert!(Fault::ALL.iter().enumerate().all(|(index, &fault)| fault as usize == index));
        assert!(Exception::ALL.iter().enumerate().all(|(index, &exception)| exception as usize == index));
        const { assert!((Code::PacketDropped as u8) < NAME) };
    }
}
