//! Profiles that are right, and profiles that aren't.

use super::*;
use crate::kernel::options::Preemption;

const CALLS: &[&str] = &[
    "read",
    "write",
    "fork",
    "clone",
    "execve",
    "exit_group",
    "wait4",
    "nanosleep",
    "clock_nanosleep",
    "futex_wait",
    "futex_wake",
    "futex_requeue",
    "futex_lock_pi",
    "futex_unlock_pi",
    "sched_setparam",
    "kill",
    "close",
    "fsync",
    "getpid",
    "getppid",
    "join",
    "pause",
    "rt_sigaction",
    "sched_yield",
    "brk",
    "mmap",
    "mprotect",
    "msync",
    "munmap",
    "shm_unlink",
    "shmat",
    "shmdt",
    "rt_sigreturn",
    "getpgid",
    "setpriority",
    "sched_setaffinity",
    "setitimer",
    "setpgid",
    "rt_sigprocmask",
    "rt_sigpending",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "tgkill",
    "accept4",
    "bind",
    "connect",
    "listen",
    "recvfrom",
    "sendto",
    "shutdown",
    "socket",
    "socketpair",
    "pipe2",
    "dup",
    "dup2",
    "fcntl",
    "open",
    "ppoll",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait2",
    "eventfd2",
    "timerfd_create",
    "timerfd_settime",
    "mq_open",
    "mq_unlink",
    "mq_timedsend",
    "mq_timedreceive",
    "mq_notify",
    "mq_getsetattr",
    "msgsnd",
    "msgrcv",
    "msgctl",
    "semop",
    "semctl",
    "fdatasync",
    "fstat",
    "ftruncate",
    "lseek",
    "openat",
    "pread64",
    "pwrite64",
    "rename",
    "unlink",
    "aio_read",
    "aio_write",
    "aio_error",
    "aio_return",
    "aio_suspend",
    "io_uring_setup",
    "io_uring_enter",
];

#[test]
fn built_in_profiles_are_valid_and_bear_their_names() {
    for (name, text) in BUILT_IN {
        let costs = Costs::parse(text, CALLS).expect("a valid profile");
        assert_eq!(costs.name, *name);
        assert_eq!(costs.hash.len(), 64);
    }
}

#[test]
fn a_profile_tells_all_of_its_mistakes() {
    let text = "format = 1\nname = \"x\"\ninstruction = \"1ns\"\nswich = \"1us\"\nsignal = 5\n[calls]\nred = {}\nwrite = { per-kb = \"1ns\" }\n";
    let errors = Costs::parse(text, CALLS).expect_err("mistakes");
    assert_eq!(errors.len(), 4);
    assert!(errors.iter().any(|e| e.help.as_deref() == Some("did you mean `switch`?")));
}

#[test]
fn a_copy_costs_by_the_byte_rounded_up() {
    let call = CallCost { base: Span::from_nanos(100), per_kib: Span::from_nanos(50) };
    assert_eq!(call.copying(0), Span::ZERO);
    assert_eq!(call.copying(1), Span::from_nanos(1));
    assert_eq!(call.copying(2048), Span::from_nanos(100));
}

/// A profile with every kind of key.
const MEASURED: &str = r#"
format = 1
name = "here"
instruction = "1ns"
user-step = { cost = "12ns", source = "measured", p10 = "11ns", p90 = "14ns", n = 2000 }
ipi-delivery-idle = "4us"

[calls]
read = { base = "90ns", source = "measured", p10 = "88ns", p90 = "99ns", n = 100 }

[copies]
pipe-write = { points = [["1B", "101ns"], ["4KiB", "300ns"], ["64KiB", "2400ns"]], source = "measured" }

[switch-cold]
points = [[2, "0ns"], [8, "600ns"], [16, "1200ns"]]
source = "measured"

[disk]
read = { points = [[0.0, "80us"], [0.5, "103us"], [1, "400us"]], source = "measured" }
per-kib = "300ns"

[host]
tick = "4ms"
preemption = "none"
policy = "round-robin"
placement = "idle"
balance = "steal"
cpus = 2

