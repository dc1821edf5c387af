//! Tests by utilisation: a look at the sum tells what a proof for all sets of that sum has shown.
//!
//! - C. L. Liu, J. W. Layland, "Scheduling algorithms for multiprogramming in a hard-real-time
//!   environment", JACM 20(1), 1973: n(2^(1/n) - 1) for rate-monotonic priorities, 1 for EDF
//! - E. Bini, G. Buttazzo, G. Buttazzo, "Rate monotonic analysis: the hyperbolic bound", IEEE TC 52(7),
//!   2003: the product of all U + 1 is at most 2
//! - J. Goossens, S. Funk, S. Baruah, "Priority-driven scheduling of periodic task systems on
//!   multiprocessors", Real-Time Systems 25, 2003: global EDF on m CPUs. For deadlines other than the
//!   periods it is stated with densities (M. Bertogna, M. Cirinei, G. Lipari, ECRTS 2005).
//!
//! The two bounds of fixed priorities are for independent tasks whose deadlines are their periods.

use std::cmp::Ordering;

use super::exact::Fraction;
use super::task::TaskSet;

/// Binary places of what is computed in fixed point.
const PLACES: u32 = 60;
const ONE: u128 = 1 << PLACES;

/// Whether the utilisation is at most n(2^(1/n) - 1).
///
/// It is if (1 + U/n)^n is at most 2. The bound is irrational but for one task, and U isn't, so rounding up
/// never turns a right answer into a wrong one; it could only miss sets closer to the bound than 2^-40.
pub fn liu_layland(set: &TaskSet) -> bool {
    let utilisation = set.utilisation();
    if !utilisation.is_at_most(1) {
        return false;
    }
    let count = set.tasks.len().max(1) as u128;
    let (floor, inexact) = utilisation.binary(PLACES);
    let ceiling = floor + u128::from(inexact);
    let factor = ONE + ceiling.div_ceil(count);
    let mut power = ONE;
    for _ in 0..count {
        // Both are at most 2, so that the product has 122 bits.
        power = (power * factor).div_ceil(ONE);
        if power > 2 * ONE {
            return false;
        }
    }
    true
}

/// Liu and Layland's bound for so many tasks, to be shown.
pub fn liu_layland_bound(count: usize) -> f64 {
    let count = count.max(1) as f64;
    count * (libm::pow(2.0, 1.0 / count) - 1.0)
}

/// The product of all U + 1.
pub fn hyperbolic_product(set: &TaskSet) -> Fraction {
    set.tasks.iter().fold(Fraction::whole(1), |product, task| {
        let (wcet, period) = (task.wcet.as_nanos(), task.period.as_nanos());
        // Both are at most 2^62.
        product.times(wcet + period, period)
    })
}

/// Whether that product is at most 2.
pub fn hyperbolic(set: &TaskSet) -> bool {
    hyperbolic_product(set).is_at_most(2)
}

/// Whether global EDF on so many CPUs is sure to meet all deadlines: the sum of the densities is at most
/// m - (m - 1) of the greatest one. That it isn't says nothing.
pub fn global_edf(set: &TaskSet, cpus: u16) -> bool {
    let density = |index: usize| {
        let task = &set.tasks[index];
        (task.wcet.as_nanos(), task.deadline.min(task.period).as_nanos())
    };
    let greatest = (0..set.tasks.len()).map(density).max_by(|a, b| compare(*a, *b));
    let Some((numerator, denominator)) = greatest else { return true };
    if numerator > denominator {
        return false;
    }
    let others = u64::from(cpus) - 1;
    let left = (0..others).fold(set.density(), |sum, _| sum.plus(numerator, denominator));
    left.is_at_most(u64::from(cpus))
}

/// Which of two fractions is greater.
pub(super) fn compare(one: (u64, u64), other: (u64, u64)) -> Ordering {
    let product = |a: u64, b: u64| u128::from(a) * u128::from(b);
    product(one.0, other.1).cmp(&product(other.0, one.1))
}
