//! The terminal's screen: texts that programs write become lines.

/// What was written since the last newline. A line appears when it is complete.
#[derive(Clone, Debug, Default)]
pub struct Screen {
    line: Vec<u8>,
}

impl Screen {
    /// Shows bytes, and gives the lines that are complete now.
    pub fn show(&mut self, bytes: impl IntoIterator<Item = u8>) -> Vec<String> {
        let mut lines = Vec::new();
        for byte in bytes {
            if byte == b'\n' {
                lines.push(String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned());
            } else {
                self.line.push(byte);
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_appears_when_it_is_complete() {
        let mut screen = Screen::default();
        assert_eq!(screen.show(*b"a"), Vec::<String>::new());
        assert_eq!(screen.show(*b"b\n\nc"), ["ab", ""]);
        assert_eq!(screen.show(*b"\n"), ["c"]);
    }
}
