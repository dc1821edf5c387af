//! The real mode, seen from the command line: how runs end, and their limits.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "common/real.rs"]
mod real;

use std::time::{Duration, Instant};

use real::{BUSY, Bench, PATIENCE};
use trapline::os::process;
use trapline::trace::Outcome;
use trapline::trace::file::Trace;

/// More processes than are allowed.
const FORKS: &str = r#"
format = 1
[process.a]
steps = [ { forever = true, do = [ { fork = "b" } ] } ]
[program.b]
steps = [ { sleep = "10ms" } ]
"#;

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

const LATER: &str = r#"
format = 1
[process.first]
steps = [ { compute = "3ms" }, { sleep = "4ms" } ]
[process.late]
start = "2ms"
count = 2
steps = [ { getpid = "x" }, { compute = "300us" }, { sleep = "1ms" }, { getpid = "x" } ]
"#;

#[test]
fn an_interrupt_ends_all_processes_and_leaves_a_trace() {
    let bench = Bench::new(BUSY);
    let mut child = bench.start(&[]);
    let begun = Instant::now();
    while Bench::processes(child.id()).len() < 8 {
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
    let bench = Bench::new(FORKS);
    let (status, error) = bench.run(&["--most-tasks", "20"]);
    assert_eq!(status, Some(0), "{error}");
    let trace = Trace::read(bench.path("out/trace.bin")).unwrap();
    assert!(trace.tasks.len() < 20, "{}", trace.tasks.len());
    let errno = trapline::errno::Errno::EAGAIN.to_string();
    assert!(trace.names.iter().any(|line| line.contains(&errno)), "{:?}", trace.names);
}

/// The kernel sees a process that starts later before the process itself can say that it is there.
#[test]
fn a_process_that_starts_later_is_announced_before_the_kernel_names_it() {
    let bench = Bench::new(LATER);
    for way in real::ways() {
        assert_eq!(bench.run(&["--observe", way]).0, Some(0), "{way}");
        let trace = Trace::read(bench.path("out/trace.bin")).unwrap();
        assert_eq!(trace.check(), [], "{way}");
        let late = trace.tasks.iter().filter(|task| task.name.starts_with("late")).map(|task| task.task);
        for late in late.collect::<Vec<_>>() {
            let first = trace.events.iter().find(|event| event.task == late).unwrap();
            assert!(first.at.as_nanos() >= 2_000_000, "{way}: {first:?}");
        }
    }
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

#[test]
fn memory_that_forks_would_multiply_is_bounded() {
    let text = r#"
format = 1
[memory.heap]
size = "16MiB"
[process.a]
steps = [ { repeat = 10, do = [ { fork = "b", result = "r", on-error = "continue" } ] }, { print = "{r}" }, { repeat = 3, do = [ { kill = "child" }, { wait = "any" } ] } ]
[program.b]
steps = [ { touch = "heap" }, { pause = true } ]
"#;
    let bench = Bench::new(text);
    let (status, error) = bench.run(&["--most-mib", "64"]);
    assert_eq!(status, Some(0), "{error}");
    let trace = Trace::read(bench.path("out/trace.bin")).unwrap();
    let born = trace.tasks.iter().filter(|entry| entry.name.starts_with('b')).count();
    assert_eq!(born, 3, "{:?}", trace.tasks);
    let errno = trapline::errno::Errno::ENOMEM.result().to_string();
    assert!(trace.names.contains(&errno), "{:?}", trace.names);
    let (status, error) = bench.run(&["--most-mib", "8"]);
    assert_eq!(status, Some(2), "{error}");
    assert!(error.contains("its memory"), "{error}");
}

#[test]
fn files_that_grow_beyond_the_limit_end_the_run() {
    let text = r#"
format = 1
[device.disk]
service = "100us"
[file.data]
size = "4KiB"
[process.a]
count = 2
steps = [ { forever = true, do = [ { write = "data", bytes = "64KiB" }, { sleep = "1ms" } ] } ]
"#;
    let bench = Bench::new(text);
    let (status, error) = bench.run(&["--most-mib", "2"]);
    assert_eq!(status, Some(0), "{error}");
    let trace = Trace::read(bench.path("out/trace.bin")).unwrap();
    let killed = trace.events.iter().filter(
        |event| matches!(event.kind, trapline::trace::Kind::ProcessExit { status } if status == 128 + 25),
    );
    // Either the kernel's own limit for each file comes first, or the guardian's for all of them.
    assert!(killed.count() == 2 || trace.outcome == Outcome::Limit, "{error}");
}

/// `trapline test --real` with one scenario: its exit status, and what it printed.
fn judged(text: &str) -> (Option<i32>, String) {
    let bench = Bench::new(text);
    let mut program = std::process::Command::new(real::PROGRAM);
    let output = program.args(["test", "--real", &bench.path("s.toml")]).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn real_runs_are_judged_as_far_as_their_machine_doesnt_decide() {
    let scenario = |expect: &str| {
        let steps = "{ store = \"s.n\", value = 3 }, { print = \"x\" }, { print = \"y\" }, { getpid = true }";
        format!(
            "format = 1\n[shm.s]\ncells = {{ n = 0 }}\n[process.a]\nsteps = [ {steps} ]\n[expect]\n{expect}\n"
        )
    };
    let right =
        "output = [\"x\", \"y\"]\nvalues = { \"s.n\" = 3 }\ncount = { sys_enter = 2, sched_switch = 77 }";
    let (status, said) = judged(&scenario(&format!("{right}\nend = \"1ns\"")));
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("not judged: end, sched_switch"), "{said}");

    for wrong in ["values = { \"s.n\" = 4 }", "exit = { a = 1 }", "count = { sys_enter = 3 }"] {
        let (status, said) = judged(&scenario(wrong));
        assert_eq!(status, Some(1), "{wrong}: {said}");
        let name = wrong.split_once("{ ").unwrap().1.split(' ').next().unwrap();
        let (status, said) =
            judged(&scenario(&format!("{wrong}\nreal = {{ free = [\"{}\"] }}", name.trim_matches('"'))));
        assert_eq!(status, Some(0), "{wrong}, but free: {said}");
    }

    let other_order = "output = [\"y\", \"x\"]";
    assert_eq!(judged(&scenario(other_order)).0, Some(1));
    assert_eq!(judged(&scenario(&format!("{other_order}\nreal = {{ any-order = true }}"))).0, Some(0));
    let other_end = "outcome = \"deadlock\"";
    assert_eq!(judged(&scenario(other_end)).0, Some(1));
    assert_eq!(judged(&scenario(&format!("{other_end}\nreal = {{ outcome = [\"finished\"] }}"))).0, Some(0));
    let (status, said) = judged(&scenario("outcome = \"finished\"\n[run]\nsimulated-only = \"it's a joke\""));
    assert_eq!(status, Some(0));
    assert!(said.contains("SKIP") && said.contains("it's a joke"), "{said}");
}
