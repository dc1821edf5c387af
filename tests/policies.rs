//! What every scheduling policy promises, tried on random workloads.
//!
//! Each policy of the registry runs random jobs that compute, sleep, read from a disk, hold locks and
//! fork, on one or several CPUs, with random parameters. From each run's trace it is checked that no CPU idles while
//! somebody waits for it, that nobody is lost or in two places, that times add up, and that who is picked is whom the
//! policy's rules say (`policies/order.rs`). A workload that breaks a law is shrunk and shown as a scenario.
//!
//! `TRAPLINE_WORKLOADS=1000` tries more of them for each policy.

#[path = "policies/follow.rs"]
mod follow;
#[path = "policies/measured.rs"]
mod measured;
#[path = "policies/order.rs"]
mod order;
#[path = "policies/workload.rs"]
mod workload;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use trapline::ids::Tid;
use trapline::kernel::sched::POLICIES;
use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Pace, Simulator, header};
use trapline::time::Span;
use trapline::trace::sink::Memory;
use trapline::trace::{Event, Kind, Trace};

use follow::Law;
use workload::{Act, Workload};

/// A run's trace, and whether its policy promises to keep CPUs busy.
fn run(text: &str, pace: Pace) -> Result<(Trace, bool), TestCaseError> {
    let scenario = Scenario::parse("workload.toml", text, &Overrides::default())
        .map_err(|diagnostics| TestCaseError::fail(diagnostics.render(false)))?;
    let mut simulator = Simulator::new(&scenario.image, Memory::new(), pace);
    let outcome = simulator.run();
    let (end, conserves) = (simulator.end(), simulator.kernel.conserves_work());
    Ok((Trace::from_memory(header(&scenario.image), simulator.kernel.sink, end, outcome), conserves))
}

/// Not every policy can serve all CPUs with one queue.
fn served(workload: &Workload) -> Workload {
    let refused = Scenario::parse("workload.toml", &workload.text(), &Overrides::default()).is_err();
    Workload { global: workload.global && !refused, ..workload.clone() }
}

fn bytes(trace: &Trace) -> Vec<u8> {
    trace.write(Vec::new()).expect("memory takes everything")
}

fn obeys_the_laws(workload: &Workload) -> Result<(), TestCaseError> {
    let workload = &served(workload);
    let text = workload.text();
    let (fast, conserves) = run(&text, Pace::Fast)?;
    prop_assert!(bytes(&fast) == bytes(&run(&text, Pace::Fast)?.0), "two runs of the same scenario differ");
    prop_assert!(fast.events == run(&text, Pace::Step)?.0.events, "stepping gives another trace");
    let violations = fast.check();
    prop_assert!(violations.is_empty(), "{}", violations[0]);
    let broken = follow::laws(workload, &fast, conserves);
    prop_assert!(broken.is_empty(), "{:?}: {}", broken[0].law, broken[0].text);
    Ok(())
}

fn workloads() -> u32 {
    std::env::var("TRAPLINE_WORKLOADS").map_or(24, |number| number.parse().expect("a number"))
}

#[test]
fn every_policy_obeys_the_laws() {
    let mut failures = Vec::new();
    for row in POLICIES {
        let config = Config { cases: workloads(), failure_persistence: None, ..Config::default() };
        let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
        let mut runner = TestRunner::new_with_rng(config, seed);
        match runner.run(&workload::workload(row), |workload| obeys_the_laws(&workload)) {
            Ok(()) => {}
            Err(TestError::Fail(reason, workload)) => {
                failures.push(format!("{}: {reason}{workload:?}", row.name))
            }
            Err(TestError::Abort(reason)) => failures.push(format!("{}: {reason}", row.name)),
        }
    }
    assert!(failures.is_empty(), "{} policies break a law\n{}", failures.len(), failures.join("\n"));
}

/// A process that computes for so long, for a scenario on one CPU.
fn computing(name: &str, keys: &str) -> String {
    format!("[process.{name}]\n{keys}\nsteps = [{{ compute = \"10ms\" }}]\n")
}

