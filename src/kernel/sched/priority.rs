//! Static priorities: the ready thread with the greatest number runs.
//!
//! Among equals it is first come, first served, or round-robin if there is a quantum. As in
//! POSIX's SCHED_FIFO and SCHED_RR, a pre-empted thread goes back to the head of its level and one
//! whose quantum is over to the tail.
//!
//! With aging, a thread's priority rises by one for each so much that it waits in the queue, and is what it was
//! once the thread has had the CPU (Silberschatz, Galvin, Gagne, *Operating System Concepts*, "Priority
//! Scheduling"). Among equals whoever has waited longest is next. A thread that goes to another CPU waits anew there.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

use crate::ids::Tid;
use crate::time::{Instant, Span};
use crate::trace::{Reason, Rule};

use super::PolicyRow;
use super::policy::{Policy, Ready, Thread};

/// Its documentation, and how it is made.
pub(super) const ROW: PolicyRow = PolicyRow {
    name: "priority",
    summary: "the highest static priority",
    doc: "Runs the ready thread of the highest `priority`; those of equal priority in turn if there is a quantum, else first come, first served. A thread that becomes ready pre-empts one of lower priority. With `aging`, who waits becomes more urgent, and so pre-empts in the end.",
    parameters: &[
        ("quantum", "time", "the longest time in one go among equals; without it there is none"),
        ("preemptive", "truth", "whether a thread that becomes ready, or has aged, pre-empts; true"),
        (
            "preempted",
            "head|tail",
            "where in its level a thread goes that was pre-empted by one that became ready; head",
        ),
        (
            "aging",
            "time",
            "how long a thread waits until its priority has risen by one; it falls back when the thread gets the CPU; never",
        ),
    ],
    build: |given| {
        Box::new(Priority::new(Rules {
            quantum: given.time("quantum"),
            preemptive: given.truth("preemptive").unwrap_or(true),
            preempted_to_tail: given.word("preempted") == Some("tail"),
            aging: given.time("aging").filter(|aging| !aging.is_zero()),
        }))
    },
};

#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    pub quantum: Option<Span>,
    pub preemptive: bool,
    pub preempted_to_tail: bool,
    /// The waiting that is worth one.
    pub aging: Option<Span>,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    id: Tid,
    since: Instant,
}

#[derive(Clone, Debug)]
pub struct Priority {
    rules: Rules,
    /// A queue for each priority that has waiting threads, the greatest number first.
    levels: BTreeMap<Reverse<i32>, VecDeque<Waiting>>,
    waiting: usize,
    /// With aging: how long those that run have done so in one go.
    used: BTreeMap<Tid, Span>,
    /// By how much waiting had raised the priority of the thread that was picked last.
    rise: u64,
    now: Instant,
}

impl Priority {
    pub fn new(rules: Rules) -> Priority {
        Priority {
            rules,
            levels: BTreeMap::new(),
            waiting: 0,
            used: BTreeMap::new(),
            rise: 0,
            now: Instant::START,
        }
    }

    /// By how much waiting has raised a thread's priority.
    fn rise(&self, waiting: Waiting, now: Instant) -> i64 {
        let Some(aging) = self.rules.aging else { return 0 };
        (now.since(waiting.since).as_nanos() / aging.as_nanos()) as i64
    }

    /// All that wait, with their own priority, what it has risen to, and their place in their level.
    fn aged(&self, now: Instant) -> impl Iterator<Item = (i32, i64, usize, Waiting)> {
        self.levels.iter().flat_map(move |(&Reverse(own), level)| {
            level
                .iter()
                .enumerate()
                .map(move |(place, &waiting)| (own, i64::from(own) + self.rise(waiting, now), place, waiting))
        })
    }

    /// The highest priority of all that wait, with what it has risen by.
    fn highest(&self, now: Instant) -> Option<i64> {
        match self.rules.aging {
            None => self.levels.first_key_value().map(|(&Reverse(priority), _)| priority.into()),
            Some(_) => self.aged(now).map(|(_, risen, _, _)| risen).max(),
        }
    }

    fn take(&mut self, level: i32, place: usize) -> Option<Waiting> {
        let queue = self.levels.get_mut(&Reverse(level))?;
        let taken = queue.remove(place);
        if queue.is_empty() {
            self.levels.remove(&Reverse(level));
        }
        self.waiting -= usize::from(taken.is_some());
        taken
    }

    /// Where a thread waits: its level, and its place there.
    fn find(&self, id: Tid) -> Option<(i32, usize)> {
        self.levels.iter().find_map(|(&Reverse(priority), level)| {
            let place = level.iter().position(|waiting| waiting.id == id)?;
            Some((priority, place))
        })
    }

