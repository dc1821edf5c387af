//! Times drawn from a measured distribution, which its quantiles give.

use crate::random::Stream;
use crate::time::Span;

/// How fine a share is: it is counted in parts of this.
const PARTS: u32 = 1_000_000_000;

/// A quantile function: linear between its points, constant outside of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantiles {
    /// What share of all times (in billionths) is at most this long; both ascend, and there is one
    /// point at least.
    points: Vec<(u32, Span)>,
}

impl Quantiles {
    /// From shares between 0 and 1. None without a point, if a share isn't one, or if shares or times
    /// don't ascend.
    pub fn new(points: &[(f64, Span)]) -> Option<Quantiles> {
        let is_share = |share: &f64| (0.0..=1.0).contains(share);
        let in_order = points.is_sorted_by(|one, other| one.0 < other.0 && one.1 <= other.1);
        if points.is_empty() || !in_order || !points.iter().all(|(share, _)| is_share(share)) {
            return None;
        }
        // A share is from 0 to 1, so that the parts fit.
        let parts = |share: f64| libm::round(share * f64::from(PARTS)) as u32;
        Some(Quantiles { points: points.iter().map(|&(share, time)| (parts(share), time)).collect() })
    }

    pub fn draw(&self, stream: &mut Stream) -> Span {
        self.at(stream.uniform(0, u64::from(PARTS)) as u32)
    }

    /// The time that so many billionths of all times don't exceed.
    fn at(&self, share: u32) -> Span {
        let end = self.points.partition_point(|point| point.0 < share);
        let (Some(start), Some(end)) =
            (end.checked_sub(1).map(|start| self.points[start]), self.points.get(end))
        else {
            let nearest = if end == 0 { self.points.first() } else { self.points.last() };
            return nearest.map_or(Span::ZERO, |point| point.1);
        };
        let rise = u128::from((end.1 - start.1).as_nanos());
        let part = rise * u128::from(share - start.0) / u128::from((end.0 - start.0).max(1));
        // A part of a rise of 64 bits.
        start.1 + Span::from_nanos(part as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Key;

    fn span(nanos: u64) -> Span {
        Span::from_nanos(nanos)
    }

    #[test]
    fn shares_between_points_lie_on_a_line() {
        let quantiles = Quantiles::new(&[(0.0, span(100)), (0.5, span(200)), (0.9, span(1_000))]).unwrap();
        let at = |share| quantiles.at(share).as_nanos();
        assert_eq!([at(0), at(250_000_000), at(500_000_000)], [100, 150, 200]);
        assert_eq!(at(700_000_000), 600);
        assert_eq!(at(PARTS), 1_000, "constant beyond the last point");
    }

    #[test]
    fn draws_have_the_median_that_the_points_give() {
        let quantiles = Quantiles::new(&[(0.0, span(0)), (0.5, span(100)), (1.0, span(10_000))]).unwrap();
        let mut stream = Key::of_run(1).stream();
        let short = (0..10_000).filter(|_| quantiles.draw(&mut stream) <= span(100)).count();
        assert!((4_800..5_200).contains(&short), "{short}");
    }

    #[test]
    fn what_is_no_distribution_is_refused() {
        assert_eq!(Quantiles::new(&[]), None);
        assert_eq!(Quantiles::new(&[(1.5, span(1))]), None);
        assert_eq!(Quantiles::new(&[(0.5, span(1)), (0.5, span(2))]), None);
        assert_eq!(Quantiles::new(&[(0.1, span(2)), (0.5, span(1))]), None);
    }
}
