//! Runs of small scenarios, the same instruction by instruction and fast.

use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Pace, Simulator};
use trapline::trace::Kind;
use trapline::trace::sink::Memory;

pub fn run(text: &str) -> Memory {
    let scenario = match Scenario::parse("test", text, &Overrides::default()) {
        Ok(scenario) => scenario,
        Err(diagnostics) => panic!("{}", diagnostics.render(false)),
    };
    let [step, fast] = [Pace::Step, Pace::Fast].map(|pace| {
        let mut simulator = Simulator::new(&scenario.image, Memory::new(), pace);
        simulator.run();
        simulator.kernel.sink
    });
    assert!(step == fast, "the paces differ");
    fast
}

/// What it has printed.
pub fn lines(trace: &Memory) -> Vec<String> {
    let printed = trace.events.iter().filter_map(|event| match event.kind {
        Kind::Print { text } => Some(trace.names[text.index()].clone()),
        _ => None,
    });
    printed.collect()
}
