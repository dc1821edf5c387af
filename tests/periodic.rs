//! Jobs and real-time policies: who runs when, and what becomes of what is late, with times that can be
//! added up by hand.

#[path = "common/paces.rs"]
#[expect(dead_code, reason = "nothing is printed here")]
mod paces;
#[path = "common/switches.rs"]
#[expect(dead_code, reason = "what is shown here is jobs")]
mod switches;

use switches::free;
use trapline::ids::Tid;
use trapline::scenario::{Overrides, Scenario};
use trapline::trace::{Event, Kind, Rule};

/// What becomes of jobs: `a2+7` is the second job of the first process, released at 7 µs; `=` when it ended,
/// `!` when it was late, `-` when it was given up and `/` when it was left out. A nanosecond more or less
/// isn't shown.
fn jobs(text: &str) -> String {
    let shown = |event: &Event| {
        let (task, number, sign) = match event.kind {
            Kind::JobRelease { task, number, .. } => (task, number, '+'),
            Kind::JobEnd { task, number } => (task, number, '='),
            Kind::DeadlineMiss { task, number } => (task, number, '!'),
            Kind::JobDrop { task, number, begun: true } => (task, number, '-'),
            Kind::JobDrop { task, number, begun: false } => (task, number, '/'),
            _ => return None,
        };
        Some(format!("{}{number}{sign}{}", name(task), event.at.as_nanos() / 1000))
    };
    free(text).iter().filter_map(shown).collect::<Vec<String>>().join(" ")
}

fn name(task: Tid) -> char {
    char::from(b'a' + (task.0 - 2) as u8)
}

/// Who got the CPU when, in microseconds.
fn switches(text: &str) -> String {
    let shown = |event: &Event| match event.kind {
        Kind::SchedSwitch { next, .. } if next.0 >= 2 => {
            Some(format!("{}{}", name(next), event.at.as_nanos() / 1000))
        }
        _ => None,
    };
    free(text).iter().filter_map(shown).collect::<Vec<String>>().join(" ")
}

fn two(scheduler: &str, first: &str, second: &str) -> String {
    format!("[kernel]\nscheduler = {scheduler}\n[process.a]\n{first}\n[process.b]\n{second}\n")
}

const FIVE: &str = "period = \"5us\"\njobs = 7\nsteps = [{ compute = \"2us\" }]";
const SEVEN: &str = "period = \"7us\"\njobs = 5\nsteps = [{ compute = \"4us\" }]";

/// 2/5 + 4/7 of the CPU is more than Liu and Layland's bound for two, 0.828, and less than 1. The first job
/// of `b` has 3 µs by 5, when `a` takes the CPU again, and so 4 at 8.
#[test]
fn the_earliest_deadline_meets_what_the_shortest_period_misses() {
    let rm = jobs(&two("\"rm\"", FIVE, SEVEN));
    assert!(rm.starts_with("a1+0 b1+0 a1=2 a2+5 a2=7 b1!7 b1=8 b2+8"), "{rm}");
    let edf = jobs(&two("\"edf\"", FIVE, SEVEN));
    assert!(edf.starts_with("a1+0 b1+0 a1=2 a2+5 b1=6 b2+7 a2=8 a3+10 b2=12"), "{edf}");
    assert!(!edf.contains('!'), "{edf}");
}

#[test]
fn a_pick_tells_the_deadline_or_the_period_that_it_went_by() {
    let picks = |scheduler: &str| {
        let first = |event: &Event| match event.kind {
            Kind::SchedPick { rule, number, .. } => Some((rule, number)),
            _ => None,
        };
        free(&two(scheduler, FIVE, SEVEN)).iter().filter_map(first).take(2).collect::<Vec<_>>()
    };
    assert_eq!(picks("\"edf\""), [(Rule::Deadline, 5_000), (Rule::Deadline, 7_000)]);
    assert_eq!(picks("\"rm\""), [(Rule::Period, 5_000), (Rule::Period, 7_000)]);
    assert_eq!(picks("\"dm\""), [(Rule::RelativeDeadline, 5_000), (Rule::RelativeDeadline, 7_000)]);
}

/// The period of `b` is the longer one, its deadline the shorter.
#[test]
fn deadline_monotonic_goes_by_deadlines() {
    let late = "period = \"9us\"\njobs = 1\ndeadline = \"3us\"\nsteps = [{ compute = \"1us\" }]";
    assert_eq!(switches(&two("\"dm\"", FIVE, late)).split(' ').next(), Some("b0"));
    assert_eq!(switches(&two("\"rm\"", FIVE, late)).split(' ').next(), Some("a0"));
}

