//! What can be said of a whole trace: names, units and formulas, one row each.
//!
//! The rows are known to whoever writes or checks a scenario's expectations; the values are made from
//! traces elsewhere. `rows` holds the rows, and [`markdown()`] turns them into the tables of
//! docs/STATISTICS.md.

mod markdown;
mod rows;

pub use markdown::markdown;
pub use rows::{CPU, ThreadStatistic};
pub use rows::{CpuStatistic, DEVICE, DeviceStatistic, RUN, RunStatistic, SPREADS, SpreadStatistic, THREAD};

/// Ratios and rates are compared in these parts of one.
pub const PARTS: f64 = 1e6;

/// A lateness as a number without a sign, in the same order.
pub const fn ordered(nanos: i64) -> u64 {
    nanos.cast_unsigned() ^ (1 << 63)
}

/// The lateness that [`ordered`] turned into a number.
pub const fn unordered(number: u64) -> i64 {
    (number ^ (1 << 63)).cast_signed()
}

/// What there is to know of one statistic.
#[derive(Clone, Copy, Debug)]
pub struct StatisticRow {
    pub name: &'static str,
    /// The heading of its column.
    pub title: &'static str,
    pub unit: Unit,
    /// Which value somebody who compares would rather have.
    pub better: Better,
    /// How it follows from the trace, or from other statistics.
    pub formula: &'static str,
    pub doc: &'static str,
}

/// What a value is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A moment, in time since the start of the run.
    Moment,
    Time,
    /// A time that is negative for what happened early.
    Lateness,
    Count,
    Ratio,
    /// So many in each second.
    Rate,
}

impl Unit {
    /// What exact values are written in.
    pub const fn name(self) -> &'static str {
        match self {
            Unit::Moment | Unit::Time | Unit::Lateness => "ns",
            Unit::Count => "count",
            Unit::Ratio => "ratio",
            Unit::Rate => "1/s",
        }
    }
}

/// Which of two values is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    Less,
    More,
    /// It depends on what one wants.
    Neither,
}

/// What is kept of a statistic's values over all threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    Mean,
    P50,
    P95,
    P99,
    Max,
}

impl Aggregate {
    pub const ALL: [Aggregate; 5] =
        [Aggregate::Mean, Aggregate::P50, Aggregate::P95, Aggregate::P99, Aggregate::Max];

    pub const fn name(self) -> &'static str {
        match self {
            Aggregate::Mean => "mean",
            Aggregate::P50 => "p50",
            Aggregate::P95 => "p95",
            Aggregate::P99 => "p99",
            Aggregate::Max => "max",
        }
    }
}

/// One number about a whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    Single(RunStatistic),
    Spread(Aggregate, SpreadStatistic),
}

impl Figure {
    /// All of them, single ones first.
    pub fn all() -> impl Iterator<Item = Figure> {
        let spreads = SpreadStatistic::ALL.iter();
        let spreads = spreads
            .flat_map(|&statistic| Aggregate::ALL.map(|aggregate| Figure::Spread(aggregate, statistic)));
        RunStatistic::ALL.iter().map(|&statistic| Figure::Single(statistic)).chain(spreads)
    }

    pub fn by_name(name: &str) -> Option<Figure> {
        Figure::all().find(|figure| figure.name() == name)
    }

    /// `makespan`, or `mean-turnaround`.
    pub fn name(self) -> String {
        match self {
            Figure::Single(statistic) => statistic.row().name.to_owned(),
            Figure::Spread(aggregate, statistic) => format!("{}-{}", aggregate.name(), statistic.row().name),
        }
    }

    /// The heading of its column.
    pub fn title(self) -> String {
        match self {
            Figure::Single(statistic) => statistic.row().title.to_owned(),
            Figure::Spread(aggregate, statistic) => format!("{} {}", aggregate.name(), statistic.row().title),
        }
    }

    pub const fn row(self) -> &'static StatisticRow {
        match self {
            Figure::Single(statistic) => statistic.row(),
            Figure::Spread(_, statistic) => statistic.row(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_figure_is_found_by_its_name_and_no_two_share_one() {
        let names: Vec<String> = Figure::all().map(Figure::name).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        assert!(Figure::all().all(|figure| Figure::by_name(&figure.name()) == Some(figure)));
        let mean = Figure::Spread(Aggregate::Mean, SpreadStatistic::Turnaround);
        assert_eq!(Figure::by_name("mean-turnaround"), Some(mean));
        assert_eq!(Figure::by_name("median-turnaround"), None);
    }

    #[test]
    fn the_rows_of_a_list_stand_in_the_order_of_their_statistics() {
        assert_eq!(ThreadStatistic::Turnaround.row().name, "turnaround");
        assert_eq!(CpuStatistic::Idle.row().name, "idle");
        assert_eq!(RunStatistic::Makespan.row().name, "makespan");
        assert_eq!(ThreadStatistic::by_name("waiting"), Some(ThreadStatistic::Waiting));
    }
}
