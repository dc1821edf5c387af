//! An event in words, with its reason.

use crate::ids::{CallId, ObjectId, Vector};
use crate::trace::fields::Value;
use crate::trace::{Event, Header, Kind, Why};

use super::recent::Recent;

/// The names by which an event is told.
#[derive(Clone, Copy)]
pub struct Names<'n> {
    pub header: &'n Header,
    pub recent: &'n Recent,
}

impl<'n> Names<'n> {
    pub fn call(&self, call: CallId) -> &'n str {
        self.header.calls.get(call.index()).map_or("?", String::as_str)
    }

    pub fn object(&self, object: ObjectId) -> &'n str {
        self.header.objects.get(object.index()).map_or("?", |entry| entry.name.as_str())
    }

    pub fn vector(&self, vector: Vector) -> String {
        let named = self.header.vectors.iter().find(|entry| entry.vector == vector);
        named.map_or_else(|| format!("vector {vector}"), |entry| entry.name.clone())
    }

    /// What happened, without time and CPU.
    pub fn tell(&self, event: &Event) -> String {
        let who = self.recent.task(event.task);
        match event.kind {
            Kind::SchedSwitch { prev, next, why } => {
                let (prev, next) = (self.recent.task(prev), self.recent.task(next));
                format!("{prev} -> {next}: {}", self.why(why))
            }
            Kind::SchedWaking { task } => format!("{who} wakes {}", self.recent.task(task)),
            Kind::SchedWakeup { task, on } => {
                format!("{} is ready on CPU {on}", self.recent.task(task))
            }
            Kind::SysEnter { call } => format!("{who} calls {}", self.call(call)),
            Kind::SysExit { call, result } => format!("{}() = {result} for {who}", self.call(call)),
            Kind::InterruptRaised { vector, to } => {
                format!("{} asserts its line at CPU {to}", self.vector(vector))
            }
            Kind::InterruptCoalesced { vector, to } => {
                format!("{} again at CPU {to}: pending already", self.vector(vector))
            }
            Kind::InterruptRecognised { vector } => {
                format!("{who} is interrupted by {}", self.vector(vector))
            }
            Kind::ProcessFork { child, .. } => format!("{who} makes {}", self.recent.task(child)),
            Kind::ProcessExit { status } => format!("{who} ends with status {status}"),
            Kind::Print { text } => format!("{who} prints \"{}\"", self.recent.text(text)),
            Kind::MessageSend { object, bytes } => {
                format!("{who} puts {bytes} bytes into {}", self.object(object))
            }
            Kind::MessageReceive { object, bytes } => {
                format!("{who} takes {bytes} bytes out of {}", self.object(object))
            }
            Kind::LockContended { object } => format!("{who} finds {} taken", self.object(object)),
            Kind::LockAcquired { object } => format!("{who} has {}", self.object(object)),
            Kind::LockReleased { object } => format!("{who} lets {} go", self.object(object)),
            Kind::PageFaultUser { page, fault } => format!("{who} faults on page {page}: {}", fault.name()),
            kind => self.fields(kind),
        }
    }

    fn why(&self, why: Why) -> String {
        match why {
            Why::Blocked { on, object: Some(object) } => {
                format!("waits for {}, {}", on.name(), self.object(object))
            }
            Why::Blocked { on, object: None } => format!("waits for {}", on.name()),
            Why::SliceEnd => "its slice is used up".to_owned(),
            Why::Preempted { by } => format!("{} goes first", self.recent.task(by)),
            Why::Yielded => "it steps back".to_owned(),
            Why::Exited => "it has ended".to_owned(),
            Why::WorkArrived => "work has come".to_owned(),
        }
    }

    /// Any kind, by its name and the names and values of what it carries.
    fn fields(&self, kind: Kind) -> String {
        let mut text = kind.name().to_owned();
        kind.each_field(|name, value| {
            let value = match value {
                Value::Task(task) => self.recent.task(task).to_owned(),
                Value::Process(process) => process.to_string(),
                Value::Cpu(cpu) => cpu.to_string(),
                Value::Call(call) => self.call(call).to_owned(),
                Value::Object(object) => self.object(object).to_owned(),
                Value::Vector(vector) => self.vector(vector),
                Value::Signal(signal) => signal.name().to_owned(),
                Value::Name(name) => self.recent.text(name).to_owned(),
                Value::Number(number) => number.to_string(),
                Value::Result(number) => number.to_string(),
                Value::Flag(flag) => flag.to_string(),
                Value::Word(word) => word.to_owned(),
            };
            text.push_str(&format!(" {name}={value}"));
        });
        text
    }
}
