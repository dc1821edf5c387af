//! `trapline step` as its users meet it: as a script, and in a real terminal.

// What a test can't do without is unwrapped, outside of its own function as well.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[path = "common/tmux.rs"]
mod tmux;

use tmux::Tmux;

fn scenario(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name)
}

fn script(name: &str, script: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trapline"));
    command.arg("step").arg(scenario(name)).args(["--script", script]).output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_script_prints_the_state_after_each_command() {
    let shown = text(&script("boundary/interrupt-register.toml", "e c s p E g"));
    let states: Vec<&str> = shown.split("\n--- ").collect();
    assert_eq!(states.len(), 7, "{shown}");
    let state = |number: usize| states[number].split_once('\n').unwrap().1;
    // A step back undoes a step, and back from the second event is the first.
    assert_eq!(state(2), state(4));
    assert_eq!(state(1), state(5));
    assert!(states[6].starts_with("g  the run is over: finished"), "{}", states[6]);
    for title in ["CPUs", "Run queues", "Waiting", "Memory", "Due next", "Console", "Trace"] {
        assert!(state(0).lines().any(|line| line == title), "{title} in {}", state(0));
    }
}

#[test]
fn the_interrupt_register_is_shown_bit_by_bit() {
    // `middle` is masked; it is asserted at 12 us.
    let shown = text(&script("boundary/interrupt-register.toml", "b:time=13us g"));
    let last = shown.split("\n--- ").last().unwrap();
    let row = |name: &str| -> Vec<&str> {
        let line = last.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        line.trim_start()[name.len()..].split_whitespace().collect()
    };
    let ones = |name: &str| row(name).iter().filter(|&&bit| bit == "1").count();
    assert_eq!(row("vector").len(), row("pending").len());
    assert_eq!(ones("masked"), 1, "{last}");
    let masked = row("masked").iter().position(|&bit| bit == "1").unwrap();
    assert_eq!(row("pending")[masked], "1", "{last}");
    assert_eq!(row("in service")[masked], ".", "{last}");
}

#[test]
fn what_if_the_button_were_pressed_now() {
    let shown = text(&script("boundary/interrupt-register.toml", "e i:high c p*100000 u g"));
    let states: Vec<&str> = shown.split("\n--- ").collect();
    assert!(states[2].starts_with("i:high  what if: high raised at CPU 0"), "{}", states[2]);
    assert!(states[2].contains("WHAT IF: high"), "{}", states[2]);
    assert!(states[3].contains("is interrupted by high"), "{}", states[3]);
    assert!(states[4].contains("(1 what-if ahead)"), "{}", states[4]);
    // Without it the run ends as it always does.
    assert!(!states[6].contains("WHAT IF") && states[6].contains("81.1us"), "{}", states[6]);
}

#[test]
fn a_script_that_cant_be_read_is_wrong_usage_and_so_is_a_missing_terminal() {
    let output = script("boundary/first-look.toml", "s what");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no command `what`"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_trapline"));
    let output = command.arg("step").arg(scenario("boundary/first-look.toml")).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("needs a terminal"));
}

#[test]
fn the_stepper_works_in_a_real_terminal_and_leaves_it_as_it_was() {
    let program = env!("CARGO_BIN_EXE_trapline");
    let file = scenario("boundary/interrupt-register.toml");
    let shell = format!("{program} step {}; echo status=$?; stty -a; exec cat", file.display());
    let Some(tmux) = Tmux::new(100, 30, &shell) else { return };
    tmux.shows("interrupt-register  step 0 ");
    tmux.keys(&["s"]);
    tmux.shows("step 1 ");
    tmux.keys(&["p"]);
    tmux.shows("step 0 ");
    tmux.keys(&["i"]);
    tmux.shows("raise which line");
    tmux.keys(&["high", "Enter"]);
    tmux.shows("WHAT IF: high at step 0");
    tmux.keys(&["c"]);
    tmux.shows("interrupt handler of high");
    tmux.keys(&["b"]);
    tmux.shows("stop where");
    tmux.keys(&["nonsense", "Enter"]);
    tmux.shows("`nonsense` isn't KEY=VALUE");
    tmux.keys(&["g"]);
    tmux.shows("the run is over: finished");
    tmux.keys(&["?"]);
    tmux.shows("back one instruction");
    tmux.tell(&["resize-window", "-x", "50", "-y", "12"]);
    tmux.shows("This terminal has 50 columns");
    tmux.tell(&["resize-window", "-x", "100", "-y", "30"]);
    tmux.shows("back one instruction");
    tmux.keys(&["q"]);
    let screen = tmux.shows("status=0");
    let screen = if screen.contains("echoe") { screen } else { tmux.shows("echoe") };
    assert!(screen.contains(" icanon") && screen.contains(" echo "), "{screen}");
    assert_eq!(tmux.tell(&["display-message", "-p", "#{alternate_on}"]).trim(), "0");
}
