//! What two CPUs have to do with each other: wake-ups from one to the other, and shared data.

use super::bench::{Bench, Shown, Stop};
use super::copies::beyond_own;
use super::found::Found;
use super::host;
use super::registry::Measurement;
use super::sample::{Sample, quantile, sorted};
use super::text::{Text, batches, loops, repeat};
use super::user::sample;

pub const EXCHANGE: Measurement = Measurement {
    name: "exchange",
    what: "wake-ups from CPU to CPU",
    how: "Two processes on two CPUs hand a byte to and fro, with pauses between, and once more while a third computes on the second CPU. What the write takes longer than on one CPU is the sender's share. From the write's entry to the other's note, less the calls and the switch, is the way to a halted CPU; a stated share each is delivery (30 of a hundred), leaving the halt (55) and the handler (15). To a computing CPU it is the lower quartile, as not every wake-up pre-empts. Going idle is taken to be a switch like any other.",
    keys: &[
        "ipi-send",
        "ipi-delivery",
        "ipi-delivery-idle",
        "idle-exit",
        "reschedule",
        "idle-entry",
        "idle-poll",
        "poll-notice",
    ],
    measure: exchange,
};

pub const SHARED: Measurement = Measurement {
    name: "shared",
    what: "a pipe that two CPUs use in turn",
    how: "Two processes on two CPUs hand over 1 B or 64 KiB through a pipe, and spin on a shared cell meanwhile, so that nobody sleeps: what the calls take longer than in one process.",
    keys: &["contended", "remote-per-kib"],
    measure: shared,
};

/// Shares of the way to a halted CPU. What happens within can't be seen from outside.
const DELIVERY: f64 = 0.30;
const LEAVING: f64 = 0.55;
const HANDLER: f64 = 0.15;

/// How long the target has been idle, about, in microseconds.
const PAUSES: &[u64] = &[0, 50, 200, 1000];
const ROUNDS: usize = 16;

/// One exchange's way there.
#[derive(Clone, Debug, Default)]
struct Way {
    /// From the write's entry to the reader's return.
    there: Vec<u64>,
    /// How long the write took.
    write: Vec<u64>,
}

/// Joins the n-th write of one thread with the n-th read of the other, for each batch name.
fn ways(shown: &Shown, names: &[String]) -> Result<Vec<Way>, Stop> {
    let task = |name: &str| shown.task(name).ok_or_else(|| Stop::Skipped(format!("{name} never began")));
    let (sender, receiver) = (task("ping")?, task("pong")?);
    let reads = shown.calls_of(receiver, "read");
    let writes = shown.calls_of(sender, "write");
    let mut ways = Vec::new();
    for name in names {
        let mut way = Way::default();
        for batch in shown.marks.named(name).filter(|batch| batch.task == sender) {
            let within = |at: u64| (batch.start..batch.end).contains(&at);
            for (write, read) in writes.iter().zip(&reads).filter(|(write, _)| within(write.enter)) {
                way.there.push(read.leave.saturating_sub(write.enter));
                way.write.push(write.duration());
            }
        }
        ways.push(way);
    }
    Ok(ways)
}

fn name_of(pause: u64) -> String {
    format!("after {pause} us")
}

/// Ping on the first CPU, pong on the second; `third` may compute there as well.
fn program(count: usize, pauses: &[u64], third: bool) -> Text {
    let mut steps = String::new();
    for &pause in pauses {
        let wait = if pause == 0 { String::new() } else { format!("{{ compute = \"{pause}us\" }},\n") };
        let round = wait + "{ write = \"there\", bytes = \"1B\" },\n{ read = \"back\", bytes = \"1B\" },\n";
        steps += &batches(&name_of(pause), count, &loops(ROUNDS, &round));
    }
    let stop = if third { "{ store = \"all.over\", value = 1 },\n" } else { "" };
    let answer = "{ read = \"there\", bytes = \"1B\" },\n{ write = \"back\", bytes = \"1B\" },\n";
    let text = Text::default()
        .objects("[pipe.there]\n[pipe.back]\n[shm.all]\ncells = { over = 0 }")
        .process("ping", 0, &(steps + stop))
        .process("pong", 1, &repeat(pauses.len() * count * ROUNDS, answer));
    if !third {
        return text;
    }
    let busy = "{ compute = \"20us\" },\n{ load = \"over\", from = \"all.over\" },\n";
    let busy = format!("{{ set = \"over\", to = 0 }},\n{{ while = \"over == 0\", do = [\n{busy}] }},\n");
    text.process("busy", 1, &busy)
}

fn exchange(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    bench.two_cpus()?;
    let names: Vec<String> = PAUSES.iter().map(|pause| name_of(*pause)).collect();
    let shown = bench.run(&program(bench.batches(20), PAUSES, false), 2)?;
    let ways = ways(&shown, &names)?;
    let polls = host::guest_poll().filter(|most| *most > 0);
    for (pause, way) in PAUSES.iter().zip(&ways) {
        let there = sample(&raw(&way.there))?.median / 1000.0;
        let write = sample(&raw(&way.write))?.median / 1000.0;
        found.remark(format!(
            "Across CPUs, {pause} us after the last exchange: {there:.1} us there, {write:.1} us of them in the write."
        ));
    }
    // A CPU that polls is halted after the longest pause only.
    let halted = if polls.is_some() { ways.last() } else { ways.first() }.cloned().unwrap_or_default();
    let (write, getpid) = (found.of_call("write"), found.of_call("getpid"));
    let send = sample(&shown.beyond_empty(halted.write.iter().copied()))?;
    let source =
        format!("a write that wakes the other CPU takes {:.0} ns more than an empty call", send.median);
    found.scalar("ipi-send", send.less(write - getpid + found.of("wakeup")), source);

    let beside = write - getpid + found.of("switch");
    let way = sample(&shown.beyond_empty(halted.there.iter().copied()))?.less(beside);
    let share = |share: f64| {
        format!("{:.0} % of {:.0} ns to a halted CPU, a stated share", share * 100.0, way.median)
    };
    found.scalar("ipi-delivery-idle", way.times(DELIVERY), share(DELIVERY));
    found.scalar("idle-exit", way.times(LEAVING), share(LEAVING));
    if let Some(switch) = found.scalars.get("switch") {
        let sample = switch.sample;
        found.scalar("idle-entry", sample, "not measured apart: as a switch");
    }
    polling(found, &shown, &ways, polls, beside)?;
    to_busy(bench, found, way, beside)
}

