//! The policy by itself, with nanoseconds that can be added up by hand.

use super::*;
use crate::kernel::sched::Parameters;

const MS: u64 = 1_000_000;

/// A queue under the policy with a slice of 3 ms and a tick of 4 ms, and threads by number.
struct Queue {
    policy: Eevdf,
    now: Instant,
    nice: [i8; 8],
    /// What each asks for at a time, if not the policy's slice.
    slices: [Option<Span>; 8],
}

impl Queue {
    fn new() -> Queue {
        let policy = Eevdf::new(Span::from_millis(3), Some(Span::from_millis(4)), true);
        Queue { policy, now: Instant::START, nice: [0; 8], slices: [None; 8] }
    }

    fn add(&mut self, id: u32, why: Ready) {
        let (nice, slice) = (self.nice[id as usize], self.slices[id as usize]);
        let parameters = &Parameters { nice, slice, ..Parameters::default() };
        self.policy.enqueue(Thread { id: Tid(id), parameters }, why, self.now);
    }

    fn pick(&mut self) -> u32 {
        self.policy.pick(self.now).expect("a thread").0
    }

    /// The running thread runs for so long, and its time is accounted.
    fn run(&mut self, id: u32, nanos: u64) {
        self.now += Span::from_nanos(nanos);
        let parameters = &Parameters::default();
        self.policy.ran(Thread { id: Tid(id), parameters }, Span::from_nanos(nanos), self.now);
    }

    fn preempts(&mut self, woken: u32, running: u32) -> bool {
        let parameters = &Parameters::default();
        let thread = |id| Thread { id: Tid(id), parameters };
        self.policy.preempts(thread(woken), thread(running), self.now)
    }

    fn vruntime(&self, id: u32) -> i64 {
        self.policy.entities[id as usize].vruntime
    }

    fn deadline(&self, id: u32) -> i64 {
        self.policy.entities[id as usize].deadline
    }

    /// Runs whoever is chosen from tick to tick, and switches where a slice is over.
    fn tick(&mut self, running: u32) -> u32 {
        self.run(running, 4 * MS);
        if !self.policy.is_over() {
            return running;
        }
        self.add(running, Ready::SliceEnd);
        self.pick()
    }
}

#[test]
fn two_equal_threads_alternate_at_ticks_once_their_slice_is_over() {
    let mut queue = Queue::new();
    queue.add(1, Ready::New);
    queue.add(2, Ready::New);
    let mut order = vec![queue.pick()];
    for _ in 0..5 {
        let running = *order.last().unwrap();
        order.push(queue.tick(running));
    }
    // A slice of 3 ms is found to be over at the tick after 4 ms.
    assert_eq!(order, [1, 2, 1, 2, 1, 2]);
    assert_eq!(queue.vruntime(1), 12 * MS as i64);
    assert_eq!(queue.vruntime(2), 8 * MS as i64);
    // 12 ms + 3 ms.
    assert_eq!(queue.deadline(1), 15 * MS as i64);
}

#[test]
fn a_slice_that_is_longer_than_a_tick_lasts_for_several() {
    let mut queue = Queue::new();
    queue.policy = Eevdf::new(Span::from_millis(6), Some(Span::from_millis(4)), true);
    queue.add(1, Ready::New);
    queue.add(2, Ready::New);
    let mut order = vec![queue.pick()];
    for _ in 0..6 {
        let running = *order.last().unwrap();
        order.push(queue.tick(running));
    }
    // Their first deadlines are half a slice away, so that they change after 4 ms; then each is
    // chosen for 6 ms, which is over after 8.
    assert_eq!(order, [1, 2, 1, 1, 2, 2, 1]);
}

#[test]
fn nice_decides_on_shares() {
    let mut queue = Queue::new();
    queue.nice[2] = 5;
    queue.add(1, Ready::New);
    queue.add(2, Ready::New);
    let mut running = queue.pick();
    let mut ticks = [0; 3];
    for _ in 0..1_359 {
        ticks[running as usize] += 1;
        running = queue.tick(running);
    }
    // 1024 to 335, as the weights are: of 1359 ticks 1024 and 335, but for what is under way.
    assert!((1_022..=1_026).contains(&ticks[1]), "{ticks:?}");
    // 4 ms of nice 5 count as 4 ms * 1024 / 335.
    assert_eq!(virtual_time(Span::from_millis(4), 335), 12_226_865);
}

