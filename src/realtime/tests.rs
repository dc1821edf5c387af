//! The tests of real-time theory against sets from textbooks.

use crate::ids::CpuId;
use crate::time::{Instant, Span};

use super::bounds::{global_edf, hyperbolic, hyperbolic_product, liu_layland, liu_layland_bound};
use super::demand::{Demand, demand, demand_at_each_deadline};
use super::edf_response::responses;
use super::horizon::{horizon, hyperperiod};
use super::placement::first_fit;
use super::response::{Response, response};
use super::task::{Budget, Interrupt, LONGEST, MOST_TASKS, Order, Task, TaskSet, Unfit};

/// C, T, D; the first is the most urgent one.
pub(super) fn set(tasks: &[(u64, u64, u64)]) -> TaskSet {
    let tasks = tasks.iter().enumerate().map(|(index, &(wcet, period, deadline))| Task {
        name: format!("t{index}"),
        wcet: Span::from_nanos(wcet),
        period: Span::from_nanos(period),
        deadline: Span::from_nanos(deadline),
        offset: Span::ZERO,
        jitter: Span::ZERO,
        blocking: Span::ZERO,
        release: Span::ZERO,
        priority: -(index as i64),
        cpu: None,
    });
    TaskSet::new(tasks.collect())
}

/// C, T; each deadline is the next release.
pub(super) fn implicit(tasks: &[(u64, u64)]) -> TaskSet {
    set(&tasks.iter().map(|&(wcet, period)| (wcet, period, period)).collect::<Vec<_>>())
}

fn worst(set: &TaskSet) -> Vec<Option<u64>> {
    let budget = &mut Budget::default();
    let all = (0..set.tasks.len()).map(|index| match response(set, index, budget) {
        Response::Bounded { worst, .. } => Some(worst.as_nanos()),
        Response::Unbounded { .. } | Response::TooLong => None,
    });
    all.collect()
}

pub(super) fn found(set: &TaskSet) -> Vec<u64> {
    worst(set).into_iter().map(|worst| worst.expect("a bounded response")).collect()
}

pub(super) fn meets_demand(set: &TaskSet) -> bool {
    let quick = matches!(demand(set, &mut Budget::default()), Demand::Met { .. });
    let slow = matches!(demand_at_each_deadline(set, &mut Budget::default()), Demand::Met { .. });
    assert_eq!(quick, slow, "{set:?}");
    quick
}

#[test]
fn burns_and_wellings_responses() {
    // Real-Time Systems and Programming Languages: the task set with R = 3, 6, 20, and the one that fills the
    // CPU at harmonic periods.
    assert_eq!(found(&implicit(&[(3, 7), (3, 12), (5, 20)])), [3, 6, 20]);
    assert_eq!(found(&implicit(&[(5, 20), (10, 40), (40, 80)])), [5, 15, 80]);
    // The one whose utilisation is below 1 and whose lowest task misses.
    let set = implicit(&[(10, 30), (10, 40), (12, 50)]);
    assert_eq!(found(&set)[..2], [10, 20]);
    let Response::Bounded { miss: Some(miss), .. } = response(&set, 2, &mut Budget::default()) else {
        panic!("the third task misses");
    };
    assert_eq!((miss.job, miss.due.as_nanos(), miss.done.map(Span::as_nanos)), (0, 50, Some(52)));
    let work: Vec<_> = miss.work.iter().map(|share| (share.jobs, share.time.as_nanos())).collect();
    assert_eq!(work, [(1, 12), (2, 20), (2, 20)]);
}

#[test]
fn lehoczkys_set_whose_worst_job_isnt_the_first() {
    // Lehoczky 1990: C 26, T 70 and C 62, T 100. The responses in the busy period are 114, 102, 116, 104, 118, 106
    // and 94, after which it is over.
    let set = set(&[(26, 70, 70), (62, 100, 118)]);
    assert_eq!(found(&set), [26, 118]);
    let late = set_with_deadline(&set, 1, 117);
    let Response::Bounded { miss: Some(miss), .. } = response(&late, 1, &mut Budget::default()) else {
        panic!("its fifth job misses");
    };
    assert_eq!((miss.job, miss.release.as_nanos(), miss.done.map(Span::as_nanos)), (4, 400, Some(518)));
}

fn set_with_deadline(set: &TaskSet, index: usize, deadline: u64) -> TaskSet {
    let mut set = set.clone();
    set.tasks[index].deadline = Span::from_nanos(deadline);
    set
}

