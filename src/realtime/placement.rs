//! On which CPU each task could run so that every CPU's own test passes.
//!
//! First fit, by decreasing utilisation: each task, the greediest first, goes to the first CPU that is able to
//! take it. Finding a distribution is bin packing, so that this can fail where there is one: D.-I. Oh, T. Baker,
//! "Utilization bounds for N-processor rate monotone scheduling with static processor assignment", Real-Time
//! Systems 15, 1998; J. López, J. Díaz, D. García, "Utilization bounds for EDF scheduling on real-time
//! multiprocessor systems", Real-Time Systems 28, 2004.

use crate::ids::CpuId;

use super::bounds::compare;
use super::task::TaskSet;

/// A CPU for each task, in the order of the tasks, by a test that says whether one CPU can do with a set;
/// none if first fit finds none.
pub fn first_fit(set: &TaskSet, cpus: u16, mut fits: impl FnMut(&TaskSet) -> bool) -> Option<Vec<CpuId>> {
    let share = |index: &usize| {
        let task = &set.tasks[*index];
        (task.wcet.as_nanos(), task.period.as_nanos())
    };
    let mut order: Vec<usize> = (0..set.tasks.len()).collect();
    // The sort is stable: equal tasks stay in their order.
    order.sort_by(|one, other| compare(share(other), share(one)));
    let empty = set.without_tasks();
    let mut bins = vec![empty; cpus.into()];
    let mut places = vec![CpuId(0); set.tasks.len()];
    for index in order {
        let task = &set.tasks[index];
        let free = bins.iter_mut().enumerate().find_map(|(cpu, bin)| {
            bin.tasks.push(task.clone());
            if fits(bin) {
                return Some(cpu);
            }
            bin.tasks.pop();
            None
        });
        places[index] = CpuId::from(free?);
    }
    Some(places)
}
