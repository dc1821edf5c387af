//! The JSON Schema of the scenario language, for editors.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::kernel::cost::{
    BUILT_IN, COPIES, CostRow, DISK_ROWS, FIT_ROWS, HOST_ROWS, MEASURED_ROWS, ROWS, TABLES as COST_TABLES,
};
use crate::kernel::sched::POLICIES;
use crate::program::form::schema as schema_of;
use crate::program::syscall::NAMES;
use crate::program::verb::{COMMON_KEYS, Level, VERBS, VerbRow};
use crate::program::width::Width;
use crate::trace::kinds::KINDS;
use crate::trace::statistics::{Figure, StatisticRow, THREAD, Unit};

use super::balance::KINDS as BALANCES;

/// A key at the top of a scenario.
pub struct TableRow {
    pub key: &'static str,
    /// `[key]`, `[key.NAME]`, `[[key]]` or a value.
    pub shape: Shape,
    pub schema: fn() -> Schema,
}

/// How a top-level key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Value,
    Table,
    Named,
    List,
}

/// A step, in the forms' schemas.
pub struct Step;

impl JsonSchema for Step {
    fn schema_name() -> Cow<'static, str> {
        "Step".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "$ref": "#/definitions/step" })
    }
}

fn format() -> Schema {
    schemars::json_schema!({ "const": super::FORMAT, "description": "The version of the language." })
}

fn name() -> Schema {
    schemars::json_schema!({ "type": "string", "description": "The scenario's name; the file's if absent." })
}

fn question() -> Schema {
    schemars::json_schema!({ "type": "string", "description": "What the scenario is to answer." })
}

fn sweep() -> Schema {
    schemars::json_schema!({
        "type": "object",
        "description": "What to vary: dotted keys of the scenario, each with a list of values.",
        "additionalProperties": { "type": "array", "minItems": 1 }
    })
}

/// A single value, or a list of such.
fn one_or_more(schema: &Value) -> Value {
    json!({ "anyOf": [schema, { "type": "array", "items": schema, "minItems": 1 }] })
}

/// `scheduler` in `[kernel]`: a policy's name, or a table for one of them with its parameters,
/// which are a script's own affair.
pub fn scheduler(_: &mut SchemaGenerator) -> Schema {
    // A script is never enough by its name.
    let names: Vec<&str> = POLICIES.iter().map(|row| row.name).filter(|name| *name != "script").collect();
    let tables = POLICIES.iter().map(|row| {
        let mut properties = Map::new();
        properties.insert("policy".to_owned(), json!({ "const": row.name, "description": row.doc }));
        for (key, kind, doc) in row.parameters {
            let mut schema = match *kind {
                "number" => json!({ "type": "integer" }),
                "truth" => json!({ "type": "boolean" }),
                "times" => one_or_more(&json!({ "type": "string" })),
                "numbers" => one_or_more(&json!({ "type": "integer" })),
                words if words.contains('|') => json!({ "enum": words.split('|').collect::<Vec<_>>() }),
                _ => json!({ "type": "string" }),
            };
            schema["description"] = json!(doc);
            properties.insert((*key).to_owned(), schema);
        }
        if row.name == "script" {
            let one = json!([{ "required": ["script"] }, { "required": ["code"] }]);
            return json!({ "type": "object", "oneOf": one, "properties": properties });
        }
        json!({ "type": "object", "required": ["policy"], "additionalProperties": false, "properties": properties })
    });
    let all: Vec<Value> = std::iter::once(json!({ "enum": names })).chain(tables).collect();
    schemars::json_schema!({ "anyOf": all })
}

/// `tick` in `[kernel]`: a time, or "none".
pub fn tick(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "type": "string" })
}

/// `balance` in `[kernel]`: a word, or a table with it.
pub fn balance(_: &mut SchemaGenerator) -> Schema {
    let kinds = json!({ "enum": BALANCES.map(|(word, _)| word) });
    let time = json!({ "type": "string" });
    let properties = json!({
        "kind": kinds, "every": time, "imbalance": { "type": "integer", "minimum": 0 }, "migration-cost": time,
    });
    let table = json!({ "type": "object", "required": ["kind"], "additionalProperties": false, "properties": properties });
    schemars::json_schema!({ "anyOf": [kinds, table] })
}