fn raw(nanos: &[u64]) -> Vec<f64> {
    nanos.iter().map(|&nanos| nanos as f64).collect()
}

/// A CPU that polls before it halts: how long, and how soon it notices.
fn polling(
    found: &mut Found,
    shown: &Shown,
    ways: &[Way],
    polls: Option<u64>,
    beside: f64,
) -> Result<(), Stop> {
    let Some(most) = polls else { return Ok(()) };
    let one = |value: f64| Sample { median: value, p10: value, p90: value, n: 1 };
    found.scalar("idle-poll", one(most as f64), "guest_halt_poll_ns of the module haltpoll");
    let soon = ways.first().map(|way| way.there.clone()).unwrap_or_default();
    let notice = sample(&shown.beyond_empty(soon))?.less(beside);
    found.scalar("poll-notice", notice, "the way to a CPU that has just become idle");
    Ok(())
}

/// The way to a CPU that computes.
fn to_busy(bench: &mut Bench<'_>, found: &mut Found, way: Sample, beside: f64) -> Result<(), Stop> {
    let pause = 200;
    let shown = bench.run(&program(bench.batches(20), &[pause], true), 2)?;
    let ways = ways(&shown, &[name_of(pause)])?;
    let there = sorted(&shown.beyond_empty(ways[0].there.iter().copied()));
    let at = |share| quantile(&there, share).unwrap_or(0.0);
    let quick = Sample { median: at(0.25), p10: at(0.1), p90: at(0.4), n: there.len() }.less(beside);
    let handler = way.times(HANDLER);
    let handler = if handler.median > quick.median / 2.0 { quick.times(0.5) } else { handler };
    let source =
        format!("{:.0} % of the way to a halted CPU, half of that to a busy one at most", HANDLER * 100.0);
    found.scalar("reschedule", handler, source);
    let source = format!("{:.0} ns to a CPU that computes, less the handler", quick.median);
    found.scalar("ipi-delivery", quick.less(handler.median), source);
    Ok(())
}

fn shared(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    const SIZES: [u64; 2] = [1, 65_536];
    bench.two_cpus()?;
    let count = bench.batches(20);
    let (mut first, mut second) = (String::new(), String::new());
    let until = |turn: u8| {
        format!("{{ while = \"turn != {turn}\", do = [ {{ load = \"turn\", from = \"all.turn\" }} ] }},\n")
    };
    let give = |turn: u8| {
        format!("{{ store = \"all.turn\", value = {turn} }},\n{{ set = \"turn\", to = {turn} }},\n")
    };
    for size in SIZES {
        let write = format!("{{ write = \"p\", bytes = \"{size}B\" }},\n");
        let read = format!("{{ read = \"p\", bytes = \"{size}B\" }},\n");
        let name = format!("remote {size}");
        first += &batches(&name, count, &loops(ROUNDS, &(write + &give(1) + &until(0))));
        second += &batches(&name, count, &loops(ROUNDS, &(until(1) + &read + &give(0))));
    }
    let begin = "{ set = \"turn\", to = 0 },\n";
    let text = Text::default()
        .objects("[pipe.p]\n[shm.all]\ncells = { turn = 0 }")
        .process("writer", 0, &(begin.to_owned() + &first))
        .process("reader", 1, &(begin.to_owned() + &second));
    let shown = bench.run(&text, 2)?;
    let getpid = found.of_call("getpid");
    let longer = |size: u64, call: &str, copies: &str| -> Result<Sample, Stop> {
        let beyond = sample(&shown.marks.each_beyond_empty(&format!("remote {size}"), call))?;
        let page = if call == "write" { "pipe-page-in" } else { "pipe-page-out" };
        let pages = beyond_own(size) * found.of(page);
        let local = found.of_call(call) - getpid + found.of_copy(copies, size) + pages;
        Ok(beyond.less(local))
    };
    let (write, read) = (longer(1, "write", "pipe-write")?, longer(1, "read", "pipe-read")?);
    let mean = |pick: fn(&Sample) -> f64| (pick(&write) + pick(&read)) / 2.0;
    let contended = Sample {
        median: mean(|sample| sample.median),
        p10: mean(|sample| sample.p10),
        p90: mean(|sample| sample.p90),
        n: write.n + read.n,
    };
    let large = longer(SIZES[1], "read", "pipe-read")?.less(contended.median).times(1024.0 / SIZES[1] as f64);
    let source = format!("1 B: a write takes {:.0} ns longer, a read {:.0} ns", write.median, read.median);
    found.scalar("contended", contended, source);
    found.scalar("remote-per-kib", large, "what a read of 64 KiB takes longer, less contended");
    Ok(())
}
