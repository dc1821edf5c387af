//! What bytes cost on top of a call's base: pipes, files in the page cache, the terminal.

use std::fmt::Write;

use super::bench::{Bench, Shown, Stop};
use super::found::{Curve, Found};
use super::registry::Measurement;
use super::sample::Sample;
use super::text::{Text, batches, loops};

pub const PIPES: Measurement = Measurement {
    name: "pipes",
    what: "what bytes cost in a pipe",
    how: "One process writes to a pipe and reads from it again, by 1 B to 64 KiB. What 1 B takes is the base of `write` and `read`. It also fills a pipe by 4 KiB and empties it: what its calls take longer than with one page in the pipe is the price of the pages beyond the second, and is taken off the larger copies.",
    keys: &[
        "calls.write",
        "calls.read",
        "pipe-page-in",
        "pipe-page-out",
        "copies.pipe-write",
        "copies.pipe-read",
    ],
    measure: pipes,
};

pub const FILES: Measurement = Measurement {
    name: "files",
    what: "what bytes cost in the page cache, and on the terminal",
    how: "One process writes new files to their ends and reads others that are in the page cache, by 1 B to 1 MiB. The terminal is a file in a real run; only writing to it is measured.",
    keys: &["copies.file-write", "copies.file-read", "copies.terminal-write"],
    measure: files,
};

/// How many pages a pipe holds, and keeps for itself when they are empty.
const PIPE_PAGES: usize = 16;
const OWN_PAGES: u64 = 2;
const PIPE_SIZES: &[u64] = &[1, 64, 512, 1024, 4096, 16_384, 65_536];
const FILE_SIZES: &[u64] = &[1, 64, 512, 1024, 4096, 16_384, 65_536, 1 << 20];
const TERMINAL_SIZES: &[u64] = &[1, 64, 1024, 4096];

fn pipes(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    let count = bench.batches(40);
    let mut steps = String::new();
    for &size in PIPE_SIZES {
        let pair =
            format!("{{ write = \"p\", bytes = \"{size}B\" }},\n{{ read = \"p\", bytes = \"{size}B\" }},\n");
        steps += &batches(&format!("pipe {size}"), count, &loops(operations(size), &pair));
    }
    let call = |verb: &str| loops(PIPE_PAGES, &format!("{{ {verb} = \"p\", bytes = \"4KiB\" }},\n"));
    steps += &batches("full pipe", count, &loops(4, &(call("write") + &call("read"))));
    let shown = bench.run(&Text::default().objects("[pipe.p]").process("solo", 0, &steps), 1)?;
    for (call, key, page_key) in
        [("write", "pipe-write", "pipe-page-in"), ("read", "pipe-read", "pipe-page-out")]
    {
        let byte = body(&shown, found, "pipe 1", call)?;
        found.call(call, byte, "one byte to or from a pipe, in one process");
        add_curve(found, &shown, key, call, PIPE_SIZES, |size| format!("pipe {size}"))?;
        let alone = body(&shown, found, "pipe 4096", call)?;
        let share = PIPE_PAGES as f64 / beyond_own(PIPE_PAGES as u64 * 4096);
        let page = body(&shown, found, "full pipe", call)?.less(alone.median).times(share);
        if let Some(curve) = found.copies.get_mut(key) {
            for (size, sample) in &mut curve.points {
                *sample = sample.less(page.median * beyond_own(*size));
            }
        }
        found.scalar(page_key, page, "by 4 KiB through a whole pipe, beyond one page at a time");
    }
    Ok(())
}

/// The pages of so many bytes in a pipe that it doesn't keep for itself.
pub fn beyond_own(bytes: u64) -> f64 {
    bytes.div_ceil(4096).saturating_sub(OWN_PAGES) as f64
}

/// So many calls make a batch.
fn operations(size: u64) -> usize {
    (2_097_152 / size.max(1)).clamp(2, 128) as usize
}

fn files(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    let count = bench.batches(12);
    let (mut steps, mut objects) = (String::new(), String::from("[device.disk]\nkind = \"disk\"\n"));
    for &size in FILE_SIZES {
        let operations = operations(size);
        let all = size * operations as u64 * count as u64;
        let _ = writeln!(objects, "[file.w{size}]\n[file.r{size}]\nsize = \"{all}B\"\ncached = true");
        let write = format!("{{ write = \"w{size}\", bytes = \"{size}B\" }},\n");
        let read = format!("{{ read = \"r{size}\", bytes = \"{size}B\" }},\n");
        steps += &batches(&format!("write {size}"), count, &loops(operations, &write));
        steps += &batches(&format!("read {size}"), count, &loops(operations, &read));
    }
    for &size in TERMINAL_SIZES {
        let write = format!("{{ write = \"terminal\", bytes = \"{size}B\" }},\n");
        steps += &batches(&format!("terminal {size}"), count, &loops(operations(size), &write));
    }
    let shown = bench.run(&Text::default().objects(&objects).process("solo", 0, &steps), 1)?;
    add_curve(found, &shown, "file-write", "write", FILE_SIZES, |size| format!("write {size}"))?;
    add_curve(found, &shown, "file-read", "read", FILE_SIZES, |size| format!("read {size}"))?;
    add_curve(found, &shown, "terminal-write", "write", TERMINAL_SIZES, |size| format!("terminal {size}"))
}

/// What a call's body takes in the batches of this name.
pub fn body(shown: &Shown, found: &Found, batch: &str, call: &str) -> Result<Sample, Stop> {
    let beyond = Sample::of(&shown.marks.beyond_empty(batch, call));
    let beyond = beyond.ok_or_else(|| Stop::Skipped(format!("no {call} of `{batch}` was undisturbed")))?;
    Ok(found.body(beyond))
}

/// What each size takes beyond the call's base.
pub fn add_curve(
    found: &mut Found,
    shown: &Shown,
    key: &'static str,
    call: &str,
    sizes: &[u64],
    batch: impl Fn(u64) -> String,
) -> Result<(), Stop> {
    let base = found.of_call(call);
    curve_beyond(found, shown, key, call, base, sizes, batch)
}

/// What each size takes beyond what is known of it.
pub fn curve_beyond(
    found: &mut Found,
    shown: &Shown,
    key: &'static str,
    call: &str,
    base: f64,
    sizes: &[u64],
    batch: impl Fn(u64) -> String,
) -> Result<(), Stop> {
    let mut points: Vec<(u64, Sample)> = Vec::new();
    for &size in sizes {
        points.push((size, body(shown, found, &batch(size), call)?.less(base)));
    }
    let source = format!("beyond what is known of {call}, {base:.0} ns");
    found.copies.insert(key, Curve { points, source });
    Ok(())
}
