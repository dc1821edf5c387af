//! Sets of bytes: ranges that don't touch each other, in order.

use std::collections::BTreeMap;
use std::ops::Range;

/// A set of bytes of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges {
    /// The end of each range, by its beginning.
    ends: BTreeMap<u64, u64>,
}

impl Ranges {
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many bytes there are.
    pub fn total(&self) -> u64 {
        self.iter().map(|range| range.end - range.start).sum()
    }

    pub fn iter(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.ends.iter().map(|(&start, &end)| start..end)
    }

    pub fn add(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let (mut start, mut end) = (range.start, range.end);
        // Whatever touches it becomes one with it.
        while let Some((&before, &until)) = self.ends.range(..=end).next_back()
            && until >= start
        {
            start = start.min(before);
            end = end.max(until);
            self.ends.remove(&before);
        }
        self.ends.insert(start, end);
    }

    /// Takes out what lies in the range.
    pub fn take(&mut self, range: Range<u64>) -> Ranges {
        let mut taken = Ranges::default();
        if range.is_empty() {
            return taken;
        }
        while let Some((&start, &end)) = self.ends.range(..range.end).next_back()
            && end > range.start
        {
            self.ends.remove(&start);
            if end > range.end {
                self.ends.insert(range.end, end);
            }
            taken.ends.insert(start.max(range.start), end.min(range.end));
            if start < range.start {
                self.ends.insert(start, range.start);
            }
        }
        taken
    }

    /// Puts in all of another set.
    pub fn join(&mut self, other: &Ranges) {
        for range in other.iter() {
            self.add(range);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranges_do_what_a_row_of_marks_does(
            deeds in proptest::collection::vec((any::<bool>(), 0..40_u64, 0..12_u64), 0..60),
        ) {
            let (mut ranges, mut marks) = (Ranges::default(), [false; 64]);
            for (adds, start, length) in deeds {
                let range = start..start + length;
                let slots = start as usize..(start + length) as usize;
                if adds {
                    ranges.add(range);
                } else {
                    let marked = marks[slots.clone()].iter().filter(|&&mark| mark).count();
                    prop_assert_eq!(ranges.take(range).total(), marked as u64);
                }
                marks[slots].fill(adds);
                let covered: Vec<u64> = ranges.iter().flatten().collect();
                let marked: Vec<u64> = (0..64).filter(|&byte| marks[byte as usize]).collect();
                prop_assert_eq!(covered, marked);
                let apart = ranges.iter().zip(ranges.iter().skip(1)).all(|(one, next)| one.end < next.start);
                prop_assert!(apart, "{:?}", ranges);
            }
        }
    }
}
