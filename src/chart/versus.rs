//! Two sides of a comparison in one picture: where the end-to-end time went, what a part of the run
//! looked like, and how latencies are distributed.

use plotters::prelude::DrawingBackend;

use crate::analysis::Lanes;
use crate::time::{Instant, Span};
use crate::trace::Header;

use super::axis::Axis;
use super::canvas::{Anchor, Canvas, Type};
use super::columns::{Paint, Scale};
use super::curves;
use super::font::{Weight, fit, width};
use super::layout::{HEADING, INSIDE, LABEL, LABEL_GAP, LEGEND_LINE, MARGIN, NOTE, QUESTION, TITLE};
use super::legend::{Legend, Sign};
use super::theme::Palette;
use super::timeline::Timeline;
use super::units::{sentence, time};
use super::{ChartError, Options};

const HEADING_HEIGHT: i32 = 30;
const AXIS_HEIGHT: i32 = 34;
const GAP: i32 = 14;
const TOTAL: i32 = 26;
const TOTAL_PITCH: i32 = 34;
const CURVES: i32 = 210;
/// So many distributions have room beside each other.
pub const MOST_CURVES: usize = 3;
const LABEL_WIDTHS: (f64, f64) = (84.0, 190.0);

/// A part of an end-to-end time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    User,
    Calls,
    HandOvers,
    Ends,
}

impl Part {
    const fn paint(self) -> Paint {
        match self {
            Part::User => Paint::User,
            Part::Calls => Paint::Kernel,
            Part::HandOvers => Paint::Switch,
            Part::Ends => Paint::Blocked,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Part::User => "user mode",
            Part::Calls => "calls",
            Part::HandOvers => "hand-overs",
            Part::Ends => "beginnings and ends",
        }
    }
}

/// One side of the picture.
pub struct Half<'a> {
    /// What it is called.
    pub label: &'a str,
    /// The part of the run that is shown.
    pub lanes: Lanes,
    pub header: &'a Header,
    /// The end-to-end time, taken apart; without any on both sides it isn't drawn.
    pub parts: Vec<(Part, Span)>,
}

/// A distribution on both sides: sorted nanoseconds.
pub struct Distribution<'a> {
    pub name: &'a str,
    pub samples: [&'a [u64]; 2],
}

/// What is drawn.
pub struct Versus<'a> {
    pub title: &'a str,
    pub question: &'a str,
    /// How it came out, in a line.
    pub result: &'a str,
    /// Which part of the run the timelines show.
    pub window: &'a str,
    pub halves: [Half<'a>; 2],
    pub distributions: Vec<Distribution<'a>>,
    pub notes: Vec<String>,
}

impl Versus<'_> {
    fn has_totals(&self) -> bool {
        self.halves.iter().any(|half| !half.parts.is_empty())
    }
}

/// A picture that is ready to be drawn.
pub struct Picture<'a> {
    versus: &'a Versus<'a>,
    palette: Palette,
    width: i32,
    left: i32,
    height: i32,
    totals: i32,
    timelines: [Timeline<'a>; 2],
    /// Where the time axis of the timelines stands.
    axis: i32,
    legend: Legend,
    legend_top: i32,
    curves: i32,
}

