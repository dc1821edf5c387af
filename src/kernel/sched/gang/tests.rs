//! The matrix by itself.

use super::*;
use crate::kernel::sched::Parameters;

const MS: u64 = 1_000_000;

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * MS)
}

/// Threads as (number, process), all ready from the beginning.
fn gang(cpus: u16, fill: bool, threads: &[(u32, u32)]) -> Gang {
    let mut gang = Gang::new(cpus, Span::from_millis(10), fill);
    for &(id, process) in threads {
        gang.joins(Tid(id), Pid(process));
        ready(&mut gang, id, Ready::New, at(0));
    }
    gang
}

fn ready(gang: &mut Gang, id: u32, why: Ready, now: Instant) {
    let parameters = &Parameters::default();
    gang.enqueue(Thread { id: Tid(id), parameters }, why, now);
}

/// What each CPU picks; those that ran are put back before.
fn slot(gang: &mut Gang, now: Instant) -> Vec<u32> {
    for index in 0..gang.entries.len() as u32 {
        if gang.entry(Tid(index)).is_some_and(|entry| entry.state == State::Running) {
            ready(gang, index, Ready::SliceEnd, now);
        }
    }
    let cpus = gang.heard.len();
    (0..cpus).map(|cpu| gang.pick_for(CpuId::from(cpu), &|_| true, now).map_or(0, |id| id.0)).collect()
}

/// Two processes of two threads on two CPUs: 2 and 4 together, then 3 and 5, though they came in turns.
#[test]
fn the_threads_of_a_process_run_at_the_same_time() {
    let mut gang = gang(2, true, &[(2, 2), (3, 3), (4, 2), (5, 3)]);
    // The first row was 2 and 3. When 4 came, 2 went to a row of its own with it; 5 is beside 3.
    assert_eq!(slot(&mut gang, at(0)), [5, 3]);
    assert_eq!(slot(&mut gang, at(10)), [2, 4]);
    assert_eq!(slot(&mut gang, at(20)), [5, 3]);
    assert_eq!(gang.reason(), Some(Reason { rule: Rule::Slot, number: 0 }));
}

#[test]
fn a_process_with_more_threads_than_cpus_has_several_slots() {
    let mut gang = gang(2, false, &[(2, 2), (3, 2), (4, 2)]);
    assert_eq!(slot(&mut gang, at(0)), [2, 3]);
    assert_eq!(slot(&mut gang, at(10)), [4, 0]);
    assert_eq!(slot(&mut gang, at(20)), [2, 3]);
}

#[test]
fn an_idle_cpu_is_filled_from_another_row_if_it_may() {
    let threads = [(2, 2), (3, 2), (4, 3), (5, 3)];
    for (fill, wanted) in [(true, [2, 5]), (false, [2, 0])] {
        let mut gang = gang(2, fill, &threads);
        assert_eq!(slot(&mut gang, at(0)), [2, 3]);
        // Thread 3 waits for something.
        gang.left(Tid(3), false);
        assert_eq!(slot(&mut gang, at(1)), wanted, "fill = {fill}");
        if fill {
            assert_eq!(gang.reason(), Some(Reason { rule: Rule::Fill, number: 1 }));
        }
        // When it is back, it takes its CPU from whoever fills it, and from nobody else.
        ready(&mut gang, 3, Ready::Woken, at(2));
        let parameters = &Parameters::default();
        let thread = |id| Thread { id: Tid(id), parameters };
        assert!(gang.preempts(thread(3), thread(5), at(2)));
        assert!(!gang.preempts(thread(4), thread(2), at(2)));
    }
}

#[test]
fn a_slot_ends_early_if_none_of_its_threads_is_ready() {
    let mut gang = gang(2, false, &[(2, 2), (3, 2), (4, 3), (5, 3)]);
    assert_eq!(slot(&mut gang, at(0)), [2, 3]);
    assert_eq!(gang.due(CpuId(1)), at(10));
    gang.left(Tid(2), false);
    gang.left(Tid(3), true);
    assert_eq!(gang.pick_for(CpuId(0), &|_| true, at(4)), Some(Tid(4)));
    // The other CPU is to hear of that at once, and the new slot is a whole one.
    assert_eq!(gang.due(CpuId(1)), at(4));
    assert_eq!(gang.elapse(CpuId(1), at(4)), Some(Tid(5)));
    assert_eq!(gang.pick_for(CpuId(1), &|_| true, at(4)), Some(Tid(5)));
    // Nobody else wants a slot.
    assert_eq!(gang.due(CpuId(1)), Instant::NEVER);
    ready(&mut gang, 2, Ready::Woken, at(5));
    assert_eq!(gang.due(CpuId(1)), at(14));
    assert!(!gang.remove(Tid(3)));
    assert!(gang.remove(Tid(2)));
    assert_eq!(gang.waiting(), 0);
}
