//! Managers: what a call costs, what is refused, and where.

use crate::program::problem::{Code, Problem};
use crate::scenario::{Overrides, Scenario};
use crate::sim::{Outcome, Pace, Simulator};
use crate::trace::sink::Memory;

const HEAD: &str =
    "format = 1\n[manager.m]\nobjects = { d = \"dict\", v = \"value\" }\n[process.a]\nsteps = ";

/// What is wrong with a process that has these steps.
fn problems(steps: &str) -> Vec<Problem> {
    match Scenario::parse("test.toml", &format!("{HEAD}[ {steps} ]\n"), &Overrides::default()) {
        Ok(_) => Vec::new(),
        Err(diagnostics) => diagnostics.problems,
    }
}

/// How long a run takes whose process calls the manager so often.
fn nanos(calls: u32) -> u64 {
    let text = format!(
        "format = 1\n[machine]\ncosts = \"textbook\"\n[manager.m]\nobjects = {{ v = \"value\" }}\n[process.a]\n\
         steps = [ {{ manager-start = \"m\" }}, {{ repeat = {calls}, do = [ {{ manager-call = \"m.v\", method = \"get\" }} ] }}, \
         {{ manager-stop = \"m\" }} ]\n"
    );
    let scenario = Scenario::parse("test.toml", &text, &Overrides::default()).expect("a valid scenario");
    let mut simulator = Simulator::new(&scenario.image, Memory::new(), Pace::Fast);
    assert_eq!(simulator.run(), Outcome::Finished);
    simulator.now().as_nanos()
}

#[test]
fn a_call_is_two_messages_two_switches_and_the_instructions_around_them() {
    // Each side's send: entry, the call, the socket, the bytes, waking the other one, exit.
    let sends = (100 + 100 + 100 + 32 + 100 + 100) + (100 + 100 + 100 + 16 + 100 + 100);
    // Each side's recv: entry, the call, the switch to the other one, the socket, the bytes, exit.
    let receives = (100 + 100 + 1000 + 100 + 32 + 100) + (100 + 100 + 1000 + 100 + 16 + 100);
    // The client sets the status, asks twice whether it may go on, packs four, asks for the send's result, for
    // the reply's length, unpacks two, and looks for an error.
    let client = 1 + 2 + 4 + 1 + 1 + 2 + 1;
    // The server asks for the length, unpacks four, sets two, asks for the method, loads, packs two, goes round.
    let server = 1 + 4 + 2 + 1 + 1 + 2 + 1;
    assert_eq!(nanos(9) - nanos(8), sends + receives + client + server);
}

#[test]
fn mistakes_are_told_where_they_stand() {
    let start = "{ manager-start = \"m\" }";
    for (step, code, at) in [
        ("{ manager-call = \"n.d\", method = \"length\" }", Code::UnknownName, "\"n.d\""),
        ("{ manager-call = \"m.e\", method = \"length\" }", Code::UnknownName, "\"m.e\""),
        ("{ manager-call = \"m\", method = \"length\" }", Code::UnknownName, "\"m\""),
        ("{ manager-call = \"m.d\", method = \"push\" }", Code::UnknownChoice, "\"push\""),
        ("{ manager-call = \"m.v\", method = \"get\", key = 1 }", Code::UnknownKey, "key"),
        (
            "{ manager-call = \"m.v\", method = \"get\", on-error = \"ignore\" }",
            Code::UnknownChoice,
            "\"ignore\"",
        ),
        ("{ manager-call = \"m.v\", method = \"get\", time = 1 }", Code::UnknownKey, "time"),
        ("{ manager-call = \"m.v\", method = \"set\", value = \"1 +\" }", Code::Expression, ""),
        (
            "{ manager-call = \"m.v\", method = \"set\", value = \"nothing\" }",
            Code::UnknownVariable,
            "nothing",
        ),
        ("{ wait = \"all\" }", Code::WrongObject, "\"all\""),
    ] {
        let steps = format!("{start}, {step}");
        let found = problems(&steps);
        let text = format!("{HEAD}[ {steps} ]\n");
        let [problem] = found.as_slice() else { panic!("{step}: {found:?}") };
        assert_eq!(problem.code, code, "{step}");
        let place = text[problem.span.clone()].to_owned();
        assert!(problem.span.start >= HEAD.len() + start.len(), "{step}: at `{place}`");
        assert!(at.is_empty() || place == at, "{step}: at `{place}`");
    }
    let missing = problems("{ manager-call = \"m.d\", method = \"get\" }");
    assert!(missing.iter().any(|problem| problem.code == Code::MissingKey));
    let unstarted = problems("{ manager-stop = \"m\" }");
    assert!(unstarted.iter().any(|problem| problem.code == Code::WrongObject));
}

#[test]
fn objects_that_there_are_not_are_refused() {
    for (objects, code) in [
        ("{ d = \"dictionary\" }", Code::UnknownChoice),
        ("{ d = { kind = \"dict\", capacity = 0 } }", Code::OutOfRange),
        ("{ d = { kind = \"lock\", capacity = 2 } }", Code::UnknownKey),
        ("{ d = { kind = \"semaphore\", initial = -1 } }", Code::OutOfRange),
        ("{ d = { size = 2 } }", Code::UnknownKey),
        ("{ d = 3 }", Code::WrongType),
        ("{}", Code::MissingKey),
        ("3", Code::WrongType),
    ] {
        let text = format!(
            "format = 1\n[manager.m]\nobjects = {objects}\n[process.a]\nsteps = [ {{ exit = 0 }} ]\n"
        );
        let diagnostics = Scenario::parse("test.toml", &text, &Overrides::default()).expect_err(objects);
        assert!(diagnostics.problems.iter().any(|problem| problem.code == code), "{objects}: {diagnostics}");
    }
}
