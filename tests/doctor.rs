//! What real runs show without privilege, what is counted in every run, and `trapline doctor`.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use trapline::os::process;
use trapline::real::run::{MARK, scratch};
use trapline::real::seen::{Point, RUNNABLE, Raw};
use trapline::real::{Measured, Route, Settings, observe, run};
use trapline::scenario::{Overrides, Scenario};
use trapline::time::Span;
use trapline::trace::file::Trace;
use trapline::trace::{Cause, Fault, Kind, Why};

const PROGRAM: &str = env!("CARGO_BIN_EXE_trapline");
/// Whoever this is, it isn't root, and owns nothing.
const NOBODY: u32 = 65534;

const TALK: &str = r#"
format = 1
name = "talk"
[pipe.ping]
[pipe.pong]
[memory.heap]
size = "4MiB"
[process.parent]
steps = [
  { fork = "child" },
  { repeat = 20, do = [ { write = "ping", bytes = "1B" }, { read = "pong", bytes = "1B" } ] },
  { sleep = "1ms" },
  { wait = "child" },
]
[program.child]
steps = [
  { touch = "heap", pages = 1000, mode = "write" },
  { repeat = 20, do = [ { read = "ping", bytes = "1B" }, { write = "pong", bytes = "1B" } ] },
  { sleep = "1ms" },
  { sleep = "1ms" },
  { sleep = "1ms" },
]
"#;

fn trapline(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn is_possible(route: Route) -> bool {
    let why = route.obstacle();
    if let Some(why) = &why {
        eprintln!("SKIPPED: the route {}: {why}", route.name());
    }
    why.is_none()
}

fn is_root() -> bool {
    // Only root may write here, whatever the file's rights say.
    fs::OpenOptions::new().append(true).open("/proc/sys/kernel/core_pattern").is_ok()
}

/// The number of a process that has just ended.
fn dead() -> u32 {
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    child.id()
}

fn names(trace: &Trace) -> BTreeMap<trapline::ids::Tid, String> {
    let entries = trace.header.initial.iter().chain(&trace.tasks);
    entries.map(|entry| (entry.task, entry.name.clone())).collect()
}

/// What a trace of `TALK` by way of performance events must show.
fn insist_on_talk(trace: &Trace) {
    let beyond = ["sched_switch", "page_fault_user", "exception_exit"];
    let mut wanted: Vec<&str> = observe::NOTED.iter().copied().chain(beyond).collect();
    let mut observes: Vec<&str> = trace.header.observes.iter().map(String::as_str).collect();
    wanted.sort_unstable();
    observes.sort_unstable();
    assert_eq!(observes, wanted);
    assert_eq!(trace.lost, 0);
    assert!(trace.check().is_empty(), "{:?}", trace.check());
    let names = names(trace);
    let count = |of: &str, wanted: &dyn Fn(&Kind) -> bool| {
        let own = trace.events.iter().filter(|event| names.get(&event.task).is_some_and(|name| name == of));
        own.filter(|event| wanted(&event.kind)).count()
    };
    let fault = |kind: &Kind| matches!(kind, Kind::PageFaultUser { fault: Fault::Minor, .. });
    assert!(count("child", &fault) >= 1000, "{}", count("child", &fault));
    assert!(count("parent", &fault) < 1000);
    assert!(count("child", &|kind| matches!(kind, Kind::ExceptionExit)) >= 1000);
    let waits = |cause: Cause| move |kind: &Kind| matches!(kind, Kind::SchedSwitch { why: Why::Blocked { on, .. }, .. } if *on == cause);
    // On a busy host a sleep can be over before its thread has come to wait for it.
    assert!((1..=3).contains(&count("child", &waits(Cause::Sleep))));
    let readers = count("parent", &waits(Cause::PipeRead)) + count("child", &waits(Cause::PipeRead));
    assert!(readers > 0);
    for name in ["parent", "child"] {
        assert_eq!(count(name, &|kind| matches!(kind, Kind::ProcessExit { status: 0 })), 1);
        assert_eq!(count(name, &|kind| matches!(kind, Kind::SchedSwitch { why: Why::Exited, .. })), 1);
    }
    assert!(trace.events.iter().all(|event| !matches!(event.kind, Kind::SchedWakeup { .. })));
}

#[test]
fn performance_events_show_switches_faults_and_ends() {
    if !is_possible(Route::Perf) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("talk.toml");
    fs::write(&file, TALK).unwrap();
    let out = folder.path().join("out");
    let (file, place) = (file.to_str().unwrap(), out.to_str().unwrap());
    let output = trapline(&["real", file, "--observe", "perf", "-o", place]);
    assert!(output.status.success(), "{output:?}");
    insist_on_talk(&Trace::read(out.join("trace.bin")).unwrap());
}

/// A folder that anybody may use, with the program in it.
fn public() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o777)).tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let program = folder.path().join("trapline");
    fs::copy(PROGRAM, &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    (folder, program)
}

