//! Releases and deadlines of jobs on a timeline: small triangles below and above the rows of periodic
//! threads.

use std::collections::BTreeMap;

use plotters::prelude::DrawingBackend;

use crate::analysis::Lanes;

use super::ChartError;
use super::canvas::Canvas;
use super::columns::Scale;
use super::layout::Layout;
use super::rows::Rows;
use super::theme::Palette;

/// More can't be told apart, and would make the file large.
const MOST: usize = 500;
const HIGH: i32 = 4;

/// The triangles of a picture, by row and pixel; deadlines with whether they were missed.
#[derive(Clone, Debug, Default)]
pub struct Releases {
    releases: BTreeMap<(usize, i32), ()>,
    deadlines: BTreeMap<(usize, i32), bool>,
    pub note: Option<String>,
}

impl Releases {
    pub fn new(lanes: &Lanes, rows: &Rows, scale: &Scale) -> Releases {
        let by_task = rows.by_task(lanes);
        let window = scale.from..=scale.to;
        let mut marks = Releases::default();
        for job in &lanes.jobs {
            let Some(&row) = by_task.get(&job.task) else { continue };
            if window.contains(&job.release) {
                marks.releases.insert((row, scale.x(job.release)), ());
            }
            if window.contains(&job.deadline) {
                *marks.deadlines.entry((row, scale.x(job.deadline))).or_default() |= job.missed;
            }
        }
        if marks.releases.len() + marks.deadlines.len() > MOST {
            let note = "Releases and deadlines aren't marked: too many for this width.".to_owned();
            return Releases { note: Some(note), ..Releases::default() };
        }
        marks
    }

    pub fn any_release(&self) -> bool {
        !self.releases.is_empty()
    }

    pub fn any_deadline(&self) -> bool {
        self.deadlines.values().any(|&missed| !missed)
    }

    pub fn any_miss(&self) -> bool {
        self.deadlines.values().any(|&missed| missed)
    }

    pub fn draw<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
        layout: &Layout,
        palette: &Palette,
    ) -> Result<(), ChartError> {
        for &(row, x) in self.releases.keys() {
            release(canvas, palette, (x, layout.threads[row].bottom()))?;
        }
        for (&(row, x), &missed) in &self.deadlines {
            let tip = (x, layout.threads[row].top);
            if missed { self::missed(canvas, palette, tip)? } else { deadline(canvas, palette, tip)? }
        }
        Ok(())
    }
}

/// The sign of a release, whose tip is there.
pub fn release<B: DrawingBackend>(
    canvas: &mut Canvas<'_, B>,
    palette: &Palette,
    (x, tip): (i32, i32),
) -> Result<(), ChartError> {
    canvas.polygon(&[(x - 3, tip + HIGH), (x + 4, tip + HIGH), (x, tip)], palette.text)
}

/// The sign of a deadline, whose tip is there.
pub fn deadline<B: DrawingBackend>(
    canvas: &mut Canvas<'_, B>,
    palette: &Palette,
    (x, tip): (i32, i32),
) -> Result<(), ChartError> {
    canvas.polygon(&[(x - 3, tip - HIGH), (x + 4, tip - HIGH), (x, tip)], palette.text)
}

/// The sign of a deadline that was missed.
pub fn missed<B: DrawingBackend>(
    canvas: &mut Canvas<'_, B>,
    palette: &Palette,
    (x, tip): (i32, i32),
) -> Result<(), ChartError> {
    canvas.polygon(&[(x - 4, tip - HIGH - 1), (x + 5, tip - HIGH - 1), (x, tip)], palette.alarm)
}