#[test]
fn what_a_sleeper_had_less_than_its_share_it_gets_when_it_wakes() {
    let mut queue = Queue::new();
    queue.add(1, Ready::New);
    queue.add(2, Ready::New);
    assert_eq!(queue.pick(), 1);
    queue.run(1, 2 * MS);
    queue.add(1, Ready::SliceEnd);
    assert_eq!(queue.pick(), 2);
    queue.run(2, MS);
    // Virtual times 2 ms and 1 ms, average 1.5 ms: thread 2 sleeps with a lag of half a millisecond.
    queue.policy.left(Tid(2), false);
    assert!(!queue.policy.holds(Tid(2)));
    assert_eq!(queue.policy.entities[2].lag, 500_000);
    assert_eq!(queue.pick(), 1);
    queue.run(1, MS);
    queue.add(2, Ready::Woken);
    // Alone at 3 ms; the lag doubles, since the newcomer weighs as much as the rest: 3 - 2 * 0.5.
    assert_eq!(queue.vruntime(2), 2 * MS as i64);
    assert_eq!(queue.deadline(2), 5 * MS as i64);
    // The average is 2.5 ms: the running thread is ahead of it, and its protection is void.
    assert!(queue.preempts(2, 1));
}

#[test]
fn a_waker_keeps_the_cpu_within_its_slice() {
    let mut queue = Queue::new();
    queue.add(1, Ready::New);
    assert_eq!(queue.pick(), 1);
    queue.run(1, 500_000);
    queue.add(2, Ready::New);
    // The newcomer stands at the average, where the running thread is, with half a slice: 0.5 + 1.5
    // against 0 + 1.5.
    assert_eq!(queue.deadline(2), 2 * MS as i64);
    assert!(!queue.preempts(2, 1));
    queue.run(1, 999_999);
    assert!(!queue.policy.is_over(), "a nanosecond of its slice is left");
    queue.run(1, 1);
    assert!(queue.policy.is_over());
    // 1.5 ms is ahead of the average, which is 1 ms.
    queue.add(1, Ready::SliceEnd);
    assert_eq!(queue.pick(), 2);
}

#[test]
fn a_ping_pong_within_the_slice_alternates_by_blocking() {
    let mut queue = Queue::new();
    queue.add(1, Ready::New);
    queue.add(2, Ready::New);
    assert_eq!(queue.pick(), 1);
    queue.run(1, 10_000);
    queue.policy.left(Tid(1), false);
    // It had more than its share: 10 us against an average of 5, and stays in the queue asleep.
    assert!(queue.policy.holds(Tid(1)));
    assert_eq!(queue.policy.waiting(), 1);
    for _ in 0..3 {
        assert_eq!(queue.pick(), 2);
        queue.run(2, 10_000);
        // Woken where it stands; both are equal now, and the waker has slice left.
        queue.add(1, Ready::Woken);
        assert!(!queue.preempts(1, 2));
        queue.policy.left(Tid(2), false);
        assert_eq!(queue.pick(), 1);
        queue.run(1, 10_000);
        queue.add(2, Ready::Woken);
        assert!(!queue.preempts(2, 1));
        queue.policy.left(Tid(1), false);
    }
    // Each comes back where the other is: they ran in turn, 10 us at a time.
    assert_eq!([queue.vruntime(1), queue.vruntime(2)], [60_000, 60_000]);
}

