//! `trapline import`: recordings of real programs, in tests/import, become scenarios that do the same.
//!
//! The logs were made by the commands in docs/IMPORT.md; ping-pong.c and threads.c are what ran. Their calls can
//! be counted there by hand. rt-app.json was written for this test.

// What a test can't do without is unwrapped, outside of its own function as well.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use trapline::import::{CostOption, FORMATS, ImportError, Imported, Options, by_name, import};
use trapline::program::syscall::NAMES;
use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Outcome, Pace, Simulator};
use trapline::trace::Kind;
use trapline::trace::sink::Memory;

fn recorded(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import").join(name)).unwrap()
}

fn scenario(imported: &Imported) -> Scenario {
    match Scenario::parse("imported", &imported.toml, &Overrides::default()) {
        Ok(scenario) => scenario,
        Err(diagnostics) => panic!("{}\n{}", imported.toml, diagnostics.render(false)),
    }
}

/// What a simulated run did.
struct Run {
    /// Calls by name.
    calls: BTreeMap<&'static str, u64>,
    /// Bytes that were received, by object.
    received: BTreeMap<String, u64>,
    outcome: Outcome,
    nanos: u64,
}

fn run(imported: &Imported) -> Run {
    let scenario = scenario(imported);
    let mut simulator = Simulator::new(&scenario.image, Memory::new(), Pace::Fast);
    let outcome = simulator.run();
    let nanos = simulator.end().as_nanos();
    let (mut calls, mut received) = (BTreeMap::new(), BTreeMap::new());
    for event in &simulator.kernel.sink.events {
        match &event.kind {
            Kind::SysEnter { call } => *calls.entry(NAMES[usize::from(call.0)]).or_default() += 1,
            Kind::MessageReceive { object, bytes } => {
                let name = scenario.image.objects[object.index()].name.clone();
                *received.entry(name).or_default() += bytes;
            }
            _ => {}
        }
    }
    Run { calls, received, outcome, nanos }
}

fn imported(name: &str) -> Imported {
    import(&recorded(name), &Options::named("recorded")).unwrap()
}

/// Calls in the order of the alphabet, as `read 201, write 200`.
fn counts(run: &Run, names: &[&str]) -> String {
    let counts = names.iter().map(|name| format!("{name} {}", run.calls.get(name).copied().unwrap_or(0)));
    counts.collect::<Vec<_>>().join(", ")
}

/// ping-pong.c makes these, its start and its clock apart.
const PING_PONG: &str = "clock_nanosleep 1, close 5, exit_group 2, fork 1, read 201, wait4 1, write 200";

#[test]
fn a_program_that_was_recorded_makes_the_same_calls_simulated() {
    // strace to a file, strace to the terminal, and the kernel's trace points, which show no descriptors of pipes.
    for name in ["ping-pong.strace", "terminal.strace", "ping-pong.perf"] {
        let imported = imported(name);
        let run = run(&imported);
        assert_eq!(run.outcome, Outcome::Finished, "{name}");
        let all: u64 = run.calls.values().sum();
        let sleep = run.calls.keys().copied().find(|name| name.contains("nanosleep")).unwrap();
        let names = [sleep, "close", "exit_group", "fork", "read", "wait4", "write"];
        let counted = counts(&run, &names).replace(sleep, "clock_nanosleep");
        assert_eq!(counted, PING_PONG, "{name}\n{}", imported.toml);
        assert_eq!(all, 411, "{name}: {:?}", run.calls);
        let bytes: Vec<u64> = run.received.values().copied().collect();
        assert_eq!(bytes, [100, 6400], "{name}");
        assert_eq!(imported.size(), (2, 411), "{name}");
    }
}

#[test]
fn it_takes_as_long_as_recorded() {
    // The first and the last time stamp of each recording.
    let under_perf = 15_014_650_785_000 - 15_014_613_381_000_u64;
    let error = |name: &str, recorded: u64| {
        let simulated = run(&imported(name)).nanos;
        let error = (simulated as f64 - recorded as f64) / recorded as f64;
        println!("{name}: {recorded} ns recorded, {simulated} ns simulated, {:+.1}%", error * 100.0);
        error
    };
    assert!(error("ping-pong.perf", under_perf).abs() < 0.05);
}

