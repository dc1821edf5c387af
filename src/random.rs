//! Random numbers that are the same on every machine: one stream for each process and purpose.
//!
//! A stream is a PCG-64 generator (O'Neill 2014; 16 bytes of state, so that a million sleeping
//! processes can have their own), seeded by a [`Key`]. Keys are derived from the run's seed and
//! from names, never from numbers given at run time, so that adding a process to a scenario
//! doesn't change what the others draw.

use rand::RngExt;
use rand_distr::{Distribution, Exp1, StandardNormal};
use rand_pcg::Pcg64Mcg;

use crate::time::Span;

/// What a stream is seeded with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(u64);

/// The output function of SplitMix64 (Steele, Lea, Flood 2014): every bit depends on every other.
const fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl Key {
    /// The key that all others of a run come from.
    pub const fn of_run(seed: u64) -> Key {
        Key(mix(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)))
    }

    /// The key as a number, for a process that becomes another program.
    pub const fn seed(self) -> u64 {
        self.0
    }

    /// The key that [`seed`](Self::seed) gave.
    pub const fn from_seed(seed: u64) -> Key {
        Key(seed)
    }

    /// The key of something with this name.
    pub fn named(self, name: &str) -> Key {
        // FNV-1a, then mixed: short names differ in all bits.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Key(mix(self.0 ^ mix(hash)))
    }

    /// The key of the `number`th of several.
    pub const fn numbered(self, number: u64) -> Key {
        Key(mix(self.0.wrapping_add(mix(number.wrapping_add(1)))))
    }

    pub fn stream(self) -> Stream {
        Stream(Pcg64Mcg::new((u128::from(mix(self.0)) << 64) | u128::from(self.0)))
    }
}

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Stream(Pcg64Mcg);

impl Stream {
    /// Every whole number from `low` to `high`, both included; `low` if the bounds are the wrong way round.
    pub fn uniform(&mut self, low: u64, high: u64) -> u64 {
        if low >= high { low } else { self.0.random_range(low..=high) }
    }

    pub fn exponential(&mut self, mean: f64) -> u64 {
        let sample: f64 = Exp1.sample(&mut self.0);
        whole(sample * mean)
    }

    /// Cut off at zero.
    pub fn normal(&mut self, mean: f64, deviation: f64) -> u64 {
        let sample: f64 = StandardNormal.sample(&mut self.0);
        whole(sample.mul_add(deviation, mean))
    }

    /// A Pareto distribution by inversion; `scale` is the least value.
    pub fn pareto(&mut self, scale: f64, shape: f64) -> u64 {
        let uniform: f64 = 1.0 - self.0.random::<f64>();
        whole(scale * libm::pow(uniform, -1.0 / shape))
    }

    pub fn exponential_span(&mut self, mean: Span) -> Span {
        Span::from_nanos(self.exponential(mean.as_nanos() as f64))
    }

    pub fn uniform_span(&mut self, low: Span, high: Span) -> Span {
        Span::from_nanos(self.uniform(low.as_nanos(), high.as_nanos()))
    }
}

/// The nearest whole number, at least zero. The conversion saturates.
fn whole(value: f64) -> u64 {
    libm::round(value) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_gives_the_same_numbers_and_another_name_gives_others() {
        let draw = |key: Key| {
            let mut stream = key.stream();
            [0; 4].map(|_| stream.uniform(0, 1_000_000))
        };
        let run = Key::of_run(1);
        assert_eq!(draw(run.named("a")), draw(run.named("a")));
        assert_ne!(draw(run.named("a")), draw(run.named("b")));
        assert_ne!(draw(run.named("a")), draw(Key::of_run(2).named("a")));
        assert_ne!(draw(run.numbered(0)), draw(run.numbered(1)));
    }

    #[test]
    fn exponential_times_have_the_mean_that_was_asked_for() {
        let mut stream = Key::of_run(7).stream();
        let total: u64 = (0..100_000).map(|_| stream.exponential(1_000.0)).sum();
        let mean = total as f64 / 100_000.0;
        assert!((980.0..1_020.0).contains(&mean), "{mean}");
    }
}
