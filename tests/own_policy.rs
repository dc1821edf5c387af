//! Policies that don't come with the program: as scripts in scenarios, and as Rust types. docs/OWN-POLICY.md.

mod common;

#[path = "../examples/custom_policy.rs"]
#[allow(dead_code)]
mod custom_policy;

use std::fs;
use std::path::Path;

use common::generator;
use trapline::ids::Tid;
use trapline::kernel::sched::script::{FUNCTIONS, view};
use trapline::kernel::sched::{Policy, Ready, Site, Thread};
use trapline::program::problem::Code;
use trapline::scenario::{Diagnostics, Overrides, Scenario, errors};
use trapline::sim::{Outcome, Pace, Simulator, header};
use trapline::time::{Instant, Span};
use trapline::trace::sink::Memory;
use trapline::trace::{Kind, Rule, Trace};

const DOC: &str = include_str!("../docs/OWN-POLICY.md");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn parse(text: &str) -> Scenario {
    match Scenario::parse("test.toml", text, &Overrides::default()) {
        Ok(scenario) => scenario,
        Err(diagnostics) => panic!("{text}\n{}", diagnostics.render(false)),
    }
}

/// The same trace at both paces, and what it says.
fn run(scenario: &Scenario) -> Trace {
    run_under(scenario, None)
}

fn run_under(scenario: &Scenario, policy: Option<&dyn Fn(Site) -> Box<dyn Policy>>) -> Trace {
    let image = &scenario.image;
    let [step, fast] = [Pace::Step, Pace::Fast].map(|pace| {
        let mut simulator = match policy {
            Some(policy) => Simulator::with_policy(image, Memory::new(), pace, policy),
            None => Simulator::new(image, Memory::new(), pace),
        };
        let outcome = simulator.run();
        let end = simulator.end();
        Trace::from_memory(header(image), simulator.kernel.sink, end, outcome)
    });
    assert_eq!((&step.outcome, step.end), (&fast.outcome, fast.end), "the paces differ");
    assert!(step.events == fast.events, "the paces differ");
    fast
}

/// Three programs that compute, wait and end at different times, under this script.
fn three(script: &str) -> String {
    format!(
        "format = 1\n[kernel]\nscheduler = {{ code = '''\n{script}\n''' }}\n[process.a]\nsteps = [{{ compute = \"1ms\" }}]\n\
         [process.b]\npriority = 3\nsteps = [{{ compute = \"1ms\" }}, {{ sleep = \"2ms\" }}, {{ compute = \"2ms\" }}]\n\
         [process.c]\nstart = \"1ms\"\nsteps = [{{ compute = \"4ms\" }}]\n"
    )
}

/// Who gets the CPU, by the first letters of the names; `.` is nobody.
fn order(trace: &Trace) -> String {
    let letter = |task: Tid| match trace.tasks.iter().find(|entry| entry.task == task) {
        Some(entry) if task != Tid::IDLE => entry.name.chars().next().unwrap_or('?'),
        _ => '.',
    };
    let switches = trace.events.iter().filter_map(|event| match event.kind {
        Kind::SchedSwitch { next, .. } => Some(letter(next)),
        _ => None,
    });
    switches.collect()
}

#[test]
fn a_script_decides_who_is_next() {
    let last = run(&parse(&three("fn pick(ready, now) { ready[ready.len() - 1] }")));
    let first = run(&parse(&three("fn pick(ready) { ready[0] }")));
    assert_eq!((last.outcome.name(), first.outcome.name()), ("finished", "finished"));
    // b comes back from its wait while c computes, and a is still waiting.
    assert_eq!((order(&last).as_str(), order(&first).as_str()), ("bcba.", "abcb."));
}

