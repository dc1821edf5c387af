//! Recordings line by line: with numbers, whatever bytes they hold.

use std::borrow::Cow;

use super::ImportError;

/// How often to ask whether somebody wants the end.
const EVERY: u64 = 4096;

/// The lines of a recording.
pub struct Lines<'a> {
    rest: &'a [u8],
    number: u64,
    stop: fn() -> bool,
}

impl<'a> Lines<'a> {
    pub fn new(bytes: &'a [u8], stop: fn() -> bool) -> Lines<'a> {
        Lines { rest: bytes, number: 0, stop }
    }

    /// The next line that isn't empty, without its end, and its number from 1.
    pub fn advance(&mut self) -> Result<Option<(u64, Cow<'a, str>)>, ImportError> {
        while !self.rest.is_empty() {
            let end = self.rest.iter().position(|byte| *byte == b'\n');
            let (line, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
            self.rest = rest.get(1..).unwrap_or_default();
            self.number += 1;
            if self.number.is_multiple_of(EVERY) && (self.stop)() {
                return Err(ImportError::interrupted());
            }
            let line = line.trim_ascii_end();
            if !line.is_empty() {
                return Ok(Some((self.number, String::from_utf8_lossy(line))));
            }
        }
        Ok(None)
    }
}

/// Lines that couldn't be read: how many, and the first.
#[derive(Debug, Default)]
pub struct Unread {
    count: u64,
    first: Option<(u64, String)>,
}

impl Unread {
    pub fn add(&mut self, number: u64, line: &str) {
        self.count += 1;
        self.first.get_or_insert_with(|| (number, shown(line)));
    }

    /// What to say about them, if there are any.
    pub fn remark(&self) -> Option<String> {
        let (number, line) = self.first.as_ref()?;
        let count = self.count;
        Some(match count {
            1 => format!("line {number} couldn't be read and is left out: {line}"),
            _ => {
                format!("{count} lines couldn't be read and are left out; the first is line {number}: {line}")
            }
        })
    }

    /// Why there is nothing to go on with.
    pub fn error(&self, what: &str) -> ImportError {
        match &self.first {
            None => ImportError::new(None, format!("there is no {what} in it")),
            Some((number, line)) => ImportError::new(
                Some(*number),
                format!("there is no {what} in it; this is the first line: {line}"),
            ),
        }
    }
}

/// A line for a message: short, and without what a terminal would obey.
pub fn shown(line: &str) -> String {
    let short: String = line.chars().take(80).map(|c| if c.is_control() { '?' } else { c }).collect();
    format!("\"{short}\"")
}

/// Seconds with a fraction, in nanoseconds.
pub fn seconds(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let mut nanos = 0;
    for digit in fraction.bytes().chain(std::iter::repeat(b'0')).take(9) {
        nanos = nanos * 10 + u64::from(digit - b'0');
    }
    whole.checked_mul(1_000_000_000)?.checked_add(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_exact() {
        assert_eq!(seconds("1.000001"), Some(1_000_001_000));
        assert_eq!(seconds("1795540869.617908"), Some(1_795_540_869_617_908_000));
        assert_eq!(seconds("2"), Some(2_000_000_000));
        assert_eq!(seconds("1.5s"), None);
        assert_eq!(seconds("99999999999999999999"), None);
    }
}