#[test]
fn what_strace_took_can_be_taken_off() {
    let bytes = recorded("ping-pong.strace");
    let with = |cost| {
        let options = Options { cost, ..Options::named("recorded") };
        run(&import(&bytes, &options).unwrap()).nanos
    };
    let (all, less) = (with(CostOption::None), with(CostOption::Auto));
    // 100 rounds of 300 us and a sleep of 5 ms are the program's own; the rest is strace's.
    assert!((35_000_000..all).contains(&less), "{less} of {all}");
    assert!(with(CostOption::Fixed(20_000)) < all);
}

#[test]
fn loops_are_found_with_the_mean_of_the_compute_inside() {
    let toml = imported("ping-pong.strace").toml;
    assert_eq!(toml.matches("{ repeat = 100, do = [").count(), 2, "{toml}");
    assert!(toml.contains("# mean of 100, "), "{toml}");
}

#[test]
fn a_shell_pipeline_keeps_its_pipes_and_their_bytes() {
    for name in ["pipeline.strace", "pipeline.ftrace"] {
        let imported = imported(name);
        let run = run(&imported);
        assert_eq!(run.outcome, Outcome::Finished, "{name}");
        // `seq 1 20000 | wc -c`, and the same behind `grep 7`.
        assert_eq!((run.received["pipe"], run.received["pipe-2"]), (108_894, 37_538), "{name}");
        for program in ["seq", "grep", "wc"] {
            assert!(imported.toml.contains(&format!("[program.{program}]")), "{name}: {program}");
        }
    }
}

#[test]
fn threads_their_waits_and_signals_come_over() {
    let imported = imported("threads.strace");
    let run = run(&imported);
    assert_eq!(run.outcome, Outcome::Finished, "{}", imported.toml);
    for step in [
        "{ signal = \"SIGPIPE\", action = \"ignore\" }",
        "{ thread = \"threads-2\" }",
        "{ join = \"threads-2\" }",
        "{ fork = \"threads-3\", into = \"pid_threads_3\" }",
        "{ kill = \"pid_threads_3\", signal = \"SIGTERM\" }",
        "{ pause = true }",
        "{ wait = \"threads-3\" }",
        "{ sleep = \"1ms\" }",
        "{ sleep = \"2ms\" }",
        "{ exit = 3 }",
    ] {
        assert!(imported.toml.contains(step), "{step}\n{}", imported.toml);
    }
    // 20 sleeps of a millisecond and one of two.
    assert!(run.nanos > 22_000_000, "{}", run.nanos);
}

#[test]
fn a_workload_of_rt_app_becomes_processes() {
    let imported = imported("rt-app.json");
    let run = run(&imported);
    assert_eq!(run.outcome, Outcome::Finished, "{}", imported.toml);
    // Two periodic tasks sleep in each of 10 times 3 phases, the producer in each of 50.
    assert_eq!(run.calls.iter().find(|(name, _)| name.contains("nanosleep")).unwrap().1, &110);
    let lines = imported.report.lines().join("\n");
    for left in ["\"iorun\"", "\"calibration\"", "\"lock_pages\"", "condition", "barrier", "`timer`"] {
        assert!(lines.contains(left), "{left}:\n{lines}");
    }
    assert!(imported.toml.contains("# "), "the list is at the head of the scenario");
}

#[test]
fn nothing_is_dropped_silently() {
    for name in ["ping-pong.strace", "threads.strace", "pipeline.strace"] {
        let imported = imported(name);
        let text = String::from_utf8(recorded(name)).unwrap();
        // Each call's line or second half ends with what it returned; so do the ends of programs.
        let returned =
            text.lines().filter(|line| line.contains(") = ") || line.contains(")   ")).count() as u64;
        let carried = imported.size().1;
        let listed = imported.report.total();
        // A wake for several, or a close of a range, is more steps than calls.
        assert!(carried + listed >= returned, "{name}: {carried} + {listed} of {returned}");
        for line in imported.report.lines() {
            assert!(imported.toml.contains(&format!("# {line}\n")), "{name}: {line}");
        }
    }
}