#[test]
fn a_script_that_is_first_come_first_served_is_fcfs_and_one_with_a_slice_round_robin() {
    for (script, built_in) in [
        ("fn pick(ready) { ready[0] }", "\"fcfs\""),
        (
            "fn pick(ready) { ready[0] } fn slice(task) { 300.us() }",
            "{ policy = \"round-robin\", quantum = \"300us\" }",
        ),
        (
            "fn pick(ready) { ready.most(|t| t.priority) } fn preempts(woken, running) { woken.priority > running.priority }",
            "\"priority\"",
        ),
    ] {
        let text = three(script);
        let (head, rest) = text.split_once("scheduler = {").expect("a scheduler");
        let (_, tail) = rest.split_once("''' }").expect("its end");
        let known = run(&parse(&format!("{head}scheduler = {built_in}{tail}")));
        let own = run(&parse(&text));
        let switches = |trace: &Trace| -> Vec<_> {
            let all = trace.events.iter().filter(|event| matches!(event.kind, Kind::SchedSwitch { .. }));
            all.map(|event| (event.at, event.kind)).collect()
        };
        assert_eq!(switches(&own), switches(&known), "{built_in}");
    }
}

#[test]
fn what_a_script_sees_is_true_to_the_nanosecond() {
    // Its account of each thread's time and of the waits, as the numbers that it picks by.
    let script = "fn pick(ready) { ready[0] }\nfn slice(task) { 1.ms() }\nfn reason(task) { KEY }";
    let numbers = |key: &str| -> Vec<(u32, u64)> {
        let text = format!(
            "format = 1\n[machine]\ncosts = \"free\"\n[kernel]\nscheduler = {{ code = '''\n{}''' }}\n\
             [process.a]\nsteps = [{{ compute = \"2ms\" }}]\n[process.b]\nsteps = [{{ compute = \"3ms\" }}, {{ sleep = \"1ms\" }}, {{ compute = \"1us\" }}]\n",
            script.replace("KEY", key)
        );
        let trace = run(&parse(&text));
        let picks = trace.events.iter().filter_map(|event| match event.kind {
            Kind::SchedPick { task, rule: Rule::Own, number } => Some((task.0, number)),
            _ => None,
        });
        picks.collect()
    };
    // Turns of 1 ms; the third time a only has to exit, and b is alone from then on.
    let turns = |numbers: [u64; 7]| -> Vec<(u32, u64)> {
        [2, 3, 2, 3, 2, 3, 3].into_iter().zip(numbers.map(|number| number * 1_000_000)).collect()
    };
    assert_eq!(numbers("task.ran"), turns([0, 0, 1, 1, 2, 2, 3]));
    assert_eq!(numbers("task.used"), turns([0, 0, 1, 1, 2, 2, 0]));
    assert_eq!(numbers("task.waited"), turns([0, 1, 1, 2, 2, 2, 2]));
    assert_eq!(numbers("task.since"), turns([0, 0, 1, 2, 3, 4, 6]));
    assert_eq!(numbers("task.picked * 1.ms()"), turns([0, 0, 1, 1, 2, 2, 3]));
}

#[test]
fn parameters_of_the_scenario_are_the_scripts_own() {
    let check = "fn init() { if this.quantum != 2.ms() || this.time_limit != 7.us() || this.weight != -3 || !this.fast || \
                 this.mode != \"x\" || this.levels != [1, 2] || this.slices != [1000, 2000000] { throw \"wrong\"; } }";
    let given = "quantum = \"2ms\", time-limit = \"7us\", weight = -3, fast = true, mode = \"x\", levels = [1, 2], slices = [\"1us\", \"2ms\"]";
    let text = three(&format!("fn pick(ready) {{ ready[0] }} {check}"))
        .replace("scheduler = {", &format!("scheduler = {{ {given}, "));
    assert_eq!(run(&parse(&text)).outcome, Outcome::Finished);
    let wrong = text.replace("weight = -3", "weight = -4");
    let diagnostics = Scenario::parse("x", &wrong, &Overrides::default()).expect_err("init throws");
    assert!(diagnostics.to_string().contains("the script throws: wrong"), "{diagnostics}");
}

