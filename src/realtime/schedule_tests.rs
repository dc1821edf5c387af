//! The tests of real-time theory against a schedule that is drawn tick by tick.

use std::cmp::Reverse;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use crate::time::Span;

use super::bounds::{hyperbolic, liu_layland};
use super::demand::{Demand, demand, demand_at_each_deadline};
use super::edf_response::responses;
use super::horizon::hyperperiod;
use super::response::{Response, response};
use super::task::{Budget, Interrupt, Order, TaskSet};
use super::tests::{found, implicit, meets_demand, set};

#[derive(Clone, Copy)]
enum Rule {
    Fixed,
    Edf,
    /// Of jobs that are due at the same time, this task's come last.
    EdfAgainst(usize),
}

/// One CPU, one tick after the other. Shares nothing with what it is to confirm.
struct Schedule<'a> {
    set: &'a TaskSet,
    offsets: Vec<u64>,
    rule: Rule,
}

impl Schedule<'_> {
    fn of(set: &TaskSet, offsets: Vec<u64>, rule: Rule) -> Schedule<'_> {
        Schedule { set, offsets, rule }
    }

    /// The longest response of each task among the jobs that are released before `until`.
    fn worst(&self, until: u64) -> Vec<u64> {
        let tasks = &self.set.tasks;
        let mut worst = vec![0; tasks.len()];
        // Task, release, what is left; the jobs of a task stay in their order.
        let mut jobs: Vec<(usize, u64, u64)> = Vec::new();
        for now in 0_u64.. {
            for (index, task) in tasks.iter().enumerate() {
                let since = now.checked_sub(self.offsets[index]);
                if now < until && since.is_some_and(|since| since.is_multiple_of(task.period.as_nanos())) {
                    jobs.push((index, now, task.wcet.as_nanos()));
                }
            }
            if jobs.is_empty() && now >= until {
                break;
            }
            let urgency = |&(index, release, _): &(usize, u64, u64)| match self.rule {
                Rule::Fixed => (Reverse(tasks[index].priority), release, false),
                Rule::Edf => (Reverse(0), release + tasks[index].deadline.as_nanos(), false),
                Rule::EdfAgainst(last) => {
                    (Reverse(0), release + tasks[index].deadline.as_nanos(), index == last)
                }
            };
            if let Some(first) = (0..jobs.len()).min_by_key(|&job| urgency(&jobs[job])) {
                jobs[first].2 -= 1;
                let (index, release, left) = jobs[first];
                if left == 0 {
                    worst[index] = worst[index].max(now + 1 - release);
                    jobs.remove(first);
                }
            }
        }
        worst
    }

    fn meets_all(&self, until: u64) -> bool {
        let tasks = self.set.tasks.iter();
        self.worst(until).iter().zip(tasks).all(|(worst, task)| *worst <= task.deadline.as_nanos())
    }
}

/// A set with utilisation of at most 1 and a short hyperperiod; deadlines up to `latest` periods.
fn random_set(random: &mut Pcg64, latest: u64) -> TaskSet {
    const PERIODS: [u64; 10] = [3, 4, 5, 6, 8, 10, 12, 15, 20, 24];
    loop {
        let count = random.random_range(1..=5);
        let tasks: Vec<_> = (0..count)
            .map(|_| {
                let period = PERIODS[random.random_range(0..PERIODS.len())];
                let wcet = random.random_range(1..=period.div_ceil(2));
                (wcet, period, random.random_range(wcet..=period * latest))
            })
            .collect();
        let set = set(&tasks);
        if set.utilisation().is_at_most(1) {
            return set;
        }
    }
}

fn random_sets(seed: u64, count: usize, latest: u64) -> Vec<TaskSet> {
    let mut random = Pcg64::seed_from_u64(seed);
    (0..count).map(|_| random_set(&mut random, latest)).collect()
}

fn synchronous(set: &TaskSet, rule: Rule) -> Schedule<'_> {
    Schedule::of(set, vec![0; set.tasks.len()], rule)
}

fn repeats_after(set: &TaskSet) -> u64 {
    hyperperiod(set).expect("a hyperperiod").as_nanos()
}

#[test]
fn analysed_responses_are_those_of_the_critical_instant() {
    for set in random_sets(1, 1_500, 3) {
        let drawn = synchronous(&set, Rule::Fixed).worst(repeats_after(&set));
        assert_eq!(found(&set), drawn, "{set:?}");
    }
}

#[test]
fn a_release_at_the_very_end_of_a_job_can_come_first() {
    let mut set = implicit(&[(5, 20), (10, 40), (40, 80)]);
    set.releases_first = true;
    assert_eq!(found(&set), [5, 15, 95], "its work is done at 80, as five and ten units more are released");
    let mut set = implicit(&[(3, 7), (3, 12), (5, 20)]);
    set.releases_first = true;
    assert_eq!(found(&set), [3, 6, 20], "nothing is released at 20 but its own next job");
    // A tick more of its own work, which isn't counted, makes the same of it in a drawn schedule.
    for set in random_sets(8, 500, 1) {
        let lowest = set.tasks.len() - 1;
        let mut longer = set.clone();
        longer.tasks[lowest].wcet += Span::TICK;
        let mut first = set;
        first.releases_first = true;
        let all = |set: &TaskSet| match response(set, lowest, &mut Budget::default()) {
            Response::Bounded { worst, miss: None } => Some(worst),
            Response::Bounded { .. } | Response::Unbounded { .. } | Response::TooLong => None,
        };
        // Its first job alone, with all that is released until it ends.
        let period = first.tasks[lowest].period;
        if let Some(worst) = all(&first).filter(|worst| *worst < period) {
            let drawn = synchronous(&longer, Rule::Fixed).worst(period.as_nanos())[lowest];
            assert_eq!(worst.as_nanos() + 1, drawn, "{first:?}");
        }
    }
}

