//! Queues between processes on the simulated kernel: times that can be added up by hand on the profile `textbook`, and
//! what becomes of items. `tests/parity/` holds what both worlds show.

#![allow(clippy::unwrap_used)]

#[path = "common/textbook.rs"]
mod textbook;

use trapline::scenario::{Overrides, Scenario};
use trapline::sim::Outcome;
use trapline::trace::{Event, Kind};

use textbook::{Run, run};

/// When bytes went into the pipe and came out of it, in nanoseconds, and how many.
fn moments(run: &Run) -> Vec<(&'static str, u64, u64)> {
    let moment = |event: &Event| match event.kind {
        Kind::MessageSend { bytes, .. } => Some(("sent", event.at.as_nanos(), bytes)),
        Kind::MessageReceive { bytes, .. } => Some(("received", event.at.as_nanos(), bytes)),
        _ => None,
    };
    run.events.iter().filter_map(moment).collect()
}

/// What one put and one get of a process do, by the keys of its queue.
fn put_and_get(keys: &str) -> Run {
    run(&format!(
        "[queue.q]\n{keys}\n[process.a]\nsteps = [ {{ queue-put = \"q\", value = 7 }}, {{ queue-get = \"q\", into = \"x\" }}, {{ print = \"{{x}}\" }} ]"
    ))
}

#[test]
fn without_a_feeder_a_put_is_a_write_and_a_get_is_two_reads() {
    let run = put_and_get("feeder = false");
    // The switch to the process takes 1000 ns; then it frames the item (1 ns) and takes the writers' lock: the
    // swap finds its page missing (1 + 1000 ns), is made again, and its answer is looked at (2 ns). Whether the
    // item goes together with its length, and how much that is, takes 2 ns.
    let entered = 1000 + 1 + 1 + 1000 + 2 + 2;
    // Entry and body take 100 ns each; four bytes say how long the item is, and it has eight.
    let sent = entered + 100 + 100 + 12;
    // After the exit: was it a signal, was it an error, what has gone out goes, is that all (4 ns); the lock goes back
    // (2 ns), and the readers' is taken (2 ns).
    let header = sent + 100 + 4 + 2 + 2 + 100 + 100 + 4;
    // Was it a signal, was it the end (2 ns).
    let body = header + 100 + 2 + 100 + 100 + 8;
    let expected = [("sent", sent, 12), ("received", header, 4), ("received", body, 8)];
    assert_eq!(moments(&run), expected);
    assert_eq!(run.lines, ["7"]);
}

#[test]
fn with_a_feeder_a_put_returns_before_anything_is_written() {
    let run = put_and_get("");
    // The process's own page with the words is missing at first (1 + 1000 ns). Is the queue closed (2 ns)? The item
    // is framed (1 ns), the words' lock taken (2 ns), and a feeder started, since there is none (3 ns).
    let cloned = 1000 + 1 + 1000 + 2 + 1 + 2 + 3;
    // Entry, body, waking the feeder, exit.
    let started = cloned + 100 + 5000 + 100 + 100;
    // The item is handed over and counted (3 ns), the feeder doesn't wait (2 ns), and the lock goes back (2 ns): this is
    // what the put takes. The reader takes its lock, whose page is missing (1 + 1000 + 2 ns), finds nothing and blocks
    // in the read (200 ns); the feeder's turn takes a switch (1000 ns) and begins with its way out of the call.
    let put = started + 3 + 2 + 2;
    let turn = put + 1 + 1000 + 2 + 200 + 1000 + 100;
    // The words' lock (2 ns), is there an item (2 ns), one less (2 ns), fetched (1 ns), the lock back (2 ns), the
    // writers' lock (2 ns), how much (2 ns).
    let sent = turn + 2 + 2 + 2 + 1 + 2 + 2 + 2 + 100 + 100 + 12;
    assert_eq!(moments(&run)[0], ("sent", sent, 12));
    let asked = |event: &&Event| matches!(event.kind, Kind::SysEnter { .. });
    let asked: Vec<u64> = run.events.iter().filter(asked).map(|event| event.at.as_nanos()).collect();
    assert_eq!(asked[..2], [cloned, put + 1 + 1000 + 2], "nothing between the feeder's start and the read");
    assert_eq!(run.lines, ["7"]);
}

