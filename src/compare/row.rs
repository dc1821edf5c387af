//! A count or a time on both sides, with its verdict.

use serde::Serialize;

use super::statistics::Estimate;
use super::verdict::Verdict;

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Counts that must agree exactly.
    Work,
    /// Counts that depend on who runs when.
    Scheduling,
    EndToEnd,
    Process,
    Step,
    Message,
    Throughput,
}

/// What a row's numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    Number,
    Nanoseconds,
    PerSecond,
}

/// A count or a time on both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    pub group: Group,
    pub name: String,
    pub unit: Unit,
    /// The one side's value, for example the simulated one.
    pub one: f64,
    /// The other side's.
    pub other: Estimate,
    /// How much too large the one is, in parts of the other.
    pub error: Option<f64>,
    /// The distance of the distributions, where the other side's values are spread too far for a
    /// median to say much.
    pub distance: Option<f64>,
    pub verdict: Verdict,
    /// What the row amounts to in all, in nanoseconds, so that the largest can be shown first.
    pub weight: f64,
}
