//! Message queues and semaphore sets on the simulated kernel: times that can be added up by hand on the
//! profile `textbook`, who is served first, and each error that a real host would need privileges,
//! luck or signals for. `tests/parity/` holds what both worlds show.

#[path = "common/textbook.rs"]
mod textbook;

use trapline::sim::Outcome;
use trapline::trace::{Event, Kind};

use textbook::{Run, run};

/// When messages were sent and received, in nanoseconds.
fn moments(run: &Run) -> Vec<(&'static str, u64)> {
    let moment = |event: &Event| match event.kind {
        Kind::MessageSend { .. } => Some(("sent", event.at.as_nanos())),
        Kind::MessageReceive { .. } => Some(("received", event.at.as_nanos())),
        _ => None,
    };
    run.events.iter().filter_map(moment).collect()
}

#[test]
fn a_message_costs_a_nanosecond_a_byte_on_either_side() {
    for (object, send, receive) in
        [("[mqueue.q]", "mq-send", "mq-receive"), ("[sysv-queue.q]", "msgsnd", "msgrcv")]
    {
        let run = run(&format!(
            "{object}\n[process.a]\nsteps = [ {{ {send} = \"q\", bytes = \"1000B\" }}, {{ {receive} = \"q\" }} ]"
        ));
        // The switch to the process takes 1000 ns, entry and exit 100 each, a body 200 and the bytes.
        let sent = 1000 + 100 + 200 + 1000;
        let received = sent + 100 + 100 + 200 + 1000;
        assert_eq!(moments(&run), [("sent", sent), ("received", received)]);
    }
}

