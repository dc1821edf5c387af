//! The bodies of system calls that return at once.

use std::fmt::Write;

use super::bench::{Bench, Stop};
use super::found::Found;
use super::registry::Measurement;
use super::text::{Text, batches, loops};
use super::user::sample;

pub const CALLS: Measurement = Measurement {
    name: "calls",
    what: "the bodies of calls that return at once",
    how: "Each call again and again in one process: from the note before it to the note after, less what an empty call takes between the same notes. `kill` sends an ignored signal, `futex_wake` wakes nobody, `futex_wait` finds another value, `futex_requeue` nobody, `futex_lock_pi` a free lock, `close` closes both ends of pipes. `pause` and its like are taken to be as `futex_wait`; groups are the run's own affair, so that `getpgid` and `setpgid` are taken to be as `rt_sigpending`.",
    keys: &[
        "calls.sched_yield",
        "calls.rt_sigaction",
        "calls.kill",
        "calls.futex_wake",
        "calls.futex_wait",
        "calls.futex_requeue",
        "calls.futex_lock_pi",
        "calls.futex_unlock_pi",
        "calls.sched_setparam",
        "calls.close",
        "calls.pause",
        "calls.rt_sigprocmask",
        "calls.rt_sigpending",
        "calls.setitimer",
        "calls.setpriority",
        "calls.sched_setaffinity",
        "calls.tgkill",
        "calls.rt_sigsuspend",
        "calls.rt_sigtimedwait",
        "calls.getpgid",
        "calls.setpgid",
    ],
    measure: calls,
};

/// Calls that can be made again and again: the step, and the call that it is.
const STEPS: &[(&str, &str)] = &[
    ("sched_yield", "{ yield = true },\n"),
    ("rt_sigaction", "{ signal = \"SIGUSR1\", action = \"ignore\" },\n"),
    ("kill", "{ kill = \"solo\", signal = \"SIGUSR1\" },\n"),
    ("rt_sigprocmask", "{ sigmask = \"block\", signals = [] },\n"),
    ("rt_sigpending", "{ sigpending = [\"SIGUSR1\"], into = \"n\" },\n"),
    ("setitimer", "{ alarm = \"0ns\" },\n"),
    ("setpriority", "{ nice = 0 },\n"),
    ("sched_setaffinity", "{ sched-setaffinity = [0] },\n"),
    ("tgkill", "{ tgkill = \"me\", signal = \"SIGUSR1\" },\n"),
    ("futex_wake", "{ futex-wake = \"shared.cell\", count = 1 },\n"),
    ("futex_wait", "{ futex-wait = \"shared.cell\", expected = 1, on-error = \"continue\" },\n"),
    ("futex_requeue", "{ futex-requeue = \"shared.cell\", to = \"shared.other\" },\n"),
    ("futex_lock_pi", PI),
    ("futex_unlock_pi", PI),
    ("sched_setparam", "{ lock = \"high\" },\n{ unlock = \"high\" },\n"),
];

/// Both calls on a lock with priority inheritance.
const PI: &str = "{ futex-lock-pi = \"shared.other\" },\n{ futex-unlock-pi = \"shared.other\" },\n";

/// So many pipes are closed, with two ends each.
const PIPES: usize = 48;
const GROUP: usize = 4;
const CALLS_IN_BATCH: usize = 256;

fn calls(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    let count = bench.batches(60);
    let mut objects = String::from(
        "[shm.shared]\ncells = { cell = 0, other = 0 }\n[mutex.high]\nprotocol = \"ceiling\"\nceiling = 1\n",
    );
    let mut steps = String::from("{ signal = \"SIGUSR1\", action = \"ignore\" },\n{ getpid = \"me\" },\n");
    for (name, step) in STEPS {
        steps += &batches(name, count, &loops(CALLS_IN_BATCH, step));
    }
    let mut uses = String::new();
    for group in 0..PIPES / GROUP {
        let mut closes = String::new();
        for number in group * GROUP..(group + 1) * GROUP {
            let _ = writeln!(objects, "[pipe.p{number}]");
            // A pipe that was never used would have no buffer to give back.
            let _ = writeln!(uses, "{{ write = \"p{number}\", bytes = \"1B\" }},");
            let _ = writeln!(closes, "{{ close = \"p{number}\", end = \"read\" }},");
            let _ = writeln!(closes, "{{ close = \"p{number}\", end = \"write\" }},");
        }
        steps += &batches("close", 1, &closes);
    }
    let steps = uses + &steps;
    let shown = bench.run(&Text::default().objects(&objects).process("solo", 0, &steps), 1)?;
    for (name, _) in STEPS {
        let beyond = sample(&shown.marks.beyond_empty(name, name))?;
        let source = format!("{:.0} ns more than an empty call", beyond.median);
        found.call(name, found.body(beyond), source);
    }
    let close = sample(&shown.marks.beyond_empty("close", "close"))?;
    found.call("close", found.body(close), "both ends of pipes, each end as often as the other");
    let wait = found.calls["futex_wait"].sample;
    for name in ["pause", "rt_sigsuspend", "rt_sigtimedwait"] {
        found.call(name, wait, "not measured: as futex_wait");
    }
    let as_measured = [
        ("getpgid", "rt_sigpending", "not measured: as rt_sigpending"),
        ("setpgid", "rt_sigpending", "not measured: as rt_sigpending"),
    ];
    for (name, other, source) in as_measured {
        let sample = found.calls[other].sample;
        found.call(name, sample, source);
    }
    Ok(())
}
