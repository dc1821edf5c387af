//! Columns of numbers as bytes, and bytes as text that a page can hold.
//!
//! A column is a sequence of integers of variable length (LEB128, the lowest seven bits first; signed ones folded
//! so that small negative numbers are short). Each column is compressed for itself, as zlib does it, and written in
//! base64. The page takes the same steps back: `src/report/page/decode.js`.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// A sequence of numbers under construction.
#[derive(Clone, Debug, Default)]
pub struct Column {
    bytes: Vec<u8>,
    count: usize,
    before: u64,
}

impl Column {
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn uint(&mut self, mut value: u64) {
        self.count += 1;
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    pub fn int(&mut self, value: i64) {
        self.uint(((value << 1) ^ (value >> 63)) as u64);
    }

    /// The difference from the number before.
    pub fn delta(&mut self, value: u64) {
        self.int(value.wrapping_sub(self.before) as i64);
        self.before = value;
    }

    /// The column compressed and in base64.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut packed = ZlibEncoder::new(Base64 { out, held: [0; 3], count: 0 }, Compression::default());
        packed.write_all(&self.bytes)?;
        packed.finish()?.finish()
    }
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Turns what is written to it into base64 (RFC 4648, with padding).
struct Base64<W> {
    out: W,
    held: [u8; 3],
    count: usize,
}

impl<W: Write> Base64<W> {
    fn finish(mut self) -> io::Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        self.held[self.count..].fill(0);
        let mut four = digits(self.held);
        four[self.count + 1..].fill(b'=');
        self.out.write_all(&four)
    }
}

impl<W: Write> Write for Base64<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = Vec::with_capacity(bytes.len() / 3 * 4 + 4);
        for &byte in bytes {
            self.held[self.count] = byte;
            self.count += 1;
            if self.count == 3 {
                text.extend(digits(self.held));
                self.count = 0;
            }
        }
        self.out.write_all(&text)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn digits([a, b, c]: [u8; 3]) -> [u8; 4] {
    let bits = u32::from_be_bytes([0, a, b, c]);
    [18, 12, 6, 0].map(|shift| DIGITS[(bits >> shift & 63) as usize])
}

/// Bytes as base64.
pub fn base64(bytes: &[u8]) -> String {
    let mut text = Vec::new();
    let mut writer = Base64 { out: &mut text, held: [0; 3], count: 0 };
    // Writing to a vector can't fail.
    let written = writer.write_all(bytes).and_then(|()| writer.finish());
    debug_assert!(written.is_ok());
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
pub mod reading {
    //! The way back, for tests.

    use std::io::Read;

    use flate2::read::ZlibDecoder;

    pub fn unbase64(text: &str) -> Vec<u8> {
        let digits: Vec<u32> = text
            .bytes()
            .take_while(|&byte| byte != b'=')
            .map(|byte| super::DIGITS.iter().position(|&digit| digit == byte).unwrap() as u32)
            .collect();
        let mut bytes = Vec::new();
        for four in digits.chunks(4) {
            let bits = four.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - four.len()));
            bytes.extend(&bits.to_be_bytes()[1..four.len()]);
        }
        bytes
    }

    /// The unsigned numbers of a written column.
    pub fn uints(text: &str) -> Vec<u64> {
        let mut bytes = Vec::new();
        ZlibDecoder::new(&unbase64(text)[..]).read_to_end(&mut bytes).unwrap();
        let (mut numbers, mut value, mut shift) = (Vec::new(), 0u64, 0);
        for byte in bytes {
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                numbers.push(value);
                (value, shift) = (0, 0);
            }
        }
        numbers
    }

    pub fn ints(text: &str) -> Vec<i64> {
        uints(text).into_iter().map(|value| (value >> 1) as i64 ^ -((value & 1) as i64)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(column: &Column) -> String {
        let mut out = Vec::new();
        column.write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn base64_is_that_of_the_standard() {
        let vectors = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (bytes, text) in vectors {
            assert_eq!(base64(bytes.as_bytes()), text);
            assert_eq!(reading::unbase64(text), bytes.as_bytes());
        }
    }

    #[test]
    fn numbers_come_back_as_they_were() {
        let numbers = [0, 1, 127, 128, 300, u64::from(u32::MAX), 1 << 53, u64::MAX];
        let mut column = Column::default();
        numbers.iter().for_each(|&number| column.uint(number));
        assert_eq!(reading::uints(&written(&column)), numbers);
        let signed = [0, -1, 1, i64::MIN, i64::MAX];
        let mut column = Column::default();
        signed.iter().for_each(|&number| column.int(number));
        assert_eq!(reading::ints(&written(&column)), signed);
        assert_eq!(column.len(), 5);
    }

    #[test]
    fn differences_add_up_also_backwards() {
        let times = [5, 5, 1_000_000, 999_999, 0, u64::MAX];
        let mut column = Column::default();
        times.iter().for_each(|&time| column.delta(time));
        let mut sum = 0u64;
        let back: Vec<u64> = reading::ints(&written(&column))
            .into_iter()
            .map(|difference| {
                sum = sum.wrapping_add(difference as u64);
                sum
            })
            .collect();
        assert_eq!(back, times);
    }
}