/// Equal deadlines at 10 µs: the second job of `a` is released at 5, when `b` runs.
#[test]
fn the_running_thread_keeps_the_cpu_among_equals_unless_it_is_to_compete() {
    let a = "period = \"5us\"\njobs = 2\nsteps = [{ compute = \"1us\" }]";
    let b = "period = \"10us\"\njobs = 1\nsteps = [{ compute = \"8us\" }]";
    let kept = "a1+0 b1+0 a1=1 a2+5 b1=9 a2=10";
    assert_eq!(jobs(&two("\"edf\"", a, b)), kept);
    assert_eq!(jobs(&two("{ policy = \"edf\", ties = \"order\" }", a, b)), kept);
    assert_eq!(jobs(&two("{ policy = \"edf\", running = \"competes\" }", a, b)), kept);
    let competes = "{ policy = \"edf\", ties = \"order\", running = \"competes\" }";
    assert_eq!(jobs(&two(competes, a, b)), "a1+0 b1+0 a1=1 a2+5 a2=6 b1=10");
}

/// The laxity of `a` is 2 µs, that of `b` 6.5. Having run for 4.5, `a` has as much; a quantum later `b`
/// has less.
#[test]
fn the_least_laxity_goes_by_what_is_left_to_do() {
    let a =
        "period = \"20us\"\ndeadline = \"10us\"\nwcet = \"8us\"\njobs = 1\nsteps = [{ compute = \"8us\" }]";
    let b = "period = \"20us\"\ndeadline = \"8us\"\nwcet = \"1500ns\"\njobs = 1\nsteps = [{ compute = \"1500ns\" }]";
    let llf = "{ policy = \"llf\", quantum = \"1us\" }";
    assert_eq!(switches(&two(llf, a, b)), "a0 b5 a7");
    assert_eq!(switches(&two("\"edf\"", a, b)), "b0 a1");
}

const LATE: &str = "[process.a]\nperiod = \"10us\"\njobs = 3\non-miss = \"abort\"\n";

#[test]
fn a_late_job_is_given_up_at_its_deadline() {
    let text = format!("{LATE}steps = [{{ compute = \"12us\" }}]\n");
    assert_eq!(jobs(&text), "a1+0 a1!10 a1-10 a2+10 a2!20 a2-20 a3+20 a3!30 a3-30");
}

/// Nobody ever writes: the wait ends with the job.
#[test]
fn a_job_that_waits_is_woken_to_be_given_up() {
    let text =
        format!("[pipe.p]\n{LATE}steps = [{{ compute = \"1us\" }}, {{ read = \"p\", bytes = \"1B\" }}]\n");
    let text = text.replace("[pipe.p]", "[pipe.p]\nof = \"a\"\nends = \"both\"");
    assert_eq!(jobs(&text), "a1+0 a1!10 a1-10 a2+10 a2!20 a2-20 a3+20 a3!30 a3-30");
}

/// It goes on behind its own `next-period`, not at the beginning.
#[test]
fn after_a_job_given_up_comes_what_is_behind_its_end() {
    let text = format!(
        "{LATE}steps = [{{ repeat = 2, do = [{{ compute = \"7us\" }}] }}, {{ next-period = true }}, {{ compute = \"3us\" }}]\n"
    );
    // The second job is over when the process has ended, which says nothing of a job.
    assert_eq!(jobs(&text), "a1+0 a1!10 a1-10 a2+10");
    let text =
        text.replace("jobs = 3", "jobs = 2").replace("\"3us\" }]", "\"3us\" }, { next-period = true }]");
    assert_eq!(jobs(&text), "a1+0 a1!10 a1-10 a2+10 a2=13");
}

#[test]
fn jobs_are_released_at_the_times_that_are_listed() {
    let text = "[process.a]\nreleases = [\"3us\", \"4us\", \"9us\"]\ndeadline = \"2us\"\nsteps = [{ compute = \"2us\" }]\n";
    // The second is released while the first one runs, and has 1 µs of its 2 left.
    assert_eq!(jobs(text), "a1+3 a1=5 a2+5 a2!6 a2=7 a3+9 a3=11");
}

#[test]
fn a_gap_comes_on_top_of_each_period() {
    let process = "[process.a]\nperiod = \"5us\"\njobs = 3\nsteps = [{ compute = \"1us\" }]\n";
    assert_eq!(jobs(&format!("{process}gap = \"2us\"\n")), "a1+0 a1=1 a2+7 a2=8 a3+14 a3=15");
    let random = |seed: u64| {
        let text = format!(
            "{process}gap = {{ dist = \"uniform\", low = \"0us\", high = \"9us\" }}\n[run]\nseed = {seed}\n"
        );
        let release = |event: &Event| match event.kind {
            Kind::JobRelease { release, .. } => Some(release),
            _ => None,
        };
        free(&text).iter().filter_map(release).collect::<Vec<u64>>()
    };
    assert_eq!(random(1), random(1));
    assert_ne!(random(1), random(2));
    for seed in 1..20 {
        let releases = random(seed);
        assert!(
            releases.windows(2).all(|pair| (5_000..=14_000).contains(&(pair[1] - pair[0]))),
            "{releases:?}"
        );
    }
}

