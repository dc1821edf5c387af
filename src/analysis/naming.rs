//! Names that belong together, and times and counts in few characters.

use crate::time::Span;

/// The name without its number: `sleeper` for `sleeper[7]`.
pub fn base(name: &str) -> &str {
    let numbered = name.strip_suffix(']').and_then(|name| name.rsplit_once('['));
    match numbered {
        Some((base, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            base
        }
        Some(_) | None => name,
    }
}

/// The number of a name that has one: 7 for `sleeper[7]`.
pub fn number(name: &str) -> Option<u64> {
    name[base(name).len()..].strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

/// A time in three significant digits: `850ns`, `1.25ms`, `12.3us`, `123s`.
pub fn time(span: Span) -> String {
    let nanos = span.as_nanos();
    let (size, unit) = match nanos {
        0 => return "0".to_owned(),
        1..1_000 => return format!("{nanos}ns"),
        1_000..999_500 => (1_000, "us"),
        999_500..999_500_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    // In thousandths of the unit, so that rounding needs no floating point.
    let thousandths = nanos / (size / 1_000);
    let step = match thousandths {
        ..9_995 => 10,
        9_995..99_950 => 100,
        _ => 1_000,
    };
    let rounded = (thousandths + step / 2) / step * step;
    let (whole, fraction) = (rounded / 1_000, rounded % 1_000);
    match fraction {
        0 => format!("{whole}{unit}"),
        _ => format!("{whole}.{}{unit}", format!("{fraction:03}").trim_end_matches('0')),
    }
}

/// A number with its thousands apart: `1 234 567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(' ');
        }
        shown.push(digit);
    }
    shown
}

/// A number of bytes: `512B`, `64KiB`, `1.5MiB`.
pub fn bytes(number: u64) -> String {
    let (size, unit) = match number {
        ..1_024 => return format!("{number}B"),
        1_024..1_048_576 => (1u64 << 10, "KiB"),
        1_048_576..1_073_741_824 => (1 << 20, "MiB"),
        _ => (1 << 30, "GiB"),
    };
    let (whole, tenth) = (number / size, number % size * 10 / size);
    if tenth == 0 || whole >= 100 { format!("{whole}{unit}") } else { format!("{whole}.{tenth}{unit}") }
}

/// A program's line of output as a terminal or a picture can show it: control characters are
/// written as escapes.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_name_is_without_its_number() {
        assert_eq!(base("sleeper[99999]"), "sleeper");
        assert_eq!(base("a[b]"), "a[b]");
        assert_eq!(base("a[]"), "a[]");
        assert_eq!(number("sleeper[12]"), Some(12));
        assert_eq!(number("sleeper"), None);
    }

    #[test]
    fn times_have_three_significant_digits() {
        let shown = |nanos| time(Span::from_nanos(nanos));
        assert_eq!(shown(0), "0");
        assert_eq!(shown(850), "850ns");
        assert_eq!(shown(1_250_000), "1.25ms");
        assert_eq!(shown(12_345), "12.3us");
        assert_eq!(shown(999_499), "999us");
        assert_eq!(shown(999_500), "1ms");
        assert_eq!(shown(10_000_000), "10ms");
        assert_eq!(shown(123_456_789_000), "123s");
    }

    #[test]
    fn counts_and_bytes_are_readable() {
        assert_eq!(count(1_234_567), "1 234 567");
        assert_eq!(count(999), "999");
        assert_eq!(bytes(1_536), "1.5KiB");
        assert_eq!(bytes(65_536), "64KiB");
    }
}