#[test]
fn each_producers_items_come_in_its_order_and_none_is_lost() {
    for (keys, cpus) in
        [("", 1), ("", 3), ("feeder = false", 3), ("max-items = 2", 2), ("capacity = \"4KiB\"", 2)]
    {
        let run = run(&format!(
            "cpus = {cpus}\n[queue.q]\n{keys}\n[shm.s]\narrays = {{ last = {{ length = 3 }} }}\n\
             [process.a]\nsteps = [ {{ fork = \"p\", count = 3 }}, {{ repeat = 60, do = [ \
             {{ queue-get = \"q\", into = \"x\" }}, {{ load = \"before\", from = \"s.last[x / 100]\" }}, \
             {{ assert = \"x % 100 == before + 1\" }}, {{ store = \"s.last[x / 100]\", value = \"x % 100\" }} ] }}, \
             {{ wait = \"all\" }}, {{ print = \"all\" }} ]\n\
             [program.p]\nsteps = [ {{ set = \"i\", to = 1 }}, {{ repeat = 20, do = [ \
             {{ queue-put = \"q\", bytes = \"900B\", value = \"100 * index + i\" }}, {{ add = \"i\", value = 1 }} ] }} ]"
        ));
        assert_eq!(
            (run.outcome, run.lines),
            (Outcome::Finished, vec!["all".to_owned()]),
            "{keys}, {cpus} CPUs"
        );
    }
}

#[test]
fn a_put_that_nobody_will_read_breaks() {
    let both = |keys: &str| {
        run(&format!(
            "[queue.q]\n{keys}\n[process.a]\nsteps = [ {{ signal = \"SIGPIPE\", action = \"ignore\" }}, \
             {{ fork = \"reads\" }}, {{ wait = \"reads\" }}, {{ queue-put = \"q\", value = 1, result = \"r\" }}, {{ print = \"{{r}}\" }} ]\n\
             [program.reads]\nsteps = [ {{ queue-get = \"q\", nonblock = true, result = \"r\" }} ]"
        ))
    };
    assert_eq!(both("feeder = false").lines, ["-32"], "EPIPE");
    let fed = both("");
    assert_eq!((fed.outcome, fed.lines), (Outcome::Finished, vec!["0".to_owned()]), "the feeder gives up");
}

#[test]
fn a_full_queue_of_which_nobody_takes_is_a_deadlock() {
    let run = run(
        "[queue.q]\nmax-items = 1\n[process.a]\nsteps = [ { queue-put = \"q\", value = 1 }, { queue-put = \"q\", value = 2 }, { queue-get = \"q\" } ]",
    );
    assert!(run.deadlock.contains("semaphore `q.room`"), "{}", run.deadlock);
    assert!(run.deadlock.contains("an item for the feeder of queue `q`"), "{}", run.deadlock);
}

#[test]
fn a_thread_that_ends_leaves_the_feeder_to_its_process() {
    let run = run(
        "[queue.q]\n[process.a]\nsteps = [ { fork = \"p\" }, { queue-get = \"q\", into = \"x\" }, { queue-get = \"q\", into = \"y\" }, { wait = \"p\" }, { print = \"{x} {y}\" } ]\n\
         [program.p]\nsteps = [ { thread = \"t\" }, { join = \"t\" }, { exit = 0 } ]\n\
         [program.t]\nsteps = [ { queue-put = \"q\", value = 1 }, { queue-put = \"q\", value = 2 } ]",
    );
    assert_eq!((run.outcome, run.lines), (Outcome::Finished, vec!["1 2".to_owned()]));
}

#[test]
fn what_a_queue_cant_do_is_said_before_the_run() {
    let said = |steps: &str| {
        let text = format!(
            "format = 1\n[queue.q]\nfeeder = false\n[mutex.m]\n[process.a]\nsteps = [ {{ queue-put = \"q\", value = 1 }}, {steps} ]"
        );
        Scenario::parse("test", &text, &Overrides::default()).unwrap_err().render(false)
    };
    assert!(said("{ queue-close = \"q\" }").contains("the queue `q` has no feeder that could be told"));
    let both = said("{ queue-get = \"q\", timeout = \"1ms\", nonblock = true, result = \"r\" }");
    assert!(both.contains("a step that never waits has no `timeout`"), "{both}");
    assert!(said("{ queue-get = \"m\" }").contains("`m` is a mutex; this needs a queue"));
    assert!(said("{ queue-put = \"q\" }").contains("this step needs `bytes`, `value`, `text` or `buffer`"));
}

#[test]
fn an_exec_loses_what_the_feeder_has_not_written() {
    let run = run(
        "[queue.q]\ncapacity = \"4KiB\"\n[process.a]\nsteps = [ { fork = \"p\" }, { wait = \"p\" }, { queue-get = \"q\", into = \"x\" }, \
         { queue-get = \"q\", nonblock = true, result = \"r\" }, { print = \"{x} {r}\" } ]\n\
         [program.p]\nsteps = [ { queue-put = \"q\", bytes = \"4000B\", value = 1 }, { queue-put = \"q\", bytes = \"4000B\", value = 2 }, { sleep = \"1ms\" }, { exec = \"e\" } ]\n\
         [program.e]\nsteps = [ { compute = \"1us\" } ]",
    );
    assert_eq!(run.lines, ["1 -32"], "the pipe had room for the first one only");
}
