//! Pictures of a trace.
//!
//! - `timeline`: the timeline, from lanes to drawing instructions
//! - `rows`: which lanes get a row of the picture, and which are drawn together
//! - `columns`: spans as pixels, with a size that depends on the picture and not on the trace
//! - `layout`: where everything stands
//! - `axis`: which times are written below, and in which unit
//! - `arrows`: wake-ups, forks and messages from row to row
//! - `interrupts`: the rows of the interrupt lines
//! - `labels`: the texts inside bars; `callouts`: those above what is too narrow for them
//! - `legend`: what the colours mean
//! - `texts`: titles, names and what threads print
//! - `releases`: when jobs are released and due
//! - [`terminal`]: the timeline as characters
//! - `ticks`: calls that take no time
//! - `theme`: the colours
//! - [`versus`]: two sides of a comparison; `curves` draws their distributions
//! - [`figures`]: the other kinds of chart, one row each; `scene` is what they are drawn with
//! - [`panels`]: one scenario under several policies, a small timeline for each
//! - `canvas`: drawing instructions for either kind of file
//! - `marks`: small signs at a point, and arrows
//! - `hatch`: patterns in place of colours, for paper; `units`: times and amounts in words
//! - `font`: the typeface and the widths of texts
//!
//! The same lanes and options give the same bytes, on every machine.

mod arrows;
mod axis;
mod callouts;
mod canvas;
mod columns;
mod curves;
pub mod figures;
mod font;
mod hatch;
mod interrupts;
mod labels;
mod layout;
mod legend;
mod marks;
pub mod panels;
mod releases;
mod rows;
mod scene;
pub mod terminal;
mod texts;
mod theme;
mod ticks;
mod timeline;
mod units;
pub mod versus;

#[cfg(test)]
mod apart_tests;
#[cfg(test)]
mod panels_tests;
#[cfg(test)]
mod timeline_tests;
#[cfg(test)]
mod versus_tests;

use plotters::prelude::{BitMapBackend, SVGBackend};
use thiserror::Error;

use crate::analysis::Lanes;
use crate::trace::Header;

pub use canvas::Rgb;
use canvas::{BITMAP_TEXT_RISE, Canvas, SVG_TEXT_RISE};
pub use columns::Paint;
pub use figures::{CHARTS, ChartRow};
pub use panels::Panels;
use scene::Scene;
pub use theme::Theme;
use timeline::Timeline;
pub use versus::Versus;

/// How wide a picture may be; beyond this, viewers give up.
const WIDTHS: std::ops::RangeInclusive<u32> = 400..=8_000;
/// A PNG has this many pixels to each of the picture's units, so that texts are sharp.
const PNG_SCALE: u32 = 2;

/// How a chart is drawn. The part of the run that it shows is the lanes' window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// In pixels; the height follows from the number of rows.
    pub width: u32,
    pub theme: Theme,
    /// Arrows from who wakes to who is woken, and from parent to child.
    pub wakeups: bool,
    /// Arrows from sender to receiver.
    pub messages: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { width: 1_200, theme: Theme::Light, wakeups: true, messages: false }
    }
}

