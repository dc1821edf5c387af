//! One scenario under several policies: a small timeline for each, one below the other, over the same
//! time axis.
//!
//! Everything on a panel stands where it stands on the others, so that the eye can go straight down.
//! The picture keeps the proportions of a sheet of A4 as long as it can: if the threads' rows don't fit,
//! each panel has its CPUs alone, with the names of those that run.

use plotters::prelude::DrawingBackend;

use crate::analysis::Lanes;
use crate::analysis::lanes::What;
use crate::time::Instant;
use crate::trace::Header;

use super::axis::Axis;
use super::canvas::{Anchor, Canvas, Type};
use super::columns::Paint;
use super::font::{Weight, fit, width};
use super::layout::{Density, INSIDE, LABEL, LABEL_GAP, LEGEND_LINE, MARGIN, NOTE, QUESTION, TITLE};
use super::legend::{Legend, Sign, draw_miss};
use super::rows::Rows;
use super::theme::Palette;
use super::timeline::Timeline;
use super::units::sentence;
use super::{ChartError, Options};

const HEADING: f64 = 13.0;
const HEADING_HEIGHT: i32 = 23;
const ROW_LABEL: f64 = 11.5;
const GAP: i32 = 7;
const AXIS_HEIGHT: i32 = 34;
const NOTE_HEIGHT: i32 = 20;
const LABEL_WIDTHS: (f64, f64) = (48.0, 150.0);
/// A sheet of A4 is so much higher than wide.
const SHEET: f64 = std::f64::consts::SQRT_2;

/// One run.
pub struct Panel<'a> {
    /// The policy with its parameters.
    pub label: &'a str,
    /// How it did, in few words.
    pub result: String,
    /// What of that deserves to be seen first: that it is the best, or that it came to a bad end.
    pub remark: Option<String>,
    pub lanes: Lanes,
    pub header: &'a Header,
    /// When the run was over.
    pub end: Instant,
}

/// What is drawn.
pub struct Panels<'a> {
    pub title: &'a str,
    pub question: &'a str,
    /// All have the same window.
    pub panels: Vec<Panel<'a>>,
    pub notes: Vec<String>,
}

/// A picture that is ready to be drawn.
pub struct Picture<'a> {
    panels: &'a Panels<'a>,
    palette: Palette,
    width: i32,
    height: i32,
    left: i32,
    legend: Legend,
    legend_top: i32,
    timelines: Vec<Timeline<'a>>,
    axis: i32,
    notes: Vec<String>,
}

