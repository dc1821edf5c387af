//! The JSON Schema of the scenario language, for editors.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::program::form::schema as schema_of;
use crate::program::verb::{COMMON_KEYS, Level, VERBS, VerbRow};

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

/// Every key that a scenario can have at its top.
pub const TABLES: &[TableRow] = &[
    TableRow { key: "format", shape: Shape::Value, schema: format },
    TableRow { key: "name", shape: Shape::Value, schema: name },
    TableRow { key: "question", shape: Shape::Value, schema: question },
    TableRow { key: "machine", shape: Shape::Table, schema: schema_of::<super::machine::MachineForm> },
    TableRow { key: "device", shape: Shape::Named, schema: schema_of::<super::machine::DeviceForm> },
    TableRow { key: "kernel", shape: Shape::Table, schema: schema_of::<super::kernel::KernelForm> },
    TableRow { key: "pipe", shape: Shape::Named, schema: schema_of::<super::objects::PipeForm> },
    TableRow { key: "file", shape: Shape::Named, schema: schema_of::<super::objects::FileForm> },
    TableRow { key: "memory", shape: Shape::Named, schema: schema_of::<super::objects::MemoryForm> },
    TableRow { key: "shm", shape: Shape::Named, schema: schema_of::<super::objects::ShmForm> },
    TableRow { key: "mutex", shape: Shape::Named, schema: schema_of::<super::objects::MutexForm> },
    TableRow { key: "semaphore", shape: Shape::Named, schema: schema_of::<super::objects::SemaphoreForm> },
    TableRow { key: "process", shape: Shape::Named, schema: schema_of::<super::processes::ProcessForm> },
    TableRow { key: "program", shape: Shape::Named, schema: schema_of::<super::processes::ProgramForm> },
    TableRow { key: "event", shape: Shape::List, schema: schema_of::<super::events::EventForm> },
    TableRow { key: "run", shape: Shape::Table, schema: schema_of::<super::run::RunForm> },
    TableRow { key: "sweep", shape: Shape::Value, schema: sweep },
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
    if let Some(Value::Object(own)) = object.remove("definitions") {
        into.extend(own);
    }
}
