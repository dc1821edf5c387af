//! Who gets which CPU in a run in which nothing costs anything but computing.

use trapline::ids::CpuId;
use trapline::trace::{Event, Kind};

use crate::paces;

/// The events of such a run.
pub fn free(text: &str) -> Vec<Event> {
    paces::run(&format!("format = 1\n[machine]\ncosts = \"free\"\n{text}")).events
}

/// Where each thread got a CPU, and when, in microseconds: `T1@0:5` is thread T1 on CPU 0 at 5 µs.
pub fn switches(text: &str, names: &[&str]) -> Vec<String> {
    let shown = |event: &Event| match event.kind {
        Kind::SchedSwitch { next, .. } if next.0 >= 2 => {
            let cpu = event.cpu.unwrap_or(CpuId(99)).0;
            Some(format!("{}@{cpu}:{}", names[next.index() - 2], event.at.as_nanos() / 1000))
        }
        _ => None,
    };
    free(text).iter().filter_map(shown).collect()
}
