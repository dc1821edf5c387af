//! The language as a whole: every verb's example, the schema, and the documentation.

use std::path::Path;

use super::super::*;
use super::image;
use crate::program::verb::VERBS;

/// Everything that examples refer to.
fn world(example: &str) -> String {
    format!(
        r#"format = 1
[device.disk]
[pipe.ping]
[file.log]
size = "4KiB"
[memory.heap]
size = "64KiB"
[shm.shm]
cells = {{ cell = 0 }}
arrays = {{ array = {{ type = "q", length = 8 }} }}
[mutex.m]
[semaphore.s]
[memory.table]
size = "4KiB"
file = "log"
shared = true
[memory.break]
size = "64KiB"
heap = true
[shm.segment]
kind = "sysv"
[shm.board]
kind = "posix"
[mqueue]
orders = {{}}
[sysv-queue]
jobs = {{}}
[sysv-semaphores]
forks = {{ values = [1, 1] }}
[process.main]
steps = [
  {{ set = "i", to = 0 }}, {{ set = "s", to = 0 }}, {{ set = "c", to = 0 }},
  {{ set = "x", to = 0 }}, {{ set = "set", to = 0 }}, {{ set = "t", to = 0 }}, {{ set = "r", to = 0 }},
  {{ manager-start = "m" }},
  {example},
]
[process.other]
steps = [ {{ fork = "child" }}, {{ thread = "worker" }} ]
[program.child]
steps = [ {{ exit = 0 }} ]
[program.worker]
steps = [ {{ compute = "1us" }} ]
[socket.server]
kind = "unix-stream"
[rwlock.rw]
[condition.c]
[barrier.b]
parties = 2
[event-flag.e]
[once.o]
[spinlock.l]
[value.v]
[queue.items]
[thread-queue.q]
capacity = 2
[float-channel.numbers]
length = 10
[timer.t]
after = "1ms"
program = "worker"
[pool.p]
workers = 2
program = "worker"
[fifo.requests]
[file.draft]
exists = false
[stream.out]
over = "log"
[manager.m]
objects = {{ squares = "dict" }}
"#
    )
}

#[test]
fn every_verb_has_a_summary_a_doc_and_an_example_that_lowers() {
    for row in VERBS {
        assert!(!row.summary.is_empty() && row.doc.ends_with('.'), "{}", row.name);
        assert!(row.example.contains(row.name), "{}", row.name);
        let image = image(&world(row.example));
        let main = &image.programs[0];
        assert!(main.code.len() > 3, "{} adds no instruction", row.name);
        assert_eq!(main.code.len(), main.steps.len());
        // The steps of a shell line and of a manager are those that they become.
        let verb = match row.name {
            "sh" | "manager-start" => "fork",
            "manager-call" | "manager-stop" => "send",
            own => own,
        };
        assert!(image.steps.iter().any(|step| step.verb == verb && step.line == 35));
    }
}

#[test]
fn every_key_of_every_table_and_verb_is_documented() {
    let undocumented = |schema: &serde_json::Value| -> Vec<String> {
        let properties = schema["properties"].as_object().cloned().unwrap_or_default();
        let without = properties.into_iter().filter(|(_, schema)| schema.get("description").is_none());
        without.map(|(key, _)| key).collect()
    };
    for row in VERBS {
        assert_eq!(undocumented(&(row.schema)().to_value()), [""; 0], "{}", row.name);
    }
    for row in schema::TABLES {
        let schema = (row.schema)().to_value();
        assert_eq!(undocumented(&schema), [""; 0], "{}", row.key);
        assert!(schema.get("description").is_some(), "{}", row.key);
    }
}

fn check_file(path: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        std::fs::write(&path, wanted).expect("the file can be written");
        return;
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "{} is out of date: run this test with UPDATE_DOCS=1", path.display());
}

#[test]
fn the_schema_file_is_up_to_date() {
    let mut text = serde_json::to_string_pretty(&schema()).expect("JSON");
    text.push('\n');
    check_file("trapline.schema.json", &text);
}

#[test]
fn the_documentation_is_up_to_date() {
    check_file("docs/SCENARIO.md", &markdown());
}

#[test]
fn all_references_of_the_schema_lead_somewhere() {
    fn references(value: &serde_json::Value, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(map) => {
                for (key, value) in map {
                    match value.as_str() {
                        Some(target) if key == "$ref" => found.push(target.to_owned()),
                        _ => references(value, found),
                    }
                }
            }
            serde_json::Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let schema = schema();
    let mut found = Vec::new();
    references(&schema, &mut found);
    assert!(!found.is_empty());
    for target in found {
        let pointer = target.trim_start_matches('#');
        assert!(schema.pointer(pointer).is_some(), "{target}");
    }
}