#[test]
fn a_seed_gives_the_same_schedule_and_another_seed_another_one() {
    let script = "fn pick(ready) { ready[random(ready.len())] } fn slice(task) { 50.us() }";
    let seeded = |seed| {
        let overrides = Overrides { seed: Some(seed), ..Overrides::default() };
        order(&run(&Scenario::parse("x", &three(script), &overrides).expect("a scenario")))
    };
    assert_eq!(seeded(1), seeded(1));
    assert_ne!(seeded(1), seeded(2));
}

/// Scripts that use all that there is.
const SCRIPTS: [&str; 3] = [
    "fn pick(ready, now) { ready[random(ready.len())] } fn slice(task) { 3.us() + random(2000) } fn preempts(w, r) { random(2) == 0 }",
    "fn pick(ready) { ready.least(|t| t.ran) } fn slice(task) { 4.us() } fn preempts(woken, running) { woken.ran < running.ran } fn reason(task) { task.waited }",
    "fn enqueue(task, now) { if task.why == \"new\" { task.data.turns = 0; task.data.time = 0; } else { task.data.turns += 1; } }\n\
     fn ran(task, time) { task.data.time += time; if task.data.time != task.ran { throw \"other time: \" + task.data.time + \", \" + task.ran; } }\n\
     fn pick(ready) { ready.most(|t| t.data.turns) }",
];

#[test]
fn a_script_obeys_the_laws_on_random_workloads_with_many_cpus_and_queues() {
    let (mut finished, mut switches, mut moves) = (0, 0, 0);
    for seed in 0..90_u64 {
        let code = SCRIPTS[(seed % 3) as usize];
        let set = vec![("kernel.scheduler".to_owned(), format!("{{ code = '''{code}''' }}"))];
        let overrides = Overrides { set, ..Overrides::default() };
        let text = generator::scenario(seed);
        let scenario = Scenario::parse("generated", &text, &overrides);
        let scenario = scenario.unwrap_or_else(|diagnostics| panic!("{seed}: {}", diagnostics.render(false)));
        let trace = run(&scenario);
        assert!(!matches!(trace.outcome, Outcome::Error { .. }), "{seed}: {:?}", trace.outcome);
        assert_eq!(trace.check(), [], "seed {seed}");
        finished += u32::from(trace.outcome == Outcome::Finished);
        switches +=
            trace.events.iter().filter(|event| matches!(event.kind, Kind::SchedSwitch { .. })).count();
        moves += trace.events.iter().filter(|event| matches!(event.kind, Kind::SchedMigrate { .. })).count();
    }
    assert!(finished > 8 && switches > 1_000 && moves > 50, "{finished} {switches} {moves}");
}

/// What is wrong with a scenario whose scheduler is so.
fn refused(scheduler: &str, directory: Option<&Path>) -> Diagnostics {
    let text = format!(
        "format = 1\n[kernel]\nscheduler = {scheduler}\n[process.a]\nsteps = [{{ compute = \"1us\" }}]\n"
    );
    Scenario::parse_bytes("test.toml", text.as_bytes(), &Overrides::default(), directory)
        .expect_err(scheduler)
}

