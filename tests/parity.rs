//! Parity: the simulated kernel and the real one do the same, verb by verb.
//!
//! `tests/parity/VERB.toml` says what Linux does, by the manual pages, and runs in both worlds, there
//! with every way of observing, on one CPU and on two. Each thread must make the same calls with the
//! same results, print the same lines, end with the same status, and the same bytes must come out of
//! each channel. What may differ is the order between processes, times, and the numbers of processes.
//! A line `# may differ: ...` says what else, separated by commas: `calls of THREAD`, `statuses of
//! THREAD`, `number of CALL` (with all that there is to say about that call), `results of CALL`.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "common/real.rs"]
mod real;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use real::{PROGRAM, ways};
use trapline::errno::Errno;
use trapline::program::verb::{Real, VERBS};
use trapline::trace::Kind;
use trapline::trace::file::Trace;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What a run amounts to that doesn't depend on the world.
#[derive(Debug, PartialEq, Eq)]
struct Deeds {
    /// The lines of each thread, in their order.
    lines: BTreeMap<String, Vec<String>>,
    /// The calls of each thread in their order, with what they returned.
    calls: BTreeMap<String, Vec<(String, Returned)>>,
    statuses: BTreeMap<String, u16>,
    /// Bytes that came out of each channel.
    received: BTreeMap<String, u64>,
    outcome: &'static str,
}

/// What a call returned.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Returned {
    /// It didn't: the process ended in it.
    Never,
    Value(i64),
    /// The number of a process or thread, which is the host's own affair.
    Number,
    Error(String),
    /// Whatever it is.
    Free,
}

/// Calls that return the number of a process or thread.
const NUMBERED: &[&str] = &["fork", "clone", "wait4", "getpid", "getppid", "getpgid"];

/// What may differ, by the head of a scenario.
#[derive(Debug, Default)]
struct Freedom {
    calls_of: BTreeSet<String>,
    statuses_of: BTreeSet<String>,
    number_of: BTreeSet<String>,
    results_of: BTreeSet<String>,
}

impl Freedom {
    fn of(file: &Path) -> Freedom {
        let text = fs::read_to_string(file).unwrap();
        let lines: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# may differ: ")).collect();
        let [list] = lines[..] else { panic!("{}: one line `# may differ: ...`", file.display()) };
        let mut freedom = Freedom::default();
        for what in list.split(", ").filter(|what| *what != "nothing") {
            let (into, name) = match what.rsplit_once(' ') {
                Some(("calls of", name)) => (&mut freedom.calls_of, name),
                Some(("statuses of", name)) => (&mut freedom.statuses_of, name),
                Some(("number of", name)) => (&mut freedom.number_of, name),
                Some(("results of", name)) => (&mut freedom.results_of, name),
                Some(_) | None => panic!("{}: what is {what:?}?", file.display()),
            };
            into.insert(name.to_owned());
        }
        freedom
    }

    fn returned(&self, call: &str, result: i64) -> Returned {
        match Errno::from_result(result) {
            Some(errno) => Returned::Error(errno.name().to_owned()),
            None if self.results_of.contains(call) => Returned::Free,
            None if NUMBERED.contains(&call) && result > 0 => Returned::Number,
            None => Returned::Value(result),
        }
    }
}

/// A thread's name without its number among its like: who is which depends on who comes first.
fn base(name: &str) -> &str {
    name.split('[').next().unwrap()
}

fn deeds(trace: &Trace, freedom: &Freedom) -> Deeds {
    let mut names: BTreeMap<_, String> = BTreeMap::new();
    for entry in trace.header.initial.iter().chain(&trace.tasks) {
        names.insert(entry.task, entry.name.clone());
    }
    let mut deeds = Deeds {
        lines: BTreeMap::new(),
        calls: BTreeMap::new(),
        statuses: BTreeMap::new(),
        received: BTreeMap::new(),
        outcome: trace.outcome.name(),
    };
    for event in &trace.events {
        let name = || names[&event.task].clone();
        match event.kind {
            Kind::Print { text } => {
                deeds.lines.entry(name()).or_default().push(trace.names[text.index()].clone());
            }
            Kind::SysEnter { call } if !freedom.calls_of.contains(base(&name())) => {
                let call = trace.header.calls[usize::from(call.0)].clone();
                if !freedom.number_of.contains(&call) {
                    deeds.calls.entry(name()).or_default().push((call, Returned::Never));
                }
            }
            Kind::SysExit { call, result } => {
                let call = &trace.header.calls[usize::from(call.0)];
                let calls = deeds.calls.entry(name()).or_default();
                if let Some((last, returned @ Returned::Never)) = calls.last_mut()
                    && last == call
                {
                    *returned = freedom.returned(call, result);
                }
            }
            Kind::ProcessExit { status } if !freedom.statuses_of.contains(base(&name())) => {
                deeds.statuses.insert(name(), status);
            }
            Kind::MessageReceive { object, bytes } => {
                let object = trace.header.objects[object.index()].name.clone();
                *deeds.received.entry(object).or_insert(0) += bytes;
            }
            _ => {}
        }
    }
    // A thread that a signal ends doesn't come back from its last call, whatever the kernel returned.
    for (name, calls) in &mut deeds.calls {
        if let (Some(128..), Some((_, last))) = (deeds.statuses.get(name), calls.last_mut()) {
            *last = Returned::Never;
        }
    }
    deeds.calls.retain(|_, calls| !calls.is_empty());
    deeds
}

