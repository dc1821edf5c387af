//! Descriptors that are made, duplicated and polled.

use super::bench::{Bench, Stop};
use super::copies::body;
use super::found::Found;
use super::registry::Measurement;
use super::text::{Text, batches, loops};

pub const EVENTS: Measurement = Measurement {
    name: "events",
    what: "descriptors that are made, duplicated and polled",
    how: "One process makes pipes, counters, timers and epoll sets and closes them, opens a FIFO, duplicates, asks for a capacity, sets a timer, changes a set and waits for one in it, and polls one descriptor and nine. What it takes to give a new descriptor the number that the scenario knows, a `dup2` and a `close`, is taken off.",
    keys: &[
        "calls.dup2",
        "calls.dup",
        "calls.pipe2",
        "calls.open",
        "calls.fcntl",
        "calls.ppoll",
        "calls.epoll_create1",
        "calls.epoll_ctl",
        "calls.epoll_pwait2",
        "calls.eventfd2",
        "calls.timerfd_create",
        "calls.timerfd_settime",
        "poll-each",
    ],
    measure: events,
};

const CALLS_IN_BATCH: usize = 128;
const POLLED: usize = 9;

/// Steps, the call that is measured in them, and how many descriptors that one numbers anew.
const STEPS: &[(&str, &str, usize)] = &[
    ("dup2", "{ dup2 = \"p\", end = \"read\", onto = \"p\", onto-end = \"write\" },\n", 0),
    ("dup", "{ dup = \"p\", into = \"d\" },\n{ close = \"@d\" },\n", 1),
    ("pipe2", "{ pipe = [\"r\", \"w\"] },\n{ close = \"@r\" },\n{ close = \"@w\" },\n", 2),
    (
        "open",
        "{ fifo-open = \"f\", end = \"read\", nonblock = true },\n{ close = \"f\", end = \"read\" },\n",
        1,
    ),
    ("fcntl", "{ fcntl = \"p\", into = \"d\" },\n", 0),
    ("epoll_create1", "{ epoll-create = \"d\" },\n{ close = \"@d\" },\n", 1),
    ("eventfd2", "{ eventfd = \"d\" },\n{ close = \"@d\" },\n", 1),
    ("timerfd_create", "{ timerfd = \"d\" },\n{ close = \"@d\" },\n", 1),
    ("timerfd_settime", "{ timerfd-settime = \"@t\", after = \"10s\" },\n", 0),
    ("epoll_ctl", "{ epoll-ctl = \"@e\", modify = \"@c\" },\n", 0),
    ("epoll_pwait2", "{ epoll-wait = \"@e\", timeout = \"0ns\" },\n", 0),
    ("ppoll", "{ poll = [{ on = \"@c\" }], timeout = \"0ns\" },\n", 0),
];

fn events(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    let count = bench.batches(30);
    let mut steps =
        String::from("{ eventfd = \"c\", initial = 1 },\n{ timerfd = \"t\" },\n{ epoll-create = \"e\" },\n");
    steps += "{ epoll-ctl = \"@e\", add = \"@c\" },\n";
    for (call, step, _) in STEPS {
        steps += &batches(call, count, &loops(CALLS_IN_BATCH, step));
    }
    let all = ["{ on = \"@c\" }"; POLLED].join(", ");
    let many = format!("{{ poll = [{all}], timeout = \"0ns\" }},\n");
    steps += &batches("many", count, &loops(CALLS_IN_BATCH, &many));
    let objects = "[pipe.p]\nends = \"both\"\n[fifo.f]\n";
    let shown = bench.run(&Text::default().objects(objects).process("solo", 0, &steps), 1)?;
    // The number's first holder is closed while there is another, which is less than the price of a close.
    let ways = 2.0 * (found.of("syscall-entry") + found.of("syscall-exit"));
    let onto = body(&shown, found, "dup2", "dup2")?;
    found.numbering = onto.median + body(&shown, found, "dup", "close")?.median + ways;
    for (call, _, numbered) in STEPS {
        let sample = body(&shown, found, call, call)?;
        let numbering = *numbered as f64 * found.numbering;
        let source = match numbered {
            0 => format!("{:.0} ns more than an empty call", sample.median),
            _ => format!("{:.0} ns, less {numbering:.0} ns for numbering", sample.median),
        };
        found.call(call, sample.less(numbering), source);
    }
    let many = body(&shown, found, "many", "ppoll")?.less(found.of_call("ppoll"));
    let each = many.times(1.0 / (POLLED - 1) as f64);
    found.scalar("poll-each", each, "a poll of nine descriptors, less one of a single one");
    // A single one is looked at as well.
    for call in ["ppoll", "epoll_pwait2"] {
        if let Some(price) = found.calls.get_mut(call) {
            price.sample = price.sample.less(each.median);
        }
    }
    Ok(())
}
