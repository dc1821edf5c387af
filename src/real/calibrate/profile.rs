//! The profile's text.

use std::fmt::Write;

use super::Calibration;
use super::found::{Curve, Host, Price, Quantiles};
use super::sample::Sample;
use super::stated;
use crate::kernel::cost::ROWS;

/// The whole file. What is measured stands in the order of the registry of costs.
pub fn text(calibration: &Calibration) -> String {
    let mut text = String::new();
    head(&mut text, calibration);
    let found = &calibration.found;
    for row in ROWS {
        if let Some(price) = found.scalars.get(row.key) {
            line(&mut text, row.key, "cost", price);
        }
    }
    stated::scalars(&mut text, found);
    if !found.calls.is_empty() {
        text.push_str("\n[calls]\n");
        found.calls.iter().for_each(|(name, price)| line(&mut text, name, "base", price));
        stated::calls(&mut text, found);
    }
    if !found.copies.is_empty() {
        text.push_str("\n[copies]\n");
        for (channel, curve) in &found.copies {
            let _ = writeln!(text, "{channel} = {}", curve_text(curve, |bytes| quoted(&size(bytes))));
        }
    }
    if let Some(curve) = &found.cold {
        let _ = writeln!(text, "\n[switch-cold]");
        let points = points(curve, |count| count.to_string());
        let _ = writeln!(text, "points = {points}\nsource = {}", quoted(&curve.source));
    }
    if !found.disk.is_empty() {
        text.push_str("\n[disk]\n");
        for (what, quantiles) in &found.disk {
            let _ = writeln!(text, "{what} = {}", quantiles_text(quantiles));
        }
        if let Some(per_kib) = found.disk_per_kib {
            let _ = writeln!(text, "per-kib = {}", time(per_kib.median));
        }
    }
    host(&mut text, &found.host, calibration.cpus);
    measured(&mut text, calibration);
    text
}

// Writing to a string can't fail, so the results below carry no news.

fn head(text: &mut String, calibration: &Calibration) {
    let Calibration { batches, disturbed, repeated, .. } = calibration;
    let _ = writeln!(text, "# What kernel work costs on one host, measured by `trapline calibrate`.");
    let _ = writeln!(
        text,
        "# {batches} batches; {disturbed} of them were disturbed and left out; {repeated} runs were made anew."
    );
    for remark in calibration.found.remarks.iter().chain(&calibration.skipped) {
        let _ = writeln!(text, "# {}", remark.replace('\n', "; "));
    }
    let _ = writeln!(text, "format = 1\nname = {}", quoted(&calibration.name));
    let _ = writeln!(text, "summary = \"measured on one host by `trapline calibrate`\"");
    let _ = writeln!(text, "fingerprint = {}\n", quoted(&calibration.fingerprint));
    let source = "the grain of the model; what a program's own instructions cost is user-step";
    let _ = writeln!(text, "instruction = {{ cost = \"1ns\", source = {} }}", quoted(source));
}

fn line(text: &mut String, key: &str, value: &str, price: &Price) {
    let Sample { median, p10, p90, n } = price.sample;
    let _ = writeln!(
        text,
        "{key} = {{ {value} = {}, p10 = {}, p90 = {}, n = {n}, source = {} }}",
        time(median),
        time(p10),
        time(p90),
        quoted(&price.source)
    );
}

fn curve_text(curve: &Curve, amount: impl Fn(u64) -> String) -> String {
    format!("{{ points = {}, source = {} }}", points(curve, amount), quoted(&curve.source))
}

fn points(curve: &Curve, amount: impl Fn(u64) -> String) -> String {
    let points =
        curve.points.iter().map(|(at, sample)| format!("[{}, {}]", amount(*at), time(sample.median)));
    format!("[{}]", points.collect::<Vec<String>>().join(", "))
}

fn quantiles_text(quantiles: &Quantiles) -> String {
    let points = quantiles.points.iter().map(|(share, nanos)| format!("[{share:?}, {}]", time(*nanos)));
    let points = points.collect::<Vec<String>>().join(", ");
    format!("{{ points = [{points}], source = {} }}", quoted(&quantiles.source))
}

fn host(text: &mut String, host: &Host, cpus: usize) {
    let _ = writeln!(text, "\n[host]");
    if let Some(tick) = host.tick {
        let _ = writeln!(text, "tick = {}", time(tick));
    }
    if let Some(preemption) = &host.preemption {
        let _ = writeln!(text, "preemption = {}", quoted(preemption));
    }
    if !host.policy.is_empty() {
        let _ = writeln!(text, "policy = {}", quoted(&host.policy));
    }
    if let Some(slice) = host.slice {
        let _ = writeln!(text, "slice = {}", time(slice));
    }
    let _ = writeln!(text, "placement = \"idle\"\nbalance = \"steal\"\ncpus = {cpus}");
}

