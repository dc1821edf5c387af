//! Drawing instructions for either kind of file: rectangles, lines, polygons and texts in units
//! that are a pixel of an SVG and several pixels of a PNG.

use std::borrow::Cow;
use std::fmt::Display;

use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBAColor, ShapeStyle, TextStyle};

use super::ChartError;
use super::font::{Weight, font};
use super::hatch::{self, Fill, Piece};
use super::theme::Palette;

/// Red, green and blue.
pub type Rgb = (u8, u8, u8);

/// How a text is set.
#[derive(Clone, Copy, Debug)]
pub struct Type {
    pub size: f64,
    pub weight: Weight,
    pub colour: Rgb,
}

/// Which point of a text its position is; vertically it is always the middle.
#[derive(Clone, Copy, Debug)]
pub enum Anchor {
    Left,
    Centre,
    Right,
}

/// Where a picture is drawn.
pub struct Canvas<'a, B: DrawingBackend> {
    backend: &'a mut B,
    scale: i32,
    /// How far the middle of a text stands above its position, in parts of its size.
    text_rise: f64,
}

/// The bitmap backend centres the line on the position, the SVG backend the small letters.
pub const BITMAP_TEXT_RISE: f64 = 0.2;
pub const SVG_TEXT_RISE: f64 = 0.0;

fn style((red, green, blue): Rgb, stroke_width: u32) -> ShapeStyle {
    ShapeStyle { color: RGBAColor(red, green, blue, 1.0), filled: true, stroke_width }
}

impl<'a, B: DrawingBackend> Canvas<'a, B> {
    pub fn new(backend: &'a mut B, scale: i32, text_rise: f64) -> Result<Canvas<'a, B>, ChartError> {
        backend.ensure_prepared().map_err(failed)?;
        Ok(Canvas { backend, scale, text_rise })
    }

    pub fn rect(
        &mut self,
        (x, y): (i32, i32),
        (width, height): (i32, i32),
        colour: Rgb,
    ) -> Result<(), ChartError> {
        if width <= 0 || height <= 0 {
            return Ok(());
        }
        let scale = self.scale;
        let end = ((x + width) * scale, (y + height) * scale);
        self.backend.draw_rect((x * scale, y * scale), end, &style(colour, 1), true).map_err(failed)
    }

    pub fn line(&mut self, from: (i32, i32), to: (i32, i32), colour: Rgb) -> Result<(), ChartError> {
        let scale = self.scale;
        let stroke = style(colour, scale as u32);
        let points = [(from.0 * scale, from.1 * scale), (to.0 * scale, to.1 * scale)];
        self.backend.draw_line(points[0], points[1], &stroke).map_err(failed)
    }

    pub fn polygon(&mut self, points: &[(i32, i32)], colour: Rgb) -> Result<(), ChartError> {
        let scale = self.scale;
        let points = points.iter().map(|&(x, y)| (x * scale, y * scale));
        self.backend.fill_polygon(points, &style(colour, 1)).map_err(failed)
    }

    /// A line through several points.
    pub fn path(&mut self, points: &[(i32, i32)], colour: Rgb) -> Result<(), ChartError> {
        let scale = self.scale;
        let points = points.iter().map(|&(x, y)| (x * scale, y * scale));
        self.backend.draw_path(points, &style(colour, scale as u32)).map_err(failed)
    }

    /// A rectangle in a colour, or with a pattern on paper.
    pub fn fill(
        &mut self,
        at: (i32, i32),
        size: (i32, i32),
        fill: Fill,
        palette: &Palette,
    ) -> Result<(), ChartError> {
        hatch::pieces(at, size, fill, palette).into_iter().try_for_each(|piece| match piece {
            Piece::Rect(at, size, colour) => self.rect(at, size, colour),
            Piece::Path(points, colour) => self.path(&points, colour),
        })
    }

    pub fn text(&mut self, text: &str, at: (i32, i32), anchor: Anchor, set: Type) -> Result<(), ChartError> {
        let (red, green, blue) = set.colour;
        let horizontal = match anchor {
            Anchor::Left => HPos::Left,
            Anchor::Centre => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        let style = TextStyle {
            font: font(set.size * f64::from(self.scale), set.weight),
            color: RGBAColor(red, green, blue, 1.0).to_backend_color(),
            pos: Pos::new(horizontal, VPos::Center),
        };
        let down = (self.text_rise * set.size * f64::from(self.scale)).round() as i32;
        let text: Cow<'_, str> = match text.chars().all(is_harmless) {
            true => text.into(),
            false => text.chars().map(|own| if is_harmless(own) { own } else { STAND_IN }).collect(),
        };
        self.backend.draw_text(&text, &style, (at.0 * self.scale, at.1 * self.scale + down)).map_err(failed)
    }

    pub fn finish(&mut self) -> Result<(), ChartError> {
        self.backend.present().map_err(failed)
    }
}

/// Stands for what can't be shown.
const STAND_IN: char = '\u{fffd}';

/// Whether a character may be in an XML document, and leaves those around it where they are.
const fn is_harmless(character: char) -> bool {
    let shuffles = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !(character.is_ascii_control()
        || matches!(character, '\u{80}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}')
        || shuffles)
}

fn failed(error: impl Display) -> ChartError {
    ChartError::Drawing(error.to_string())
}