    fn put(&mut self, thread: Thread<'_>, since: Instant, first: bool) {
        let level = self.levels.entry(Reverse(thread.parameters.priority)).or_default();
        let waiting = Waiting { id: thread.id, since };
        if first {
            level.push_front(waiting);
        } else {
            level.push_back(waiting);
        }
        self.waiting += 1;
    }
}

impl Policy for Priority {
    fn enqueue(&mut self, thread: Thread<'_>, why: Ready, now: Instant) {
        self.now = now;
        self.used.remove(&thread.id);
        let first = match why {
            Ready::Preempted => !self.rules.preempted_to_tail,
            Ready::New | Ready::Woken | Ready::SliceEnd | Ready::Yielded | Ready::Migrated => false,
        };
        self.put(thread, now, first);
    }

    fn pick(&mut self, now: Instant) -> Option<Tid> {
        self.now = now;
        let (level, place) = match self.rules.aging {
            None => (self.levels.first_key_value()?.0.0, 0),
            Some(_) => {
                let order =
                    |&(_, risen, _, waiting): &(i32, i64, usize, Waiting)| (Reverse(risen), waiting.since);
                let (own, risen, place, _) = self.aged(now).min_by_key(order)?;
                self.rise = (risen - i64::from(own)).unsigned_abs();
                (own, place)
            }
        };
        self.take(level, place).map(|waiting| waiting.id)
    }

    fn remove(&mut self, thread: Tid) -> bool {
        let place = self.find(thread);
        place.and_then(|(level, place)| self.take(level, place)).is_some()
    }

    /// It goes to the tail of its new level, and has waited as long as it has.
    fn reprioritise(&mut self, thread: Thread<'_>, _: Instant) {
        if let Some((level, place)) = self.find(thread.id)
            && let Some(waiting) = self.take(level, place)
        {
            self.put(thread, waiting.since, false);
        }
    }

    fn waiting(&self) -> usize {
        self.waiting
    }

    /// With aging, until the quantum is over or somebody has become more urgent.
    fn slice(&self, running: Thread<'_>, now: Instant) -> Option<Span> {
        let Some(aging) = self.rules.aging else { return self.rules.quantum };
        let used = self.used.get(&running.id).copied().unwrap_or(Span::ZERO);
        let rest = self.rules.quantum.map(|quantum| quantum.saturating_sub(used));
        let overtakes = |(own, _, _, waiting): (i32, i64, usize, Waiting)| {
            let rise = i64::from(running.parameters.priority) + 1 - i64::from(own);
            (waiting.since + aging.saturating_mul(rise.max(0).unsigned_abs())).since(now)
        };
        let soonest = self.aged(now).map(overtakes).min().filter(|_| self.rules.preemptive);
        // Some other time if not: nobody waits, or it doesn't matter.
        let never = Instant::NEVER.since(now);
        Some(soonest.into_iter().chain(rest).min().unwrap_or(never).max(Span::TICK))
    }

    fn gives_way(&self, running: Thread<'_>, now: Instant) -> bool {
        let own = i64::from(running.parameters.priority);
        let Some(highest) = self.highest(now) else { return false };
        if self.rules.aging.is_none() {
            return highest >= own;
        }
        let used = self.used.get(&running.id).copied().unwrap_or(Span::ZERO);
        let is_over = self.rules.quantum.is_some_and(|quantum| used >= quantum);
        (is_over && highest >= own) || (self.rules.preemptive && highest > own)
    }

    fn preempts(&mut self, woken: Thread<'_>, running: Thread<'_>, now: Instant) -> bool {
        let rise = self.rules.aging.and_then(|_| self.find(woken.id)).map_or(0, |(level, place)| {
            let waiting = self.levels.get(&Reverse(level)).and_then(|level| level.get(place));
            waiting.map_or(0, |&waiting| self.rise(waiting, now))
        });
        let own = i64::from(running.parameters.priority);
        self.rules.preemptive && i64::from(woken.parameters.priority) + rise > own
    }

    fn reason(&self) -> Option<Reason> {
        Some(Reason { rule: Rule::Aged, number: self.rise })
    }

    fn gives_reasons(&self) -> bool {
        self.rules.aging.is_some()
    }

    /// With aging it must know what is left of a quantum when somebody comes.
    fn keeps_account(&self) -> bool {
        self.rules.aging.is_some()
    }

    fn ran(&mut self, thread: Thread<'_>, time: Span, now: Instant) {
        self.now = now;
        *self.used.entry(thread.id).or_default() += time;
    }

    fn left(&mut self, thread: Tid, _: bool) {
        self.used.remove(&thread);
    }

