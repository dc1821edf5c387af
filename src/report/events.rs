//! The events of a window as columns.
//!
//! What an event of one kind carries is the same for all events of that kind, so that the page can step over it: a
//! reason that has no object, for example, writes a 0 in its place. A present value of such a field is written plus
//! one.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::ids::StepId;
use crate::signal::Signal;
use crate::trace::event::Event;
use crate::trace::fields::Value;
use crate::trace::kinds::{Encoding, KINDS, WHYS};
use crate::trace::{Kind, Rule};

use super::columns::Column;
use super::tasks::Tasks;

/// What a switch carries beside the fields of its row; not all of them have each.
const OPTIONAL: [&str; 3] = ["on", "object", "by"];

/// Events under construction.
#[derive(Clone, Debug, Default)]
pub struct Events {
    at: Column,
    cpu: Column,
    task: Column,
    step: Column,
    kind: Column,
    /// The fields of all events, one after the other.
    fields: Column,
    /// For each kind that occurs, by its place in [`KINDS`]: its place here, and what its fields hold.
    kinds: BTreeMap<usize, (usize, Vec<&'static str>)>,
    words: Words,
    signals: BTreeMap<u8, &'static str>,
}

/// Words that fields hold, by their first use.
#[derive(Clone, Debug, Default)]
struct Words {
    places: BTreeMap<&'static str, u64>,
    all: Vec<&'static str>,
}

impl Words {
    fn place(&mut self, word: &'static str) -> u64 {
        *self.places.entry(word).or_insert_with(|| {
            self.all.push(word);
            self.all.len() as u64 - 1
        })
    }
}

impl Events {
    pub fn len(&self) -> usize {
        self.at.len()
    }

    pub fn event(&mut self, event: &Event, tasks: &mut Tasks) {
        self.at.delta(event.at.as_nanos());
        self.cpu.uint(event.cpu.map_or(0, |cpu| u64::from(cpu.0) + 1));
        self.task.uint(tasks.place(event.task));
        self.step.uint(if event.step == StepId::NONE { 0 } else { u64::from(event.step.0) + 1 });
        let code = event.kind.code() as usize - 1;
        let next = self.kinds.len();
        let row = self.kinds.entry(code).or_insert_with(|| (next, Vec::new()));
        let (place, is_new) = (row.0, row.0 == next);
        self.kind.uint(place as u64);
        let mut types = Vec::new();
        let mut optional = [0; OPTIONAL.len()];
        event.kind.each_field(|name, value| {
            if let Some(which) =
                OPTIONAL.iter().position(|&known| known == name).filter(|_| is_switch(&event.kind))
            {
                optional[which] = self.number(value, tasks) + 1;
                return;
            }
            match value {
                Value::Result(result) => self.fields.int(result),
                Value::Task(_)
                | Value::Process(_)
                | Value::Cpu(_)
                | Value::Call(_)
                | Value::Object(_)
                | Value::Vector(_)
                | Value::Signal(_)
                | Value::Name(_)
                | Value::Number(_)
                | Value::Flag(_)
                | Value::Word(_) => {
                    let number = self.number(value, tasks);
                    self.fields.uint(number);
                }
            }
            if is_new {
                types.push(kind_of(value));
            }
        });
        if is_switch(&event.kind) {
            optional.into_iter().for_each(|value| self.fields.uint(value));
        }
        if is_new && let Some(row) = self.kinds.get_mut(&code) {
            row.1 = types;
        }
    }

    fn number(&mut self, value: Value, tasks: &mut Tasks) -> u64 {
        match value {
            Value::Task(task) => tasks.place(task),
            Value::Process(process) => process.0.into(),
            Value::Cpu(cpu) => cpu.0.into(),
            Value::Call(call) => call.0.into(),
            Value::Object(object) => object.0.into(),
            Value::Vector(vector) => vector.0.into(),
            Value::Signal(signal) => self.signal(signal),
            Value::Name(name) => name.0.into(),
            Value::Number(number) => number,
            Value::Result(result) => result as u64,
            Value::Flag(flag) => flag.into(),
            Value::Word(word) => self.words.place(word),
        }
    }

    fn signal(&mut self, signal: Signal) -> u64 {
        self.signals.insert(signal as u8, signal.name());
        u64::from(signal as u8)
    }

    /// What the page must know to read the columns: kinds that occur with their fields, and the words.
    pub fn dictionary(&self) -> Json {
        let mut kinds = vec![Json::Null; self.kinds.len()];
        for (&code, (place, types)) in &self.kinds {
            let row = &KINDS[code];
            let mut fields = Vec::new();
            for (field, &of) in row.fields.iter().zip(types) {
                fields.push(json!({ "name": field.name, "of": of, "doc": field.doc }));
            }
            if row.fields.iter().any(|field| field.encoding == Encoding::Why) {
                let of = ["word", "object", "task"];
                let docs =
                    ["What it waits for.", "The channel or lock that it waits for.", "Who took its CPU."];
                for ((name, of), doc) in OPTIONAL.into_iter().zip(of).zip(docs) {
                    fields.push(json!({ "name": name, "of": of, "doc": doc, "optional": true }));
                }
            }
            kinds[*place] = json!({ "name": row.name, "meaning": row.meaning, "fields": fields });
        }
        let whys: BTreeMap<&str, &str> = WHYS.iter().map(|row| (row.name, row.meaning)).collect();
        let rules: BTreeMap<&str, &str> =
            Rule::ALL.iter().map(|rule| (rule.name(), rule.doc().trim())).collect();
        json!({
            "kinds": kinds,
            "words": self.words.all,
            "signals": self.signals,
            "whys": whys,
            "rules": rules,
        })
    }

    pub fn columns(&self) -> Vec<(&'static str, &Column)> {
        vec![
            ("at", &self.at),
            ("cpu", &self.cpu),
            ("task", &self.task),
            ("step", &self.step),
            ("kind", &self.kind),
            ("fields", &self.fields),
        ]
    }
}

const fn is_switch(kind: &Kind) -> bool {
    matches!(kind, Kind::SchedSwitch { .. })
}

/// What a value is, in a word for the page.
const fn kind_of(value: Value) -> &'static str {
    match value {
        Value::Task(_) => "task",
        Value::Process(_) => "process",
        Value::Cpu(_) => "cpu",
        Value::Call(_) => "call",
        Value::Object(_) => "object",
        Value::Vector(_) => "vector",
        Value::Signal(_) => "signal",
        Value::Name(_) => "text",
        Value::Number(_) => "number",
        Value::Result(_) => "signed",
        Value::Flag(_) => "flag",
        Value::Word(_) => "word",
    }
}
