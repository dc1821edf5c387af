//! How accurate the simulation is: many comparisons by class, beside the goals.

use serde::Serialize;

use super::contributors::Reason;
use super::facts::Facts;
use super::join::Comparison;
use super::pieces::Cause;
use super::row::Group;
use super::statistics::rank;
use super::verdict::Verdict;

/// Where the processes were allowed to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    OneCpu,
    /// Each process on a CPU that the scenario names.
    Pinned,
    /// Up to the host.
    Unpinned,
}

/// What a run does most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nature {
    /// More than half of its CPU time is the kernel's.
    Ipc,
    Compute,
    /// It reads or writes files.
    Io,
    /// It mostly sleeps.
    Sleep,
}

impl Nature {
    /// What a run does most, by what it read and wrote, and where its time went. Without an answer
    /// from the kernel, time between processes and inside of calls counts as the kernel's.
    pub fn of(facts: &Facts, kernel_share: Option<f64>) -> Nature {
        let of = |is_meant: fn(&Cause) -> bool| -> u64 {
            let pieces = facts.pieces.iter().filter(|(cause, _)| is_meant(cause));
            pieces.map(|(_, pieces)| pieces.nanos).sum()
        };
        let all = of(|_| true);
        let asleep = of(|cause| matches!(cause, Cause::Call(key) if key.call == "nanosleep"));
        let user = of(|cause| matches!(cause, Cause::User(_)));
        if facts.file_bytes > 0 {
            Nature::Io
        } else if asleep * 2 > all {
            Nature::Sleep
        } else if kernel_share.map_or(user * 2 < all - asleep, |share| share > 0.5) {
            Nature::Ipc
        } else {
            Nature::Compute
        }
    }
}

/// One scenario's comparison, as the table needs it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Case {
    pub name: String,
    pub placement: Placement,
    pub nature: Nature,
    pub simulated: f64,
    pub measured: f64,
    /// Of the end-to-end time, in parts.
    pub error: f64,
    pub verdict: Verdict,
    /// Counts that must agree and don't.
    pub wrong_counts: Vec<String>,
    /// The largest error of switches and wake-ups, in parts.
    pub switches: Option<f64>,
    /// What explains most of the error.
    pub cause: String,
    pub reason: Option<Reason>,
    /// Whether the measured time lies between both placements, if that isn't predicted.
    pub between: Option<bool>,
    pub disturbed: usize,
}

impl Case {
    /// Nothing if there is no end-to-end time.
    pub fn new(name: &str, placement: Placement, comparison: &Comparison) -> Option<Case> {
        let row = comparison.end_to_end()?;
        let wrong = comparison.rows(Group::Work).filter(|row| row.verdict != Verdict::Same);
        let wrong = wrong.map(|row| format!("{}: {} instead of {}", row.name, row.one, row.other.median));
        // One or two switches more are a small number's error, not a rule's.
        let switches = comparison.rows(Group::Scheduling).map(|row| {
            let apart = (row.one - row.other.median).abs();
            if apart <= 2.0 { 0.0 } else { apart / row.other.median.max(1.0) }
        });
        let cause = comparison.contributors.first();
        Some(Case {
            name: name.to_owned(),
            placement,
            nature: comparison.nature,
            simulated: row.one,
            measured: row.other.median,
            error: row.error.unwrap_or(f64::INFINITY),
            verdict: row.verdict,
            wrong_counts: wrong.collect(),
            switches: switches.max_by(f64::total_cmp),
            cause: cause.map_or(String::new(), |cause| cause.words().trim_start().to_owned()),
            reason: cause.map(|cause| cause.reason),
            between: comparison.is_between(),
            disturbed: comparison.conditions.disturbed,
        })
    }
}

/// Some cases' errors, without their signs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Class {
    pub name: &'static str,
    pub cases: usize,
    pub median: f64,
    pub p90: f64,
    pub worst: f64,
}

/// What was aimed at, and whether it was reached; nothing if no case tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Goal {
    pub name: &'static str,
    pub reached: Option<bool>,
    pub found: String,
}