/// Why there is no picture.
#[derive(Debug, Error)]
pub enum ChartError {
    #[error("a chart can be {least} to {most} pixels wide, not {0}", least = WIDTHS.start(), most = WIDTHS.end())]
    Width(u32),
    #[error("the chart can't be drawn: {0}")]
    Drawing(String),
    #[error("the picture can't be written as PNG: {0}")]
    Png(#[from] png::EncodingError),
}

/// The timeline as the text of an SVG file.
pub fn timeline_svg(lanes: &Lanes, header: &Header, options: &Options) -> Result<String, ChartError> {
    let timeline = prepare(lanes, header, options)?;
    let mut svg = String::new();
    let mut backend = SVGBackend::with_string(&mut svg, timeline.size());
    timeline.draw(&mut Canvas::new(&mut backend, 1, SVG_TEXT_RISE)?)?;
    drop(backend);
    Ok(svg)
}

/// The timeline as the content of a PNG file, twice as wide as asked for so that it prints well.
pub fn timeline_png(lanes: &Lanes, header: &Header, options: &Options) -> Result<Vec<u8>, ChartError> {
    let timeline = prepare(lanes, header, options)?;
    png(timeline.size(), |canvas| timeline.draw(canvas))
}

/// A chart of any kind as the text of an SVG file.
pub fn chart_svg(
    row: &ChartRow,
    lanes: &Lanes,
    header: &Header,
    options: &Options,
) -> Result<String, ChartError> {
    let Some(draw) = row.draw else { return timeline_svg(lanes, header, options) };
    check(options)?;
    scene_svg(&draw(lanes, header, options))
}

fn scene_svg(scene: &Scene) -> Result<String, ChartError> {
    let mut svg = String::new();
    let mut backend = SVGBackend::with_string(&mut svg, scene.size());
    scene.draw(&mut Canvas::new(&mut backend, 1, SVG_TEXT_RISE)?)?;
    drop(backend);
    Ok(svg)
}

/// A chart of any kind as the content of a PNG file, twice as wide as asked for so that it prints well.
pub fn chart_png(
    row: &ChartRow,
    lanes: &Lanes,
    header: &Header,
    options: &Options,
) -> Result<Vec<u8>, ChartError> {
    let Some(draw) = row.draw else { return timeline_png(lanes, header, options) };
    check(options)?;
    let scene = draw(lanes, header, options);
    png(scene.size(), |canvas| scene.draw(canvas))
}

/// The latencies of two runs over one axis, as the text of an SVG file. The header's names are the picture's.
pub fn latency_overlay_svg(
    sides: [(&str, &Lanes); 2],
    header: &Header,
    options: &Options,
) -> Result<String, ChartError> {
    check(options)?;
    scene_svg(&figures::overlay(sides, header, options))
}

/// The latencies of two runs over one axis, as the content of a PNG file.
pub fn latency_overlay_png(
    sides: [(&str, &Lanes); 2],
    header: &Header,
    options: &Options,
) -> Result<Vec<u8>, ChartError> {
    check(options)?;
    let scene = figures::overlay(sides, header, options);
    png(scene.size(), |canvas| scene.draw(canvas))
}

/// A comparison as the text of an SVG file.
pub fn versus_svg(versus: &Versus<'_>, options: &Options) -> Result<String, ChartError> {
    check(options)?;
    let picture = versus::Picture::new(versus, options);
    let mut svg = String::new();
    let mut backend = SVGBackend::with_string(&mut svg, picture.size());
    picture.draw(&mut Canvas::new(&mut backend, 1, SVG_TEXT_RISE)?)?;
    drop(backend);
    Ok(svg)
}

/// A comparison as the content of a PNG file.
pub fn versus_png(versus: &Versus<'_>, options: &Options) -> Result<Vec<u8>, ChartError> {
    check(options)?;
    let picture = versus::Picture::new(versus, options);
    png(picture.size(), |canvas| picture.draw(canvas))
}

/// Small timelines as the text of an SVG file.
pub fn panels_svg(panels: &Panels<'_>, options: &Options) -> Result<String, ChartError> {
    check(options)?;
    let picture = panels::Picture::new(panels, options);
    let mut svg = String::new();
    let mut backend = SVGBackend::with_string(&mut svg, picture.size());
    picture.draw(&mut Canvas::new(&mut backend, 1, SVG_TEXT_RISE)?)?;
    drop(backend);
    Ok(svg)
}

/// Small timelines as the content of a PNG file.
pub fn panels_png(panels: &Panels<'_>, options: &Options) -> Result<Vec<u8>, ChartError> {
    check(options)?;
    let picture = panels::Picture::new(panels, options);
    png(picture.size(), |canvas| picture.draw(canvas))
}

fn png(
    (width, height): (u32, u32),
    draw: impl FnOnce(&mut Canvas<'_, BitMapBackend<'_>>) -> Result<(), ChartError>,
) -> Result<Vec<u8>, ChartError> {
    let (width, height) = (width * PNG_SCALE, height * PNG_SCALE);
    let mut pixels = vec![0; width as usize * height as usize * 3];
    let mut backend = BitMapBackend::with_buffer(&mut pixels, (width, height));
    draw(&mut Canvas::new(&mut backend, PNG_SCALE as i32, BITMAP_TEXT_RISE)?)?;
    drop(backend);
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(png)
}

const fn check(options: &Options) -> Result<(), ChartError> {
    if options.width < *WIDTHS.start() || options.width > *WIDTHS.end() {
        return Err(ChartError::Width(options.width));
    }
    Ok(())
}

fn prepare<'a>(lanes: &'a Lanes, header: &'a Header, options: &Options) -> Result<Timeline<'a>, ChartError> {
    check(options)?;
    Ok(Timeline::new(lanes, header, options))
}
