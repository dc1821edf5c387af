//! A hash for tables that are only looked up, never walked: a few instructions for each word.

use std::hash::{BuildHasherDefault, Hasher};

pub type Quick = BuildHasherDefault<Words>;

/// An odd number without a pattern, the golden ratio's, as Knuth advises for multiplicative hashing.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

#[derive(Default)]
pub struct Words(u64);

impl Hasher for Words {
    #[inline]
    fn write_u64(&mut self, word: u64) {
        self.0 = self.0.rotate_left(9) ^ word;
    }

    #[inline]
    fn write_u8(&mut self, word: u8) {
        self.write_u64(word.into());
    }

    #[inline]
    fn write_u16(&mut self, word: u16) {
        self.write_u64(word.into());
    }

    #[inline]
    fn write_u32(&mut self, word: u32) {
        self.write_u64(word.into());
    }

    #[inline]
    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    #[inline]
    fn write_isize(&mut self, word: isize) {
        self.write_u64(word as u64);
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    /// Both halves of the product, so that every bit of the words reaches the lowest and the highest.
    #[inline]
    fn finish(&self) -> u64 {
        let product = u128::from(self.0) * u128::from(FACTOR);
        product as u64 ^ (product >> 64) as u64
    }
}
