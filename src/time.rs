//! Time on the simulated machine: integer nanoseconds since the machine was switched on.
//!
//! A point in time ([`Instant`]) and a length of time ([`Span`]) are different types: instants
//! don't add, and the difference of two instants is a span. Nothing here reads a clock.

use std::fmt;
use std::ops::{Add, AddAssign, Div, Mul, Sub, SubAssign};

use serde::{Deserialize, Serialize};

/// A point in time, in nanoseconds since the start of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Instant(u64);

/// A length of time, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(u64);

impl Instant {
    /// The moment at which every run starts.
    pub const START: Instant = Instant(0);
    /// Later than anything that happens: the deadline of a timer that isn't armed.
    pub const NEVER: Instant = Instant(u64::MAX);

    pub const fn from_nanos(nanos: u64) -> Instant {
        Instant(nanos)
    }

    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to here; zero if `earlier` is in fact later.
    pub const fn since(self, earlier: Instant) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    pub const ZERO: Span = Span(0);
    /// The smallest step of time.
    pub const TICK: Span = Span(1);
    pub const MAX: Span = Span(u64::MAX);

    pub const fn from_nanos(nanos: u64) -> Span {
        Span(nanos)
    }

    pub const fn from_micros(micros: u64) -> Span {
        Span(micros * 1_000)
    }

    pub const fn from_millis(millis: u64) -> Span {
        Span(millis * 1_000_000)
    }

    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// So many times as long, rounded to the nearest nanosecond.
    pub fn times(self, factor: f64) -> Span {
        Span(libm::round(self.0 as f64 * factor) as u64)
    }

    pub const fn saturating_sub(self, other: Span) -> Span {
        Span(self.0.saturating_sub(other.0))
    }

    pub const fn saturating_mul(self, by: u64) -> Span {
        Span(self.0.saturating_mul(by))
    }
}

impl Add<Span> for Instant {
    type Output = Instant;
    fn add(self, span: Span) -> Instant {
        Instant(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Span> for Instant {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Add for Span {
    type Output = Span;
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Span {
    fn add_assign(&mut self, other: Span) {
        *self = *self + other;
    }
}

impl Sub for Span {
    type Output = Span;
    fn sub(self, other: Span) -> Span {
        Span(self.0 - other.0)
    }
}

impl SubAssign for Span {
    fn sub_assign(&mut self, other: Span) {
        *self = *self - other;
    }
}

impl Mul<u64> for Span {
    type Output = Span;
    fn mul(self, by: u64) -> Span {
        self.saturating_mul(by)
    }
}

impl Div<u64> for Span {
    type Output = Span;
    fn div(self, by: u64) -> Span {
        Span(self.0 / by)
    }
}

impl std::iter::Sum for Span {
    fn sum<I: Iterator<Item = Span>>(spans: I) -> Span {
        spans.fold(Span::ZERO, Add::add)
    }
}

/// Nanoseconds with the unit that keeps the number short: `850ns`, `1.5us`, `12ms`, `3.25s`.
fn write_nanos(f: &mut fmt::Formatter<'_>, nanos: u64) -> fmt::Result {
    let (unit, size) = match nanos {
        0 => return f.pad("0ns"),
        1..1_000 => ("ns", 1),
        1_000..1_000_000 => ("us", 1_000),
        1_000_000..1_000_000_000 => ("ms", 1_000_000),
        _ => ("s", 1_000_000_000),
    };
    let whole = nanos / size;
    let rest = nanos % size;
    if rest == 0 {
        return f.pad(&format!("{whole}{unit}"));
    }
    let digits = size.ilog10() as usize;
    let fraction = format!("{rest:0digits$}");
    let keep = f.precision().unwrap_or(digits).min(digits);
    let fraction = fraction[..keep].trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    f.pad_integral(true, "", &format!("{whole}{dot}{fraction}{unit}"))
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_nanos(f, self.0)
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_nanos(f, self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_print_with_the_shortest_exact_unit() {
        let shown = |nanos| Span::from_nanos(nanos).to_string();
        assert_eq!(shown(0), "0ns");
        assert_eq!(shown(850), "850ns");
        assert_eq!(shown(1_500), "1.5us");
        assert_eq!(shown(12_000_000), "12ms");
        assert_eq!(shown(3_250_000_001), "3.250000001s");
        assert_eq!(format!("{:.2}", Span::from_nanos(3_256_000_001)), "3.25s");
    }

    #[test]
    fn adding_past_the_end_of_time_stays_at_never() {
        assert_eq!(Instant::NEVER + Span::from_nanos(1), Instant::NEVER);
    }
}
