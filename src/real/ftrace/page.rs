//! The binary pages of a CPU's buffer.
//!
//! A page begins with a time stamp and the number of bytes in use. Each record begins with a word:
//! five bits of type, 27 bits of time since the record before. Types 1 to 28 give the record's
//! length in words; 0 says that the next word is the length; 29 is padding, 30 a longer time, 31 an
//! absolute time. Source: include/linux/ring_buffer.h of Linux.

use super::format::{Field, Format};
use super::{Point, Raw};

pub const SIZE: usize = 4096;

const HEADER: usize = 16;
/// The bytes in use are below these bits of the second word; the others are flags.
const USED: u64 = (1 << 20) - 1;

const LONG_RECORD: u32 = 0;
const PADDING: u32 = 29;
const TIME_EXTEND: u32 = 30;
const TIME_STAMP: u32 = 31;

/// The fields that every record has.
const TYPE: Field = Field { offset: 0, size: 2, signed: false };
const PID: Field = Field { offset: 4, size: 4, signed: true };

/// Gives a page's records of known trace points to `taken`.
pub fn decode(page: &[u8], cpu: usize, formats: &[(Point, Format)], taken: &mut impl FnMut(Raw)) {
    let word64 =
        |at: usize| page.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_ne_bytes);
    let word =
        |at: usize| page.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_ne_bytes);
    let (Some(mut now), Some(used)) = (word64(0), word64(8)) else { return };
    let end = page.len().min(HEADER + (used & USED) as usize);
    let mut at = HEADER;
    while at < end {
        let Some(head) = word(at) else { return };
        let (kind, delta) = (head & 31, u64::from(head >> 5));
        let next = word(at + 4).map(u64::from);
        match kind {
            TIME_EXTEND => {
                now += delta + (next.unwrap_or(0) << 27);
                at += 8;
                continue;
            }
            TIME_STAMP => {
                // The stamp has 59 bits; those above are as they were.
                now = (now & !((1 << 59) - 1)) | (next.unwrap_or(0) << 27) | delta;
                at += 8;
                continue;
            }
            // Padding without a time reaches to the page's end.
            PADDING if delta == 0 => return,
            _ => {}
        }
        now += delta;
        let (record, bytes) = match kind {
            LONG_RECORD | PADDING => (at + 8, next.unwrap_or(4).max(4) as usize - 4),
            words => (at + 4, words as usize * 4),
        };
        if kind != PADDING
            && let Some(record) = page.get(record..record + bytes)
        {
            event(record, now, cpu, formats).into_iter().for_each(&mut *taken);
        }
        at = record + bytes;
    }
}

fn event(record: &[u8], at: u64, cpu: usize, formats: &[(Point, Format)]) -> Option<Raw> {
    let id = TYPE.read(record);
    let (point, format) = formats.iter().find(|(_, format)| i64::from(format.id) == id)?;
    let mut values = [0; 3];
    for (value, field) in values.iter_mut().zip(&format.fields) {
        *value = field.read(record);
    }
    Some(Raw { at, cpu, pid: PID.read(record) as i32, point: *point, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(words: &[u32]) -> Vec<u8> {
        let mut page = 1000_u64.to_ne_bytes().to_vec();
        page.extend((words.len() as u64 * 4).to_ne_bytes());
        page.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
        page
    }

    fn formats() -> Vec<(Point, Format)> {
        let pid = Field { offset: 8, size: 4, signed: true };
        vec![(Point::Waking, Format { id: 7, fields: vec![pid] })]
    }

    #[test]
    fn short_long_padded_and_late_records_are_read() {
        let mut events = Vec::new();
        let words = [
            3 | 5 << 5,
            7,
            42,
            99, // three words, 5 ns later: thread 42 wakes 99
            TIME_EXTEND,
            2, // 2 << 27 ns
            PADDING | 1 << 5,
            8,
            0, // skipped
            LONG_RECORD | 1 << 5,
            16,
            7,
            42,
            98,
            3,
            8,
            42,
            97, // an unknown trace point
            PADDING,
        ];
        decode(&page(&words), 1, &formats(), &mut |raw| events.push(raw));
        let raw = |at, pid| Raw { at, cpu: 1, pid: 42, point: Point::Waking, values: [pid, 0, 0] };
        assert_eq!(events, [raw(1005, 99), raw(1007 + (2 << 27), 98)]);
    }

    #[test]
    fn a_page_that_is_cut_off_gives_what_there_is() {
        let whole = page(&[3, 7, 42, 99, 3, 7, 42, 98]);
        for length in 0..whole.len() {
            let mut events = Vec::new();
            decode(&whole[..length], 0, &formats(), &mut |raw| events.push(raw));
            assert!(events.len() <= 1, "{length}");
        }
    }
}
