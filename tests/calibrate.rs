//! `trapline calibrate` on this host: what it measures, in which order things cost more, and that it
//! leaves nothing behind. Nothing here depends on how fast the host is or what else it does.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use trapline::kernel::cost::{Copying, Costs};
use trapline::os::process;
use trapline::program::syscall::NAMES;
use trapline::real::calibrate::differs;
use trapline::real::calibrate::registry::MEASUREMENTS;
use trapline::signal::Signal;
use trapline::time::Span;

const PROGRAM: &str = env!("CARGO_BIN_EXE_trapline");
/// Long enough for any loaded host.
const PATIENCE: Duration = Duration::from_secs(300);

fn calibrate(folder: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["calibrate", "--quick", "--force", "--format", "json", "--scratch"]).arg(folder);
    command.stdin(Stdio::null());
    command
}

fn insist_on_nothing_left(folder: &Path, pid: u32) {
    let left: Vec<_> = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "{left:?}");
    let instance = format!("/sys/kernel/tracing/instances/trapline-{pid}");
    assert!(!Path::new(&instance).exists(), "{instance}");
}

#[test]
fn a_quick_calibration_gives_a_profile_that_can_be_used() {
    let (folder, results) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = results.path().join("here.toml");
    let mut command = calibrate(folder.path());
    command.arg("-o").arg(&path);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{told}");
    insist_on_nothing_left(folder.path(), pid);

    let text = fs::read_to_string(&path).unwrap();
    let costs = Costs::parse(&text, NAMES).unwrap_or_else(|errors| panic!("{errors:?}\n{text}"));
    assert_eq!(costs.name, "here");
    assert_eq!(differs(&costs), None);
    let other = Costs { fingerprint: "another machine".to_owned(), ..costs.clone() };
    assert!(differs(&other).unwrap().contains("another machine"));

    let skipped: Vec<&str> = told.lines().filter(|line| line.starts_with("Not measured")).collect();
    skipped.iter().for_each(|line| eprintln!("SKIPPED: {line}"));
    insist_on_presence(&output.stdout, &skipped);
    insist_on_order(&costs, &skipped);

    // The profile is good for a run.
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/boundary/first-look.toml");
    let set = format!("machine.costs={}", path.display());
    let run = Command::new(PROGRAM).arg("run").arg(scenario).args(["--set", &set, "--no-files"]).output();
    let run = run.unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

/// Every key of every measurement that was made is there, with ordered quantiles.
fn insist_on_presence(json: &[u8], skipped: &[&str]) {
    let shown: serde_json::Value = serde_json::from_slice(json).unwrap();
    let mut found: BTreeMap<String, [f64; 3]> = BTreeMap::new();
    for parameter in shown["parameters"].as_array().unwrap() {
        let number = |key: &str| parameter[key].as_f64().unwrap();
        let quantiles = [number("p10-ns"), number("median-ns"), number("p90-ns")];
        assert!(quantiles.is_sorted() && quantiles[0] >= 0.0, "{parameter}");
        found.insert(parameter["key"].as_str().unwrap().to_owned(), quantiles);
    }
    for measurement in MEASUREMENTS {
        if skipped.iter().any(|line| line.contains(measurement.what)) {
            continue;
        }
        for key in measurement.keys {
            // What this host's idle governor doesn't do, and what isn't a time.
            let optional = ["idle-poll", "poll-notice"].contains(key) || key.starts_with("host.");
            let there = found.keys().any(|name| name == key || name.starts_with(&format!("{key} ")));
            assert!(there || optional, "{key} of {} is missing: {found:?}", measurement.name);
        }
    }
}

/// What must cost more than something else, on every host.
fn insist_on_order(costs: &Costs, skipped: &[&str]) {
    assert!(costs.syscall_entry > Span::ZERO && costs.user_call > Span::ZERO && costs.user_step > Span::ZERO);
    if skipped.is_empty() {
        // In a pipe the pages beyond the second have prices of their own: 14 of them for 64 KiB.
        let page = |channel| match channel {
            Copying::PipeWrite => costs.pipe_page_in,
            Copying::PipeRead => costs.pipe_page_out,
            _ => Span::ZERO,
        };
        let pages = |bytes: u64| bytes.div_ceil(4096).saturating_sub(2);
        let copy = |channel, bytes| costs.copies[channel].from_origin(bytes) + page(channel) * pages(bytes);
        for channel in [Copying::PipeWrite, Copying::PipeRead, Copying::FileWrite, Copying::FileRead] {
            assert!(copy(channel, 65_536) > copy(channel, 1), "{channel:?}");
        }
        assert!(costs.call("fork").base > costs.call("getpid").base);
        assert!(costs.call("execve").base > costs.call("fork").base);
        assert!(costs.fault_minor > Span::ZERO);
    }
}

#[test]
fn an_interrupted_calibration_writes_nothing_and_leaves_nothing() {
    let (folder, results) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = results.path().join("here.toml");
    let mut command = calibrate(folder.path());
    let mut child = command.arg("-o").arg(&path).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while fs::read_dir(folder.path()).unwrap().next().is_none() {
        assert!(begun.elapsed() < PATIENCE && child.try_wait().unwrap().is_none(), "it doesn't begin");
        std::thread::sleep(Duration::from_millis(1));
    }
    process::kill(child.id() as i32, Signal::SIGINT).unwrap();
    let pid = child.id();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!path.exists());
    insist_on_nothing_left(folder.path(), pid);
}

#[test]
fn a_cpu_that_is_not_there_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = calibrate(folder.path()).args(["--cpus", "4095", "-o", "-"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("CPU 4095 can't be used"));
}
