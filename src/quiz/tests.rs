//! Each kind of question on a run that one can work out by hand.

use std::path::Path;

use crate::random::Key;
use crate::scenario::{Overrides, Scenario};
use crate::sim::Control;

use super::kinds::by_name;
use super::paper::Paper;
use super::question::{Answer, NAME, Question};
use super::{KINDS, Run};

/// All questions of a kind about a scenario, in the order of their places, each with its right answer.
fn asked(scenario: &Scenario, kind: &str) -> Vec<(String, String)> {
    let run = Run::of(scenario, &Control::new()).expect("a run");
    let row = by_name(kind).expect("a kind");
    let mut stream = Key::of_run(1).stream();
    let questions = (row.places)(&run).into_iter().filter_map(|place| (row.ask)(&run, place, &mut stream));
    questions.map(|question| (bare(&question.text), right(&question))).collect()
}

fn bare(text: &str) -> String {
    text.chars().filter(|c| *c != NAME.0 && *c != NAME.1).collect()
}

fn right(question: &Question) -> String {
    match &question.answer {
        Answer::Choice { choices, right } => bare(&choices[*right]),
        other => other.right(),
    }
}

fn scenario(text: &str) -> Scenario {
    let text = format!("format = 1\n{text}");
    let parsed = Scenario::parse("test.toml", &text, &Overrides::default());
    parsed.unwrap_or_else(|problems| panic!("{}", problems.render(false)))
}

fn file(name: &str) -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name);
    Scenario::load(&path, &Overrides::default())
        .unwrap_or_else(|problems| panic!("{}", problems.render(false)))
}

/// The answers alone.
fn answers(scenario: &Scenario, kind: &str) -> Vec<String> {
    asked(scenario, kind).into_iter().map(|(_, answer)| answer).collect()
}

/// `a` needs 25 us and `b` 15 us, in turns of 10 us: a to 10, b to 20, a to 30, b to 35, a to 40.
fn turns() -> Scenario {
    scenario(
        "[machine]\ncosts = { base = \"free\", instruction = \"1us\" }\n\
         [kernel]\nscheduler = { policy = \"round-robin\", quantum = \"10us\" }\n\
         [process.a]\nsteps = [{ compute = \"25us\" }]\n[process.b]\nsteps = [{ compute = \"15us\" }]\n",
    )
}

#[test]
fn who_runs_next_and_why_somebody_left_follow_from_the_turns() {
    let next = asked(&turns(), "next");
    let when: Vec<&str> = next.iter().map(|(text, _)| text.split(' ').nth(1).expect("a time")).collect();
    assert_eq!(when, ["10us", "20us", "30us", "35us"]);
    assert_eq!(answers(&turns(), "next"), ["b", "a", "b", "a"]);
    let slice = "its time slice is used up";
    assert_eq!(answers(&turns(), "left"), [slice, slice, slice, "it has ended", "it has ended"]);
}

#[test]
fn times_and_counts_of_the_turns_add_up() {
    assert_eq!(answers(&turns(), "response"), ["10us"]);
    assert_eq!(answers(&turns(), "turnaround"), ["40us", "35us"]);
    assert_eq!(answers(&turns(), "waiting"), ["15us", "20us"]);
    assert_eq!(answers(&turns(), "order"), ["b, a"]);
    // From idling to a, a to b, b to a, a to b, b to a, a to idling; a loses the CPU twice and b once.
    assert_eq!(answers(&turns(), "switches"), ["6", "2", "1"]);
}

#[test]
fn a_write_wakes_the_reader_and_its_bytes_are_counted() {
    let scenario = scenario(
        "[machine]\ncosts = \"textbook\"\n[pipe.p]\nof = \"parent\"\n\
         [process.parent]\nsteps = [{ fork = \"child\" }, { read = \"p\", bytes = \"100B\" }, { read = \"p\", bytes = \"20B\" }]\n\
         [program.child]\nsteps = [{ write = \"p\", bytes = \"100B\" }, { write = \"p\", bytes = \"20B\" }]\n",
    );
    // The second write comes while the parent is ready, and wakes nobody; nobody is blocked then, so it isn't asked.
    let woken = asked(&scenario, "woken");
    assert_eq!(woken.len(), 1, "{woken:?}");
    assert!(woken[0].0.contains("child makes the call write") && woken[0].1 == "parent", "{woken:?}");
    assert_eq!(answers(&scenario, "bytes"), ["120B"]);
    let left = asked(&scenario, "left");
    assert!(
        left[0].0.contains("parent leaves the CPU") && left[0].1 == "it waits for data in pipe p",
        "{left:?}"
    );
    let calls = asked(&scenario, "calls");
    let all: Vec<_> = calls.iter().filter(|(text, _)| text.contains("system calls")).collect();
    for (text, answer) in all {
        let wanted = if text.contains("parent") { "4" } else { "3" };
        assert_eq!(answer, wanted, "{text}");
    }
}

#[test]
fn the_interrupt_register_holds_what_was_asserted_and_not_taken() {
    let scenario = file("boundary/interrupt-register.toml");
    let register = asked(&scenario, "register");
    let at = |when: &str| {
        let found = register.iter().find(|(text, _)| text.starts_with(&format!("At {when},")));
        found.map(|(_, answer)| answer.as_str())
    };
    assert_eq!(at("12us"), Some("middle"));
    assert_eq!(at("29us"), Some("middle and low"));
    assert_eq!(at("32us"), Some("middle"), "low has been taken");
    assert_eq!(at("8us"), None, "high is taken at once");
    assert_eq!(at("52us"), None, "middle is taken as soon as it is unmasked");
    assert_eq!(answers(&scenario, "served"), ["high", "low"]);
}