#[test]
fn a_mistake_in_a_script_is_shown_where_it_is() {
    for (script, wanted, line, column) in [
        ("fn pick(ready) {\n  ready[0\n}", "Expecting ']'", 5, 1),
        ("fn pick(ready) {\n  let x = rady[0];\n  x\n}", "rady", 4, 11),
        ("fn pick(ready) { ready[0] }\nfn init() { this.x = 1 / 0; }", "ivi", 4, 24),
        ("fn pick(ready) { ready[0] }\nfn init() { nonsense(); }", "nonsense", 4, 13),
        ("fn pick(ready) { eval(\"1\") }", "eval", 3, 18),
        ("fn pick(ready) { import \"x\" as x; ready[0] }", "import", 3, 18),
        ("fn pick(ready) { Fn(\"pick\") }", "Fn", 3, 18),
    ] {
        let diagnostics = refused(&format!("{{ code = '''{script}''' }}"), None);
        let problem = &diagnostics.problems[0];
        assert_eq!(problem.code, Code::Script, "{diagnostics}");
        assert!(problem.message.contains(wanted), "{script}: {diagnostics}");
        assert_eq!(
            diagnostics.position(problem),
            (line, column + if line == 3 { 24 } else { 0 }),
            "{diagnostics}"
        );
    }
    for (script, wanted) in [
        ("", "no function `pick(ready, now)`"),
        ("fn choose(ready) { ready[0] }", "no function `pick(ready, now)`"),
        ("fn pick(ready, now, then) { ready[0] }", "takes no more parameters than `pick(ready, now)`"),
        ("fn pick(ready) { ready[0] } fn pick(ready, now) { ready[0] }", "stands twice"),
        ("const QUANTUM = 5; fn pick(ready) { ready[0] }", "`QUANTUM` stands outside of all functions"),
        ("fn pick(ready) { ready[0] } fn init() { loop {} }", "more than 200000 operations"),
    ] {
        let diagnostics = refused(&format!("{{ code = '''{script}''' }}"), None).to_string();
        assert!(diagnostics.contains(wanted) && diagnostics.contains("E0051"), "{script}: {diagnostics}");
    }
    // A text that isn't written down as it is, and one from the command line, are shown by themselves.
    let escaped = refused("{ code = \"fn pick(ready) {\\n ready[0 }\" }", None).to_string();
    assert!(escaped.contains("scheduler.code:2:"), "{escaped}");
    let set = vec![("kernel.scheduler".to_owned(), "{ code = 'fn pick(' }".to_owned())];
    let overrides = Overrides { set, ..Overrides::default() };
    let option = Scenario::parse("x", &three("fn pick(r) { r[0] }"), &overrides).expect_err("a syntax error");
    assert!(option.to_string().contains("scheduler.code:1:"), "{option}");
}

#[test]
fn a_scripts_file_is_read_from_beside_the_scenario_or_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).expect("a file");
    write("broken.rhai", b"// a comment\nfn pick(ready) {\n    ready[0\n}\n");
    write("latin.rhai", b"fn pick(ready) { ready[0] }\n// \xe9\n");
    write("huge.rhai", &vec![b' '; 300 << 10]);
    write("empty.rhai", b"");
    fs::create_dir(folder.path().join("folder.rhai")).expect("a folder");
    for (name, wanted) in [
        ("missing.rhai", "can't read the script"),
        ("folder.rhai", "is a directory, not a script"),
        ("huge.rhai", "is too large for a script: at most 256KiB"),
        ("latin.rhai", "line 2 isn't valid UTF-8"),
        ("empty.rhai", "no function `pick(ready, now)`"),
        ("broken.rhai", "broken.rhai:4:1"),
        ("/dev/zero", "isn't an ordinary file"),
    ] {
        let diagnostics = refused(&format!("{{ script = \"{name}\" }}"), Some(folder.path()));
        assert!(diagnostics.to_string().contains(wanted), "{name}: {diagnostics}");
        assert_eq!(diagnostics.problems[0].code, Code::Script);
    }
    let hash = |text: &str| {
        write("good.rhai", text.as_bytes());
        let scenario = "format = 1\n[kernel]\nscheduler = { script = \"good.rhai\" }\n[process.a]\nsteps = [{ compute = \"1us\" }]\n";
        let scenario =
            Scenario::parse_bytes("x", scenario.as_bytes(), &Overrides::default(), Some(folder.path()));
        scenario.expect("a scenario").image.hash
    };
    assert_eq!(hash("fn pick(r) { r[0] }"), hash("fn pick(r) { r[0] }"));
    assert_ne!(hash("fn pick(r) { r[0] }"), hash("fn pick(r) { r[r.len() - 1] }"));
}

