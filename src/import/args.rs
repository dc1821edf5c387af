//! The arguments of a recorded call, as strace writes them: lists in brackets, texts in quotes, numbers with
//! what they stand for in angle brackets.

/// The end of what begins behind an opening parenthesis: the place of the closing one.
pub fn closing(text: &str) -> Option<usize> {
    let mut walk = Walk::default();
    for (at, byte) in text.bytes().enumerate() {
        if byte == b')' && walk.outside() {
            return Some(at);
        }
        walk.step(byte);
    }
    None
}

/// The arguments, without the spaces around them.
pub fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut walk = Walk::default();
    text.split(move |c: char| {
        let cut = c == ',' && walk.outside();
        // Only ASCII steers.
        walk.step(u8::try_from(c).unwrap_or(b'.'));
        cut
    })
    .map(str::trim)
}

/// One argument.
pub fn nth(text: &str, index: usize) -> &str {
    split(text).nth(index).unwrap_or_default()
}

/// An argument as a number.
pub fn number_at(text: &str, index: usize) -> Option<i64> {
    number(nth(text, index))
}

/// A number: decimal, hexadecimal or octal, with what follows it in angle brackets left out.
pub fn number(text: &str) -> Option<i64> {
    let text = text.split(['<', ' ']).next().unwrap_or_default();
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let value = if let Some(digits) = digits.strip_prefix("0x") {
        u64::from_str_radix(digits, 16).ok()?.cast_signed()
    } else if digits.len() > 1 && digits.starts_with('0') {
        i64::from_str_radix(digits, 8).ok()?
    } else if digits.starts_with(|c: char| c.is_ascii_digit()) {
        digits.parse().ok()?
    } else {
        return None;
    };
    Some(if negative { value.wrapping_neg() } else { value })
}

/// What a descriptor stands for, if the recording says so (`strace -y`).
pub fn annotation(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once('<')?;
    rest.rfind('>').map(|end| &rest[..end])
}

/// A text in quotes, as far as it was recorded.
pub fn quoted(text: &str) -> Option<&str> {
    let rest = &text[text.find('"')? + 1..];
    let mut escaped = false;
    let end = rest.bytes().position(|byte| {
        let end = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        end
    });
    Some(&rest[..end.unwrap_or(rest.len())])
}

/// The parts of a list such as `[3, 4]`; none if it isn't a list.
pub fn list(text: &str) -> Vec<&str> {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    inner.map_or_else(Vec::new, |inner| split(inner).collect())
}

/// The value of `key=` in a structure.
pub fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.match_indices(key).find_map(|(at, _)| {
        let alone = !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let rest = text[at + key.len()..].strip_prefix('=')?;
        alone.then(|| rest.split([',', '}', ' ', ')']).next().unwrap_or_default())
    })
}

/// A `timespec` or `timeval` in nanoseconds.
pub fn duration(text: &str) -> Option<u64> {
    let seconds = number(field(text, "tv_sec")?)?;
    let rest = match (field(text, "tv_nsec"), field(text, "tv_usec")) {
        (Some(nanos), _) => number(nanos)?,
        (None, Some(micros)) => number(micros)?.checked_mul(1000)?,
        (None, None) => 0,
    };
    let seconds = u64::try_from(seconds).ok()?.checked_mul(1_000_000_000)?;
    seconds.checked_add(u64::try_from(rest).ok()?)
}

/// Whether a word stands among flags such as `A|B`.
pub fn has_flag(text: &str, flag: &str) -> bool {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).any(|word| word == flag)
}

/// How deep inside of quotes and brackets one is.
#[derive(Default)]
struct Walk {
    depth: u32,
    quoted: bool,
    escaped: bool,
}

impl Walk {
    fn outside(&self) -> bool {
        self.depth == 0 && !self.quoted
    }

    fn step(&mut self, byte: u8) {
        if self.quoted {
            self.quoted = byte != b'"' || self.escaped;
            self.escaped = byte == b'\\' && !self.escaped;
            return;
        }
        match byte {
            b'"' => self.quoted = true,
            b'(' | b'[' | b'{' => self.depth += 1,
            b')' | b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_cut_where_no_bracket_and_no_quote_is_open() {
        let text = r#"3</a,b>, "x, \" )", {a=1, b=[2, 3]}, 0x10"#;
        let parts: Vec<&str> = split(text).collect();
        assert_eq!(parts, ["3</a", "b>", r#""x, \" )""#, "{a=1, b=[2, 3]}", "0x10"]);
        let whole = format!("{text}) = 5");
        assert_eq!(closing(&whole), Some(text.len()));
        assert_eq!(quoted(r#""x, \" )""#), Some(r#"x, \" )"#));
        assert_eq!(closing("\"never closed)"), None);
    }

    #[test]
    fn numbers_come_in_all_bases() {
        assert_eq!(number("0x10"), Some(16));
        assert_eq!(number("0644"), Some(0o644));
        assert_eq!(number("-1"), Some(-1));
        assert_eq!(number("3</etc/passwd>"), Some(3));
        assert_eq!(number("0xffffffffffffffff"), Some(-1));
        assert_eq!(number("NULL"), None);
        assert_eq!(list("[3<pipe:[7]>, 4]"), ["3<pipe:[7]>", "4"]);
        assert!(list("0x7ffc").is_empty());
        assert_eq!(annotation("3<pipe:[77]>"), Some("pipe:[77]"));
    }

    #[test]
    fn durations_are_found_in_structures() {
        assert_eq!(duration("{tv_sec=1, tv_nsec=500}"), Some(1_000_000_500));
        assert_eq!(duration("{tv_sec=0, tv_usec=20}"), Some(20_000));
        assert_eq!(duration("0x7ffe"), None);
        assert_eq!(duration("{tv_sec=-1, tv_nsec=0}"), None);
        assert!(has_flag("CLONE_VM|CLONE_THREAD, x", "CLONE_THREAD"));
        assert!(!has_flag("CLONE_THREADS", "CLONE_THREAD"));
    }
}