#[test]
fn the_ways_into_the_kernel_come_in_their_order() {
    let wanted = [
        "its own system call write",
        "an exception: a page fault (minor) of one of its instructions",
        "an interrupt of network",
        "its own system call exit_group",
    ];
    assert_eq!(answers(&file("boundary/three-causes.toml"), "entry"), wanted);
}

#[test]
fn each_page_is_one_fault() {
    let scenario = scenario(
        "[machine]\ncosts = \"textbook\"\n[memory.heap]\nsize = \"64KiB\"\n\
         [process.a]\nsteps = [{ touch = \"heap\", pages = 3 }, { touch = \"heap\", pages = 5 }]\n",
    );
    assert_eq!(answers(&scenario, "faults"), ["5"]);
}

#[test]
fn an_update_between_load_and_store_is_lost() {
    let scenario = scenario(
        "[machine]\ncosts = { base = \"free\", instruction = \"1us\" }\n\
         [kernel]\nscheduler = { policy = \"round-robin\", quantum = \"3us\" }\n[shm.s]\ncells = { n = 0 }\n\
         [process.a]\ncount = 2\nsteps = [{ load = \"x\", from = \"s.n\" }, { compute = \"4us\" }, { store = \"s.n\", value = \"x + 1\" }]\n",
    );
    let run = Run::of(&scenario, &Control::new()).expect("a run");
    let row = by_name("value").expect("a kind");
    let place = (row.places)(&run)[0];
    let question = (row.ask)(&run, place, &mut Key::of_run(1).stream()).expect("a question");
    assert_eq!(right(&question), "1");
    let Answer::Choice { choices, .. } = &question.answer else { panic!("a choice") };
    assert!(choices.contains(&"2".to_owned()), "what comes out undisturbed is among {choices:?}");
    assert!(question.reason.contains("the cell would hold 2"), "{}", question.reason);
}

#[test]
fn lines_are_asked_for_by_their_place() {
    let scenario = scenario(
        "[machine]\ncosts = \"textbook\"\n[process.a]\nsteps = [{ compute = \"1us\" }, { print = \"one 1\" }, { print = \"two 2\" }]\n",
    );
    let output = asked(&scenario, "output");
    assert_eq!(answers(&scenario, "output"), ["one 1", "two 2"]);
    assert!(output[1].0.ends_with("Which is the second?"), "{output:?}");
}

#[test]
fn a_deadlock_is_known_by_its_end_and_its_circle() {
    let scenario = file("boundary/deadlock.toml");
    assert_eq!(answers(&scenario, "deadlock"), ["in a deadlock: somebody waits for ever"]);
    assert_eq!(answers(&scenario, "circle"), ["left and right", "mutex b", "mutex a"]);
    assert_eq!(answers(&file("boundary/first-look.toml"), "deadlock"), ["all processes end"]);
    assert!(answers(&file("boundary/first-look.toml"), "circle").is_empty());
}

#[test]
fn the_first_deadline_that_is_missed_is_found() {
    // `b` needs 6 ms in each 5 ms: its first job is late at 5 ms, before any of a's can be.
    let scenario = scenario(
        "[machine]\ncosts = \"textbook\"\n[kernel]\nscheduler = \"edf\"\n\
         [process.a]\nperiod = \"20ms\"\njobs = 1\nsteps = [{ compute = \"1ms\" }]\n\
         [process.b]\nperiod = \"5ms\"\njobs = 2\nsteps = [{ compute = \"6ms\" }]\n",
    );
    assert_eq!(answers(&scenario, "missed"), ["b", "2"]);
}

#[test]
fn nobody_is_asked_about_a_lottery() {
    assert!(answers(&file("sched/lottery-fairness.toml"), "next").is_empty());
}

#[test]
fn the_same_seed_gives_the_same_paper_and_another_one_another() {
    let scenario = file("boundary/first-look.toml");
    let run = Run::of(&scenario, &Control::new()).expect("a run");
    let kinds: Vec<_> = KINDS.iter().collect();
    let paper = |seed| Paper::new(&run, &kinds, seed, 8);
    assert_eq!(paper(3), paper(3));
    assert_ne!(paper(3), paper(4));
}

#[test]
fn no_two_questions_of_a_paper_answer_each_other() {
    let scenario = file("races/dining-philosophers.toml");
    let run = Run::of(&scenario, &Control::new()).expect("a run");
    let kinds: Vec<_> = KINDS.iter().collect();
    for seed in 0..20 {
        let questions = Paper::new(&run, &kinds, seed, 200).questions;
        let has = |kind: &str| questions.iter().any(|question| question.kind == kind);
        assert!(!(has("deadlock") && has("circle")), "seed {seed}");
        let moments: Vec<_> = questions.iter().filter(|question| question.moment.is_some()).collect();
        let mut places: Vec<_> = moments.iter().map(|question| question.place).collect();
        assert!(moments.is_sorted_by_key(|question| question.moment.map(|moment| moment.at)));
        places.sort();
        places.dedup();
        assert_eq!(places.len(), moments.len(), "seed {seed}");
    }
}
