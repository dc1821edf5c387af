//! Amounts with a unit, as scenarios and cost profiles write them: `10us`, `1.5ms`, `64KiB`.
//!
//! The arithmetic is exact: a decimal fraction must come out as a whole number of nanoseconds or
//! bytes. Floating point would round `0.3us` to 299 ns on the way.

use crate::time::Span;

/// Why a text isn't an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    #[error("a {kind} needs a unit, for example \"{}\"", kind.example())]
    MissingUnit { kind: Kind },
    #[error("unknown unit of a {kind}; the units are {}", kind.units_text())]
    UnknownUnit { kind: Kind },
    #[error("a {kind} can't be negative")]
    Negative { kind: Kind },
    #[error("this {kind} is too large")]
    Overflow { kind: Kind },
    #[error("this {kind} isn't a whole number of {}", kind.smallest())]
    Fraction { kind: Kind },
    #[error("this isn't a {kind}; write a number and a unit, for example \"{}\"", kind.example())]
    Malformed { kind: Kind },
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Time,
    Size,
}

/// The units of time, in nanoseconds.
pub const TIMES: &[(&str, u64)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("min", 60_000_000_000),
];

/// The units of size, in bytes. Decimal ones (`kB`) are left out: memory comes in powers of two.
pub const SIZES: &[(&str, u64)] = &[("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

impl Kind {
    /// The units and what each is worth in the smallest.
    pub const fn units(self) -> &'static [(&'static str, u64)] {
        match self {
            Kind::Time => TIMES,
            Kind::Size => SIZES,
        }
    }

    const fn example(self) -> &'static str {
        match self {
            Kind::Time => "10us",
            Kind::Size => "64KiB",
        }
    }

    const fn units_text(self) -> &'static str {
        match self {
            Kind::Time => "ns, us, ms, s and min",
            Kind::Size => "B, KiB, MiB and GiB",
        }
    }

    const fn smallest(self) -> &'static str {
        match self {
            Kind::Time => "nanoseconds",
            Kind::Size => "bytes",
        }
    }

    /// The value of one such unit.
    pub fn unit(self, name: &str) -> Result<u64, UnitError> {
        let found = self.units().iter().find(|(unit, _)| *unit == name);
        found.map(|(_, size)| *size).ok_or(UnitError::UnknownUnit { kind: self })
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Kind::Time => "time",
            Kind::Size => "size",
        })
    }
}

/// A length of time such as `10us`.
pub fn parse_time(text: &str) -> Result<Span, UnitError> {
    parse(text, Kind::Time).map(Span::from_nanos)
}

/// A number of bytes such as `64KiB`.
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    parse(text, Kind::Size)
}

fn parse(text: &str, kind: Kind) -> Result<u64, UnitError> {
    let text = text.trim();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(text.len());
    let (number, unit) = (text[..end].trim_matches('_'), text[end..].trim());
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.contains('.') || number.ends_with('.') {
        return Err(UnitError::Malformed { kind });
    }
    if unit.is_empty() {
        return Err(UnitError::MissingUnit { kind });
    }
    let size = kind.unit(unit)?;
    if negative && number.bytes().any(|digit| (b'1'..=b'9').contains(&digit)) {
        return Err(UnitError::Negative { kind });
    }
    let overflow = UnitError::Overflow { kind };
    let whole = digits(whole).and_then(|whole| whole.checked_mul(u128::from(size)));
    let rest = scaled(fraction, size, kind)?;
    let total = whole.and_then(|whole| whole.checked_add(rest));
    total.and_then(|total| u64::try_from(total).ok()).ok_or(overflow)
}

/// `0.fraction * size`, if that is a whole number.
fn scaled(fraction: &str, size: u64, kind: Kind) -> Result<u128, UnitError> {
    let fraction: String = fraction.chars().filter(|c| *c != '_').collect();
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() {
        return Ok(0);
    }
    // Longer fractions leave 128 bits, and nobody writes them.
    if fraction.len() > 28 {
        return Err(UnitError::Fraction { kind });
    }
    let power = 10_u128.pow(fraction.len() as u32);
    let product = digits(fraction)
        .and_then(|value| value.checked_mul(u128::from(size)))
        .ok_or(UnitError::Fraction { kind })?;
    if product % power != 0 {
        return Err(UnitError::Fraction { kind });
    }
    Ok(product / power)
}

fn digits(text: &str) -> Option<u128> {
    let digits: String = text.chars().filter(|c| *c != '_').collect();
    if digits.trim_start_matches('0').is_empty() {
        return Some(0);
    }
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(text: &str) -> Result<u64, UnitError> {
        parse_time(text).map(Span::as_nanos)
    }

    #[test]
    fn times_come_out_exact() {
        assert_eq!(nanos("10us"), Ok(10_000));
        assert_eq!(nanos("1.5ms"), Ok(1_500_000));
        assert_eq!(nanos("0.3us"), Ok(300));
        assert_eq!(nanos("2 s"), Ok(2_000_000_000));
        assert_eq!(nanos("1_000ns"), Ok(1_000));
        assert_eq!(nanos("0s"), Ok(0));
        assert_eq!(nanos("18446744073709551615ns"), Ok(u64::MAX));
    }

    #[test]
    fn sizes_come_in_powers_of_two() {
        assert_eq!(parse_size("1B"), Ok(1));
        assert_eq!(parse_size("64KiB"), Ok(65_536));
        assert_eq!(parse_size("0.5KiB"), Ok(512));
        assert_eq!(parse_size("1MiB"), Ok(1 << 20));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let kind = Kind::Time;
        assert_eq!(nanos("10"), Err(UnitError::MissingUnit { kind }));
        assert_eq!(nanos("10 parsecs"), Err(UnitError::UnknownUnit { kind }));
        assert_eq!(nanos("-1us"), Err(UnitError::Negative { kind }));
        assert_eq!(nanos("99999999999s"), Err(UnitError::Overflow { kind }));
        let beyond = "99999999999999999999999999999999999999999999s";
        assert_eq!(nanos(beyond), Err(UnitError::Overflow { kind }));
        assert_eq!(nanos("0.5ns"), Err(UnitError::Fraction { kind }));
        assert_eq!(nanos("soon"), Err(UnitError::Malformed { kind }));
        assert_eq!(nanos("1.2.3us"), Err(UnitError::Malformed { kind }));
        assert_eq!(nanos(""), Err(UnitError::Malformed { kind }));
        let text = UnitError::MissingUnit { kind }.to_string();
        assert_eq!(text, "a time needs a unit, for example \"10us\"");
    }
}