#[test]
fn no_offsets_lead_to_longer_responses_than_analysed() {
    let mut random = Pcg64::seed_from_u64(2);
    for set in random_sets(3, 500, 2) {
        let fixed = found(&set);
        let edf = responses(&set, &mut Budget::default()).expect("responses");
        let offsets: Vec<u64> =
            set.tasks.iter().map(|task| random.random_range(0..task.period.as_nanos())).collect();
        let until = 2 * repeats_after(&set) + 24;
        let drawn = Schedule::of(&set, offsets.clone(), Rule::Fixed).worst(until);
        assert!(fixed.iter().zip(&drawn).all(|(analysed, drawn)| analysed >= drawn), "{offsets:?} {set:?}");
        let drawn = Schedule::of(&set, offsets.clone(), Rule::Edf).worst(until);
        assert!(edf.iter().zip(&drawn).all(|(edf, drawn)| edf.as_nanos() >= *drawn), "{offsets:?} {set:?}");
    }
}

#[test]
fn some_release_has_the_response_that_spuri_finds() {
    let mut later = 0;
    for set in random_sets(7, 150, 1) {
        let analysed = responses(&set, &mut Budget::default()).expect("responses");
        let until = 2 * repeats_after(&set) + 24;
        for (index, task) in set.tasks.iter().enumerate() {
            let drawn = |offset| {
                let mut offsets = vec![0; set.tasks.len()];
                offsets[index] = offset;
                Schedule::of(&set, offsets, Rule::EdfAgainst(index)).worst(until)[index]
            };
            let worst = (0..task.period.as_nanos()).map(drawn).max();
            assert_eq!(Some(analysed[index].as_nanos()), worst, "{index} of {set:?}");
            later += u32::from(worst > Some(drawn(0)));
        }
    }
    assert!(later > 10, "often not the job that is released together with all others: {later}");
}

#[test]
fn the_demand_test_says_what_the_synchronous_schedule_shows() {
    let mut met = 0;
    for set in random_sets(4, 1_500, 1) {
        let drawn = synchronous(&set, Rule::Edf).meets_all(repeats_after(&set));
        assert_eq!(meets_demand(&set), drawn, "{set:?}");
        met += usize::from(drawn);
    }
    assert!((200..1_300).contains(&met), "both answers occur often: {met}");
}

#[test]
fn qpa_finds_what_looking_at_each_deadline_finds() {
    let mut exceeded = 0;
    for mut set in random_sets(5, 3_000, 2) {
        // Handlers and blocking change the demand between deadlines, too.
        let odd = set.tasks[0].wcet.as_nanos() % 2 == 1;
        if odd {
            set.tasks[0].blocking = Span::TICK;
            set.interrupts.push(Interrupt { period: Span::from_nanos(40), cost: Span::TICK });
        }
        let quick = demand(&set, &mut Budget::default());
        assert_eq!(
            quick,
            demand_at_each_deadline(&set, &mut Budget::default()).with_first(&quick),
            "{set:?}"
        );
        exceeded += usize::from(matches!(quick, Demand::Exceeded(_)));
    }
    assert!((300..2_700).contains(&exceeded), "both answers occur often: {exceeded}");
}

impl Demand {
    /// An overload's first excess isn't looked for by every test.
    fn with_first(self, other: &Demand) -> Demand {
        match (self, other) {
            (Demand::Overload(None), Demand::Overload(first)) => Demand::Overload(first.clone()),
            (own, _) => own,
        }
    }
}

#[test]
fn bounds_never_admit_what_the_exact_test_refuses() {
    let (mut layland, mut bini, mut exact) = (0, 0, 0);
    for mut set in random_sets(6, 1_500, 1) {
        for task in &mut set.tasks {
            task.deadline = task.period;
        }
        set.prioritise(Order::RateMonotonic);
        let meets =
            found(&set).iter().zip(&set.tasks).all(|(worst, task)| *worst <= task.deadline.as_nanos());
        assert!(!liu_layland(&set) || hyperbolic(&set), "{set:?}");
        // Equal periods make equal priorities, whose responses are bounds only.
        assert!(!hyperbolic(&set) || meets || set.tasks.len() > distinct(&set), "{set:?}");
        layland += usize::from(liu_layland(&set));
        bini += usize::from(hyperbolic(&set));
        exact += usize::from(meets);
    }
    assert!(layland < bini && bini < exact, "{layland} < {bini} < {exact}");
}

fn distinct(set: &TaskSet) -> usize {
    let mut periods: Vec<_> = set.tasks.iter().map(|task| task.period).collect();
    periods.sort();
    periods.dedup();
    periods.len()
}
