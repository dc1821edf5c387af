//! The rows of the interrupt lines: raised, still waiting, raised again, recognised.

use plotters::prelude::DrawingBackend;

use crate::time::Instant;

use super::ChartError;
use super::canvas::{Anchor, Canvas};
use super::font::{Weight, width};
use super::layout::{INSIDE, Place};
use super::rows::VectorRow;
use super::timeline::Timeline;
use super::units::time;

/// Half the height of an edge's tick; a recognition's has the row's whole height.
const EDGE: i32 = 4;
/// Ticks without a gap between them are one bar.
const TOUCHING: i32 = 3;

impl Timeline<'_> {
    /// A short tick for each edge, a pale bar while the line waits, a tall tick where the CPU
    /// recognises it.
    pub(super) fn draw_interrupts<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
        row: &VectorRow,
        place: Place,
    ) -> Result<(), ChartError> {
        let right = self.layout.left + self.layout.plot;
        let mut covered = i32::MIN;
        for interrupt in &row.interrupts {
            let Some(raised) = interrupt.raised else {
                continue;
            };
            let begin = self.scale.x(raised).max(covered);
            let end = interrupt.recognised.map_or(right, |at| self.scale.x(at));
            if end > begin {
                canvas.rect((begin, place.middle() - 2), (end - begin, 4), self.palette.pending)?;
                covered = end;
                let until = interrupt.recognised.unwrap_or(self.lanes.to);
                self.draw_waiting(canvas, (raised, until), (begin, end), place)?;
            }
        }
        let raised = row.interrupts.iter().filter_map(|interrupt| interrupt.raised);
        let edges = self.columns(raised.chain(row.coalesced.iter().copied()));
        self.draw_ticks(canvas, &edges, Place { top: place.middle() - EDGE, height: 2 * EDGE })?;
        let recognised = row.interrupts.iter().filter_map(|interrupt| interrupt.recognised);
        self.draw_ticks(canvas, &self.columns(recognised), place)
    }

    /// How long a line waits, on its bar.
    fn draw_waiting<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
        (raised, until): (Instant, Instant),
        (begin, end): (i32, i32),
        place: Place,
    ) -> Result<(), ChartError> {
        let text = format!("pending {}", time(until.since(raised)));
        let wide = width(&text, INSIDE, Weight::Regular).ceil() as i32 + 8;
        // Texts on the bars of a busy line would hide the bars.
        if end - begin < 2 * wide {
            return Ok(());
        }
        let middle = ((begin + end) / 2, place.middle());
        canvas.rect((middle.0 - wide / 2, middle.1 - 7), (wide, 14), self.palette.band)?;
        let set = self.set(INSIDE, Weight::Regular, self.palette.muted);
        canvas.text(&text, middle, Anchor::Centre, set)
    }

    fn columns(&self, times: impl Iterator<Item = Instant>) -> Vec<i32> {
        let shown = times.filter(|at| (self.scale.from..=self.scale.to).contains(at));
        let mut columns: Vec<i32> = shown.map(|at| self.scale.x(at)).collect();
        columns.sort_unstable();
        columns
    }

    fn draw_ticks<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
        columns: &[i32],
        place: Place,
    ) -> Result<(), ChartError> {
        let colour = self.palette.tick();
        for run in columns.chunk_by(|one, next| next - one <= TOUCHING) {
            if let (Some(&first), Some(&last)) = (run.first(), run.last()) {
                canvas.rect((first - 1, place.top), (last - first + 2, place.height), colour)?;
            }
        }
        Ok(())
    }
}
