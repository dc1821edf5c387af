//! What an event carries, as named values: for exports and for showing events to people.
//!
//! Code that needs one particular kind matches on [`Kind`]. Code that treats all kinds alike walks
//! the values here and so needs no change when a kind is added.

use crate::ids::{CallId, CpuId, NameId, ObjectId, Pid, Tid, Vector};
use crate::signal::Signal;

use super::event::{Kind, Why};

/// A value that an event carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    Task(Tid),
    Process(Pid),
    Cpu(CpuId),
    Call(CallId),
    Object(ObjectId),
    Vector(Vector),
    Signal(Signal),
    /// A text of the name table.
    Name(NameId),
    /// A count, an amount or a page.
    Number(u64),
    /// A call's result.
    Result(i64),
    Flag(bool),
    /// One of a list of names.
    Word(&'static str),
}

impl Kind {
    /// Calls `each` with the name and value of every field, in the order of the kind's row.
    ///
    /// The field `why` is followed by what belongs to the reason: `on` and `object`, or `by`.
    #[inline]
    pub fn each_field(&self, mut each: impl FnMut(&'static str, Value)) {
        match *self {
            Kind::SchedSwitch { prev, next, why } => {
                each("prev", Value::Task(prev));
                each("next", Value::Task(next));
                each("why", Value::Word(why.name()));
                match why {
                    Why::Blocked { on, object } => {
                        each("on", Value::Word(on.name()));
                        if let Some(object) = object {
                            each("object", Value::Object(object));
                        }
                    }
                    Why::Preempted { by } => each("by", Value::Task(by)),
                    Why::SliceEnd | Why::Yielded | Why::Exited | Why::WorkArrived => {}
                }
            }
            Kind::SchedExit
            | Kind::ExceptionExit
            | Kind::LocalTimerEntry
            | Kind::LocalTimerExit
            | Kind::RescheduleEntry
            | Kind::RescheduleExit => {}
            Kind::SchedWaking { task } => each("task", Value::Task(task)),
            Kind::SchedWakeup { task, on } => {
                each("task", Value::Task(task));
                each("on", Value::Cpu(on));
            }
            Kind::SchedMigrate { task, from, to, why } => {
                each("task", Value::Task(task));
                each("from", Value::Cpu(from));
                each("to", Value::Cpu(to));
                each("why", Value::Word(why.name()));
            }
            Kind::SchedPiSetprio { task, donor, before, after } => {
                each("task", Value::Task(task));
                each("donor", Value::Task(donor));
                each("before", Value::Result(before));
                each("after", Value::Result(after));
            }
            Kind::SysEnter { call } => each("call", Value::Call(call)),
            Kind::SysExit { call, result } => {
                each("call", Value::Call(call));
                each("result", Value::Result(result));
            }
            Kind::PageFaultUser { page, fault } | Kind::PageFaultKernel { page, fault } => {
                each("page", Value::Number(page));
                each("fault", Value::Word(fault.name()));
            }
            Kind::ExceptionEntry { exception } => each("exception", Value::Word(exception.name())),
            Kind::InterruptRaised { vector, to } | Kind::InterruptCoalesced { vector, to } => {
                each("vector", Value::Vector(vector));
                each("to", Value::Cpu(to));
            }
            Kind::InterruptRecognised { vector }
            | Kind::IrqHandlerEntry { vector }
            | Kind::SoftirqEntry { vector }
            | Kind::SoftirqExit { vector } => each("vector", Value::Vector(vector)),
            Kind::IrqHandlerExit { vector, handled } => {
                each("vector", Value::Vector(vector));
                each("handled", Value::Flag(handled));
            }
            Kind::SignalGenerate { signal, to } => {
                each("signal", Value::Signal(signal));
                each("to", Value::Task(to));
            }
            Kind::SignalDeliver { signal, handled } => {
                each("signal", Value::Signal(signal));
                each("handled", Value::Flag(handled));
            }
            Kind::ProcessFork { child, process } => {
                each("child", Value::Task(child));
                each("process", Value::Process(process));
            }
            Kind::ProcessExec { program } => each("program", Value::Name(program)),
            Kind::ProcessExit { status } => each("status", Value::Number(u64::from(status))),
            Kind::MessageSend { object, bytes }
            | Kind::MessageReceive { object, bytes }
            | Kind::PacketDropped { object, bytes } => {
                each("object", Value::Object(object));
                each("bytes", Value::Number(bytes));
            }
            Kind::LockContended { object }
            | Kind::LockAcquired { object }
            | Kind::LockReleased { object } => {
                each("object", Value::Object(object));
            }
            Kind::BlockRqIssue { object, bytes, write } | Kind::BlockRqComplete { object, bytes, write } => {
                each("object", Value::Object(object));
                each("bytes", Value::Number(bytes));
                each("write", Value::Flag(write));
            }
            Kind::Print { text } => each("text", Value::Name(text)),
            Kind::PageEvicted { page, write } => {
                each("page", Value::Number(page));
                each("write", Value::Flag(write));
            }
            Kind::FramesFree { free } => each("free", Value::Number(free)),
            Kind::PagesUnmapped { task, page, pages } => {
                each("task", Value::Task(task));
                each("page", Value::Number(page));
                each("pages", Value::Number(pages));
            }
            Kind::SchedPick { task, rule, number } => {
                each("task", Value::Task(task));
                each("rule", Value::Word(rule.name()));
                each("number", Value::Number(number));
            }
            Kind::JobRelease { task, number, release, deadline } => {
                each("task", Value::Task(task));
                each("number", Value::Number(number));
                each("release", Value::Number(release));
                each("deadline", Value::Number(deadline));
            }
            Kind::JobEnd { task, number } | Kind::DeadlineMiss { task, number } => {
                each("task", Value::Task(task));
                each("number", Value::Number(number));
            }
            Kind::JobDrop { task, number, begun } => {
                each("task", Value::Task(task));
                each("number", Value::Number(number));
                each("begun", Value::Flag(begun));
            }
            Kind::SchedLoad { load } => each("load", Value::Number(load)),
            Kind::SchedBoost { on, level, due } => {
                each("on", Value::Cpu(on));
                each("level", Value::Number(level.into()));
                each("due", Value::Number(due));
            }
            Kind::OomKill { task, pages } => {
                each("task", Value::Task(task));
                each("pages", Value::Number(pages));
            }
            Kind::DataLost { object, bytes } => {
                each("object", Value::Object(object));
                each("bytes", Value::Number(bytes));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::kinds::samples;

    #[test]
    fn every_kind_gives_the_fields_of_its_row_in_order() {
        for kind in samples::kinds() {
            let mut given = Vec::new();
            kind.each_field(|name, _| given.push(name));
            let row: Vec<_> = kind.row().fields.iter().map(|field| field.name).collect();
            assert_eq!(given[..row.len()], row[..], "{}", kind.name());
        }
    }
}