/// What each of some processes has run after 5 ms, in nanoseconds, if all want the CPU from the beginning.
fn shares(scheduler: &str, keys: &[&str]) -> Vec<u64> {
    let mut text = format!(
        "format = 1\n[machine]\ncosts = \"free\"\n[kernel]\nscheduler = {scheduler}\n[run]\nuntil = \"5ms\"\n"
    );
    for (number, keys) in keys.iter().enumerate() {
        text += &computing(&format!("p{number}"), keys);
    }
    let (trace, _) = run(&text, Pace::Fast).expect("a valid scenario");
    let mut account = trapline::analysis::Account::new(&trace.header);
    trace.events.iter().for_each(|event| account.event(event));
    let summary = account.finish(trace.end);
    summary.threads.iter().map(|thread| thread.usage.user.as_nanos()).collect()
}

const TICKETS: [&str; 3] = ["tickets = 5", "tickets = 3", "tickets = 2"];

/// Two threads under stride are never more than a quantum apart from what their tickets say.
#[test]
fn stride_gives_shares_to_within_a_quantum() {
    let found = shares("{ policy = \"stride\", quantum = \"7us\" }", &TICKETS);
    for (share, wanted) in found.iter().zip([2_500_000, 1_500_000, 1_000_000]) {
        assert!(share.abs_diff(wanted) <= 7_000, "{found:?}");
    }
}

/// Of 1000 draws a thread with half of the tickets wins half: four standard deviations are 63 draws.
#[test]
fn a_lottery_gives_shares_in_the_long_run() {
    let found = shares("{ policy = \"lottery\", quantum = \"5us\" }", &TICKETS);
    for (share, wanted) in found.iter().zip([2_500_000, 1_500_000, 1_000_000]) {
        assert!(share.abs_diff(wanted) <= 63 * 5_000, "{found:?}");
    }
}

/// The lag of a thread under eevdf stays below a slice: here nice 0 against twice nice 5, as 1024 to 335.
#[test]
fn the_lag_under_eevdf_is_bounded() {
    let found = shares("{ policy = \"eevdf\", slice = \"7us\" }", &["nice = 0", "nice = 5", "nice = 5"]);
    for (share, weight) in found.iter().zip([1024, 335, 335]) {
        assert!(share.abs_diff(5_000_000 * weight / 1694) <= 2 * 7_000, "{found:?}");
    }
}

/// Its last instruction ends as its quantum does, and its exit takes time. If it gives way, that is after the first
/// instruction of its exit.
#[test]
fn a_thread_that_has_done_its_work_can_end_before_it_gives_way() {
    let first_to_end = |key: &str| {
        let text = format!(
            "format = 1\n[machine]\ncosts = {{ base = \"free\", syscall-entry = \"10ns\", process-exit = \"20ns\" }}\n\
             [kernel]\nscheduler = {{ policy = \"round-robin\", quantum = \"1us\" }}\n{key}\n\
             [process.a]\nsteps = [{{ compute = \"1us\" }}]\n[process.b]\nsteps = [{{ compute = \"500ns\" }}]\n"
        );
        let (trace, _) = run(&text, Pace::Fast).expect("a valid scenario");
        assert_eq!(trace.events, run(&text, Pace::Step).expect("a valid scenario").0.events);
        let mut ends = trace.events.iter().filter(|event| matches!(event.kind, Kind::ProcessExit { .. }));
        ends.next().map(|event| (event.task, event.at.as_nanos()))
    };
    assert_eq!(first_to_end(""), Some((Tid(3), 1_531)));
    assert_eq!(first_to_end("at-slice-end = \"gives-way\""), Some((Tid(3), 1_531)));
    assert_eq!(first_to_end("at-slice-end = \"ends\""), Some((Tid(2), 1_030)));
}

/// Three jobs on one CPU.
fn three_jobs(policy: &'static str) -> Workload {
    let job = |start, acts: &[Act]| workload::Job {
        start,
        cpu: None,
        priority: 0,
        nice: 0,
        tickets: 1,
        burst: None,
        acts: acts.to_vec(),
    };
    Workload {
        policy,
        parameters: vec![("quantum", "\"1000ns\"".to_owned())],
        cpus: 1,
        costs: workload::Costs::Free,
        preemption: "none",
        placement: "idle",
        balance: "none",
        tick: None,
        global: false,
        jobs: vec![
            job(0, &[Act::Compute(2_500), Act::Sleep(3_000), Act::Compute(500)]),
            job(0, &[Act::Compute(1_500)]),
            job(200, &[Act::Compute(500)]),
        ],
    }
}

