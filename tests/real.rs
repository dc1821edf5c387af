//! The real mode, seen from the command line: both worlds do the same, limits hold, and nothing is
//! left behind, whatever happens to whom.
//!
//! What may differ between the worlds: times, the order of what happens at different processes, and
//! numbers of processes. Everything else must be the same.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use trapline::os::process;
use trapline::real::ftrace;
use trapline::real::run::{MARK, clean};
use trapline::trace::file::Trace;
use trapline::trace::{Kind, Outcome};

const PROGRAM: &str = env!("CARGO_BIN_EXE_trapline");
/// Long enough for any loaded host.
const PATIENCE: Duration = Duration::from_secs(60);

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What a run amounts to that doesn't depend on the world.
#[derive(Debug, PartialEq, Eq)]
struct Deeds {
    /// The lines that were printed, sorted.
    lines: Vec<String>,
    /// The calls of each thread, by name.
    calls: BTreeMap<(String, String), u64>,
    statuses: BTreeMap<String, u16>,
    /// Bytes that came out of each channel.
    received: BTreeMap<String, u64>,
    outcome: &'static str,
}

/// Calls whose number depends on who comes first: a lock that is free or not, a signal that comes
/// before the process waits for it or after.
const RACY: &[&str] = &["futex_wait", "futex_wake", "pause"];

fn deeds(trace: &Trace) -> Deeds {
    let mut names: BTreeMap<_, String> = BTreeMap::new();
    for entry in trace.header.initial.iter().chain(&trace.tasks) {
        names.insert(entry.task, entry.name.clone());
    }
    let mut deeds = Deeds {
        lines: Vec::new(),
        calls: BTreeMap::new(),
        statuses: BTreeMap::new(),
        received: BTreeMap::new(),
        outcome: trace.outcome.name(),
    };
    for event in &trace.events {
        let name = || names[&event.task].clone();
        match event.kind {
            Kind::Print { text } => deeds.lines.push(trace.names[text.index()].clone()),
            Kind::SysEnter { call } => {
                let call = trace.header.calls[usize::from(call.0)].clone();
                if !RACY.contains(&call.as_str()) {
                    *deeds.calls.entry((name(), call)).or_insert(0) += 1;
                }
            }
            Kind::ProcessExit { status } => {
                deeds.statuses.insert(name(), status);
            }
            Kind::MessageReceive { object, bytes } => {
                let object = trace.header.objects[object.index()].name.clone();
                *deeds.received.entry(object).or_insert(0) += bytes;
            }
            _ => {}
        }
    }
    deeds.lines.sort();
    deeds
}

fn trapline(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn run(command: &str, file: &Path, more: &[&str]) -> (Trace, Output) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut arguments = vec![command, file.to_str().unwrap(), "-o", out.to_str().unwrap()];
    arguments.extend(more);
    let output = trapline(&arguments);
    let trace = Trace::read(out.join("trace.bin"));
    (trace.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr))), output)
}

/// The ways of observing that this host allows.
fn ways() -> Vec<&'static str> {
    match ftrace::obstacle() {
        None => vec!["notes", "kernel"],
        Some(why) => {
            eprintln!("SKIPPED: the kernel's trace points: {why}");
            vec!["notes"]
        }
    }
}

/// Both worlds, with every way of observing; and every measured trace obeys the laws.
fn same_in_both_worlds(file: &Path) {
    let (simulated, _) = run("run", file, &[]);
    let simulated = deeds(&simulated);
    for way in ways() {
        for cpus in ["1", "2"] {
            let set = format!("machine.cpus={cpus}");
            let (measured, output) = run("real", file, &["--observe", way, "--set", &set]);
            let context = format!("{} {way} {cpus}: {output:?}", file.display());
            let mut measured_deeds = deeds(&measured);
            // Nobody can tell how a program would have gone on without an event that isn't possible.
            measured_deeds.outcome = simulated.outcome;
            assert_eq!(measured_deeds, simulated, "{context}");
            let lost = measured.lost;
            assert!(lost > 0 || measured.check().is_empty(), "{context}: {:?}", measured.check());
        }
    }
}

