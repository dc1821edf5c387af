//! The rules of docs/ARCHITECTURE.md that a compiler doesn't check: layers, the size of files and of
//! the core loop, documentation of every registry's rows.

// What a test can't do without is unwrapped, outside of its own function as well.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use trapline::chart::CHARTS;
use trapline::export::EXPORTERS;
use trapline::export::graph::GRAPHS;
use trapline::hw::device::DEVICES;
use trapline::kernel::cost;
use trapline::kernel::sched::POLICIES;
use trapline::program::outside::ACTIONS;
use trapline::program::verb::VERBS;
use trapline::quiz;
use trapline::scenario::errors::ERRORS;
use trapline::trace::kinds::{KINDS, WHYS};
use trapline::trace::statistics::{CPU, DEVICE, RUN, SPREADS, THREAD};

/// The layer of each top-level module. Imports go to the same module or to a lower layer.
const LAYERS: &[(&str, u8)] = &[
    ("time", 0),
    ("ids", 0),
    ("units", 0),
    ("errno", 0),
    ("signal", 0),
    ("random", 0),
    ("documentation", 0),
    ("trace", 1),
    ("hw", 2),
    ("os", 2),
    ("kernel", 3),
    ("program", 4),
    ("scenario", 5),
    ("sim", 6),
    ("real", 6),
    ("import", 6),
    ("analysis", 7),
    ("compare", 8),
    ("realtime", 8),
    ("chart", 8),
    ("export", 8),
    ("step", 8),
    ("quiz", 8),
    ("report", 9),
    ("cli", 10),
    ("lib", 10),
    ("main", 10),
];

/// Modules that see traces only, though others are below them.
const TRACES_ONLY: &[&str] = &["analysis", "compare", "chart", "export", "report"];
/// What those must not see.
const PRODUCERS: &[&str] = &["hw", "os", "kernel", "program", "scenario", "sim", "real"];

/// Files of more than 400 lines, each with the reason why it is one concept all the same.
const LONG_FILES: &[(&str, &str)] = &[
    ("src/trace/file/codec.rs", "encoding and decoding of the same records, to be compared side by side"),
    ("src/analysis/replay.rs", "the one state machine under all analyses"),
    ("src/trace/check/mod.rs", "all laws of traces, which share one state"),
    ("src/program/lower.rs", "lowering of steps, one function after the other"),
    ("src/program/syscall/mod.rs", "the list of all calls"),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files of the project below a folder, with their paths from the root, in order.
fn files(folder: &str) -> Vec<String> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let foreign = ["target", ".git"].contains(&name) || path == root().join("output");
            match path.is_dir() {
                true if foreign => {}
                true => collect(&path, found),
                false if name == ".git" => {}
                false => found.push(path),
            }
        }
    }
    let mut found = Vec::new();
    collect(&root().join(folder), &mut found);
    found.sort();
    let relative = |path: PathBuf| path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
    found.into_iter().map(relative).collect()
}

fn sources() -> Vec<(String, String)> {
    let rust = files("src").into_iter().filter(|path| path.ends_with(".rs"));
    rust.map(|path| (path.clone(), fs::read_to_string(root().join(path)).unwrap())).collect()
}

/// Tests may use what is above, to show that it can bear what they made.
fn is_test(path: &str) -> bool {
    path.ends_with("tests.rs") || path.contains("/tests/")
}

/// The lines that aren't comments, with their numbers from 1.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(number, line)| (number + 1, line));
    numbered.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn word(text: &str) -> &str {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap()
}

/// The top-level modules that a line names: all of `crate::{a, b::c}`, the one of `crate::a`.
fn modules(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        if text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &text[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => found.push(word(rest).to_owned()),
            Some(list) => {
                let mut depth = 0;
                for part in list.split_inclusive([',', '{', '}']) {
                    let name = word(part.trim());
                    if depth == 0 && !name.is_empty() {
                        found.push(name.to_owned());
                    }
                    match part.chars().last() {
                        Some('{') => depth += 1,
                        Some('}') => depth -= 1,
                        _ => {}
                    }
                    if depth < 0 {
                        break;
                    }
                }
            }
        }
    }
    found
}