#[test]
fn a_scheduler_that_names_its_script_wrongly_is_refused() {
    for (scheduler, wanted) in [
        ("\"script\"", "the policy `script` needs a script"),
        ("{ policy = \"script\" }", "the policy `script` needs a script"),
        ("{ script = 5 }", "`script` is a text"),
        ("{ script = \"a.rhai\", code = \"x\" }", "a policy has one script"),
        ("{ policy = \"fcfs\", script = \"a.rhai\" }", "the policy `fcfs` has no parameter `script`"),
        ("{ code = \"fn pick(r) { r[0] }\", weight = 0.5 }", "`weight` is a whole number"),
        (
            "{ code = \"fn pick(r) { r[0] }\", list = [1, \"x\"] }",
            "`list` is a list of whole numbers or of times",
        ),
        ("{ code = \"fn pick(r) { r[0] }\", list = [] }", "`list` is an empty list"),
        ("{ code = \"fn pick(r) { r[0] }\", quantum = \"1ns\" }", "the quantum of 1ns isn't longer"),
    ] {
        let diagnostics = refused(scheduler, None).to_string();
        assert!(diagnostics.contains(wanted), "{scheduler}: {diagnostics}");
    }
}

#[test]
fn a_script_that_goes_wrong_ends_the_run_and_says_where() {
    let deep =
        format!("fn f(n) {{ {}f(n + 1){} }} fn pick(ready) {{ f(0) }}", "(1 + ".repeat(17), ")".repeat(17));
    let first = "fn pick(ready) { ready[0] }";
    let with = |more: &str| format!("{first}\n{more}");
    for (script, wanted) in [
        ("fn pick(ready) { loop {} }".to_owned(), "operations"),
        ("fn pick(ready) { ready.filter(|t| { loop {} }) }".to_owned(), "operations"),
        ("fn f(l, n) { if n == 0 { return 1; } l.map(|x| x).len(); f(l, n - 1) } fn pick(ready) { f(ready, 99) }".to_owned(), "functions call each other"),
        ("fn f(n) { f(n + 1) } fn pick(ready) { f(0) }".to_owned(), "functions call each other"),
        (deep, "functions call each other"),
        ("fn pick(ready) { let s = \"x\"; loop { s += s; } }".to_owned(), "too large"),
        ("fn pick(ready) { let s = \"x\"; loop { s.pad(s.len() * 2, 'y'); } }".to_owned(), "ength of string"),
        ("fn pick(ready) { let a = [1]; loop { a += a; } }".to_owned(), "too large"),
        ("fn pick(ready) { let a = []; loop { a = [a]; } }".to_owned(), "too large"),
        ("fn pick(ready) { let a = #{}; loop { a = #{ a: a }; } }".to_owned(), "too large"),
        ("fn pick(ready) { let a = []; a.pad(1000000000, 1); ready[0] }".to_owned(), "too large"),
        ("fn init() { this.n = 0; } fn pick(ready) { for i in 0..9 { this[`a${this.n}`] = [0]; this[`a${this.n}`].pad(600, 1); this.n += 1; } ready[0] } fn slice(t) { 50.us() }".to_owned(), "too large"),
        ("fn pick(ready) { ready[9] }".to_owned(), "out of bounds"),
        ("fn pick(ready) { throw \"no idea\" }".to_owned(), "the script throws: no idea"),
        ("fn pick(ready) { sleep(1); ready[0] }".to_owned(), "sleep"),
        ("fn pick(ready) { open(\"/etc/passwd\") }".to_owned(), "open"),
        ("fn pick(ready) { timestamp() }".to_owned(), "timestamp"),
        ("fn pick(ready) { 5 }".to_owned(), "it must give one of the threads that are ready, not `5`"),
        ("fn pick(ready) { }".to_owned(), "not `()`"),
        ("fn pick(ready) { \"a\" }".to_owned(), "not a value of the type `string`"),
        ("fn pick(ready) { ready }".to_owned(), "not a value of the type `array`"),
        ("fn init() { this.first = (); } fn pick(ready) { if this.first == () { this.first = ready[0]; } this.first }".to_owned(), "one of the threads that are ready, not thread 2"),
        ("fn pick(ready) { ready[0].speed }".to_owned(), "speed"),
        ("fn pick(ready) { ready[0].ran = 5; ready[0] }".to_owned(), "ran"),
        ("fn pick(ready) { this.quantum }".to_owned(), "quantum"),
        ("fn pick(ready) { ready.least(|t| t.name) }".to_owned(), "string"),
        ("fn pick(ready) { random(0); ready[0] }".to_owned(), "`random` takes a number of at least 1, not 0"),
        (with("fn slice(task) { 0 }"), "a time of more than 0 in nanoseconds, or `()`, not `0`"),
        (with("fn slice(task) { \"1ms\" }"), "a time of more than 0"),
        (with("fn slice(task) { 9223372036854775807 + 1 }"), "verflow"),
        (with("fn slice(task) { 9223372036854775807.ms() }"), "this time is too long"),
        (with("fn preempts(a, b) { 1 }"), "it must give true or false, not `1`"),
        (with("fn reason(task) { -1 }"), "a whole number of at least 0, not `-1`"),
        (with("fn ran(task, time) { task.data = task; }"), "numbers, truths, texts"),
        (with("fn ran(task, time) { task.data.f = |x| x; }"), "numbers, truths, texts"),
        (with("fn ran(task, time) { let a = []; for i in 0..40 { a = [a]; } task.data.a = a; }"), "nested at most 32 deep"),
        (with("fn ran(task, time) { let a = []; for i in 0..40 { a = [a]; } this.a = a; }"), "nested at most 32 deep"),
        (with("fn enqueue(task) { missing(task) }"), "missing"),
    ] {
        let trace = run(&parse(&three(&script)));
        let Outcome::Error { text } = &trace.outcome else { panic!("{script}: {:?}", trace.outcome) };
        assert!(text.contains("the policy's script fails: test.toml") && text.contains(wanted), "{script}: {text}");
        assert_eq!(trace.check(), [], "{script}");
    }
    let named = "fn pick(ready) {\n    if ready.len() > 1 {\n        ready[9]\n    } else { ready[0] }\n}";
    let outcome = run(&parse(&three(named))).outcome;
    let text = outcome.text().expect("an error").to_owned();
    // The scenario's own line: the script begins in its fourth.
    assert!(text.starts_with("the policy's script fails: test.toml:6:15: `pick`: "), "{text}");
}

