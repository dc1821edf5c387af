//! The disk: how long it works on a request, and what the kernel does for one.

use std::fmt::Write;

use crate::os::calls;
use crate::real::seen::{Point, Raw};

use super::bench::{Bench, Shown, Stop};
use super::found::{Curve, Found, Quantiles};
use super::registry::Measurement;
use super::sample::{Sample, quantile, sorted};
use super::text::{Text, batches};
use super::timer::{TRACING, one};
use super::traced::{before_sleep, handlers};
use super::user::sample;

pub const DISK: Measurement = Measurement {
    name: "disk",
    what: "the disk, and the kernel's part in its requests",
    how: "Direct reads and writes of 4 KiB to 1 MiB, and fsync after each write of 4 KiB into a file that doesn't grow. The kernel's own trace gives the calls up to where they sleep, and, while other processes compute, the handler's two halves; without it they are stated. What remains of the calls is the disk's time, as quantiles; what larger reads take longer is its time by the KiB.",
    keys: &[
        "interrupt",
        "deferred",
        "calls.fsync",
        "calls.fdatasync",
        "copies.direct-read",
        "copies.direct-write",
        "fault-major",
        "disk.read",
        "disk.write",
        "disk.flush",
        "disk.per-kib",
    ],
    measure: disk,
};

const SIZES: [u64; 3] = [4096, 65_536, 1 << 20];
/// Shares at which the disk's time is given.
const SHARES: [f64; 9] = [0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0];
/// The kernel's number for the softirq that ends requests.
const BLOCK_SOFTIRQ: i64 = 4;
/// Without a trace: the handler's halves, and a call up to where it sleeps.
const STATED: (f64, f64, f64) = (2_000.0, 2_000.0, 3_000.0);

fn operations(size: u64) -> usize {
    if size > 65_536 { 2 } else { 8 }
}

/// Requests of all kinds, in batches.
fn program(count: usize) -> Text {
    let mut objects = String::from("[device.disk]\nkind = \"disk\"\n[file.log]\n");
    let mut steps = String::new();
    for size in SIZES {
        let operations = operations(size);
        let all = size * (operations * count) as u64;
        let _ = writeln!(objects, "[file.r{size}]\nsize = \"{all}B\"\n[file.w{size}]\nsize = \"{all}B\"");
        let read = format!("{{ read = \"r{size}\", bytes = \"{size}B\", direct = true }},\n");
        let write = format!("{{ write = \"w{size}\", bytes = \"{size}B\", direct = true }},\n");
        steps += &batches(&format!("read {size}"), count, &read.repeat(operations));
        steps += &batches(&format!("write {size}"), count, &write.repeat(operations));
    }
    steps += &flushes(count);
    // The other processes compute for as long as this one has not come to its end.
    Text::default().objects(&objects).process("solo", 0, &steps)
}

/// Writes, each kept by the disk.
fn flushes(count: usize) -> String {
    let flush = "{ write = \"log\", bytes = \"4KiB\" },\n{ fsync = \"log\" },\n";
    batches("flush", count, &flush.repeat(4))
}

fn disk(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    kernel_part(bench, found)?;
    let shown = bench.run(&program(bench.batches(25)), 1)?;
    // By themselves: after direct writes a flush has their traces in the journal to keep as well. And
    // into a file that has its blocks already: to give it more is work for the journal again.
    let objects = "[device.disk]\nkind = \"disk\"\n[file.log]\nsize = \"4MiB\"";
    let flushes = Text::default().objects(objects).process("solo", 0, &flushes(bench.batches(25)));
    let flushes = bench.run(&flushes, 1)?;
    let after = found.of("idle-exit")
        + found.of("interrupt")
        + found.of("deferred")
        + found.of("wakeup")
        + found.of("switch");
    for (what, shown, batch, call, before) in [
        ("read", &shown, "read 4096", "read", found.of_call("read") + found.of_copy("direct-read", 4096)),
        (
            "write",
            &shown,
            "write 4096",
            "write",
            found.of_call("write") + found.of_copy("direct-write", 4096),
        ),
        ("flush", &flushes, "flush", "fsync", found.of_call("fsync")),
    ] {
        let single = sorted(&shown.marks.each_beyond_empty(batch, call));
        let kernel = before + after;
        let at = |share: f64| Some((share, (quantile(&single, share)? - kernel).max(1_000.0)));
        let points = SHARES.iter().filter_map(|&share| at(share)).collect();
        let source = format!("{call} less {kernel:.0} ns for the kernel's part");
        found.disk.insert(what, Quantiles { points, n: single.len(), source });
    }
    by_size(found, &shown)?;
    let submit = found.of_copy("direct-read", SIZES[0]);
    let source = "not measured: the kernel's part of a direct read of a page, and a minor fault";
    found.scalar("fault-major", one(submit + found.of("fault-minor")), source);
    Ok(())
}

