//! Rows by number: a vector for the numbers that runs have, a tree for what only a damaged trace holds.

use std::collections::BTreeMap;

/// Numbers from here on are in the tree, so that a single absurd one doesn't fill the memory.
const DENSE: usize = 1 << 16;

#[derive(Debug, Default)]
pub struct Table<T> {
    dense: Vec<T>,
    sparse: BTreeMap<usize, T>,
}

impl<T: Default> Table<T> {
    /// The row of a number, made if there was none.
    #[inline]
    pub fn row(&mut self, number: usize) -> &mut T {
        if number >= DENSE {
            return self.sparse.entry(number).or_default();
        }
        if number >= self.dense.len() {
            self.dense.resize_with(number + 1, T::default);
        }
        &mut self.dense[number]
    }

    /// All rows that were made, and those between them, by number.
    pub fn rows(&mut self) -> impl Iterator<Item = (usize, &mut T)> {
        let sparse = self.sparse.iter_mut().map(|(number, row)| (*number, row));
        self.dense.iter_mut().enumerate().chain(sparse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_by_number_and_absurd_ones_take_no_room() {
        let mut table = Table::<u64>::default();
        for number in [u32::MAX as usize, 3, DENSE, DENSE - 1] {
            *table.row(number) = number as u64;
        }
        *table.row(3) += 1;
        let rows: Vec<_> = table.rows().filter(|(_, row)| **row > 0).map(|(at, row)| (at, *row)).collect();
        assert_eq!(
            rows,
            [
                (3, 4),
                (DENSE - 1, DENSE as u64 - 1),
                (DENSE, DENSE as u64),
                (u32::MAX as usize, u32::MAX.into())
            ]
        );
        assert!(table.dense.len() <= DENSE);
    }
}