#[test]
fn what_a_script_prints_goes_nowhere_because_it_can_not_print() {
    let diagnostics = refused("{ code = 'fn pick(ready) { print(1); ready[0] }' }", None).to_string();
    assert!(diagnostics.contains("print"), "{diagnostics}");
}

#[test]
fn the_example_runs_and_tells_who_ran_when() {
    let lines = custom_policy::who_ran_when(Span::from_millis(1)).expect("a run");
    let names: Vec<&str> = lines.iter().filter_map(|line| line.split_whitespace().last()).collect();
    // The late one has had nothing yet at 3 ms, and takes the CPU; and again each time when it comes back.
    assert_eq!(
        names,
        [
            "long", "short", "long", "late", "short", "late", "long", "late", "short", "late", "long",
            "late", "long", "nobody", "finished"
        ],
        "{lines:#?}"
    );
}

/// A policy that breaks one of its promises.
#[derive(Clone, Debug, Default)]
struct Wrong {
    how: &'static str,
    queue: Vec<Tid>,
}

impl Policy for Wrong {
    fn enqueue(&mut self, thread: Thread<'_>, _: Ready, _: Instant) {
        if self.how != "loses" {
            self.queue.push(thread.id);
        }
    }

    fn pick(&mut self, _: Instant) -> Option<Tid> {
        let next = *self.queue.first()?;
        match self.how {
            "invents" => return Some(Tid(99)),
            "keeps all" => return None,
            "repeats" => {}
            _ => drop(self.queue.remove(0)),
        }
        Some(next)
    }

    fn remove(&mut self, thread: Tid) -> bool {
        let before = self.queue.len();
        self.queue.retain(|&queued| queued != thread);
        self.queue.len() < before && self.how != "denies"
    }

