//! The classes by themselves, with times that can be added up by hand. Times are in milliseconds.

use super::*;
use crate::kernel::options::{Parameter, Scheduler};
use crate::kernel::sched::{Parameters, build};
use crate::random::Key;

fn at(millis: u64) -> Instant {
    Instant::START + Span::from_millis(millis)
}

fn of(class: Class) -> Parameters {
    Parameters { class, ..Parameters::default() }
}

fn real_time(class: Class, priority: i32) -> Parameters {
    Parameters { priority, ..of(class) }
}

fn reserved(budget: u64, deadline: u64, period: u64) -> Parameters {
    let [budget, deadline, period] = [budget, deadline, period].map(|time| Some(Span::from_millis(time)));
    Parameters { budget, deadline, period, ..of(Class::Deadline) }
}

/// One CPU's queue; threads have the numbers of their parameters.
struct Queue {
    policy: Box<dyn Policy>,
    threads: Vec<Parameters>,
    now: Instant,
}

impl Queue {
    fn new(threads: &[Parameters]) -> Queue {
        Queue::with("run-to-parity", Parameter::Truth(true), threads)
    }

    fn with(key: &str, value: Parameter, threads: &[Parameters]) -> Queue {
        let parameters = [(key.to_owned(), value)].into();
        let scheduler = Scheduler { policy: "linux".to_owned(), parameters };
        let policy = build(&scheduler, Site { cpus: 1, tick: None, key: Key::of_run(1) });
        Queue { policy: policy.expect("it is known"), threads: threads.to_vec(), now: at(0) }
    }

    fn thread(&self, id: u32) -> Thread<'_> {
        Thread { id: Tid(id), parameters: &self.threads[id as usize] }
    }

    fn add(&mut self, id: u32, why: Ready) {
        let thread = Thread { id: Tid(id), parameters: &self.threads[id as usize] };
        self.policy.enqueue(thread, why, self.now);
    }

    fn all_new(&mut self) {
        (0..self.threads.len() as u32).for_each(|id| self.add(id, Ready::New));
    }

    /// Who is picked, and of which class that is said to be.
    fn pick(&mut self) -> (u32, u64) {
        let id = self.policy.pick(self.now).expect("somebody runs");
        (id.0, self.policy.reason().expect("a reason").number)
    }

    /// The running thread runs until then. Whether it must give way.
    fn run(&mut self, id: u32, until: u64) -> bool {
        let time = at(until).since(self.now);
        self.now = at(until);
        let thread = Thread { id: Tid(id), parameters: &self.threads[id as usize] };
        self.policy.ran(thread, time, self.now);
        self.policy.gives_way(thread, self.now)
    }

    fn preempts(&mut self, woken: u32, running: u32) -> bool {
        let [woken, running] =
            [woken, running].map(|id| Thread { id: Tid(id), parameters: &self.threads[id as usize] });
        self.policy.preempts(woken, running, self.now)
    }

    fn due(&self) -> Instant {
        self.policy.due(CpuId(0))
    }

    /// What is due by then happens.
    fn elapse(&mut self, millis: u64) -> Option<u32> {
        self.now = at(millis);
        self.policy.elapse(CpuId(0), self.now).map(|id| id.0)
    }

    fn slice(&self, id: u32) -> Option<Span> {
        self.policy.slice(self.thread(id), self.now)
    }
}

#[test]
fn each_class_runs_when_those_above_have_nobody() {
    let threads =
        [of(Class::Other), real_time(Class::Fifo, 1), reserved(2, 10, 10), real_time(Class::Rr, 99)];
    let mut queue = Queue::new(&threads);
    queue.all_new();
    assert_eq!(queue.policy.queue(), [2, 3, 1, 0].map(Tid));
    for (id, class) in [(2, 3), (3, 1), (1, 1), (0, 0)] {
        assert_eq!(queue.pick(), (id, class));
        queue.policy.left(Tid(id), true);
    }
    assert_eq!(queue.policy.pick(at(0)), None);
    assert!(queue.policy.has_nobody());
}

#[test]
fn who_has_used_up_its_budget_runs_again_in_its_next_period() {
    let mut queue = Queue::new(&[of(Class::Other), reserved(2, 10, 10)]);
    queue.all_new();
    assert_eq!(queue.pick(), (1, 3));
    assert_eq!(queue.slice(1), Some(Span::from_millis(2)));
    assert!(queue.policy.limits_alone());
    assert!(!queue.run(1, 1));
    assert!(queue.run(1, 2));
    queue.add(1, Ready::SliceEnd);
    assert_eq!(queue.policy.waiting(), 1);
    assert_eq!(queue.pick(), (0, 0));
    assert_eq!(queue.due(), at(10));
    assert!(!queue.preempts(1, 0));
    queue.run(0, 9);
    assert_eq!(queue.elapse(9), None);
    assert_eq!(queue.elapse(10), Some(1));
    assert!(queue.preempts(1, 0));
    queue.add(0, Ready::Preempted);
    assert_eq!(queue.pick(), (1, 3));
    assert_eq!(queue.slice(1), Some(Span::from_millis(2)));
    // Alone and throttled, it is still somebody to wait for.
    queue.policy.remove(Tid(0));
    queue.run(1, 12);
    queue.add(1, Ready::SliceEnd);
    assert_eq!(queue.policy.pick(at(12)), None);
    assert!(!queue.policy.has_nobody());
    assert_eq!(queue.due(), at(20));
}