impl<'a> Picture<'a> {
    pub fn new(panels: &'a Panels<'a>, options: &Options) -> Picture<'a> {
        let sheet = (f64::from(options.width) * SHEET) as i32;
        let whole = Picture::with(panels, options, &Rows::clone);
        let has_threads = whole.timelines.iter().any(|timeline| !timeline.rows.threads.is_empty());
        if whole.height <= sheet || !has_threads {
            return whole;
        }
        let cpus_alone = |rows: &Rows| Rows { threads: Vec::new(), ..rows.clone() };
        let mut picture = Picture::with(panels, options, &cpus_alone);
        picture.notes.push("The rows of processes would need more than a page: CPUs alone.".to_owned());
        picture.height += NOTE_HEIGHT;
        picture
    }

    fn with(panels: &'a Panels<'a>, options: &Options, choose: &dyn Fn(&Rows) -> Rows) -> Picture<'a> {
        let total = options.width as i32;
        let rows: Vec<Rows> = panels.panels.iter().map(|panel| rows(panel, choose)).collect();
        let labels = rows.iter().flat_map(|rows| rows.cpus.iter().chain(&rows.threads));
        let widest = labels.map(|row| width(&row.label, ROW_LABEL, Weight::Regular)).fold(0.0, f64::max);
        let left = MARGIN + widest.clamp(LABEL_WIDTHS.0, LABEL_WIDTHS.1).ceil() as i32 + LABEL_GAP;
        let options = Options { wakeups: false, messages: false, ..*options };
        let title_end = MARGIN + if panels.question.is_empty() { 26 } else { 54 };
        let lay_out = |top: i32| {
            let mut y = top;
            let timelines = panels.panels.iter().zip(&rows).map(|(panel, rows)| {
                let corner = (left, y + HEADING_HEIGHT);
                let (lanes, rows) = (&panel.lanes, rows.clone());
                let timeline = Timeline::of_rows(lanes, panel.header, &options, rows, corner, Density::Small);
                y = timeline.layout.height + GAP;
                timeline
            });
            timelines.collect::<Vec<Timeline<'a>>>()
        };
        // What the legend must explain follows from what is drawn; where that stands, from the legend.
        let legend = Legend::new(&signs(&lay_out(0)), total);
        let legend_top = title_end + 12;
        let timelines = lay_out(legend_top + legend.lines * LEGEND_LINE - 4);
        let axis = timelines.last().map_or(legend_top, |timeline| timeline.layout.height) + 6;
        let mut notes = panels.notes.clone();
        notes.extend(rows.first().map(|rows| rows.notes.clone()).unwrap_or_default());
        let height = axis + AXIS_HEIGHT + notes.len() as i32 * NOTE_HEIGHT + MARGIN / 2;
        Picture {
            panels,
            palette: options.theme.palette(),
            width: total,
            height,
            left,
            legend,
            legend_top,
            timelines,
            axis,
            notes,
        }
    }

    /// Width and height.
    pub fn size(&self) -> (u32, u32) {
        (self.width.unsigned_abs(), self.height.unsigned_abs())
    }

    pub fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>) -> Result<(), ChartError> {
        canvas.rect((0, 0), (self.width, self.height), self.palette.background)?;
        let strong = Type { size: TITLE, weight: Weight::Strong, colour: self.palette.text };
        self.line(canvas, self.panels.title, MARGIN + 10, strong)?;
        let muted = |size| Type { size, weight: Weight::Regular, colour: self.palette.muted };
        self.line(canvas, self.panels.question, MARGIN + 38, muted(QUESTION))?;
        self.legend.draw(canvas, &self.palette, self.legend_top)?;
        for timeline in &self.timelines {
            timeline.draw_tracks(canvas)?;
        }
        self.draw_axis(canvas)?;
        for (timeline, panel) in self.timelines.iter().zip(&self.panels.panels) {
            self.draw_heading(canvas, timeline, panel)?;
            timeline.draw_rows(canvas)?;
            self.draw_labels(canvas, timeline)?;
            self.draw_ends(canvas, timeline, panel)?;
        }
        for (number, note) in self.notes.iter().enumerate() {
            let y = self.axis + AXIS_HEIGHT + 8 + number as i32 * NOTE_HEIGHT;
            self.line(canvas, note, y, muted(NOTE))?;
        }
        canvas.finish()
    }

    /// A text from the left margin on, as much of it as there is room for.
    fn line<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
        text: &str,
        y: i32,
        set: Type,
    ) -> Result<(), ChartError> {
        match fit(text, f64::from(self.width - 2 * MARGIN), set.size, set.weight) {
            Some(text) => canvas.text(&text, (MARGIN, y), Anchor::Left, set),
            None => Ok(()),
        }
    }

    /// The policy to the left, how it did to the right of it, on a ground that hides the grid.
    fn draw_heading<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
        timeline: &Timeline<'_>,
        panel: &Panel<'_>,
    ) -> Result<(), ChartError> {
        let (top, y) = (timeline.layout.plot_top - HEADING_HEIGHT, timeline.layout.plot_top - 10);
        canvas.rect(
            (MARGIN, top + 3),
            (self.width - 2 * MARGIN, HEADING_HEIGHT - 3),
            self.palette.background,
        )?;
        canvas.line((MARGIN, top + 2), (self.width - MARGIN, top + 2), self.palette.grid)?;
        let mut x = MARGIN;
        let parts = [
            (Some(panel.label.to_owned()), Weight::Strong, self.palette.text, HEADING),
            (Some(sentence(&panel.result)), Weight::Regular, self.palette.muted, LABEL - 1.0),
            (panel.remark.clone(), Weight::Strong, self.palette.message, LABEL - 1.0),
        ];
        for (text, weight, colour, size) in parts {
            let room = f64::from(self.width - MARGIN - x);
            let Some(text) = text.and_then(|text| fit(&text, room, size, weight)) else { continue };
            canvas.text(&text, (x, y), Anchor::Left, Type { size, weight, colour })?;
            x += width(&text, size, weight).ceil() as i32 + 12;
        }
        Ok(())
    }

    fn draw_labels<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
        timeline: &Timeline<'_>,
    ) -> Result<(), ChartError> {
        let cpus = timeline.rows.cpus.iter().zip(&timeline.layout.cpus);
        let threads = timeline.rows.threads.iter().zip(&timeline.layout.threads);
        let room = f64::from(self.left - MARGIN - LABEL_GAP + 1);
        for (row, place) in cpus.chain(threads) {
            let set = Type { size: ROW_LABEL, weight: Weight::Regular, colour: self.palette.text };
            if let Some(text) = fit(&row.label, room, ROW_LABEL, Weight::Regular) {
                canvas.text(&text, (self.left - LABEL_GAP, place.middle()), Anchor::Right, set)?;
            }
        }
        Ok(())
    }

    /// Where threads end, and where the run does.
    fn draw_ends<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
        timeline: &Timeline<'_>,
        panel: &Panel<'_>,
    ) -> Result<(), ChartError> {
        let window = timeline.scale.from..=timeline.scale.to;
        for (row, place) in timeline.rows.threads.iter().zip(&timeline.layout.threads) {
            let end = row.alone().and_then(|lane| panel.lanes.threads[lane].end);
            if let Some(end) = end.filter(|end| window.contains(end)) {
                canvas.rect(
                    (timeline.scale.x(end), place.top - 1),
                    (2, place.height + 2),
                    self.palette.text,
                )?;
            }
        }
        let by_task = timeline.rows.by_task(&panel.lanes);
        for mark in panel.lanes.marks.iter().filter(|mark| mark.what == What::DeadlineMissed) {
            if let Some(place) = by_task.get(&mark.task).map(|&row| timeline.layout.threads[row]) {
                draw_miss(canvas, &self.palette, (timeline.scale.x(mark.at), place.top - 1))?;
            }
        }
        if window.contains(&panel.end) {
            for place in &timeline.layout.cpus {
                let x = timeline.scale.x(panel.end);
                canvas.rect((x, place.top - 1), (2, place.height + 2), self.palette.text)?;
            }
        }
        Ok(())
    }

    /// The time axis below the last panel, with lines through all of them.
    fn draw_axis<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>) -> Result<(), ChartError> {
        let Some(first) = self.timelines.first() else { return Ok(()) };
        let axis = Axis::new(&first.scale);
        let set = Type { size: INSIDE + 0.5, weight: Weight::Regular, colour: self.palette.muted };
        for (x, text) in &axis.ticks {
            canvas.line((*x, first.layout.plot_top), (*x, self.axis), self.palette.grid)?;
            canvas.line((*x, self.axis), (*x, self.axis + 5), self.palette.muted)?;
            canvas.text(text, (*x, self.axis + 16), Anchor::Centre, set)?;
        }
        canvas.line((self.left, self.axis), (self.width - MARGIN, self.axis), self.palette.muted)?;
        canvas.text(axis.unit, (self.left - LABEL_GAP, self.axis + 16), Anchor::Right, set)
    }
}

/// What the legend must explain, in the order in which other pictures do.
fn signs(timelines: &[Timeline<'_>]) -> Vec<Sign> {
    let all: Vec<Sign> = timelines.iter().flat_map(Timeline::signs).collect();
    let states = Paint::ALL.map(Sign::State).into_iter().filter(|sign| all.contains(sign));
    let lanes = || timelines.iter().map(|timeline| timeline.lanes);
    let missed = lanes().flat_map(|lanes| &lanes.marks).any(|mark| mark.what == What::DeadlineMissed);
    let ended = lanes().flat_map(|lanes| &lanes.threads).any(|thread| thread.end.is_some());
    let others = [(ended, Sign::End), (missed, Sign::DeadlineMissed)];
    states.chain(others.into_iter().filter(|(occurs, _)| *occurs).map(|(_, sign)| sign)).collect()
}

/// Where there is one CPU, the threads' rows say all about it.
fn rows(panel: &Panel<'_>, choose: &dyn Fn(&Rows) -> Rows) -> Rows {
    let mut rows = choose(&Rows { vectors: Vec::new(), ..Rows::new(&panel.lanes, panel.header) });
    if rows.cpus.len() == 1 && !rows.threads.is_empty() {
        rows.cpus.clear();
    }
    rows
}
