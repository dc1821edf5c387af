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

/// When events of a kind happen, in nanoseconds.
fn times(text: &str, name: &str) -> Vec<u64> {
    let text = format!("format = 1\n[machine]\ncosts = \"textbook\"\n{text}");
    let scenario = Scenario::parse("by hand", &text, &Overrides::default()).unwrap();
    let mut simulator = Simulator::new(&scenario.image, Memory::new(), Pace::Fast);
    assert_eq!(simulator.run(), Outcome::Finished);
    let events = simulator.kernel.sink.events.iter();
    events.filter(|event| event.kind.name() == name).map(|event| event.at.as_nanos()).collect()
}

#[test]
fn a_timer_expires_when_it_was_set_for_and_is_set_again_by_the_read() {
    let text = "[process.a]\nsteps = [ { timerfd = \"t\" }, { timerfd-settime = \"@t\", after = \"10us\", every = \"4us\" }, \
        { poll = [{ on = \"@t\" }] }, { compute = \"6us\" }, { read = \"@t\", into = \"n\" }, { assert = \"n == 3\" } ]";
    // The switch to it takes 1000 ns; to make the timer 100 + 1000 + 100; to set it takes effect after
    // another 100 + 200. 4000 after each expiration comes the next; the read, at 20958, has missed the
    // second and the third, and sets the timer for the fourth.
    assert_eq!(times(text, "interrupt_raised"), [12_500, 24_500]);
    // The poll blocks after 100 + 100, the idle loop begins 50 later, for the look at a descriptor. The
    // handler takes 1000, waking 100, the switch 1000, the second look 50, the exit 100.
    let poll_returns = 12_500 + 1000 + 100 + 1000 + 50 + 100;
    // The read, 6000 later, takes 100 + 100 + 8 + 100.
    assert_eq!(times(text, "sys_exit"), [2200, 2600, poll_returns, poll_returns + 6000 + 308]);
}

#[test]
fn a_reader_of_small_messages_wakes_the_writer_when_a_page_is_free() {
    let text = "[pipe.p]\ncapacity = \"4KiB\"\n\
        [process.writer]\nsteps = [ { write = \"p\", bytes = \"3000B\" }, { write = \"p\", bytes = \"3000B\" } ]\n\
        [process.reader]\nsteps = [ { repeat = 3, do = [ { read = \"p\", bytes = \"1500B\" } ] } ]";
    // The writer begins at 1000. Its first call takes 100 + 100 + 3000 + 100. The second one finds no
    // 3000 bytes behind the first 3000, and blocks at 4500. The reader runs from 5500 on; each of its
    // calls takes 100 + 100 + 1500 + 100. After the first, at 7200, the page still holds 1500 bytes;
    // with the second, at 9000, it is free. The third one finds nothing and blocks at 9400. The writer
    // goes on at 10400, and wakes the reader 3000 later.
    assert_eq!(times(text, "sched_waking"), [9000, 13_400]);
}

#[test]
fn everybody_who_polls_is_woken_and_only_one_who_reads() {
    let pollers = |steps: &str| {
        format!(
            "[pipe.p]\n[process.parent]\nsteps = [ {{ fork = \"waiter\", count = 3 }}, {{ sleep = \"1ms\" }}, \
             {{ write = \"p\", bytes = \"24B\" }}, {{ wait = \"all\" }} ]\n[program.waiter]\nsteps = [ {steps} ]"
        )
    };
    let herd =
        times(&pollers("{ poll = [{ on = \"p\" }] }, { read = \"p\", bytes = \"8B\" }"), "sched_waking");
    let line = times(&pollers("{ read = \"p\", bytes = \"8B\" }"), "sched_waking");
    // All three at once; else each passes it on to the next when it has left something.
    let at_once = |wakes: &[u64], after: u64| wakes.iter().filter(|&&at| at == after).count();
    let write =
        |wakes: &[u64]| wakes.iter().copied().find(|&at| at > 1_000_000 && at_once(wakes, at) > 0).unwrap();
    let [herd_write, line_write] = [&herd, &line].map(|wakes| {
        // The first wake-up after a millisecond is the parent's own, by its timer.
        wakes.iter().copied().filter(|&at| at > write(wakes)).min().unwrap()
    });
    assert_eq!(at_once(&herd, herd_write), 3, "{herd:?}");
    assert_eq!(at_once(&line, line_write), 1, "{line:?}");
}