/// `writeback` in `[kernel]`: times, or "never".
pub fn writeback(_: &mut SchemaGenerator) -> Schema {
    let time = json!({ "type": "string" });
    let table = json!({ "type": "object", "additionalProperties": false, "properties": { "after": time, "every": time } });
    schemars::json_schema!({ "anyOf": [{ "const": "never" }, table] })
}

/// `costs` in `[machine]`: a profile's name or path, or a table with what differs from one.
pub fn costs(_: &mut SchemaGenerator) -> Schema {
    let built_in: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
    let text = json!({ "type": "string" });
    let number = json!({ "type": "number" });
    let cost = json!({ "anyOf": [text, noted(json!({ "cost": text }), &["cost"])] });
    let points = |quantity: &Value| {
        let point = json!({ "type": "array", "prefixItems": [quantity, text], "minItems": 2, "maxItems": 2 });
        noted(json!({ "points": { "type": "array", "items": point, "minItems": 1 } }), &["points"])
    };
    let mut properties = Map::new();
    properties.insert("base".to_owned(), json!({ "type": "string", "examples": built_in }));
    properties.extend(ROWS.iter().map(|row| described(row, cost.clone())));
    let call = noted(json!({ "base": cost, "per-kib": cost }), &[]);
    for table in COST_TABLES {
        let inside = match table.key {
            "calls" => closed(NAMES.iter().map(|name| ((*name).to_owned(), call.clone())).collect()),
            "copies" => closed(COPIES.iter().map(|row| described(row, points(&text))).collect()),
            "switch-cold" => points(&json!({ "type": "integer" })),
            "disk" => closed(
                DISK_ROWS
                    .iter()
                    .map(|row| match row.key {
                        "per-kib" => described(row, text.clone()),
                        _ => described(row, points(&number)),
                    })
                    .collect(),
            ),
            "host" => closed(HOST_ROWS.iter().map(|row| described(row, json!({}))).collect()),
            "measured" => closed(MEASURED_ROWS.iter().map(|row| described(row, json!({}))).collect()),
            _ => closed(FIT_ROWS.iter().map(|row| described(row, number.clone())).collect()),
        };
        properties.extend([described(table, inside)]);
    }
    schemars::json_schema!({ "anyOf": [
        { "type": "string", "examples": built_in },
        { "type": "object", "additionalProperties": false, "properties": properties },
    ] })
}

/// A key of a cost profile with its documentation.
fn described(row: &CostRow, mut schema: Value) -> (String, Value) {
    schema["description"] = row.doc.trim().into();
    (row.key.to_owned(), schema)
}

/// A table with these keys and those that say where a value comes from.
fn noted(mut properties: Value, required: &[&str]) -> Value {
    for (note, kind) in [("source", "string"), ("p10", "string"), ("p90", "string"), ("n", "integer")] {
        properties[note] = json!({ "type": kind });
    }
    json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties })
}

fn closed(properties: Map<String, Value>) -> Value {
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

/// A table of names with whole numbers.
pub fn numbers(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "type": "object", "additionalProperties": { "type": "integer" } })
}

/// Names with numbers, fractions among them.
pub fn fractions(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "type": "object", "additionalProperties": { "type": "number" } })
}

/// `arrays` in `[shm.NAME]`.
pub fn arrays(_: &mut SchemaGenerator) -> Schema {
    let letters: Vec<&str> = Width::LETTERS.iter().map(|(letter, _)| *letter).collect();
    schemars::json_schema!({ "type": "object", "additionalProperties": {
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "type": { "enum": letters },
            "length": { "type": "integer", "minimum": 1 },
            "initial": { "type": "array", "items": { "type": "number" } },
        },
    } })
}

/// `count` in `[expect]`: kinds of event with exact numbers or bounds.
pub fn counts(_: &mut SchemaGenerator) -> Schema {
    let bound = bound("integer");
    let kinds: Map<String, Value> = KINDS.iter().map(|row| (row.name.to_owned(), bound.clone())).collect();
    schemars::json_schema!({ "type": "object", "additionalProperties": false, "properties": kinds })
}

/// `end` in `[expect]`: a time or bounds.
pub fn end(_: &mut SchemaGenerator) -> Schema {
    let bound = bound("string");
    schemars::json_schema!({ "anyOf": [bound] })
}

