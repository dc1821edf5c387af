//! Exports as users meet them: memory that doesn't grow with the trace, errors that say what to do, and other programs
//! that read what comes out.
//!
//! Other programs are used where they are installed; where not, the test says so and ends. `.ci/run` installs the
//! Python packages into target/python and the profiler's command line into target/node.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use trapline::export::EXPORTERS;

#[cfg(target_os = "linux")]
#[path = "exports/peak.rs"]
mod peak;
#[path = "exports/tools.rs"]
mod tools;
#[path = "exports/workload.rs"]
mod workload;

const TRAPLINE: &str = env!("CARGO_BIN_EXE_trapline");

fn trapline<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    Command::new(TRAPLINE).args(arguments).output().unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder with the trace of a scenario that was run.
fn run(folder: &Path, scenario: &str) -> PathBuf {
    let place = folder.join("run");
    let done =
        trapline([Path::new("run"), &root().join("scenarios").join(scenario), Path::new("-o"), &place]);
    assert!(place.join("trace.bin").exists(), "{}", String::from_utf8_lossy(&done.stderr));
    place
}

fn export(trace: &Path, options: &[&str], file: &Path) {
    let done =
        Command::new(TRAPLINE).arg("export").arg(trace).args(options).arg("-o").arg(file).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Does something only in a process that was started for it, see `peak`.
#[cfg(target_os = "linux")]
#[test]
fn a_process_that_measures_another() {
    peak::told();
}

#[cfg(target_os = "linux")]
#[test]
fn memory_doesnt_grow_with_the_trace() {
    /// Both are more than Parquet holds at once. Whoever kept only 40 bytes of each event would need 8 MiB more.
    const FEW: usize = 70_000;
    const MANY: usize = 270_000;
    const MORE: u64 = 4 * 1024;
    let folder = tempfile::tempdir().unwrap();
    let (few, many) = (folder.path().join("few.bin"), folder.path().join("many.bin"));
    workload::write(&few, FEW);
    workload::write(&many, MANY);
    let again = ["--exact", "a_process_that_measures_another", "--nocapture"];
    let peak = |trace: &Path, format: &str| {
        let arguments = ["export", trace.to_str().unwrap(), "--format", format];
        peak::of(TRAPLINE, &arguments, &again).0
    };
    for exporter in EXPORTERS {
        let (little, much) = (peak(&few, exporter.name), peak(&many, exporter.name));
        assert!(
            much < little + MORE,
            "{}: {little} KiB for {FEW} events, {much} KiB for {MANY}",
            exporter.name
        );
    }
    let lines = [&few, &many].map(|trace| {
        let lines = trace.with_extension("jsonl");
        export(trace, &[], &lines);
        peak(&lines, "trace")
    });
    assert!(lines[1] < lines[0] + MORE, "JSON lines read: {lines:?} KiB");
}

#[test]
fn json_lines_are_taken_for_a_trace_wherever_one_is() {
    let folder = tempfile::tempdir().unwrap();
    let trace = run(folder.path(), "programs/pipe-duplex.toml");
    let (lines, back) = (folder.path().join("run.jsonl"), folder.path().join("back.bin"));
    export(&trace, &[], &lines);
    export(&lines, &[], &back);
    assert!(fs::read(&back).unwrap() == fs::read(trace.join("trace.bin")).unwrap());
    let picture = folder.path().join("run.svg");
    for command in [
        vec!["stats", lines.to_str().unwrap()],
        vec!["summary", lines.to_str().unwrap()],
        vec!["plot", lines.to_str().unwrap(), "-o", picture.to_str().unwrap()],
    ] {
        let done = trapline(&command);
        assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
    let told = |path: &Path| trapline([Path::new("stats"), path]).stdout;
    assert_eq!(told(&lines), told(&trace));
}

#[test]
fn what_isnt_a_trace_is_refused_and_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let trace = run(folder.path(), "programs/pipe-duplex.toml");
    let mut future = fs::read(trace.join("trace.bin")).unwrap();
    future[8] = 9;
    let text = trapline([Path::new("export"), &trace]).stdout;
    let text = String::from_utf8(text).unwrap();
    let line = text.lines().position(|line| line.contains("\"kind\":\"sys_enter\"")).unwrap() + 1;
    for (name, bytes, words) in [
        ("foreign", b"GIF89a".to_vec(), "isn't a Trapline trace"),
        ("other.json", b"{\"traceEvents\":[]}".to_vec(), "isn't a Trapline trace"),
        ("nothing", Vec::new(), "isn't a Trapline trace"),
        ("future", future, "use a newer Trapline"),
        (
            "future.jsonl",
            text.replacen("\"schema\":1", "\"schema\":9", 1).into_bytes(),
            "use a newer Trapline",
        ),
        (
            "odd.jsonl",
            text.replacen("\"kind\":\"sys_enter\"", "\"kind\":\"sys_dream\"", 1).into_bytes(),
            &format!("at line {line}: "),
        ),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        for exporter in EXPORTERS {
            let out = folder.path().join(format!("out.{}", exporter.endings[0]));
            let done = trapline([Path::new("export"), &path, Path::new("-o"), &out]);
            let told = String::from_utf8_lossy(&done.stderr);
            assert_eq!(done.status.code(), Some(2), "{name}: {told}");
            assert!(told.contains(words) && !out.exists(), "{name}, {}: {told}", exporter.name);
        }
    }
}

#[test]
fn a_graph_is_for_formats_that_hold_one() {
    let folder = tempfile::tempdir().unwrap();
    let trace = run(folder.path(), "boundary/deadlock.toml");
    let done = Command::new(TRAPLINE).arg("export").arg(&trace).args(["--graph", "waits"]).output().unwrap();
    let told = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(2));
    assert!(told.contains("jsonl holds no graph") && told.contains("--format dot or mermaid"), "{told}");
    let mermaid = folder.path().join("waits.mmd");
    export(&trace, &["--graph", "waits"], &mermaid);
    let text = fs::read_to_string(mermaid).unwrap();
    for part in ["mutex a", "mutex b", "left (2)", "right (3)", "class n0,n1 alarming"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn graphviz_draws_every_graph() {
    if !tools::there("dot", &["-V"], "Graphviz (apt-get install graphviz)") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let trace = run(folder.path(), "boundary/deadlock.toml");
    for graph in ["messages", "forks", "waits"] {
        let file = folder.path().join("graph.dot");
        export(&trace, &["--graph", graph], &file);
        let drawn = Command::new("dot").arg("-Tsvg").arg(&file).output().unwrap();
        assert!(
            drawn.status.success() && drawn.stderr.is_empty(),
            "{}",
            String::from_utf8_lossy(&drawn.stderr)
        );
        let nodes = fs::read_to_string(&file).unwrap().matches("shape=").count();
        assert_eq!(
            String::from_utf8(drawn.stdout).unwrap().matches("class=\"node\"").count(),
            nodes,
            "{graph}"
        );
    }
}

/// The queries of docs/EXPORTS.md, as they stand there, each with the variable `file` set.
#[test]
fn duckdb_pandas_and_polars_answer_the_documented_queries() {
    let Some(python) = tools::python("duckdb, pandas, polars") else { return };
    let folder = tempfile::tempdir().unwrap();
    let trace = run(folder.path(), "programs/pipe-duplex.toml");
    let file = folder.path().join("run.parquet");
    export(&trace, &[], &file);
    let page = fs::read_to_string(root().join("docs/EXPORTS.md")).unwrap();
    let section = &page[page.find("## Parquet").unwrap()..];
    let section = &section[..section[3..].find("\n## ").unwrap()];
    let mut blocks = 0;
    for (language, before) in [("sql", true), ("python", false)] {
        for block in section.split(&format!("```{language}\n")).skip(1) {
            let block = block.split("```").next().unwrap();
            let code = match before {
                true => format!(
                    "import duckdb\nfor query in {block:?}.split(';')[:-1]:\n    answer = duckdb.sql(query).fetchall()\n    assert answer, query\n"
                ),
                false => format!("{block}\n"),
            };
            let done = Command::new(&python).args(["-c", &code]).current_dir(folder.path()).output().unwrap();
            assert!(done.status.success(), "{block}\n{}", String::from_utf8_lossy(&done.stderr));
            blocks += 1;
        }
    }
    assert!(blocks >= 3, "{blocks} blocks");
    let count = "import duckdb; print(duckdb.sql(\"select count(*) from 'run.parquet'\").fetchall()[0][0])";
    let told = Command::new(&python).args(["-c", count]).current_dir(folder.path()).output().unwrap().stdout;
    let lines = String::from_utf8(trapline([Path::new("export"), &trace]).stdout).unwrap();
    let events = lines.lines().filter(|line| line.starts_with("{\"at\":")).count();
    assert_eq!(String::from_utf8(told).unwrap().trim(), events.to_string());
}

/// The profiler's own code loads what is exported.
#[test]
fn the_firefox_profiler_finds_threads_markers_and_where_the_time_went() {
    let Some(profiler) = tools::profiler() else { return };
    let folder = tempfile::tempdir().unwrap();
    let trace = run(folder.path(), "programs/pipe-duplex.toml");
    let file = folder.path().join("run.firefox.json");
    export(&trace, &[], &file);
    // Its sessions stay alive in the background, so it gets a home of its own and is told to stop.
    let ask = |arguments: &[&str]| {
        let done = Command::new(&profiler).args(arguments).env("HOME", folder.path()).output().unwrap();
        let told = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{arguments:?}: {told}{}", String::from_utf8_lossy(&done.stderr));
        told
    };
    ask(&["load", file.to_str().unwrap()]);
    let told = std::panic::catch_unwind(|| {
        let threads = ask(&["thread", "list"]);
        let line = threads.lines().find(|line| line.contains(" parent ")).unwrap();
        let parent = line.split_whitespace().find(|word| word.starts_with("t-")).unwrap();
        let samples = ask(&["thread", "samples", "--thread", parent, "--include-idle"]);
        let markers = ask(&["thread", "markers", "--thread", parent]);
        (threads, samples, markers)
    });
    ask(&["stop", "--all"]);
    let (threads, samples, markers) = told.unwrap();
    for name in ["CPU 0", "parent", "child"] {
        assert!(threads.contains(name), "{name} in {threads}");
    }
    for function in ["user mode", "fork", "waits: pipe-read up"] {
        assert!(samples.contains(function), "{function} in {samples}");
    }
    assert!(markers.contains("receive from up") && markers.contains("process_exit"), "{markers}");
}
