//! Prices that no measurement fills: they are taken from the built-in profile of a current machine,
//! and say so.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::found::Found;
use super::profile::{quoted, time};
use super::registry::MEASUREMENTS;
use crate::kernel::cost::{BUILT_IN, Costs, ROWS};
use crate::program::syscall::NAMES;

/// Where the prices come from.
const PROFILE: &str = "linux-x86";
const SOURCE: &str = "not measured: as in linux-x86";

/// The costs that are the model's own, and the parts of a switch: it is measured as a whole.
pub const OWN: &[&str] = &["instruction", "tlb-miss", "switch-save", "switch-decide", "switch-load"];
/// The call that never returns: its price is `process-exit`.
pub const WITHOUT: &[&str] = &["exit_group"];

/// Keys without a measurement, of costs and of calls.
pub fn unmeasured() -> (Vec<&'static str>, BTreeSet<&'static str>) {
    let filled: BTreeSet<&str> =
        MEASUREMENTS.iter().flat_map(|measurement| measurement.keys).copied().collect();
    let rows = ROWS.iter().map(|row| row.key).filter(|key| !filled.contains(key) && !OWN.contains(key));
    let calls = NAMES.iter().copied();
    let calls =
        calls.filter(|name| !filled.contains(format!("calls.{name}").as_str()) && !WITHOUT.contains(name));
    (rows.collect(), calls.collect())
}

fn built_in() -> Costs {
    let text = BUILT_IN.iter().find(|(name, _)| *name == PROFILE).map_or("", |(_, text)| text);
    Costs::parse(text, NAMES).unwrap_or_default()
}

/// The lines of a profile for costs that weren't measured.
pub fn scalars(text: &mut String, found: &Found) {
    let mut costs = built_in();
    for key in unmeasured().0.into_iter().filter(|key| !found.scalars.contains_key(*key)) {
        if let Some(&mut cost) = costs.field(key) {
            let _ = writeln!(
                text,
                "{key} = {{ cost = {}, source = {} }}",
                time(cost.as_nanos() as f64),
                quoted(SOURCE)
            );
        }
    }
}

/// The lines below `[calls]` for calls that weren't measured.
pub fn calls(text: &mut String, found: &Found) {
    let costs = built_in();
    for name in unmeasured().1.into_iter().filter(|name| !found.calls.contains_key(*name)) {
        let cost = costs.call(name);
        let per_kib = if cost.per_kib.is_zero() {
            String::new()
        } else {
            format!(", per-kib = {}", time(cost.per_kib.as_nanos() as f64))
        };
        let base = time(cost.base.as_nanos() as f64);
        let _ = writeln!(text, "{name} = {{ base = {base}{per_kib}, source = {} }}", quoted(SOURCE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_measured_has_a_price_in_the_built_in_profile() {
        let mut costs = built_in();
        let (rows, calls) = unmeasured();
        for key in rows {
            assert!(costs.field(key).is_some_and(|cost| !cost.is_zero()), "{key} has no price");
        }
        for name in calls {
            assert!(costs.calls.contains_key(name), "{name} has no price");
        }
    }
}
