//! Runs a scenario and prints its trace: the library's shortest use.
//!
//! `cargo run --example trace_a_scenario -- scenarios/boundary/first-look.toml`

use std::path::PathBuf;
use std::process::ExitCode;

use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Pace, Simulator, header};
use trapline::trace::Trace;
use trapline::trace::sink::Memory;

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: trace_a_scenario FILE");
        return ExitCode::from(2);
    };
    let scenario = match Scenario::load(&path, &Overrides::default()) {
        Ok(scenario) => scenario,
        Err(diagnostics) => {
            eprint!("{}", diagnostics.render(false));
            return ExitCode::from(3);
        }
    };
    let mut simulator = Simulator::new(&scenario.image, Memory::new(), Pace::Fast);
    let outcome = simulator.run();
    let end = simulator.end();
    let trace = Trace::from_memory(header(&scenario.image), simulator.kernel.sink, end, outcome);
    for event in &trace.events {
        println!(
            "{:>12} cpu {:?} task {} {:?}",
            event.at.to_string(),
            event.cpu.map(|cpu| cpu.0),
            event.task,
            event.kind
        );
    }
    println!("{:>12} {:?}", trace.end.to_string(), trace.outcome);
    for violation in trace.check() {
        println!("violated: {violation:?}");
    }
    ExitCode::SUCCESS
}
