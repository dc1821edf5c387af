//! Results that other tools have published, reproduced to the tick.
//!
//! Each case of `tests/conformance/cases.json`, or of the file that the environment variable
//! `TRAPLINE_CASES` names, is translated into the text of a scenario by its family, run, and compared with
//! everything that the case expects. docs/CONFORMANCE.md tells of the families and their conventions.

#[path = "conformance/arrivals.rs"]
mod arrivals;
#[path = "conformance/levels.rs"]
mod levels;
#[path = "conformance/lottery.rs"]
mod lottery;
#[path = "conformance/paging.rs"]
mod paging;
#[path = "conformance/periodic.rs"]
mod periodic;
#[path = "conformance/pintos.rs"]
mod pintos;
#[path = "conformance/programs.rs"]
mod programs;
#[path = "conformance/python.rs"]
mod python;
#[path = "conformance/run.rs"]
mod run;
#[path = "conformance/sentences.rs"]
mod sentences;
#[path = "conformance/servers.rs"]
mod servers;

use std::collections::BTreeMap;

use serde_json::Value;
use trapline::sim::Outcome;

/// How a family's cases are compared: the differences, none if it conforms.
type Family = fn(input: &Value, expected: &Value) -> Result<Vec<String>, String>;

const FAMILIES: &[(&str, Family)] = &[
    ("cpusched", arrivals::cpusched),
    ("lottery", lottery::compare),
    ("mlfq", levels::compare),
    ("paging", paging::compare),
    ("pintos", pintos::compare),
    ("process-run", programs::compare),
    ("process-run (file-devices)", programs::compare),
    ("scheduler", arrivals::scheduler),
    ("schedsim", servers::compare),
    ("simso", periodic::compare),
];

fn cases() -> Vec<Value> {
    let text = match std::env::var_os("TRAPLINE_CASES") {
        Some(path) => {
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        }
        None => include_str!("conformance/cases.json").to_owned(),
    };
    let mut file: Value = serde_json::from_str(&text).expect("the cases are JSON");
    match file["cases"].take() {
        // What was run is part of what was put in.
        Value::Array(mut cases) => {
            for case in &mut cases {
                case["input"]["cmd"] = case["cmd"].clone();
            }
            cases
        }
        other => panic!("`cases` is a list, not {other}"),
    }
}

/// A case's input; a seed may stand in the tool's command line only.
fn seeded(case: &Value) -> Value {
    let mut input = case["input"].clone();
    let mut words = case["cmd"].as_str().unwrap_or_default().split_whitespace();
    if input["seed"].is_null()
        && words.any(|word| word == "-s")
        && let Some(seed) = words.next().and_then(|word| word.parse::<u64>().ok())
    {
        input["seed"] = seed.into();
    }
    input
}

#[test]
fn published_results_are_reproduced() {
    let mut tally: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut others: BTreeMap<String, usize> = BTreeMap::new();
    let mut failures = Vec::new();
    for case in cases() {
        let family = case["family"].as_str().expect("a case has a family");
        let Some(&(family, compare)) = FAMILIES.iter().find(|(name, _)| *name == family) else {
            *others.entry(family.to_owned()).or_default() += 1;
            continue;
        };
        let (right, all) = tally.entry(family).or_default();
        *all += 1;
        match compare(&seeded(&case), &case["expected"]) {
            Ok(differences) if differences.is_empty() => *right += 1,
            Ok(differences) => failures.push(format!("{}: {}", case["id"], differences.join("; "))),
            Err(error) if error.starts_with("not translated") => {
                *all -= 1;
                *others
                    .entry(format!("{family} with {}", error.trim_start_matches("not translated: ")))
                    .or_default() += 1;
            }
            Err(error) => failures.push(format!("{}: {error}", case["id"])),
        }
    }
    for (family, (right, all)) in &tally {
        println!("{family}: {right} of {all}");
    }
    for (family, number) in &others {
        println!("{family}: not translated, {number} not compared");
    }
    assert!(!tally.is_empty(), "no case of a known family");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A CPU that belongs to a thread which waits for another one of its own queue idles for ever.
#[test]
fn a_cpu_held_for_ever_is_a_deadlock() {
    let mut text = run::preamble("{ policy = \"fcfs\", hold = true }", 1);
    text += "[pipe.p]\n[process.job0]\nsteps = [{ read = \"p\", bytes = \"1B\" }]\n\
             [process.job1]\nsteps = [{ write = \"p\", bytes = \"1B\" }]\n";
    let ran = run::run(&text, 2).expect("a valid scenario");
    let Outcome::Deadlock { text } = &ran.trace.outcome else { panic!("{:?}", ran.trace.outcome) };
    assert!(text.contains("job0 waits for data in pipe `p`"), "{text}");
}
