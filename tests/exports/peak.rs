//! The most memory that a program takes, as the kernel counts it.
//!
//! The kernel tells the peak of all children together, so a process of its own runs each: this very program, started
//! again with [`COMMAND`] in its environment. A kernel counts what a child had before it became the program, too;
//! that is the same few megabytes for all.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

/// The variable with the program and its arguments, separated by line ends.
pub const COMMAND: &str = "TRAPLINE_PEAK_OF";
/// How the answer begins.
const ANSWER: &str = "peak of a child, in KiB: ";

/// In the process that was started for it: runs the program, tells its peak, and returns true.
pub fn told() -> bool {
    let Ok(command) = std::env::var(COMMAND) else { return false };
    let mut words = command.split('\n');
    let program = words.next().expect("a program");
    let status = Command::new(program).args(words).env_remove(COMMAND).stdout(Stdio::null()).status();
    assert!(status.expect("it can be started").success());
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("its usage");
    println!("\n{ANSWER}{}", usage.max_rss());
    true
}

/// The program's peak in KiB, and how long it took. `again` are the arguments that lead this program to [`told`].
pub fn of(program: &str, arguments: &[&str], again: &[&str]) -> (u64, Duration) {
    let command = [&[program], arguments].concat().join("\n");
    let start = Instant::now();
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(again)
        .env(COMMAND, command)
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program starts");
    let mut text = String::new();
    child.stdout.take().expect("a pipe").read_to_string(&mut text).expect("its output");
    let took = start.elapsed();
    assert!(child.wait().expect("its end").success(), "{text}");
    let answer = text.lines().find_map(|line| line.strip_prefix(ANSWER)).expect("an answer");
    (answer.parse().expect("a number"), took)
}
