//! What one CPU or one thread did, cell by cell.

use crate::chart::columns::Paint;
use crate::ids::Tid;
use crate::time::Span;

/// The most cells of a strip; at least half as many are in use once a run is long enough.
pub const CELLS: usize = 1024;

/// Who had the CPU in a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Who {
    #[default]
    Nobody,
    One(Tid),
    Several,
}

impl Who {
    pub fn and(self, other: Who) -> Who {
        match (self, other) {
            (Who::Nobody, who) | (who, Who::Nobody) => who,
            (Who::One(one), Who::One(other)) if one == other => self,
            (Who::One(_) | Who::Several, Who::One(_) | Who::Several) => Who::Several,
        }
    }
}

/// A piece of time: how much of it went into what.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cell {
    /// In nanoseconds, by [`Paint`].
    pub times: [u64; Paint::ALL.len()],
    pub who: Who,
    /// Whether a deadline was missed in it.
    pub missed: bool,
}

impl Cell {
    fn join(&mut self, other: &Cell) {
        self.times.iter_mut().zip(other.times).for_each(|(time, other)| *time += other);
        self.who = self.who.and(other.who);
        self.missed |= other.missed;
    }
}

/// The cells of one lane, from the beginning of what is shown.
#[derive(Clone, Debug, Default)]
pub struct Strip {
    pub cells: Vec<Cell>,
}

impl Strip {
    /// Spreads a piece of time, counted from the beginning of what is shown, over its cells.
    pub fn add(&mut self, paint: Paint, who: Who, from: Span, to: Span, cell: Span) {
        let (from, to, cell) = (from.as_nanos(), to.as_nanos(), cell.as_nanos());
        let (first, last) = (from / cell, (to - 1) / cell);
        self.reach(last as usize);
        for place in first..=last {
            let (begin, end) = (from.max(place * cell), to.min((place * cell).saturating_add(cell)));
            let into = &mut self.cells[place as usize];
            into.times[paint as usize] += end - begin;
            into.who = into.who.and(who);
        }
    }

    pub fn miss(&mut self, place: usize) {
        self.reach(place);
        self.cells[place].missed = true;
    }

    /// Each two cells become one.
    pub fn halve(&mut self) {
        let pairs = self.cells.chunks(2).map(|pair| {
            let mut joined = pair[0];
            pair[1..].iter().for_each(|second| joined.join(second));
            joined
        });
        self.cells = pairs.collect();
    }

    fn reach(&mut self, place: usize) {
        if self.cells.len() <= place {
            self.cells.resize(place + 1, Cell::default());
        }
    }
}
