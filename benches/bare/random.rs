//! Random amounts from one small generator.
//!
//! SplitMix64 (Steele, Lea, Flood 2014): the cheapest generator that is good enough here. The
//! simulator's own is dearer, because each process and purpose has a stream of its own; that is
//! part of what the comparison shows.

/// The state of a SplitMix64 generator.
pub struct Random(u64);

/// A distribution of nanoseconds.
#[derive(Clone, Copy, Debug)]
pub enum Draw {
    /// Both ends included.
    Uniform {
        low: u64,
        high: u64,
    },
    Exponential {
        mean: f64,
    },
}

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    #[inline]
    pub fn draw(&mut self, draw: Draw) -> u64 {
        match draw {
            Draw::Uniform { low, high } => {
                let range = u128::from(high - low) + 1;
                low + ((u128::from(self.next()) * range) >> 64) as u64
            }
            Draw::Exponential { mean } => (-mean * self.unit().ln()).round() as u64,
        }
    }

    /// Above 0, at most 1.
    #[inline]
    fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    #[inline]
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
