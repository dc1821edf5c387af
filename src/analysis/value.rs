//! A statistic's value: for people in few characters, for programs exactly.

use crate::time::{Instant, Span};
use crate::trace::statistics::{PARTS, Unit, ordered, unordered};

use super::naming::{count, time};

/// A number with its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    Moment(Instant),
    Time(Span),
    /// In nanoseconds, negative for what happened early.
    Lateness(i64),
    Count(u64),
    Ratio(f64),
    Rate(f64),
}

impl Value {
    pub const fn unit(self) -> Unit {
        match self {
            Value::Moment(_) => Unit::Moment,
            Value::Time(_) => Unit::Time,
            Value::Lateness(_) => Unit::Lateness,
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
            Value::Lateness(nanos) => signed(nanos, time),
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
            Value::Lateness(nanos) => nanos.to_string(),
            Value::Count(number) => number.to_string(),
            Value::Ratio(number) | Value::Rate(number) => number.to_string(),
        }
    }

    pub fn json(self) -> serde_json::Value {
        match self {
            Value::Moment(at) => at.as_nanos().into(),
            Value::Time(span) => span.as_nanos().into(),
            Value::Lateness(nanos) => nanos.into(),
            Value::Count(number) => number.into(),
            Value::Ratio(number) | Value::Rate(number) => number.into(),
        }
    }

    /// What [`whole`](Self::whole) gives, as it is shown.
    pub fn of_whole(unit: Unit, whole: u64) -> String {
        match unit {
            Unit::Moment | Unit::Time => Span::from_nanos(whole).to_string(),
            Unit::Lateness => signed(unordered(whole), |span| span.to_string()),
            Unit::Count => whole.to_string(),
            Unit::Ratio | Unit::Rate => format!("{}", whole as f64 / PARTS),
        }
    }

    /// As a whole number that bounds can be set for: nanoseconds, a count, or millionths.
    pub fn whole(self) -> u64 {
        match self {
            Value::Moment(at) => at.as_nanos(),
            Value::Time(span) => span.as_nanos(),
            Value::Lateness(nanos) => ordered(nanos),
            Value::Count(number) => number,
            Value::Ratio(number) | Value::Rate(number) => (number * PARTS).round() as u64,
        }
    }
}

fn signed(nanos: i64, shown: impl Fn(Span) -> String) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    format!("{sign}{}", shown(Span::from_nanos(nanos.unsigned_abs())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn early_and_late_keep_their_order_as_whole_numbers() {
        let wholes = [i64::MIN, -3_000, -1, 0, 1, i64::MAX].map(|nanos| Value::Lateness(nanos).whole());
        assert!(wholes.is_sorted());
        assert_eq!(Value::of_whole(Unit::Lateness, wholes[1]), "-3us");
        assert_eq!(Value::Lateness(-1_250_000).shown(), "-1.25ms");
    }

    #[test]
    fn rates_and_ratios_have_as_many_digits_as_one_reads() {
        assert_eq!(Value::Rate(99.86).shown(), "99.9/s");
        assert_eq!(Value::Rate(12_345.6).shown(), "12 346/s");
        assert_eq!(Value::Ratio(2.0 / 3.0).shown(), "0.667");
        assert_eq!(Value::of_whole(Unit::Ratio, Value::Ratio(0.5).whole()), "0.5");
    }
}
