//! Distribution functions of two samples, as staircases over a logarithmic axis of time.

use plotters::prelude::DrawingBackend;

use crate::time::Span;

use super::ChartError;
use super::canvas::{Anchor, Canvas, Rgb, Type};
use super::columns::Paint;
use super::font::{Weight, fit};
use super::layout::{INSIDE, LABEL};
use super::theme::Palette;
use super::units::time;
use super::versus::Distribution;

const TITLE: i32 = 24;
const FOOT: i32 = 26;
const LEFT: i32 = 44;
/// What lies beyond these parts of a sample doesn't widen the axis.
const OUTSIDE: f64 = 0.005;
const STROKE: i32 = 2;
/// The least distance of two marks of the axis.
const ROOM: i32 = 46;

/// The plot within its frame, and the times at its edges.
struct Plot {
    left: i32,
    top: i32,
    width: i32,
    height: i32,
    /// Logarithms.
    low: f64,
    high: f64,
}

impl Plot {
    fn x(&self, nanos: f64) -> i32 {
        let part = (nanos.max(1.0).ln() - self.low) / (self.high - self.low);
        self.left + (part.clamp(0.0, 1.0) * f64::from(self.width)).round() as i32
    }

    fn y(&self, part: f64) -> i32 {
        self.top + ((1.0 - part) * f64::from(self.height)).round() as i32
    }
}

/// Draws one distribution into a frame of this size.
pub fn draw<B: DrawingBackend>(
    canvas: &mut Canvas<'_, B>,
    palette: &Palette,
    distribution: &Distribution<'_>,
    labels: [&str; 2],
    (left, top): (i32, i32),
    (width, height): (i32, i32),
) -> Result<(), ChartError> {
    let text = Type { size: LABEL, weight: Weight::Regular, colour: palette.text };
    if let Some(name) = fit(distribution.name, f64::from(width), LABEL, Weight::Regular) {
        canvas.text(&name, (left, top + 6), Anchor::Left, text)?;
    }
    let (low, high) = ends(distribution.samples);
    let plot = Plot {
        left: left + LEFT,
        top: top + TITLE,
        width: width - LEFT - 4,
        height: height - TITLE - FOOT,
        low: low.ln(),
        high: high.ln(),
    };
    canvas.rect((plot.left, plot.top), (plot.width, plot.height), palette.band)?;
    let set = Type { size: INSIDE, weight: Weight::Regular, colour: palette.muted };
    for percent in [0, 50, 100] {
        let y = plot.y(f64::from(percent) / 100.0);
        canvas.line((plot.left, y), (plot.left + plot.width, y), palette.grid)?;
        canvas.text(&format!("{percent} %"), (plot.left - 8, y), Anchor::Right, set)?;
    }
    let mut last = i32::MIN;
    for nanos in marks(low, high) {
        let x = plot.x(nanos as f64);
        if x < last.saturating_add(ROOM) {
            continue;
        }
        last = x;
        canvas.line((x, plot.top), (x, plot.top + plot.height + 4), palette.grid)?;
        canvas.text(&time(Span::from_nanos(nanos)), (x, plot.top + plot.height + 14), Anchor::Centre, set)?;
    }
    let colours = [palette.paint(Paint::Kernel), palette.paint(Paint::Interrupt)];
    for ((samples, colour), (label, number)) in
        distribution.samples.into_iter().zip(colours).zip(labels.into_iter().zip(0..))
    {
        staircase(canvas, &plot, samples, colour)?;
        // The key stands where distribution functions seldom go: at the lower right.
        let y = plot.top + plot.height - 34 + number * 17;
        let x = plot.left + plot.width - 8;
        let set = Type { size: INSIDE, weight: Weight::Strong, colour };
        canvas.text(label, (x, y), Anchor::Right, set)?;
    }
    Ok(())
}

/// The times at the edges: a little beyond what both samples hold.
fn ends(samples: [&[u64]; 2]) -> (f64, f64) {
    let at = |samples: &[u64], part: f64| {
        let place = (samples.len() as f64 * part) as usize;
        samples.get(place.min(samples.len().saturating_sub(1))).map(|&nanos| nanos.max(1) as f64)
    };
    let low = samples.iter().filter_map(|side| at(side, OUTSIDE)).fold(f64::INFINITY, f64::min);
    let high = samples.iter().filter_map(|side| at(side, 1.0 - OUTSIDE)).fold(1.0, f64::max);
    let low = if low.is_finite() { low } else { 1.0 };
    ((low * 0.7).max(1.0), (high * 1.4).max(low * 2.0).max(2.0))
}

/// 1, 2 and 5 of each power of ten within.
fn marks(low: f64, high: f64) -> Vec<u64> {
    let powers = (0..19).map(|power| 10_u64.pow(power));
    let marks = powers.flat_map(|power| [1, 2, 5].map(|digit| power.saturating_mul(digit)));
    marks.filter(|&nanos| (low..=high).contains(&(nanos as f64))).collect()
}

/// One step for each column of pixels at most, as one area: its left upper edge, and back along its
/// right lower one.
fn staircase<B: DrawingBackend>(
    canvas: &mut Canvas<'_, B>,
    plot: &Plot,
    samples: &[u64],
    colour: Rgb,
) -> Result<(), ChartError> {
    let all = samples.len().max(1) as f64;
    let mut corners = vec![(plot.left, plot.y(0.0))];
    let mut place = 0;
    while place < samples.len() {
        let column = plot.x(samples[place] as f64);
        place += samples[place..].partition_point(|&nanos| plot.x(nanos as f64) <= column);
        let (y, above) = (corners.last().map_or(0, |corner| corner.1), plot.y(place as f64 / all));
        if above != y {
            corners.extend([(column, y), (column, above)]);
        }
    }
    corners.push((plot.left + plot.width, corners.last().map_or(0, |corner| corner.1)));
    let edge = |by: i32| corners.iter().map(move |&(x, y)| (x + by, y + by));
    let outline: Vec<(i32, i32)> = edge(-STROKE / 2).chain(edge(STROKE / 2).rev()).collect();
    canvas.polygon(&outline, colour)
}
