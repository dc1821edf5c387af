//! `trapline import`: sockets, counters, queues and semaphores of recorded programs.
//!
//! tests/import/calls holds short logs of strace, written for this test, and the scenarios that they become.
//! echo.strace and tasks.strace are what strace wrote of echo.py and tasks.py, by the command in docs/IMPORT.md,
//! with the paths of the machine shortened.

// What a test can't do without is unwrapped, outside of its own function as well.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use trapline::import::{Imported, Options, import};
use trapline::program::syscall::NAMES;
use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Outcome, Pace, Simulator};
use trapline::trace::Kind;
use trapline::trace::sink::Memory;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import")
}

fn imported(path: &str) -> Imported {
    let bytes = fs::read(folder().join(path)).unwrap();
    let name = Path::new(path).file_stem().unwrap().to_str().unwrap();
    import(&bytes, &Options::named(name)).unwrap()
}

/// Calls by name, how it ended, and when.
fn run(imported: &Imported) -> (BTreeMap<&'static str, u64>, Outcome, u64) {
    let scenario = match Scenario::parse("imported", &imported.toml, &Overrides::default()) {
        Ok(scenario) => scenario,
        Err(diagnostics) => panic!("{}\n{}", imported.toml, diagnostics.render(false)),
    };
    let mut simulator = Simulator::new(&scenario.image, Memory::new(), Pace::Fast);
    let outcome = simulator.run();
    let mut calls = BTreeMap::new();
    for event in &simulator.kernel.sink.events {
        if let Kind::SysEnter { call } = &event.kind {
            *calls.entry(NAMES[usize::from(call.0)]).or_default() += 1;
        }
    }
    (calls, outcome, simulator.end().as_nanos())
}

/// The log becomes the scenario beside it, word for word, and the scenario comes to its end.
fn becomes(name: &str) {
    let imported = imported(&format!("calls/{name}.strace"));
    let expected = folder().join(format!("calls/{name}.toml"));
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        fs::write(&expected, &imported.toml).unwrap();
    }
    let expected = fs::read_to_string(expected).unwrap();
    assert_eq!(imported.toml, expected, "{name}");
    assert_eq!(run(&imported).1, Outcome::Finished, "{name}");
}

#[test]
fn a_server_and_its_client_keep_their_connection() {
    becomes("unix-server");
}

#[test]
fn sockets_whose_other_end_is_elsewhere_are_listed_and_their_waits_are_sleeps() {
    becomes("outside");
}

#[test]
fn a_counter_gives_as_often_as_it_was_given() {
    becomes("counter");
}

#[test]
fn semaphores_and_queues_of_system_v_come_over() {
    becomes("system-v");
}

#[test]
fn message_queues_named_pipes_and_fdatasync_come_over() {
    becomes("queues-and-files");
}

/// What is recorded of calls that succeeded, or brought something, by the names in the log.
fn recorded(log: &str, names: &[&str]) -> Vec<u64> {
    let text = fs::read_to_string(folder().join(log)).unwrap();
    let count = |name: &&str| {
        let (whole, half) = (format!(" {name}("), format!("<... {name} resumed>"));
        let lines = text.lines().filter(|line| line.contains(&whole) || line.contains(&half));
        lines.filter(|line| !line.contains("<unfinished") && !line.contains(" = -1 ")).count() as u64
    };
    names.iter().map(count).collect()
}

/// The time from the first line of a log to its last.
fn span(log: &str) -> f64 {
    let text = fs::read_to_string(folder().join(log)).unwrap();
    let stamp = |line: &str| line.split(' ').nth(1).unwrap().parse::<f64>().unwrap();
    (stamp(text.lines().last().unwrap()) - stamp(text.lines().next().unwrap())) * 1e9
}

#[test]
fn an_echo_server_in_python_makes_the_same_calls_simulated() {
    let imported = imported("echo.strace");
    let (calls, outcome, nanos) = run(&imported);
    assert_eq!(outcome, Outcome::Finished, "{}", imported.toml);
    let names = ["socket", "bind", "listen", "connect", "accept4", "sendto", "recvfrom", "wait4"];
    let simulated: Vec<u64> = names.iter().map(|name| calls[name]).collect();
    assert_eq!(simulated, recorded("echo.strace", &names));
    // By hand, from echo.py: a hundred there and back, and the end of file.
    assert_eq!(simulated, [2, 1, 1, 1, 1, 200, 201, 1]);
    let error = (nanos as f64 - span("echo.strace")) / span("echo.strace");
    println!("echo: {nanos} ns simulated, {:+.1}%", error * 100.0);
    assert!(error.abs() < 0.1, "{error}");
}

#[test]
fn workers_in_python_that_share_a_queue_make_the_same_calls_simulated() {
    let imported = imported("tasks.strace");
    let (calls, outcome, nanos) = run(&imported);
    assert_eq!(outcome, Outcome::Finished, "{}", imported.toml);
    assert_eq!(calls["write"], recorded("tasks.strace", &["write"])[0]);
    // By hand, from tasks.py: two workers, and a thread that feeds each of the three ends of the queues.
    assert_eq!([calls["fork"], calls["clone"], calls["wait4"]], [2, 3, 2]);
    let error = (nanos as f64 - span("tasks.strace")) / span("tasks.strace");
    println!("tasks: {nanos} ns simulated, {:+.1}%", error * 100.0);
    assert!(error.abs() < 0.1, "{error}");
}
