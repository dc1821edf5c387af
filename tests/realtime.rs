//! `trapline analyse`: arithmetic and the simulator must agree about random sets of tasks, and what is wrong with a
//! scenario is said.

// What a test can't do without is unwrapped, outside of its own function as well.
#![allow(clippy::unwrap_used)]

use std::fmt::Write;
use std::process::{Command, Output};

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use trapline::kernel::sched::POLICIES;
use trapline::realtime::report::Row;
use trapline::realtime::{Model, Report, Run, Verdict, Watch, analyse};
use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Pace, Simulator, header};
use trapline::time::Span;

/// Runs a scenario and analyses its tasks.
fn report(text: &str) -> Report {
    let scenario = Scenario::parse("test.toml", text, &Overrides::default());
    let image = scenario.unwrap_or_else(|diagnostics| panic!("{diagnostics}\n{text}")).image;
    let scheduler = &image.kernel.scheduler;
    let model = Model::of(&image, scheduler).unwrap_or_else(|refusal| panic!("{refusal}\n{text}"));
    let mut simulator = Simulator::new(&image, Watch::new(&header(&image)), Pace::Fast);
    simulator.run();
    let end = simulator.end();
    let run = Run { jobs: simulator.kernel.sink.finish(end), end };
    analyse(&image, &scheduler.policy, model, Some(&run)).unwrap_or_else(|unfit| panic!("{unfit}\n{text}"))
}

fn row<'r>(report: &'r Report, task: &str) -> &'r Row {
    report.tasks.iter().find(|row| row.task == task).unwrap()
}

/// Whether an analysed response is a promise: nothing has cast doubt on the numbers.
fn promises(row: &Row) -> bool {
    row.verdict == Verdict::Proved || row.because.contains("a response of")
}

/// No run shows what the analysis excludes.
fn agree(text: &str) -> Report {
    let report = report(text);
    for row in &report.tasks {
        assert!(!row.because.contains("isn't counted"), "{row:?}\n{text}");
        if promises(row)
            && let (Some(analysed), Some(simulated)) = (row.analysed, row.simulated)
        {
            assert!(analysed >= simulated, "{}: {analysed} < {simulated}\n{text}", row.task);
        }
        assert!(row.verdict != Verdict::Proved || row.misses == 0, "{}\n{text}", row.task);
    }
    report
}

/// The policies that there is a theory for, as far as they exist.
fn policies() -> Vec<&'static str> {
    let exists = |name: &&str| POLICIES.iter().any(|row| row.name == *name);
    ["priority", "rm", "dm", "edf"].into_iter().filter(exists).collect()
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Tasks that compute, released together.
    Plain,
    Offsets,
    /// On two CPUs, each task on one of them.
    TwoCpus,
    /// With critical sections under both protocols.
    Locks,
}

/// A set of tasks with a short hyperperiod and a utilisation that is neither hopeless nor trivial.
fn scenario(random: &mut Pcg64, kind: Kind, policy: &str, costs: &str) -> String {
    const PERIODS: [u64; 8] = [40, 50, 60, 80, 100, 120, 200, 240];
    let unit = if costs == "free" { "us" } else { "ms" };
    let cpus = if kind == Kind::TwoCpus { 2 } else { 1 };
    let mut text = format!(
        "format = 1\n[machine]\ncpus = {cpus}\ncosts = \"{costs}\"\n[kernel]\nscheduler = \"{policy}\"\n[run]\nuntil = \"2400{unit}\"\n"
    );
    let count: u64 = random.random_range(2..=5);
    if kind == Kind::Locks {
        let _ = write!(
            text,
            "[mutex.m]\nprotocol = \"inherit\"\n[mutex.n]\nprotocol = \"ceiling\"\nceiling = {count}\n"
        );
    }
    for task in 0..count {
        let period = PERIODS[random.random_range(0..PERIODS.len())];
        let wcet: u64 = random.random_range(1..=(2 * period * cpus / count.max(3)).min(period));
        let deadline = random.random_range(wcet.max(period / 2)..=period);
        let _ =
            write!(text, "[process.t{task}]\nperiod = \"{period}{unit}\"\ndeadline = \"{deadline}{unit}\"\n");
        let _ = writeln!(text, "priority = {}", count - task);
        if kind == Kind::Offsets {
            let _ = writeln!(text, "start = \"{}{unit}\"", random.random_range(0..period));
        }
        if kind == Kind::TwoCpus {
            let _ = writeln!(text, "cpu = {}", random.random_range(0..2));
        }
        let held = random.random_range(1..=wcet.div_ceil(2));
        let lock = ["m", "n"][random.random_range(0..2)];
        let rest = wcet - held;
        let _ = match kind {
            Kind::Locks if random.random_range(0..4) > 0 => writeln!(
                text,
                "steps = [ {{ compute = \"{rest}{unit}\" }}, {{ lock = \"{lock}\" }}, {{ compute = \"{held}{unit}\" }}, {{ unlock = \"{lock}\" }} ]"
            ),
            _ => writeln!(
                text,
                "steps = [ {{ compute = \"{held}{unit}\" }}, {{ repeat = {rest}, do = [ {{ compute = \"1{unit}\" }} ] }} ]"
            ),
        };
    }
    text
}

