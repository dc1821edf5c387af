//! The policy by itself, with ticks of 10 ms.

use super::*;
use crate::kernel::sched::Parameters;

/// A queue, the time in ticks, and threads by number.
struct Clock {
    policy: Bsd,
    tick: u64,
    nice: [i8; 12],
}

impl Clock {
    fn new() -> Clock {
        Clock { policy: Bsd::new(Span::from_millis(10), 4, 4), tick: 0, nice: [0; 12] }
    }

    fn with<T>(&mut self, id: u32, ask: impl FnOnce(&mut Bsd, Thread<'_>, Instant) -> T) -> T {
        let parameters = &Parameters { nice: self.nice[id as usize], ..Parameters::default() };
        let now = Instant::START + Span::from_millis(10) * self.tick;
        ask(&mut self.policy, Thread { id: Tid(id), parameters }, now)
    }

    fn add(&mut self, id: u32, why: Ready) {
        self.with(id, |policy, thread, now| policy.enqueue(thread, why, now));
    }

    fn pick(&mut self) -> u32 {
        self.with(0, |policy, _, now| policy.pick(now)).expect("a thread").0
    }

    /// The running thread runs until the policy has something to decide; how many ticks, and who runs then.
    fn turn(&mut self, running: u32) -> (u64, u32) {
        let slice = self.with(running, |policy, thread, now| policy.slice(thread, now)).expect("a slice");
        let ticks = slice.as_nanos() / 10_000_000;
        self.tick += ticks;
        self.with(running, |policy, thread, now| policy.ran(thread, slice, now));
        if !self.with(running, |policy, thread, now| policy.gives_way(thread, now)) {
            return (ticks, running);
        }
        self.add(running, Ready::SliceEnd);
        (ticks, self.pick())
    }

    fn account(&self, id: u32) -> Account {
        *self.policy.known(Tid(id)).expect("it has been here")
    }

    /// Everybody computes for so many ticks: what each has had.
    fn shares(&mut self, threads: u32, ticks: u64) -> Vec<u64> {
        (0..threads).for_each(|id| self.add(id, Ready::New));
        let mut had = vec![0; threads as usize];
        let mut running = self.pick();
        while self.tick < ticks {
            let (ran, next) = self.turn(running);
            had[running as usize] += ran;
            running = next;
        }
        had
    }
}

#[test]
fn a_priority_falls_by_one_for_four_ticks_and_by_two_for_a_niceness() {
    let account =
        |nice, ticks: i64| Account { place: Place::Away, nice, recent: ticks * ONE, priority: 0, used: 0 };
    for (nice, ticks, priority) in
        [(0, 0, 63), (0, 4, 62), (0, 5, 61), (3, 4, 56), (20, 0, 23), (20, 92, 0), (-20, 0, 63), (-5, 60, 58)]
    {
        assert_eq!(account(nice, ticks).reckoned(), priority, "niceness {nice}, {ticks} ticks");
    }
}

/// After n seconds with one thread the load is 1 - (59/60)^n, rounded down each time: a half after 42 seconds.
#[test]
fn the_load_average_approaches_the_number_of_threads() {
    let mut clock = Clock::new();
    clock.add(0, Ready::New);
    assert_eq!(clock.pick(), 0);
    assert_eq!(clock.policy.news(), None);
    for (second, hundredths) in [(1, 2), (2, 3), (10, 15), (41, 50), (42, 51), (60, 63)] {
        clock.tick = second * 100;
        clock.with(0, |policy, thread, now| policy.ran(thread, Span::ZERO, now));
        assert_eq!(clock.policy.news(), Some(News::Load(hundredths)), "after {second} s");
        assert_eq!(clock.policy.news(), None);
    }
}

/// A load of 1/60 keeps (2/60) / (2/60 + 1) = 2/62 of a hundred ticks: 3.2, and priority 62.
#[test]
fn what_a_thread_has_had_is_forgotten_once_a_second() {
    let mut clock = Clock::new();
    clock.nice[0] = 2;
    clock.add(0, Ready::New);
    clock.pick();
    clock.tick = 99;
    clock.with(0, |policy, thread, now| policy.ran(thread, Span::ZERO, now));
    assert_eq!(clock.account(0).recent, 99 * ONE);
    // Reckoned at tick 96: 63 - 24 - 4.
    assert_eq!(clock.account(0).priority, 35);
    clock.tick = 100;
    clock.with(0, |policy, thread, now| policy.ran(thread, Span::ZERO, now));
    // 273 / 16384 is the load, kept are 528 / 16384, and its niceness comes on top.
    assert_eq!(clock.account(0).recent, 528 * 100 + 2 * ONE);
    assert_eq!(clock.account(0).priority, 57);
}

#[test]
fn equals_take_turns_of_four_ticks() {
    let mut clock = Clock::new();
    assert_eq!(clock.shares(2, 3000), [1500, 1500]);
}

/// The figures of the model that Pintos checks `mlfqs-nice-10` by, which allows for 25 ticks.
#[test]
fn nicer_threads_get_less() {
    let mut clock = Clock::new();
    clock.nice = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0];
    let wanted = [672, 588, 492, 408, 316, 232, 152, 92, 40, 8];
    let had = clock.shares(10, 3000);
    assert!(had.iter().zip(wanted).all(|(&had, wanted): (_, u64)| had.abs_diff(wanted) <= 25), "{had:?}");
}

