//! Calls on files by name and by offset that move no bytes of their own kind.

use super::bench::{Bench, Stop};
use super::copies::body;
use super::found::Found;
use super::registry::Measurement;
use super::text::{Text, batches, loops};

pub const NAMES: Measurement = Measurement {
    name: "names",
    what: "files by name and by offset",
    how: "One process opens a file and closes it, seeks, asks for its size, makes it longer and shorter by a page, gives it another name and back, makes and removes another, and reads and writes a byte by offset; what a byte of a file costs is taken off these. It reads asynchronously what is in the page cache; `aio_write` is taken to be as that, `aio_suspend` as `futex_wait`, which it is.",
    keys: &[
        "calls.openat",
        "calls.lseek",
        "calls.fstat",
        "calls.ftruncate",
        "calls.rename",
        "calls.unlink",
        "calls.pread64",
        "calls.pwrite64",
        "calls.aio_read",
        "calls.aio_write",
        "calls.aio_error",
        "calls.aio_return",
        "calls.aio_suspend",
    ],
    measure: names,
};

const CALLS_IN_BATCH: usize = 64;

/// A batch, its steps, the call that is measured in them, how many descriptors that one numbers anew,
/// and the curve whose price of a byte is taken off.
struct Row {
    name: &'static str,
    step: &'static str,
    call: &'static str,
    numbered: usize,
    curve: &'static str,
}

const fn row(name: &'static str, step: &'static str, call: &'static str) -> Row {
    Row { name, step, call, numbered: 0, curve: "" }
}

const ROWS: &[Row] = &[
    Row { numbered: 1, ..row("open", "{ open = \"data\", into = \"d\" },\n{ close = \"@d\" },\n", "openat") },
    row("seek", "{ lseek = \"@k\", offset = 0 },\n", "lseek"),
    row("look", "{ fstat = \"@k\", size = \"n\" },\n", "fstat"),
    row(
        "truncate",
        "{ ftruncate = \"log\", size = \"4KiB\" },\n{ ftruncate = \"log\", size = \"0B\" },\n",
        "ftruncate",
    ),
    row("rename", "{ rename = \"one\", to = \"other\" },\n{ rename = \"other\", to = \"one\" },\n", "rename"),
    row(
        "remove",
        "{ open = \"new\", flags = [\"write\", \"create\"], into = \"d\" },\n{ close = \"@d\" },\n{ unlink = \"new\" },\n",
        "unlink",
    ),
    Row {
        curve: "file-read",
        ..row("pread", "{ pread = \"@k\", offset = 0, bytes = \"1B\" },\n", "pread64")
    },
    Row {
        curve: "file-write",
        ..row("pwrite", "{ pwrite = \"@k\", offset = 0, bytes = \"1B\" },\n", "pwrite64")
    },
    row("aio read", ASYNCHRONOUS, "aio_read"),
    row("aio error", ASYNCHRONOUS, "aio_error"),
    row("aio return", ASYNCHRONOUS, "aio_return"),
];

/// A request, from its beginning to its end.
const ASYNCHRONOUS: &str = "{ aio-read = \"@k\", offset = 0, bytes = \"1B\", request = \"r\" },\n{ aio-suspend = \"r\" },\n{ aio-error = \"r\", into = \"n\" },\n{ aio-return = \"r\" },\n";

fn names(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    let count = bench.batches(20);
    let mut steps = String::from("{ open = \"data\", flags = [\"read\", \"write\"], into = \"k\" },\n");
    for Row { name, step, .. } in ROWS {
        let calls = if *step == ASYNCHRONOUS { CALLS_IN_BATCH / 4 } else { CALLS_IN_BATCH };
        steps += &batches(name, count, &loops(calls, step));
    }
    let objects = "[device.disk]\nkind = \"disk\"\n[file.data]\nsize = \"64KiB\"\ncached = true\n[file.log]\n[file.one]\nsize = \"4KiB\"\n[file.other]\nexists = false\n[file.new]\nexists = false\n";
    let shown = bench.run(&Text::default().objects(objects).process("solo", 0, &steps), 1)?;
    for Row { name, call, numbered, curve, .. } in ROWS {
        let sample = body(&shown, found, name, call)?;
        let off = *numbered as f64 * found.numbering + found.of_copy(curve, 1);
        let source = if off > 0.0 {
            format!("{:.0} ns, less {off:.0} ns for what is known", sample.median)
        } else {
            format!("{:.0} ns more than an empty call", sample.median)
        };
        found.call(call, sample.less(off), source);
    }
    for (call, other, source) in [
        ("aio_write", "aio_read", "not measured: as aio_read"),
        ("aio_suspend", "futex_wait", "not measured: as futex_wait, which it is"),
    ] {
        let sample = found.calls.get(other).map(|price| price.sample).unwrap_or_default();
        found.call(call, sample, source);
    }
    Ok(())
}
