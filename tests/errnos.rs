//! Each error that a verb's documentation names, and many that go without saying, can happen: a small scenario in
//! `tests/errnos.txt` gets it, simulated and from the real kernel. A program can handle it, or ends with a line about it.

#![allow(clippy::unwrap_used)]

#[cfg(target_os = "linux")]
#[path = "common/real.rs"]
mod real;

use std::collections::BTreeSet;

use trapline::errno::Errno;
use trapline::program::verb::{self, Level, VERBS};
use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Pace, Simulator};
use trapline::trace::Kind;
use trapline::trace::sink::Memory;

/// One line of the table.
struct Case {
    verb: &'static str,
    errno: Errno,
    simulated_only: bool,
    objects: String,
    before: String,
    step: &'static str,
}

fn errno(name: &str) -> Option<Errno> {
    Errno::ALL.iter().copied().find(|errno| errno.name() == name)
}

fn lines() -> impl Iterator<Item = &'static str> {
    include_str!("errnos.txt").lines().filter(|line| !line.starts_with('#'))
}

/// The verb and the error that a line is about.
fn subject(line: &'static str) -> (&'static str, Errno) {
    let mut words = line.split(' ');
    let (verb, name) = (words.next().unwrap(), words.next().unwrap());
    (verb, errno(name).unwrap_or_else(|| panic!("{line}: which error?")))
}

fn cases() -> Vec<Case> {
    let of = |line: &'static str| {
        let mut fields = line.split('|').map(str::trim);
        let head = fields.next().unwrap();
        let (verb, errno) = subject(head);
        let simulated_only = head.ends_with(" SIMULATED");
        let [objects, before, step] = [0; 3].map(|_| fields.next().unwrap_or_else(|| panic!("{line}")));
        let objects = objects
            .replace("DATA", "[device.disk]\nkind = \"disk\"\n[file.data]\ndisk = \"disk\"\nsize = \"4KiB\"")
            .replace(
                "POOL",
                "[pool.p]\nworkers = 1\ntasks = 8\nkind = \"threads\"\n\
                 steps = [{ repeat = \"argument\", do = [{ sleep = \"1ms\" }] }, { set = \"answer\", to = 1 }]",
            )
            .replace(
                "MANAGER",
                "[manager.m]\nobjects = { d = { kind = \"dict\", capacity = 1 }, l = \"list\", k = \"lock\" }",
            )
            .replace("MADE", "[mqueue.made]\ncreate = \"open\"")
            .replace(
                "WORD",
                "[shm.w]\ncells = { a = 0, b = 0 }\n[program.holder]\nsteps = [{ futex-lock-pi = \"w.a\" }, { sleep = \"300ms\" }]",
            )
            .replace(" ; ", "\n");
        let alarm = "{ signal = \"SIGALRM\", action = \"handler\", run = \"h\" }, { setitimer = \"20ms\", every = \"20ms\" }";
        Case { verb, errno, simulated_only, objects, before: before.replace("ALARM", alarm), step }
    };
    lines().filter(|line| line.contains('|')).map(of).collect()
}

impl Case {
    /// The scenario; a program that handles the error prints it.
    fn text(&self, handles: bool) -> String {
        let failing = self.step.trim_start_matches("{ ").split(' ').next().unwrap();
        let call = verb::find(failing).unwrap().level == Level::Syscall;
        let rest = match (handles, call) {
            (true, true) => ", result = \"r\", on-error = \"continue\" }, { print = \"{r}\" }",
            (true, false) => ", result = \"r\" }, { print = \"{r}\" }",
            (false, _) => " }, { print = \"never\" }",
        };
        let runs = self.before.contains("run = \"h\"") || self.objects.contains("program = \"h\"");
        let handler = if runs { "[program.h]\nsteps = [{ set = \"handled\", to = 1 }]\n" } else { "" };
        let separator = if self.before.is_empty() { "" } else { ", " };
        format!(
            "format = 1\n{}\n{handler}[process.a]\nsteps = [{}{separator}{}{rest}]\n",
            self.objects, self.before, self.step
        )
    }

    fn handled_line(&self) -> String {
        format!("-{}", self.errno as u8)
    }
}

/// What the scenario prints.
fn simulated(text: &str) -> Vec<String> {
    let scenario = match Scenario::parse("errno.toml", text, &Overrides::default()) {
        Ok(scenario) => scenario,
        Err(diagnostics) => return vec![format!("{text}\n{}", diagnostics.render(false))],
    };
    let mut simulator = Simulator::new(&scenario.image, Memory::new(), Pace::Fast);
    simulator.run();
    let trace = simulator.kernel.sink;
    let lines = trace.events.iter().filter_map(|event| match event.kind {
        Kind::Print { text } => Some(trace.names[text.index()].clone()),
        _ => None,
    });
    lines.collect()
}

#[test]
fn each_error_happens_in_a_simulated_run_and_can_be_handled() {
    let wrong = cases().into_iter().filter_map(|case| {
        let lines = simulated(&case.text(true));
        let right = lines.last().is_some_and(|line| *line == case.handled_line());
        (!right).then(|| format!("{} {}: {lines:?}", case.verb, case.errno.name()))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_call_whose_error_nobody_handles_ends_the_process_with_a_line_that_names_it() {
    for case in cases() {
        let failing = case.step.trim_start_matches("{ ").split(' ').next().unwrap();
        if verb::find(failing).unwrap().level == Level::Syscall {
            let lines = simulated(&case.text(false));
            let said = lines.last().is_some_and(|line| {
                line.starts_with(&format!("a: {{ {failing} = ")) && line.ends_with(&case.errno.to_string())
            });
            assert!(said, "{} {}: {lines:?}", case.verb, case.errno.name());
        }
    }
}

/// The table has every error that the documentation of a verb and of its keys names, or says why not.
#[test]
fn each_documented_error_is_in_the_table() {
    let known: BTreeSet<(&str, Errno)> = lines().map(subject).collect();
    let mut missing = Vec::new();
    for row in VERBS {
        let keys = serde_json::to_string(&(row.schema)()).unwrap();
        let text = format!("{} {keys}", row.doc);
        let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
        for named in words.filter_map(errno) {
            if !known.contains(&(row.name, named)) {
                missing.push(format!("{} {}", row.name, named.name()));
            }
        }
    }
    assert!(missing.is_empty(), "said to happen, and never tried: {missing:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn each_error_happens_on_the_real_kernel() {
    let folder = tempfile::tempdir().unwrap();
    for case in cases().into_iter().filter(|case| !case.simulated_only) {
        let text = case.text(true) + &format!("[expect]\noutput = [\"{}\"]\n", case.handled_line());
        let name = format!("{}-{}.toml", case.verb, case.errno.name());
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let run = std::process::Command::new(real::PROGRAM).args(["test", "--real"]).arg(folder.path()).output();
    let run = run.unwrap();
    let said = String::from_utf8_lossy(&run.stdout) + String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}");
}