const GREEDY: &str = "period = \"10us\"\nbudget = \"2us\"\njobs = 1\nsteps = [{ compute = \"5us\" }]";

#[test]
fn a_spent_server_waits_for_its_deadline_or_gets_a_later_one() {
    let alone = |parameters: &str| {
        let scheduler = format!("{{ policy = \"cbs\"{parameters} }}");
        jobs(&format!("[kernel]\nscheduler = {scheduler}\n[process.a]\n{GREEDY}\n"))
    };
    assert_eq!(alone(""), "a1+0 a1=5");
    // 2 µs from 0, from 10 and from 20.
    assert_eq!(alone(", when-spent = \"throttle\""), "a1+0 a1!10 a1=21");
    // A fifth of the CPU is all that belongs to anybody: 2 µs of budget last for 10.
    assert_eq!(alone(", when-spent = \"throttle\", reclaim = \"grub\""), "a1+0 a1=5");
}

/// `a` needs 5 of 10 µs, `b` 8 where it is allowed 2. At 10 the server of `b` is at its third budget, whose
/// deadline is 30, and `a` goes first; by its job's deadline `b` would.
#[test]
fn a_server_delays_whoever_computes_more_than_told_and_nobody_else() {
    let a = "period = \"10us\"\njobs = 2\nsteps = [{ compute = \"5us\" }]";
    let b = "period = \"10us\"\nbudget = \"2us\"\njobs = 1\nsteps = [{ compute = \"8us\" }]";
    assert_eq!(jobs(&two("\"cbs\"", a, b)), "a1+0 b1+0 a1=5 a2+10 b1!10 a2=15 b1=18");
    assert_eq!(jobs(&two("\"edf\"", a, b)), "a1+0 b1+0 a1=5 a2+10 b1!10 b1=13 a2=18");
}

/// Both servers have shares of 1/2. `a` has done its work at 1; the rest of its budget, 4, stands for the 8 µs
/// before its deadline at 10. So its share is free from 2 on: `b` has used up 1 of its 5 by then, and goes on
/// at half the pace.
#[test]
fn a_share_is_free_when_its_server_has_had_no_more_than_that() {
    let b = "period = \"10us\"\nbudget = \"5us\"\njobs = 1\nsteps = [{ compute = \"1us\" }]";
    let a = "period = \"10us\"\nbudget = \"5us\"\njobs = 1\nsteps = [{ compute = \"8us\" }]";
    let throttle = |reclaim: &str| {
        let scheduler = format!("{{ policy = \"cbs\", when-spent = \"throttle\", reclaim = \"{reclaim}\" }}");
        jobs(&two(&scheduler, b, a))
    };
    assert_eq!(throttle("none"), "a1+0 b1+0 a1=1 b1!10 b1=13");
    assert_eq!(throttle("grub"), "a1+0 b1+0 a1=1 b1=9");
}

#[test]
fn what_is_wrong_with_releases_is_said() {
    let steps = "steps = [{ compute = \"1us\" }]";
    for (keys, wanted) in [
        ("releases = []\ndeadline = \"1us\"", "`releases` is an empty list"),
        ("releases = [\"3us\", \"2us\"]\ndeadline = \"1us\"", "in the order in which they come"),
        ("releases = [\"3us\", \"7us\"]\nperiod = \"5us\"", "not before 8"),
        ("releases = [\"3us\"]", "need a deadline"),
        ("releases = [\"3us\"]\ndeadline = \"1us\"\nstart = \"1us\"", "leave out `start`"),
        ("releases = [\"3us\"]\nperiod = \"5us\"\ngap = \"1us\"", "`gap` comes after each period"),
        ("gap = \"1us\"", "`gap` is for a process that has a job in each period"),
        (
            "period = \"5us\"\ngap = { dist = \"pareto\", scale = \"1us\", shape = 2.0 }",
            "uniform or exponential",
        ),
        ("period = \"0us\"", "`period` must be longer than nothing"),
        ("period = \"5us\"\non-miss = \"stop\"", "abort"),
    ] {
        let text = format!("format = 1\n[process.a]\n{keys}\n{steps}\n");
        let diagnostics = Scenario::parse("test", &text, &Overrides::default()).expect_err(keys);
        let shown = diagnostics.render(false);
        assert!(shown.contains(wanted), "{keys}: {shown}");
    }
}