/// The accuracy over many scenarios.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Accuracy {
    pub profile: String,
    pub machine: String,
    pub runs: usize,
    pub classes: Vec<Class>,
    pub goals: Vec<Goal>,
    /// The largest errors first.
    pub cases: Vec<Case>,
    /// Scenarios that couldn't be compared, each with the reason.
    pub failed: Vec<(String, String)>,
}

impl Accuracy {
    pub fn new(
        profile: &str,
        machine: &str,
        runs: usize,
        mut cases: Vec<Case>,
        failed: Vec<(String, String)>,
    ) -> Accuracy {
        cases.sort_by(|one, other| {
            other.error.abs().total_cmp(&one.error.abs()).then_with(|| one.name.cmp(&other.name))
        });
        let (profile, machine) = (profile.to_owned(), machine.to_owned());
        Accuracy { profile, machine, runs, classes: classes(&cases), goals: goals(&cases), cases, failed }
    }

    /// Whether every goal that can be judged was reached.
    pub fn is_reached(&self) -> bool {
        self.goals.iter().all(|goal| goal.reached != Some(false)) && self.failed.is_empty()
    }
}

impl Placement {
    pub const fn name(self) -> &'static str {
        match self {
            Placement::OneCpu => "one CPU",
            Placement::Pinned => "pinned",
            Placement::Unpinned => "unpinned",
        }
    }
}

impl Nature {
    pub const fn name(self) -> &'static str {
        match self {
            Nature::Ipc => "IPC",
            Nature::Compute => "compute",
            Nature::Io => "I/O",
            Nature::Sleep => "sleep",
        }
    }
}

/// The errors of those cases that are meant, without their signs, sorted.
fn errors(cases: &[Case], is_meant: impl Fn(&Case) -> bool) -> Vec<f64> {
    let mut errors: Vec<f64> =
        cases.iter().filter(|case| is_meant(case)).map(|case| case.error.abs()).collect();
    errors.sort_by(f64::total_cmp);
    errors
}