#[test]
fn somebody_without_rights_takes_the_best_route_that_is_left() {
    if !is_root() {
        eprintln!("SKIPPED: becoming nobody needs root; the other tests run without rights already");
        return;
    }
    let (folder, program) = public();
    let file = folder.path().join("talk.toml");
    fs::write(&file, TALK).unwrap();
    let out = folder.path().join("out");
    let mut command = Command::new(&program);
    command.args(["real", file.to_str().unwrap(), "-o", out.to_str().unwrap()]);
    command.arg("--scratch").arg(folder.path()).uid(NOBODY).gid(NOBODY).current_dir(folder.path());
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("only root may use the kernel's trace points"), "{said}");
    let trace = Trace::read(out.join("trace.bin")).unwrap();
    if said.contains("perf_event_open") {
        eprintln!("SKIPPED: performance events without rights: {said}");
        assert!(trace.header.observes.iter().all(|kind| kind != "sched_switch"));
        return;
    }
    insist_on_talk(&trace);
}

fn measure(text: &str, route: Route) -> Measured {
    let overrides = Overrides::default();
    let scenario = Scenario::parse_bytes("test.toml", text.as_bytes(), &overrides, None).unwrap();
    let scratch = scratch(&std::env::temp_dir()).unwrap();
    let settings = Settings {
        program: PathBuf::from(PROGRAM),
        scratch: scratch.path().to_owned(),
        cpus: process::cpus().into_iter().take(1).collect(),
        most_time: Span::from_millis(60_000),
        tasks: 50,
        notes: 4 << 20,
        memory: 64 << 20,
        file_bytes: 1 << 20,
        route,
    };
    run(&scenario, "test.toml", &overrides, &settings, &|| false).unwrap()
}

#[test]
fn what_processes_use_is_counted_in_every_run() {
    for route in Route::ALL.into_iter().filter(|route| is_possible(*route)) {
        let measured = measure(TALK, route);
        let [parent, child] = &measured.rows[..] else { panic!("{:?}", measured.rows) };
        let (parent, child) = (parent.usage.unwrap(), child.usage.unwrap());
        let context = format!("{route:?}: {parent:?} {child:?}");
        assert!(child.minor_faults >= 1000, "{context}");
        // The child's are not the parent's, though the kernel adds them when it is waited for.
        assert!(parent.minor_faults < 1000, "{context}");
        assert!(child.voluntary >= 1 && parent.voluntary >= 1, "{context}");
        assert!(child.user + child.system > 0, "{context}");
    }
}

#[test]
fn what_is_seen_agrees_with_what_is_counted() {
    for route in [Route::Perf, Route::Kernel].into_iter().filter(|route| is_possible(*route)) {
        let measured = measure(TALK, route);
        let seen = measured.seen.as_ref().unwrap();
        assert_eq!(measured.lost(), 0);
        for row in &measured.rows {
            let usage = row.usage.unwrap();
            let leaves =
                |event: &&Raw| event.point == Point::Switch && event.values[0] == i64::from(row.host_thread);
            let left = seen.events.iter().filter(leaves).filter(|event| event.at >= measured.start);
            let (took, gave): (Vec<&Raw>, Vec<&Raw>) = left.partition(|event| event.values[1] == RUNNABLE);
            let context = format!("{route:?}: {usage:?}, seen {} and {}", gave.len(), took.len());
            // The last switch, and one between the common start and the first count, may be missing.
            assert!(usage.voluntary.abs_diff(gave.len() as u64) <= 2, "{context}");
            assert!(usage.involuntary.abs_diff(took.len() as u64) <= 1, "{context}");
        }
    }
}

