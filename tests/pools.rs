//! Pools of workers: what a task costs, in which order results and call-backs come, and what becomes of all that wait
//! when a worker dies.

use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Outcome, Pace, Simulator};
use trapline::trace::Kind;
use trapline::trace::sink::Memory;

fn scenario(text: &str) -> Scenario {
    let text = format!("format = 1\n{text}");
    Scenario::parse("pools.toml", &text, &Overrides::default())
        .unwrap_or_else(|problems| panic!("{}", problems.render(false)))
}

/// The lines that are printed, each with its time in nanoseconds, and how the run ended.
fn lines(text: &str) -> (Vec<(u64, String)>, Outcome) {
    let scenario = scenario(text);
    let mut simulator = Simulator::new(&scenario.image, Memory::new(), Pace::Fast);
    let outcome = simulator.run();
    let trace = simulator.kernel.sink;
    let printed = trace.events.iter().filter_map(|event| match event.kind {
        Kind::Print { text } => Some((event.at.as_nanos(), trace.names[text.index()].clone())),
        _ => None,
    });
    (printed.collect(), outcome)
}

fn words(text: &str) -> Vec<String> {
    lines(text).0.into_iter().map(|(_, line)| line).collect()
}

/// All that is wrong with a scenario.
fn problems(text: &str) -> String {
    let text = format!("format = 1\n{text}");
    match Scenario::parse("pools.toml", &text, &Overrides::default()) {
        Ok(_) => String::new(),
        Err(problems) => problems.render(false),
    }
}

/// With one worker on one CPU, under `textbook`. An instruction takes 1 ns, each way over the boundary 100, the body
/// of a read, write 100 and 1 for each byte, waking 100 and a wake-up's body 300 (in vain 300 as well), a switch 1000.
///
/// - owner: its wait returns 100, gives the lock back by a wake-up in vain 500, writes head 408 (it wakes the worker)
///   and argument 308, waits for the result 400 and gives the CPU up 1000
/// - worker: head 108, argument 308, computation 10,000, head of the result 408, result 308, next read 200, switch 1000
/// - result handler: head 108, result 308, wakes the owner 600, next read 200, switch 1000
/// - instructions, by the trace's gaps: owner 57, worker 28, result handler 23
#[test]
fn a_task_through_a_pool_of_processes_costs_what_its_calls_cost() {
    let (lines, _) = lines(
        "[pool.p]\nworkers = 1\nsteps = [ { compute = \"10us\" }, { set = \"answer\", to = \"argument\" } ]\n\
         [process.a]\nsteps = [ { pool-start = \"p\" }, { repeat = 4, do = [ { pool-apply = \"p\", argument = 1 }, { print = \"x\" } ] } ]",
    );
    let owner = 100 + 500 + 408 + 308 + 400 + 1000 + 57;
    let worker = 108 + 308 + 10_000 + 408 + 308 + 200 + 1000 + 28;
    let handler = 108 + 308 + 600 + 200 + 1000 + 23;
    // By the last ones all pages have been touched.
    assert_eq!(lines[3].0 - lines[2].0, owner + worker + handler);
    assert_eq!(lines[3].0 - lines[2].0, 17_372);
}

#[test]
fn results_are_in_the_arguments_order_and_call_backs_in_that_of_the_results() {
    for kind in ["processes", "threads"] {
        let text = format!(
            "[machine]\ncpus = 4\n[pool.p]\nkind = \"{kind}\"\nworkers = 3\n\
             steps = [ {{ repeat = \"argument\", do = [ {{ compute = \"1ms\" }} ] }}, {{ set = \"answer\", to = \"argument * 10\" }} ]\n\
             [shm.s]\narrays = {{ got = {{ type = \"q\", length = 3 }} }}\n[program.back]\nsteps = [ {{ print = \"back {{ticket}} {{answer}}\" }} ]\n\
             [process.a]\nsteps = [ {{ pool-start = \"p\" }},\n\
               {{ pool-map = \"p\", over = [9, 5, 1], into = \"s.got\" }},\n\
               {{ repeat = 3, do = [ {{ load = \"x\", from = \"s.got[i]\" }}, {{ print = \"{{x}}\" }}, {{ add = \"i\", value = 1 }} ] }},\n\
               {{ pool-apply-async = \"p\", argument = 9, call-back = \"back\" }},\n\
               {{ pool-apply-async = \"p\", argument = 5, call-back = \"back\" }},\n\
               {{ pool-apply-async = \"p\", argument = 1, call-back = \"back\", ticket = \"t\" }},\n\
               {{ pool-get = \"p\", ticket = \"t\", into = \"x\" }}, {{ print = \"get {{x}}\" }},\n\
               {{ pool-close = \"p\" }}, {{ pool-join = \"p\" }}, {{ print = \"end\" }} ]"
        );
        let expected = ["90", "50", "10", "back 2 10", "get 10", "back 1 50", "back 0 90", "end"];
        assert_eq!(words(&text), expected, "{kind}");
    }
}

