//! Protobuf's encoding, as far as the format needs it: bytes are appended, and nothing is built first.

/// A number: seven bits a byte, the lowest first.
#[inline]
pub fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// How many bytes a number takes.
#[inline]
pub const fn length(number: u64) -> usize {
    (70 - (number | 1).leading_zeros() as usize) / 7
}

/// Numbers below this one can be [`spread`].
pub const SPREAD: u64 = 1 << 56;

/// The bytes of a number below [`SPREAD`] as one word, the first lowest: groups of seven bits are moved apart, first 28
/// from 28, then 14 from 14, then 7 from 7.
#[inline]
pub const fn spread(number: u64) -> u64 {
    let halves = number & 0x0fff_ffff | (number & 0x00ff_ffff_f000_0000) << 4;
    let quarters = halves & 0x0000_3fff_0000_3fff | (halves & 0x0fff_c000_0fff_c000) << 2;
    let groups = quarters & 0x007f_007f_007f_007f | (quarters & 0x3f80_3f80_3f80_3f80) << 1;
    let more = (1u64 << (8 * (length(number) - 1))) - 1;
    groups | more & 0x8080_8080_8080_8080
}

/// What precedes a field's value: its number, and how the value is encoded.
#[inline]
fn tag(out: &mut Vec<u8>, field: u32, encoding: u32) {
    varint(out, u64::from(field << 3 | encoding));
}

#[inline]
pub fn number(out: &mut Vec<u8>, field: u32, value: u64) {
    tag(out, field, 0);
    varint(out, value);
}

/// A number with a sign; negative ones take ten bytes.
pub fn signed(out: &mut Vec<u8>, field: u32, value: i64) {
    number(out, field, value.cast_unsigned());
}

#[inline]
pub fn fixed(out: &mut Vec<u8>, field: u32, value: u64) {
    tag(out, field, 1);
    out.extend_from_slice(&value.to_le_bytes());
}

#[inline]
pub fn bytes(out: &mut Vec<u8>, field: u32, value: &[u8]) {
    tag(out, field, 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

pub fn text(out: &mut Vec<u8>, field: u32, value: &str) {
    bytes(out, field, value.as_bytes());
}

/// A message within a message. Its length stands before it, and mostly takes one byte.
pub fn message(out: &mut Vec<u8>, field: u32, fill: impl FnOnce(&mut Vec<u8>)) {
    tag(out, field, 2);
    let place = out.len();
    out.push(0);
    fill(out);
    let length = out.len() - place - 1;
    if length < 0x80 {
        out[place] = length as u8;
    } else {
        let mut long = Vec::new();
        varint(&mut long, length as u64);
        out.splice(place..=place, long);
    }
}

#[cfg(test)]
mod tests {
    use prost::encoding::{decode_varint, encode_varint};

    use super::*;

    #[test]
    fn numbers_are_written_as_others_write_them() {
        let edges = (0..64).flat_map(|bits| [(1u64 << bits) - 1, 1 << bits, (1 << bits) + 1]);
        for value in edges.chain([u64::MAX]) {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            varint(&mut ours, value);
            encode_varint(value, &mut theirs);
            assert_eq!(ours, theirs);
            assert_eq!(length(value), theirs.len());
            if value < SPREAD {
                assert_eq!(spread(value).to_le_bytes()[..theirs.len()], theirs);
            }
            assert_eq!(decode_varint(&mut &ours[..]).unwrap(), value);
        }
    }

    #[test]
    fn a_message_of_any_length_has_its_length_before_it() {
        for length in [0, 1, 127, 128, 16_383, 16_384] {
            let (mut nested, mut known) = (vec![7], vec![7]);
            message(&mut nested, 60, |out| out.resize(out.len() + length, 1));
            bytes(&mut known, 60, &vec![1; length]);
            assert_eq!(nested, known, "{length}");
        }
    }
}
