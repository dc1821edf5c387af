//! How a profile was measured and fitted: kept for the reader. The simulator doesn't use it.

use super::CostRow;
use super::reading::{Errors, Value, number, table, text, truth, unknown};

/// The keys of `[measured]`.
pub const MEASURED_ROWS: &[CostRow] = &[
    CostRow { key: "date", doc: "The day on which it was measured." },
    CostRow { key: "kernel", doc: "The kernel's release." },
    CostRow { key: "load", doc: "The load average at the beginning." },
    CostRow { key: "idle", doc: "What the CPUs do when they are idle: the governor's name." },
    CostRow {
        key: "spin-dispersion",
        doc: "How much the time of the same work varied, as a share of its median.",
    },
    CostRow {
        key: "spin-rate",
        doc: "How fast the CPU was: rounds of an empty loop in a nanosecond. `trapline compare` scales the prices by it.",
    },
    CostRow { key: "thorough", doc: "Whether it was measured with more repetitions than usual." },
];

/// The keys of `[fit]`.
pub const FIT_ROWS: &[CostRow] = &[
    CostRow { key: "user", doc: "By what `user-step`, `user-call` and `user-note` were multiplied." },
    CostRow { key: "switch", doc: "By what the costs of switches and wake-ups were multiplied." },
    CostRow { key: "remote", doc: "By what the costs between CPUs were multiplied." },
    CostRow { key: "disk", doc: "By what the disk's times were multiplied." },
];

/// `[measured]`: when and how the host was measured. What isn't said is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    pub date: String,
    pub kernel: String,
    pub load: Option<f64>,
    pub idle: String,
    pub spin_dispersion: Option<f64>,
    pub spin_rate: Option<f64>,
    pub thorough: bool,
}

/// `[fit]`: factors that are already in the values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    pub user: f64,
    pub switch: f64,
    pub remote: f64,
    pub disk: f64,
}

impl Default for Fit {
    fn default() -> Fit {
        Fit { user: 1.0, switch: 1.0, remote: 1.0, disk: 1.0 }
    }
}

impl Fit {
    /// Each with its key.
    pub const fn factors(&self) -> [(&'static str, f64); 4] {
        [("user", self.user), ("switch", self.switch), ("remote", self.remote), ("disk", self.disk)]
    }
}

pub(super) fn measured(measured: &mut Option<Measured>, value: &Value<'_>, errors: &mut Errors) {
    let Some(table) = table(value, "`measured` is a table", errors) else { return };
    let measured = measured.get_or_insert_default();
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        let mut word = || text(value, errors).unwrap_or_default().to_owned();
        match name {
            "date" => measured.date = word(),
            "kernel" => measured.kernel = word(),
            "idle" => measured.idle = word(),
            "load" => measured.load = number(value, errors),
            "spin-dispersion" => measured.spin_dispersion = number(value, errors),
            "spin-rate" => measured.spin_rate = number(value, errors),
            "thorough" => measured.thorough = truth(value, errors).unwrap_or_default(),
            _ => {
                let names = MEASURED_ROWS.iter().map(|row| row.key);
                errors.push(unknown("`measured` has no key", name, key.span(), names));
            }
        }
    }
}

pub(super) fn fit(fit: &mut Fit, value: &Value<'_>, errors: &mut Errors) {
    let Some(table) = table(value, "`fit` is a table", errors) else { return };
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        let place = match name {
            "user" => &mut fit.user,
            "switch" => &mut fit.switch,
            "remote" => &mut fit.remote,
            "disk" => &mut fit.disk,
            _ => {
                let names = FIT_ROWS.iter().map(|row| row.key);
                errors.push(unknown("`fit` has no key", name, key.span(), names));
                continue;
            }
        };
        if let Some(factor) = number(value, errors) {
            *place = factor;
        }
    }
}