impl<'a> Picture<'a> {
    pub fn new(versus: &'a Versus<'a>, options: &Options) -> Picture<'a> {
        let width = options.width as i32;
        let left = MARGIN + label_width(versus) + LABEL_GAP;
        let totals = MARGIN + if versus.result.is_empty() { 56 } else { 90 };
        let sums = if versus.has_totals() { HEADING_HEIGHT + 2 * TOTAL_PITCH + AXIS_HEIGHT + GAP } else { 0 };
        let first = totals + sums + HEADING_HEIGHT;
        let [one, other] = &versus.halves;
        let above = Timeline::part(&one.lanes, one.header, options, (left, first));
        let second = above.layout.height + HEADING_HEIGHT + GAP;
        let below = Timeline::part(&other.lanes, other.header, options, (left, second));
        let axis = below.layout.height + 4;
        let mut signs: Vec<Sign> = above.signs();
        signs.extend(below.signs().into_iter().filter(|sign| !above.signs().contains(sign)));
        let legend = Legend::new(&signs, width);
        let legend_top = axis + AXIS_HEIGHT + 8;
        let curves = legend_top + legend.lines * LEGEND_LINE + GAP;
        let mut height = curves;
        if !versus.distributions.is_empty() {
            height += HEADING_HEIGHT + CURVES;
        }
        height += 20 * versus.notes.len() as i32 + MARGIN;
        Picture {
            versus,
            palette: options.theme.palette(),
            width,
            left,
            height,
            totals,
            timelines: [above, below],
            axis,
            legend,
            legend_top,
            curves,
        }
    }

    /// Width and height.
    pub fn size(&self) -> (u32, u32) {
        (self.width.unsigned_abs(), self.height.unsigned_abs())
    }

    pub fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>) -> Result<(), ChartError> {
        canvas.rect((0, 0), (self.width, self.height), self.palette.background)?;
        self.draw_titles(canvas)?;
        self.draw_totals(canvas)?;
        self.draw_timelines(canvas)?;
        self.legend.draw(canvas, &self.palette, self.legend_top)?;
        self.draw_curves(canvas)?;
        let notes = self.height - MARGIN / 2 - 20 * self.versus.notes.len() as i32;
        for (number, note) in self.versus.notes.iter().enumerate() {
            self.line(canvas, &sentence(note), notes + 20 * number as i32, NOTE, Weight::Regular)?;
        }
        canvas.finish()
    }

    const fn plot(&self) -> i32 {
        self.width - MARGIN - self.left
    }

    const fn muted(&self, size: f64, weight: Weight) -> Type {
        Type { size, weight, colour: self.palette.muted }
    }

    /// A text from the left margin on, as much of it as there is room for.
    fn line<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
        text: &str,
        y: i32,
        size: f64,
        weight: Weight,
    ) -> Result<(), ChartError> {
        match fit(text, f64::from(self.width - 2 * MARGIN), size, weight) {
            Some(text) => canvas.text(&text, (MARGIN, y), Anchor::Left, self.muted(size, weight)),
            None => Ok(()),
        }
    }

    fn draw_titles<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>) -> Result<(), ChartError> {
        let room = f64::from(self.width - 2 * MARGIN);
        if let Some(title) = fit(self.versus.title, room, TITLE, Weight::Strong) {
            let set = Type { size: TITLE, weight: Weight::Strong, colour: self.palette.text };
            canvas.text(&title, (MARGIN, MARGIN + 10), Anchor::Left, set)?;
        }
        self.line(canvas, self.versus.question, MARGIN + 38, QUESTION, Weight::Regular)?;
        if let Some(result) = fit(&sentence(self.versus.result), room, QUESTION, Weight::Strong) {
            let set = Type { size: QUESTION, weight: Weight::Strong, colour: self.palette.text };
            canvas.text(&result, (MARGIN, MARGIN + 64), Anchor::Left, set)?;
        }
        Ok(())
    }

    /// Both end-to-end times as bars, in the colours of their parts.
    fn draw_totals<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>) -> Result<(), ChartError> {
        if !self.versus.has_totals() {
            return Ok(());
        }
        let heading = "Where the end-to-end time went";
        self.line(canvas, heading, self.totals + HEADING_HEIGHT / 2, HEADING, Weight::Strong)?;
        let sums: Vec<Span> =
            self.versus.halves.iter().map(|half| half.parts.iter().map(|(_, span)| *span).sum()).collect();
        let longest = sums.iter().copied().max().unwrap_or_default().max(Span::from_nanos(1));
        // Room for the sums behind the bars.
        let scale = self.scale(Span::from_nanos(longest.as_nanos() / 100 * 107));
        let top = self.totals + HEADING_HEIGHT;
        let axis = top + 2 * TOTAL_PITCH;
        self.draw_axis(canvas, &scale, top, axis)?;
        for ((half, sum), number) in self.versus.halves.iter().zip(&sums).zip(0..) {
            let y = top + number * TOTAL_PITCH + 2;
            self.label(canvas, half.label, y + TOTAL / 2)?;
            let mut so_far = Span::ZERO;
            for &(part, span) in &half.parts {
                let (begin, end) =
                    (scale.x(Instant::START + so_far), scale.x(Instant::START + so_far + span));
                so_far += span;
                let colour = self.palette.paint(part.paint());
                canvas.rect((begin, y), (end - begin, TOTAL), colour)?;
                let texts = [format!("{} {}", part.name(), time(span)), part.name().to_owned(), time(span)];
                let room = f64::from(end - begin - 10);
                if let Some(text) = texts.iter().find(|text| width(text, INSIDE, Weight::Regular) <= room) {
                    let set = Type { size: INSIDE, weight: Weight::Regular, colour: self.palette.on(colour) };
                    canvas.text(text, ((begin + end) / 2, y + TOTAL / 2), Anchor::Centre, set)?;
                }
            }
            let end = scale.x(Instant::START + *sum);
            let text = time(*sum);
            let wide = width(&text, LABEL, Weight::Strong).ceil() as i32 + 8;
            if end + wide <= self.width - MARGIN {
                let set = Type { size: LABEL, weight: Weight::Strong, colour: self.palette.text };
                canvas.text(&text, (end + 8, y + TOTAL / 2), Anchor::Left, set)?;
            }
        }
        Ok(())
    }

    fn draw_timelines<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>) -> Result<(), ChartError> {
        let mut headings = Vec::new();
        for (timeline, half) in self.timelines.iter().zip(&self.versus.halves) {
            let top = timeline.layout.plot_top;
            let heading = match self.versus.window {
                "" => half.label.to_owned(),
                window => format!("{}: {}", capital(half.label), sentence(window)),
            };
            let y = top - HEADING_HEIGHT / 2;
            headings.push((heading, y));
            timeline.draw_tracks(canvas)?;
        }
        let [one, other] = self.versus.halves.each_ref().map(|half| &half.lanes);
        let span = one.span().max(other.span());
        // Where both sides show the same part of their runs, the axis has its times.
        let from = if one.from == other.from { one.from } else { Instant::START };
        let scale = Scale { from, to: from + span, ..self.scale(span) };
        self.draw_axis(canvas, &scale, self.timelines[0].layout.plot_top, self.axis)?;
        for (heading, y) in &headings {
            let wide = width(heading, HEADING, Weight::Strong).ceil() as i32;
            canvas.rect((MARGIN, y - 8), (wide, 16), self.palette.background)?;
            self.line(canvas, heading, *y, HEADING, Weight::Strong)?;
        }
        for timeline in &self.timelines {
            timeline.draw_rows(canvas)?;
            let cpus = timeline.rows.cpus.iter().zip(&timeline.layout.cpus);
            let threads = timeline.rows.threads.iter().zip(&timeline.layout.threads);
            for (row, place) in cpus.chain(threads) {
                self.label(canvas, &row.label, place.middle())?;
            }
        }
        Ok(())
    }

    fn draw_curves<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>) -> Result<(), ChartError> {
        if self.versus.distributions.is_empty() {
            return Ok(());
        }
        let heading = "Latencies: the share of them that took at most so long";
        self.line(canvas, heading, self.curves + HEADING_HEIGHT / 2, HEADING, Weight::Strong)?;
        let labels = [self.versus.halves[0].label, self.versus.halves[1].label];
        let shown = self.versus.distributions.iter().take(MOST_CURVES);
        let count = shown.len() as i32;
        let wide = (self.width - 2 * MARGIN - (count - 1) * 2 * GAP) / count;
        for (distribution, number) in shown.zip(0..) {
            let at = (MARGIN + number * (wide + 2 * GAP), self.curves + HEADING_HEIGHT);
            curves::draw(canvas, &self.palette, distribution, labels, at, (wide, CURVES))?;
        }
        Ok(())
    }

    /// A time axis from zero, below something that begins at `top`.
    fn draw_axis<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
        scale: &Scale,
        top: i32,
        y: i32,
    ) -> Result<(), ChartError> {
        let axis = Axis::new(scale);
        let set = self.muted(INSIDE + 0.5, Weight::Regular);
        for (x, text) in &axis.ticks {
            canvas.line((*x, top), (*x, y), self.palette.grid)?;
            canvas.line((*x, y), (*x, y + 5), self.palette.muted)?;
            canvas.text(text, (*x, y + 16), Anchor::Centre, set)?;
        }
        canvas.line((self.left, y), (self.left + self.plot(), y), self.palette.muted)?;
        canvas.text(axis.unit, (self.left - LABEL_GAP, y + 16), Anchor::Right, set)
    }

    fn label<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
        text: &str,
        y: i32,
    ) -> Result<(), ChartError> {
        let room = f64::from(self.left - MARGIN - LABEL_GAP + 1);
        let set = Type { size: LABEL, weight: Weight::Regular, colour: self.palette.text };
        match fit(text, room, LABEL, Weight::Regular) {
            Some(text) => canvas.text(&text, (self.left - LABEL_GAP, y), Anchor::Right, set),
            None => Ok(()),
        }
    }

    const fn scale(&self, span: Span) -> Scale {
        Scale {
            from: Instant::START,
            to: Instant::from_nanos(span.as_nanos()),
            left: self.left,
            width: self.plot(),
        }
    }
}

fn label_width(versus: &Versus<'_>) -> i32 {
    let threads =
        versus.halves.iter().flat_map(|half| half.lanes.threads.iter().map(|lane| lane.name.as_str()));
    let bars = versus.halves.iter().filter(|_| versus.has_totals()).map(|half| half.label);
    let labels = threads.chain(bars);
    let widest = labels.map(|label| width(label, LABEL, Weight::Regular)).fold(0.0, f64::max);
    widest.clamp(LABEL_WIDTHS.0, LABEL_WIDTHS.1).ceil() as i32
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
