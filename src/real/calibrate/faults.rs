//! Page faults, by type.

use std::fmt::Write;

use super::bench::{Bench, Stop};
use super::found::{Found, Price};
use super::registry::Measurement;
use super::text::{Text, batches};
use super::user::sample;

pub const FAULTS: Measurement = Measurement {
    name: "faults",
    what: "page faults",
    how: "A process touches fresh private memory (minor); its child writes to pages that they share (copy), and it does so itself when the child has ended (reuse); it reads pages of a file in the page cache (cached: Linux maps 16 around each fault, the price is that of a page). What ends in SIGSEGV isn't measured: as a minor fault.",
    keys: &["fault-minor", "fault-copy", "fault-reuse", "fault-cached", "fault-protection"],
    measure: faults,
};

const PAGES: usize = 1024;
const GROUPS: usize = 12;

fn faults(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    let groups = bench.batches(GROUPS);
    let kib = PAGES * 4;
    let mut objects = String::from("[device.disk]\nkind = \"disk\"\n");
    let (mut steps, mut copying, mut reusing) = (String::new(), String::new(), String::new());
    for group in 0..groups {
        let _ = writeln!(objects, "[memory.fresh{group}]\nsize = \"{kib}KiB\"");
        let _ = writeln!(objects, "[file.f{group}]\nsize = \"{kib}KiB\"\ncached = true");
        let _ = writeln!(objects, "[memory.cached{group}]\nsize = \"{kib}KiB\"\nfile = \"f{group}\"");
        let touch = |name: &str, mode: &str| {
            format!("{{ touch = \"{name}{group}\", pages = {PAGES}, mode = \"{mode}\" }},\n")
        };
        steps += &batches("minor", 1, &touch("fresh", "write"));
        steps += &batches("again", 1, &touch("fresh", "write"));
        steps += &batches("cached", 1, &touch("cached", "read"));
        copying += &batches("copy", 1, &touch("fresh", "write"));
        reusing += &batches("reuse", 1, &touch("fresh", "write"));
    }
    steps += "{ fork = \"child\" },\n{ wait = \"child\" },\n";
    steps += &reusing;
    let text = Text::default().objects(&objects).process("solo", 0, &steps).program("child", &copying);
    let shown = bench.run(&text, 1)?;
    let page = |name: &str| sample(&shown.marks.periods(name, PAGES));
    let access = page("again")?.median;
    let minor = page("minor")?.less(access);
    found.scalar(
        "fault-minor",
        minor,
        "first touch of a page of private memory, less a touch without a fault",
    );
    found.scalar("fault-copy", page("copy")?.less(access), "first write to a page that a fork shares");
    found.scalar(
        "fault-reuse",
        page("reuse")?.less(access),
        "first write to a page that a fork shared with a child that has ended",
    );
    let cached = page("cached")?.less(access);
    found.scalar("fault-cached", cached, "touching a page of a file in the page cache, one after the other");
    let source = "not measured: as fault-minor".to_owned();
    found.scalars.insert("fault-protection", Price { sample: minor, source });
    Ok(())
}
