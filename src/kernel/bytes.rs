//! What bytes hold, as far as it matters: a message, the content of a pipe or file, what a program
//! has read.
//!
//! Most bytes of a scenario are just so many bytes: zeros. Some hold a value (a word, little-endian)
//! or a text. So bytes are a row of pieces, and a row without any is all zeros, however long: that
//! costs nothing to move.

use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes that were written at one go, or what is left of them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    bytes: u64,
    content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    Zeros,
    /// The first eight bytes hold this, little-endian; the rest are zeros.
    Word(u64),
    /// A text, from this byte on; as long as the piece at least.
    Text(Arc<[u8]>, usize),
}

/// A row of bytes.
#[derive(Clone, Debug, Default)]
pub struct Bytes {
    length: u64,
    /// Empty if all are zeros.
    pieces: VecDeque<Piece>,
}

impl Piece {
    /// The first `bytes` of the piece, which keeps the others.
    fn split(&mut self, bytes: u64) -> Piece {
        let first = Piece { bytes, content: self.content.clone() };
        self.bytes -= bytes;
        match &mut self.content {
            Content::Zeros => {}
            Content::Word(word) => *word = word.checked_shr(8 * bytes.min(8) as u32).unwrap_or(0),
            Content::Text(_, from) => *from += bytes as usize,
        }
        first
    }

    /// The bytes of the piece, at most so many.
    fn iter(&self, most: u64) -> impl Iterator<Item = u8> + '_ {
        (0..self.bytes.min(most)).map(|index| match &self.content {
            Content::Zeros => 0,
            Content::Word(word) => word.to_le_bytes().get(index as usize).copied().unwrap_or(0),
            Content::Text(text, from) => text[from + index as usize],
        })
    }
}

impl Bytes {
    pub fn zeros(length: u64) -> Bytes {
        Bytes { length, pieces: VecDeque::new() }
    }

    /// `length` bytes, the first eight of which hold a word.
    pub fn word(length: u64, word: u64) -> Bytes {
        Bytes::piece(length, Content::Word(word))
    }

    pub fn text(text: &[u8]) -> Bytes {
        Bytes::piece(text.len() as u64, Content::Text(Arc::from(text), 0))
    }

    fn piece(length: u64, content: Content) -> Bytes {
        let mut bytes = Bytes::zeros(length);
        if length > 0 {
            bytes.pieces.push_back(Piece { bytes: length, content });
        }
        bytes
    }

    pub const fn len(&self) -> u64 {
        self.length
    }

    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether nothing but zeros is known of them.
    pub fn are_zeros(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Puts zeros at the end.
    #[inline]
    pub fn push_zeros(&mut self, bytes: u64) {
        if !self.pieces.is_empty() {
            self.pieces.push_back(Piece { bytes, content: Content::Zeros });
        }
        self.length += bytes;
    }

    /// Puts other bytes at the end.
    pub fn push(&mut self, more: Bytes) {
        if more.pieces.is_empty() {
            return self.push_zeros(more.length);
        }
        if self.pieces.is_empty() && self.length > 0 {
            self.pieces.push_back(Piece { bytes: self.length, content: Content::Zeros });
        }
        self.length += more.length;
        self.pieces.extend(more.pieces);
    }

    /// Takes the first bytes away, at most so many.
    pub fn take(&mut self, bytes: u64) -> Bytes {
        let length = bytes.min(self.length);
        self.length -= length;
        let mut taken = Bytes::zeros(length);
        if self.pieces.is_empty() {
            return taken;
        }
        let mut left = length;
        while left > 0
            && let Some(first) = self.pieces.front_mut()
        {
            if first.bytes <= left {
                left -= first.bytes;
                taken.pieces.extend(self.pieces.pop_front());
            } else {
                taken.pieces.push_back(first.split(left));
                left = 0;
            }
        }
        taken
    }

    /// Takes the first bytes away without looking at them, except for the word that they begin with.
    #[inline(always)]
    pub fn take_word(&mut self, bytes: u64) -> (u64, u64) {
        if self.pieces.is_empty() {
            let taken = bytes.min(self.length);
            self.length -= taken;
            return (taken, 0);
        }
        self.take_known_word(bytes)
    }

    #[inline(never)]
    fn take_known_word(&mut self, bytes: u64) -> (u64, u64) {
        let taken = self.take(bytes);
        (taken.length, taken.first_word())
    }

    /// The first eight bytes as a word, little-endian; missing ones count as zeros.
    pub fn first_word(&self) -> u64 {
        let mut word = [0; 8];
        for (place, byte) in word.iter_mut().zip(self.iter()) {
            *place = byte;
        }
        u64::from_le_bytes(word)
    }

    /// So many bytes from a place on, as far as there are any.
    pub fn slice(&self, from: u64, bytes: u64) -> Bytes {
        let from = from.min(self.length);
        if self.pieces.is_empty() {
            return Bytes::zeros(bytes.min(self.length - from));
        }
        let mut rest = self.clone();
        rest.take(from);
        rest.take(bytes)
    }

    /// Writes other bytes over these from a place on; a gap before it becomes zeros.
    pub fn overwrite(&mut self, from: u64, with: Bytes) {
        if self.pieces.is_empty() && with.pieces.is_empty() {
            self.length = self.length.max(from + with.length);
            return;
        }
        let mut result = self.take(from);
        result.push_zeros(from - result.length);
        self.take(with.length);
        result.push(with);
        result.push(std::mem::take(self));
        *self = result;
    }

    /// Cuts off what lies behind so many bytes, or adds zeros up to there.
    pub fn resize(&mut self, length: u64) {
        if length < self.length {
            *self = self.take(length);
        } else {
            self.push_zeros(length - self.length);
        }
    }

    /// All bytes.
    pub fn iter(&self) -> impl Iterator<Item = u8> + '_ {
        let known: u64 = self.pieces.iter().map(|piece| piece.bytes).sum();
        let pieces = self.pieces.iter().flat_map(|piece| piece.iter(u64::MAX));
        pieces.chain((known..self.length).map(|_| 0))
    }