#[test]
fn blocking_jitter_and_interrupts_make_responses_longer() {
    let mut set = implicit(&[(3, 7), (3, 12), (5, 40)]);
    set.tasks[1].blocking = Span::from_nanos(1);
    assert_eq!(found(&set)[1], 7, "one of blocking, three of its own, three of the first task's");
    set.tasks[1].blocking = Span::from_nanos(2);
    assert_eq!(found(&set)[1], 11, "the first task's second job comes at 7");
    set.tasks[1].blocking = Span::ZERO;
    set.tasks[0].jitter = Span::from_nanos(2);
    assert_eq!(found(&set)[..2], [5, 9], "its second job can come five after the first");
    set.tasks[0].jitter = Span::ZERO;
    set.tasks[2].release = Span::from_nanos(1);
    assert_eq!(found(&set)[..2], [4, 7], "the release of a less urgent job interrupts as well");
    set.interrupts.push(Interrupt { period: Span::from_nanos(5), cost: Span::from_nanos(1) });
    assert_eq!(worst(&set)[0], Some(5), "and so does what belongs to no task");
}

#[test]
fn tasks_of_the_same_priority_wait_for_each_other() {
    let mut set = implicit(&[(2, 10), (3, 15)]);
    set.prioritise(Order::RateMonotonic);
    assert_eq!(found(&set), [2, 5]);
    set.tasks[1].period = Span::from_nanos(10);
    set.prioritise(Order::RateMonotonic);
    assert_eq!(found(&set), [5, 5]);
    set.tasks[1].deadline = Span::from_nanos(9);
    set.prioritise(Order::DeadlineMonotonic);
    assert_eq!(found(&set), [5, 3]);
}

#[test]
fn liu_and_laylands_bound() {
    // Their table: 1, 0.828, 0.780, 0.757; towards ln 2.
    let bounds = [1.0, 0.828_427, 0.779_763, 0.756_828];
    for (count, bound) in (1..).zip(bounds) {
        assert!((liu_layland_bound(count) - bound).abs() < 1e-6, "{count}");
    }
    assert!(liu_layland(&implicit(&[(7, 7)])), "one task may have the whole CPU");
    assert!(liu_layland(&implicit(&[(82_842_712, 200_000_000); 2])));
    assert!(!liu_layland(&implicit(&[(82_842_713, 200_000_000); 2])), "the next digit is above");
    let ln2 = |wcet| implicit(&vec![(wcet, 1_000_000_000_000); 1_000]);
    assert!(liu_layland(&ln2(693_387_000)));
    assert!(!liu_layland(&ln2(693_388_000)), "1000 (2^(1/1000) - 1) is 0.69338746...");
    assert!(!liu_layland(&implicit(&[(1, 2), (1, 2), (1, 9)])));
}

#[test]
fn the_hyperbolic_bound_admits_what_liu_and_laylands_doesnt() {
    // Bini and Buttazzo: the product with U = 1/2 and 1/3 is exactly 2.
    let set = implicit(&[(1, 2), (1, 3)]);
    assert!(hyperbolic(&set) && !liu_layland(&set));
    assert!((hyperbolic_product(&set).approximate() - 2.0).abs() < 1e-12);
    assert!(!hyperbolic(&implicit(&[(500_001, 1_000_000), (1, 3)])));
}

#[test]
fn buttazzos_demand() {
    // Hard Real-Time Computing Systems, the example of the processor demand: C 2, D 4, T 6; C 2, D 5, T 8;
    // C 3, D 7, T 9 is feasible under EDF.
    let example = set(&[(2, 6, 4), (2, 8, 5), (3, 9, 7)]);
    assert!(meets_demand(&example));
    let Demand::Exceeded(excess) = demand(&set(&[(2, 6, 3), (3, 8, 4)]), &mut Budget::default()) else {
        panic!("two and three units are due within four");
    };
    assert_eq!((excess.by.as_nanos(), excess.demand.as_nanos(), excess.work.len()), (4, 5, 2));
}

#[test]
fn edf_fills_the_cpu_and_no_more() {
    assert!(meets_demand(&implicit(&[(1, 2), (1, 3), (1, 6)])));
    assert!(
        meets_demand(&implicit(&[(2, 5), (4, 7)])),
        "Liu and Layland's kind: not by rate-monotonic priorities"
    );
    assert!(found(&implicit(&[(2, 5), (4, 7)]))[1] > 7);
    let Demand::Overload(Some(excess)) =
        demand(&implicit(&[(1, 2), (1, 3), (2, 11)]), &mut Budget::default())
    else {
        panic!("1/2 + 1/3 + 2/11 is above 1");
    };
    assert!(excess.demand > excess.by);
    assert!(!meets_demand(&implicit(&[(1, 2), (1, 3), (2, 11)])));
}

