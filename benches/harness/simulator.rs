//! One run of the simulator: the only place of the benchmark that knows its interface.

use std::path::Path;
use std::time::Instant;

use trapline::scenario::{Overrides, Scenario};
pub use trapline::sim::Pace;
use trapline::sim::Simulator;
use trapline::trace::sink::Off;

use super::measure::Run;

/// Runs the scenario with the trace off. `None` if it can't be loaded, having said why.
pub fn run(scenario: &Path, pace: Pace) -> Option<Run> {
    let scenario = match Scenario::load(scenario, &Overrides::default()) {
        Ok(scenario) => scenario,
        Err(diagnostics) => {
            eprint!("{}", diagnostics.render(false));
            return None;
        }
    };
    let start = Instant::now();
    let mut simulator = Simulator::new(&scenario.image, Off, pace);
    simulator.run();
    let seconds = start.elapsed().as_secs_f64();
    let end = simulator.end().as_nanos();
    Some(Run { seconds, crossings: simulator.kernel.crossings, end })
}
