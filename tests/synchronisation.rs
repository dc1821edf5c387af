//! Locks exclude, conditions lose no wake-up, and barriers keep rounds apart: in random programs, at both
//! paces, on one and on several CPUs, under different policies.
//!
//! The programs check themselves by assertions and counters that are read, computed upon and written without
//! any indivisible instruction: a second one inside would be seen, and an update lost.

use trapline::random::{Key, Stream};
use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Outcome, Pace, Simulator};
use trapline::trace::Kind;
use trapline::trace::sink::Memory;

const SEEDS: u64 = 150;

/// How to take a lock and to give it back; the second name stands in its counter's.
const LOCKS: &[(&str, &str, &str)] = &[
    ("plain", "{ lock = \"plain\" }", "{ unlock = \"plain\" }"),
    (
        "recursive",
        "{ lock = \"recursive\" }, { lock = \"recursive\" }",
        "{ unlock = \"recursive\" }, { unlock = \"recursive\" }",
    ),
    ("checking", "{ lock = \"checking\" }", "{ unlock = \"checking\" }"),
    ("inherit", "{ lock = \"inherit\" }", "{ unlock = \"inherit\" }"),
    ("ceiling", "{ lock = \"ceiling\" }", "{ unlock = \"ceiling\" }"),
    ("sem", "{ sem-wait = \"sem\" }", "{ sem-post = \"sem\" }"),
    ("rw", "{ write-lock = \"rw\" }", "{ rw-unlock = \"rw\" }"),
    ("spin", "{ spin-lock = \"spin\", yield = true }", "{ spin-unlock = \"spin\" }"),
];

struct Program {
    text: String,
    /// What the counters must be at the end.
    counts: Vec<(String, i64)>,
}

fn pick<'a>(random: &mut Stream, choices: &[&'a str]) -> &'a str {
    choices[random.uniform(0, choices.len() as u64 - 1) as usize]
}

