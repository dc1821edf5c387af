//! The command line as its users meet it: exit statuses, streams, files, and what bad input leads to.

// What a test can't do without is unwrapped, outside of its own function as well.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longer than any command here takes, on a loaded machine as well.
const PATIENCE: Duration = Duration::from_secs(120);

/// A folder to work in, and the program to run there.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Bench {
        Bench { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> &Bench {
        fs::write(self.path(name), content).unwrap();
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trapline"));
        command.args(arguments).current_dir(self.folder.path()).env_remove("NO_COLOR");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        finish(self.command(arguments).spawn().unwrap())
    }

    /// Everything in the folder, at any depth.
    fn files(&self) -> Vec<String> {
        fn collect(folder: &Path, root: &Path, found: &mut Vec<String>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => collect(&path, root, found),
                    false => found.push(path.strip_prefix(root).unwrap().display().to_string()),
                }
            }
        }
        let mut found = Vec::new();
        collect(self.folder.path(), self.folder.path(), &mut found);
        found.sort();
        found
    }
}

/// How a command ended.
#[derive(Debug)]
struct Ended {
    status: Option<i32>,
    out: String,
    err: String,
}

/// Waits for a command, but not for ever.
fn finish(mut child: Child) -> Ended {
    let began = Instant::now();
    let (out, err) = (drain(child.stdout.take()), drain(child.stderr.take()));
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if began.elapsed() > PATIENCE => {
                child.kill().unwrap();
                panic!("the command doesn't end");
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    Ended { status: status.code(), out: out.join().unwrap(), err: err.join().unwrap() }
}

fn drain(stream: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            stream.read_to_end(&mut bytes).unwrap();
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

impl Ended {
    #[track_caller]
    fn exits(&self, status: i32) -> &Ended {
        assert_eq!(self.status, Some(status), "{self:#?}");
        self
    }

    #[track_caller]
    fn says(&self, text: &str) -> &Ended {
        assert!(self.err.contains(text), "standard error lacks {text:?}: {self:#?}");
        self
    }

    #[track_caller]
    fn prints(&self, text: &str) -> &Ended {
        assert!(self.out.contains(text), "standard output lacks {text:?}: {self:#?}");
        self
    }

    #[track_caller]
    fn prints_nothing(&self) -> &Ended {
        assert!(self.out.is_empty(), "{self:#?}");
        self
    }
}

const HELLO: &str = r#"
format = 1
name = "hello"
[machine]
costs = "textbook"
[process.greeter]
steps = [ { compute = "10us" }, { print = "hello" } ]
[expect]
output = ["hello"]
exit = { greeter = 0 }
count = { print = 1 }
"#;

const DEADLOCK: &str = r#"
format = 1
name = "stuck"
[machine]
costs = "textbook"
[kernel]
scheduler = { policy = "round-robin", quantum = "1ms" }
[mutex.left]
[mutex.right]
[process.ann]
steps = [ { lock = "left" }, { compute = "2ms" }, { lock = "right" } ]
[process.bob]
steps = [ { lock = "right" }, { compute = "2ms" }, { lock = "left" } ]
[expect]
deadlocked = ["ann", "bob"]
"#;

/// Runs until somebody stops it, with many events.
const ENDLESS: &str = r#"
format = 1
name = "endless"
[run]
until = "60min"
[pipe.p]
[process.a]
steps = [ { fork = "b" }, { forever = true, do = [ { write = "p", bytes = "1B" } ] } ]
[program.b]
steps = [ { forever = true, do = [ { read = "p", bytes = "1B" } ] } ]
"#;

fn scenario(steps: &str) -> String {
    format!("format = 1\n[process.a]\nsteps = [ {steps} ]\n")
}

#[test]
fn a_run_prints_its_summary_and_writes_trace_numbers_and_picture() {
    let bench = Bench::new();
    let ended = bench.file("hello.toml", HELLO).run(&["run", "hello.toml"]);
    ended.exits(0).prints("hello").prints("greeter").says("output/hello");
    let results = ["report.html", "summary.json", "timeline.svg", "trace.bin"]
        .map(|name| format!("output/hello/{name}"));
    assert_eq!(bench.files(), [&["hello.toml".to_owned()][..], &results].concat());
    let numbers = fs::read_to_string(bench.path("output/hello/summary.json")).unwrap();
    let numbers: serde_json::Value = serde_json::from_str(&numbers).unwrap();
    assert_eq!(numbers["outcome"]["how"], "finished");
    assert_eq!(numbers["prints"][0]["text"], "hello");
}

#[test]
fn a_run_goes_where_it_is_told_to() {
    let bench = Bench::new();
    bench.file("hello.toml", HELLO);
    bench.run(&["run", "hello.toml", "-o", "there/deep", "--quiet"]).exits(0).prints_nothing();
    assert!(bench.path("there/deep/trace.bin").is_file());
    bench.run(&["run", "hello.toml", "--no-files", "--format", "json"]).exits(0).prints("\"outcome\"");
    assert!(!bench.path("output").exists());
    bench.run(&["run", "hello.toml", "-o", "hello.toml"]).exits(2).says("is a file").prints_nothing();
}

#[test]
fn a_scenarios_name_doesnt_lead_out_of_the_output_folder() {
    let bench = Bench::new();
    let sly = HELLO.replace("name = \"hello\"", "name = \"../../sly\"");
    bench.file("sly.toml", sly).run(&["run", "sly.toml"]).exits(0);
    assert!(bench.files().iter().any(|path| path.starts_with("output/") && path.ends_with("trace.bin")));
}

#[test]
fn both_paces_write_the_same_trace() {
    let bench = Bench::new();
    bench.file("stuck.toml", DEADLOCK);
    bench.run(&["run", "stuck.toml", "--pace", "fast", "-o", "fast"]).exits(4);
    bench.run(&["run", "stuck.toml", "--pace", "step", "-o", "step"]).exits(4);
    let trace = |pace: &str| fs::read(bench.path(pace).join("trace.bin")).unwrap();
    assert!(trace("fast") == trace("step"));
}

#[test]
fn options_override_the_scenario_and_their_mistakes_are_shown() {
    let bench = Bench::new();
    bench.file("hello.toml", HELLO);
    let run = |more: &[&str]| bench.run(&[&["run", "hello.toml", "--no-files"], more].concat());
    run(&["--until", "5us"]).exits(0).says("5us");
    run(&["--seed", "7", "--format", "json"]).exits(0).prints("\"seed\": 7");
    run(&["--set", "machine.cpus=2", "--format", "json"]).exits(0).prints("\"cpu\": 1");
    run(&["--until", "5"]).exits(3).says("--until 5").says("unit").prints_nothing();
    run(&["--until", "-5us"]).exits(3).says("negative").prints_nothing();
    run(&["--set", "machine.cpu=2"]).exits(3).says("--set machine.cpu=2").says("cpus");
    run(&["--set", "nonsense"]).exits(2).says("KEY=VALUE");
    run(&["--seed", "x"]).exits(2);
}

#[test]
fn a_deadlock_is_reported_with_its_circle_and_lines_and_its_trace_is_kept() {
    let bench = Bench::new();
    let ended = bench.file("stuck.toml", DEADLOCK).run(&["run", "stuck.toml"]);
    ended.exits(4).says("deadlock").says("ann").says("bob").says("line 11").prints("Processes");
    assert!(bench.path("output/stuck/timeline.svg").is_file());
    let text = fs::read_to_string(bench.path("output/stuck/summary.json")).unwrap();
    let numbers: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(numbers["outcome"]["how"], "deadlock");
}

#[test]
fn a_failed_assertion_ends_the_run_with_4() {
    let bench = Bench::new();
    bench.file("a.toml", scenario(r#"{ set = "x", to = 1 }, { assert = "x == 2" }"#));
    bench.run(&["run", "a.toml"]).exits(4).says("assert").says("x == 2");
}

#[test]
fn check_says_what_there_is_or_all_that_is_wrong() {
    let bench = Bench::new();
    bench.file("good.toml", HELLO).file("bad.toml", scenario(r#"{ comput = "1us" }, { sleep = 5 }"#));
    bench.run(&["check", "good.toml"]).exits(0).prints("ok: hello: 1 process, 1 program, 2 steps");
    let ended = bench.run(&["check", "bad.toml", "good.toml"]);
    ended.exits(3).says("comput").says("did you mean `compute`?").says("unit").says("bad.toml:3");
    ended.prints("ok: hello");
}

#[test]
fn standard_input_is_a_scenario_too() {
    let bench = Bench::new();
    let mut child = bench.command(&["check", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(HELLO.as_bytes()).unwrap();
    finish(child).exits(0).prints("ok: hello");
}

#[test]
fn test_judges_what_is_expected() {
    let bench = Bench::new();
    fs::create_dir_all(bench.path("all/sub")).unwrap();
    bench.file("all/sub/good.toml", HELLO).file("all/stuck.toml", DEADLOCK);
    bench.run(&["test", "all"]).exits(0).prints("sub/good").prints("2 passed");

    bench.file("all/plain.toml", scenario(r#"{ compute = "1us" }"#));
    bench.run(&["test", "all"]).exits(0).prints("SKIP").prints("1 skipped");

    let wrong = HELLO.replace("[\"hello\"]", "[\"bye\"]").replace("greeter = 0", "greeter = 3");
    bench.file("wrong.toml", format!("{wrong}end = {{ max = \"1us\" }}\noutcome = \"deadlock\"\n"));
    let ended = bench.run(&["test", "wrong.toml"]);
    ended.exits(1).prints("FAIL").prints("expected  \"bye\"").prints("actual    \"hello\"");
    ended.prints("exit of greeter").prints("at most 1us").prints("expected  deadlock").prints("1 failed");

    bench.file("all/broken.toml", "format = ");
    bench.run(&["test", "all"]).exits(1).prints("FAIL  broken").says("broken.toml");
    fs::create_dir(bench.path("empty")).unwrap();
    bench.run(&["test", "empty"]).exits(2).says("no scenario");
}

#[test]
fn a_scenario_that_ends_badly_fails_unless_it_says_so() {
    let bench = Bench::new();
    let silent = DEADLOCK.replace("deadlocked = [\"ann\", \"bob\"]", "count = { print = 0 }");
    bench.file("silent.toml", silent).run(&["test", "silent.toml"]).exits(1).prints("deadlock");
    let wrong = DEADLOCK.replace("[\"ann\", \"bob\"]", "[\"ann\"]");
    bench.file("wrong.toml", wrong).run(&["test", "wrong.toml"]).exits(1).prints("ann, bob");
}

#[test]
fn every_template_is_a_scenario_that_keeps_its_promises() {
    let bench = Bench::new();
    for template in ["ping-pong", "race", "deadlock", "interrupts", "disk"] {
        let file = format!("{template}.toml");
        bench.run(&["new", &file, "--template", template]).exits(0).says(&file);
    }
    bench.run(&["test", "."]).exits(0).prints("5 passed");
    bench.run(&["new", "race.toml"]).exits(2).says("exists already");
    bench.run(&["new", "-"]).exits(0).prints("format = 1");
}

#[test]
fn two_traces_are_drawn_over_one_axis() {
    let bench = Bench::new();
    bench.file("hello.toml", HELLO).run(&["run", "hello.toml", "-o", "r", "-q"]).exits(0);
    bench.run(&["run", "hello.toml", "-o", "s", "-q"]).exits(0);
    let both = bench.run(&["plot", "r", "--against", "s", "-o", "-"]);
    both.exits(0).prints("\nr\n").prints("\ns\n");
    bench.run(&["plot", "r", "--against", "s", "--kind", "latency", "-o", "b.png"]).exits(0);
    assert!(fs::read(bench.path("b.png")).unwrap().starts_with(b"\x89PNG"));
    let refused = bench.run(&["plot", "r", "--against", "s", "--kind", "gantt"]);
    refused.exits(2).says("timeline and latency can show two");
    bench.run(&["plot", "r", "--against", "nowhere"]).exits(2).says("nowhere");
}

#[test]
fn what_a_damaged_trace_holds_is_drawn_and_the_damage_told() {
    let bench = Bench::new();
    bench.file("hello.toml", HELLO).run(&["run", "hello.toml", "-o", "r", "-q"]).exits(0);
    let whole = fs::read(bench.path("r/trace.bin")).unwrap();
    for kind in ["timeline", "pages", "forks", "waits"] {
        fs::write(bench.path("cut.bin"), &whole[..whole.len() - 3]).unwrap();
        let cut = bench.run(&["plot", "cut.bin", "--kind", kind, "-o", "cut.svg"]);
        cut.exits(2).says("cut off").says("the picture shows what comes before");
        assert!(fs::read_to_string(bench.path("cut.svg")).unwrap().trim_end().ends_with("</svg>"));
    }
    let mut future = whole.clone();
    future[8] = 200;
    for (name, bytes, words) in [
        ("future.bin", &future[..], "use a newer Trapline"),
        ("foreign.bin", b"<svg>", "isn't a Trapline trace"),
    ] {
        fs::write(bench.path(name), bytes).unwrap();
        bench.run(&["plot", name, "-o", "none.svg"]).exits(2).says(words);
        assert!(!bench.path("none.svg").exists());
    }
}

#[test]
fn traces_are_summarised_drawn_and_exported() {
    let bench = Bench::new();
    bench.file("hello.toml", HELLO).run(&["run", "hello.toml", "-o", "r", "-q"]).exits(0);
    bench.run(&["summary", "r"]).exits(0).prints("greeter");
    bench.run(&["summary", "r/trace.bin", "--format", "json"]).exits(0).prints("\"crossings\"");
    bench.run(&["plot", "r", "-o", "a.svg", "--theme", "dark", "--messages"]).exits(0);
    assert!(fs::read_to_string(bench.path("a.svg")).unwrap().starts_with("<svg"));
    bench.run(&["plot", "r", "-o", "a.png", "--from", "1us", "--to", "5us", "--width", "500"]).exits(0);
    assert!(fs::read(bench.path("a.png")).unwrap().starts_with(b"\x89PNG"));
    bench.run(&["plot", "r", "-o", "-"]).exits(0).prints("<svg");
    bench.run(&["plot", "r", "-o", "a.gif"]).exits(2).says(".svg");
    bench.run(&["plot", "r", "--from", "2us", "--to", "1us"]).exits(2).says("--from");
    bench.run(&["plot", "r", "--width", "3"]).exits(2).says("pixels");
    bench.run(&["plot", "r", "--from", "10s"]).exits(2).says("--from is 10s").says("begins at 0 and ends at");
    bench.run(&["plot", "r", "-o", "-", "--title", "My <title>"]).exits(0).prints("My &lt;title&gt;");
    bench.run(&["export", "r"]).exits(0).prints("\"kind\":\"print\"");
    bench.run(&["export", "r", "--format", "csv"]).exits(0).prints("print");
    bench.run(&["export", "r", "-o", "a.csv"]).exits(0).prints_nothing();
    assert!(fs::read_to_string(bench.path("a.csv")).unwrap().contains("print"));
    bench.run(&["export", "r", "-o", "a.xml"]).exits(2).says(".csv");
    bench.run(&["export", "r", "-o", "r"]).exits(2);
}

#[test]
fn a_timeline_is_drawn_in_the_terminal_after_a_run_or_during_it() {
    let bench = Bench::new();
    let live = bench.file("hello.toml", HELLO).run(&["run", "hello.toml", "-o", "r", "--live"]);
    live.exits(0).prints("greeter").says("CPU 0").says("events,").says("█ user mode");
    let plotted = bench.run(&["plot", "r", "--terminal"]);
    plotted.exits(0).prints("CPU 0").prints("greeter").prints("█ user mode");
    // What was shown at the end of the run is what its trace shows.
    let lines = plotted.out.lines().filter(|line| line.trim_start().starts_with("greeter"));
    for line in lines {
        live.says(line);
    }
    bench.run(&["plot", "r", "--terminal", "--tasks", "greter"]).exits(2).says("did you mean `greeter`");
    bench.run(&["plot", "r", "--terminal", "--cpus", "9"]).exits(2).says("no CPU 9");
    bench.run(&["plot", "r", "--terminal", "--from", "60s"]).exits(2).says("ends at");
    bench.run(&["plot", "r", "--terminal", "--kind", "gantt"]).exits(2).says("timeline only");
    bench.run(&["plot", "r", "--terminal", "-o", "x.svg"]).exits(2);
    bench.run(&["--color", "always", "plot", "r", "--terminal"]).exits(0).prints("\u{1b}[38;2;");
}

#[test]
fn a_report_is_one_page_of_one_trace_or_two() {
    let bench = Bench::new();
    bench.file("hello.toml", HELLO).run(&["run", "hello.toml", "-o", "r", "-q"]).exits(0);
    bench.run(&["report", "r"]).exits(0).says("r/report.html").prints_nothing();
    let page = fs::read_to_string(bench.path("r/report.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    bench.run(&["report", "r", "--against", "r/trace.bin", "-o", "two.html"]).exits(0);
    let two = fs::read_to_string(bench.path("two.html")).unwrap();
    assert!(two.contains("id=\"1-at\"") && !page.contains("id=\"1-at\""));
    bench.run(&["report", "r", "-o", "-"]).exits(0).prints("</html>");
    bench.run(&["report", "r", "--from", "2us", "--to", "1us"]).exits(2).says("--from");
    bench.run(&["report", "r", "--from", "60s"]).exits(2).says("which ends at");
    bench.run(&["report", "r", "--most-events", "0"]).exits(2).says("--most-events");
    bench.run(&["report", "absent"]).exits(2);
    bench.run(&["report", "hello.toml"]).exits(2).says("isn't a Trapline trace");
}

#[test]
fn a_trace_that_cant_be_used_is_refused_or_shown_as_far_as_it_goes() {
    let bench = Bench::new();
    bench.file("hello.toml", HELLO).run(&["run", "hello.toml", "-o", "r", "-q"]).exits(0);
    let whole = fs::read(bench.path("r/trace.bin")).unwrap();
    bench.file("cut.bin", &whole[..whole.len() - 20]).file("foreign.bin", "hello");
    for command in ["summary", "plot", "export"] {
        bench.run(&[command, "cut.bin"]).exits(2).says("cut off");
        bench.run(&[command, "foreign.bin"]).exits(2).says("isn't a Trapline trace").prints_nothing();
        bench.run(&[command, "missing.bin"]).exits(2).says("missing.bin").prints_nothing();
    }
    bench.run(&["summary", "cut.bin"]).prints("greeter");
}

#[test]
fn explain_knows_every_name_and_suggests_for_those_it_doesnt() {
    let bench = Bench::new();
    bench.run(&["explain"]).exits(0).prints("compute").prints("sched_switch").prints("E0001");
    for name in ["compute", "sched_switch", "E0008", "8", "round-robin", "disk", "switch", "EPIPE"] {
        bench.run(&["explain", name]).exits(0).prints("(");
    }
    bench.run(&["explain", "comput"]).exits(2).says("did you mean `compute`").prints_nothing();
    bench.run(&["explain", "zzzz"]).exits(2).says("lists everything");
}

#[test]
fn schema_completions_and_manual_pages_are_written() {
    let bench = Bench::new();
    let schema: serde_json::Value = serde_json::from_str(&bench.run(&["schema"]).exits(0).out).unwrap();
    assert_eq!(schema["type"], "object");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        bench.run(&["completions", shell]).exits(0).prints("trapline");
    }
    bench.run(&["man"]).exits(0).prints(".TH");
    bench.run(&["man", "-o", "pages"]).exits(0);
    assert!(bench.path("pages/trapline-run.1").is_file());
    bench.run(&["--version"]).exits(0).prints("trapline 0");
    bench.run(&["--help"]).exits(0).prints("Exit status");
    bench.run(&["fly"]).exits(2).prints_nothing();
    bench.run(&[]).exits(2).prints_nothing();
}

#[test]
fn colour_is_used_when_asked_for_only() {
    let bench = Bench::new();
    bench.file("bad.toml", "format = ");
    let coloured = |ended: &Ended| ended.out.contains('\u{1b}') || ended.err.contains('\u{1b}');
    assert!(coloured(&bench.run(&["explain", "lock", "--color", "always"])));
    assert!(coloured(&bench.run(&["check", "bad.toml", "--color", "always"])));
    assert!(!coloured(&bench.run(&["explain", "lock"])));
    assert!(!coloured(&bench.run(&["check", "bad.toml", "--color", "never"])));
    let child = bench.command(&["explain", "lock"]).env("NO_COLOR", "1").spawn().unwrap();
    assert!(!coloured(&finish(child)));
}

#[test]
fn bad_input_is_an_error_with_a_place_and_leaves_no_file() {
    let nested = |inner: &str, levels: usize| {
        format!("{}{inner}{}", "{ repeat = 2, do = [ ".repeat(levels), " ] }".repeat(levels))
    };
    let fork_bomb =
        "format = 1\n[process.a]\nsteps = [ { fork = \"b\" } ]\n[program.b]\nsteps = [ { fork = \"b\" } ]\n";
    let cases: &[(&str, Vec<u8>, &str)] = &[
        ("malformed TOML", b"format = 1\n[process.a\nsteps = [".to_vec(), "E0004"),
        ("not UTF-8", b"format = 1\n\xff\xfe".to_vec(), "E0002"),
        ("empty", Vec::new(), "format = 1"),
        ("binary", vec![0; 5000], "error"),
        ("deep arrays", format!("x = {}", "[".repeat(100_000)).into_bytes(), "E0005"),
        ("deep steps", scenario(&nested(r#"{ compute = "1us" }"#, 3_000)).into_bytes(), "error"),
        ("negative duration", scenario(r#"{ compute = "-1us" }"#).into_bytes(), "negative"),
        (
            "overflowing duration",
            scenario(r#"{ compute = "99999999999999999999min" }"#).into_bytes(),
            "too large",
        ),
        ("no unit", scenario(r#"{ compute = 5 }"#).into_bytes(), "unit"),
        ("fork bomb", fork_bomb.as_bytes().to_vec(), "E0028"),
        ("unknown program", scenario(r#"{ fork = "nobody" }"#).into_bytes(), "nobody"),
        ("absurd count", b"format = 1\n[process.a]\ncount = 99999999999\nsteps = []\n".to_vec(), "count"),
        ("absurd CPUs", HELLO.replace("costs =", "cpus = 999999\ncosts =").into_bytes(), "cpus"),
        (
            "absurd memory",
            format!("{HELLO}[shm.s]\narrays = {{ a = {{ type = \"l\", length = 999999999999 }} }}\n")
                .into_bytes(),
            "error",
        ),
    ];
    for (what, content, expected) in cases {
        let bench = Bench::new();
        let ended = bench.file("bad.toml", content).run(&["run", "bad.toml"]);
        assert_eq!(ended.status, Some(3), "{what}: {ended:#?}");
        ended.says(expected).prints_nothing();
        assert_eq!(bench.files(), ["bad.toml"], "{what}");
    }
}

#[test]
fn what_isnt_a_file_or_is_far_too_large_is_refused_at_once() {
    let bench = Bench::new();
    fs::create_dir(bench.path("folder")).unwrap();
    bench.run(&["run", "folder"]).exits(3).says("directory");
    bench.run(&["run", "missing.toml"]).exits(3).says("missing.toml");
    let huge = fs::File::create(bench.path("huge.toml")).unwrap();
    huge.set_len(100 << 20).unwrap();
    bench.run(&["run", "huge.toml"]).exits(3).says("too large");
}

#[test]
fn huge_repeat_counts_end_when_they_are_told_to() {
    let bench = Bench::new();
    let huge = i64::MAX;
    let steps =
        format!(r#"{{ repeat = {huge}, do = [ {{ repeat = {huge}, do = [ {{ compute = "1us" }} ] }} ] }}"#);
    bench.file("huge.toml", scenario(&steps));
    bench.run(&["run", "huge.toml", "--until", "1ms", "--no-files"]).exits(0).prints("1ms simulated");
}

/// A fork bomb that no check of the text can see through: children that are gone keep their numbers
/// as long as nobody waits for them.
#[test]
fn a_hidden_fork_bomb_meets_the_kernels_limit() {
    let bench = Bench::new();
    bench.file(
        "bomb.toml",
        r#"
format = 1
kernel.max-tasks = 100
[process.a]
steps = [ { forever = true, do = [ { fork = "b" } ] } ]
[program.b]
steps = [ { compute = "1us" } ]
"#,
    );
    let ended = bench.run(&["run", "bomb.toml", "--no-files"]);
    ended.exits(0).prints("EAGAIN (Resource temporarily unavailable)").prints("fork 100");
}

#[cfg(unix)]
#[test]
fn results_that_cant_be_written_are_an_error() {
    use std::os::unix::fs::PermissionsExt;

    let bench = Bench::new();
    bench.file("hello.toml", HELLO).run(&["run", "hello.toml", "-o", "r", "-q"]).exits(0);
    if Path::new("/proc/self").exists() {
        // Nobody can make files there, root included.
        bench.run(&["run", "hello.toml", "-o", "/proc/results"]).exits(5).says("/proc/results");
        bench.run(&["plot", "r", "-o", "/proc/a.svg"]).exits(5).says("/proc/a.svg");
    }
    let closed = bench.path("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(closed.join("probe"), "").is_ok() {
        eprintln!("SKIPPED: this user may write to folders without the right to, as root does");
        return;
    }
    bench.run(&["run", "hello.toml", "-o", "closed/r"]).exits(5).says("closed/r");
    bench.run(&["export", "r", "-o", "closed/a.csv"]).exits(5).says("closed/a.csv");
}

/// A limit on the size of files stands for a disk that is full.
#[cfg(unix)]
#[test]
fn a_full_disk_ends_the_run_with_an_error_and_no_half_file() {
    let bench = Bench::new();
    bench.file("endless.toml", ENDLESS);
    let program = env!("CARGO_BIN_EXE_trapline");
    let script = format!("trap '' XFSZ; ulimit -f 200; exec '{program}' run endless.toml");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).current_dir(bench.folder.path());
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(shell.spawn().unwrap()).exits(5).says("can't write").says("trace.bin").prints_nothing();
    assert_eq!(bench.files(), ["endless.toml"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_an_error() {
    let bench = Bench::new();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let child = bench.command(&["schema"]).stdout(full).spawn().unwrap();
    finish(child).exits(5).says("standard output");
}

#[test]
fn a_closed_pipe_ends_an_export_quietly() {
    let bench = Bench::new();
    bench.file("endless.toml", ENDLESS);
    bench.run(&["run", "endless.toml", "--until", "100ms", "-o", "r", "-q"]).exits(0);
    let mut child = bench.command(&["export", "r"]).spawn().unwrap();
    let mut first = [0; 10];
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut first).unwrap();
    drop(out);
    let ended = finish(child);
    ended.exits(0);
    assert!(ended.err.is_empty(), "{ended:#?}");
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_leaves_a_trace_of_what_there_was() {
    let bench = Bench::new();
    let child = bench.file("endless.toml", ENDLESS).command(&["run", "endless.toml"]).spawn().unwrap();
    let began = Instant::now();
    let has_begun = || bench.files().iter().any(|path| path.ends_with(".partial"));
    while !has_begun() {
        assert!(began.elapsed() < PATIENCE, "the run doesn't begin");
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(100));
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    finish(child).exits(130).says("interrupted");
    assert!(!has_begun(), "{:?}", bench.files());
    let Output { status, stdout, .. } =
        bench.command(&["summary", "output/endless", "--format", "json"]).output().unwrap();
    assert!(status.success());
    let numbers: serde_json::Value = serde_json::from_slice(&stdout).unwrap();
    assert_eq!(numbers["outcome"]["how"], "interrupted");
    assert!(numbers["totals"]["crossings"].as_u64().unwrap() > 0);
}
