//! The most memory that a program takes, and its time on the CPU, as the kernel counts them.
//!
//! The kernel tells these of all children together, so a process of its own runs each: this very program, started
//! again with [`COMMAND`] in its environment. A kernel counts what a child had before it became the program, too;
//! that is the same few megabytes for all.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// The variable with the program and its arguments, separated by line ends.
pub const COMMAND: &str = "TRAPLINE_PEAK_OF";
/// How the answer begins.
const ANSWER: &str = "a child's KiB and microseconds: ";

/// In the process that was started for it: runs the program, tells what it took, and returns true.
pub fn told() -> bool {
    let Ok(command) = std::env::var(COMMAND) else { return false };
    let mut words = command.split('\n');
    let program = words.next().expect("a program");
    let status = Command::new(program).args(words).env_remove(COMMAND).stdout(Stdio::null()).status();
    assert!(status.expect("it can be started").success());
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("its usage");
    let time = usage.user_time() + usage.system_time();
    println!("\n{ANSWER}{} {}", usage.max_rss(), time.num_microseconds());
    true
}

/// The program's peak in KiB, and its time on the CPU. `again` are the arguments that lead this program to [`told`].
pub fn of(program: &str, arguments: &[&str], again: &[&str]) -> (u64, Duration) {
    let command = [&[program], arguments].concat().join("\n");
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(again)
        .env(COMMAND, command)
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program starts");
    let mut text = String::new();
    child.stdout.take().expect("a pipe").read_to_string(&mut text).expect("its output");
    assert!(child.wait().expect("its end").success(), "{text}");
    let answer = text.lines().find_map(|line| line.strip_prefix(ANSWER)).expect("an answer");
    let (peak, micros) = answer.split_once(' ').expect("two numbers");
    (peak.parse().expect("a number"), Duration::from_micros(micros.parse().expect("a number")))
}