/// The laws that a trace breaks of which something is said that isn't so.
fn falsified(policy: &'static str, falsify: impl Fn(&mut Trace)) -> Vec<Law> {
    let workload = three_jobs(policy);
    let (mut trace, conserves) = run(&workload.text(), Pace::Fast).expect("a valid scenario");
    assert!(follow::laws(&workload, &trace, conserves).is_empty(), "it obeys");
    falsify(&mut trace);
    follow::laws(&workload, &trace, conserves).iter().map(|broken| broken.law).collect()
}

/// A trace that breaks a law is noticed, and the law is named.
#[test]
fn each_law_notices_a_false_trace() {
    let later = |trace: &mut Trace, from: usize, span: u64| {
        for event in &mut trace.events[from..] {
            event.at += Span::from_nanos(span);
        }
        trace.end += Span::from_nanos(span);
    };
    let switch = |trace: &Trace, wanted: &dyn Fn(Tid, Tid, u64) -> bool| {
        let fits = |event: &Event| match event.kind {
            Kind::SchedSwitch { prev, next, .. } => wanted(prev, next, event.at.as_nanos()),
            _ => false,
        };
        trace.events.iter().position(fits).expect("there is such a switch")
    };
    // Whoever is woken runs only later, though its CPU idles.
    let found = falsified("round-robin", |trace| {
        let place = switch(trace, &|prev, next, at| prev == Tid::IDLE && next == Tid(2) && at > 0);
        later(trace, place, 700);
    });
    assert!(found.contains(&Law::WorkConservation), "{found:?}");
    // A wake-up is lost.
    let found = falsified("round-robin", |trace| {
        trace.events.retain(|event| !matches!(event.kind, Kind::SchedWakeup { task: Tid(2), .. }));
    });
    assert!(found.contains(&Law::OnePlace), "{found:?}");
    // The run is cut off.
    let found = falsified("round-robin", |trace| {
        let half = trace.events.len() / 2;
        trace.events.truncate(half);
    });
    assert!(found.contains(&Law::NoLostJob), "{found:?}");
    // A job has computed for longer than it was told, and for longer than its quantum.
    let found = falsified("round-robin", |trace| {
        let place = switch(trace, &|prev, _, _| prev == Tid(2));
        later(trace, place, 3);
    });
    assert!(found.contains(&Law::WorkDone) && found.contains(&Law::Quantum), "{found:?}");
    // Another thread than the first in the queue is said to run, from here to the end.
    let found = falsified("round-robin", |trace| {
        let swapped = |task: Tid| match task {
            Tid(2) => Tid(3),
            Tid(3) => Tid(2),
            other => other,
        };
        for event in &mut trace.events {
            event.task = swapped(event.task);
            if let Kind::SchedSwitch { prev, next, .. } = &mut event.kind {
                (*prev, *next) = (swapped(*prev), swapped(*next));
            }
        }
    });
    assert!(found.contains(&Law::Order), "{found:?}");
    // A pass that isn't the thread's.
    let found = falsified("stride", |trace| {
        for event in &mut trace.events {
            if let Kind::SchedPick { number, .. } = &mut event.kind {
                *number += 100_000;
            }
        }
    });
    assert!(found.contains(&Law::Order), "{found:?}");
}

/// A run isn't what another workload would have made of it.
#[test]
fn a_law_notices_another_workloads_trace() {
    let broken = |run_as: &Workload, said: &Workload| -> Vec<Law> {
        let (trace, conserves) = run(&run_as.text(), Pace::Fast).expect("a valid scenario");
        assert!(follow::laws(run_as, &trace, conserves).is_empty(), "it obeys");
        follow::laws(said, &trace, conserves).iter().map(|broken| broken.law).collect()
    };
    // A job is said to be bound to the other CPU.
    let free = Workload { cpus: 2, ..three_jobs("fcfs") };
    let free = Workload { parameters: Vec::new(), ..free };
    let mut bound = free.clone();
    for job in &mut bound.jobs {
        job.cpu = Some(1);
    }
    let found = broken(&free, &bound);
    assert!(found.contains(&Law::Affinity), "{found:?}");
    // The last job is said to be more urgent, and to pre-empt.
    let mut patient = three_jobs("priority");
    patient.parameters = vec![("preemptive", "false".to_owned())];
    patient.jobs[2].priority = 3;
    let urgent = Workload { parameters: Vec::new(), ..patient.clone() };
    let found = broken(&patient, &urgent);
    assert!(found.contains(&Law::Urgency), "{found:?}");
}
