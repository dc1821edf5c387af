//! `trapline compare` and `validate`, seen from the command line. The real comparison asserts what
//! must agree on any host, however loaded: structure and counts, never times.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_trapline");

/// Two processes send a byte to and fro, and one touches memory.
const SMALL: &str = r#"
format = 1
name = "small"
question = "Does it agree?"
[machine]
costs = "linux-x86"
[pipe.ping]
[pipe.pong]
[memory.heap]
size = "64KiB"
[process.caller]
steps = [
  { touch = "heap" },
  { repeat = 20, do = [ { write = "ping", bytes = "1B" }, { read = "pong", bytes = "1B" } ] },
]
[process.answerer]
steps = [
  { repeat = 20, do = [ { read = "ping", bytes = "1B" }, { write = "pong", bytes = "1B" } ] },
]
"#;

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new(scenario: &str) -> Bench {
        let bench = Bench { folder: tempfile::tempdir().unwrap() };
        fs::write(bench.path("small.toml"), scenario).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn trapline(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command.output().unwrap()
    }

    /// What a command prints as JSON.
    fn json(&self, arguments: &[&str], status: i32) -> Value {
        let output = self.trapline(arguments);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {text}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    fn run(&self, folder: &str, more: &[&str]) {
        let output = self.trapline(&[&["run", "small.toml", "-q", "-o", folder], more].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
}

/// A row's values on both sides, and its verdict.
fn row<'a>(comparison: &'a Value, name: &str) -> (f64, f64, &'a str) {
    let rows = comparison["rows"].as_array().unwrap();
    let row = rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name} in {rows:?}"));
    (row["one"].as_f64().unwrap(), row["other"]["median"].as_f64().unwrap(), row["verdict"].as_str().unwrap())
}

#[test]
fn a_scenario_does_the_same_work_in_both_worlds() {
    let bench = Bench::new(SMALL);
    let arguments = [
        "compare",
        "small.toml",
        "--runs",
        "3",
        "--costs",
        "linux-x86",
        "--format",
        "json",
        "-o",
        "out",
        "--png",
    ];
    let found = bench.json(&arguments, 0);
    assert_eq!(found["repetitions"], serde_json::json!([1, 3]));
    assert_eq!(row(&found, "read"), (40.0, 40.0, "same"));
    assert_eq!(row(&found, "write"), (40.0, 40.0, "same"));
    assert_eq!(row(&found, "messages, ping"), (20.0, 20.0, "same"));
    assert_eq!(row(&found, "bytes, pong"), (20.0, 20.0, "same"));
    if trapline::real::ftrace::obstacle().is_none() {
        assert_eq!(row(&found, "page faults, minor"), (16.0, 16.0, "same"));
        let processes: Vec<&str> = ["caller: user", "answerer: kernel"].into();
        processes.iter().for_each(|name| assert!(row(&found, name).1 > 0.0, "{name}"));
    }
    let (simulated, measured, _) = row(&found, "end to end");
    assert!(simulated > 0.0 && measured > 0.0);
    assert_eq!(found["conditions"]["profile"], "linux-x86");
    assert!(!found["contributors"].as_array().unwrap().is_empty());
    for name in ["comparison.json", "comparison.svg", "comparison.png", "simulated.bin", "measured.bin"] {
        assert!(fs::metadata(bench.path("out").join(name)).unwrap().len() > 100, "{name}");
    }
    let picture = fs::read_to_string(bench.path("out/comparison.svg")).unwrap();
    for text in ["Where the end-to-end time went", "message through ping", "caller", "Measured: "] {
        assert!(picture.contains(text), "{text}");
    }
    let written: Value =
        serde_json::from_str(&fs::read_to_string(bench.path("out/comparison.json")).unwrap()).unwrap();
    assert_eq!(written, found);
}

#[test]
fn a_table_shows_counts_before_times() {
    let bench = Bench::new(SMALL);
    let arguments = ["compare", "small.toml", "--runs", "1", "--costs", "textbook", "--no-files"];
    let output = bench.trapline(&arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    let places: Vec<usize> = ["\nCounts", "\nTimes", "\nSteps", "\nWhat explains", "\nEnd to end: "]
        .map(|title| text.find(title).unwrap_or_else(|| panic!("{title:?} in {text}")))
        .into();
    assert!(places.is_sorted(), "{text}");
    assert!(!Path::new(&bench.path("output")).exists());
}

#[test]
fn a_trace_is_the_same_as_itself() {
    let bench = Bench::new(SMALL);
    bench.run("one", &[]);
    let arguments = ["compare", "one", "--against", "one", "--goal", "0%", "--format", "json", "--no-files"];
    let found = bench.json(&arguments, 0);
    let rows = found["rows"].as_array().unwrap();
    assert!(rows.len() > 10 && rows.iter().all(|row| row["verdict"] == "same"), "{rows:?}");
    assert_eq!(found["conditions"]["labels"], serde_json::json!(["one (1)", "one (2)"]));
}

#[test]
fn another_policy_is_another_workload_and_misses_the_goal() {
    let bench = Bench::new(SMALL);
    bench.run("cheap", &[]);
    bench.run("dear", &["--set", "machine.costs={ base = \"linux-x86\", switch = \"5us\" }"]);
    let against = ["compare", "dear", "--against", "cheap", "--format", "json", "-o", "out"];
    let found = bench.json(&[&against[..], &["--goal", "1%"]].concat(), 1);
    assert_eq!(row(&found, "read").2, "same");
    assert_eq!(row(&found, "end to end").2, "timing");
    let first = &found["contributors"][0];
    assert!(first["cause"].as_str().unwrap().starts_with("hand-over to "), "{first}");
    assert_eq!(first["reason"], "price");
    assert!(bench.path("out/comparison.svg").is_file());
    // Whoever asks for no goal only wants to see.
    bench.json(&against, 0);
}

#[test]
fn without_a_profile_a_stand_in_is_taken_and_said() {
    let bench = Bench::new(SMALL);
    let output = bench.trapline(&["compare", "small.toml", "--runs", "1", "--no-files"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("trapline calibrate"), "{error}");
    fs::write(
        bench.path("profile.toml"),
        "format = 1\nname = \"mine\"\ninstruction = \"1ns\"\nswitch = \"1us\"\n",
    )
    .unwrap();
    let found = bench.json(&["compare", "small.toml", "--runs", "1", "--no-files", "--format", "json"], 0);
    assert_eq!(found["conditions"]["profile"], "mine");
}

#[test]
fn what_cant_be_compared_is_refused() {
    let bench = Bench::new(SMALL);
    for (arguments, text) in [
        (["compare", "small.toml", "--costs", "nowhere.toml"], "nowhere.toml"),
        (["compare", "small.toml", "--cpus", "4000"], "4000"),
        (["compare", "small.toml", "--goal", "much"], "percentage"),
        (["compare", "small.toml", "--against", "nowhere"], "can't compare small.toml"),
    ] {
        let output = bench.trapline(&arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(text), "{arguments:?}: {error}");
    }
}

#[test]
fn a_folder_has_an_accuracy() {
    let bench = Bench::new(SMALL);
    let pinned = SMALL.replace("costs =", "cpus = 1\ncosts =").replace("\"small\"", "\"other\"");
    fs::create_dir(bench.path("all")).unwrap();
    fs::write(bench.path("all/one.toml"), SMALL).unwrap();
    fs::write(bench.path("all/two.toml"), pinned).unwrap();
    fs::write(bench.path("all/wrong.toml"), "format = 1\n").unwrap();
    let arguments =
        ["validate", "all", "--runs", "1", "--costs", "linux-x86", "-o", "accuracy.md", "--format", "json"];
    let found = bench.json(&arguments, 0);
    assert_eq!(found["cases"].as_array().unwrap().len(), 2);
    assert_eq!(found["failed"].as_array().unwrap().len(), 1);
    let one_cpu =
        found["classes"].as_array().unwrap().iter().find(|class| class["name"] == "one CPU").unwrap();
    assert_eq!(one_cpu["cases"], 2);
    assert!(
        found["cases"].as_array().unwrap().iter().all(|case| case["wrong-counts"] == serde_json::json!([]))
    );
    let text = fs::read_to_string(bench.path("accuracy.md")).unwrap();
    for part in ["## By class", "| one CPU | 2 |", "## Goals", "## All", "wrong couldn't be compared"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}
