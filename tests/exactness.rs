//! Fast-forward is exact: one instruction at a time and many at once give the same trace.
//!
//! Random scenarios, each from a seed of its own, are run at both paces. They have 1 to 8 CPUs,
//! interrupts inside of system calls, nested interrupts, page faults of all kinds, and messages
//! between CPUs; the test counts that these do happen. A failure prints the seed and the scenario.
//!
//! The test can fail: `cargo test --features mutations --test exactness` also runs with three
//! deliberate mistakes in the fast-forward, each of which must make traces differ.
//!
//! `TRAPLINE_SEEDS=5000..9000` chooses other seeds.

mod common;

use common::generator;
use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Mutation, Outcome, Pace, Simulator};
use trapline::time::Instant;
use trapline::trace::sink::Memory;
use trapline::trace::{Event, Fault, Kind, Moved};

const SCENARIOS: std::ops::Range<u64> = 0..2_000;

fn seeds() -> std::ops::Range<u64> {
    let Ok(asked) = std::env::var("TRAPLINE_SEEDS") else { return SCENARIOS };
    let (first, end) = asked.split_once("..").expect("TRAPLINE_SEEDS is FIRST..END");
    first.parse().expect("a number")..end.parse().expect("a number")
}

fn scenario(seed: u64) -> (String, Scenario) {
    let text = generator::scenario(seed);
    // Some run on the kernel and disks of an invented host.
    let overrides = Overrides { host: seed.is_multiple_of(8), ..Overrides::default() };
    match Scenario::parse("generated", &text, &overrides) {
        Ok(scenario) => (text, scenario),
        Err(diagnostics) => {
            panic!("seed {seed} is no valid scenario:\n{text}\n{}", diagnostics.render(false))
        }
    }
}

/// A run's trace and end.
#[derive(PartialEq)]
struct Run {
    trace: Memory,
    outcome: Outcome,
    end: Instant,
}

fn run(scenario: &Scenario, pace: Pace, mutation: Mutation) -> Run {
    let simulator = Simulator::new(&scenario.image, Memory::new(), pace);
    #[cfg(feature = "mutations")]
    let simulator = simulator.mutated(mutation);
    #[cfg(not(feature = "mutations"))]
    assert_eq!(mutation, Mutation::None);
    let mut simulator = simulator;
    let outcome = simulator.run();
    let end = simulator.end();
    Run { trace: simulator.kernel.sink, outcome, end }
}

/// Says where two runs part.
fn difference(step: &Run, fast: &Run) -> String {
    let (a, b) = (&step.trace.events, &fast.trace.events);
    let at = a.iter().zip(b).position(|(a, b)| a != b).unwrap_or(a.len().min(b.len()));
    let around = |events: &[Event]| -> String {
        let shown = events.iter().enumerate().skip(at.saturating_sub(4)).take(8);
        shown.map(|(number, event)| format!("  {number}: {event:?}\n")).collect()
    };
    format!(
        "event {at} of {} and {}\nstep:\n{}fast:\n{}step ends {:?} at {}, fast {:?} at {}",
        a.len(),
        b.len(),
        around(a),
        around(b),
        step.outcome,
        step.end,
        fast.outcome,
        fast.end
    )
}

/// In how many scenarios something happened.
#[derive(Debug, Default)]
struct Seen {
    several_cpus: u32,
    interrupt_in_call: u32,
    nested_interrupt: u32,
    minor: u32,
    major: u32,
    copy_on_write: u32,
    ipi: u32,
    preemption: u32,
    lock: u32,
    limit: u32,
    /// A wake-up of an idle CPU that looked for work, without a message to it.
    notice: u32,
    /// Time for the programs' own work.
    own_work: u32,
    /// A call on something that another CPU used last.
    contended: u32,
    eevdf: u32,
    /// Computing at another speed than full, a thread that was chosen again, and one that was moved.
    speeds: u32,
    chosen_again: u32,
    moved: u32,
    linux: u32,
    gang: u32,
    evicted: u32,
    swapped: u32,
    /// A signal's handler, a call that one interrupts, a stopped thread.
    handler: u32,
    interrupted: u32,
    stopped: u32,
    events: u64,
}