#[test]
fn a_format_is_recognised_by_its_content() {
    let expected = [
        ("ping-pong.strace", "strace"),
        ("terminal.strace", "strace"),
        ("ping-pong.perf", "perf"),
        ("pipeline.ftrace", "ftrace"),
        ("rt-app.json", "rt-app"),
    ];
    for (name, format) in expected {
        assert_eq!(imported(name).format.name, format, "{name}");
    }
}

#[test]
fn what_is_no_recording_is_refused_with_the_line() {
    let error = |bytes: &[u8], format: Option<&str>| -> ImportError {
        let options = Options { format: format.map(|name| by_name(name).unwrap()), ..Options::named("x") };
        import(bytes, &options).unwrap_err()
    };
    assert_eq!(error(b"", None).to_string(), "it is empty");
    assert_eq!(error(b"\n\n  \n", None).to_string(), "it is empty");
    let foreign = error(b"\n<html>\n", None);
    assert_eq!(foreign.line, Some(2), "{foreign}");
    let binary: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    assert!(error(&binary, None).line.is_some());
    for format in FORMATS {
        let error = error(b"first\nsecond\n", Some(format.name));
        assert_eq!(error.line, Some(1), "{format:?}: {error}");
    }
    let cut = error(b"{ \"tasks\": {\n \"a\": { \"run\": 10,\n", None);
    assert_eq!(cut.line, Some(3), "{cut}");
    let other = error(b"{ \"a\": 1 }", None).to_string();
    assert!(other.contains("\"tasks\""), "{other}");
}

#[test]
fn a_recording_that_was_cut_is_read_as_far_as_it_goes() {
    for name in ["ping-pong.strace", "pipeline.strace", "threads.strace", "ping-pong.perf", "pipeline.ftrace"]
    {
        let whole = recorded(name);
        for part in 1..20 {
            let cut = &whole[..whole.len() * part / 20];
            let imported = import(cut, &Options::named("cut")).unwrap();
            scenario(&imported);
        }
    }
    let mut mixed = recorded("ping-pong.strace");
    mixed.extend(b"what is this?\n");
    let report = import(&mixed, &Options::named("mixed")).unwrap().report.lines().join("\n");
    assert!(report.contains("line 713 couldn't be read and is left out: \"what is this?\""), "{report}");
}

