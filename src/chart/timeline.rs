//! The timeline: interrupts on top, then CPUs, then processes, over one time axis.

use plotters::prelude::DrawingBackend;

use crate::analysis::Lanes;
use crate::trace::Header;

use super::arrows::Arrows;
use super::axis::Axis;
use super::canvas::{Anchor, Canvas, Rgb, Type};
use super::columns::{self, Detail, Drawn, Paint, Scale};
use super::font::{Weight, width};
use super::labels::{Label, Namer, Names};
use super::layout::{Density, INSIDE, LABEL_GAP, Layout, Place};
use super::legend::{Legend, Sign};
use super::releases::Releases;
use super::rows::{LaneRow, Rows};
use super::theme::{Palette, Theme};
use super::ticks::Ticks;
use super::units::time;
use super::{ChartError, Options};

/// About how many bytes of SVG a picture may take for its bars.
const BAR_BYTES: usize = 330_000;
const BLOCK_BYTES: usize = 96;
const AREA_BYTES: usize = 48;
const POINT_BYTES: usize = 9;
/// Between the unit of the time axis and its first number.
const UNIT_GAP: i32 = 6;
/// The widest spans get their texts first.
const LABELS: usize = 320;

/// A picture that is ready to be drawn.
pub struct Timeline<'a> {
    pub(super) lanes: &'a Lanes,
    pub(super) header: &'a Header,
    pub(super) palette: Palette,
    pub(super) rows: Rows,
    pub(super) layout: Layout,
    pub(super) scale: Scale,
    pub(super) cpus: Vec<Drawn>,
    pub(super) threads: Vec<Drawn>,
    pub(super) labels: Vec<Label>,
    pub(super) arrows: Arrows,
    pub(super) ticks: Ticks,
    pub(super) releases: Releases,
    pub(super) legend: Legend,
    pub(super) notes: Vec<String>,
    names: Names,
}

impl<'a> Timeline<'a> {
    pub fn new(lanes: &'a Lanes, header: &'a Header, options: &Options) -> Timeline<'a> {
        let rows = Rows::new(lanes, header);
        let total = options.width as i32;
        // The legend and the notes follow from what is drawn, which follows from the width alone.
        let layout = Layout::new(&rows, total, &header.question, 0, 0);
        let scale = Scale { from: lanes.from, to: lanes.to, left: layout.left, width: layout.plot };
        let (cpus, threads, detail) = draw_lanes(lanes, &rows, &scale, options.theme);
        let arrows = Arrows::new(lanes, &rows, &layout, &scale, options);
        let ticks = Ticks::new(lanes, &rows, &scale);
        let releases = Releases::new(lanes, &rows, &scale);
        let mut signs = signs(&rows, &cpus, &threads, &arrows, &ticks);
        signs.extend(releases.any_release().then_some(Sign::Release));
        signs.extend(releases.any_deadline().then_some(Sign::Deadline));
        signs.extend(releases.any_miss().then_some(Sign::Missed));
        let legend = Legend::new(&signs, total);
        let mut notes = rows.notes.clone();
        if cpus.iter().chain(&threads).any(|drawn| !drawn.mixtures.is_empty()) && rows.notes.is_empty() {
            let narrow = (detail.wide as f64 / scale.width as f64 * lanes.span().as_nanos() as f64) as u64;
            let narrow = time(crate::time::Span::from_nanos(narrow));
            notes.push(format!(
                "Pieces shorter than {narrow} are drawn together: heights are shares of the time."
            ));
        }
        notes.extend(arrows.notes.iter().chain(&ticks.note).chain(&releases.note).cloned());

