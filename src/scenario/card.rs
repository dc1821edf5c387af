//! What `[device.NAME]` says of a network card: its ring, how it gathers packets for one interrupt,
//! and how many of them the deferred half takes at a time.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::hw::device::{CardSpec, Coalesce};
use crate::program::at::{At, Time, Whole};
use crate::program::problem::Problems;
use crate::time::Span;

use super::machine::DeviceForm;
use super::table::{time, whole};

/// `coalesce` of a network card.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CoalesceForm {
    /// The interrupt comes with so many packets,
    pub packets: At<Whole>,
    /// or so long after the first.
    pub time: At<Time>,
}

pub(super) fn card(form: &DeviceForm, instruction: Span, problems: &mut Problems) -> CardSpec {
    let ring = form.ring.as_ref().and_then(|at| whole(at, "`ring`", 1..=65_536, problems));
    let coalesce = form.coalesce.as_ref().and_then(|at| {
        let packets = whole(&at.value.packets, "`packets`", 1..=65_536, problems)?;
        let time = time(&at.value.time, instruction, problems)?;
        Some(Coalesce { packets, time })
    });
    let budget = form.budget.as_ref().and_then(|at| whole(at, "`budget`", 1..=65_536, problems));
    CardSpec { ring: ring.unwrap_or(256), coalesce, budget }
}