impl Seen {
    fn count(&mut self, scenario: &Scenario, run: &Run) {
        let mut in_call =
            vec![0; run.trace.events.iter().map(|event| event.task.index() + 1).max().unwrap_or(0)];
        let mut depth = vec![0; usize::from(scenario.image.machine.cpus)];
        let mut here = Seen::default();
        let mut awaited = vec![None; depth.len()];
        let costs = &scenario.image.costs;
        for event in &run.trace.events {
            here.chosen_again |=
                u32::from(matches!(event.kind, Kind::SchedSwitch { prev, next, .. } if prev == next));
            let cpu = event.cpu.expect("a simulated event has a CPU").index();
            match event.kind {
                Kind::SysEnter { .. } => in_call[event.task.index()] = 1,
                Kind::SysExit { result, .. } => {
                    in_call[event.task.index()] = 0;
                    here.interrupted |= u32::from(matches!(result, -512 | -4));
                }
                Kind::InterruptRecognised { .. } => {
                    here.interrupt_in_call |= in_call[event.task.index()];
                    here.nested_interrupt |= u32::from(depth[cpu] > 0);
                }
                Kind::IrqHandlerEntry { .. } | Kind::LocalTimerEntry | Kind::SoftirqEntry { .. } => {
                    depth[cpu] += 1
                }
                Kind::IrqHandlerExit { .. } | Kind::LocalTimerExit | Kind::SoftirqExit { .. } => {
                    depth[cpu] -= 1
                }
                Kind::RescheduleEntry => {
                    here.ipi = 1;
                    awaited[cpu] = None;
                }
                Kind::SchedWakeup { task, on } if on.index() != cpu => awaited[on.index()] = Some(task),
                Kind::SchedSwitch { next, why: trapline::trace::Why::WorkArrived, .. } => {
                    let by_itself = awaited[cpu].take() == Some(next) && depth[cpu] == 0;
                    here.notice |= u32::from(by_itself && !costs.idle_poll.is_zero());
                }
                Kind::PageFaultUser { fault: Fault::Minor, .. } => here.minor = 1,
                Kind::PageFaultUser { fault: Fault::Major, .. } => here.major = 1,
                Kind::PageFaultUser { fault: Fault::CopyOnWrite, .. } => here.copy_on_write = 1,
                Kind::SchedSwitch { why: trapline::trace::Why::Preempted { .. }, .. } => here.preemption = 1,
                Kind::SchedMigrate { why: Moved::Balanced | Moved::Stolen, .. } => here.moved = 1,
                Kind::LockContended { .. } => here.lock = 1,
                Kind::PageEvicted { write, .. } => {
                    here.evicted = 1;
                    here.swapped |= u32::from(write);
                }
                Kind::SignalDeliver { handled: true, .. } => here.handler = 1,
                Kind::SchedSwitch {
                    why: trapline::trace::Why::Blocked { on: trapline::trace::Cause::Stopped, .. },
                    ..
                } => here.stopped = 1,
                _ => {}
            }
        }
        self.speeds += u32::from(scenario.image.machine.cache.is_some());
        self.chosen_again += here.chosen_again;
        self.moved += here.moved;
        self.handler += here.handler;
        self.interrupted += here.interrupted;
        self.stopped += here.stopped;
        self.notice += here.notice;
        self.own_work += u32::from(!costs.user_step.is_zero());
        self.contended += u32::from(!costs.contended.is_zero() && here.ipi == 1);
        self.eevdf += u32::from(scenario.image.kernel.scheduler.policy == "eevdf");
        self.linux += u32::from(scenario.image.kernel.scheduler.policy == "linux");
        self.gang += u32::from(scenario.image.kernel.scheduler.policy == "gang");
        self.several_cpus += u32::from(scenario.image.machine.cpus > 1);
        self.interrupt_in_call += here.interrupt_in_call;
        self.nested_interrupt += here.nested_interrupt;
        self.minor += here.minor;
        self.major += here.major;
        self.copy_on_write += here.copy_on_write;
        self.ipi += here.ipi;
        self.preemption += here.preemption;
        self.lock += here.lock;
        self.evicted += here.evicted;
        self.swapped += here.swapped;
        self.limit += u32::from(run.outcome == Outcome::Limit);
        self.events += run.trace.events.len() as u64;
    }
}