        let layout = Layout::new(&rows, total, &header.question, legend.lines, notes.len() as i32);
        let arrows = Arrows::new(lanes, &rows, &layout, &scale, options);
        let mut timeline = Timeline {
            lanes,
            header,
            palette: options.theme.palette(),
            rows,
            layout,
            scale,
            cpus,
            threads,
            labels: Vec::new(),
            arrows,
            ticks,
            releases,
            legend,
            notes,
            names: Names::Below,
        };
        timeline.labels = timeline.labels();
        timeline
    }

    /// The rows of CPUs and threads alone, from `top` on, with `left` pixels for their labels.
    pub fn part(lanes: &'a Lanes, header: &'a Header, options: &Options, corner: (i32, i32)) -> Timeline<'a> {
        let rows = Rows { vectors: Vec::new(), ..Rows::new(lanes, header) };
        Timeline::of_rows(lanes, header, options, rows, corner, Density::Ordinary)
    }

    /// These rows alone.
    pub fn of_rows(
        lanes: &'a Lanes,
        header: &'a Header,
        options: &Options,
        rows: Rows,
        corner: (i32, i32),
        density: Density,
    ) -> Timeline<'a> {
        let layout = Layout::part(&rows, options.width as i32, corner, density);
        let scale = Scale { from: lanes.from, to: lanes.to, left: layout.left, width: layout.plot };
        let (cpus, threads, _) = draw_lanes(lanes, &rows, &scale, options.theme);
        let arrows = Arrows::new(lanes, &rows, &layout, &scale, options);
        let ticks = Ticks::new(lanes, &rows, &scale);
        let mut timeline = Timeline {
            lanes,
            header,
            palette: options.theme.palette(),
            rows,
            layout,
            scale,
            cpus,
            threads,
            labels: Vec::new(),
            arrows,
            ticks,
            releases: Releases::default(),
            legend: Legend::new(&[], 0),
            notes: Vec::new(),
            names: match density {
                Density::Ordinary => Names::Below,
                Density::Small => Names::Inside,
            },
        };
        timeline.labels = timeline.labels();
        timeline
    }

    /// What a legend must explain of it.
    pub fn signs(&self) -> Vec<Sign> {
        signs(&self.rows, &self.cpus, &self.threads, &self.arrows, &self.ticks)
    }

    /// Bars, arrows and the texts inside bars, without anything around.
    pub fn draw_rows<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>) -> Result<(), ChartError> {
        for (drawn, &place) in self.cpus.iter().zip(&self.layout.cpus) {
            self.draw_bars(canvas, drawn, place)?;
        }
        for (drawn, &place) in self.threads.iter().zip(&self.layout.threads) {
            self.draw_bars(canvas, drawn, place)?;
        }
        self.ticks.draw(canvas, &self.layout, self.palette.paint(Paint::Kernel))?;
        self.arrows.draw(canvas, self.palette.arrow, self.palette.message)?;
        self.labels.iter().try_for_each(|label| self.draw_label(canvas, label))
    }

    /// Width and height.
    pub fn size(&self) -> (u32, u32) {
        (self.layout.width.unsigned_abs(), self.layout.height.unsigned_abs())
    }

    pub fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>) -> Result<(), ChartError> {
        canvas.rect((0, 0), (self.layout.width, self.layout.height), self.palette.background)?;
        self.draw_titles(canvas)?;
        self.draw_tracks(canvas)?;
        self.draw_axis(canvas)?;
        for (row, &place) in self.rows.vectors.iter().zip(&self.layout.vectors) {
            self.draw_interrupts(canvas, row, place)?;
        }
        self.draw_rows(canvas)?;
        self.releases.draw(canvas, &self.layout, &self.palette)?;
        self.draw_annotations(canvas)?;
        canvas.finish()
    }

    pub(super) fn set(&self, size: f64, weight: Weight, colour: Rgb) -> Type {
        Type { size, weight, colour }
    }

    /// The ground on which bars stand: for as long as the thing exists.
    pub(super) fn draw_tracks<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
    ) -> Result<(), ChartError> {
        let (left, plot) = (self.layout.left, self.layout.plot);
        for place in self.layout.vectors.iter().chain(&self.layout.cpus) {
            canvas.rect((left, place.top), (plot, place.height), self.palette.band)?;
        }
        for (row, place) in self.rows.threads.iter().zip(&self.layout.threads) {
            let (begin, end) = match row.alone().map(|lane| &self.lanes.threads[lane]) {
                Some(thread) => (
                    thread.start.map_or(left, |start| self.scale.x(start)),
                    thread.end.map_or(left + plot, |end| self.scale.x(end)),
                ),
                None => (left, left + plot),
            };
            canvas.rect((begin, place.top), (end - begin, place.height), self.palette.band)?;
        }
        Ok(())
    }

    fn draw_axis<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>) -> Result<(), ChartError> {
        let (layout, palette) = (&self.layout, &self.palette);
        let axis = Axis::new(&self.scale);
        let set = self.set(INSIDE + 0.5, Weight::Regular, palette.muted);
        // A long first number reaches out to the left, where the unit stands.
        let reaches = |(x, text): &(i32, String)| x - (width(text, set.size, set.weight) / 2.0).ceil() as i32;
        let first = axis.ticks.first().map_or(layout.left, reaches);
        let unit = (layout.left - LABEL_GAP).min(first - UNIT_GAP);
        for (x, text) in &axis.ticks {
            canvas.line((*x, layout.plot_top + 8), (*x, layout.axis), palette.grid)?;
            canvas.line((*x, layout.axis), (*x, layout.axis + 5), palette.muted)?;
            canvas.text(text, (*x, layout.axis + 16), Anchor::Centre, set)?;
        }
        canvas.line((layout.left, layout.axis), (layout.left + layout.plot, layout.axis), palette.muted)?;
        canvas.text(axis.unit, (unit, layout.axis + 16), Anchor::Right, set)
    }

    fn draw_bars<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
        drawn: &Drawn,
        place: Place,
    ) -> Result<(), ChartError> {
        for mixture in &drawn.mixtures {
            for (paint, area) in mixture.areas(place.top, place.height) {
                canvas.polygon(&area, self.palette.paint(paint))?;
            }
        }
        let mut before = (i32::MIN, i32::MIN, Paint::Idle);
        for &(left, right, paint, _) in &drawn.blocks {
            let (left_before, right_before, paint_before) = before;
            let wide = right - left > 3;
            // Something too short for a pixel has got one all the same, and keeps it.
            let left = if wide { left.max(right_before) } else { left };
            // Two calls that follow each other are two crossings: a gap keeps them apart.
            let apart = paint == paint_before && left == right_before && left - left_before > 3 && wide;
            before = (left, right, paint);
            let left = left + i32::from(apart);
            let colour = self.palette.paint(paint);
            match paint {
                Paint::Idle => {}
                Paint::Blocked => canvas.rect((left, place.middle() - 1), (right - left, 2), colour)?,
                Paint::User
                | Paint::Kernel
                | Paint::Fault
                | Paint::Switch
                | Paint::Interrupt
                | Paint::Deferred
                | Paint::Ready => {
                    let fill = self.palette.fill(paint);
                    canvas.fill((left, place.top), (right - left, place.height), fill, &self.palette)?;
                }
            }
        }
        Ok(())
    }

    /// The texts with the most room, in a stable order.
    fn labels(&self) -> Vec<Label> {
        let namer = Namer {
            header: self.header,
            lanes: self.lanes,
            wordy: self.layout.annotations,
            names: self.names,
        };
        let mut labels = Vec::new();
        for ((row, drawn), &place) in self.rows.cpus.iter().zip(&self.cpus).zip(&self.layout.cpus) {
            if let Some(lane) = row.alone() {
                namer.cpu(lane, drawn, &self.scale, place, &mut labels);
            }
        }
        for ((row, drawn), &place) in self.rows.threads.iter().zip(&self.threads).zip(&self.layout.threads) {
            if let Some(lane) = row.alone() {
                namer.thread(lane, drawn, place, &mut labels);
            }
        }
        labels.sort_by_key(|label| std::cmp::Reverse(label.room));
        labels.truncate(LABELS);
        labels
    }
}