#[test]
fn a_worker_that_dies_is_told_to_whoever_waits() {
    for (how, workers) in [
        ("{ kill = \"me\", signal = \"SIGKILL\" }", 3),
        ("{ exit = 3 }", 1),
        ("{ raise = \"illegal-instruction\" }", 2),
    ] {
        let text = format!(
            "[machine]\ncpus = 2\n[pool.p]\nworkers = {workers}\nsteps = [ {{ getpid = \"me\" }}, {{ if = \"argument == 2\", then = [ {how} ] }} ]\n\
             [process.a]\nsteps = [ {{ pool-start = \"p\" }}, {{ pool-map = \"p\", count = 6, chunk = 1, result = \"r\" }}, {{ print = \"{{r}}\" }},\n\
               {{ pool-apply-async = \"p\", result = \"r\" }}, {{ print = \"{{r}}\" }}, {{ pool-close = \"p\" }}, {{ pool-join = \"p\" }}, {{ print = \"end\" }} ]"
        );
        let (printed, outcome) = lines(&text);
        let own: Vec<&str> =
            printed.iter().map(|(_, line)| line.as_str()).filter(|line| line.len() < 5).collect();
        assert_eq!(own, ["-130", "-130", "end"], "{how}");
        assert!(matches!(outcome, Outcome::Finished), "{how}: {outcome:?}");
    }
}

#[test]
fn a_task_that_never_ends_is_a_deadlock_that_names_the_pool() {
    let (_, outcome) = lines(
        "[event-flag.never]\n[pool.jobs]\nkind = \"threads\"\nworkers = 2\nsteps = [ { event-wait = \"never\" } ]\n\
         [process.a]\nsteps = [ { pool-start = \"jobs\" }, { pool-apply = \"jobs\" } ]",
    );
    let Outcome::Deadlock { text: report } = outcome else { panic!("{outcome:?}") };
    assert!(report.contains("a result of pool `jobs`"), "{report}");
}

#[test]
fn mistakes_are_told_where_they_stand() {
    let pool = "[pool.p]\nworkers = 2\nsteps = [ { compute = \"1us\" } ]\n";
    let said = |more: &str| problems(&format!("{pool}{more}"));
    let process = |steps: &str| {
        said(&format!(
            "[shm.s]\narrays = {{ a = {{ type = \"q\", length = 2 }} }}\n[process.a]\nsteps = [ {steps} ]"
        ))
    };
    assert!(process("{ pool-start = \"q\" }").contains("there is no pool `q`"));
    assert!(process("{ pool-map = \"p\" }").contains("this needs `over`, or `count`"));
    assert!(
        process("{ pool-map = \"p\", over = [1, 2, 3], into = \"s.a\" }")
            .contains("has 2 elements, for 3 results")
    );
    assert!(
        process("{ pool-map = \"p\", count = 3, chunk = 0 }").contains("`chunk` is a whole number from 1")
    );
    assert!(process("{ pool-apply-async = \"p\", call-back = \"x\" }").contains("there is no program `x`"));
    let other =
        problems("[pool.p]\nworkers = 0\nprogram = \"x\"\n[process.a]\nsteps = [ { pool-start = \"p\" } ]");
    assert!(
        other.contains("`workers` is from 1 to 1024") && other.contains("there is no program `x`"),
        "{other}"
    );
    let steps = problems(
        "[pool.p]\nworkers = 1\nsteps = [ { computer = 1 } ]\n[process.a]\nsteps = [ { pool-start = \"p\" } ]",
    );
    assert!(steps.contains("pools.toml:4:") && steps.contains("computer"), "{steps}");
}
