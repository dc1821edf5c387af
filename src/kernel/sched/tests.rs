//! Policies by themselves: who is picked, turn after turn.

use crate::ids::Tid;
use crate::kernel::options::{Parameter, Scheduler};
use crate::random::Key;
use crate::time::{Instant, Span};
use crate::trace::{Reason, Rule};

use super::{Parameters, Policy, Ready, Site, Thread, build};

fn policy(name: &str, parameters: &[(&str, Parameter)]) -> Box<dyn Policy> {
    let parameters = parameters.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    let site = Site { cpus: 1, tick: None, key: Key::of_run(1) };
    build(&Scheduler { policy: name.to_owned(), parameters }, site).expect("there is such a policy")
}

/// Threads that always want the CPU, for so many turns of this time: who ran, as letters.
fn turns(policy: &mut dyn Policy, threads: &[Parameters], time: Span, turns: usize) -> String {
    let thread = |id: Tid| Thread { id, parameters: &threads[id.index()] };
    let mut now = Instant::START;
    for id in (0..threads.len()).map(|id| Tid(id as u32)) {
        policy.enqueue(thread(id), Ready::New, now);
    }
    let mut ran = String::new();
    for _ in 0..turns {
        let id = policy.pick(now).expect("somebody waits");
        ran.push(char::from(b'A' + id.0 as u8));
        now += time;
        policy.ran(thread(id), time, now);
        policy.enqueue(thread(id), Ready::SliceEnd, now);
    }
    ran
}

fn with_tickets(tickets: u32) -> Parameters {
    Parameters { tickets, ..Parameters::default() }
}

/// Strides of 100, 200 and 40: the example of *Operating Systems: Three Easy Pieces*, chapter 9.
#[test]
fn stride_shares_as_in_the_textbook() {
    let mut stride = policy("stride", &[("quantum", Parameter::Time(Span::from_micros(10)))]);
    let threads = [100, 50, 250].map(with_tickets);
    assert_eq!(turns(stride.as_mut(), &threads, Span::from_micros(10), 16), "ABCCCACCABCCCACC");
}

/// Whoever sleeps neither saves up time nor loses any: B comes back 100 behind A, as it went.
#[test]
fn a_sleeper_keeps_its_distance_under_stride() {
    let mut stride = policy("stride", &[("quantum", Parameter::Time(Span::from_micros(10)))]);
    let parameters = with_tickets(1);
    let thread = |id| Thread { id: Tid(id), parameters: &parameters };
    let quantum = Span::from_micros(10);
    let mut now = Instant::START;
    stride.enqueue(thread(0), Ready::New, now);
    stride.enqueue(thread(1), Ready::New, now);
    assert_eq!(stride.pick(now), Some(Tid(0)));
    now += quantum;
    stride.ran(thread(0), quantum, now);
    stride.enqueue(thread(0), Ready::SliceEnd, now);
    // B is picked and sleeps at once; A has ten quanta meanwhile.
    assert_eq!(stride.pick(now), Some(Tid(1)));
    stride.left(Tid(1), false);
    for _ in 0..10 {
        assert_eq!(stride.pick(now), Some(Tid(0)));
        now += quantum;
        stride.ran(thread(0), quantum, now);
        stride.enqueue(thread(0), Ready::SliceEnd, now);
    }
    stride.enqueue(thread(1), Ready::Woken, now);
    let mut next = || {
        let id = stride.pick(now).expect("somebody waits");
        now += quantum;
        stride.ran(thread(id.0), quantum, now);
        stride.enqueue(thread(id.0), Ready::SliceEnd, now);
        id.0
    };
    assert_eq!([next(), next(), next(), next()], [1, 0, 1, 0]);
}

/// Tickets 0 to 2 are A's, 3 is B's.
#[test]
fn the_drawn_tickets_holder_runs() {
    let draws = Parameter::Numbers(vec![3, 2, 0, 7]);
    let mut lottery = policy("lottery", &[("draws", draws)]);
    let threads = [3, 1].map(with_tickets);
    assert_eq!(turns(lottery.as_mut(), &threads, Span::from_millis(10), 4), "BAAB");
    assert_eq!(lottery.reason(), Some(Reason { rule: Rule::Ticket, number: 3 }));
}

