//! What was measured, for people and for other programs.

use std::fmt::Write;

use trapline::analysis::table::{Column, Table};
use trapline::real::calibrate::Calibration;
use trapline::real::calibrate::sample::Sample;

use super::terminal;

/// A row of the table: key, price, where it comes from.
struct Row {
    key: String,
    sample: Sample,
    source: String,
}

fn rows(calibration: &Calibration) -> Vec<Row> {
    let found = &calibration.found;
    let mut rows: Vec<Row> = Vec::new();
    let mut add =
        |key: String, sample, source: &str| rows.push(Row { key, sample, source: source.to_owned() });
    for (key, price) in &found.scalars {
        add((*key).to_owned(), price.sample, &price.source);
    }
    for (name, price) in &found.calls {
        add(format!("calls.{name}"), price.sample, &price.source);
    }
    for (channel, curve) in &found.copies {
        for (bytes, sample) in &curve.points {
            add(format!("copies.{channel} {bytes} B"), *sample, &curve.source);
        }
    }
    for (count, sample) in found.cold.iter().flat_map(|curve| &curve.points) {
        add(format!("switch-cold {count}"), *sample, "");
    }
    for (what, quantiles) in &found.disk {
        let at = |wanted: f64| {
            let nearest = |one: &&(f64, f64), other: &&(f64, f64)| {
                (one.0 - wanted).abs().total_cmp(&(other.0 - wanted).abs())
            };
            quantiles.points.iter().min_by(nearest).map_or(0.0, |point| point.1)
        };
        let sample = Sample { median: at(0.5), p10: at(0.1), p90: at(0.9), n: quantiles.n };
        add(format!("disk.{what}"), sample, &quantiles.source);
    }
    if let Some(sample) = found.disk_per_kib {
        add("disk.per-kib".to_owned(), sample, "");
    }
    rows
}

/// The table, with the head that every reader needs.
pub fn text(calibration: &Calibration) -> String {
    let rows = rows(calibration);
    let time = |pick: fn(&Sample) -> f64| rows.iter().map(move |row| shown(pick(&row.sample)));
    let mut table = Table::default();
    table.add(Column::text("parameter", rows.iter().map(|row| row.key.clone())));
    table.add(Column::number("median", time(|sample| sample.median)).keep_zeros());
    table.add(Column::number("p10", time(|sample| sample.p10)).keep_zeros().rank(2));
    table.add(Column::number("p90", time(|sample| sample.p90)).keep_zeros().rank(2));
    table.add(Column::number("n", rows.iter().map(|row| row.sample.n.to_string())).rank(1));
    let table = table.render(usize::from(terminal::width())).unwrap_or_default();
    let Calibration { fingerprint, idle, load, spin_dispersion, batches, disturbed, .. } = calibration;
    let mut text = format!("{fingerprint}\n");
    let _ = writeln!(text, "idle: {idle}; others used {:.1} % of a CPU", load * 100.0);
    let _ = writeln!(
        text,
        "speed varied by {:.1} %; {disturbed} of {batches} batches were disturbed and left out\n",
        spin_dispersion * 100.0
    );
    let _ = writeln!(text, "{table}");
    text
}

/// Whole nanoseconds.
fn shown(nanos: f64) -> String {
    format!("{nanos:.0} ns")
}

/// The same for programs.
pub fn json(calibration: &Calibration) -> String {
    let rows = rows(calibration).into_iter().map(|row| {
        let Sample { median, p10, p90, n } = row.sample;
        serde_json::json!({
            "key": row.key, "median-ns": median, "p10-ns": p10, "p90-ns": p90, "n": n, "source": row.source
        })
    });
    let value = serde_json::json!({
        "fingerprint": calibration.fingerprint,
        "kernel": calibration.kernel,
        "date": calibration.date,
        "idle": calibration.idle,
        "load": calibration.load,
        "spin-dispersion": calibration.spin_dispersion,
        "batches": calibration.batches,
        "disturbed": calibration.disturbed,
        "repeated": calibration.repeated,
        "parameters": rows.collect::<Vec<_>>(),
    });
    serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"
}
