//! An event counter: a 64-bit number that writes add to and reads take. Model: eventfd(2), fs/eventfd.c.

use crate::errno::Errno;
use crate::kernel::readiness::Readiness;

/// The most that a counter can hold.
const MOST: u64 = u64::MAX - 1;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    pub value: u64,
    /// A read takes one instead of all (EFD_SEMAPHORE).
    pub semaphore: bool,
}

impl Counter {
    /// Takes all, or one; none if it is zero.
    pub fn take(&mut self) -> Option<u64> {
        let taken = if self.semaphore { self.value.min(1) } else { self.value };
        self.value -= taken;
        (taken > 0).then_some(taken)
    }

    /// Adds to it; false if there is no room. EINVAL for the number that it can never hold.
    pub fn add(&mut self, more: u64) -> Result<bool, Errno> {
        if more > MOST {
            return Err(Errno::EINVAL);
        }
        let fits = more <= MOST - self.value;
        if fits {
            self.value += more;
        }
        Ok(fits)
    }

    pub const fn readiness(self) -> Readiness {
        Readiness { readable: self.value > 0, writable: self.value < MOST, hung_up: false, error: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_takes_all_or_as_a_semaphore_one() {
        let mut counter = Counter { value: 3, semaphore: false };
        assert_eq!((counter.take(), counter.take()), (Some(3), None));
        let mut counter = Counter { value: 2, semaphore: true };
        assert_eq!((counter.take(), counter.take(), counter.take()), (Some(1), Some(1), None));
    }

    #[test]
    fn it_holds_at_most_two_less_than_two_to_the_64() {
        let mut counter = Counter::default();
        assert_eq!(counter.add(u64::MAX), Err(Errno::EINVAL));
        assert_eq!(counter.add(u64::MAX - 2), Ok(true));
        assert!(counter.readiness().writable);
        assert_eq!(counter.add(2), Ok(false));
        assert_eq!(counter.add(1), Ok(true));
        assert!(!counter.readiness().writable);
    }
}
