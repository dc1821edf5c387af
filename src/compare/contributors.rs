//! What explains most of the difference between two end-to-end times.
//!
//! Both times are sums of pieces by cause, so their difference is the sum of the pieces'
//! differences. Each of these has two parts: other counts at the measured price, and another price
//! for the simulated count. The larger part is the reason.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::facts::{Facts, StepKey};
use super::pieces::{Cause, Pieces};
use super::statistics::median;

/// So many are named.
pub const NAMED: usize = 3;

/// Why a piece differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It happened more or less often.
    Count,
    /// Each took a different time.
    Price,
}

/// What kind of cause it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sort {
    UserMode,
    Calls,
    HandOvers,
    /// Of processes: how they begin and end.
    Ends,
}

/// A cause and its part of the difference.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Contributor {
    /// In words.
    pub cause: String,
    pub sort: Sort,
    /// One side less the other, in nanoseconds.
    pub difference: f64,
    /// In parts of the difference of the end-to-end times; negative if it makes that smaller.
    pub share: f64,
    pub reason: Reason,
    /// How often on each side, and how long each took, in nanoseconds.
    pub counts: [f64; 2],
    pub prices: [f64; 2],
}

/// The causes of the difference, the largest first. Repetitions count with the median for each
/// cause.
pub fn contributors(one: &[Facts], other: &[Facts]) -> Vec<Contributor> {
    let causes: BTreeSet<&Cause> = one.iter().chain(other).flat_map(|facts| facts.pieces.keys()).collect();
    let walls = [one, other].map(|side| {
        median(&side.iter().map(|facts| facts.wall.as_nanos() as f64).collect::<Vec<_>>()).unwrap_or(0.0)
    });
    let whole = walls[0] - walls[1];
    let mut found: Vec<Contributor> = causes
        .into_iter()
        .map(|cause| {
            let of = |side: &[Facts], get: fn(&Pieces) -> u64| {
                let values = side.iter().map(|facts| facts.pieces.get(cause).map_or(0, get) as f64);
                median(&values.collect::<Vec<_>>()).unwrap_or(0.0)
            };
            let counts = [one, other].map(|side| of(side, |pieces| pieces.count));
            let totals = [one, other].map(|side| of(side, |pieces| pieces.nanos));
            let faults = [one, other].iter().any(|side| of(side, |pieces| pieces.faults) > 0.0);
            let prices =
                [0, 1].map(|side| if counts[side] > 0.0 { totals[side] / counts[side] } else { 0.0 });
            let difference = totals[0] - totals[1];
            // What occurs on one side only has the price that it has there.
            let price = if counts[1] > 0.0 { prices[1] } else { prices[0] };
            let by_count = (counts[0] - counts[1]) * price;
            let by_price = difference - by_count;
            Contributor {
                cause: cause.words(faults),
                sort: cause.sort(),
                difference,
                share: if whole == 0.0 { 0.0 } else { difference / whole },
                reason: if by_count.abs() > by_price.abs() { Reason::Count } else { Reason::Price },
                counts,
                prices,
            }
        })
        .collect();
    found.sort_by(|one, other| {
        other.difference.abs().total_cmp(&one.difference.abs()).then_with(|| one.cause.cmp(&other.cause))
    });
    found
}

/// The differences of each kind of cause, in nanoseconds.
pub fn by_sort(contributors: &[Contributor]) -> Vec<(Sort, f64)> {
    let mut sums: BTreeMap<Sort, f64> = BTreeMap::new();
    for contributor in contributors {
        *sums.entry(contributor.sort).or_default() += contributor.difference;
    }
    sums.into_iter().collect()
}

/// How much of the end-to-end time is of each kind, in nanoseconds: the median of all repetitions.
pub fn parts(side: &[Facts]) -> BTreeMap<Sort, f64> {
    let of = |sort: Sort| {
        let sums = side.iter().map(|facts| {
            let meant = facts.pieces.iter().filter(|(cause, _)| cause.sort() == sort);
            meant.map(|(_, pieces)| pieces.nanos as f64).sum::<f64>()
        });
        median(&sums.collect::<Vec<_>>()).unwrap_or(0.0)
    };
    [Sort::UserMode, Sort::Calls, Sort::HandOvers, Sort::Ends].map(|sort| (sort, of(sort))).into()
}

impl Sort {
    pub const fn name(self) -> &'static str {
        match self {
            Sort::Calls => "calls",
            Sort::UserMode => "user mode",
            Sort::HandOvers => "hand-overs",
            Sort::Ends => "beginnings and ends",
        }
    }
}

impl Cause {
    pub const fn sort(&self) -> Sort {
        match self {
            Cause::Call(_) => Sort::Calls,
            Cause::User(_) => Sort::UserMode,
            Cause::HandOver(_) => Sort::HandOvers,
            Cause::Begin(_) | Cause::End(_) => Sort::Ends,
        }
    }

    /// What it is called; `faults` says whether page faults are among it.
    fn words(&self, faults: bool) -> String {
        match self {
            Cause::Call(key) => format!("{} of {}", key.at(), key.task),
            Cause::User(key) if faults => {
                format!("page faults and user mode of {}, before {}", key.task, key.at())
            }
            Cause::User(key) => format!("user mode of {}, before {}", key.task, key.at()),
            Cause::HandOver(key) => format!("hand-over to {}, back from {}", key.task, key.at()),
            Cause::Begin(task) => format!("beginning of {task}"),
            Cause::End(task) => format!("end of {task}, up to who goes on"),
        }
    }
}

impl StepKey {
    /// The call and its line.
    pub fn at(&self) -> String {
        if self.line == 0 { self.call.clone() } else { format!("{} (line {})", self.call, self.line) }
    }
}
