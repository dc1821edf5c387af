//! How long a host's disk takes: distributions that replace those of a scenario's disks where the
//! caller asks for it.

use crate::hw::device::{MeasuredDisk, Quantiles};

use super::CostRow;
use super::reading::{Errors, Value, number, pairs, table, time, unknown, wrong};

/// The keys of `[disk]`.
pub const DISK_ROWS: &[CostRow] = &[
    CostRow { key: "read", doc: "A read past the page cache, or of pages that aren't in it." },
    CostRow { key: "write", doc: "A write past the page cache." },
    CostRow {
        key: "flush",
        doc: "An `fsync` after a write, or a write with `sync`: the bytes, and the disk's word that it has them.",
    },
    CostRow { key: "per-kib", doc: "For each KiB, on top of the time drawn; zero if absent." },
];

pub(super) fn apply(disk: &mut Option<MeasuredDisk>, value: &Value<'_>, errors: &mut Errors) {
    let Some(table) = table(value, "`disk` is a table of distributions", errors) else { return };
    let mut read = disk.take().unwrap_or_default();
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        match name {
            "read" => read.read = quantiles(value, errors),
            "write" => read.write = quantiles(value, errors),
            "flush" => read.flush = quantiles(value, errors),
            "per-kib" => read.per_kib = time(value, errors).unwrap_or_default(),
            _ => {
                let names = DISK_ROWS.iter().map(|row| row.key);
                errors.push(unknown("`disk` has no key", name, key.span(), names));
            }
        }
    }
    *disk = Some(read);
}

fn quantiles(value: &Value<'_>, errors: &mut Errors) -> Option<Quantiles> {
    let (points, span) = pairs(value, errors, number)?;
    let quantiles = Quantiles::new(&points);
    if quantiles.is_none() {
        let message = "the points aren't a distribution: shares from 0 to 1 ascend, and so do their times";
        errors.push(super::CostError { span, ..wrong(value, message) });
    }
    quantiles
}
