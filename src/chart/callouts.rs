//! Texts above a thread's bar for what the kernel does in pieces too narrow for a text inside.

use plotters::prelude::DrawingBackend;

use super::ChartError;
use super::arrows::Arrows;
use super::canvas::{Anchor, Canvas};
use super::columns::Paint;
use super::font::{Weight, width};
use super::labels::{Ground, Namer, Names, choose};
use super::layout::{INSIDE, Layout, MARGIN, Place};
use super::timeline::Timeline;

/// Between a bar and the middle of a text above it.
pub const ABOVE: i32 = 9;
/// Between two texts.
const APART: i32 = 4;
/// A row with more narrow pieces than this has none of them named: a few would mislead.
const MOST: usize = 40;

/// What stands above each thread's bar, as intervals of pixels.
pub struct Above {
    rows: Vec<Vec<(i32, i32)>>,
}

impl Above {
    pub fn new(rows: usize) -> Above {
        Above { rows: vec![Vec::new(); rows] }
    }

    /// Arrows that pass above a bar, or begin or end at its upper edge.
    pub fn take_arrows(&mut self, arrows: &Arrows, layout: &Layout) {
        for (x, top, bottom) in arrows.columns() {
            for (row, place) in self.rows.iter_mut().zip(&layout.threads) {
                if top < place.top - 1 && bottom > place.top - 2 * ABOVE {
                    row.push((x - APART - 2, x + APART + 2));
                }
            }
        }
    }

    pub fn is_free(&self, row: usize, (left, right): (i32, i32)) -> bool {
        self.rows[row].iter().all(|&(begin, end)| right <= begin || left >= end)
    }

    pub fn take(&mut self, row: usize, interval: (i32, i32)) {
        self.rows[row].push(interval);
    }
}

/// A narrow piece: its middle, what could be said of it, and which of that is said, if there is room.
struct Callout {
    x: i32,
    texts: Vec<String>,
    said: Option<usize>,
}

impl Timeline<'_> {
    pub(super) fn draw_callouts<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
        above: &Above,
    ) -> Result<(), ChartError> {
        for (row, &place) in self.layout.threads.iter().enumerate() {
            let mut callouts = self.narrow_pieces(row);
            if callouts.len() > MOST {
                continue;
            }
            // Every piece gets few words before any gets more.
            for shortest in [true, false] {
                for number in 0..callouts.len() {
                    let texts = &callouts[number].texts;
                    let last = texts.len() - 1;
                    let upto = if shortest { 0 } else { callouts[number].said.unwrap_or(0) };
                    let mut tried = if shortest { last..=last } else { 0..=upto };
                    let said = tried.find(|&text| self.has_room(&callouts, number, text, row, above));
                    callouts[number].said = said.or(callouts[number].said);
                }
            }
            for callout in &callouts {
                self.draw_callout(canvas, callout, place)?;
            }
        }
        Ok(())
    }

    /// The pieces of kernel work in a row that have no text inside.
    fn narrow_pieces(&self, row: usize) -> Vec<Callout> {
        let Some(lane) = self.rows.threads[row].alone() else {
            return Vec::new();
        };
        let namer = Namer { header: self.header, lanes: self.lanes, wordy: true, names: Names::Below };
        let mut callouts = Vec::new();
        for &(left, right, paint, span) in &self.threads[row].blocks {
            let kernel = match paint {
                Paint::Kernel | Paint::Fault | Paint::Interrupt | Paint::Deferred => true,
                Paint::User | Paint::Switch | Paint::Ready | Paint::Blocked | Paint::Idle => false,
            };
            let texts = namer.thread_texts(self.lanes.threads[lane].spans[span].state);
            if kernel && !texts.is_empty() && choose(&texts, left, right, 0, Ground::Plain).is_none() {
                callouts.push(Callout { x: (left + right) / 2, texts, said: None });
            }
        }
        callouts
    }

    fn has_room(&self, callouts: &[Callout], number: usize, text: usize, row: usize, above: &Above) -> bool {
        let wanted = self.interval(&callouts[number], text);
        let others = callouts.iter().enumerate().filter(|&(other, _)| other != number);
        let mut taken = others.filter_map(|(_, other)| other.said.map(|said| self.interval(other, said)));
        above.is_free(row, wanted) && taken.all(|(begin, end)| wanted.1 <= begin || wanted.0 >= end)
    }

    /// Where one of a callout's texts would stand, with some room around it.
    fn interval(&self, callout: &Callout, text: usize) -> (i32, i32) {
        let wide = width(&callout.texts[text], INSIDE, Weight::Regular).ceil() as i32 + APART;
        let rightmost = self.layout.width - MARGIN / 2 - wide;
        let left = (callout.x - wide / 2).clamp(self.layout.left, rightmost.max(self.layout.left));
        (left, left + wide)
    }

    fn draw_callout<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
        callout: &Callout,
        place: Place,
    ) -> Result<(), ChartError> {
        let Some(said) = callout.said else {
            return Ok(());
        };
        let (left, right) = self.interval(callout, said);
        let y = place.top - ABOVE;
        canvas.rect((left, y - 6), (right - left, 12), self.palette.background)?;
        let set = self.set(INSIDE, Weight::Regular, self.palette.muted);
        canvas.text(&callout.texts[said], ((left + right) / 2, y), Anchor::Centre, set)
    }
}