#[test]
fn who_yields_gives_up_the_rest_of_its_budget() {
    let mut queue = Queue::new(&[of(Class::Other), reserved(5, 10, 10)]);
    queue.all_new();
    queue.pick();
    queue.run(1, 1);
    queue.add(1, Ready::Yielded);
    assert_eq!(queue.pick(), (0, 0));
    assert_eq!(queue.due(), at(10));
}

/// 3 of 4 ms are left of a share of 4 in 10. That is no more than the share of 8 ms, 3.2, but more than the
/// one of 7 ms, 2.8.
#[test]
fn who_wakes_keeps_its_deadline_only_within_its_share() {
    for (wakes, deadline) in [(2, 10), (3, 13)] {
        let mut queue = Queue::new(&[reserved(4, 10, 10)]);
        queue.all_new();
        queue.pick();
        queue.run(0, 1);
        queue.policy.left(Tid(0), false);
        queue.now = at(wakes);
        queue.add(0, Ready::Woken);
        assert_eq!(queue.pick(), (0, 3));
        // It uses up what it has; the next period is where the deadline was.
        queue.run(0, wakes + 4);
        queue.add(0, Ready::SliceEnd);
        assert_eq!(queue.due(), at(deadline), "woken at {wakes}");
    }
}

#[test]
fn a_deadline_before_the_period_is_over_gives_no_second_budget_in_it() {
    let mut queue = Queue::new(&[of(Class::Other), reserved(2, 5, 10)]);
    queue.all_new();
    queue.pick();
    queue.run(1, 1);
    queue.policy.left(Tid(1), false);
    queue.now = at(6);
    queue.add(1, Ready::Woken);
    assert_eq!(queue.pick(), (0, 0));
    assert_eq!(queue.due(), at(10));
    // Before the deadline it gets its share of what is left up to there: 2 of 5, of 1 ms.
    let mut queue = Queue::new(&[reserved(2, 5, 10)]);
    queue.all_new();
    queue.pick();
    queue.run(0, 1);
    queue.policy.left(Tid(0), false);
    queue.now = at(4);
    queue.add(0, Ready::Woken);
    queue.pick();
    assert_eq!(queue.slice(0), Some(Span::from_micros(400)));
}

#[test]
fn the_earlier_deadline_takes_the_cpu_and_an_equal_one_does_not() {
    let mut queue = Queue::new(&[reserved(5, 20, 20), reserved(2, 10, 10), reserved(2, 10, 10)]);
    queue.add(0, Ready::New);
    assert_eq!(queue.pick().0, 0);
    queue.add(1, Ready::New);
    assert!(queue.preempts(1, 0));
    queue.add(0, Ready::Preempted);
    assert_eq!(queue.pick().0, 1);
    queue.add(2, Ready::New);
    assert!(!queue.preempts(2, 1));
    // Pre-empted among equals, it keeps its place before those that came later.
    queue.add(1, Ready::Preempted);
    assert_eq!(queue.policy.queue(), [1, 2, 0].map(Tid));
}

#[test]
fn a_turn_of_round_robin_goes_on_after_a_preemption() {
    let threads = [real_time(Class::Rr, 10), real_time(Class::Rr, 10), real_time(Class::Fifo, 20)];
    let mut queue = Queue::new(&threads);
    queue.add(0, Ready::New);
    queue.add(1, Ready::New);
    assert_eq!(queue.pick(), (0, 1));
    assert!(!queue.run(0, 60));
    queue.add(2, Ready::New);
    assert!(queue.preempts(2, 0));
    queue.add(0, Ready::Preempted);
    assert_eq!(queue.pick(), (2, 1));
    assert_eq!(queue.slice(2), None);
    queue.run(2, 70);
    queue.policy.left(Tid(2), false);
    assert_eq!(queue.pick(), (0, 1));
    assert_eq!(queue.slice(0), Some(Span::from_millis(40)));
    assert!(queue.run(0, 110));
    queue.add(0, Ready::SliceEnd);
    assert_eq!(queue.pick(), (1, 1));
    assert_eq!(queue.slice(0), Some(Span::from_millis(100)));
}

