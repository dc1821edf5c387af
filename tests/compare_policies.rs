//! `trapline stats` and `trapline compare-policies`, seen from the command line.

// What a test can't do without is unwrapped, outside of its own function as well.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A folder to work in, with a scenario in it.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new(scenario: &str) -> Bench {
        let bench = Bench { folder: tempfile::tempdir().unwrap() };
        fs::write(bench.path("s.toml"), scenario).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    #[track_caller]
    fn run(&self, status: i32, arguments: &[&str]) -> (String, String) {
        run_in(self.folder.path(), status, arguments)
    }
}

#[track_caller]
fn run_in(folder: &Path, status: i32, arguments: &[&str]) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trapline"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    let Output { status: ended, stdout, stderr } = command.output().unwrap();
    let [out, err] = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert_eq!(ended.code(), Some(status), "{arguments:?}\n{out}\n{err}");
    (out, err)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The textbook's convoy, on a machine whose kernel is free.
const CONVOY: &str = r#"
format = 1
name = "three"
question = "Who waits for whom?"
[machine]
costs = "free"
[kernel]
scheduler = { policy = "fcfs", woken = "waits" }
[process.long]
burst = "24ms"
steps = [{ compute = "24ms" }]
[process.short]
count = 2
burst = "3ms"
steps = [{ compute = "3ms" }]
"#;

/// Whether it ends in a deadlock depends on who runs when.
const TANGLED: &str = r#"
format = 1
name = "tangled"
[machine]
costs = "free"
[mutex.left]
[mutex.right]
[process.ann]
steps = [{ lock = "left" }, { compute = "2ms" }, { lock = "right" }, { unlock = "right" }, { unlock = "left" }]
[process.bob]
steps = [{ lock = "right" }, { compute = "2ms" }, { lock = "left" }, { unlock = "left" }, { unlock = "right" }]
"#;

#[test]
fn a_scenario_and_its_trace_have_the_same_statistics() {
    let bench = Bench::new(CONVOY);
    bench.run(0, &["run", "s.toml", "-q"]);
    for format in ["table", "markdown", "csv", "json"] {
        let (of_scenario, _) = bench.run(0, &["stats", "s.toml", "--format", format]);
        let (of_folder, _) = bench.run(0, &["stats", "output/three", "--format", format]);
        let (of_trace, _) = bench.run(0, &["stats", "output/three/trace.bin", "--format", format]);
        assert_eq!(of_scenario, of_trace, "{format}");
        assert_eq!(of_folder, of_trace, "{format}");
    }
    let (table, _) = bench.run(0, &["stats", "s.toml"]);
    let turnaround = table.lines().find(|line| line.starts_with("turnaround")).unwrap();
    let cells: Vec<&str> = turnaround.split_whitespace().collect();
    assert_eq!(cells, ["turnaround", "3", "27ms", "27ms", "30ms", "30ms", "30ms"]);
}

#[test]
fn statistics_are_written_for_pages_and_programs() {
    let bench = Bench::new(CONVOY);
    let (csv, _) = bench.run(0, &["stats", "s.toml", "--format", "csv"]);
    assert!(csv.starts_with("of,name,statistic,unit,value\nrun,three,makespan,ns,30000000\n"), "{csv}");
    assert!(csv.contains("\nthread,short[1],waiting,ns,27000000\n"), "{csv}");
    assert!(csv.contains("\ncpu,0,utilisation,ratio,1\n"), "{csv}");
    bench.run(0, &["stats", "s.toml", "--format", "json", "-o", "s.json"]);
    let json: Value = serde_json::from_str(&fs::read_to_string(bench.path("s.json")).unwrap()).unwrap();
    assert_eq!(json["run"]["mean-turnaround"], 27_000_000);
    assert_eq!(json["threads"][2]["slowdown"], 10.0);
    assert_eq!(json["run"]["misses"], Value::Null);
    let (markdown, _) = bench.run(0, &["stats", "s.toml", "--format", "markdown"]);
    assert!(
        markdown.starts_with("## three\n\nWho waits for whom?\n\n### Threads\n\n| thread |"),
        "{markdown}"
    );
    assert!(markdown.contains("| mean-slowdown | 6.667 |"), "{markdown}");
}

