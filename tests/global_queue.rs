//! One run queue for all CPUs: who gets which CPU, and whose thread gives way.

#[path = "common/paces.rs"]
#[expect(dead_code, reason = "nothing is printed here")]
mod paces;
#[path = "common/switches.rs"]
mod switches;

use switches::{free, switches};
use trapline::trace::{Event, Kind};

const URGENT: &str = r#"
cpus = 2
[kernel]
scheduler = "priority"
queues = "global"
[process.low]
priority = 1
steps = [ { compute = "100us" } ]
[process.mid]
priority = 2
steps = [ { compute = "100us" } ]
[process.high]
priority = 3
start = "10us"
steps = [ { compute = "30us" } ]
"#;

/// `high` takes the CPU of `low`, not of `mid`, though that is the first; and when it has ended, `low`
/// goes on where it was.
#[test]
fn the_least_important_thread_gives_way() {
    let seen = switches(URGENT, &["low", "mid", "high"]);
    // `low` began first, on CPU 0, `mid` on CPU 1: they were ready in this order.
    assert_eq!(seen, ["mid@0:0", "low@1:0", "high@1:10", "low@1:40"]);
}

/// `low` is pre-empted on CPU 1 and goes on on CPU 0, which is the first to be free: nobody is bound
/// to a CPU.
#[test]
fn a_thread_goes_on_wherever_a_cpu_is_free() {
    let text =
        URGENT.replace("compute = \"100us\" } ]\n[process.high]", "compute = \"20us\" } ]\n[process.high]");
    let seen = switches(&text, &["low", "mid", "high"]);
    assert_eq!(seen, ["mid@0:0", "low@1:0", "high@1:10", "low@0:20"]);
    let moved = |event: &Event| matches!(event.kind, Kind::SchedMigrate { .. });
    assert!(free(&text).iter().any(|event| moved(event) && event.at.as_nanos() == 20_000));
}

/// The first in the queue may not run on the free CPU: the next one does.
#[test]
fn a_pinned_thread_waits_for_its_own_cpu() {
    let text = r#"
cpus = 2
[kernel]
scheduler = "fcfs"
queues = "global"
[process.long]
cpu = 0
steps = [ { compute = "100us" } ]
[process.short]
steps = [ { compute = "20us" } ]
[process.pinned]
cpu = 0
steps = [ { compute = "10us" } ]
[process.last]
steps = [ { compute = "10us" } ]
"#;
    let seen = switches(text, &["long", "short", "pinned", "last"]);
    assert_eq!(seen, ["long@0:0", "short@1:0", "last@1:20", "pinned@0:100"]);
}
