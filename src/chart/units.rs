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

/// A sentence with its times as charts write them.
pub fn sentence(text: &str) -> String {
    let mut shown = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(end) = rest.find(|character: char| character.is_ascii_digit()) {
        let number = rest[end..].find(|character: char| !matches!(character, '0'..='9' | '.'));
        let number = end + number.unwrap_or(rest.len() - end);
        let unit = ["ns", "us", "ms", "s"].into_iter().find(|unit| {
            let after = rest[number..].strip_prefix(unit);
            after.is_some_and(|after| !after.starts_with(|next: char| next.is_alphanumeric()))
        });
        let begins = !rest[..end].ends_with(|before: char| before.is_alphanumeric());
        shown.push_str(&rest[..number]);
        rest = &rest[number..];
        if let Some(unit) = unit.filter(|_| begins) {
            shown.push_str(if unit == "us" { " µs" } else { " " });
            rest = &rest[if unit == "us" { 2 } else { 0 }..];
        }
    }
    shown + rest
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

    #[test]
    fn times_within_a_sentence_are_written_the_same_way() {
        assert_eq!(sentence("mean turnaround 3us, 1.5ms at most"), "mean turnaround 3 µs, 1.5 ms at most");
        assert_eq!(sentence("for 20s. 3 users, ms4us, 10us"), "for 20 s. 3 users, ms4us, 10 µs");
        assert_eq!(sentence("12"), "12");
    }
}
