//! Times and amounts as charts write them: with the signs of the International System of Units, and a space before
//! the unit. (What people type, and tables that programs read, say `us`.)

use crate::analysis::naming;
use crate::time::Span;

/// A time in three significant digits: `850 ns`, `12.3 µs`, `1.25 ms`.
pub fn time(span: Span) -> String {
    spaced(&naming::time(span)).replace("us", "µs")
}

/// A number of bytes: `512 B`, `64 KiB`.
pub fn bytes(number: u64) -> String {
    spaced(&naming::bytes(number))
}

fn spaced(text: &str) -> String {
    match text.find(|character: char| character.is_ascii_alphabetic()) {
        Some(unit) => format!("{} {}", &text[..unit], &text[unit..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_stand_apart_and_micro_is_written_as_such() {
        assert_eq!(time(Span::from_nanos(12_345)), "12.3 µs");
        assert_eq!(time(Span::from_nanos(850)), "850 ns");
        assert_eq!(time(Span::ZERO), "0");
        assert_eq!(bytes(65_536), "64 KiB");
    }
}