#[test]
fn a_signals_death_is_seen_without_privilege_too() {
    if !is_possible(Route::Perf) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.toml");
    let text = "format = 1\n[process.a]\nsteps = [ { raise = \"illegal-instruction\" } ]\n";
    fs::write(&file, text).unwrap();
    let out = folder.path().join("out");
    let output =
        trapline(&["real", file.to_str().unwrap(), "--observe", "perf", "-o", out.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let trace = Trace::read(out.join("trace.bin")).unwrap();
    let kinds: Vec<&str> = trace.events.iter().map(|event| event.kind.name()).collect();
    let place =
        |name| kinds.iter().position(|kind| *kind == name).unwrap_or_else(|| panic!("{name}: {kinds:?}"));
    assert!(place("signal_deliver") < place("process_exit"));
    let status = 128 + trapline::signal::Signal::SIGILL as u16;
    assert!(trace.events.iter().any(|event| event.kind == Kind::ProcessExit { status }));
}

fn report(arguments: &[&str]) -> (Output, Value) {
    let mut all = vec!["doctor", "--format", "json"];
    all.extend(arguments);
    let output = trapline(&all);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let report = serde_json::from_str(&text);
    (output, report.unwrap_or_else(|error| panic!("{error}: {text}")))
}

fn finding<'a>(report: &'a Value, name: &str) -> &'a Value {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["name"] == name).unwrap_or_else(|| panic!("{name}: {report}"))
}

#[test]
fn the_doctor_tries_everything_and_says_what_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let (output, report) = report(&["--scratch", folder.path().to_str().unwrap()]);
    assert!(output.status.success(), "{report}");
    assert_eq!(report["can_run"], true);
    assert_eq!(finding(&report, "run")["state"], "works", "{report}");
    for (name, route) in [("trace points", Route::Kernel), ("performance events", Route::Perf)] {
        let works = finding(&report, name)["state"] == "works";
        assert_eq!(works, is_possible(route), "{report}");
    }
    for finding in report["findings"].as_array().unwrap() {
        let works = finding["state"] == "works";
        for key in ["consequence", "remedy"] {
            assert_eq!(finding[key].as_str().unwrap().is_empty(), works, "{finding}");
        }
    }
    assert!(report["impossible"].as_array().unwrap().iter().any(|row| row["name"] == "unplug"));
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_doctor_says_so_if_nothing_can_run() {
    // So few descriptors leave no room for those of a run.
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 15 && exec \"$0\" doctor", PROGRAM]).stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    assert!(text.contains("missing  run"), "{text}");
    assert!(text.contains("so: no scenario can run for real"), "{text}");
}

#[test]
fn the_doctor_removes_what_killed_runs_have_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let (gone, living) = (dead(), std::process::id());
    let stale = folder.path().join(format!("trapline-run-{gone}-x"));
    let current = folder.path().join(format!("trapline-run-{living}-x"));
    fs::create_dir(&stale).unwrap();
    fs::create_dir(&current).unwrap();
    let sleeper =
        |caller: u32| Command::new("sleep").arg("1000").env(MARK, caller.to_string()).spawn().unwrap();
    let (mut orphan, mut other) = (sleeper(gone), sleeper(living));
    let instance = Path::new("/sys/kernel/tracing/instances").join(format!("trapline-{gone}-1"));
    if is_possible(Route::Kernel) {
        fs::create_dir(&instance).unwrap();
    }

    let words = |list: &Value| serde_json::to_string(list).unwrap();
    let (_, found) = report(&["--scratch", place]);
    let listed = words(&found["leftovers"]["found"]);
    assert!(listed.contains(stale.to_str().unwrap()), "{found}");
    assert!(listed.contains(&format!("process {}", orphan.id())), "{found}");
    assert_eq!(words(&found["leftovers"]["removed"]), "[]");
    assert!(stale.exists() && orphan.try_wait().unwrap().is_none(), "a look removes nothing");

    let (_, cleaned) = report(&["--scratch", place, "--clean"]);
    let removed = words(&cleaned["leftovers"]["removed"]);
    assert!(removed.contains(stale.to_str().unwrap()), "{cleaned}");
    assert!(removed.contains(&format!("process {}", orphan.id())), "{cleaned}");
    assert!(!stale.exists() && !instance.exists());
    assert_eq!(orphan.wait().unwrap().signal(), Some(9));
    assert!(current.exists() && other.try_wait().unwrap().is_none(), "what is somebody's stays");
    other.kill().unwrap();
    other.wait().unwrap();
}
