//! One event of every kind and one of every reason, for tests that must miss none.

use crate::ids::{CallId, CpuId, NameId, ObjectId, Pid, Tid, Vector};
use crate::signal::Signal;
use crate::trace::event::{Cause, Exception, Fault, Kind, Why};
use crate::trace::moved::Moved;
use crate::trace::rule::Rule;

pub fn whys() -> Vec<Why> {
    vec![
        Why::Blocked { on: Cause::PipeRead, object: Some(ObjectId(3)) },
        Why::Blocked { on: Cause::Sleep, object: None },
        Why::SliceEnd,
        Why::Preempted { by: Tid(7) },
        Why::Yielded,
        Why::Exited,
        Why::WorkArrived,
    ]
}

pub fn kinds() -> Vec<Kind> {
    let mut kinds: Vec<Kind> =
        whys().into_iter().map(|why| Kind::SchedSwitch { prev: Tid(2), next: Tid(u32::MAX), why }).collect();
    kinds.extend([
        Kind::SchedExit,
        Kind::SchedWaking { task: Tid(3) },
        Kind::SchedWakeup { task: Tid(3), on: CpuId(u16::MAX) },
        Kind::SchedMigrate { task: Tid(3), from: CpuId(0), to: CpuId(1), why: Moved::Balanced },
        Kind::SysEnter { call: CallId(u16::MAX) },
        Kind::SysExit { call: CallId(4), result: i64::MIN },
        Kind::SysExit { call: CallId(4), result: i64::MAX },
        Kind::PageFaultUser { page: u64::MAX, fault: Fault::Major },
        Kind::PageFaultKernel { page: 4096, fault: Fault::CopyOnWrite },
        Kind::ExceptionEntry { exception: Exception::IllegalInstruction },
        Kind::ExceptionExit,
        Kind::InterruptRaised { vector: Vector(u8::MAX), to: CpuId(1) },
        Kind::InterruptCoalesced { vector: Vector(33), to: CpuId(1) },
        Kind::InterruptRecognised { vector: Vector(33) },
        Kind::IrqHandlerEntry { vector: Vector(33) },
        Kind::IrqHandlerExit { vector: Vector(33), handled: true },
        Kind::SoftirqEntry { vector: Vector(33) },
        Kind::SoftirqExit { vector: Vector(33) },
        Kind::LocalTimerEntry,
        Kind::LocalTimerExit,
        Kind::RescheduleEntry,
        Kind::RescheduleExit,
        Kind::SignalGenerate { signal: Signal::SIGPIPE, to: Tid(3) },
        Kind::SignalDeliver { signal: Signal::SIGPIPE, handled: true },
        Kind::ProcessFork { child: Tid(9), process: Pid(9) },
        Kind::ProcessExec { program: NameId(0) },
        Kind::ProcessExit { status: u16::MAX },
        Kind::MessageSend { object: ObjectId(0), bytes: u64::MAX },
        Kind::MessageReceive { object: ObjectId(0), bytes: 1 },
        Kind::SchedPiSetprio { task: Tid(3), donor: Tid(4), before: -1, after: 7 },
        Kind::LockContended { object: ObjectId(u32::MAX) },
        Kind::LockAcquired { object: ObjectId(1) },
        Kind::LockReleased { object: ObjectId(1) },
        Kind::BlockRqIssue { object: ObjectId(2), bytes: 4096, write: true },
        Kind::PacketDropped { object: ObjectId(2), bytes: 64 },
        Kind::BlockRqComplete { object: ObjectId(2), bytes: 4096, write: false },
        Kind::Print { text: NameId(1) },
        Kind::PageEvicted { page: 17, write: true },
        Kind::SchedPick { task: Tid(3), rule: Rule::Ticket, number: 88 },
        Kind::JobRelease { task: Tid(3), number: 2, release: 5_000, deadline: 10_000 },
        Kind::JobEnd { task: Tid(3), number: 2 },
        Kind::DeadlineMiss { task: Tid(3), number: 2 },
        Kind::JobDrop { task: Tid(3), number: 2, begun: true },
        Kind::SchedLoad { load: 175 },
        Kind::SchedBoost { on: CpuId(1), level: 2, due: 20_000 },
        Kind::OomKill { task: Tid(3), pages: 200 },
        Kind::DataLost { object: ObjectId(2), bytes: 4096 },
        Kind::FramesFree { free: 12 },
        Kind::PagesUnmapped { task: Tid(3), page: 16, pages: 4 },
    ]);
    kinds
}
