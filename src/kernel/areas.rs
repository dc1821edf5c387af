//! What a process may do with its pages where that differs from what the scenario begins with: the areas
//! of its address space that it has mapped, unmapped or protected itself.

use crate::ids::PageNumber;

/// What may be done with a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rights {
    /// Nothing is mapped there.
    Unmapped,
    /// Something is mapped, but no access is allowed (PROT_NONE).
    Nothing,
    Read,
    Write,
}

/// Areas with their rights, in order and without overlaps.
#[derive(Clone, Debug, Default)]
pub struct Areas {
    pieces: Vec<Piece>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    first: u32,
    end: u32,
    rights: Rights,
}

impl Areas {
    /// The rights that a page was given; none if it is as at the beginning.
    pub fn get(&self, page: PageNumber) -> Option<Rights> {
        let after = self.pieces.partition_point(|piece| piece.first <= page.0);
        let piece = self.pieces[..after].last()?;
        (page.0 < piece.end).then_some(piece.rights)
    }

    /// Gives the pages from `first` up to `end` these rights, whatever they had.
    pub fn set(&mut self, first: PageNumber, end: u32, rights: Rights) {
        let first = first.0;
        if first >= end {
            return;
        }
        let mut pieces = Vec::with_capacity(self.pieces.len() + 2);
        for &piece in &self.pieces {
            if piece.first < first {
                pieces.push(Piece { end: piece.end.min(first), ..piece });
            }
            if piece.end > end {
                pieces.push(Piece { first: piece.first.max(end), ..piece });
            }
        }
        pieces.push(Piece { first, end, rights });
        pieces.sort_by_key(|piece| piece.first);
        self.pieces = pieces;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_area_cuts_into_earlier_ones() {
        let mut areas = Areas::default();
        areas.set(PageNumber(10), 20, Rights::Write);
        areas.set(PageNumber(14), 16, Rights::Read);
        areas.set(PageNumber(18), 25, Rights::Unmapped);
        let rights = |page| areas.get(PageNumber(page));
        assert_eq!([rights(9), rights(25)], [None, None]);
        assert_eq!([rights(10), rights(13), rights(16), rights(17)], [Some(Rights::Write); 4]);
        assert_eq!([rights(14), rights(15)], [Some(Rights::Read); 2]);
        assert_eq!([rights(18), rights(24)], [Some(Rights::Unmapped); 2]);
    }
}