fn classes(cases: &[Case]) -> Vec<Class> {
    type Meant = fn(&Case) -> bool;
    let meant: [(&'static str, Meant); 8] = [
        ("all", |_| true),
        ("one CPU", |case| case.placement == Placement::OneCpu),
        ("two CPUs, pinned", |case| case.placement == Placement::Pinned),
        ("unpinned", |case| case.placement == Placement::Unpinned),
        ("IPC-dominated", Case::is_ipc),
        ("compute-dominated", |case| case.nature == Nature::Compute),
        ("I/O", |case| case.nature == Nature::Io),
        ("sleep", |case| case.nature == Nature::Sleep),
    ];
    let classes = meant.into_iter().filter_map(|(name, is_meant)| {
        let errors = errors(cases, is_meant);
        let (median, p90) = (rank(&errors, 0.5)?, rank(&errors, 0.9)?);
        Some(Class { name, cases: errors.len(), median, p90, worst: rank(&errors, 1.0)? })
    });
    classes.collect()
}

impl Case {
    /// Those that aren't pinned are judged by whether the measured time lies between.
    fn is_ipc(&self) -> bool {
        self.nature == Nature::Ipc && self.placement != Placement::Unpinned
    }
}

fn goals(cases: &[Case]) -> Vec<Goal> {
    let within = |name, is_meant: fn(&Case) -> bool, median: f64, p90: f64| {
        let errors = errors(cases, is_meant);
        let both = rank(&errors, 0.5).zip(rank(&errors, 0.9));
        let found = both.map_or(String::new(), |(middle, high)| {
            format!("{:.1} %, {:.1} %", middle * 100.0, high * 100.0)
        });
        Goal { name, reached: both.map(|(middle, high)| middle <= median && high <= p90), found }
    };
    let ipc = errors(cases, Case::is_ipc);
    let factor = cases.iter().filter(|case| case.is_ipc()).map(|case| {
        let ratio = case.simulated / case.measured.max(1.0);
        ratio.max(1.0 / ratio)
    });
    let factor = factor.max_by(f64::total_cmp);
    let all = |name, found: Vec<bool>| {
        let (good, all) = (found.iter().filter(|good| **good).count(), found.len());
        Goal { name, reached: (all > 0).then_some(good == all), found: format!("{good} of {all}") }
    };
    let pinned = || cases.iter().filter(|case| case.placement != Placement::Unpinned);
    vec![
        within("one CPU: median ≤ 5 %, p90 ≤ 15 %", |case| case.placement == Placement::OneCpu, 0.05, 0.15),
        within(
            "two CPUs pinned: median ≤ 10 %, p90 ≤ 25 %",
            |case| case.placement == Placement::Pinned,
            0.10,
            0.25,
        ),
        Goal {
            name: "IPC-dominated: median ≤ 10 %, never beyond 2×",
            reached: rank(&ipc, 0.5).zip(factor).map(|(median, factor)| median <= 0.10 && factor <= 2.0),
            found: rank(&ipc, 0.5)
                .zip(factor)
                .map_or(String::new(), |(median, factor)| format!("{:.1} %, {factor:.2}×", median * 100.0)),
        },
        all(
            "unpinned: measured between one CPU and spread",
            cases.iter().filter_map(|case| case.between).collect(),
        ),
        all("calls, faults, messages exact", pinned().map(|case| case.wrong_counts.is_empty()).collect()),
        all(
            "switches and wake-ups within 10 %",
            pinned().filter_map(|case| Some(case.switches? <= 0.10)).collect(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(name: &str, placement: Placement, nature: Nature, simulated: f64) -> Case {
        Case {
            name: name.to_owned(),
            placement,
            nature,
            simulated,
            measured: 100.0,
            error: simulated / 100.0 - 1.0,
            verdict: Verdict::Same,
            wrong_counts: Vec::new(),
            switches: Some(0.0),
            cause: "why".to_owned(),
            reason: None,
            between: (placement == Placement::Unpinned).then_some(true),
            disturbed: 0,
        }
    }

    fn accuracy(cases: Vec<Case>) -> Accuracy {
        Accuracy::new("p", "m", 11, cases, Vec::new())
    }

    #[test]
    fn classes_have_the_median_and_the_90th_percentile_of_their_errors() {
        let one = |name: &str, simulated| case(name, Placement::OneCpu, Nature::Compute, simulated);
        let found = accuracy(vec![one("a", 101.0), one("b", 97.0), one("c", 110.0)]);
        let class = found.classes.iter().find(|class| class.name == "one CPU").unwrap();
        let whole = [class.median, class.p90, class.worst].map(|error| (error * 1000.0).round());
        assert_eq!((class.cases, whole), (3, [30.0, 100.0, 100.0]));
        assert_eq!(found.cases[0].name, "c");
        assert!(found.is_reached(), "{:?}", found.goals);
    }

    #[test]
    fn a_goal_without_cases_is_not_tested() {
        let found = accuracy(vec![case("a", Placement::OneCpu, Nature::Compute, 100.0)]);
        let pinned = found.goals.iter().find(|goal| goal.name.starts_with("two CPUs")).unwrap();
        assert_eq!(pinned.reached, None);
        assert!(found.render(true, 80).contains("| not tested |"));
    }

    #[test]
    fn twice_too_fast_is_as_far_as_twice_too_slow() {
        let ipc = |simulated| accuracy(vec![case("a", Placement::Pinned, Nature::Ipc, simulated)]);
        let goal =
            |found: Accuracy| found.goals.into_iter().find(|goal| goal.name.starts_with("IPC")).unwrap();
        assert!(goal(ipc(45.0)).found.ends_with("2.22×"));
        assert!(goal(ipc(220.0)).found.ends_with("2.20×"));
        assert_eq!(goal(ipc(105.0)).reached, Some(true));
    }

    #[test]
    fn one_wrong_count_misses_the_goal() {
        let mut wrong = case("a", Placement::OneCpu, Nature::Ipc, 100.0);
        wrong.wrong_counts.push("read: 3 instead of 4".to_owned());
        let found = accuracy(vec![wrong, case("b", Placement::OneCpu, Nature::Ipc, 100.0)]);
        assert!(!found.is_reached());
        let goal = found.goals.iter().find(|goal| goal.name.starts_with("calls")).unwrap();
        assert_eq!((goal.reached, goal.found.as_str()), (Some(false), "1 of 2"));
    }
}