#[test]
fn dhalls_set_passes_on_no_number_of_cpus() {
    // Dhall and Liu 1978: m light tasks and one that needs a whole CPU.
    let dhall = implicit(&[(2, 100), (2, 100), (100, 101)]);
    assert!(!global_edf(&dhall, 2));
    assert!(global_edf(&implicit(&[(2, 100), (2, 100), (50, 101)]), 2));
    // The bound itself: three halves on two CPUs are exactly 2 - 1/2.
    assert!(global_edf(&implicit(&[(1, 2), (1, 2), (1, 2)]), 2));
    assert!(!global_edf(&implicit(&[(1, 2), (1, 2), (1, 2), (1, 1_000_000)]), 2));
}

#[test]
fn first_fit_puts_dhalls_heavy_task_on_a_cpu_of_its_own() {
    let dhall = implicit(&[(2, 100), (2, 100), (100, 101)]);
    let places = first_fit(&dhall, 2, meets_demand);
    assert_eq!(places, Some(vec![CpuId(1), CpuId(1), CpuId(0)]));
    assert_eq!(first_fit(&implicit(&[(2, 3), (2, 3), (2, 3)]), 2, meets_demand), None);
}

#[test]
fn a_hyperperiod_too_long_for_a_clock_is_none() {
    assert_eq!(hyperperiod(&implicit(&[(1, 4), (1, 6), (1, 10)])), Some(Span::from_nanos(60)));
    let mut set = implicit(&[(1, (1 << 61) - 1), (1, (1 << 31) - 1)]);
    assert_eq!((hyperperiod(&set), horizon(&set)), (None, None));
    set = implicit(&[(1, 4), (1, 6)]);
    assert_eq!(horizon(&set), Some(Instant::from_nanos(12)));
    set.tasks[1].offset = Span::from_nanos(5);
    assert_eq!(horizon(&set), Some(Instant::from_nanos(29)));
    set.tasks[1].deadline = Span::from_nanos(7);
    assert_eq!(horizon(&set), None);
}

#[test]
fn unfit_sets_are_refused_with_the_reason() {
    assert_eq!(TaskSet::default().check(), Err(Unfit::Empty));
    assert_eq!(implicit(&vec![(1, 2); MOST_TASKS + 1]).check(), Err(Unfit::TooMany(1_001)));
    let text = |set: TaskSet| set.check().unwrap_err().to_string();
    assert_eq!(text(set(&[(1, 0, 3)])), "the period of `t0` is zero");
    assert_eq!(text(set(&[(1, 3, 0)])), "the deadline of `t0` is zero");
    assert!(text(set(&[(4, 9, 3)])).contains("computes for 4ns and must be done within 3ns"));
    assert!(text(implicit(&[(1, LONGEST.as_nanos() + 1)])).contains("period of `t0` is too long"));
    assert_eq!(implicit(&[(1, LONGEST.as_nanos())]).check(), Ok(()));
}

#[test]
fn overload_has_no_longest_response_but_a_first_miss() {
    let set = implicit(&[(3, 4), (2, 5)]);
    assert_eq!(worst(&set), [Some(3), None]);
    let Response::Unbounded { miss: Some(miss) } = response(&set, 1, &mut Budget::default()) else {
        panic!("overload");
    };
    assert_eq!((miss.job, miss.done), (0, None));
}

#[test]
fn what_would_take_for_ever_ends() {
    // A CPU that is full to the last nanosecond, with periods that have no divisor in common.
    let periods = [999_999_937, 999_999_929, 999_999_893, 999_999_883];
    let mut tasks: Vec<_> = periods.iter().map(|&period| (period / 4, period)).collect();
    tasks[3].0 += 1;
    let set = implicit(&tasks);
    assert!(set.utilisation().is_at_most(1));
    let budget = || Budget::of(10_000);
    assert_eq!(demand(&set, &mut budget()), Demand::TooLong);
    assert_eq!(responses(&set, &mut budget()), None);
    assert_eq!(response(&set, 3, &mut Budget::of(2)), Response::TooLong);
    let huge = LONGEST.as_nanos();
    let extremes = [
        set_of_huge(&[(huge, 1, huge), (huge, huge, huge)]),
        set_of_huge(&[(1, 1, huge), (1, huge, 1), (huge, huge, huge)]),
        set_of_huge(&[(0, 1, 1), (huge, huge, huge)]),
    ];
    for set in extremes {
        for index in 0..set.tasks.len() {
            let _ = response(&set, index, &mut Budget::of(100_000));
        }
        let _ = demand(&set, &mut Budget::of(100_000));
        let _ = responses(&set, &mut Budget::of(100_000));
    }
}

fn set_of_huge(tasks: &[(u64, u64, u64)]) -> TaskSet {
    let set = set(tasks);
    assert_eq!(set.check(), Ok(()));
    set
}