#[test]
fn stepping_and_fast_forward_give_the_same_trace() {
    let mut seen = Seen::default();
    let seeds = seeds();
    let scenarios = seeds.end - seeds.start;
    for seed in seeds {
        let (text, scenario) = scenario(seed);
        let step = run(&scenario, Pace::Step, Mutation::None);
        let fast = run(&scenario, Pace::Fast, Mutation::None);
        assert!(step == fast, "seed {seed}:\n{text}\n{}", difference(&step, &fast));
        seen.count(&scenario, &step);
    }
    println!("{scenarios} scenarios: {seen:?}");
    let often = (scenarios / 20) as u32;
    for (what, times) in [
        ("several CPUs", seen.several_cpus),
        ("an interrupt inside of a system call", seen.interrupt_in_call),
        ("a nested interrupt", seen.nested_interrupt),
        ("a minor fault", seen.minor),
        ("a major fault", seen.major),
        ("a copy on write", seen.copy_on_write),
        ("a message between CPUs", seen.ipi),
        ("a pre-emption", seen.preemption),
        ("a contended lock", seen.lock),
        ("an end by the limit", seen.limit),
        ("an idle CPU that notices work by itself", seen.notice),
        ("a program's own work", seen.own_work),
        ("a price for what another CPU used", seen.contended),
        ("the policy eevdf", seen.eevdf),
        ("a cache", seen.speeds),
        ("a thread that was chosen again at a price", seen.chosen_again),
        ("a thread that was moved", seen.moved),
        ("the policy linux", seen.linux),
        ("the policy gang", seen.gang),
        ("a page that was replaced", seen.evicted),
        ("a changed page that was replaced", seen.swapped),
        ("a handler", seen.handler),
        ("a call that a handler interrupts", seen.interrupted),
        ("a stopped thread", seen.stopped),
    ] {
        assert!(times >= often, "{what} was seen in only {times} of {scenarios} scenarios");
    }
}

/// What isn't in random scenarios isn't tested here: each verb is in some of them.
#[test]
fn random_scenarios_use_every_verb() {
    let mut missing: Vec<&str> = trapline::program::verb::VERBS.iter().map(|row| row.name).collect();
    let mut seeds = 0..600;
    while let Some(seed) = seeds.next().filter(|_| !missing.is_empty()) {
        let text = generator::scenario(seed);
        missing.retain(|verb| !text.contains(&format!("{{ {verb} = ")));
    }
    assert!(missing.is_empty(), "no scenario has {missing:?}");
}

/// The laws that hold for every trace hold for these.
#[test]
fn random_scenarios_obey_the_laws_of_traces() {
    for seed in seeds().take(500) {
        let (text, scenario) = scenario(seed);
        let run = run(&scenario, Pace::Fast, Mutation::None);
        let header = trapline::sim::header(&scenario.image);
        let trace = trapline::trace::Trace::from_memory(header, run.trace, run.end, run.outcome);
        let violations = trace.check();
        assert!(violations.is_empty(), "seed {seed}:\n{text}\n{:?}", &violations[..violations.len().min(3)]);
    }
}

#[test]
fn the_same_scenario_gives_the_same_trace_twice() {
    for seed in seeds().take(200) {
        let (_, scenario) = scenario(seed);
        let [a, b] = [0, 1].map(|_| run(&scenario, Pace::Fast, Mutation::None));
        assert!(a == b, "seed {seed}: two runs differ");
    }
}

/// Each deliberate mistake in the fast-forward is noticed by the comparison above.
#[cfg(feature = "mutations")]
#[test]
fn each_mistake_in_the_fast_forward_is_noticed() {
    for mutation in [Mutation::DeadlineLate, Mutation::DeadlineIgnored, Mutation::EndIgnored] {
        let noticed = seeds().find(|&seed| {
            let (_, scenario) = scenario(seed);
            run(&scenario, Pace::Step, Mutation::None) != run(&scenario, Pace::Fast, mutation)
        });
        match noticed {
            Some(seed) => println!("{mutation:?} is noticed with seed {seed}"),
            None => panic!("{mutation:?} isn't noticed"),
        }
    }
}