fn sets(seed: u64, count: usize, kind: Kind, costs: &str) -> Vec<Report> {
    let mut random = Pcg64::seed_from_u64(seed);
    let policies = policies();
    (0..count)
        .map(|index| agree(&scenario(&mut random, kind, policies[index % policies.len()], costs)))
        .collect()
}

/// How many tasks of all reports have a verdict.
fn how_many(reports: &[Report], verdict: Verdict) -> usize {
    reports.iter().flat_map(|report| &report.tasks).filter(|row| row.verdict == verdict).count()
}

#[test]
fn the_simulator_shows_the_analysed_response_of_tasks_released_together() {
    let mut exact = 0;
    let reports = sets(1, 120, Kind::Plain, "free");
    for report in reports.iter().filter(|report| report.policy == "priority") {
        for row in report.tasks.iter().filter(|row| row.verdict == Verdict::Proved) {
            assert_eq!(row.analysed, row.simulated, "{row:?}");
            exact += 1;
        }
    }
    assert!(exact > 40, "{exact}");
    assert!(how_many(&reports, Verdict::Misses) > 20);
    let undecided = how_many(&reports, Verdict::Undecided);
    assert!(undecided * 5 < exact, "with all released together hardly anything is open: {undecided}");
}

#[test]
fn no_first_releases_lead_to_a_longer_response() {
    let reports = sets(2, 120, Kind::Offsets, "free");
    assert!(how_many(&reports, Verdict::Proved) > 100);
    let by_run =
        reports.iter().flat_map(|report| &report.tasks).filter(|row| row.because.contains("repeats"));
    assert!(by_run.count() > 0, "some sets that the test refuses are proved by the run");
}

#[test]
fn each_cpu_is_analysed_by_itself() {
    let reports = sets(3, 80, Kind::TwoCpus, "free");
    assert!(how_many(&reports, Verdict::Proved) > 80);
    assert!(reports.iter().any(|report| report.placement.is_some()));
}

#[test]
fn critical_sections_keep_nobody_longer_than_the_blocking_time() {
    let reports = sets(4, 120, Kind::Locks, "free");
    assert!(how_many(&reports, Verdict::Proved) > 60);
    let blocked = reports.iter().flat_map(|report| &report.tasks);
    assert!(blocked.filter(|row| row.blocking.is_some_and(|time| time > Span::ZERO)).count() > 40);
}

#[test]
fn what_the_kernel_adds_is_within_the_analysed_response() {
    for (seed, kind) in [(5, Kind::Plain), (6, Kind::Offsets), (7, Kind::TwoCpus), (8, Kind::Locks)] {
        for costs in ["textbook", "linux-x86"] {
            let reports = sets(seed, 24, kind, costs);
            assert!(how_many(&reports, Verdict::Proved) > 10);
        }
    }
}

const HEAD: &str =
    "format = 1\nname = \"set\"\n[machine]\ncosts = \"free\"\n[kernel]\nscheduler = \"priority\"\n";

fn with(tasks: &str) -> Report {
    report(&format!("{HEAD}{tasks}"))
}

#[test]
fn a_job_is_as_long_as_its_longest_branch_and_all_its_rounds() {
    let report = with(
        r#"
[run]
until = "1ms"
[process.a]
period = "100us"
steps = [
  { add = "n", value = 1 },
  { if = "n % 2 == 0", then = [ { compute = "7us" } ], else = [ { repeat = 3, do = [ { compute = "4us" } ] } ] },
]
[process.b]
period = "100us"
priority = -1
steps = [ { forever = true, do = [ { compute = "1us" }, { next-period = true }, { compute = "3us" }, { next-period = true } ] } ]
"#,
    );
    assert_eq!((row(&report, "a").wcet, row(&report, "a").wcet_from), (Span::from_micros(12), "steps"));
    assert_eq!(row(&report, "b").wcet, Span::from_micros(3));
}