    fn queue(&self) -> Vec<Tid> {
        let mut order: Vec<_> = self.aged(self.now).collect();
        if self.rules.aging.is_some() {
            order.sort_by_key(|&(_, risen, _, waiting)| (Reverse(risen), waiting.since));
        }
        order.into_iter().map(|(_, _, _, waiting)| waiting.id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::sched::Parameters;

    const PREEMPTIVE: Rules =
        Rules { quantum: None, preemptive: true, preempted_to_tail: false, aging: None };

    fn at(micros: u64) -> Instant {
        Instant::START + Span::from_micros(micros)
    }

    fn add(queue: &mut Priority, id: u32, priority: i32, why: Ready, micros: u64) {
        let parameters = &Parameters { priority, ..Parameters::default() };
        queue.enqueue(Thread { id: Tid(id), parameters }, why, at(micros));
    }

    #[test]
    fn a_preempted_thread_goes_back_to_the_head_of_its_level() {
        for (preempted_to_tail, order) in [(false, [3, 4, 2]), (true, [3, 2, 4])] {
            let mut queue = Priority::new(Rules { preempted_to_tail, ..PREEMPTIVE });
            add(&mut queue, 2, 1, Ready::New, 0);
            add(&mut queue, 3, 5, Ready::New, 0);
            add(&mut queue, 4, 1, Ready::Preempted, 0);
            assert_eq!(queue.queue(), order.map(Tid));
            assert_eq!(queue.pick(Instant::START), Some(Tid(3)));
            assert!(queue.remove(Tid(2)));
            assert_eq!(queue.waiting(), 1);
            assert_eq!(queue.reason().map(|reason| reason.number), Some(0));
            assert!(!queue.gives_reasons());
        }
    }

    /// One for each 10 us: of priority 1 at 0 and of priority 4 at 20 both are at 5 from 40 to 49.
    #[test]
    fn who_waits_becomes_more_urgent() {
        let mut queue = Priority::new(Rules { aging: Some(Span::from_micros(10)), ..PREEMPTIVE });
        let running = Parameters { priority: 5, ..Parameters::default() };
        let running = Thread { id: Tid(9), parameters: &running };
        assert_eq!(queue.slice(running, at(0)), Some(Instant::NEVER.since(at(0))));
        add(&mut queue, 2, 1, Ready::New, 0);
        add(&mut queue, 3, 4, Ready::New, 20);
        // The first is above 5 at 50, the second at 40.
        assert_eq!(queue.slice(running, at(20)), Some(Span::from_micros(20)));
        assert!(!queue.gives_way(running, at(39)));
        assert!(queue.gives_way(running, at(40)));
        assert_eq!(queue.pick(at(40)), Some(Tid(3)));
        assert_eq!(queue.reason(), Some(Reason { rule: Rule::Aged, number: 2 }));
        // What was picked is at its own priority again.
        add(&mut queue, 3, 4, Ready::SliceEnd, 40);
        assert_eq!(queue.queue(), [Tid(2), Tid(3)]);
        assert_eq!(queue.pick(at(40)), Some(Tid(2)));
        assert_eq!(queue.reason(), Some(Reason { rule: Rule::Aged, number: 4 }));
    }

    #[test]
    fn among_equals_the_one_that_has_waited_longest_is_next() {
        let mut queue = Priority::new(Rules { aging: Some(Span::from_micros(10)), ..PREEMPTIVE });
        add(&mut queue, 2, 3, Ready::New, 20);
        add(&mut queue, 3, 1, Ready::New, 0);
        assert_eq!(queue.pick(at(20)), Some(Tid(3)));
    }

    /// Without pre-emption age counts when the CPU is free, and when a quantum is over.
    #[test]
    fn aging_without_preemption_waits_for_the_end_of_the_quantum() {
        let quantum = Some(Span::from_micros(100));
        let rules = Rules { quantum, preemptive: false, aging: Some(Span::from_micros(10)), ..PREEMPTIVE };
        let mut queue = Priority::new(rules);
        let parameters = Parameters { priority: 5, ..Parameters::default() };
        let running = Thread { id: Tid(9), parameters: &parameters };
        add(&mut queue, 2, 1, Ready::New, 0);
        queue.ran(running, Span::from_micros(60), at(60));
        assert!(!queue.gives_way(running, at(60)));
        assert_eq!(queue.slice(running, at(60)), Some(Span::from_micros(40)));
        assert!(!queue.preempts(Thread { id: Tid(2), parameters: &Parameters::default() }, running, at(60)));
        queue.ran(running, Span::from_micros(40), at(100));
        assert!(queue.gives_way(running, at(100)));
    }

    #[test]
    fn who_is_lent_a_priority_has_waited_as_long_as_it_has() {
        let mut queue = Priority::new(Rules { aging: Some(Span::from_micros(10)), ..PREEMPTIVE });
        add(&mut queue, 2, 1, Ready::New, 0);
        let lent = Parameters { priority: 3, ..Parameters::default() };
        queue.reprioritise(Thread { id: Tid(2), parameters: &lent }, at(15));
        assert_eq!(queue.highest(at(20)), Some(5));
    }
}
