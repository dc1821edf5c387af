//! A statistic's value: for people in few characters, for programs exactly.

use crate::time::{Instant, Span};
use crate::trace::statistics::{PARTS, Unit};

use super::naming::{count, time};

/// A number with its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    Moment(Instant),
    Time(Span),
    Count(u64),
    Ratio(f64),
    Rate(f64),
}

impl Value {
    pub const fn unit(self) -> Unit {
        match self {
            Value::Moment(_) => Unit::Moment,
            Value::Time(_) => Unit::Time,
            Value::Count(_) => Unit::Count,
            Value::Ratio(_) => Unit::Ratio,
            Value::Rate(_) => Unit::Rate,
        }
    }

    /// In three or four significant digits, with the unit.
    pub fn shown(self) -> String {
        match self {
            Value::Moment(at) => time(at.since(Instant::START)),
            Value::Time(span) => time(span),
            Value::Count(number) => count(number),
            Value::Ratio(ratio) => format!("{ratio:.3}"),
            Value::Rate(rate) if rate >= 100.0 => format!("{}/s", count(rate.round() as u64)),
            Value::Rate(rate) => format!("{rate:.1}/s"),
        }
    }

    /// All digits, without the unit: times in nanoseconds.
    pub fn exact(self) -> String {
        match self {
            Value::Moment(at) => at.as_nanos().to_string(),
            Value::Time(span) => span.as_nanos().to_string(),
            Value::Count(number) => number.to_string(),
            Value::Ratio(number) | Value::Rate(number) => number.to_string(),
        }
    }

    pub fn json(self) -> serde_json::Value {
        match self {
            Value::Moment(at) => at.as_nanos().into(),
            Value::Time(span) => span.as_nanos().into(),
            Value::Count(number) => number.into(),
            Value::Ratio(number) | Value::Rate(number) => number.into(),
        }
    }

    /// What [`whole`](Self::whole) gives, as it is shown.
    pub fn of_whole(unit: Unit, whole: u64) -> String {
        match unit {
            Unit::Moment | Unit::Time => Span::from_nanos(whole).to_string(),
            Unit::Count => whole.to_string(),
            Unit::Ratio | Unit::Rate => format!("{}", whole as f64 / PARTS),
        }
    }

    /// As a whole number that bounds can be set for: nanoseconds, a count, or millionths.
    pub fn whole(self) -> u64 {
        match self {
            Value::Moment(at) => at.as_nanos(),
            Value::Time(span) => span.as_nanos(),
            Value::Count(number) => number,
            Value::Ratio(number) | Value::Rate(number) => (number * PARTS).round() as u64,
        }
    }
}