/// 50 ms in each second: they begin 950 ms after the fair thread came, and from then on with each period.
#[test]
fn the_fair_server_runs_those_who_would_have_nothing() {
    let mut queue = Queue::new(&[real_time(Class::Fifo, 50), of(Class::Other), real_time(Class::Fifo, 60)]);
    queue.add(0, Ready::New);
    queue.add(1, Ready::New);
    assert_eq!(queue.pick(), (0, 1));
    assert_eq!(queue.due(), at(950));
    queue.run(0, 950);
    assert_eq!(queue.elapse(950), Some(1));
    assert!(queue.preempts(1, 0));
    queue.add(0, Ready::Preempted);
    assert_eq!(queue.pick(), (1, 2));
    queue.add(2, Ready::New);
    assert!(!queue.preempts(2, 1));
    queue.policy.remove(Tid(2));
    assert!(queue.run(1, 1000));
    queue.add(1, Ready::SliceEnd);
    // The second is over: the next one begins with the server's time.
    assert_eq!(queue.pick(), (1, 2));
    assert!(queue.run(1, 1050));
    queue.add(1, Ready::SliceEnd);
    assert_eq!(queue.pick(), (0, 1));
    assert_eq!(queue.due(), at(2000));
    // The real-time thread sleeps: what the fair one has by itself counts, and the server steps back.
    queue.run(0, 1060);
    queue.policy.left(Tid(0), false);
    assert_eq!(queue.pick(), (1, 0));
    queue.run(1, 1100);
    queue.add(0, Ready::Woken);
    queue.add(1, Ready::Preempted);
    assert_eq!(queue.pick(), (0, 1));
    // A new period has begun at 1100 ms, the first time that was accounted.
    assert_eq!(queue.due(), at(1100 + 950));
}

#[test]
fn without_a_server_real_time_threads_keep_the_cpu() {
    let threads = [real_time(Class::Fifo, 50), of(Class::Other)];
    let mut queue = Queue::with("server-budget", Parameter::Time(Span::ZERO), &threads);
    queue.all_new();
    assert_eq!(queue.pick(), (0, 1));
    assert_eq!(queue.due(), Instant::NEVER);
}

/// A thread of nice 19 has had a millisecond. One of nice 0 that wakes would be chosen before it; one of
/// SCHED_BATCH doesn't ask, and one of SCHED_IDLE isn't asked for.
#[test]
fn batch_and_idle_threads_take_the_cpu_from_nobody() {
    let nice = Parameters { nice: 19, ..Parameters::default() };
    for (class, wanted) in [(Class::Other, true), (Class::Batch, false), (Class::Idle, false)] {
        let threads = [nice.clone(), of(class)];
        let mut queue = Queue::with("run-to-parity", Parameter::Truth(false), &threads);
        queue.add(0, Ready::New);
        queue.pick();
        queue.run(0, 1);
        queue.add(1, Ready::Woken);
        assert_eq!(queue.preempts(1, 0), wanted, "{class:?}");
    }
}

/// SCHED_IDLE weighs 3, nice 0 1024: 3 of 1027 parts.
#[test]
fn an_idle_thread_has_a_small_share_and_gives_way_at_once() {
    let mut queue = Queue::new(&[of(Class::Idle), of(Class::Other)]);
    queue.add(0, Ready::New);
    queue.pick();
    queue.run(0, 1);
    queue.add(1, Ready::Woken);
    assert!(queue.preempts(1, 0));
    queue.add(0, Ready::Preempted);
    let mut had = [0_u64; 2];
    for millis in 2..10_002 {
        let (id, _) = queue.pick();
        queue.run(id, millis);
        had[id as usize] += 1;
        queue.add(id, Ready::SliceEnd);
    }
    assert!((27..=32).contains(&had[0]), "{had:?}");
}

#[test]
fn a_fair_thread_that_is_lent_a_priority_is_a_real_time_thread_meanwhile() {
    let mut queue = Queue::new(&[of(Class::Other), real_time(Class::Fifo, 10), of(Class::Other)]);
    queue.all_new();
    assert_eq!(queue.policy.queue(), [1, 0, 2].map(Tid));
    queue.threads[0].priority = 20;
    let lent = queue.threads[0].clone();
    queue.policy.reprioritise(Thread { id: Tid(0), parameters: &lent }, at(0));
    assert_eq!(queue.policy.queue(), [0, 1, 2].map(Tid));
    assert_eq!(queue.pick(), (0, 1));
    // It gives the priority back while it runs: others may have the CPU at once.
    queue.threads[0].priority = 0;
    assert!(queue.preempts(1, 0));
    assert!(queue.run(0, 1));
    queue.add(0, Ready::SliceEnd);
    assert_eq!(queue.pick(), (1, 1));
    assert_eq!(queue.policy.waiting(), 2);
}

#[test]
fn what_is_left_of_a_budget_goes_along_to_another_cpu() {
    let mut here = Queue::new(&[reserved(4, 10, 10)]);
    here.all_new();
    here.pick();
    here.run(0, 1);
    here.policy.left(Tid(0), false);
    let baggage = here.policy.hand_over(Tid(0));
    let mut there = Queue::new(&here.threads);
    there.policy.take_over(Tid(0), baggage);
    there.now = at(2);
    there.add(0, Ready::Woken);
    assert_eq!(there.pick(), (0, 3));
    assert_eq!(there.slice(0), Some(Span::from_millis(3)));
    // Throttled, it stays so.
    there.run(0, 5);
    there.policy.left(Tid(0), false);
    let baggage = there.policy.hand_over(Tid(0));
    here.policy.take_over(Tid(0), baggage);
    here.now = at(6);
    here.add(0, Ready::Woken);
    assert_eq!(here.policy.pick(at(6)), None);
    assert_eq!(here.due(), at(10));
}