#[test]
fn statistics_of_what_isnt_there_or_ends_badly() {
    let bench = Bench::new(TANGLED);
    fs::write(bench.path("broken.bin"), b"\x89TRAP\r\n\x1anothing").unwrap();
    let scheduler = "kernel.scheduler={ policy = \"round-robin\", quantum = \"1ms\" }";
    let (out, err) = bench.run(4, &["stats", "s.toml", "--set", scheduler]);
    assert!(out.contains("unfinished") && err.contains("deadlock"), "{out}{err}");
    assert!(bench.run(2, &["stats", "broken.bin"]).1.contains("error"));
    assert!(bench.run(3, &["stats", "nothing.toml"]).1.contains("can't read"));
}

#[test]
fn expectations_on_statistics_are_judged() {
    let expect = r#"
[expect]
statistics = { mean-waiting = "17ms", fairness-slowdown = { min = 0.7, max = 0.8 }, throughput = 100 }
process = { long = { waiting = "0us" }, short = { response = { min = "24ms" }, dispatches = 1 } }
"#;
    let bench = Bench::new(&format!("{CONVOY}{expect}"));
    bench.run(0, &["test", "s.toml"]);
    let wrong = expect.replace("\"17ms\"", "\"16ms\"").replace("0.7,", "0.75,").replace("24ms", "25ms");
    fs::write(bench.path("wrong.toml"), format!("{CONVOY}{wrong}")).unwrap();
    let (out, _) = bench.run(1, &["test", "wrong.toml"]);
    for text in [
        "mean-waiting\n        expected  16ms\n        actual    17ms\n",
        "fairness-slowdown\n        expected  0.75 to 0.8\n        actual    0.732601\n",
        "response of short[0]\n        expected  at least 25ms\n        actual    24ms\n",
    ] {
        assert!(out.contains(text), "{out}");
    }
    assert!(!out.contains("short[1]") && !out.contains("of long"), "{out}");
}

#[test]
fn policies_are_compared_in_a_table_and_a_picture() {
    let bench = Bench::new(CONVOY);
    let before = fs::read(bench.path("s.toml")).unwrap();
    let list = "own,round-robin:quantum=4ms,srtf";
    let (out, err) = bench.run(0, &["compare-policies", "s.toml", "-p", list]);
    let row = |name: &str| -> Vec<String> {
        let line = out.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {out}"));
        line.split("  ").filter(|cell| !cell.is_empty()).map(|cell| cell.trim().to_owned()).collect()
    };
    // Mean turnaround, response and waiting, all by hand.
    assert_eq!(row("own: fcfs:woken=waits")[1..4], ["27ms", "17ms", "17ms"]);
    assert_eq!(row("round-robin:quantum=4ms")[1..4], ["15.7ms", "3.67ms", "5.67ms"]);
    assert_eq!(row("srtf")[1..4], ["*13ms", "*3ms", "*3ms"]);
    assert!(err.contains("output/three-policies.svg"), "{err}");
    let picture = fs::read_to_string(bench.path("output/three-policies.svg")).unwrap();
    for text in ["Who waits for whom?", "round-robin:quantum=4ms", "mean turnaround 13 ms", "best"] {
        assert_eq!(picture.matches(&format!("{text}\n")).count(), 1, "{text}");
    }
    assert_eq!(fs::read(bench.path("s.toml")).unwrap(), before);
}

#[test]
fn a_comparison_of_policies_is_written_for_programs() {
    let bench = Bench::new(CONVOY);
    let run = |more: &[&str]| bench.run(0, &[&["compare-policies", "s.toml"], more].concat()).0;
    let json: Value =
        serde_json::from_str(&run(&["--no-files", "--format", "json", "-p", "fcfs,sjf"])).unwrap();
    assert_eq!(json["policies"][0]["figures"]["mean-turnaround"], 27_000_000);
    let best = json["policies"][1]["best"].as_array().unwrap();
    assert!(best.contains(&"mean-turnaround".into()) && !best.contains(&"makespan".into()), "{best:?}");
    let csv = run(&["--no-files", "--format", "csv", "-p", "fcfs,mlfq:quantum=[1ms,2ms]"]);
    assert!(csv.contains("\n\"mlfq:quantum=[1ms,2ms]\",finished,"), "{csv}");
    let markdown = run(&["--no-files", "--format", "markdown", "-p", "fcfs,sjf"]);
    assert!(markdown.contains("| **13ms** |"), "{markdown}");
    assert!(!bench.path("output").exists());
    run(&["-p", "fcfs", "-o", "p.png", "--from", "1ms", "--to", "5ms"]);
    assert!(fs::read(bench.path("p.png")).unwrap().starts_with(b"\x89PNG"));
    assert!(run(&["-p", "fcfs", "-o", "-", "--figure", "p95-latency"]).contains("p95 latency 27 ms\n"));
}