/// All rows as pixels, as finely as the picture's size allows.
fn draw_lanes(lanes: &Lanes, rows: &Rows, scale: &Scale, theme: Theme) -> (Vec<Drawn>, Vec<Drawn>, Detail) {
    let mut detail = Detail::FINEST;
    loop {
        let cpus: Vec<Drawn> = rows
            .cpus
            .iter()
            .map(|row| draw_row(row, |lane| &lanes.cpus[lane].spans, scale, detail))
            .collect();
        let threads: Vec<Drawn> = rows
            .threads
            .iter()
            .map(|row| draw_row(row, |lane| &lanes.threads[lane].spans, scale, detail))
            .collect();
        let bytes: usize = cpus.iter().chain(&threads).map(|drawn| bytes(drawn, theme)).sum();
        if bytes <= BAR_BYTES || detail.step >= scale.width {
            return (cpus, threads, detail);
        }
        detail = detail.coarser();
    }
}

fn draw_row<'a, P, F>(row: &LaneRow, spans: F, scale: &Scale, detail: Detail) -> Drawn
where
    P: columns::Piece + 'a,
    F: Fn(usize) -> &'a Vec<P>,
{
    if let Some(lane) = row.alone() {
        return columns::lane(spans(lane), scale, detail);
    }
    let mixture = columns::together(row.lanes.iter().map(|&lane| spans(lane).as_slice()), scale, detail);
    Drawn { blocks: Vec::new(), mixtures: mixture.into_iter().collect() }
}

