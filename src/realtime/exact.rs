//! Sums of fractions without rounding: whether a utilisation is at most 1 must not depend on the last
//! digit of a floating-point number.
//!
//! 1/2 + 1/3 + 1/6 is exactly 1, and a task set with that utilisation can be scheduled. A common
//! denominator of many periods doesn't fit into a machine word, so numbers grow as they must.

use std::cmp::Ordering;

/// A number of any size: digits to the base 2^64, the lowest first, none of value zero at the top.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Natural(Vec<u64>);

impl Natural {
    fn from(number: u64) -> Natural {
        Natural(if number == 0 { Vec::new() } else { vec![number] })
    }

    fn times(&self, factor: u64) -> Natural {
        let mut digits = Vec::with_capacity(self.0.len() + 1);
        let mut carry = 0;
        for &digit in &self.0 {
            let product = u128::from(digit) * u128::from(factor) + carry;
            digits.push(product as u64);
            carry = product >> 64;
        }
        digits.push(carry as u64);
        Natural(digits).trimmed()
    }

    fn plus(&self, other: &Natural) -> Natural {
        let (long, short) = if self.0.len() >= other.0.len() { (self, other) } else { (other, self) };
        let mut digits = Vec::with_capacity(long.0.len() + 1);
        let mut carry = false;
        for (place, &digit) in long.0.iter().enumerate() {
            let (sum, first) = digit.overflowing_add(short.0.get(place).copied().unwrap_or(0));
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            digits.push(sum);
            carry = first || second;
        }
        digits.push(u64::from(carry));
        Natural(digits).trimmed()
    }

    /// The difference to a number that isn't greater.
    fn minus(&self, other: &Natural) -> Natural {
        let mut digits = Vec::with_capacity(self.0.len());
        let mut borrow = false;
        for (place, &digit) in self.0.iter().enumerate() {
            let (rest, first) = digit.overflowing_sub(other.0.get(place).copied().unwrap_or(0));
            let (rest, second) = rest.overflowing_sub(u64::from(borrow));
            digits.push(rest);
            borrow = first || second;
        }
        Natural(digits).trimmed()
    }

    fn trimmed(mut self) -> Natural {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
        self
    }
}

impl Ord for Natural {
    fn cmp(&self, other: &Natural) -> Ordering {
        let digits = || self.0.iter().rev().cmp(other.0.iter().rev());
        self.0.len().cmp(&other.0.len()).then_with(digits)
    }
}

impl PartialOrd for Natural {
    fn partial_cmp(&self, other: &Natural) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A fraction that isn't negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fraction {
    numerator: Natural,
    denominator: Natural,
}

impl Fraction {
    pub fn whole(number: u64) -> Fraction {
        Fraction { numerator: Natural::from(number), denominator: Natural::from(1) }
    }

    /// With `numerator/denominator` added; the denominator isn't zero.
    #[must_use]
    pub fn plus(&self, numerator: u64, denominator: u64) -> Fraction {
        let common = gcd(numerator, denominator);
        let (numerator, denominator) = (numerator / common, denominator / common);
        let own = self.numerator.times(denominator);
        Fraction {
            numerator: own.plus(&self.denominator.times(numerator)),
            denominator: self.denominator.times(denominator),
        }
    }

    /// So many times as much.
    #[must_use]
    pub fn times(&self, numerator: u64, denominator: u64) -> Fraction {
        Fraction {
            numerator: self.numerator.times(numerator),
            denominator: self.denominator.times(denominator),
        }
    }

    pub fn compare_to(&self, whole: u64) -> Ordering {
        self.numerator.cmp(&self.denominator.times(whole))
    }

    pub fn is_at_most(&self, whole: u64) -> bool {
        self.compare_to(whole) != Ordering::Greater
    }

    /// In so many binary places, rounded down, and whether something was cut off. At most 64 bits of
    /// the result are kept before the point.
    pub fn binary(&self, places: u32) -> (u128, bool) {
        let mut rest = self.numerator.clone();
        // The whole part, by doubling the denominator as far as it fits.
        let mut steps = vec![self.denominator.clone()];
        while steps.len() < 64 && steps.last().is_some_and(|step| step.times(2) <= rest) {
            let next = steps.last().map_or_else(Natural::default, |step| step.times(2));
            steps.push(next);
        }
        let mut result = 0_u128;
        let mut take = |rest: &mut Natural, step: &Natural| {
            result *= 2;
            if *rest >= *step {
                *rest = rest.minus(step);
                result += 1;
            }
        };
        for step in steps.iter().rev() {
            take(&mut rest, step);
        }
        for _ in 0..places {
            rest = rest.times(2);
            take(&mut rest, &self.denominator);
        }
        (result, rest != Natural::default())
    }

    /// For people: never the basis of a decision.
    pub fn approximate(&self) -> f64 {
        self.binary(50).0 as f64 / (1_u64 << 50) as f64
    }
}

/// The greatest number that divides both; 1 if both are zero.
pub fn gcd(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

/// The least common multiple; none if it doesn't fit.
pub fn lcm(numbers: impl IntoIterator<Item = u128>) -> Option<u128> {
    numbers.into_iter().try_fold(1_u128, |so_far, number| {
        let (mut a, mut b) = (so_far, number);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        (so_far / a.max(1)).checked_mul(number)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(parts: &[(u64, u64)]) -> Fraction {
        parts
            .iter()
            .fold(Fraction::whole(0), |sum, &(numerator, denominator)| sum.plus(numerator, denominator))
    }

    #[test]
    fn a_sum_that_is_exactly_one_is_neither_more_nor_less() {
        assert_eq!(sum(&[(1, 2), (1, 3), (1, 6)]).compare_to(1), Ordering::Equal);
        let tenths = vec![(1, 10); 10];
        assert_eq!(sum(&tenths).compare_to(1), Ordering::Equal, "ten times 0.1 isn't 1.0 as floating point");
    }

    #[test]
    fn the_least_excess_over_one_is_seen_among_huge_periods() {
        let huge = (1 << 62) - 57;
        let parts = [(huge - 1, huge), (1, huge), (1, (1 << 62) - 87)];
        assert!(!sum(&parts).is_at_most(1));
        assert!(sum(&parts[..2]).is_at_most(1));
        assert_eq!(sum(&parts[..1]).compare_to(1), Ordering::Less);
    }

    #[test]
    fn a_fraction_in_binary_is_rounded_down() {
        assert_eq!(sum(&[(1, 3)]).binary(4), (0b101, true), "0.0101 and a rest");
        assert_eq!(sum(&[(22, 8)]).binary(2), (0b1011, false));
        assert_eq!(sum(&[(0, 5)]).binary(8), (0, false));
        assert!((sum(&[(617, 100)]).approximate() - 6.17).abs() < 1e-12);
    }

    #[test]
    fn many_digits_carry_and_borrow() {
        let big = Natural(vec![u64::MAX, u64::MAX, 1]);
        let one = Natural::from(1);
        let more = big.plus(&one);
        assert_eq!(more, Natural(vec![0, 0, 2]));
        assert_eq!(more.minus(&one), big);
        assert_eq!(big.times(2), big.plus(&big));
        assert!(big < more);
    }
}