#[test]
fn without_a_list_all_policies_have_their_turn() {
    let bench = Bench::new(CONVOY);
    let (csv, _) = bench.run(0, &["compare-policies", "s.toml", "--no-files", "--format", "csv"]);
    for policy in ["fcfs:woken=waits", "round-robin", "sjf", "mlfq", "lottery", "stride", "eevdf"] {
        assert_eq!(csv.matches(&format!("\n{policy},finished,")).count(), 1, "{policy}: {csv}");
    }
}

#[test]
fn mistakes_in_a_list_of_policies_are_said_before_anything_runs() {
    let bench = Bench::new(CONVOY);
    for (list, status, wanted) in [
        ("fcfs,mlqf", 2, "did you mean `mlfq`?"),
        ("fcfs,fcfs", 2, "`fcfs` is given twice"),
        ("round-robin:quantam=2ms", 2, "did you mean `quantum`?"),
        ("round-robin:quantum=2", 3, "a time needs a unit"),
        ("mlfq:levels=0", 3, "--policy mlfq:levels=0"),
    ] {
        let (out, err) = bench.run(status, &["compare-policies", "s.toml", "--no-files", "-p", list]);
        assert!(err.contains(wanted) && out.is_empty(), "{list}: {out}{err}");
    }
    let run = |more: &[&str]| bench.run(2, &[&["compare-policies", "s.toml", "-p", "fcfs"], more].concat()).1;
    assert!(run(&["--figure", "mean-turnround"]).contains("did you mean `mean-turnaround`?"));
    assert!(run(&["-o", "picture.txt"]).contains("a picture can't be a .txt"));
    assert!(run(&["--from", "1s"]).contains("over before the part to show begins"));
    assert!(!bench.path("output").exists());
}

#[test]
fn a_policy_under_which_the_scenario_fails_is_named_and_the_others_are_shown() {
    let bench = Bench::new(TANGLED);
    let list = "fcfs,round-robin:quantum=1ms";
    let (out, err) = bench.run(4, &["compare-policies", "s.toml", "-p", list]);
    assert!(err.contains("under round-robin:quantum=1ms: deadlock: circle"), "{err}");
    let ended = |name: &str| {
        let line = out.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().next_back().unwrap().to_owned()
    };
    assert_eq!((ended("fcfs"), ended("round-robin:quantum=1ms")), ("finished".into(), "deadlock".into()));
    assert!(fs::read_to_string(bench.path("output/tangled-policies.svg")).unwrap().contains("deadlock"));
    let list = "fcfs,round-robin:quantum=2";
    let (out, err) = bench.run(3, &["compare-policies", "s.toml", "-p", list, "--no-files"]);
    assert!(out.contains("fcfs") && err.contains("can't run under round-robin:quantum=2"), "{out}{err}");
}

/// What README.md shows, which `UPDATE_DOCS=1` brings up to date.
#[test]
fn the_comparison_in_the_readme_is_what_is_printed_and_drawn_today() {
    const COMMAND: &str = "$ trapline compare-policies scenarios/sched/convoy.toml -p ";
    const PICTURE: &str = "docs/pictures/policies/convoy.svg";
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (before, rest) = readme.split_once(COMMAND).expect("the command");
    let (list, rest) = rest.split_once('\n').unwrap();
    let (shown, after) = rest.split_once("```").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let drawn = folder.path().join("convoy.svg");
    let arguments =
        ["compare-policies", "scenarios/sched/convoy.toml", "-p", list, "-o", drawn.to_str().unwrap()];
    let (out, _) = run_in(root(), 0, &arguments);
    let drawn = fs::read_to_string(drawn).unwrap();
    assert!(drawn.len() < 60_000, "{} bytes", drawn.len());
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        fs::write(root().join("README.md"), format!("{before}{COMMAND}{list}\n{out}```{after}")).unwrap();
        fs::create_dir_all(root().join(PICTURE).parent().unwrap()).unwrap();
        fs::write(root().join(PICTURE), drawn).unwrap();
        return;
    }
    assert_eq!(shown, out, "README.md is out of date: run this test with UPDATE_DOCS=1");
    let picture = fs::read_to_string(root().join(PICTURE)).unwrap_or_default();
    assert!(picture == drawn, "{PICTURE} is out of date: run this test with UPDATE_DOCS=1");
}
