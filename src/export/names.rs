//! What the numbers in events are called: the header's tables, and what comes with the stream.

use std::collections::BTreeMap;

use crate::ids::{CallId, NameId, ObjectId, StepId, Tid, Vector};
use crate::trace::fields::Value;
use crate::trace::{Header, Record};

/// Names, each already in the form in which the format writes it, so that this is done once.
pub struct Names {
    form: fn(&str) -> String,
    calls: Vec<String>,
    objects: Vec<String>,
    vectors: BTreeMap<Vector, String>,
    /// The scenario's line of each step.
    lines: Vec<u32>,
    tasks: BTreeMap<Tid, String>,
    texts: Vec<String>,
}

impl Names {
    /// The header's names, brought into a form.
    pub fn new(header: &Header, form: fn(&str) -> String) -> Names {
        let mut tasks = BTreeMap::from([(Tid::IDLE, form("idle")), (Tid::INIT, form("init"))]);
        tasks.extend(header.initial.iter().map(|entry| (entry.task, form(&entry.name))));
        Names {
            form,
            calls: header.calls.iter().map(|call| form(call)).collect(),
            objects: header.objects.iter().map(|object| form(&object.name)).collect(),
            vectors: header.vectors.iter().map(|entry| (entry.vector, form(&entry.name))).collect(),
            lines: header.steps.iter().map(|step| step.line).collect(),
            tasks,
            texts: Vec::new(),
        }
    }

    /// Takes note of a text or a thread.
    pub fn learn(&mut self, record: &Record) {
        match record {
            Record::Name(_, text) => self.texts.push((self.form)(text)),
            Record::Task(entry) => {
                self.tasks.insert(entry.task, (self.form)(&entry.name));
            }
            Record::Event(_) => {}
        }
    }

    pub fn call(&self, call: CallId) -> Option<&str> {
        self.calls.get(call.index()).map(String::as_str)
    }

    pub fn object(&self, object: ObjectId) -> Option<&str> {
        self.objects.get(object.index()).map(String::as_str)
    }

    pub fn vector(&self, vector: Vector) -> Option<&str> {
        self.vectors.get(&vector).map(String::as_str)
    }

    pub fn task(&self, task: Tid) -> Option<&str> {
        self.tasks.get(&task).map(String::as_str)
    }

    pub fn text(&self, text: NameId) -> Option<&str> {
        self.texts.get(text.index()).map(String::as_str)
    }

    /// What a value is called, or `#` and its number if nothing in the trace names it.
    pub fn of(&self, value: Value) -> String {
        let named =
            |name: Option<&str>, number: u64| name.map_or_else(|| format!("#{number}"), str::to_owned);
        match value {
            Value::Task(task) => match self.task(task) {
                Some(name) => format!("{name} ({task})"),
                None => format!("#{task}"),
            },
            Value::Process(process) => process.to_string(),
            Value::Cpu(cpu) => cpu.to_string(),
            Value::Call(call) => named(self.call(call), call.0.into()),
            Value::Object(object) => named(self.object(object), object.0.into()),
            Value::Vector(vector) => named(self.vector(vector), vector.0.into()),
            Value::Name(text) => named(self.text(text), text.0.into()),
            Value::Signal(signal) => signal.name().to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Result(result) => result.to_string(),
            Value::Flag(flag) => flag.to_string(),
            Value::Word(word) => word.to_owned(),
        }
    }

    /// The line of the scenario file at which a step stands, from 1.
    pub fn line(&self, step: StepId) -> Option<u32> {
        self.lines.get(step.index()).copied()
    }
}
