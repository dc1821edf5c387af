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
use trapline::kernel::sched::POLICIES;
use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Pace, Simulator, header};
use trapline::trace::Trace;
use trapline::trace::sink::Memory;

use workload::Workload;

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
    std::env::var("TRAPLINE_WORKLOADS").map_or(48, |number| number.parse().expect("a number"))
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
