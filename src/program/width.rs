//! How an element of shared memory is stored, by the letter that Python's `array` and C's types share.
//!
//! Programs compute with 64-bit integers. A store keeps as many bits as fit; to a floating-point element it
//! converts, and a load from one cuts the fraction off. What an element holds is kept as its bits: an
//! integer with its sign, or the bits of a floating-point number.

/// How an element is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    Int8,
    UInt8,
    Int16,
    UInt16,
    Int32,
    UInt32,
    Int64,
    UInt64,
    /// IEEE 754, single precision.
    Float32,
    /// IEEE 754, double precision.
    Float64,
}

impl Width {
    /// All of them by their letters.
    pub const LETTERS: &[(&str, Width)] = &[
        ("b", Width::Int8),
        ("B", Width::UInt8),
        ("h", Width::Int16),
        ("H", Width::UInt16),
        ("i", Width::Int32),
        ("I", Width::UInt32),
        ("q", Width::Int64),
        ("Q", Width::UInt64),
        ("f", Width::Float32),
        ("d", Width::Float64),
    ];

    pub fn from_letter(letter: &str) -> Option<Width> {
        Width::LETTERS.iter().find(|(known, _)| *known == letter).map(|(_, width)| *width)
    }

    pub const fn bytes(self) -> u32 {
        match self {
            Width::Int8 | Width::UInt8 => 1,
            Width::Int16 | Width::UInt16 => 2,
            Width::Int32 | Width::UInt32 | Width::Float32 => 4,
            Width::Int64 | Width::UInt64 | Width::Float64 => 8,
        }
    }

    pub const fn is_float(self) -> bool {
        matches!(self, Width::Float32 | Width::Float64)
    }

    /// What an element holds, given that many of its lower bits.
    pub const fn cut(self, bits: i64) -> i64 {
        match self {
            Width::Int8 => bits as i8 as i64,
            Width::UInt8 => bits as u8 as i64,
            Width::Int16 => bits as i16 as i64,
            Width::UInt16 => bits as u16 as i64,
            Width::Int32 => bits as i32 as i64,
            Width::UInt32 | Width::Float32 => bits as u32 as i64,
            Width::Int64 | Width::UInt64 | Width::Float64 => bits,
        }
    }

    /// What an element holds after a value was stored: the bits that fit, or the nearest number.
    pub const fn stored(self, value: i64) -> i64 {
        match self {
            Width::Float32 => (value as f32).to_bits() as i64,
            Width::Float64 => (value as f64).to_bits() as i64,
            Width::Int8
            | Width::UInt8
            | Width::Int16
            | Width::UInt16
            | Width::Int32
            | Width::UInt32
            | Width::Int64
            | Width::UInt64 => self.cut(value),
        }
    }

    /// What a load gives of what an element holds: a fraction is cut off, as a conversion in C does.
    pub const fn loaded(self, held: i64) -> i64 {
        match self {
            Width::Float32 => f32::from_bits(held as u32) as i64,
            Width::Float64 => f64::from_bits(held as u64) as i64,
            Width::Int8
            | Width::UInt8
            | Width::Int16
            | Width::UInt16
            | Width::Int32
            | Width::UInt32
            | Width::Int64
            | Width::UInt64 => held,
        }
    }

    /// What an element holds that begins with a number as the scenario gives it.
    pub const fn of_float(self, number: f64) -> i64 {
        match self {
            Width::Float32 => (number as f32).to_bits() as i64,
            Width::Float64 => number.to_bits() as i64,
            Width::Int8
            | Width::UInt8
            | Width::Int16
            | Width::UInt16
            | Width::Int32
            | Width::UInt32
            | Width::Int64
            | Width::UInt64 => self.cut(number as i64),
        }
    }

    /// Whether an integer can be stored as it is.
    pub fn holds(self, number: i128) -> bool {
        let (low, high): (i128, i128) = match self {
            Width::Int8 => (i8::MIN.into(), i8::MAX.into()),
            Width::UInt8 => (0, u8::MAX.into()),
            Width::Int16 => (i16::MIN.into(), i16::MAX.into()),
            Width::UInt16 => (0, u16::MAX.into()),
            Width::Int32 => (i32::MIN.into(), i32::MAX.into()),
            Width::UInt32 => (0, u32::MAX.into()),
            Width::Int64 | Width::Float32 | Width::Float64 => (i64::MIN.into(), i64::MAX.into()),
            Width::UInt64 => (0, u64::MAX.into()),
        };
        (low..=high).contains(&number)
    }

    /// What an element holds, for people: a floating-point number always has a point.
    pub fn shown(self, held: i64) -> String {
        match self {
            Width::Float32 => format!("{:?}", f32::from_bits(held as u32)),
            Width::Float64 => format!("{:?}", f64::from_bits(held as u64)),
            Width::UInt64 => (held as u64).to_string(),
            Width::Int8
            | Width::UInt8
            | Width::Int16
            | Width::UInt16
            | Width::Int32
            | Width::UInt32
            | Width::Int64 => held.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_keeps_what_fits_and_a_load_gives_it_back() {
        let through = |width: Width, value| width.loaded(width.stored(value));
        assert_eq!(through(Width::Int8, 200), -56);
        assert_eq!(through(Width::UInt8, 511), 255);
        assert_eq!(through(Width::Int16, 40_000), -25_536);
        assert_eq!(through(Width::UInt16, -1), 65_535);
        assert_eq!(through(Width::UInt32, -1), 4_294_967_295);
        assert_eq!(through(Width::UInt64, -1), -1, "programs compute with signed integers");
        assert_eq!(through(Width::Float64, 81), 81);
        assert_eq!(through(Width::Float32, 16_777_217), 16_777_216, "24 bits of precision");
    }

    #[test]
    fn a_load_cuts_a_fraction_off() {
        let loaded = |number| Width::Float64.loaded(Width::Float64.of_float(number));
        assert_eq!((loaded(2.9), loaded(-2.9)), (2, -2));
        assert_eq!((loaded(1e300), loaded(f64::NAN)), (i64::MAX, 0));
    }

    #[test]
    fn people_see_a_floating_point_number_with_its_point() {
        assert_eq!(Width::Float64.shown(Width::Float64.stored(81)), "81.0");
        assert_eq!(Width::Float32.shown(Width::Float32.of_float(0.1)), "0.1");
        assert_eq!(Width::UInt64.shown(-1), "18446744073709551615");
    }
}