#[test]
fn what_isnt_in_the_steps_is_measured_and_proves_nothing() {
    let random = r#"
[run]
until = "1ms"
[process.a]
period = "100us"
steps = [ { compute = { dist = "uniform", low = "1us", high = "9us" } } ]
"#;
    let measured = with(random);
    assert_eq!(
        (row(&measured, "a").wcet_from, row(&measured, "a").verdict),
        ("measured", Verdict::Undecided)
    );
    assert!(
        row(&measured, "a").wcet > Span::from_micros(1) && row(&measured, "a").wcet <= Span::from_micros(9)
    );
    assert!(measured.notes.iter().any(|note| note.contains("a random time") && note.contains("wcet")));
    let given = with(&random.replace("period", "wcet = \"9us\"\nperiod"));
    assert_eq!((row(&given, "a").wcet_from, row(&given, "a").verdict), ("given", Verdict::Proved));
    assert!(given.simulation.contains("proves nothing"), "{}", given.simulation);
    let wrong = with(
        &random
            .replace("{ dist = \"uniform\", low = \"1us\", high = \"9us\" }", "\"9us\"")
            .replace("period", "wcet = \"8us\"\nperiod"),
    );
    assert_eq!(row(&wrong, "a").verdict, Verdict::Undecided);
    assert!(row(&wrong, "a").because.contains("longer than its `wcet`"));
}

#[test]
fn a_lock_without_a_protocol_has_no_bound() {
    let tasks = r#"
[mutex.m]
[run]
until = "1ms"
[process.a]
period = "100us"
priority = 2
steps = [ { lock = "m" }, { compute = "1us" }, { unlock = "m" } ]
[process.b]
period = "100us"
priority = 1
steps = [ { lock = "m" }, { compute = "5us" }, { unlock = "m" } ]
"#;
    let without = with(tasks);
    assert_eq!(row(&without, "a").verdict, Verdict::Undecided);
    assert!(row(&without, "a").because.contains("`m` has no protocol"));
    assert_eq!(row(&without, "b").verdict, Verdict::Proved);
    let inherits = with(&tasks.replace("[mutex.m]", "[mutex.m]\nprotocol = \"inherit\""));
    let blocking = row(&inherits, "a").blocking.unwrap();
    assert!(blocking >= Span::from_micros(5) && blocking < Span::from_micros(6), "{blocking}");
    assert_eq!(row(&inherits, "a").verdict, Verdict::Proved);
}

#[test]
fn a_job_that_waits_is_no_job_of_the_theory() {
    let report = with(
        "[run]\nuntil = \"1ms\"\n[process.a]\nperiod = \"100us\"\npriority = 1\nsteps = [ { compute = \"1us\" }, { sleep = \"3us\" } ]\n\
         [process.b]\nperiod = \"100us\"\nsteps = [ { compute = \"1us\" } ]\n",
    );
    for task in ["a", "b"] {
        assert_eq!(row(&report, task).verdict, Verdict::Undecided);
        assert!(row(&report, task).because.contains("`a` may wait within a job"), "{:?}", row(&report, task));
    }
}

#[test]
fn tasks_that_may_move_are_not_decided() {
    let tasks = "[process.a]\nperiod = \"100us\"\njobs = 3\nsteps = [ { compute = \"1us\" } ]\n";
    let text = format!("{HEAD}{tasks}").replace("[machine]", "[machine]\ncpus = 2");
    let moved = report(&text);
    assert_eq!(row(&moved, "a").verdict, Verdict::Undecided);
    assert!(row(&moved, "a").because.contains("queues = \"global\""));
    let global = report(&text.replace("[kernel]", "[kernel]\nqueues = \"global\""));
    assert!(row(&global, "a").because.contains("one queue for several CPUs"));
}

// The command.

fn trapline(text: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("set.toml");
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_trapline"));
    command.arg("analyse").arg(&file).args(arguments).output().unwrap()
}

/// The exit status, and what went to standard output and to standard error.
fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