#[test]
fn a_receiver_that_waits_pays_for_its_bytes_when_it_goes_on() {
    let run = run(r#"
        [mqueue.q]
        [process.receiver]
        steps = [ { mq-receive = "q" } ]
        [process.sender]
        steps = [ { mq-send = "q", bytes = "500B" } ]
    "#);
    // The receiver blocks at 1300, the switch takes 1000.
    let sent = 1300 + 1000 + 100 + 200 + 500;
    // The wake-up and the exit take 100 each, then the sender's end 100 and 10000, and a switch.
    let resumes = sent + 200 + 10_100 + 1000;
    assert_eq!(moments(&run), [("sent", sent), ("received", resumes + 500)]);
}

#[test]
fn those_who_wait_for_messages_are_served_in_the_order_in_which_they_came() {
    let run = run(r#"
        [mqueue.q]
        [process.receiver]
        count = 3
        steps = [ { mq-receive = "q", into = "x" }, { print = "{index} has {x}" } ]
        [process.sender]
        start = "1ms"
        steps = [ { set = "i", to = 0 }, { repeat = 3, do = [ { mq-send = "q", value = "i" }, { add = "i", value = 1 } ] } ]
    "#);
    assert_eq!(run.lines, ["0 has 0", "1 has 1", "2 has 2"]);
}

#[test]
fn the_message_of_one_who_waits_for_room_keeps_its_priority() {
    let run = run(r#"
        [mqueue.q]
        max-messages = 1
        [process.sender]
        count = 2
        steps = [ { mq-send = "q", value = "index", priority = 1 }, { mq-send = "q", value = "index + 10", priority = "index + 2" } ]
        [process.receiver]
        start = "1ms"
        steps = [ { repeat = 4, do = [ { mq-receive = "q", into = "x" }, { print = "{x}" } ] } ]
    "#);
    // Sender 0 fills the queue and waits with 10, then sender 1 with 1; 11 comes last.
    assert_eq!(run.lines, ["0", "10", "1", "11"]);
}

#[test]
fn a_time_limit_takes_the_message_back() {
    let run = run(r#"
        [mqueue.q]
        max-messages = 1
        [process.sender]
        steps = [
          { mq-send = "q", value = 1 },
          { mq-send = "q", value = 2, timeout = "10us", result = "r", on-error = "continue" },
          { print = "{r}" },
        ]
        [process.receiver]
        start = "1ms"
        steps = [
          { mq-receive = "q", into = "x" },
          { mq-receive = "q", timeout = "10us", result = "r", on-error = "continue" },
          { print = "{x} {r}" },
        ]
    "#);
    assert_eq!(run.lines, ["-110", "1 -110"]);
}

#[test]
fn nobody_is_told_of_a_message_that_somebody_waits_for() {
    let run = run(r#"
        [mqueue.q]
        [process.told]
        steps = [ { mq-notify = "q", signal = "SIGTERM" }, { sleep = "5ms" }, { print = "not told" } ]
        [process.receiver]
        steps = [ { mq-receive = "q" } ]
        [process.sender]
        start = "1ms"
        steps = [ { mq-send = "q", value = 1 } ]
    "#);
    assert_eq!(run.lines, ["not told"]);
}

#[test]
fn a_users_queues_have_limits() {
    let mut text = String::from("[mqueue.long]\ncreate = \"open\"\nmax-messages = 11\n");
    text.push_str("[mqueue.wide]\ncreate = \"open\"\nmax-messages = 1\nmessage-size = \"8193B\"\n");
    let open = |name: &str, into: &str| {
        let how = "create = true, result = \"r\", on-error = \"continue\"";
        format!("{{ mq-open = \"{name}\", into = \"{into}\", {how} }},\n")
    };
    let print = "{ print = \"{r}\" },\n";
    let mut steps = open("long", "q") + print + &open("wide", "q") + print;
    // Each takes 10 * (8192 + 96) bytes: nine fit into 819200.
    for number in 0..10 {
        text.push_str(&format!("[mqueue.large{number}]\ncreate = \"open\"\n"));
        steps += &open(&format!("large{number}"), if number == 0 { "first" } else { "q" });
    }
    // The name alone doesn't keep a queue, but a descriptor does.
    steps += print;
    steps += "{ mq-unlink = \"large0\" },\n";
    steps += &(open("large9", "q") + print + "{ close = \"@first\" },\n");
    steps += &(open("large9", "q") + "{ print = \"{r > 0}\" },\n");
    let run = run(&format!("{text}[process.a]\nsteps = [\n{steps}]"));
    assert_eq!(run.lines, ["-22", "-22", "-24", "-24", "1"]);
}

#[test]
fn there_are_at_most_256_queues() {
    use std::fmt::Write;
    let (mut text, mut steps) = (String::new(), String::new());
    for number in 0..257 {
        let _ =
            writeln!(text, "[mqueue.q{number}]\ncreate = \"open\"\nmax-messages = 1\nmessage-size = \"1B\"");
        let open = format!("mq-open = \"q{number}\", create = true, into = \"q\", result = \"r\"");
        let _ = writeln!(
            steps,
            "{{ {open}, on-error = \"continue\" }}, {{ close = \"@q\", on-error = \"continue\" }},"
        );
    }
    let run = run(&format!("{text}[process.a]\nsteps = [\n{steps}{{ print = \"{{r}}\" }} ]"));
    assert_eq!(run.lines, ["-28"]);
}

#[test]
fn who_waits_is_told_when_a_system_v_object_is_removed() {
    let run = run(r#"
        [sysv-queue.empty]
        [sysv-queue.full]
        capacity = "8B"
        [sysv-semaphores.s]
        values = [0]
        [process.receives]
        steps = [ { msgrcv = "empty", result = "r", on-error = "continue" }, { print = "{r}" } ]
        [process.sends]
        steps = [ { msgsnd = "full", value = 1 }, { msgsnd = "full", value = 1, result = "r", on-error = "continue" }, { print = "{r}" } ]
        [process.takes]
        steps = [ { semop = "s", ops = [{ add = -1 }], result = "r", on-error = "continue" }, { print = "{r}" } ]
        [process.removes]
        start = "1ms"
        steps = [ { msgctl = "empty", remove = true }, { msgctl = "full", remove = true }, { semctl = "s", remove = true } ]
    "#);
    assert_eq!(run.lines, ["-43", "-43", "-43"]);
}

#[test]
fn a_receiver_that_waits_with_too_little_room_gets_an_error_and_the_next_the_message() {
    let run = run(r#"
        [sysv-queue.q]
        [process.small]
        steps = [ { msgrcv = "q", bytes = "7B", result = "r", on-error = "continue" }, { print = "small {r}" } ]
        [process.other]
        steps = [ { msgrcv = "q", type = 2, result = "r" }, { print = "other {r}" } ]
        [process.large]
        steps = [ { msgrcv = "q", type = -1, result = "r" }, { print = "large {r}" } ]
        [process.sender]
        start = "1ms"
        steps = [ { msgsnd = "q", value = 1 }, { msgsnd = "q", type = 2, bytes = "3B" } ]
    "#);
    assert_eq!(run.lines, ["small -7", "large 8", "other 3"]);
}

#[test]
fn a_message_that_fits_passes_one_that_waits_for_room() {
    let run = run(r#"
        [sysv-queue.q]
        capacity = "16B"
        [process.first]
        steps = [ { msgsnd = "q", bytes = "8B", value = 1 }, { msgsnd = "q", bytes = "16B", value = 2 } ]
        [process.second]
        steps = [ { msgsnd = "q", bytes = "8B", value = 3 } ]
        [process.receiver]
        start = "1ms"
        steps = [ { repeat = 3, do = [ { msgrcv = "q", into = "x" }, { print = "{x}" } ] } ]
    "#);
    assert_eq!(run.lines, ["1", "3", "2"]);
}

#[test]
fn what_a_killed_process_has_taken_with_undo_comes_back() {
    let run = run(r#"
        [sysv-semaphores.s]
        values = [1]
        [process.taker]
        steps = [ { semop = "s", ops = [{ add = -1, undo = true }] }, { pause = true } ]
        [process.next]
        steps = [ { semop = "s", ops = [{ add = -1 }] }, { print = "next" } ]
        [process.killer]
        start = "1ms"
        steps = [ { kill = "taker", signal = "SIGKILL" } ]
    "#);
    assert_eq!((run.lines, run.outcome), (vec!["next".to_owned()], Outcome::Finished));
}

#[test]
fn a_deadlock_over_semaphore_sets_names_who_holds_them() {
    let run = run(r#"
        [kernel]
        scheduler = { policy = "round-robin", quantum = "2us" }
        [sysv-semaphores.s]
        values = [1]
        [sysv-semaphores.t]
        values = [1]
        [process.a]
        steps = [ { semop = "s", ops = [{ add = -1, undo = true }] }, { compute = "5us" }, { semop = "t", ops = [{ add = -1, undo = true }] } ]
        [process.b]
        steps = [ { semop = "t", ops = [{ add = -1, undo = true }] }, { compute = "5us" }, { semop = "s", ops = [{ add = -1, undo = true }] } ]
        [process.c]
        steps = [ { semop = "s", ops = [{ add = -1 }] } ]
    "#);
    assert!(matches!(run.outcome, Outcome::Deadlock { .. }), "{:?}", run.outcome);
    assert!(run.deadlock.starts_with("circle: a -> b -> a"), "{}", run.deadlock);
    assert!(run.deadlock.contains("c waits for semaphore set `s`"), "{}", run.deadlock);
}

#[test]
fn a_handler_interrupts_system_v_calls_and_posix_ones_unless_it_restarts_them() {
    // A message of one byte is received if the call is made again.
    for (restart, ended) in [("false", "-4"), ("true", "1")] {
        let run = run(&format!(
            r#"
            [mqueue.q]
            [process.posix]
            steps = [
              {{ signal = "SIGUSR1", action = "handler", run = "h", restart = {restart} }},
              {{ mq-receive = "q", result = "r", on-error = "continue" }},
              {{ print = "{{r}}" }},
            ]
            [program.h]
            steps = [ {{ print = "handled" }} ]
            [process.other]
            start = "1ms"
            steps = [ {{ kill = "posix", signal = "SIGUSR1" }}, {{ sleep = "1ms" }}, {{ mq-send = "q", bytes = "1B" }} ]
            "#
        ));
        assert_eq!(run.lines, ["handled", ended]);
    }
    let run = run(r#"
        [sysv-queue.q]
        [sysv-semaphores.s]
        values = [0]
        [process.waits]
        steps = [
          { signal = "SIGUSR1", action = "handler", run = "h", restart = true },
          { msgrcv = "q", result = "r", on-error = "continue" },
          { print = "{r}" },
          { semop = "s", ops = [{ add = -1 }], result = "r", on-error = "continue" },
          { print = "{r}" },
        ]
        [program.h]
        steps = [ { compute = "1us" } ]
        [process.other]
        start = "1ms"
        steps = [
          { kill = "waits", signal = "SIGUSR1" },
          { sleep = "1ms" },
          { kill = "waits", signal = "SIGUSR1" },
          { sleep = "1ms" },
          { msgsnd = "q", value = 1 },
          { msgctl = "q", messages-into = "n" },
          { semop = "s", ops = [{ add = 3 }] },
          { semctl = "s", get = 0, into = "v" },
          { print = "{n} {v}" },
        ]
    "#);
    // Whoever was interrupted has left the queue, and gets nothing any more.
    assert_eq!(run.lines, ["-4", "-4", "1 3"]);
}
