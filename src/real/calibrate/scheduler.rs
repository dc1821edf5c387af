//! The scheduler: its slice.

use crate::real::seen::Seen;

use super::bench::{Bench, Stop};
use super::found::Found;
use super::registry::Measurement;
use super::sample::Sample;
use super::text::{Text, repeat};
use super::traced::turns;

pub const SCHEDULER: Measurement = Measurement {
    name: "scheduler",
    what: "how long a thread keeps the CPU",
    how: "The kernel's configuration gives tick and pre-emption, its version the policy and its slice. Two processes that compute on one CPU show whether that is so: the kernel's own trace gives the length of their turns, which end at the first tick after the slice.",
    keys: &["host.tick", "host.slice", "host.preemption", "host.policy"],
    measure: scheduler,
};

fn scheduler(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    let computes = repeat(bench.batches(100), "{ compute = \"5ms\" },\n");
    let text = Text::default().process("one", 0, &computes).process("other", 0, &computes);
    let Some(shown) = bench.trace(&text, 1)? else {
        return Err(Stop::Skipped("the kernel's trace points can't be used".to_owned()));
    };
    let threads: Vec<i32> = shown.measured.rows.iter().map(|row| row.host_thread).collect();
    let cpu = shown.measured.cpus.first().copied().unwrap_or(0);
    let turns = shown.seen().map(|seen: &Seen| turns(&seen.events, cpu, &threads)).unwrap_or_default();
    let Some(turn) = Sample::of(&turns) else {
        return Err(Stop::Skipped("the two never took turns".to_owned()));
    };
    found.remark(format!(
        "Two computing processes take turns of {:.2} ms (from {:.2} to {:.2}, {} turns).",
        turn.median / 1e6,
        turn.p10 / 1e6,
        turn.p90 / 1e6,
        turn.n
    ));
    let (Some(tick), Some(slice)) = (found.host.tick, found.host.slice) else { return Ok(()) };
    let expected = (slice / tick).ceil() * tick;
    if (turn.median / expected - 1.0).abs() > 0.25 {
        found.remark(format!(
            "A slice of {:.1} ms and a tick of {:.1} ms would make that {:.1} ms: the slice in [host] may be wrong.",
            slice / 1e6,
            tick / 1e6,
            expected / 1e6
        ));
    }
    Ok(())
}