#[test]
fn every_verb_does_the_same_in_both_worlds() {
    same_in_both_worlds(&root().join("tests/real/verbs.toml"));
}

#[test]
fn the_scenarios_of_the_boundary_do_the_same_in_both_worlds() {
    // The deadlock is left out: whether it happens depends on who comes first.
    for name in [
        "copy-on-write-fork",
        "first-look",
        "interrupt-register",
        "io-block",
        "page-fault-chain",
        "protection",
        "three-causes",
        "time-slice",
    ] {
        same_in_both_worlds(&root().join(format!("scenarios/boundary/{name}.toml")));
    }
}

const STUCK: &str = r#"
format = 1
name = "stuck"
[shm.s]
cells = { met = 0 }
[mutex.a]
[mutex.b]
[process.left]
steps = [ { lock = "a" }, { atomic-add = "s.met" }, { load = "n", from = "s.met" }, { while = "n < 2", do = [ { yield = true }, { load = "n", from = "s.met" } ] }, { lock = "b" } ]
[process.right]
steps = [ { lock = "b" }, { atomic-add = "s.met" }, { load = "n", from = "s.met" }, { while = "n < 2", do = [ { yield = true }, { load = "n", from = "s.met" } ] }, { lock = "a" } ]
"#;

/// Forks, sleeps, files, shared memory and pipes, for ever.
const BUSY: &str = r#"
format = 1
name = "busy"
[device.disk]
kind = "disk"
service = "100us"
[file.data]
size = "64KiB"
[shm.s]
cells = { n = 0 }
[pipe.p]
[process.a]
count = 2
steps = [ { forever = true, do = [ { fork = "b" }, { fork = "c" }, { atomic-add = "s.n" }, { wait = "c" } ] } ]
[program.b]
steps = [ { read = "data", bytes = "4KiB" }, { sleep = "1s" } ]
[program.c]
steps = [ { compute = "50us" }, { write = "data", bytes = "1KiB" } ]
"#;

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new(text: &str) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("scratch")).unwrap();
        fs::write(folder.path().join("s.toml"), text).unwrap();
        Bench { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn start(&self, more: &[&str]) -> Child {
        let mut command = Command::new(PROGRAM);
        command.args([
            "real",
            &self.path("s.toml"),
            "--scratch",
            &self.path("scratch"),
            "-o",
            &self.path("out"),
        ]);
        command.args(more).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// A whole run: its exit status, and what it said on standard error. Nothing of it is left.
    fn run(&self, more: &[&str]) -> (Option<i32>, String) {
        let child = self.start(more);
        let caller = child.id();
        let output = child.wait_with_output().unwrap();
        self.insist_on_nothing_left(caller, &format!("{more:?}"));
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// The living processes of the run that this process has started.
    fn processes(caller: u32) -> Vec<String> {
        let mark = format!("{MARK}={caller}");
        let marked = |pid: &str| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|&byte| byte == 0).any(|entry| entry == mark.as_bytes())
        };
        let all = fs::read_dir("/proc").unwrap().flatten();
        let pids = all.map(|entry| entry.file_name().to_string_lossy().into_owned());
        pids.filter(|pid| pid.parse().is_ok_and(process::lives) && marked(pid)).collect()
    }

    fn leftovers(&self, caller: u32) -> Vec<String> {
        let mut left = Bench::processes(caller);
        let files = fs::read_dir(self.path("scratch")).unwrap().flatten();
        left.extend(files.map(|entry| entry.path().display().to_string()));
        left
    }

    /// Waits until nothing is left of the run.
    fn insist_on_nothing_left(&self, caller: u32, what: &str) {
        let begun = Instant::now();
        loop {
            let left = self.leftovers(caller);
            if left.is_empty() {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: {left:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn instances() -> Vec<String> {
    let instances = fs::read_dir("/sys/kernel/tracing/instances").into_iter().flatten().flatten();
    instances.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn nothing_is_left_when_the_caller_is_killed_at_any_moment() {
    const KILLS: u32 = 50;
    let mut callers = Vec::new();
    for number in 0..KILLS {
        let bench = Bench::new(BUSY);
        let mut child = bench.start(&[]);
        callers.push(child.id());
        // From before the guardian is there until well into the run.
        std::thread::sleep(Duration::from_micros(u64::from(number) * u64::from(number) * 100));
        child.kill().unwrap();
        child.wait().unwrap();
        let begun = Instant::now();
        while !Bench::processes(child.id()).is_empty() {
            assert!(begun.elapsed() < PATIENCE, "kill {number}: {:?}", Bench::processes(child.id()));
            std::thread::sleep(Duration::from_millis(2));
        }
        // Before its guardian is there nobody can tidy up but the next start.
        clean(Path::new(&bench.path("scratch")));
        assert_eq!(bench.leftovers(child.id()), Vec::<String>::new(), "kill {number}");
    }
    ftrace::clean();
    let left: Vec<String> = instances()
        .into_iter()
        .filter(|name| callers.iter().any(|pid| *name == format!("trapline-{pid}")))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn an_interrupt_ends_all_processes_and_leaves_a_trace() {
    let bench = Bench::new(BUSY);
    let mut child = bench.start(&[]);
    let begun = Instant::now();
    while Bench::processes(child.id()).len() < 4 {
        assert!(begun.elapsed() < PATIENCE, "the run doesn't begin");
        std::thread::sleep(Duration::from_millis(2));
    }
    process::kill(child.id() as i32, trapline::signal::Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    bench.insist_on_nothing_left(child.id(), "interrupt");
    let trace = Trace::read(bench.path("out/trace.bin")).unwrap();
    assert_eq!(trace.outcome, Outcome::Interrupted);
    assert!(trace.events.len() > 10);
}

#[test]
fn a_run_ends_at_its_limit_and_without_ever_more_processes() {
    let bench = Bench::new(BUSY);
    assert_eq!(bench.run(&["--most-time", "300ms"]).0, Some(0));
    let bench = Bench::new(BUSY);
    assert_eq!(bench.run(&["--most-tasks", "20"]).0, Some(0));
    let trace = Trace::read(bench.path("out/trace.bin")).unwrap();
    assert!(trace.tasks.len() < 20, "{}", trace.tasks.len());
    assert!(deeds(&trace).lines.iter().any(|line| line.contains("EAGAIN")), "{:?}", deeds(&trace).lines);
}

#[test]
fn a_real_deadlock_is_noticed() {
    let bench = Bench::new(STUCK);
    assert_eq!(bench.run(&[]).0, Some(4));
    let trace = Trace::read(bench.path("out/trace.bin")).unwrap();
    let Outcome::Deadlock { text } = &trace.outcome else { panic!("{:?}", trace.outcome) };
    assert!(text.contains("left waits in futex_wait at line"), "{text}");
    assert!(text.contains("right waits in futex_wait at line"), "{text}");
}

#[test]
fn what_cant_run_is_refused_before_anything_starts() {
    let bench = Bench::new("format = 1\n[process.a]\ncount = 5000\nsteps = [ { sleep = \"1s\" } ]\n");
    let (status, error) = bench.run(&[]);
    assert_eq!(status, Some(2), "{error}");
    assert!(error.contains("at most 1000 may be born"), "{error}");
    let (status, error) = bench.run(&["--cpus", "4000"]);
    assert_eq!(status, Some(2), "{error}");
}

#[test]
fn an_assertion_that_doesnt_hold_ends_the_run() {
    let bench = Bench::new(
        "format = 1\n[process.a]\nsteps = [ { set = \"x\", to = 3 }, { assert = \"x == 4\" }, { sleep = \"100s\" } ]\n",
    );
    let (status, error) = bench.run(&[]);
    assert_eq!(status, Some(4), "{error}");
    assert!(error.contains("x = 3"), "{error}");
}
