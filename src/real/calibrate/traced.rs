//! What the kernel's own trace points say about durations: handlers, and calls up to where they
//! block.

use std::collections::BTreeMap;

use crate::real::seen::{Point, Raw};

/// `prev_state` of a thread that sleeps.
const SLEEPS: i64 = 3;

/// How long handlers ran: from one trace point to the other on the same CPU. `value` is the first
/// field's, if it matters.
pub fn handlers(events: &[Raw], entry: Point, exit: Point, value: Option<i64>) -> Vec<f64> {
    let mut entered: BTreeMap<usize, u64> = BTreeMap::new();
    let mut durations = Vec::new();
    for event in events.iter().filter(|event| value.is_none_or(|value| event.values[0] == value)) {
        if event.point == entry {
            entered.insert(event.cpu, event.at);
        } else if event.point == exit
            && let Some(at) = entered.remove(&event.cpu)
        {
            durations.push((event.at - at) as f64);
        }
    }
    durations
}

/// How long calls with one of these numbers took from their entry to the switch at which they slept.
pub fn before_sleep(events: &[Raw], numbers: &[i64]) -> Vec<f64> {
    let mut inside: BTreeMap<i32, u64> = BTreeMap::new();
    let mut durations = Vec::new();
    for event in events {
        match event.point {
            Point::SysEnter if numbers.contains(&event.values[0]) => {
                inside.insert(event.pid, event.at);
            }
            Point::SysExit => {
                inside.remove(&event.pid);
            }
            Point::Switch if event.values[1] & SLEEPS != 0 => {
                let slept = i32::try_from(event.values[0]).ok().and_then(|pid| inside.remove(&pid));
                durations.extend(slept.map(|at| (event.at - at) as f64));
            }
            _ => {}
        }
    }
    durations
}

/// From switch to switch on one CPU, while threads of ours take turns: how long each ran.
pub fn turns(events: &[Raw], cpu: usize, threads: &[i32]) -> Vec<f64> {
    let own = |host: i64| threads.iter().any(|thread| i64::from(*thread) == host);
    let mut since = None;
    let mut turns = Vec::new();
    for event in events.iter().filter(|event| event.point == Point::Switch && event.cpu == cpu) {
        if let Some(since) = since.take()
            && own(event.values[0])
            && own(event.values[2])
        {
            turns.push((event.at - since) as f64);
        }
        since = own(event.values[2]).then_some(event.at);
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(at: u64, cpu: usize, pid: i32, point: Point, values: [i64; 3]) -> Raw {
        Raw { at, cpu, pid, point, values }
    }

    #[test]
    fn handlers_are_timed_on_each_cpu_by_itself() {
        let events = [
            raw(10, 0, 7, Point::SoftirqEntry, [4, 0, 0]),
            raw(12, 1, 8, Point::SoftirqEntry, [4, 0, 0]),
            raw(13, 1, 8, Point::SoftirqEntry, [1, 0, 0]),
            raw(15, 0, 7, Point::SoftirqExit, [4, 0, 0]),
            raw(22, 1, 8, Point::SoftirqExit, [4, 0, 0]),
            raw(23, 1, 8, Point::SoftirqExit, [4, 0, 0]),
        ];
        assert_eq!(handlers(&events, Point::SoftirqEntry, Point::SoftirqExit, Some(4)), [5.0, 10.0]);
    }

    #[test]
    fn a_call_counts_up_to_its_first_sleep() {
        let events = [
            raw(100, 0, 7, Point::SysEnter, [230, 0, 0]),
            raw(130, 0, 7, Point::Switch, [7, 0, 8]),
            raw(140, 0, 8, Point::Switch, [8, 1, 7]),
            raw(160, 0, 7, Point::Switch, [7, 1, 0]),
            raw(900, 0, 7, Point::SysExit, [230, 0, 0]),
            raw(910, 0, 7, Point::SysEnter, [1, 0, 0]),
            raw(950, 0, 7, Point::Switch, [7, 1, 0]),
        ];
        assert_eq!(before_sleep(&events, &[230]), [60.0]);
    }

    #[test]
    fn turns_end_where_another_of_ours_goes_on() {
        let switch = |at, from, to| raw(at, 0, 0, Point::Switch, [from, 0, to]);
        let events =
            [switch(0, 0, 7), switch(4, 7, 8), switch(10, 8, 7), switch(11, 7, 99), switch(15, 99, 8)];
        assert_eq!(turns(&events, 0, &[7, 8]), [4.0, 6.0]);
    }
}