#[test]
fn a_lottery_gives_shares_in_the_long_run() {
    let mut lottery = policy("lottery", &[]);
    let ran = turns(lottery.as_mut(), &[3, 1].map(with_tickets), Span::from_millis(10), 10_000);
    let first = ran.chars().filter(|&who| who == 'A').count();
    // Three quarters, and four standard deviations (43 turns each) to either side.
    assert!((7_327..=7_673).contains(&first), "{first}");
}

/// With a weight of 50: 10 expected, 6 used, so 8; then 4 used, so 6.
#[test]
fn a_burst_is_expected_to_be_the_mean_of_the_last_and_what_was_expected() {
    let mut sjf = policy("sjf", &[("first", Parameter::Time(Span::from_micros(10)))]);
    let parameters = Parameters::default();
    let thread = Thread { id: Tid(0), parameters: &parameters };
    let mut expected = Vec::new();
    for used in [6, 4, 0] {
        sjf.enqueue(thread, Ready::Woken, Instant::START);
        sjf.pick(Instant::START);
        expected.push(sjf.reason().map(|reason| reason.number));
        sjf.ran(thread, Span::from_micros(used), Instant::START);
        sjf.left(thread.id, false);
    }
    assert_eq!(expected, [Some(10_000), Some(8_000), Some(6_000)]);
}

#[test]
fn the_shortest_remaining_time_takes_the_cpu_from_a_longer_one_only() {
    let told = |micros| Parameters { burst: Some(Span::from_micros(micros)), ..Parameters::default() };
    let threads = [told(10), told(4), told(3)];
    let thread = |id: usize| Thread { id: Tid(id as u32), parameters: &threads[id] };
    for (name, wanted) in [("srtf", [false, true]), ("sjf", [false, false])] {
        let mut policy = policy(name, &[]);
        policy.enqueue(thread(0), Ready::New, Instant::START);
        policy.pick(Instant::START);
        policy.ran(thread(0), Span::from_micros(6), Instant::START);
        policy.enqueue(thread(1), Ready::New, Instant::START);
        policy.enqueue(thread(2), Ready::New, Instant::START);
        let takes = [1, 2].map(|id| policy.preempts(thread(id), thread(0), Instant::START));
        assert_eq!(takes, wanted, "{name}");
    }
}

/// Quanta of 1 and 2; A sinks, and at 4 the boost brings it up again, before B's turn is over.
#[test]
fn who_uses_up_its_allotment_sinks_until_the_boost() {
    let quanta = Parameter::Times([1, 2].map(Span::from_micros).to_vec());
    let boost = Parameter::Time(Span::from_micros(4));
    let mut mlfq = policy("mlfq", &[("quantum", quanta), ("boost", boost)]);
    let parameters = Parameters::default();
    let thread = |id| Thread { id: Tid(id), parameters: &parameters };
    let at = |micros| Instant::START + Span::from_micros(micros);
    mlfq.enqueue(thread(0), Ready::New, at(0));
    let mut log = Vec::new();
    let (mut now, mut current) = (0, mlfq.pick(at(0)));
    while let (Some(id), true) = (current, now < 6) {
        let level = mlfq.reason().map(|reason| reason.number);
        let slice = mlfq.slice(thread(id.0), at(now)).expect("every slice ends").as_nanos() / 1000;
        log.push((now, id.0, level, slice));
        now += slice;
        mlfq.ran(thread(id.0), Span::from_micros(slice), at(now));
        assert!(mlfq.gives_way(thread(id.0), at(now)), "at {now}");
        mlfq.enqueue(thread(id.0), Ready::SliceEnd, at(now));
        if now == 1 {
            mlfq.enqueue(thread(1), Ready::New, at(now));
        }
        current = mlfq.pick(at(now));
    }
    let wanted = [
        (0, 0, Some(1), 1),
        (1, 1, Some(1), 1),
        (2, 0, Some(0), 2),
        // At 4 the quantum of A ends first, then all go up: B, who waits longer, before A.
        (4, 1, Some(1), 1),
        (5, 0, Some(1), 1),
    ];
    assert_eq!(log, wanted);
}