    /// The same bytes, each changed. What maps zero to zero leaves zeros as they are.
    #[must_use]
    pub fn map(&self, change: impl Fn(u8) -> u8) -> Bytes {
        if self.pieces.is_empty() && change(0) == 0 {
            return self.clone();
        }
        Bytes::text(&self.iter().map(change).collect::<Vec<u8>>())
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Bytes) -> bool {
        self.length == other.length && self.iter().eq(other.iter())
    }
}

impl Eq for Bytes {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_come_out_in_the_order_in_which_they_went_in() {
        let mut bytes = Bytes::default();
        bytes.push(Bytes::word(8, 7));
        bytes.push(Bytes::word(8, u64::MAX));
        assert_eq!(bytes.take_word(8), (8, 7));
        assert_eq!(bytes.take_word(100), (8, u64::MAX));
        assert_eq!(bytes.take_word(1), (0, 0));
    }

    #[test]
    fn a_word_that_is_read_in_two_parts_is_cut_at_the_byte() {
        let mut bytes = Bytes::zeros(3);
        bytes.push(Bytes::word(8, 0x1122_3344_5566_7788));
        assert_eq!(bytes.take_word(5), (5, 0x77_8800_0000));
        assert_eq!(bytes.take_word(6), (6, 0x1122_3344_5566));
    }

    #[test]
    fn zeros_cost_nothing_until_something_else_comes() {
        let mut bytes = Bytes::zeros(1 << 40);
        bytes.push_zeros(1);
        assert!(bytes.are_zeros());
        bytes.overwrite(5, Bytes::text(b"abc"));
        assert_eq!(bytes.len(), (1 << 40) + 1);
        assert_eq!(bytes.slice(4, 5).iter().collect::<Vec<_>>(), b"\0abc\0");
    }

    /// What is done to a row of bytes.
    #[derive(Clone, Debug)]
    enum Deed {
        Push(Vec<u8>),
        Zeros(u64),
        Word(u64, u64),
        Take(u64),
        Overwrite(u64, Vec<u8>),
        Resize(u64),
    }

    fn deed() -> impl Strategy<Value = Deed> {
        let text = || proptest::collection::vec(any::<u8>(), 0..12);
        prop_oneof![
            text().prop_map(Deed::Push),
            (0..12_u64).prop_map(Deed::Zeros),
            (0..12_u64, any::<u64>()).prop_map(|(bytes, word)| Deed::Word(bytes, word)),
            (0..20_u64).prop_map(Deed::Take),
            (0..30_u64, text()).prop_map(|(from, with)| Deed::Overwrite(from, with)),
            (0..30_u64).prop_map(Deed::Resize),
        ]
    }

    proptest! {
        #[test]
        fn rows_do_what_vectors_of_bytes_do(deeds in proptest::collection::vec(deed(), 0..40)) {
            let (mut row, mut plain) = (Bytes::default(), Vec::<u8>::new());
            for deed in deeds {
                match deed {
                    Deed::Push(text) => {
                        row.push(Bytes::text(&text));
                        plain.extend(text);
                    }
                    Deed::Zeros(bytes) => {
                        row.push_zeros(bytes);
                        plain.resize(plain.len() + bytes as usize, 0);
                    }
                    Deed::Word(bytes, word) => {
                        row.push(Bytes::word(bytes, word));
                        plain.extend((0..bytes as usize).map(|at| word.to_le_bytes().get(at).copied().unwrap_or(0)));
                    }
                    Deed::Take(bytes) => {
                        let taken = row.take(bytes);
                        let rest = plain.split_off(plain.len().min(bytes as usize));
                        prop_assert_eq!(taken.iter().collect::<Vec<_>>(), plain);
                        plain = rest;
                    }
                    Deed::Overwrite(from, with) => {
                        let end = from as usize + with.len();
                        plain.resize(plain.len().max(end), 0);
                        plain[from as usize..end].copy_from_slice(&with);
                        row.overwrite(from, Bytes::text(&with));
                    }
                    Deed::Resize(length) => {
                        plain.resize(length as usize, 0);
                        row.resize(length);
                    }
                }
                prop_assert_eq!(row.len() as usize, plain.len());
                prop_assert_eq!(row.iter().collect::<Vec<_>>(), plain.clone());
            }
        }
    }
}