/// `statistics` in `[expect]`: figures of the run with values or bounds.
pub fn run_statistics(_: &mut SchemaGenerator) -> Schema {
    let figures = Figure::all().map(|figure| (figure.name(), statistic(figure.row())));
    schemars::json_schema!({ "type": "object", "additionalProperties": false, "properties": figures.collect::<Map<_, _>>() })
}

/// `process` in `[expect]`: processes with the statistics of their threads.
pub fn thread_statistics(_: &mut SchemaGenerator) -> Schema {
    let statistics = THREAD.iter().map(|row| (row.name.to_owned(), statistic(row)));
    schemars::json_schema!({ "type": "object", "additionalProperties": closed(statistics.collect()) })
}

fn statistic(row: &StatisticRow) -> Value {
    bound(match row.unit {
        Unit::Moment | Unit::Time | Unit::Lateness => "string",
        Unit::Count => "integer",
        Unit::Ratio | Unit::Rate => "number",
    })
}

fn bound(kind: &str) -> Value {
    json!({ "anyOf": [
        { "type": kind },
        { "type": "object", "additionalProperties": false,
          "properties": { "min": { "type": kind }, "max": { "type": kind } } },
    ] })
}

/// Every key that a scenario can have at its top.
pub const TABLES: &[TableRow] = &[
    TableRow { key: "format", shape: Shape::Value, schema: format },
    TableRow { key: "name", shape: Shape::Value, schema: name },
    TableRow { key: "question", shape: Shape::Value, schema: question },
    TableRow { key: "machine", shape: Shape::Table, schema: schema_of::<super::machine::MachineForm> },
    TableRow { key: "device", shape: Shape::Named, schema: schema_of::<super::machine::DeviceForm> },
    TableRow { key: "kernel", shape: Shape::Table, schema: schema_of::<super::kernel::KernelForm> },
    TableRow { key: "pipe", shape: Shape::Named, schema: schema_of::<super::objects::PipeForm> },
    TableRow { key: "fifo", shape: Shape::Named, schema: schema_of::<super::objects::FifoForm> },
    TableRow { key: "file", shape: Shape::Named, schema: schema_of::<super::objects::FileForm> },
    TableRow { key: "memory", shape: Shape::Named, schema: schema_of::<super::memory::MemoryForm> },
    TableRow { key: "shm", shape: Shape::Named, schema: schema_of::<super::memory::ShmForm> },
    TableRow { key: "stream", shape: Shape::Named, schema: schema_of::<super::streams::StreamForm> },
    TableRow { key: "mutex", shape: Shape::Named, schema: schema_of::<super::locks::MutexForm> },
    TableRow { key: "semaphore", shape: Shape::Named, schema: schema_of::<super::locks::SemaphoreForm> },
    TableRow { key: "socket", shape: Shape::Named, schema: schema_of::<super::sockets::SocketForm> },
    TableRow { key: "rwlock", shape: Shape::Named, schema: schema_of::<super::sync::RwlockForm> },
    TableRow { key: "condition", shape: Shape::Named, schema: schema_of::<super::sync::ConditionForm> },
    TableRow { key: "barrier", shape: Shape::Named, schema: schema_of::<super::sync::BarrierForm> },
    TableRow { key: "event-flag", shape: Shape::Named, schema: schema_of::<super::sync::EventFlagForm> },
    TableRow { key: "once", shape: Shape::Named, schema: schema_of::<super::sync::OnceForm> },
    TableRow { key: "spinlock", shape: Shape::Named, schema: schema_of::<super::sync::SpinlockForm> },
    TableRow { key: "value", shape: Shape::Named, schema: schema_of::<super::sync::ValueForm> },
    TableRow { key: "thread-queue", shape: Shape::Named, schema: schema_of::<super::sync::ThreadQueueForm> },
    TableRow {
        key: "float-channel",
        shape: Shape::Named,
        schema: schema_of::<super::sync::FloatChannelForm>,
    },
    TableRow { key: "queue", shape: Shape::Named, schema: schema_of::<super::item_queues::QueueForm> },
    TableRow { key: "timer", shape: Shape::Named, schema: schema_of::<super::sync::TimerForm> },
    TableRow { key: "pool", shape: Shape::Named, schema: schema_of::<super::pools::PoolForm> },
    TableRow { key: "manager", shape: Shape::Named, schema: schema_of::<super::manager::ManagerForm> },
    TableRow { key: "mqueue", shape: Shape::Named, schema: schema_of::<super::queues::MqueueForm> },
    TableRow { key: "sysv-queue", shape: Shape::Named, schema: schema_of::<super::queues::TypedQueueForm> },
    TableRow {
        key: "sysv-semaphores",
        shape: Shape::Named,
        schema: schema_of::<super::queues::SemaphoresForm>,
    },
    TableRow { key: "process", shape: Shape::Named, schema: schema_of::<super::processes::ProcessForm> },
    TableRow { key: "program", shape: Shape::Named, schema: schema_of::<super::processes::ProgramForm> },
    TableRow { key: "event", shape: Shape::List, schema: schema_of::<super::events::EventForm> },
    TableRow { key: "run", shape: Shape::Table, schema: schema_of::<super::run::RunForm> },
    TableRow { key: "sweep", shape: Shape::Value, schema: sweep },
    TableRow { key: "picture", shape: Shape::Table, schema: schema_of::<super::picture::PictureForm> },
    TableRow { key: "expect", shape: Shape::Table, schema: schema_of::<super::expect::ExpectForm> },
];

