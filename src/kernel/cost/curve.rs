//! Costs that depend on a quantity: straight pieces between measured points.

use crate::time::Span;

/// A piecewise linear function from a quantity to a time. Without points it costs nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Curve {
    /// In ascending order of the quantity, none of which comes twice.
    points: Vec<(u64, Span)>,
}

impl Curve {
    /// None if the quantities don't ascend.
    pub fn new(points: Vec<(u64, Span)>) -> Option<Curve> {
        points.is_sorted_by(|one, other| one.0 < other.0).then_some(Curve { points })
    }

    /// The same with all times multiplied.
    pub fn times(&self, factor: f64) -> Curve {
        Curve { points: self.points.iter().map(|&(at, time)| (at, time.times(factor))).collect() }
    }

    pub const fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// The time for so much: from (0, 0) through the points, and beyond the last as the last piece
    /// goes; never negative, rounded up to the nanosecond.
    pub fn from_origin(&self, quantity: u64) -> Span {
        let Some(last) = self.points.len().checked_sub(1) else { return Span::ZERO };
        if quantity == 0 {
            return Span::ZERO;
        }
        let end = self.points.partition_point(|point| point.0 < quantity).min(last);
        let origin = (0, Span::ZERO);
        let start = end.checked_sub(1).map_or(origin, |start| self.points[start]);
        // A first point at zero leaves no piece before it.
        if start.0 == self.points[end].0 {
            self.points[end].1
        } else {
            on_line(start, self.points[end], quantity)
        }
    }

    /// The longest time of all points.
    pub fn greatest(&self) -> Span {
        self.points.iter().map(|point| point.1).max().unwrap_or(Span::ZERO)
    }

    /// The time for so much: linear between the points, and as at the nearest one outside of them.
    pub fn within_points(&self, quantity: u64) -> Span {
        let end = self.points.partition_point(|point| point.0 < quantity);
        match (end.checked_sub(1).map(|start| self.points[start]), self.points.get(end)) {
            (Some(start), Some(&end)) => on_line(start, end, quantity),
            (None, Some(point)) => point.1,
            (Some(point), None) => point.1,
            (None, None) => Span::ZERO,
        }
    }
}

/// The time on the straight line through two points.
fn on_line(start: (u64, Span), end: (u64, Span), quantity: u64) -> Span {
    let along = i128::from(quantity) - i128::from(start.0);
    let whole = i128::from(end.0) - i128::from(start.0);
    let rise = i128::from(end.1.as_nanos()) - i128::from(start.1.as_nanos());
    // Two factors of 64 bits each can leave 127 bits; no such machine was ever measured.
    let part = rise.saturating_mul(along);
    let rounded_up = part.div_euclid(whole) + i128::from(part.rem_euclid(whole) != 0);
    let time = (i128::from(start.1.as_nanos()) + rounded_up).clamp(0, i128::from(u64::MAX));
    Span::from_nanos(time as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(points: &[(u64, u64)]) -> Curve {
        Curve::new(points.iter().map(|&(x, y)| (x, Span::from_nanos(y))).collect()).unwrap()
    }

    #[test]
    fn a_copy_follows_the_pieces_from_nothing_to_beyond_the_last_point() {
        let copy = curve(&[(100, 50), (1_100, 150)]);
        let at = |bytes| copy.from_origin(bytes).as_nanos();
        assert_eq!(at(0), 0);
        assert_eq!(at(10), 5);
        assert_eq!(at(11), 6, "5.5 ns, rounded up");
        assert_eq!(at(100), 50);
        assert_eq!(at(600), 100);
        assert_eq!(at(2_100), 250, "0.1 ns a byte, as in the last piece");
        assert_eq!(curve(&[(1, 101)]).from_origin(2).as_nanos(), 202);
        assert_eq!(Curve::default().from_origin(5), Span::ZERO);
    }

    #[test]
    fn a_falling_last_piece_never_becomes_negative() {
        let noisy = curve(&[(10, 100), (20, 50)]);
        assert_eq!(noisy.from_origin(15).as_nanos(), 75);
        assert_eq!(noisy.from_origin(1_000), Span::ZERO);
    }

    #[test]
    fn outside_of_its_points_a_distance_costs_what_the_nearest_one_does() {
        let cold = curve(&[(2, 10), (8, 610)]);
        let at = |distance| cold.within_points(distance).as_nanos();
        assert_eq!([at(0), at(2), at(5), at(8), at(1_000)], [10, 10, 310, 610, 610]);
        assert_eq!(Curve::default().within_points(5), Span::ZERO);
    }

    #[test]
    fn points_that_do_not_ascend_are_no_curve() {
        assert_eq!(Curve::new(vec![(2, Span::TICK), (2, Span::ZERO)]), None);
        assert_eq!(Curve::new(vec![(3, Span::TICK), (2, Span::ZERO)]), None);
    }
}
