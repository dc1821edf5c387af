//! What an export costs: time on the CPU and bytes for each event, and the most memory, for a shorter and a longer trace.
//!
//! `cargo bench --bench exports` runs the program on traces of 1,000,000 and 10,000,000 events, once for each format.
//! The output goes to a file in the system's folder for temporary ones, which needs some 4 GB; only Linux tells the
//! memory. `cargo bench --bench exports -- perfetto` measures one format.

#[cfg(target_os = "linux")]
#[path = "../tests/exports/peak.rs"]
mod peak;
#[cfg(target_os = "linux")]
#[path = "../tests/exports/workload.rs"]
mod workload;

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("SKIPPED: only Linux tells how much memory a child took");
}

#[cfg(target_os = "linux")]
fn main() {
    use trapline::export::EXPORTERS;

    if peak::told() {
        return;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Cargo gives `--bench` if it shall measure, and nothing if it only tests.
    let lengths =
        if arguments.iter().any(|one| one == "--bench") { [1_000_000, 10_000_000] } else { [1_000, 2_000] };
    let chosen: Vec<&String> = arguments.iter().filter(|one| !one.starts_with("--")).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let traces = lengths.map(|events| folder.path().join(format!("{events}.bin")));
    for (trace, events) in traces.iter().zip(lengths) {
        workload::write(trace, events);
    }
    println!(
        "{:12} {:>9} {:>9} {:>9} {:>14} {:>14}",
        "format", "ns/event", "M/s", "B/event", "MiB, shorter", "MiB, longer"
    );
    let wanted = |name: &str| chosen.is_empty() || chosen.iter().any(|one| *one == name);
    for exporter in EXPORTERS.iter().filter(|exporter| wanted(exporter.name)) {
        let out = folder.path().join("out");
        let measured = traces.each_ref().map(|trace| {
            let (trace, out) = (trace.to_str().expect("a path"), out.to_str().expect("a path"));
            let arguments = ["export", trace, "--format", exporter.name, "-o", out];
            peak::of(env!("CARGO_BIN_EXE_trapline"), &arguments, &[])
        });
        let bytes = std::fs::metadata(&out).map_or(0, |data| data.len());
        let [(shorter, _), (longer, took)] = measured;
        let events = lengths[1] as f64;
        let nanos = took.as_nanos() as f64 / events;
        println!(
            "{:12} {nanos:9.0} {:9.2} {:9.1} {:14.1} {:14.1}",
            exporter.name,
            1_000.0 / nanos,
            bytes as f64 / events,
            shorter as f64 / 1024.0,
            longer as f64 / 1024.0
        );
        std::fs::remove_file(&out).expect("the output");
    }
}
