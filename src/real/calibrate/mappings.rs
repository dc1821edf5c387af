//! Calls that change what is mapped.

use std::fmt::Write;

use super::bench::{Bench, Stop};
use super::copies::body;
use super::found::Found;
use super::registry::Measurement;
use super::text::{Text, batches, loops};

pub const MAPPINGS: Measurement = Measurement {
    name: "mappings",
    what: "mappings that are made and changed",
    how: "One process maps memory that it never touches and unmaps it, moves the end of its heap, protects memory and lets it be written to, attaches and detaches a System V segment, writes back memory that belongs to no file, and removes names of POSIX shared memory.",
    keys: &[
        "calls.mmap",
        "calls.munmap",
        "calls.brk",
        "calls.mprotect",
        "calls.msync",
        "calls.shmat",
        "calls.shmdt",
        "calls.shm_unlink",
    ],
    measure: mappings,
};

const CALLS_IN_BATCH: usize = 64;
/// So many names are removed in each batch.
const GROUP: usize = 4;

/// Steps, and the calls that are measured in them.
const STEPS: &[(&str, &str, &[&str])] = &[
    ("map", "{ mmap = \"late\" },\n{ munmap = \"late\" },\n", &["mmap", "munmap"]),
    ("heap", "{ brk = \"heap\", bytes = \"16KiB\" },\n{ brk = \"heap\", bytes = \"4KiB\" },\n", &["brk"]),
    (
        "protect",
        "{ mprotect = \"here\", mode = \"read\" },\n{ mprotect = \"here\", mode = \"write\" },\n",
        &["mprotect"],
    ),
    ("sync", "{ msync = \"here\" },\n", &["msync"]),
    ("attach", "{ shmat = \"segment\" },\n{ shmdt = \"segment\" },\n", &["shmat", "shmdt"]),
];

fn mappings(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    let count = bench.batches(20);
    let names = bench.batches(8);
    let mut objects = String::from(
        "[memory.late]\nsize = \"64KiB\"\nmapped = false\n[memory.heap]\nsize = \"64KiB\"\nheap = true\n[memory.here]\nsize = \"64KiB\"\n[shm.segment]\nkind = \"sysv\"\ncells = { n = 1 }\nmapped = false\n",
    );
    let mut steps = String::new();
    for (name, step, _) in STEPS {
        steps += &batches(name, count, &loops(CALLS_IN_BATCH, step));
    }
    for group in 0..names {
        let mut removed = String::new();
        for number in group * GROUP..(group + 1) * GROUP {
            let _ = writeln!(objects, "[shm.s{number}]\nkind = \"posix\"\ncells = {{ n = 1 }}");
            let _ = writeln!(removed, "{{ shm-unlink = \"s{number}\" }},");
        }
        steps += &batches("remove", 1, &removed);
    }
    let shown = bench.run(&Text::default().objects(&objects).process("solo", 0, &steps), 1)?;
    let removed: (&str, &str, &[&str]) = ("remove", "", &["shm_unlink"]);
    for (name, _, calls) in STEPS.iter().chain([&removed]) {
        for call in *calls {
            let sample = body(&shown, found, name, call)?;
            found.call(call, sample, format!("{:.0} ns more than an empty call", sample.median));
        }
    }
    Ok(())
}