fn measured(text: &mut String, calibration: &Calibration) {
    let Calibration { date, kernel, load, idle, spin_dispersion, spin_rate, thorough, .. } = calibration;
    let _ = writeln!(text, "\n[measured]\ndate = {}\nkernel = {}", quoted(date), quoted(kernel));
    let _ = writeln!(text, "load = {load:.3}\nidle = {}", quoted(idle));
    let _ = writeln!(
        text,
        "spin-dispersion = {spin_dispersion:.3}\nspin-rate = {spin_rate:.4}\nthorough = {thorough}"
    );
    let _ = writeln!(text, "\n[fit]");
    for (name, factor) in calibration.fit.factors() {
        let _ = writeln!(text, "{name} = {factor:.3}");
    }
}

/// Whole nanoseconds.
pub fn time(nanos: f64) -> String {
    format!("\"{}ns\"", nanos.max(0.0).round() as u64)
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes}B"),
        _ if bytes.is_multiple_of(1 << 20) => format!("{}MiB", bytes >> 20),
        _ if bytes.is_multiple_of(1024) => format!("{}KiB", bytes >> 10),
        _ => format!("{bytes}B"),
    }
}

/// A string of TOML.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("; "),
            character if character.is_control() => {}
            character => quoted.push(character),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::super::found::Found;
    use super::*;
    use crate::kernel::cost::Fit;
    use crate::kernel::cost::{Copying, Costs};
    use crate::program::syscall::NAMES;
    use crate::time::Span;

    fn sample(median: f64) -> Sample {
        Sample { median, p10: median * 0.9, p90: median * 1.1, n: 20 }
    }

    fn calibration() -> Calibration {
        let mut found = Found::default();
        found.scalar("switch", sample(469.4), "a \"quoted\"\nsource");
        found.call("write", sample(101.0), "pipe");
        let points = vec![(1, sample(0.0)), (4096, sample(300.0)), (1 << 20, sample(1e5))];
        found.copies.insert("file-write", Curve { points, source: "files".to_owned() });
        found.cold =
            Some(Curve { points: vec![(2, sample(0.0)), (16, sample(900.0))], source: String::new() });
        let points = vec![(0.0, 80_000.0), (0.5, 103_000.0), (1.0, 400_000.0)];
        found.disk.insert("read", Quantiles { points, n: 100, source: "reads".to_owned() });
        found.disk_per_kib = Some(sample(790.0));
        found.host.tick = Some(4e6);
        found.host.slice = Some(1.4e6);
        (found.host.policy, found.host.preemption) = ("eevdf".to_owned(), Some("none".to_owned()));
        found.remark("one\nremark");
        Calibration {
            name: "here".to_owned(),
            fingerprint: "a machine".to_owned(),
            kernel: "6.18".to_owned(),
            date: "2026-11-24".to_owned(),
            idle: "haltpoll".to_owned(),
            load: 0.05,
            spin_dispersion: 0.012,
            spin_rate: 2.5,
            thorough: false,
            cpus: 2,
            found,
            fit: Fit { switch: 1.05, ..Fit::default() },
            skipped: Vec::new(),
            batches: 10,
            disturbed: 1,
            repeated: 0,
        }
    }

    #[test]
    fn a_profile_is_read_back_as_it_was_found() {
        let text = text(&calibration());
        let costs = Costs::parse(&text, NAMES).unwrap_or_else(|errors| panic!("{errors:?}\n{text}"));
        assert_eq!((costs.name.as_str(), costs.fingerprint.as_str()), ("here", "a machine"));
        assert_eq!(costs.switch, Span::from_nanos(469));
        assert_eq!(costs.call("write").base, Span::from_nanos(101));
        assert_eq!(costs.copies[Copying::FileWrite].from_origin(4096), Span::from_nanos(300));
        assert_eq!(costs.switch_cold.within_points(9), Span::from_nanos(450));
        assert!(costs.disk.is_some_and(|disk| disk.per_kib == Span::from_nanos(790)));
        let host = costs.host.unwrap();
        assert_eq!((host.tick, host.cpus), (Some(Some(Span::from_millis(4))), Some(2)));
    }
}