#[test]
fn grouped_imports_are_understood() {
    assert_eq!(modules("use crate::{time::{Span, Instant}, sim, trace::Event};"), ["time", "sim", "trace"]);
    assert_eq!(modules("crate::ids::Tid, crate::sim::x"), ["ids", "sim"]);
    assert!(modules("$crate::a my_crate::b").is_empty());
}

#[test]
fn imports_go_to_lower_layers_only() {
    let layers: BTreeMap<&str, u8> = LAYERS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (path, text) in sources().into_iter().filter(|(path, _)| !is_test(path)) {
        let own = path.strip_prefix("src/").unwrap();
        let own = own.split('/').next().unwrap().trim_end_matches(".rs");
        let layer = layers.get(own).unwrap_or_else(|| panic!("{path}: no layer in tests/tidy.rs"));
        let code: Vec<&str> = code(&text).map(|(_, line)| line).collect();
        for module in modules(&code.join("\n")) {
            // Names that aren't modules are the crate's own re-exports and macros.
            let Some(other) = layers.get(module.as_str()) else { continue };
            let blind = TRACES_ONLY.contains(&own) && PRODUCERS.contains(&module.as_str());
            if module != own && own != "cli" && (other >= layer || blind) && !(*layer == 0 && *other == 0) {
                wrong.push(format!("{path} imports crate::{module}"));
            }
        }
    }
    assert!(wrong.is_empty(), "against the layers:\n{}", wrong.join("\n"));
}

#[test]
fn unsafe_code_is_in_os_alone() {
    let keyword = concat!("un", "safe");
    for (path, text) in sources().into_iter().filter(|(path, _)| !path.starts_with("src/os/")) {
        for (number, line) in code(&text) {
            let mut places = line.match_indices(keyword);
            let found = places.any(|(at, _)| word(&line[at..]) == keyword);
            assert!(!found, "{path}:{number}: {line}");
        }
    }
}

#[test]
fn nothing_is_left_to_do() {
    let marks = [
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("FIX", "ME"),
        concat!("TO", "DO"),
        concat!("XX", "X"),
        concat!("#[ign", "ore"),
        concat!("db", "g!("),
    ];
    for folder in ["src", "tests", "benches", "docs", ".ci"] {
        for path in files(folder) {
            let Ok(text) = fs::read_to_string(root().join(&path)) else { continue };
            for (number, line) in text.lines().enumerate() {
                let found = marks.iter().find(|mark| line.contains(**mark));
                assert!(found.is_none(), "{path}:{}: {line}", number + 1);
            }
        }
    }
}

#[test]
fn the_core_loop_reads_like_the_lecture() {
    let text = fs::read_to_string(root().join("src/sim/mod.rs")).unwrap();
    let begin = text.find("    pub fn run(&mut self) -> Outcome {").expect("Simulator::run");
    let end = text[begin..].find("\n    }\n").expect("its end");
    let body = &text[begin..begin + end];
    assert!(body.lines().count() <= 30, "the core loop has more than 30 lines");
    let parts =
        ["execute_next_instruction", "devices_assert_lines", "look_at_interrupt_register", "dispatch"];
    let places: Vec<usize> = parts.map(|part| body.find(part).unwrap_or_else(|| panic!("{part}"))).into();
    assert!(places.is_sorted(), "execute, devices, register, dispatch");
}

#[test]
fn every_file_says_first_what_it_is() {
    for folder in ["src", "tests", "benches"] {
        for path in files(folder).into_iter().filter(|path| path.ends_with(".rs")) {
            let text = fs::read_to_string(root().join(&path)).unwrap();
            let first = text.lines().next().unwrap_or_default();
            assert!(first.starts_with("//! ") && first.len() > 12, "{path}: {first}");
        }
    }
}