/// What each KiB adds to a read: that of the largest request beyond the smallest.
fn by_size(found: &mut Found, shown: &Shown) -> Result<(), Stop> {
    let whole = |size: u64| sample(&shown.marks.each_beyond_empty(&format!("read {size}"), "read"));
    let (page, largest) = (SIZES[0], SIZES[SIZES.len() - 1]);
    let kib = (largest - page) as f64 / 1024.0;
    let per_kib = whole(largest)?.less(whole(page)?.median).times(1.0 / kib);
    let part = per_kib.median * page as f64 / 1024.0;
    for (_, nanos) in found.disk.values_mut().flat_map(|quantiles| &mut quantiles.points) {
        *nanos = (*nanos - part).max(1_000.0);
    }
    found.disk_per_kib = Some(per_kib);
    Ok(())
}

/// What the kernel does before and after the disk works.
fn kernel_part(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    let text = program(bench.batches(4).min(8));
    let busy = "{ compute = \"1ms\" },\n".repeat(200);
    let text =
        (0..bench.options.cpus.len()).fold(text, |text, cpu| text.process(&format!("busy{cpu}"), cpu, &busy));
    let traced = bench.trace(&text, bench.options.cpus.len())?;
    let events: &[Raw] = traced.as_ref().and_then(|shown| shown.seen()).map_or(&[], |seen| &seen.events);
    let (hard, soft, call) = STATED;
    let hard_half = Sample::of(&handlers(events, Point::IrqEntry, Point::IrqExit, None));
    let soft_half =
        Sample::of(&handlers(events, Point::SoftirqEntry, Point::SoftirqExit, Some(BLOCK_SOFTIRQ)));
    let source =
        |measured: bool, how: &str| if measured { how.to_owned() } else { "not measured: stated".to_owned() };
    found.scalar(
        "interrupt",
        hard_half.unwrap_or(one(hard)),
        source(hard_half.is_some(), "irq_handler_entry to irq_handler_exit"),
    );
    // A disk whose handler ends its requests at once has no deferred half.
    let deferred = soft_half.unwrap_or(one(if hard_half.is_some() { 0.0 } else { soft }));
    found.scalar(
        "deferred",
        deferred,
        source(soft_half.is_some(), "softirq_entry to softirq_exit of the block layer"),
    );
    let asleep = |numbers: &[i64]| {
        let slept = Sample::of(&before_sleep(events, numbers));
        slept.map(|slept| slept.less(found.of("switch") / 2.0 + TRACING))
    };
    let (read, write, sync) = (asleep(&[calls::READ]), asleep(&[calls::PWRITEV2]), asleep(&[calls::FSYNC]));
    let how = "sys_enter to the switch, less half a switch and the tracing";
    let body = sync.unwrap_or(one(call));
    found.call("fsync", body, source(sync.is_some(), how));
    found.call("fdatasync", body, "not measured: as fsync, for what is no longer than before");
    for (key, name, body) in [("direct-read", "read", read), ("direct-write", "write", write)] {
        let beyond = body.unwrap_or(one(call)).less(found.of_call(name));
        let source = format!(
            "{}, less the base of {name}; what more bytes take is the disk's",
            source(body.is_some(), how)
        );
        // The same for all sizes, from a sector on.
        let points = [512, SIZES[0], SIZES[SIZES.len() - 1]].map(|size| (size, beyond)).to_vec();
        found.copies.insert(key, Curve { points, source });
    }
    Ok(())
}