#[test]
fn a_writer_that_a_broken_pipe_ended_writes_on_until_it_breaks() {
    let log = "\
7 1700000001.000000 execve(\"/bin/sh\", [\"sh\"], 0x7ff) = 0 <0.000100>
7 1700000001.001000 pipe2([3, 4], 0) = 0 <0.000010>
7 1700000001.002000 fork() = 8 <0.000100>
8 1700000001.003000 close(3) = 0 <0.000010>
8 1700000001.003100 write(4, \"y\\n\"..., 8192) = 8192 <0.000010>
7 1700000001.004000 close(4) = 0 <0.000010>
7 1700000001.004100 read(3, \"y\\n\"..., 100) = 100 <0.000010>
7 1700000001.004200 close(3) = 0 <0.000010>
8 1700000001.004300 write(4, \"y\\n\"..., 8192) = -1 EPIPE (Broken pipe) <0.000010>
8 1700000001.004400 --- SIGPIPE {si_signo=SIGPIPE} ---
8 1700000001.004500 +++ killed by SIGPIPE +++
7 1700000001.004600 wait4(-1, [{WIFSIGNALED(s) && WTERMSIG(s) == SIGPIPE}], 0, NULL) = 8 <0.000010>
7 1700000001.004700 exit_group(0) = ?
7 1700000001.004800 +++ exited with 0 +++
";
    let imported = import(log.as_bytes(), &Options::named("yes")).unwrap();
    assert!(imported.toml.contains("{ forever = true, do = [\n"), "{}", imported.toml);
    let run = run(&imported);
    assert_eq!(run.outcome, Outcome::Finished);
    assert_eq!(run.calls["wait4"], 1);
}

#[test]
fn compute_is_the_time_between_calls_to_the_microsecond() {
    let log = "\
1700000001.000000 getpid() = 7 <0.000010>
1700000001.000110 getpid() = 7 <0.000010>
1700000001.000125 brk(NULL) = 0x1000 <0.000005>
1700000001.000200 getppid() = 6 <0.000010>
1700000001.000215 exit_group(4) = ?
";
    let toml = import(log.as_bytes(), &Options::named("gaps")).unwrap().toml;
    let steps = "\
steps = [
  { getpid = true },
  { compute = \"100us\" },
  { getpid = true },
  { compute = \"80us\" },
  { getppid = true },
  { compute = \"5us\" },
  { exit = 4 },
]
";
    assert!(toml.contains(steps), "{toml}");
}

#[test]
fn what_comes_at_the_same_time_stays_in_its_order() {
    // The pipe is complete when the fork begins, by the clock's resolution.
    let log = "\
7 1700000001.000000 pipe2([3, 4], 0) = 0 <0.000010>
7 1700000001.000000 fork() = 8 <0.000010>
7 1700000001.000100 write(4, \"hello\", 5) = 5 <0.000010>
8 1700000001.000200 read(3, \"hello\", 100) = 5 <0.000010>
";
    let imported = import(log.as_bytes(), &Options::named("order")).unwrap();
    assert!(imported.toml.contains("{ read = \"pipe\", bytes = \"5B\", all = true }"), "{}", imported.toml);
    assert_eq!(run(&imported).outcome, Outcome::Finished);
}

/// Runs the program with a recording on its standard input.
fn trapline(arguments: &[&str], input: &[u8]) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_trapline"))
        .arg("import")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // Who refuses a recording may not read all of it.
    let writer = std::thread::spawn(move || stdin.write_all(&input).is_ok());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_command_line_reads_standard_input_and_lists_on_standard_error() {
    let log = recorded("threads.strace");
    let (code, toml, notes) = trapline(&["-", "--name", "threads", "--cpus", "4"], &log);
    assert_eq!(code, 0, "{notes}");
    assert!(toml.contains("name = \"threads\"\n") && toml.contains("cpus = 4\n"), "{toml}");
    for line in imported("threads.strace").report.lines().iter().filter(|line| !line.contains("--cpus")) {
        assert!(notes.contains(line), "{line}\n{notes}");
    }
    assert!(notes.starts_with("Read as strace: 3 programs with "), "{notes}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made.toml");
    let (code, toml, _) = trapline(&["-", "-o", path.to_str().unwrap()], &log);
    assert_eq!((code, toml.as_str()), (0, ""));
    assert!(fs::read_to_string(path).unwrap().contains("[program.threads-2]"));
}

#[test]
fn the_command_line_says_why_not() {
    let (code, toml, error) = trapline(&["-"], b"first\nsecond\n");
    assert_eq!((code, toml.as_str()), (2, ""));
    assert!(
        error.contains("can't import standard input: line 1: ") && error.contains("\"first\""),
        "{error}"
    );
    let (code, _, error) = trapline(&["nowhere.strace"], b"");
    assert_eq!(code, 2);
    assert!(error.contains("can't read nowhere.strace"), "{error}");
    let (code, _, error) = trapline(&["-", "--tracer-cost", "5"], b"");
    assert_eq!(code, 2);
    assert!(error.contains("none, or auto"), "{error}");
}

#[test]
fn time_without_a_cpu_is_no_compute() {
    let log = "\
     a-7 [000] ..... 1.000000: sys_enter: NR 39 (0, 0, 0, 0, 0, 0)
     a-7 [000] ..... 1.000001: sys_exit: NR 39 = 7
     a-7 [000] d.... 1.000101: sched_switch: prev_comm=a prev_pid=7 prev_prio=120 prev_state=R ==> next_comm=b next_pid=9 next_prio=120
     b-9 [000] d.... 1.004000: sched_switch: prev_comm=b prev_pid=9 prev_prio=120 prev_state=S ==> next_comm=a next_pid=7 next_prio=120
     a-7 [000] ..... 1.004050: sys_enter: NR 110 (0, 0, 0, 0, 0, 0)
     a-7 [000] ..... 1.004051: sys_exit: NR 110 = 1
     a-7 [000] ..... 1.004052: sys_enter: NR 231 (0, 0, 0, 0, 0, 0)
     a-7 [000] ..... 1.004060: sched_process_exit: comm=a pid=7 prio=120
";
    let imported = import(log.as_bytes(), &Options::named("switches")).unwrap();
    assert!(
        imported.toml.contains("  { compute = \"150us\" },\n  { getppid = true },\n"),
        "{}",
        imported.toml
    );
    assert!(imported.toml.contains("cpus = 1\n"));
}

#[test]
fn switches_alone_show_who_computed_and_who_slept() {
    let log = "\
 a  7 [001] 1.000000: sched:sched_switch: prev_comm=swapper/1 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=a next_pid=7 next_prio=120
 a  7 [001] 1.002000: sched:sched_switch: prev_comm=a prev_pid=7 prev_prio=120 prev_state=S ==> next_comm=swapper/1 next_pid=0 next_prio=120
 c  8 [000] 1.005000: sched:sched_waking: comm=a pid=7 prio=120 target_cpu=001
 a  7 [001] 1.005100: sched:sched_switch: prev_comm=swapper/1 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=a next_pid=7 next_prio=120
 a  7 [001] 1.006100: sched:sched_switch: prev_comm=a prev_pid=7 prev_prio=120 prev_state=S ==> next_comm=swapper/1 next_pid=0 next_prio=120
";
    let toml = import(log.as_bytes(), &Options::named("switches")).unwrap().toml;
    assert!(
        toml.contains("  { compute = \"2ms\" },\n  { sleep = \"3ms\" },\n  { compute = \"1ms\" },\n"),
        "{toml}"
    );
    assert!(toml.contains("cpus = 2\n"));
}

/// A line of a log that may never have been.
fn line() -> impl Strategy<Value = String> {
    let call = prop_oneof![
        Just("pipe2([3, 4], 0) = 0"),
        Just("pipe([5, 6]) = 0"),
        Just("read(3, \"x\", 10) = 10"),
        Just("read(3, \"\", 10) = 0"),
        Just("read(3, \"x\", 1) = 1"),
        Just("read(0, \"x\", 10) = 9223372036854775807"),
        Just("write(4, \"x\", 10) = 10"),
        Just("write(4, \"x\", 100000) = 100000"),
        Just("write(4, \"x\", 10) = -1 EPIPE (Broken pipe)"),
        Just("write(1, \"x\", 10) = 10"),
        Just("sendfile(4, 3, NULL, 99) = 70"),
        Just("splice(3, NULL, 4, NULL, 99, 0) = 33"),
        Just("dup2(4, 1) = 1"),
        Just("dup2(1, 4) = 4"),
        Just("fcntl(4, F_DUPFD_CLOEXEC, 10) = 10"),
        Just("fcntl(4, F_SETPIPE_SZ, 1) = -5"),
        Just("close(3) = 0"),
        Just("close(4) = 0"),
        Just("close_range(3, 4294967295, 0) = 0"),
        Just("close_range(9, 2, CLOSE_RANGE_CLOEXEC) = 0"),
        Just("openat(AT_FDCWD, \"/tmp/ü\\n\", O_RDONLY|O_CLOEXEC) = 3"),
        Just("fsync(3) = 0"),
        Just("socketpair(AF_UNIX, SOCK_STREAM, 0, [3, 4]) = 0"),
        Just("socket(AF_INET, SOCK_STREAM, 0) = 3"),
        Just("socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0) = 4"),
        Just("bind(3, {sa_family=AF_INET, sin_port=htons(0)}, 16) = 0"),
        Just("getsockname(3, {sa_family=AF_INET, sin_port=htons(80)}, [16]) = 0"),
        Just("bind(4, {sa_family=AF_UNIX, sun_path=\"/x\"}, 16) = 0"),
        Just("listen(3, -1) = 0"),
        Just("listen(4, 5) = 0"),
        Just("connect(3, {sa_family=AF_INET, sin_port=htons(80)}, 16) = 0"),
        Just("connect(4, {sa_family=AF_UNIX, sun_path=\"/x\"}, 16) = -1 EINPROGRESS (x)"),
        Just("accept4(3, NULL, NULL, 0) = 4"),
        Just("accept(4, NULL, NULL) = 3"),
        Just("shutdown(3, SHUT_RDWR) = 0"),
        Just("sendto(4, \"x\", 5, 0, NULL, 0) = 5"),
        Just("recvfrom(3, \"x\", 5, 0, NULL, NULL) = 5"),
        Just("recvfrom(3, \"\", 5, 0, NULL, NULL) = 0"),
        Just("eventfd2(1, 0) = 3"),
        Just("write(3, \"\\1\\0\\0\\0\\0\\0\\0\\0\", 8) = 8"),
        Just("read(3, \"\\1\\0\\0\\0\\0\\0\\0\\0\", 8) = 8"),
        Just("epoll_create1(0) = 4"),
        Just("epoll_ctl(4, EPOLL_CTL_ADD, 3, {}) = 0"),
        Just("epoll_wait(4, [], 1, -1) = 1"),
        Just("mq_open(\"pipe\", O_RDWR|O_CREAT, 0600, {mq_maxmsg=4, mq_msgsize=9}) = 3"),
        Just("mq_timedsend(3, \"x\", 3, 0, NULL) = 0"),
        Just("mq_timedreceive(3, \"x\", 9, [0], NULL) = 3"),
        Just("msgget(1, IPC_CREAT) = 0"),
        Just("msgsnd(0, {mtype=-1, mtext=\"x\"}, 1, 0) = 0"),
        Just("msgrcv(0, 0x1, 9, -9223372036854775808, 0) = 1"),
        Just("semget(1, 2, IPC_CREAT) = 0"),
        Just("semctl(0, 1, SETVAL, {val=3}) = 0"),
        Just("semop(0, [{1, -1, SEM_UNDO}], 1) = 0"),
        Just("semctl(0, 0, IPC_RMID) = 0"),
        Just("mknod(\"/f\", S_IFIFO|0600) = 0"),
        Just("openat(AT_FDCWD, \"/f\", O_WRONLY) = 4"),
        Just("fork() = 2"),
        Just("vfork() = 3"),
        Just("clone(child_stack=NULL, flags=CLONE_THREAD) = 4"),
        Just("clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>"),
        Just("<... clone resumed>) = 5"),
        Just("read(3,  <unfinished ...>"),
        Just("<... read resumed>\"x\", 3) = 3"),
        Just("execve(\"/bin/any\", [\"x\"], NULL) = 0"),
        Just("execve(\"\", [\"x\"], NULL) = -1 ENOENT (No)"),
        Just("wait4(-1, NULL, 0, NULL) = 2"),
        Just("waitid(P_PID, 3, {si_pid=3}, WEXITED, NULL) = 0"),
        Just("kill(2, SIGTERM) = 0"),
        Just("kill(1, SIGKILL) = 0"),
        Just("kill(3, SIGCHLD) = 0"),
        Just("tgkill(1, 4, SIGRT_1) = 0"),
        Just("rt_sigaction(SIGTERM, {sa_handler=0x1}, NULL, 8) = 0"),
        Just("rt_sigaction(SIGPIPE, {sa_handler=SIG_IGN}, NULL, 8) = 0"),
        Just("rt_sigaction(SIGKILL, {sa_handler=SIG_DFL}, NULL, 8) = 0"),
        Just("futex(0x10, FUTEX_WAIT_PRIVATE, 2, NULL) = 0"),
        Just("futex(0x10, FUTEX_WAIT, 4, NULL) = 0"),
        Just("futex(0x10, FUTEX_WAKE, 1) = 1"),
        Just("futex(0x10, FUTEX_WAKE_PRIVATE, 2147483647) = 2147483647"),
        Just("nanosleep({tv_sec=1, tv_nsec=5}, NULL) = 0"),
        Just("nanosleep({tv_sec=9999999999, tv_nsec=5}, NULL) = 0"),
        Just("clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, {tv_sec=1}, NULL) = -1 EINTR (x)"),
        Just("poll([{fd=3, events=POLLIN}], 1, -1) = 1"),
        Just("select(4, [3], NULL, NULL, NULL) = 0"),
        Just("epoll_wait(5, [], 1, -1) = 0"),
        Just("sched_yield() = 0"),
        Just("getpid() = 1"),
        Just("mmap(NULL, 4096) = 0x7fffffffffff"),
        Just("exit_group(-1) = ?"),
        Just("exit(0) = ?"),
        Just("+++ exited with 256 +++"),
        Just("+++ killed by SIGKILL +++"),
        Just("+++ killed by SIGPIPE (core dumped) +++"),
        Just("--- SIGCHLD {} ---"),
        Just("restart_syscall(<... resuming interrupted read ...>) = 1"),
    ];
    let took = prop_oneof![
        Just(String::new()),
        (0..3_000_000u64).prop_map(|us| format!(" <{}.{:06}>", us / 1_000_000, us % 1_000_000))
    ];
    (1..6u32, 0..5_000_000u64, call, took).prop_map(|(task, at, call, took)| {
        format!("{task} {}.{:06} {call}{took}\n", 1_700_000_000 + at / 1_000_000, at % 1_000_000)
    })
}

/// A recording of which lines are missing, come twice, or are in another order.
fn mangled() -> impl Strategy<Value = Vec<u8>> {
    let names = [
        "ping-pong.strace",
        "threads.strace",
        "pipeline.strace",
        "terminal.strace",
        "ping-pong.perf",
        "pipeline.ftrace",
        "rt-app.json",
    ];
    (
        prop::sample::select(names.to_vec()),
        prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..4u8), 0..40),
    )
        .prop_map(|(name, changes)| {
            let text = String::from_utf8(recorded(name)).unwrap();
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            for (at, to, change) in changes {
                let (at, to) = (at.index(lines.len()), to.index(lines.len()));
                match change {
                    0 => lines.swap(at, to),
                    1 => lines[at] = lines[to].clone(),
                    2 => lines[at] = lines[at].chars().take(to % 60).collect(),
                    _ => lines[at] = lines[at].replace(char::is_numeric, "9"),
                }
            }
            lines.join("\n").into_bytes()
        })
}

/// Either there is a scenario that is valid, or the reason why not is told.
fn must_be_valid(bytes: &[u8], options: &Options) {
    match import(bytes, options) {
        Ok(imported) => {
            scenario(&imported);
        }
        Err(error) => assert!(error.to_string().len() > 5, "{error}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_at_all_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000), format in 0..FORMATS.len()) {
        must_be_valid(&bytes, &Options::named("bytes"));
        must_be_valid(&bytes, &Options { format: Some(&FORMATS[format]), ..Options::named("bytes") });
    }

    #[test]
    fn whatever_a_log_says_the_scenario_is_valid(lines in prop::collection::vec(line(), 1..60)) {
        must_be_valid(lines.concat().as_bytes(), &Options::named("log"));
    }

    #[test]
    fn a_mangled_recording_makes_a_valid_scenario(bytes in mangled(), auto: bool) {
        let cost = if auto { CostOption::Auto } else { CostOption::None };
        must_be_valid(&bytes, &Options { cost, ..Options::named("mangled") });
    }
}