#[test]
fn a_file_holds_one_concept() {
    const ORDINARY: usize = 400;
    const MOST: usize = 600;
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let lines = text.lines().count();
        let listed = LONG_FILES.iter().any(|(long, reason)| *long == path && !reason.is_empty());
        if lines > MOST || (lines > ORDINARY && !listed) {
            wrong.push(format!("{path}: {lines} lines; split it"));
        }
        if listed && lines <= ORDINARY {
            wrong.push(format!("{path}: {lines} lines; take it off the list"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// docs/SCHEDULING.md has a row for each policy: its summary, and the source that somebody has added.
#[test]
fn the_overview_of_scheduling_has_every_policy() {
    let path = root().join("docs/SCHEDULING.md");
    let document = fs::read_to_string(&path).unwrap();
    const HEAD: &str = "| policy | who runs | source |\n|---|---|---|\n";
    let begin = document.find(HEAD).expect("the table of policies") + HEAD.len();
    let end = begin + document[begin..].find("\n\n").expect("the table's end") + 1;
    let source = |start: &str| {
        let row = document[begin..end].lines().find(|row| row.starts_with(start));
        row.and_then(|row| row.split('|').nth(3)).map(str::trim).unwrap_or_default()
    };
    let mut table = String::new();
    for row in POLICIES {
        let start = format!("| `{}` |", row.name);
        let source = source(&start);
        assert!(source.len() >= 4, "{}: where does it come from?", row.name);
        table += &format!("{start} {} | {source} |\n", row.summary);
    }
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        let updated = format!("{}{table}{}", &document[..begin], &document[end..]);
        return fs::write(&path, updated).unwrap();
    }
    assert!(document[begin..end] == table, "docs/SCHEDULING.md is out of date: run this with UPDATE_DOCS=1");
}

#[test]
fn every_row_of_every_registry_is_documented() {
    let mut rows: Vec<(&str, String, &str)> = Vec::new();
    let mut add = |registry, name: &str, text: &'static str| rows.push((registry, name.to_owned(), text));
    for row in VERBS {
        add("verbs", row.name, row.summary);
        add("verbs", row.name, row.doc);
        add("verbs", row.name, row.example);
        add("verbs on a real kernel", row.name, row.real.text());
    }
    for row in ACTIONS {
        add("events", row.key, row.summary);
        add("events on a real kernel", row.key, row.real.text());
    }
    for row in KINDS {
        add("kinds", row.name, row.meaning);
        row.fields.iter().for_each(|field| add("kinds", row.name, field.doc));
    }
    WHYS.iter().for_each(|row| add("reasons", row.name, row.meaning));
    for row in POLICIES {
        add("policies", row.name, row.summary);
        add("policies", row.name, row.doc);
        row.parameters.iter().for_each(|(_, _, doc)| add("policies", row.name, doc));
    }
    for row in DEVICES {
        add("devices", row.name, row.summary);
        add("devices", row.name, row.doc);
    }
    for row in [THREAD, RUN, SPREADS, CPU, DEVICE].into_iter().flatten() {
        add("statistics", row.name, row.formula);
        add("statistics", row.name, row.doc);
    }
    for row in CHARTS {
        add("charts", row.name, row.summary);
        add("charts", row.name, row.doc);
    }
    for row in quiz::KINDS {
        add("questions", row.name, row.summary);
        add("questions", row.name, row.doc);
        add("questions", row.name, row.needs);
    }
    EXPORTERS.iter().for_each(|row| add("exporters", row.name, row.doc));
    GRAPHS.iter().for_each(|row| add("graphs", row.name, row.doc));
    let tables = cost::KEYS.iter().flat_map(|(_, keys)| *keys);
    let costs = cost::ROWS.iter().chain(cost::TABLES).chain(tables);
    costs.for_each(|row| add("costs", row.key, row.doc));
    for row in ERRORS {
        add("errors", &row.code.to_string(), row.title);
        add("errors", &row.code.to_string(), row.doc);
    }
    for (registry, name, text) in rows {
        assert!(text.trim().len() >= 8, "{registry}: {name} is documented as {text:?}");
    }
}

#[test]
fn no_file_knows_where_it_was_written() {
    let places =
        [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];
    for path in files("") {
        let Ok(text) = fs::read_to_string(root().join(&path)) else { continue };
        for (number, line) in text.lines().enumerate() {
            let found = places.iter().find(|place| line.contains(**place));
            assert!(found.is_none(), "{path}:{}: {line}", number + 1);
        }
    }
}