fn word(key: &'static str, word: &str) -> (&'static str, Parameter) {
    (key, Parameter::Word(word.to_owned()))
}

/// After B comes C, then A again; D, ready at the very instant, isn't looked at yet.
#[test]
fn fcfs_by_number_goes_round() {
    let mut fcfs = policy("fcfs", &[word("next", "number")]);
    let parameters = Parameters::default();
    let thread = |id| Thread { id: Tid(id), parameters: &parameters };
    let (start, later) = (Instant::START, Instant::START + Span::from_micros(1));
    for id in [2, 0, 1] {
        fcfs.enqueue(thread(id), Ready::New, start);
    }
    assert_eq!(fcfs.pick(later), Some(Tid(0)));
    assert_eq!(fcfs.pick(later), Some(Tid(1)));
    fcfs.enqueue(thread(0), Ready::Woken, start);
    fcfs.enqueue(thread(3), Ready::Woken, later);
    assert_eq!(fcfs.pick(later), Some(Tid(2)));
    assert_eq!(fcfs.pick(later), Some(Tid(0)));
    assert_eq!(fcfs.pick(later), Some(Tid(3)));
    assert_eq!(fcfs.pick(later), None);
}

/// Whose wait is over takes the CPU, and comes before who has been ready longer; a new thread doesn't.
#[test]
fn fcfs_lets_the_woken_preempt_if_told_to() {
    let parameters = Parameters::default();
    let thread = |id| Thread { id: Tid(id), parameters: &parameters };
    let now = Instant::START;
    for (told, first) in [("waits", 0), ("preempts", 1)] {
        let mut fcfs = policy("fcfs", &[word("woken", told)]);
        fcfs.enqueue(thread(0), Ready::New, now);
        assert!(!fcfs.preempts(thread(0), thread(9), now));
        fcfs.enqueue(thread(1), Ready::Woken, now);
        assert_eq!(fcfs.preempts(thread(1), thread(9), now), told == "preempts");
        assert_eq!(fcfs.pick(now), Some(Tid(first)));
    }
}

/// While A waits, nobody has the CPU; when it has ended, B does.
#[test]
fn fcfs_holds_the_cpu_if_told_to() {
    let mut fcfs = policy("fcfs", &[("hold", Parameter::Truth(true))]);
    let parameters = Parameters::default();
    let thread = |id| Thread { id: Tid(id), parameters: &parameters };
    let now = Instant::START;
    fcfs.enqueue(thread(0), Ready::New, now);
    fcfs.enqueue(thread(1), Ready::New, now);
    assert_eq!(fcfs.pick(now), Some(Tid(0)));
    fcfs.left(Tid(0), false);
    assert_eq!((fcfs.pick(now), fcfs.is_held()), (None, true));
    fcfs.enqueue(thread(0), Ready::Woken, now);
    assert_eq!(fcfs.pick(now), Some(Tid(0)));
    fcfs.left(Tid(0), true);
    assert!(!fcfs.is_held());
    assert_eq!(fcfs.pick(now), Some(Tid(1)));
}

/// B and C come as A's first quantum ends, of which it was alone: A has a second one, before them. D comes during that one, so
/// that A queues before D and behind B and C.
#[test]
fn who_comes_between_two_quanta_queues_before_the_thread_whose_they_are() {
    let quantum = Parameter::Time(Span::from_micros(2));
    let mut policy = policy("round-robin", &[("quantum", quantum), word("newcomers", "after-expired")]);
    let parameters = Parameters::default();
    let thread = |id| Thread { id: Tid(id), parameters: &parameters };
    let at = |micros| Instant::START + Span::from_micros(micros);
    policy.enqueue(thread(0), Ready::New, at(0));
    assert_eq!(policy.pick(at(0)), Some(Tid(0)));
    policy.enqueue(thread(1), Ready::New, at(2));
    policy.enqueue(thread(2), Ready::New, at(2));
    policy.enqueue(thread(3), Ready::New, at(3));
    policy.enqueue(thread(0), Ready::SliceEnd, at(4));
    assert_eq!([0; 4].map(|_| policy.pick(at(4))), [1, 2, 0, 3].map(|id| Some(Tid(id))));
}
