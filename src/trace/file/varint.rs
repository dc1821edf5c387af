//! Integers of variable length: seven bits to a byte, the lowest first, the top bit set on all but
//! the last (LEB128). Signed ones are folded first, so that small negative numbers are short too.

/// More bytes than any event needs. A power of two, so that an index can be masked.
pub const SLOT: usize = 64;

/// The bytes of one event under construction.
///
/// The index is masked by the size, which lets the compiler drop the bounds checks; the test
/// `every_kind_fits_into_a_slot` shows that nothing is ever overwritten.
pub struct Slot<'a> {
    bytes: &'a mut [u8; SLOT],
    len: usize,
}

impl<'a> Slot<'a> {
    #[inline]
    pub fn new(bytes: &'a mut [u8; SLOT]) -> Slot<'a> {
        Slot { bytes, len: 0 }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub fn byte(&mut self, byte: u8) {
        debug_assert!(self.len < SLOT);
        self.bytes[self.len & (SLOT - 1)] = byte;
        self.len += 1;
    }

    #[inline]
    pub fn uint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.byte(value as u8 | 0x80);
            value >>= 7;
        }
        self.byte(value as u8);
    }

    #[inline]
    pub fn int(&mut self, value: i64) {
        self.uint(fold(value));
    }
}

/// 0, -1, 1, -2, 2 ... become 0, 1, 2, 3, 4 ...
#[inline]
pub const fn fold(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

#[inline]
pub const fn unfold(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Why bytes can't be read as a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// They end in the middle of it.
    Short,
    /// They say something impossible.
    Invalid(&'static str),
}

/// A place in the bytes of a block.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    #[inline]
    pub fn new(bytes: &'a [u8], at: usize) -> Cursor<'a> {
        Cursor { bytes, at }
    }

    /// How far reading has come.
    #[inline]
    pub fn at(&self) -> usize {
        self.at
    }

    #[inline]
    pub fn byte(&mut self) -> Result<u8, Bad> {
        let byte = *self.bytes.get(self.at).ok_or(Bad::Short)?;
        self.at += 1;
        Ok(byte)
    }

    #[inline]
    pub fn uint(&mut self) -> Result<u64, Bad> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(u64::from(first));
        }
        let second = self.byte()?;
        let value = u64::from(first & 0x7f) | u64::from(second & 0x7f) << 7;
        if second < 0x80 {
            return Ok(value);
        }
        self.long_uint(value)
    }

    /// The third and further bytes of an integer.
    fn long_uint(&mut self, mut value: u64) -> Result<u64, Bad> {
        for shift in (14..64).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Bad::Invalid("an integer is longer than 64 bits"))
    }

    #[inline]
    pub fn int(&mut self) -> Result<i64, Bad> {
        self.uint().map(unfold)
    }

    /// An integer that must fit a smaller type.
    #[inline]
    pub fn narrow<T: TryFrom<u64>>(&mut self) -> Result<T, Bad> {
        T::try_from(self.uint()?).map_err(|_| Bad::Invalid("a number is too large for its field"))
    }

    #[inline]
    pub fn bool(&mut self) -> Result<bool, Bad> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Bad::Invalid("a truth value is neither 0 nor 1")),
        }
    }

    /// One byte that is a position in a list.
    #[inline]
    pub fn pick<T: Copy>(&mut self, list: &[T]) -> Result<T, Bad> {
        let position = usize::from(self.byte()?);
        list.get(position).copied().ok_or(Bad::Invalid("a position is beyond the end of its list"))
    }

    /// A text with its length in front.
    pub fn text(&mut self) -> Result<&'a str, Bad> {
        let len: usize = self.narrow()?;
        let end = self.at.checked_add(len).ok_or(Bad::Short)?;
        let bytes = self.bytes.get(self.at..end).ok_or(Bad::Short)?;
        self.at = end;
        std::str::from_utf8(bytes).map_err(|_| Bad::Invalid("a text isn't UTF-8"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: u64) -> Vec<u8> {
        let mut bytes = [0; SLOT];
        let mut slot = Slot::new(&mut bytes);
        slot.uint(value);
        let len = slot.len();
        bytes[..len].to_vec()
    }

    #[test]
    fn integers_take_seven_bits_to_a_byte() {
        assert_eq!(written(0), [0]);
        assert_eq!(written(127), [127]);
        assert_eq!(written(128), [0x80, 1]);
        assert_eq!(written(300), [0xac, 2]);
        assert_eq!(written(u64::MAX), [255, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
        for value in [0, 127, 128, 16_383, 16_384, 1 << 35, u64::MAX] {
            let bytes = written(value);
            let mut cursor = Cursor::new(&bytes, 0);
            assert_eq!(cursor.uint(), Ok(value));
            assert_eq!(cursor.at(), bytes.len());
        }
    }

    #[test]
    fn signed_integers_are_folded() {
        assert_eq!([0, -1, 1, -2, i64::MAX, i64::MIN].map(fold), [0, 1, 2, 3, u64::MAX - 1, u64::MAX]);
        for value in [0, -1, 1, -32, i64::MAX, i64::MIN] {
            assert_eq!(unfold(fold(value)), value);
        }
    }

    #[test]
    fn impossible_integers_and_cut_ones_are_refused() {
        assert!(matches!(Cursor::new(&[255; 11], 0).uint(), Err(Bad::Invalid(_))));
        assert!(matches!(
            Cursor::new(&[255, 255, 255, 255, 255, 255, 255, 255, 255, 2], 0).uint(),
            Err(Bad::Invalid(_))
        ));
        assert_eq!(Cursor::new(&[255, 255], 0).uint(), Err(Bad::Short));
        assert!(matches!(Cursor::new(&[0x80, 2], 0).narrow::<u8>(), Err(Bad::Invalid(_))));
        assert_eq!(Cursor::new(&[200, b'a'], 0).text(), Err(Bad::Short));
        assert_eq!(Cursor::new(&[9, b'a'], 0).text(), Err(Bad::Short));
        assert!(matches!(Cursor::new(&[1, 0xff], 0).text(), Err(Bad::Invalid(_))));
    }
}
