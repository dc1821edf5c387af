//! The policy by itself, with nanoseconds that can be added up by hand.

use super::*;
use crate::kernel::sched::Parameters;

const MS: i64 = 1_000_000;

/// A queue with Linux's times for one CPU, and threads by number.
struct Queue {
    policy: Cfs,
    now: Instant,
    nice: [i8; 16],
}

impl Queue {
    fn new(ticks: bool) -> Queue {
        let [latency, granularity, wakeup] = [6_000, 750, 1_000].map(Span::from_micros);
        let policy = Cfs::new(Spans { latency, granularity, wakeup }, ticks);
        Queue { policy, now: Instant::START, nice: [0; 16] }
    }

    /// Something about one of the threads, as the policy sees it.
    fn with<T>(&mut self, id: u32, ask: impl FnOnce(&mut Cfs, Thread<'_>, Instant) -> T) -> T {
        let parameters = &Parameters { nice: self.nice[id as usize], ..Parameters::default() };
        ask(&mut self.policy, Thread { id: Tid(id), parameters }, self.now)
    }

    fn add(&mut self, id: u32, why: Ready) {
        self.with(id, |policy, thread, now| policy.enqueue(thread, why, now));
    }

    fn pick(&mut self) -> u32 {
        self.policy.pick(self.now).expect("a thread").0
    }

    /// The running thread runs for so long, and its time is accounted.
    fn run(&mut self, id: u32, nanos: i64) {
        let time = Span::from_nanos(nanos.unsigned_abs());
        self.now += time;
        self.with(id, |policy, thread, now| policy.ran(thread, time, now));
    }

    fn gives_way(&mut self, id: u32) -> bool {
        self.with(id, |policy, thread, now| policy.gives_way(thread, now))
    }

    fn preempts(&mut self, woken: u32, running: u32) -> bool {
        let nice = Parameters::default();
        let running = Thread { id: Tid(running), parameters: &nice };
        self.with(woken, |policy, thread, now| policy.preempts(thread, running, now))
    }

    fn slice(&mut self, id: u32) -> i64 {
        let slice = self.with(id, |policy, thread, now| policy.slice(thread, now)).expect("a slice");
        slice.as_nanos().cast_signed()
    }

    fn vruntime(&self, id: u32) -> i64 {
        self.policy.entities[id as usize].vruntime
    }

    /// A thread that is here already and neither owes nor is owed anything.
    fn settle(&mut self, id: u32) {
        self.add(id, Ready::Migrated);
    }
}

#[test]
fn each_has_its_share_of_the_latency_in_turn() {
    let mut queue = Queue::new(false);
    queue.nice[2] = 5;
    queue.settle(1);
    queue.settle(2);
    let mut log = Vec::new();
    for _ in 0..4 {
        let id = queue.pick();
        let slice = queue.slice(id);
        queue.run(id, slice);
        assert!(queue.gives_way(id));
        log.push((id, slice));
        queue.add(id, Ready::SliceEnd);
    }
    // Of 6 ms, 1024 and 335 parts of 1359. Both count for the same virtual time but for what is rounded
    // down, so that they alternate.
    let [long, short] = [6 * MS * 1024 / 1359, 6 * MS * 335 / 1359];
    assert_eq!((long, short), (4_520_971, 1_479_028));
    assert_eq!(queue.vruntime(1), 2 * long);
    assert_eq!(queue.vruntime(2), 2 * (short * 1024 / 335));
    assert_eq!(log, [(1, long), (2, short), (2, short), (1, long)]);
}

#[test]
fn more_threads_than_fit_into_the_latency_have_a_granularity_each() {
    let mut queue = Queue::new(false);
    (1..=8).for_each(|id| queue.settle(id));
    assert_eq!(queue.pick(), 1);
    assert_eq!(queue.slice(1), 750_000);
    queue.settle(9);
    // A period of 6.75 ms by nine; with one of low weight it is no less.
    assert_eq!(queue.slice(1), 750_000);
    queue.nice[10] = 19;
    queue.settle(10);
    // 7.5 ms, 1024 of 9231 parts.
    assert_eq!(queue.slice(1), 7_500_000 * 1024 / 9_231);
    queue.run(1, MS);
    queue.add(1, Ready::SliceEnd);
    (2..=9).for_each(|id| {
        assert_eq!(queue.pick(), id);
        queue.run(id, MS);
        queue.add(id, Ready::SliceEnd);
    });
    assert_eq!(queue.pick(), 10);
    assert_eq!(queue.slice(10), 750_000);
}

#[test]
fn a_slice_ends_at_the_first_tick_after_it() {
    let mut queue = Queue::new(true);
    queue.settle(1);
    queue.settle(2);
    assert_eq!(queue.pick(), 1);
    queue.run(1, 3 * MS);
    // Its share is 3 ms, and not yet exceeded.
    assert!(!queue.gives_way(1));
    queue.run(1, 1);
    assert!(queue.gives_way(1));
    queue.add(1, Ready::SliceEnd);
    assert_eq!(queue.pick(), 2);
}

/// Whoever runs is more than a slice ahead of one that has come: it needn't have had its own.
#[test]
fn a_tick_ends_a_slice_early_for_one_far_behind() {
    let mut queue = Queue::new(true);
    queue.settle(1);
    assert_eq!(queue.pick(), 1);
    queue.run(1, 10 * MS);
    queue.add(1, Ready::SliceEnd);
    assert_eq!(queue.pick(), 1);
    // It was chosen again, so that its slice goes on; a newcomer shares it.
    queue.add(2, Ready::Woken);
    assert_eq!(queue.vruntime(2), 7 * MS);
    queue.add(3, Ready::Woken);
    assert_eq!(queue.policy.ideal(Tid(1)), Span::from_millis(2));
    assert!(queue.gives_way(1));
    queue.add(1, Ready::SliceEnd);
    assert_eq!(queue.pick(), 2);
    queue.run(2, 749_999);
    assert!(!queue.gives_way(2), "less than the granularity");
    queue.policy.take(Tid(3));
    queue.policy.entities[3].vruntime = 0;
    queue.policy.put(Tid(3));
    assert!(!queue.gives_way(2), "less than the granularity");
    queue.run(2, 1);
    assert!(queue.gives_way(2), "7.75 ms ahead");
}

#[test]
fn a_sleeper_comes_back_half_a_latency_behind_at_most() {
    let mut queue = Queue::new(false);
    queue.settle(1);
    queue.settle(2);
    assert_eq!(queue.pick(), 1);
    queue.policy.left(Tid(1), false);
    assert_eq!(queue.pick(), 2);
    queue.run(2, 100 * MS);
    queue.add(1, Ready::Woken);
    assert_eq!(queue.vruntime(1), 97 * MS);
    // 3 ms behind, which is more than the granularity of wake-ups.
    assert!(queue.preempts(1, 2));
    queue.add(2, Ready::Preempted);
    assert_eq!(queue.pick(), 1);
    queue.run(1, 2_500_000);
    queue.policy.left(Tid(1), false);
    assert_eq!(queue.pick(), 2);
    // A short sleep gives nothing: it has its own virtual time, which is the greater.
    queue.add(1, Ready::Woken);
    assert_eq!(queue.vruntime(1), 99_500_000);
    assert!(!queue.preempts(1, 2), "half a millisecond behind");
}

#[test]
fn a_nice_thread_must_be_further_behind_to_preempt() {
    let mut queue = Queue::new(false);
    (queue.nice[2], queue.nice[3]) = (5, -5);
    queue.settle(1);
    assert_eq!(queue.pick(), 1);
    // 1 ms counts for 1 ms * 1024 / 335 and 1 ms * 1024 / 3121.
    for (id, lead) in [(2, 3_056_716), (3, 328_099)] {
        for (behind, takes) in [(lead, false), (lead + 1, true)] {
            queue.settle(id);
            queue.policy.entities[1].vruntime = queue.vruntime(id) + behind;
            assert_eq!(queue.preempts(id, 1), takes, "{id} is {behind} behind");
            assert!(queue.policy.remove(Tid(id)));
        }
    }
}

#[test]
fn a_new_thread_begins_a_slice_later() {
    let mut queue = Queue::new(false);
    queue.settle(1);
    assert_eq!(queue.pick(), 1);
    queue.run(1, MS);
    // Its maker is at 1 ms; two threads have 3 ms each.
    queue.add(2, Ready::New);
    assert_eq!(queue.vruntime(2), 4 * MS);
    assert!(!queue.preempts(2, 1));
    queue.nice[3] = 5;
    queue.add(3, Ready::New);
    // 6 ms * 335 / 2383 of its own time.
    assert_eq!(queue.vruntime(3), MS + (6 * MS * 335 / 2_383) * 1024 / 335);
}

#[test]
fn who_yields_lets_the_next_one_go_first_if_that_is_near() {
    for (ahead, next) in [(MS, 2), (MS + 1, 1)] {
        let mut queue = Queue::new(false);
        queue.settle(1);
        assert_eq!(queue.pick(), 1);
        queue.settle(2);
        queue.policy.take(Tid(2));
        queue.policy.entities[2].vruntime = ahead;
        queue.policy.put(Tid(2));
        queue.add(1, Ready::Yielded);
        assert_eq!(queue.pick(), next, "{ahead} ahead");
    }
}

#[test]
fn a_thread_keeps_its_distance_on_another_cpu() {
    let mut queue = Queue::new(false);
    queue.settle(1);
    queue.settle(2);
    assert_eq!(queue.pick(), 1);
    queue.run(1, 5 * MS);
    queue.add(1, Ready::SliceEnd);
    // The queue's virtual time is that of thread 2: none.
    assert!(queue.policy.remove(Tid(1)));
    let baggage = queue.policy.hand_over(Tid(1));
    assert_eq!(baggage, Baggage { lag: -5 * MS, ..Baggage::default() });
    let mut other = Queue::new(false);
    other.settle(3);
    assert_eq!(other.pick(), 3);
    other.run(3, 10 * MS);
    other.policy.take_over(Tid(1), baggage);
    // Where it will be is reckoned when it comes.
    other.run(3, MS);
    other.add(1, Ready::Migrated);
    assert_eq!(other.vruntime(1), 16 * MS);
}

/// All that waits or runs has a weight, and nothing else has.
#[test]
fn the_load_is_what_is_here() {
    let mut queue = Queue::new(false);
    queue.settle(1);
    queue.settle(2);
    queue.nice[3] = 5;
    queue.settle(3);
    assert_eq!(queue.policy.load, 2 * 1024 + 335);
    assert_eq!(queue.pick(), 1);
    queue.nice[1] = 1;
    queue.run(1, MS);
    assert_eq!(queue.policy.load, 820 + 1024 + 335);
    queue.policy.left(Tid(1), true);
    assert!(queue.policy.remove(Tid(3)));
    assert_eq!((queue.policy.load, queue.policy.waiting()), (1024, 1));
}

#[test]
fn the_latency_grows_with_the_number_of_cpus() {
    let latency = |cpus| scale(Span::from_millis(6), cpus).as_nanos() / 1_000_000;
    assert_eq!([1, 2, 3, 4, 8, 64].map(latency), [6, 12, 12, 18, 24, 24]);
}
