//! Rings of requests: when a request is done, what it costs, and what becomes of it.

#[path = "common/paces.rs"]
mod paces;

use trapline::trace::Kind;
use trapline::trace::sink::Memory;

use paces::{lines, run};

/// When the events came for which this holds, in nanoseconds.
fn times(trace: &Memory, wanted: impl Fn(&Kind) -> bool) -> Vec<u64> {
    trace.events.iter().filter(|event| wanted(&event.kind)).map(|event| event.at.as_nanos()).collect()
}

fn scenario(file: &str, steps: &str) -> String {
    format!(
        "format = 1\n[machine]\ncosts = \"textbook\"\n[device.stick]\nkind = \"usb\"\nservice = \"100us\"\n\
         per-kib = \"0ns\"\ndepth = 2\n[file.data]\nsize = \"64KiB\"\n{file}\n[process.a]\nsteps = [\n{steps}\n]\n"
    )
}

const TWO: &str = "{ uring-setup = \"r\", entries = 2 },
{ uring-read = \"@r\", file = \"data\", offset = 0, bytes = \"4KiB\" },
{ uring-read = \"@r\", file = \"data\", offset = 8192, bytes = \"4KiB\" },
{ uring-enter = \"@r\", wait = 2 },
{ uring-reap = \"@r\", outcome = \"x\" },
{ uring-reap = \"@r\", outcome = \"y\" },
{ print = \"{x} {y}\" },";

#[test]
fn what_is_cached_is_done_by_the_call_and_the_queues_need_none() {
    // The switch to the process takes 1000, the setup 100 + 2000 + 100, two requests 8 instructions
    // each: 3216. The call takes effect after 200, owes 2 * 50 for the requests and 2 * 4096 for the
    // copies, and has returned 100 later. To take a completion out takes 4 instructions.
    let trace = run(&scenario("cached = true", TWO));
    assert_eq!(lines(&trace), ["4096 4096"]);
    assert_eq!(times(&trace, |kind| matches!(kind, Kind::SysExit { .. }))[..2], [3_200, 11_808]);
    assert_eq!(times(&trace, |kind| matches!(kind, Kind::MessageReceive { .. })), [11_812, 11_816]);
    assert!(times(&trace, |kind| matches!(kind, Kind::BlockRqIssue { .. })).is_empty());
}

#[test]
fn what_is_not_cached_is_asked_for_at_once_and_one_wait_is_for_all() {
    // Both go to the disk when the call takes effect, and are done 100 us later, by one interrupt.
    let text = scenario("", TWO) + "[kernel]\nread-ahead = \"0B\"\n";
    let trace = run(&text);
    assert_eq!(lines(&trace), ["4096 4096"]);
    assert_eq!(times(&trace, |kind| matches!(kind, Kind::BlockRqIssue { .. })), [3_416, 3_416]);
    // The handler takes 1 us. It owes the copies, 2 * 4096, and waking takes 100; the switch takes
    // 1000, the exit 100.
    let done = 103_416 + 1_000;
    assert_eq!(times(&trace, |kind| matches!(kind, Kind::BlockRqComplete { .. })), [done, done]);
    let back = done + 2 * 4_096 + 100 + 1_000 + 100;
    assert_eq!(times(&trace, |kind| matches!(kind, Kind::SysExit { .. }))[1], back);
    let switches = |kind: &Kind| matches!(kind, Kind::SchedWakeup { .. });
    assert_eq!(
        times(&trace, switches).len(),
        times(&run(&scenario("cached = true", TWO)), switches).len() + 1
    );
}

#[test]
fn read_ahead_fetches_for_a_ring_as_for_a_read() {
    let read = "{ uring-setup = \"r\", entries = 1 },
{ uring-read = \"@r\", file = \"data\", offset = 0, bytes = \"4KiB\" },
{ uring-enter = \"@r\", wait = 1 },";
    let issued = |kind: &Kind| matches!(kind, Kind::BlockRqIssue { bytes: 16_384, .. });
    assert_eq!(times(&run(&scenario("", read)), issued).len(), 1);
}

#[test]
fn requests_of_a_disk_that_is_pulled_out_fail() {
    let text = scenario("", TWO) + "[[event]]\nat = \"50us\"\nunplug = \"stick\"\n";
    assert_eq!(lines(&run(&text)), ["-5 -5"]);
}

#[test]
fn a_ring_and_its_file_may_be_closed_while_requests_are_under_way() {
    let steps = "{ uring-setup = \"r\", entries = 2 },
{ open = \"data\", flags = [\"read\", \"direct\"], into = \"f\" },
{ uring-read = \"@r\", file = \"@f\", offset = 0, bytes = \"4KiB\" },
{ uring-poll = \"@r\", on = \"@e\" },
{ uring-enter = \"@r\" },
{ close = \"@f\" },
{ close = \"@r\" },
{ write = \"@e\", value = 1 },
{ sleep = \"1ms\" },
{ print = \"over\" },";
    let trace = run(&scenario("", &format!("{{ eventfd = \"e\" }},\n{steps}")));
    assert_eq!(lines(&trace), ["over"]);
    assert_eq!(times(&trace, |kind| matches!(kind, Kind::BlockRqComplete { .. })).len(), 1);
    assert!(times(&trace, |kind| matches!(kind, Kind::MessageReceive { .. })).is_empty());
}

#[test]
fn there_are_only_so_many_descriptors() {
    let steps = "{ repeat = 1100, do = [{ uring-setup = \"r\", entries = 1, result = \"n\", on-error = \"continue\" }] },
{ print = \"{n}\" },";
    assert_eq!(lines(&run(&scenario("", steps))), ["-24"]);
}

#[test]
fn a_full_queue_stops_a_run_that_does_not_ask() {
    let steps = "{ uring-setup = \"r\", entries = 1 },\n{ uring-nop = \"@r\" },\n{ uring-nop = \"@r\" },\n{ print = \"x\" },";
    assert!(lines(&run(&scenario("", steps))).is_empty());
}
