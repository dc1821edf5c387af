//! Whoever waits for several descriptors misses nothing: every message is taken, whoever polls how.
//!
//! In random scenarios a few processes write at random times, and a few others wait for the pipes with
//! `poll`, or with a level-triggered or an edge-triggered epoll set, and take what has come without
//! waiting. A wake-up that got lost would leave a process waiting for ever, which is a deadlock.

#![allow(clippy::unwrap_used)]

use std::fmt::Write;

use trapline::random::Key;
use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Outcome, Pace, Simulator};
use trapline::trace::Kind;
use trapline::trace::sink::Memory;

const SEEDS: u64 = 400;

/// How a reader learns that something has come.
const WAYS: [&str; 3] = ["poll", "level", "edge"];

/// The steps that take from one pipe what is there: one message, or with `all` everything.
fn take(pipe: &str, all: bool) -> String {
    let read = format!(
        "{{ read = \"{pipe}\", bytes = \"8B\", result = \"n\", on-error = \"continue\" }}, \
         {{ if = \"n > 0\", then = [ {{ atomic-add = \"s.taken\", value = 1 }} ] }}, \
         {{ if = \"n == 0\", then = [ {{ set = \"{pipe}_gone\", to = 1 }} ] }}"
    );
    if all { format!("{{ set = \"n\", to = 1 }}, {{ while = \"n > 0\", do = [ {read} ] }}") } else { read }
}

fn reader(way: &str) -> String {
    let begin = "{ set = \"a_gone\", to = 0 }, { set = \"b_gone\", to = 0 }, { set = \"n\", to = 0 }";
    let goes_on = "while = \"a_gone + b_gone < 2\"";
    match way {
        "poll" => format!(
            "{begin}, {{ {goes_on}, do = [ \
               {{ poll = [{{ on = \"a\", into = \"ra\" }}, {{ on = \"b\", into = \"rb\" }}] }}, \
               {{ if = \"ra > 0\", then = [ {} ] }}, {{ if = \"rb > 0\", then = [ {} ] }} ] }}",
            take("a", false),
            take("b", false)
        ),
        _ => {
            let edge = way == "edge";
            format!(
                "{begin}, {{ epoll-create = \"set\" }}, \
                 {{ epoll-ctl = \"@set\", add = \"a\", data = 1, edge = {edge} }}, \
                 {{ epoll-ctl = \"@set\", add = \"b\", data = 2, edge = {edge} }}, \
                 {{ {goes_on}, do = [ {{ epoll-wait = \"@set\", into = \"which\" }}, \
                   {{ if = \"which == 1\", then = [ {} ], else = [ {} ] }} ] }}",
                take("a", edge),
                take("b", edge)
            )
        }
    }
}

/// The scenario of a seed, and how many messages its writers send.
fn scenario(seed: u64) -> (String, u64) {
    let mut random = Key::of_run(seed).named("readiness").stream();
    let (cpus, readers) = (random.uniform(1, 3), random.uniform(1, 3));
    let mut text = format!(
        "format = 1\n[machine]\ncpus = {cpus}\ncosts = \"textbook\"\n\
         [kernel]\nscheduler = {{ policy = \"round-robin\", quantum = \"20us\" }}\npreemption = \"full\"\n\
         [pipe.a]\nnonblock = true\n[pipe.b]\ncapacity = \"4KiB\"\nnonblock = true\n[shm.s]\ncells = {{ taken = 0 }}\n"
    );
    for number in 0..readers {
        let way = WAYS[random.uniform(0, 2) as usize];
        let _ = writeln!(text, "[process.reader{number}]\nsteps = [ {} ]", reader(way));
    }
    let mut sent = 0;
    for number in 0..random.uniform(1, 3) {
        let mut steps = String::new();
        for _ in 0..random.uniform(1, 12) {
            let pipe = ["a", "b"][random.uniform(0, 1) as usize];
            let time = [1, 7, 100, 1_500, 9_000, 30_000][random.uniform(0, 5) as usize];
            let wait = ["sleep", "compute"][random.uniform(0, 1) as usize];
            let _ = write!(steps, "{{ {wait} = \"{time}ns\" }}, {{ write = \"{pipe}\", value = 1 }}, ");
            sent += 1;
        }
        // Each holds both ends until its end, so that both pipes are hung up at last.
        let _ = write!(steps, "{{ close = \"a\", end = \"write\" }}, {{ close = \"b\", end = \"write\" }}");
        let _ = writeln!(text, "[process.writer{number}]\nsteps = [ {steps} ]");
    }
    (text, sent)
}

#[test]
fn nobody_who_polls_misses_anything() {
    for seed in 0..SEEDS {
        let (text, sent) = scenario(seed);
        let scenario = Scenario::parse("generated", &text, &Overrides::default());
        let scenario = scenario.unwrap_or_else(|wrong| panic!("{text}\n{}", wrong.render(false)));
        let mut simulator = Simulator::new(&scenario.image, Memory::new(), Pace::Fast);
        let outcome = simulator.run();
        assert_eq!(outcome, Outcome::Finished, "seed {seed}\n{text}");
        let events = simulator.kernel.sink.events.iter();
        let taken: u64 =
            events.map(|event| u64::from(matches!(event.kind, Kind::MessageReceive { .. }))).sum();
        assert_eq!(taken, sent, "seed {seed}\n{text}");
    }
}
