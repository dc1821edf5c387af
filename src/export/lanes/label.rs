//! What a slice or a moment is called: told by numbers, and put into words when a format needs them.
//!
//! Most events look like one before, so a format can keep what it made of a label.

use std::borrow::Cow;

use crate::export::names::Names;
use crate::ids::{CallId, ObjectId, Tid, Vector};
use crate::trace::event::{Cause, Fault};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Label {
    /// A text that is always the same.
    Word(&'static str),
    Call(CallId),
    Interrupt(Vector),
    Softirq(Vector),
    /// A fault, and what kind of fault it is.
    Fault(&'static str, Fault),
    Waits(Cause, Option<ObjectId>),
    /// A switch, and why.
    Switch(&'static str),
    Wakes(Tid),
    Thread(Tid),
    Send(ObjectId),
    Receive(ObjectId),
}

impl Label {
    pub fn text(self, names: &Names) -> Cow<'_, str> {
        match self {
            Label::Word(word) => word.into(),
            Label::Call(call) => {
                names.call(call).map_or_else(|| format!("call {}", call.0).into(), Cow::from)
            }
            Label::Interrupt(vector) => {
                names.vector(vector).map_or_else(|| format!("irq {}", vector.0).into(), Cow::from)
            }
            Label::Softirq(vector) => match names.vector(vector) {
                Some(name) => format!("softirq {name}").into(),
                None => format!("softirq {}", vector.0).into(),
            },
            Label::Fault(name, fault) => format!("{name} ({})", fault.name()).into(),
            Label::Waits(on, object) => match object.and_then(|object| names.object(object)) {
                Some(object) => format!("waits: {} {object}", on.name()).into(),
                None => format!("waits: {}", on.name()).into(),
            },
            Label::Switch(why) => format!("switch: {why}").into(),
            Label::Wakes(task) => format!("wake {}", called(names, task)).into(),
            Label::Thread(task) => called(names, task),
            Label::Send(object) => of_object("send to", object, names).into(),
            Label::Receive(object) => of_object("receive from", object, names).into(),
        }
    }
}

/// A thread's name, or its number.
pub fn called(names: &Names, task: Tid) -> Cow<'_, str> {
    names.task(task).map_or_else(|| format!("thread {}", task.0).into(), Cow::from)
}

pub(super) fn of_object(doing: &str, object: ObjectId, names: &Names) -> String {
    match names.object(object) {
        Some(name) => format!("{doing} {name}"),
        None => format!("{doing} #{}", object.0),
    }
}