fn run(command: &str, file: &Path, more: &[&str]) -> (Trace, Output) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut program = Command::new(PROGRAM);
    program.args([command, file.to_str().unwrap(), "-o", out.to_str().unwrap()]).args(more);
    let output = program.stdin(Stdio::null()).output().unwrap();
    let trace = Trace::read(out.join("trace.bin"));
    (trace.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr))), output)
}

/// Both worlds, with every way of observing; and every measured trace obeys the laws.
fn differences(file: &Path, freedom: &Freedom) -> Vec<String> {
    let (simulated, _) = run("run", file, &[]);
    let simulated = deeds(&simulated, freedom);
    let mut found = Vec::new();
    for way in ways() {
        for cpus in ["1", "2"] {
            let set = format!("machine.cpus={cpus}");
            let (measured, output) = run("real", file, &["--observe", way, "--set", &set]);
            let context = format!("{}, {way}, {cpus} CPUs", file.display());
            let measured_deeds = deeds(&measured, freedom);
            if measured_deeds != simulated {
                let said = String::from_utf8_lossy(&output.stderr);
                found.push(format!(
                    "{context}\nreal      {measured_deeds:?}\nsimulated {simulated:?}\n{said}"
                ));
            }
            let broken = measured.check();
            if measured.lost == 0 && !broken.is_empty() {
                found.push(format!("{context}: {broken:?}"));
            }
        }
    }
    found
}

/// All scenarios of a folder, in order.
fn scenarios(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    files.sort();
    files
}

/// The parity scenarios that this host can run: without io_uring it has no rings.
fn verbs_of_this_host() -> Vec<PathBuf> {
    let mut files = scenarios("tests/parity");
    if let Err(errno) = trapline::os::uring::Ring::new(1, None) {
        eprintln!("SKIPPED: all scenarios uring-*: this host has no io_uring: {errno}");
        files.retain(|file| !file.file_name().unwrap().to_string_lossy().starts_with("uring-"));
    }
    files
}

#[test]
fn every_verb_has_a_scenario_that_uses_it() {
    for row in VERBS.iter().filter(|row| matches!(row.real, Real::Yes(_))) {
        let file = root().join(format!("tests/parity/{}.toml", row.name));
        let text = fs::read_to_string(&file).unwrap_or_else(|_| panic!("{} is missing", file.display()));
        assert!(text.contains(&format!("{{ {} = ", row.name)), "{} doesn't use it", file.display());
    }
}

#[test]
fn every_verb_does_the_same_in_both_worlds() {
    let files = verbs_of_this_host();
    // Two at a time: they mostly wait.
    let (one, other) = files.split_at(files.len() / 2);
    let judge = |files: &[PathBuf]| -> Vec<String> {
        files.iter().flat_map(|file| differences(file, &Freedom::of(file))).collect()
    };
    let found: Vec<String> = std::thread::scope(|scope| {
        let workers = [scope.spawn(|| judge(one)), scope.spawn(|| judge(other))];
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n\n"));
}

#[test]
fn the_scenarios_of_the_boundary_do_the_same_in_both_worlds() {
    let freedom = Freedom::default();
    for file in scenarios("scenarios/boundary") {
        // Whether the deadlock happens depends on who comes first; the lines of a machine's interrupt
        // register are out of a program's reach.
        if file.ends_with("deadlock.toml") || file.ends_with("interrupt-register.toml") {
            continue;
        }
        let found = differences(&file, &freedom);
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

#[test]
fn what_parity_scenarios_expect_comes_out_in_both_worlds() {
    for (more, files) in [(&[][..], scenarios("tests/parity")), (&["--real"], verbs_of_this_host())] {
        let mut program = Command::new(PROGRAM);
        let output = program.arg("test").args(more).args(&files).output().unwrap();
        assert!(output.status.success(), "{more:?}: {}", String::from_utf8_lossy(&output.stdout));
    }
}
