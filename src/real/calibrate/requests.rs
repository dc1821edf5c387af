//! Rings of requests.

use super::bench::{Bench, Stop};
use super::copies::body;
use super::found::Found;
use super::registry::Measurement;
use super::text::{Text, batches, loops};
use crate::os::uring::Ring;

pub const REQUESTS: Measurement = Measurement {
    name: "requests",
    what: "rings of requests",
    how: "One process submits requests for nothing by a ring, one with each call and eight with each. What the second takes longer is seven requests. It is skipped where the host allows no rings.",
    keys: &["calls.io_uring_enter", "ring-entry"],
    measure: requests,
};

const CALLS_IN_BATCH: usize = 128;
const AT_ONCE: usize = 8;

fn requests(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    if let Err(errno) = Ring::new(1, None) {
        return Err(Stop::Skipped(format!("this host allows no rings: {errno}")));
    }
    let count = bench.batches(30);
    let mut steps = format!("{{ uring-setup = \"r\", entries = {AT_ONCE} }},\n");
    for (name, requests) in [("one", 1), ("eight", AT_ONCE)] {
        let submit = "{ uring-nop = \"@r\" },\n".repeat(requests) + "{ uring-enter = \"@r\" },\n";
        let round = submit + &"{ uring-reap = \"@r\", outcome = \"x\" },\n".repeat(requests);
        steps += &batches(name, count, &loops(CALLS_IN_BATCH, &round));
    }
    let shown = bench.run(&Text::default().process("solo", 0, &steps), 1)?;
    let one = body(&shown, found, "one", "io_uring_enter")?;
    let eight = body(&shown, found, "eight", "io_uring_enter")?;
    let each = eight.less(one.median).times(1.0 / (AT_ONCE - 1) as f64);
    found.scalar("ring-entry", each, "a call with eight requests, less one with a single one");
    let source = format!("{:.0} ns with one request, less that", one.median);
    found.call("io_uring_enter", one.less(each.median), source);
    Ok(())
}
