//! A scheduling policy of one's own: who has had the CPU least is next. Runs a scenario under it and prints who ran
//! when.
//!
//! `cargo run --example custom_policy`

use std::collections::BTreeMap;

use trapline::ids::Tid;
use trapline::kernel::sched::{Policy, Ready, Reason, Rule, Thread};
use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Pace, Simulator, header};
use trapline::time::{Instant, Span};
use trapline::trace::sink::Memory;
use trapline::trace::{Kind, Trace};

/// Two jobs that compute, and one that comes later and waits in between.
const SCENARIO: &str = r#"
format = 1

[machine]
costs = "textbook"

[process.long]
steps = [{ compute = "6ms" }]
[process.short]
steps = [{ compute = "2ms" }]
[process.late]
start = "3ms"
steps = [{ repeat = 2, do = [{ compute = "1ms" }, { sleep = "1ms" }] }]
"#;

/// The thread that has had the CPU least goes first, and takes the CPU from one that has had more.
#[derive(Clone, Debug)]
struct LeastServed {
    quantum: Span,
    /// Who waits, in the order of coming.
    waiting: Vec<Tid>,
    /// How long each thread has had the CPU.
    served: BTreeMap<Tid, Span>,
    /// What the one that was picked last had had.
    least: Span,
}

impl LeastServed {
    fn new(quantum: Span) -> LeastServed {
        LeastServed { quantum, waiting: Vec::new(), served: BTreeMap::new(), least: Span::ZERO }
    }

    fn served(&self, thread: Tid) -> Span {
        self.served.get(&thread).copied().unwrap_or_default()
    }
}

impl Policy for LeastServed {
    fn enqueue(&mut self, thread: Thread<'_>, _: Ready, _: Instant) {
        self.waiting.push(thread.id);
    }

    fn pick(&mut self, _: Instant) -> Option<Tid> {
        let order = self.waiting.iter().enumerate();
        let (place, &next) = order.min_by_key(|&(place, &thread)| (self.served(thread), place))?;
        self.least = self.served(next);
        self.waiting.remove(place);
        Some(next)
    }

    fn remove(&mut self, thread: Tid) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|&waiting| waiting != thread);
        self.waiting.len() < before
    }

    fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn slice(&self, _: Thread<'_>, _: Instant) -> Option<Span> {
        Some(self.quantum)
    }

    fn gives_way(&self, _: Thread<'_>, _: Instant) -> bool {
        !self.waiting.is_empty()
    }

    fn preempts(&mut self, woken: Thread<'_>, running: Thread<'_>, _: Instant) -> bool {
        self.served(woken.id) < self.served(running.id)
    }

    fn ran(&mut self, thread: Thread<'_>, time: Span, _: Instant) {
        *self.served.entry(thread.id).or_default() += time;
    }

    fn gives_reasons(&self) -> bool {
        true
    }

    fn reason(&self) -> Option<Reason> {
        Some(Reason { rule: Rule::Own, number: self.least.as_nanos() })
    }

    fn queue(&self) -> Vec<Tid> {
        let mut order = self.waiting.clone();
        order.sort_by_key(|&thread| self.served(thread));
        order
    }
}

/// Runs the scenario under the policy, with a queue of it for each CPU, and tells who got the CPU when.
pub fn who_ran_when(quantum: Span) -> Result<Vec<String>, String> {
    let scenario = Scenario::parse("example", SCENARIO, &Overrides::default());
    let image = scenario.map_err(|mistakes| mistakes.to_string())?.image;
    let mut simulator = Simulator::with_policy(&image, Memory::new(), Pace::Fast, |_site| {
        Box::new(LeastServed::new(quantum))
    });
    let outcome = simulator.run();
    let end = simulator.end();
    let trace = Trace::from_memory(header(&image), simulator.kernel.sink, end, outcome);
    let name = |task: Tid| match trace.tasks.iter().find(|entry| entry.task == task) {
        Some(entry) if task != Tid::IDLE => entry.name.clone(),
        _ => "nobody".to_owned(),
    };
    let switches = trace.events.iter().filter_map(|event| match event.kind {
        Kind::SchedSwitch { next, .. } => Some(format!("{:>10} {}", event.at.to_string(), name(next))),
        _ => None,
    });
    Ok(switches.chain([format!("{:>10} {}", trace.end.to_string(), trace.outcome.name())]).collect())
}

fn main() -> Result<(), String> {
    for line in who_ran_when(Span::from_millis(1))? {
        println!("{line}");
    }
    Ok(())
}