    fn waiting(&self) -> usize {
        if self.how == "miscounts" { 0 } else { self.queue.len() }
    }

    fn slice(&self, _: Thread<'_>, _: Instant) -> Option<Span> {
        None
    }

    fn gives_way(&self, _: Thread<'_>, _: Instant) -> bool {
        false
    }

    fn preempts(&mut self, _: Thread<'_>, _: Thread<'_>, _: Instant) -> bool {
        false
    }

    fn can_fail(&self) -> bool {
        self.how == "gives up"
    }

    fn failure(&self) -> Option<String> {
        (self.how == "gives up" && self.queue.len() > 1).then(|| "it has had enough".to_owned())
    }

    fn queue(&self) -> Vec<Tid> {
        self.queue.clone()
    }
}

#[test]
fn a_policy_that_breaks_a_promise_ends_the_run_and_is_told_which() {
    let two = "format = 1\n[machine]\ncpus = 2\n[process.long]\nsteps = [{ compute = \"9ms\" }]\n\
               [process.a]\ncount = 4\nsteps = [{ compute = \"1ms\" }]\n";
    for (how, wanted) in [
        ("loses", "the policy says that 0 threads wait in its queue, but 1 do"),
        ("miscounts", "the policy says that 0 threads wait in its queue, but 1 do"),
        ("invents", "the policy picks thread 99, which doesn't wait"),
        ("keeps all", "the policy picks nobody, but"),
        ("repeats", "threads wait in its queue, but"),
        ("denies", "the policy doesn't say truly whether thread"),
        ("gives up", "it has had enough"),
    ] {
        let trace = run_under(&parse(two), Some(&|_| Box::new(Wrong { how, ..Wrong::default() })));
        let Outcome::Error { text } = &trace.outcome else { panic!("{how}: {:?}", trace.outcome) };
        assert!(text.contains(wanted), "{how}: {text}");
        assert_eq!(trace.check(), [], "{how}");
    }
    let right = run_under(&parse(two), Some(&|_| Box::<Wrong>::default()));
    assert_eq!(right.outcome, Outcome::Finished);
}

/// The code blocks of the documentation in this language.
fn blocks(language: &str) -> Vec<&'static str> {
    let begin = format!("```{language}\n");
    DOC.split(&begin).skip(1).filter_map(|rest| rest.split_once("```").map(|(block, _)| block)).collect()
}

#[test]
fn the_documentation_shows_what_runs() {
    let file = fs::read_to_string(root().join("scenarios/sched/script-policy.rhai")).expect("the script");
    let scripts = blocks("rhai");
    assert!(scripts.contains(&file.as_str()), "the scenario's script isn't shown as it is");
    for script in scripts {
        let text = three(script).replace("scheduler = {", "scheduler = { quantum = \"1ms\", ");
        assert_eq!(run(&parse(&text)).outcome, Outcome::Finished, "{script}");
    }
    for block in blocks("toml") {
        let text = errors::complete(block);
        let folder = root().join("scenarios/sched");
        let scenario = Scenario::parse_bytes("x", text.as_bytes(), &Overrides::default(), Some(&folder));
        let scenario = scenario.unwrap_or_else(|diagnostics| panic!("{text}\n{diagnostics}"));
        assert_eq!(run(&scenario).outcome, Outcome::Finished, "{text}");
    }
    let example = fs::read_to_string(root().join("examples/custom_policy.rs")).expect("the example");
    let shown = blocks("rust");
    assert!(shown.len() >= 4);
    for block in shown {
        assert!(example.contains(block), "this isn't in the example:\n{block}");
    }
}

#[test]
fn the_documentation_lists_every_function_and_property() {
    for (name, parameters, doc) in FUNCTIONS {
        let row = format!("| `{name}({})` | {doc} |", parameters.join(", "));
        assert!(DOC.contains(&row), "no row {row}");
    }
    for (name, doc) in view::properties() {
        let row = format!("| `{name}` | {doc} |");
        assert!(DOC.contains(&row), "no row {row}");
    }
}