/// About how much of an SVG file a row takes.
fn bytes(drawn: &Drawn, theme: Theme) -> usize {
    let areas = drawn.mixtures.iter().flat_map(|mixture| mixture.areas(0, 24));
    let areas: usize = areas.map(|(_, points)| AREA_BYTES + POINT_BYTES * points.len()).sum();
    let blocks = match theme {
        Theme::Light | Theme::Dark => drawn.blocks.len() * BLOCK_BYTES,
        Theme::Print => drawn.blocks.iter().map(|(left, right, ..)| pattern_bytes(right - left)).sum(),
    };
    blocks + areas
}

/// About how much a block with a pattern takes: a border, its ground, and a line to and fro.
fn pattern_bytes(wide: i32) -> usize {
    2 * BLOCK_BYTES + if wide < 10 { 0 } else { BLOCK_BYTES + wide.unsigned_abs() as usize * 3 }
}

/// What the legend must explain, in the order of the paints.
fn signs(rows: &Rows, cpus: &[Drawn], threads: &[Drawn], arrows: &Arrows, ticks: &Ticks) -> Vec<Sign> {
    let mut seen = [false; Paint::ALL.len()];
    for drawn in cpus.iter().chain(threads) {
        drawn.blocks.iter().for_each(|&(_, _, paint, _)| seen[paint as usize] = true);
        let areas = drawn.mixtures.iter().flat_map(|mixture| mixture.areas(0, 24));
        areas.for_each(|(paint, _)| seen[paint as usize] = true);
    }
    seen[Paint::Kernel as usize] |= ticks.any();
    // An idle CPU is an empty track, which needs no sign.
    let states = Paint::ALL.into_iter().filter(|&paint| seen[paint as usize] && paint != Paint::Idle);
    let mut signs: Vec<Sign> = states.map(Sign::State).collect();
    let others = [
        (!rows.vectors.is_empty(), Sign::Interrupt),
        (arrows.any_wakeup(), Sign::Wakeup),
        (arrows.any_message(), Sign::Message),
    ];
    signs.extend(others.into_iter().filter(|&(occurs, _)| occurs).map(|(_, sign)| sign));
    signs
}
