//! Medians, percentiles, bootstrap intervals, and the distance between two distributions.
//!
//! An interval is the percentile bootstrap of the median (Efron 1979): the median of as many values
//! drawn with replacement, again and again. It assumes nothing of how the values are distributed.
//! The draws come from a stream of their own, so that the same values give the same interval.

use serde::Serialize;

use crate::random::Key;

/// So many samples are drawn for an interval.
const RESAMPLES: usize = 2_000;
/// The part of the medians that an interval leaves out on either side.
const TAIL: f64 = 0.025;

/// A median and how far it can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Estimate {
    pub median: f64,
    /// The 95 % interval.
    pub low: f64,
    pub high: f64,
    /// From how many values.
    pub n: usize,
}

impl Estimate {
    pub fn half_width(&self) -> f64 {
        (self.high - self.low) / 2.0
    }
}

/// The median with its interval; nothing without values.
pub fn estimate(values: &[f64]) -> Option<Estimate> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = middle(&sorted)?;
    let n = sorted.len();
    if sorted.first() == sorted.last() {
        return Some(Estimate { median, low: median, high: median, n });
    }
    let mut stream = Key::of_run(1).named("bootstrap").numbered(n as u64).stream();
    let mut drawn = vec![0.0; n];
    let mut medians = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        for place in &mut drawn {
            *place = sorted[stream.uniform(0, n as u64 - 1) as usize];
        }
        drawn.sort_by(f64::total_cmp);
        medians.extend(middle(&drawn));
    }
    medians.sort_by(f64::total_cmp);
    let (low, high) = (rank(&medians, TAIL)?, rank(&medians, 1.0 - TAIL)?);
    Some(Estimate { median, low, high, n })
}

/// The median of some values; between the two in the middle if their number is even.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    middle(&sorted)
}

fn middle(sorted: &[f64]) -> Option<f64> {
    let half = sorted.len() / 2;
    let upper = *sorted.get(half)?;
    if sorted.len().is_multiple_of(2) { Some(f64::midpoint(sorted[half - 1], upper)) } else { Some(upper) }
}

/// The nearest rank of a part from 0 to 1 among sorted values.
pub fn rank<T: Copy>(sorted: &[T], part: f64) -> Option<T> {
    let place = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(place.max(1) - 1).copied()
}

/// The 90th percentile beside the 10th, of sorted values. Beyond 1.5 a median says little.
pub fn spread(sorted: &[u64]) -> f64 {
    match (rank(sorted, 0.1), rank(sorted, 0.9)) {
        (Some(low), Some(high)) if low > 0 => high as f64 / low as f64,
        (Some(0), Some(high)) if high > 0 => f64::INFINITY,
        _ => 1.0,
    }
}

/// The distance of Kolmogorov and Smirnov between two sorted samples: the largest difference of
/// their distribution functions, from 0 (the same) to 1 (apart).
pub fn distance(one: &[u64], other: &[u64]) -> f64 {
    if one.is_empty() || other.is_empty() {
        return if one.len() == other.len() { 0.0 } else { 1.0 };
    }
    let (mut left, mut right, mut most) = (0, 0, 0.0_f64);
    while left < one.len() && right < other.len() {
        let at = one[left].min(other[right]);
        left += one[left..].iter().take_while(|&&value| value == at).count();
        right += other[right..].iter().take_while(|&&value| value == at).count();
        let apart = left as f64 / one.len() as f64 - right as f64 / other.len() as f64;
        most = most.max(apart.abs());
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_lies_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn an_interval_holds_its_median_and_is_the_same_each_time() {
        let values: Vec<f64> = (1..=11).map(f64::from).collect();
        let estimate = estimate(&values).unwrap();
        assert_eq!((estimate.median, estimate.n), (6.0, 11));
        // By the binomial distribution, ranks 2 or 3 to 9 or 10 are the 95 % interval of 11 values.
        assert!((2.0..=4.0).contains(&estimate.low), "{estimate:?}");
        assert!((8.0..=10.0).contains(&estimate.high), "{estimate:?}");
        assert_eq!(Some(estimate), super::estimate(&values));
    }

    #[test]
    fn values_without_dispersion_have_an_interval_without_width() {
        let estimate = estimate(&[7.0; 5]).unwrap();
        assert_eq!((estimate.low, estimate.high), (7.0, 7.0));
        assert_eq!(super::estimate(&[9.0]).unwrap().half_width(), 0.0);
    }

    #[test]
    fn a_distance_is_the_largest_difference_of_the_distribution_functions() {
        assert_eq!(distance(&[1, 2, 3, 4], &[1, 2, 3, 4]), 0.0);
        assert_eq!(distance(&[1, 2], &[3, 4]), 1.0);
        // After 2: three quarters on the left, one quarter on the right.
        assert_eq!(distance(&[1, 2, 2, 5], &[2, 5, 5, 5]), 0.5);
        assert_eq!(distance(&[10, 10, 10], &[9, 10, 10, 11]), 0.25);
        assert_eq!((distance(&[], &[]), distance(&[], &[1])), (0.0, 1.0));
    }

    #[test]
    fn a_spread_is_the_ninth_tenth_beside_the_first() {
        assert_eq!(spread(&[10, 10, 10, 10, 10, 10, 10, 10, 20, 90]), 2.0);
        assert_eq!(spread(&[5]), 1.0);
        assert_eq!(spread(&[0, 7]), f64::INFINITY);
    }
}
