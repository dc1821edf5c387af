//! The timer: its handler, and how late a sleep ends.

use crate::os::calls;
use crate::real::seen::Point;

use super::bench::{Bench, Stop};
use super::found::Found;
use super::registry::Measurement;
use super::sample::{Sample, sorted};
use super::text::{Text, batches, repeat};
use super::traced::{before_sleep, handlers};
use super::user::sample;

pub const TIMER: Measurement = Measurement {
    name: "timer",
    what: "the timer's handler, and how late a sleep ends",
    how: "The kernel's own trace of a computing process gives the handler, that of a sleeping one gives the call up to where it sleeps. What sleeps of 50 us and 1 ms overshoot by, less that, leaving the halt, the handler, the wake-up, the switch and the call's exit, is the slack. Without the kernel's trace, the handler is a stated 3 us, and the call is as a futex_wait.",
    keys: &["timer", "calls.nanosleep", "timer-slack"],
    measure: timer,
};

/// Without a trace.
const STATED_HANDLER: f64 = 3_000.0;
/// A trace point's own time, about.
pub const TRACING: f64 = 100.0;

fn timer(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    let count = bench.batches(60);
    let computes = repeat(count, "{ compute = \"5ms\" },\n");
    let sleeps = repeat(count, "{ sleep = \"50us\" },\n");
    let traced = bench.trace(&Text::default().process("solo", 0, &(computes + &sleeps)), 1)?;
    let events = traced.as_ref().and_then(|shown| shown.seen()).map(|seen| &seen.events[..]);
    let ticks = events.map(|events| handlers(events, Point::TimerEntry, Point::TimerExit, None));
    match ticks.as_deref().and_then(Sample::of) {
        Some(handler) => found.scalar("timer", handler, "local_timer_entry to local_timer_exit"),
        None => found.scalar("timer", one(STATED_HANDLER), "not measured: stated"),
    }
    let slept = events.map(|events| before_sleep(events, &[calls::CLOCK_NANOSLEEP]));
    match slept.as_deref().and_then(Sample::of) {
        Some(slept) => {
            let body = slept.less(found.of("switch") / 2.0 + TRACING);
            found.call("nanosleep", body, "sys_enter to the switch, less half a switch and the tracing");
        }
        None => {
            let wait = found.calls.get("futex_wait").map(|price| price.sample).unwrap_or_default();
            found.call("nanosleep", wait, "not measured: as futex_wait");
        }
    }
    slack(bench, found)
}

fn slack(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    const TIMES: [(&str, f64); 2] = [("50us", 50_000.0), ("1ms", 1_000_000.0)];
    let count = bench.batches(15);
    let mut steps = String::new();
    for (time, _) in TIMES {
        steps += &batches(time, count, &format!("{{ sleep = \"{time}\" }},\n").repeat(8));
    }
    let shown = bench.run(&Text::default().process("solo", 0, &steps), 1)?;
    let mut late = Vec::new();
    for (name, asked) in TIMES {
        let over = shown.marks.named(name).flat_map(|batch| batch.calls("nanosleep"));
        let over: Vec<f64> = over.map(|made| made.duration() as f64 - asked).collect();
        let median = sample(&over)?.median / 1000.0;
        found.remark(format!("A sleep of {name} takes {median:.1} us longer."));
        late.extend(over);
    }
    let known = shown.marks.empty()
        + found.of_call("nanosleep")
        + found.of("idle-exit")
        + found.of("timer")
        + found.of("wakeup")
        + found.of("switch");
    let late = sample(&sorted(&late))?;
    let source = format!("sleeps end {:.0} ns late, less {known:.0} ns for what is known", late.median);
    found.scalar("timer-slack", late.less(known), source);
    Ok(())
}

/// A value that wasn't measured.
pub const fn one(value: f64) -> Sample {
    Sample { median: value, p10: value, p90: value, n: 0 }
}