#[test]
fn who_sleeps_ahead_of_the_average_owes_nothing_once_it_is_caught_up_with() {
    let mut queue = Queue::new();
    queue.add(1, Ready::New);
    queue.add(2, Ready::New);
    assert_eq!(queue.pick(), 1);
    queue.run(1, MS);
    queue.policy.left(Tid(1), false);
    assert!(queue.policy.holds(Tid(1)));
    assert_eq!(queue.pick(), 2);
    queue.run(2, 4 * MS);
    assert!(queue.policy.is_over(), "the sleeper still counts");
    queue.add(2, Ready::SliceEnd);
    // The sleeper is chosen, found asleep and let go.
    assert_eq!(queue.pick(), 2);
    assert!(!queue.policy.holds(Tid(1)));
    assert_eq!(queue.policy.entities[1].lag, 0);
    queue.add(1, Ready::Woken);
    assert_eq!(queue.vruntime(1), 4 * MS as i64);
}

#[test]
fn a_yield_forfeits_the_rest_of_the_slice() {
    let mut queue = Queue::new();
    queue.add(1, Ready::New);
    queue.add(2, Ready::New);
    assert_eq!(queue.pick(), 1);
    queue.add(1, Ready::Yielded);
    assert_eq!(queue.vruntime(1), 1_500_000);
    assert_eq!(queue.deadline(1), 4_500_000);
    assert_eq!(queue.pick(), 2);
}

#[test]
fn a_thread_takes_its_lag_and_the_rest_of_its_slice_to_another_queue() {
    let mut queue = Queue::new();
    queue.add(1, Ready::New);
    queue.add(2, Ready::New);
    assert_eq!(queue.pick(), 1);
    queue.run(1, MS);
    assert!(queue.policy.remove(Tid(2)));
    let baggage = queue.policy.hand_over(Tid(2));
    assert_eq!(baggage, Baggage { lag: 500_000, rest: Some(1_500_000), ..Baggage::default() });
    let mut other = Queue::new();
    other.add(3, Ready::New);
    assert_eq!(other.pick(), 3);
    other.run(3, 10 * MS);
    other.policy.take_over(Tid(2), baggage);
    other.add(2, Ready::Migrated);
    assert_eq!(other.vruntime(2), 9 * MS as i64);
    assert_eq!(other.deadline(2), 10_500_000);
}

#[test]
fn lag_has_limits() {
    let mut queue = Queue::new();
    queue.add(1, Ready::New);
    queue.add(2, Ready::New);
    assert_eq!(queue.pick(), 1);
    queue.run(1, 1_000 * MS);
    assert!(queue.policy.remove(Tid(2)));
    // Two slices, since that is longer than a tick.
    assert_eq!(queue.policy.entities[2].lag, 6 * MS as i64);
}

#[test]
fn the_slice_grows_with_the_number_of_cpus() {
    let slices = [1, 2, 3, 4, 8, 64].map(|cpus| default_slice(cpus).as_nanos() / 100_000);
    assert_eq!(slices, [7, 14, 14, 21, 28, 28]);
}

/// The running thread has a deadline of 1.5 ms, the woken one of 0.5 ms and its slice.
#[test]
fn a_shorter_request_with_an_earlier_deadline_preempts() {
    for (micros, takes) in [(None, false), (Some(1_000), false), (Some(999), true)] {
        let mut queue = Queue::new();
        queue.slices[2] = micros.map(Span::from_micros);
        queue.add(1, Ready::New);
        assert_eq!(queue.pick(), 1);
        queue.run(1, 500_000);
        queue.add(2, Ready::Woken);
        assert_eq!(queue.vruntime(2), 500_000);
        assert_eq!(queue.preempts(2, 1), takes, "{micros:?}");
        queue.add(1, Ready::Preempted);
        assert_eq!(queue.pick(), if takes { 2 } else { 1 });
    }
}

#[test]
fn a_long_slice_is_protected_for_no_longer_than_the_shortest() {
    let mut queue = Queue::new();
    queue.slices[2] = Some(Span::from_micros(900));
    queue.add(1, Ready::New);
    queue.add(2, Ready::Woken);
    assert_eq!(queue.pick(), 2);
    queue.run(2, 900_000);
    // It asks for the next 0.9 ms, and is ahead.
    assert_eq!(queue.deadline(2), 1_800_000);
    queue.add(2, Ready::SliceEnd);
    assert_eq!(queue.pick(), 1);
    assert_eq!((queue.deadline(1), queue.policy.entities[1].protected), (1_500_000, 900_000));
}