const BURNS: &str = r#"
[process.a]
period = "7ms"
priority = 3
steps = [ { compute = "3ms" } ]
[process.b]
period = "12ms"
priority = 2
steps = [ { compute = "3ms" } ]
[process.c]
period = "20ms"
priority = 1
steps = [ { compute = "5ms" } ]
"#;

#[test]
fn the_command_prints_tables_json_and_markdown() {
    let text = format!("{HEAD}{BURNS}");
    let (status, table, _) = told(&trapline(&text, &["--check"]));
    assert_eq!(status, Some(0), "{table}");
    for said in [
        "20ms",
        "proved",
        "Liu and Layland's bound",
        "The hyperperiod is 420ms",
        "The run proves what it shows",
    ] {
        assert!(table.contains(said), "{said} in\n{table}");
    }
    let (_, json, _) = told(&trapline(&text, &["--format", "json"]));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let worst: Vec<_> = (0..3).map(|task| json["tasks"][task]["analysed"].as_u64().unwrap()).collect();
    assert_eq!(worst, [3_000_000, 6_000_000, 20_000_000]);
    assert_eq!(json["tasks"][2]["simulated"], 20_000_000);
    assert_eq!(json["tasks"][2]["verdict"], "proved");
    let (_, markdown, _) = told(&trapline(&text, &["--format", "markdown", "--no-run"]));
    assert!(
        markdown.contains("| c | 0 | 5ms | 20ms | 20ms | 0.250 | 20ms | - | 0 | 0ns | proved |"),
        "{markdown}"
    );
    assert!(markdown.contains("nothing was run"));
}

#[test]
fn a_miss_is_told_with_the_jobs_that_lead_to_it() {
    let text = format!("{HEAD}{BURNS}").replace("\"20ms\"", "\"19ms\"");
    let (status, table, _) = told(&trapline(&text, &["--check"]));
    assert_eq!(status, Some(1), "{table}");
    for said in
        ["misses", "in the run, job 1 isn't done by 19ms", "1 of `c` (5ms), 3 of `a` (9ms), 2 of `b` (6ms)"]
    {
        assert!(table.contains(said), "{said} in\n{table}");
    }
}

#[test]
fn overload_is_said_to_have_no_longest_response() {
    let text = format!("{HEAD}{BURNS}").replace("\"12ms\"", "\"5ms\"");
    let (status, table, _) = told(&trapline(&text, &["--no-run"]));
    assert_eq!(status, Some(0), "{table}");
    for said in ["above 1: overload", "don't converge: the utilisation", "isn't done by then"] {
        assert!(table.contains(said), "{said} in\n{table}");
    }
}

#[test]
fn what_cant_be_analysed_is_refused_with_what_to_do() {
    let cases = [
        (
            "[process.a]\nsteps = [ { compute = \"1us\" } ]\n",
            "",
            "no periodic process: give one a `period`",
            2,
        ),
        (BURNS, "lottery", "no analysis for the policy `lottery`", 2),
        (BURNS, "nonsense", "no analysis for the policy `nonsense`", 2),
        (
            "[process.a]\nperiod = \"2ms\"\nwcet = \"3ms\"\nsteps = [ { compute = \"1us\" } ]\n",
            "",
            "computes for 3ms and must be done within 2ms",
            2,
        ),
        (
            "[process.a]\nperiod = \"0ms\"\nsteps = [ { compute = \"1us\" } ]\n",
            "",
            "must be longer than nothing",
            3,
        ),
        (
            "[process.a]\ncount = 1001\nperiod = \"9ms\"\njobs = 1\nsteps = [ { compute = \"1us\" } ]\n",
            "",
            "1001 tasks are too many",
            2,
        ),
    ];
    for (tasks, policy, said, exit) in cases {
        let policy: &[&str] = if policy.is_empty() { &[] } else { &["--policy", policy] };
        let (status, out, error) = told(&trapline(&format!("{HEAD}{tasks}"), policy));
        assert!(error.contains(said), "{said} in {error}");
        assert_eq!((status, out.as_str()), (Some(exit), ""), "{error}");
    }
    let stiff =
        format!("{HEAD}{BURNS}").replace("\"priority\"", "{ policy = \"priority\", preemptive = false }");
    let (status, _, error) = told(&trapline(&stiff, &[]));
    assert!(status == Some(2) && error.contains("without pre-emption"), "{error}");
}