[measured]
date = "2026-11-24"
kernel = "6.18"
load = 0.1
idle = "haltpoll"
spin-dispersion = 0.01
thorough = false

[fit]
user = 1.5
disk = 1
"#;

#[test]
fn a_measured_profile_tells_of_the_host_as_well() {
    let costs = Costs::parse(MEASURED, CALLS).expect("a valid profile");
    assert_eq!(costs.user_step, Span::from_nanos(12));
    assert_eq!(costs.calls["read"].base, Span::from_nanos(90));
    assert_eq!(costs.copies[Copying::PipeWrite].from_origin(4096), Span::from_nanos(300));
    assert!(costs.copies[Copying::PipeRead].is_empty());
    assert_eq!(costs.switch_cold.within_points(5), Span::from_nanos(300));
    let disk = costs.disk.expect("a disk");
    assert!(disk.read.is_some() && disk.write.is_none());
    let host = costs.host.expect("a host");
    assert_eq!(host.tick, Some(Some(Span::from_millis(4))));
    assert_eq!(host.preemption, Some(Preemption::None));
    assert_eq!(host.scheduler.expect("a scheduler").policy, "round-robin");
    assert_eq!(costs.measured.expect("a record").spin_dispersion, Some(0.01));
    assert_eq!(costs.fit, Fit { user: 1.5, ..Fit::default() });
}

#[test]
fn each_mistake_in_a_measured_profile_is_told_where_it_stands() {
    for (right, wrong, told) in [
        ("n = 2000", "n = \"2000\"", "this is a whole number"),
        ("p10 = \"11ns\"", "p10 = 11", "a time needs a unit, for example \"100ns\""),
        ("cost = \"12ns\", ", "", "a cost needs the key `cost`"),
        ("[\"4KiB\", \"300ns\"]", "[\"4MiB\", \"300ns\"]", "the points don't ascend"),
        ("[\"4KiB\", \"300ns\"]", "[4096, \"300ns\"]", "a size needs a unit, for example \"64KiB\""),
        ("[\"4KiB\", \"300ns\"]", "[\"300ns\"]", "a point is a pair: a quantity and its time"),
        ("pipe-write =", "pipe-wirte =", "there is no way to copy named `pipe-wirte`"),
        ("points = [[2,", "point = [[2,", "this table has no key `point`"),
        ("[8, \"600ns\"]", "[8.5, \"600ns\"]", "this is a whole number"),
        ("[1, \"400us\"]", "[1.5, \"400us\"]", "the points aren't a distribution"),
        ("[0.5, \"103us\"]", "[0.5, \"10us\"]", "the points aren't a distribution"),
        ("per-kib = \"300ns\"", "per-kb = \"300ns\"", "`disk` has no key `per-kb`"),
        ("tick = \"4ms\"", "tick = \"0ms\"", "a tick's period isn't zero"),
        ("preemption = \"none\"", "preemption = \"some\"", "unknown variant `some`"),
        (
            "policy = \"round-robin\"",
            "policy = \"round-robbin\"",
            "there is no scheduling policy `round-robbin`",
        ),
        ("cpus = 2", "slice = \"1ms\"", "`slice` needs a `policy` that knows it"),
        ("cpus = 2", "cpus = 70000", "this is a whole number up to 65535"),
        ("load = 0.1", "load = \"0.1\"", "this is a number"),
        ("user = 1.5", "user = nan", "this is a number"),
        ("idle = \"haltpoll\"", "idel = \"haltpoll\"", "`measured` has no key `idel`"),
        ("user = 1.5", "users = 1.5", "`fit` has no key `users`"),
    ] {
        assert!(MEASURED.contains(right), "{right}");
        let text = MEASURED.replacen(right, wrong, 1);
        let errors = Costs::parse(&text, CALLS).expect_err(wrong);
        let told_of = errors.iter().find(|error| error.message.starts_with(told));
        let error = told_of.unwrap_or_else(|| panic!("{wrong}: {errors:?}"));
        let place = text.find(wrong).unwrap_or_default();
        let near = place.saturating_sub(120)..place + 120;
        assert!(near.contains(&error.span.start), "{wrong}: {:?}, not at {place}", error.span);
    }
}