/// A program of this seed, in which everybody comes to an end.
fn program(seed: u64) -> Program {
    let mut random = Key::of_run(seed).named("synchronisation").stream();
    let random = &mut random;
    let cpus = random.uniform(1, 4);
    let costs = pick(random, &["free", "textbook", "linux-x86"]);
    let instruction = random.uniform(1, 9);
    let scheduler = pick(
        random,
        &[
            "{ policy = \"round-robin\", quantum = \"QUANTUMns\" }",
            "{ policy = \"priority\", quantum = \"QUANTUMns\" }",
            "\"eevdf\"",
        ],
    );
    let quantum = random.uniform(1_100, 9_000);
    let scheduler = scheduler.replace("QUANTUM", &quantum.to_string());
    let prefer = pick(random, &["readers", "writers"]);
    let (threads, rounds) = (random.uniform(2, 4), random.uniform(2, 6));
    let mut text = format!(
        "format = 1\n[machine]\ncpus = {cpus}\ncosts = {{ base = \"{costs}\", instruction = \"{instruction}ns\", timer = \"90ns\" }}\n\
         [kernel]\nscheduler = {scheduler}\n[mutex.plain]\n[mutex.recursive]\nkind = \"recursive\"\n\
         [mutex.checking]\nkind = \"error-checking\"\n[mutex.inherit]\nprotocol = \"inherit\"\n\
         [mutex.ceiling]\nprotocol = \"ceiling\"\nceiling = 9\n[semaphore.sem]\n[rwlock.rw]\nprefer = \"{prefer}\"\n\
         [spinlock.spin]\n[mutex.m]\n[condition.c]\nmutex = \"m\"\n[barrier.b]\nparties = {threads}\n\
         [thread-queue.q]\ncapacity = 2\n[value.total]\n[shm.s]\ncells = {{ ready = 0, came = 0"
    );
    for (name, _, _) in LOCKS {
        text.push_str(&format!(", n_{name} = 0, in_{name} = 0"));
    }
    text.push_str(" }\n");
    let mut counts: Vec<(String, i64)> = Vec::new();
    let mut body = String::new();
    for _ in 0..random.uniform(2, 4) {
        let (name, take, give) = LOCKS[random.uniform(0, LOCKS.len() as u64 - 1) as usize];
        let (inside, outside) = (random.uniform(1, 900), random.uniform(0, 700));
        body.push_str(&format!(
            "{take}, {{ atomic-add = \"s.in_{name}\", value = 1, old = \"others\" }}, {{ assert = \"others == 0\" }}, \
             {{ load = \"x\", from = \"s.n_{name}\" }}, {{ compute = \"{inside}ns\" }}, {{ store = \"s.n_{name}\", value = \"x + 1\" }}, \
             {{ atomic-add = \"s.in_{name}\", value = -1 }}, {give}, {{ compute = \"{outside}ns\" }}, "
        ));
        // What it has added so far is checked at the end, by how often each section was gone through.
        let cell = format!("s.n_{name}");
        match counts.iter_mut().find(|(known, _)| *known == cell) {
            Some((_, count)) => *count += (threads * rounds) as i64,
            None => counts.push((cell, (threads * rounds) as i64)),
        }
    }
    let tell = pick(random, &["cond-broadcast", "cond-broadcast", "cond-signal"]);
    // A signal lets one go on, so each that goes on passes it on.
    let pass = if tell == "cond-signal" { "{ cond-signal = \"c\" }, " } else { "" };
    let pause = random.uniform(0, 30_000);
    for worker in 0..threads {
        let (start, priority) = (random.uniform(0, 5_000), random.uniform(0, 5));
        text.push_str(&format!(
            "[process.w{worker}]\nstart = \"{start}ns\"\npriority = {priority}\nsteps = [ \
             {{ lock = \"m\" }}, {{ load = \"r\", from = \"s.ready\" }}, \
             {{ while = \"r == 0\", do = [ {{ cond-wait = \"c\" }}, {{ load = \"r\", from = \"s.ready\" }} ] }}, {pass}{{ unlock = \"m\" }}, \
             {{ repeat = {rounds}, do = [ {body} {{ read-lock = \"rw\" }}, {{ rw-unlock = \"rw\" }}, \
             {{ add = \"round\", value = 1 }}, {{ atomic-add = \"s.came\", value = 1 }}, {{ barrier-wait = \"b\" }}, \
             {{ load = \"came\", from = \"s.came\" }}, {{ assert = \"came >= round * {threads}\" }}, {{ barrier-wait = \"b\" }}, \
             {{ enqueue = \"q\", value = \"round\" }}, {{ dequeue = \"q\", into = \"x\" }}, {{ value-add = \"total\", by = \"x\" }} ] }} ]\n"
        ));
    }
    text.push_str(&format!(
        "[process.starter]\nsteps = [ {{ compute = \"{pause}ns\" }}, {{ lock = \"m\" }}, {{ store = \"s.ready\", value = 1 }}, {{ {tell} = \"c\" }}, {{ unlock = \"m\" }} ]\n"
    ));
    counts.push(("total.value".to_owned(), (threads * rounds * (rounds + 1) / 2) as i64));
    Program { text, counts }
}

#[test]
fn random_programs_exclude_one_another_and_come_to_their_end() {
    let (mut slept, mut lent, mut several) = (0, 0, 0);
    for seed in 0..SEEDS {
        let Program { text, counts } = program(seed);
        let scenario = match Scenario::parse("random", &text, &Overrides::default()) {
            Ok(scenario) => scenario,
            Err(problems) => panic!("seed {seed}:\n{text}\n{}", problems.render(false)),
        };
        let runs = [Pace::Step, Pace::Fast].map(|pace| {
            let mut simulator = Simulator::new(&scenario.image, Memory::new(), pace);
            let outcome = simulator.run();
            assert_eq!(outcome, Outcome::Finished, "seed {seed}:\n{text}");
            for (name, expected) in &counts {
                let array = scenario.image.arrays.iter().position(|array| array.name == *name);
                let array = array.unwrap_or_else(|| panic!("there is no {name}"));
                let value = simulator.userland.arrays[array][0];
                assert_eq!(value, *expected, "seed {seed}: {name}\n{text}");
            }
            simulator.kernel.sink
        });
        assert!(runs[0] == runs[1], "seed {seed}: the paces differ\n{text}");
        let seen = |wanted: fn(&Kind) -> bool| runs[0].events.iter().any(|event| wanted(&event.kind));
        slept += u32::from(seen(|kind| matches!(kind, Kind::LockContended { .. })));
        lent += u32::from(seen(|kind| matches!(kind, Kind::SchedPiSetprio { .. })));
        several += u32::from(scenario.image.machine.cpus > 1);
    }
    assert!(slept > 50 && lent > 10 && several > 50, "{slept} {lent} {several}");
}
