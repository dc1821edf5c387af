//! Runs of small scenarios whose times can be added up by hand.

use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Outcome, Pace, Simulator};
use trapline::trace::sink::Memory;
use trapline::trace::{Event, Kind};

/// What a run has shown, the same at both paces.
pub struct Run {
    pub events: Vec<Event>,
    pub lines: Vec<String>,
    pub outcome: Outcome,
    pub deadlock: String,
}

/// Runs it with the costs of `textbook`, instruction by instruction and fast.
pub fn run(text: &str) -> Run {
    let text = format!("format = 1\n[machine]\ncosts = \"textbook\"\n{text}");
    let scenario = match Scenario::parse("test", &text, &Overrides::default()) {
        Ok(scenario) => scenario,
        Err(diagnostics) => panic!("{}", diagnostics.render(false)),
    };
    let [step, fast] = [Pace::Step, Pace::Fast].map(|pace| {
        let mut simulator = Simulator::new(&scenario.image, Memory::new(), pace);
        let outcome = simulator.run();
        let deadlock = simulator.deadlock().map_or(String::new(), |deadlock| deadlock.to_string());
        let sink = simulator.kernel.sink;
        let text = |event: &Event| match event.kind {
            Kind::Print { text } => Some(sink.names[text.index()].clone()),
            _ => None,
        };
        let lines = sink.events.iter().filter_map(text).collect();
        Run { events: sink.events, lines, outcome, deadlock }
    });
    assert!(step.events == fast.events, "the paces differ");
    fast
}