/// Both have had four ticks when the first one's slice ends: it is below the other, and comes behind it.
#[test]
fn a_slice_counts_from_when_the_thread_got_the_cpu() {
    let mut clock = Clock::new();
    clock.add(0, Ready::New);
    clock.tick = 2;
    assert_eq!(clock.pick(), 0);
    clock.add(1, Ready::New);
    // At tick 4 priorities follow: 63 - 2/4 is 62, and the other is at 63.
    assert_eq!(clock.turn(0), (2, 1));
    // It has its slice to the end unless another one is higher: 62 and 62 at tick 8.
    assert_eq!(clock.turn(1), (4, 0));
    assert_eq!(
        clock.with(0, |policy, _, _| policy.reason()),
        Some(Reason { rule: Rule::Priority, number: 62 })
    );
}

#[test]
fn a_woken_thread_of_higher_priority_preempts() {
    let mut clock = Clock::new();
    clock.add(0, Ready::New);
    clock.add(1, Ready::New);
    assert_eq!(clock.pick(), 0);
    clock.with(0, |policy, thread, _| policy.left(thread.id, false));
    assert_eq!(clock.pick(), 1);
    clock.turn(1);
    clock.add(0, Ready::Woken);
    let running = Thread { id: Tid(1), parameters: &Parameters::default() };
    assert!(clock.with(0, |policy, thread, now| policy.preempts(thread, running, now)));
    assert_eq!(clock.policy.waiting(), 1);
    assert!(clock.policy.remove(Tid(0)));
    assert!(!clock.policy.remove(Tid(0)));
}

/// Idle for a year, with a thread asleep: nothing is left of what it had, and that is found out at once.
#[test]
fn a_long_sleep_is_over_at_once() {
    let mut clock = Clock::new();
    clock.shares(2, 400);
    for id in [0, 1] {
        if !clock.policy.remove(Tid(id)) {
            clock.with(id, |policy, thread, _| policy.left(thread.id, false));
        }
    }
    assert!(clock.policy.load > 0);
    clock.tick = 100 * 3600 * 24 * 365;
    clock.nice[3] = 4;
    clock.add(3, Ready::New);
    assert_eq!((clock.policy.load, clock.policy.ticks), (0, clock.tick));
    assert_eq!(clock.account(3).priority, 55);
}

#[test]
fn a_thread_takes_what_it_had_to_another_cpu() {
    let mut clock = Clock::new();
    clock.shares(2, 8);
    let mut other = Clock::new();
    assert!(clock.policy.remove(Tid(0)) || clock.policy.remove(Tid(1)));
    let baggage = clock.policy.hand_over(Tid(1));
    other.policy.take_over(Tid(1), baggage);
    other.add(1, Ready::Migrated);
    assert_eq!(other.account(1).recent, 4 * ONE);
    assert_eq!(other.account(1).priority, 62);
}