/// The JSON Schema (draft 07) of the whole language.
pub fn schema() -> Value {
    let mut definitions = Map::new();
    let mut properties = Map::new();
    for row in TABLES {
        let mut form = (row.schema)().to_value();
        take_definitions(&mut form, &mut definitions);
        let reference = json!({ "$ref": format!("#/definitions/{}", row.key) });
        let shaped = match row.shape {
            Shape::Value => form.clone(),
            Shape::Table => reference,
            Shape::Named => json!({ "type": "object", "additionalProperties": reference }),
            Shape::List => json!({ "type": "array", "items": reference }),
        };
        if row.shape != Shape::Value {
            definitions.insert(row.key.to_owned(), form);
        }
        properties.insert(row.key.to_owned(), shaped);
    }
    let mut steps = Vec::new();
    for row in VERBS {
        let mut form = step(row);
        take_definitions(&mut form, &mut definitions);
        definitions.insert(format!("step-{}", row.name), form);
        steps.push(json!({ "$ref": format!("#/definitions/step-{}", row.name) }));
    }
    definitions.insert("step".to_owned(), json!({ "anyOf": steps }));
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Trapline scenario",
        "type": "object",
        "required": ["format"],
        "additionalProperties": false,
        "properties": properties,
        "definitions": definitions,
    })
}

/// The schema of a verb's step: its own keys, its nested steps, and what all calls share.
fn step(row: &VerbRow) -> Value {
    let mut form = (row.schema)().to_value();
    form["description"] = format!("{}\n\n{}", row.summary, row.doc).into();
    for (index, key) in row.blocks.iter().copied().enumerate() {
        form["properties"][key] = json!({
            "type": "array",
            "items": { "$ref": "#/definitions/step" },
            "description": "The steps inside.",
        });
        if let (0, Some(required)) = (index, form["required"].as_array_mut()) {
            required.push(key.into());
        }
    }
    if row.level == Level::Syscall {
        for (key, doc) in COMMON_KEYS {
            form["properties"][key] = match *key {
                "on-error" => json!({ "enum": ["exit", "continue"], "description": doc }),
                _ => json!({ "type": "string", "description": doc }),
            };
        }
    }
    form
}

/// Moves the definitions of one form to those of the whole.
fn take_definitions(form: &mut Value, into: &mut Map<String, Value>) {
    let Some(object) = form.as_object_mut() else {
        return;
    };
    object.remove("$schema");
    object.remove("title");
    object.values_mut().for_each(without_null);
    if let Some(Value::Object(own)) = object.remove("definitions") {
        into.extend(own);
    }
}

/// Takes out `null`, which schemars allows for optional keys and TOML doesn't have.
fn without_null(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(without_null),
        Value::Object(map) => {
            map.values_mut().for_each(without_null);
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(choices)) = map.get_mut("anyOf") {
                choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
