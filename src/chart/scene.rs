//! A picture as a list of shapes, for the charts that aren't timelines: title, question, key, and what a
//! chart puts below them. A text that would touch another one isn't taken, so no two ever overlap.

use plotters::prelude::DrawingBackend;

use crate::analysis::naming::printable;
use crate::trace::Header;

use super::canvas::{Anchor, Canvas, Rgb, Type};
use super::font::{Weight, fit, width};
use super::hatch::{self, Piece};
use super::layout::{MARGIN, NOTE, QUESTION, QUESTION_LINE, TITLE, question_lines};
use super::marks::Mark;
use super::theme::{Palette, Theme};
use super::{ChartError, Options};

const KEY_SIZE: f64 = 12.0;
const KEY_LINE: i32 = 22;
const SWATCH: i32 = 18;
const NOTE_LINE: i32 = 20;

pub use super::hatch::{Fill, Hatch};

/// A sign of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    Area(Fill),
    /// What `Scene::area` draws: on paper a tone.
    Tone(Fill),
    Line(Rgb),
    /// An arrow that points up.
    Up(Rgb),
    Down(Rgb),
    Cross(Rgb),
    /// A small sign of half that height.
    Mark(Mark, i32, Rgb),
}

#[derive(Clone, Debug)]
enum Shape {
    Rect((i32, i32), (i32, i32), Rgb),
    Line((i32, i32), (i32, i32), Rgb),
    Polygon(Vec<(i32, i32)>, Rgb),
    Path(Vec<(i32, i32)>, Rgb),
    Text(String, (i32, i32), Anchor, Type),
}

/// Left, top, right and bottom.
pub type Area = (i32, i32, i32, i32);

/// A picture that is ready to be drawn.
#[derive(Clone, Debug)]
pub struct Scene {
    pub palette: Palette,
    width: i32,
    height: i32,
    shapes: Vec<Shape>,
    texts: Vec<Area>,
    notes: Vec<String>,
}

impl Scene {
    /// An empty picture with its title; the second value is where its content may begin.
    pub fn new(header: &Header, options: &Options, key: &[(Sign, String)]) -> (Scene, i32) {
        let mut scene = Scene {
            palette: options.theme.palette(),
            width: options.width as i32,
            height: 0,
            shapes: Vec::new(),
            texts: Vec::new(),
            notes: Vec::new(),
        };
        let room = scene.width - 2 * MARGIN;
        let palette = scene.palette;
        let mut y = MARGIN + 10;
        let title = Type { size: TITLE, weight: Weight::Strong, colour: palette.text };
        scene.text_in(&header.scenario, room, (MARGIN, y), Anchor::Left, title);
        let question = Type { size: QUESTION, weight: Weight::Regular, colour: palette.muted };
        for (line, number) in question_lines(&header.question, scene.width).iter().zip(0..) {
            y += if number == 0 { 28 } else { QUESTION_LINE };
            scene.text(line, (MARGIN, y), Anchor::Left, question);
        }
        y += 32;
        if !key.is_empty() {
            y = scene.key(key, y) + KEY_LINE;
        }
        (scene, y)
    }

    /// Draws the key from `y` on; gives the middle of its last line.
    fn key(&mut self, key: &[(Sign, String)], mut y: i32) -> i32 {
        let set = Type { size: KEY_SIZE, weight: Weight::Regular, colour: self.palette.muted };
        let mut x = MARGIN;
        for (sign, text) in key {
            let wide = SWATCH + 7 + measure(text, set) + 15;
            if x > MARGIN && x + wide - 15 > self.width - MARGIN {
                (x, y) = (MARGIN, y + KEY_LINE);
            }
            match *sign {
                Sign::Area(fill) => self.fill((x, y - 6), (SWATCH, 12), fill),
                Sign::Tone(fill) => {
                    let (right, top, bottom) = (x + SWATCH, y - 6, y + 6);
                    self.area(vec![(x, top), (right, top), (right, bottom), (x, bottom)], fill);
                }
                Sign::Line(colour) => self.rect((x, y - 1), (SWATCH, 3), colour),
                Sign::Up(colour) => self.arrow((x + SWATCH / 2, y + 8), y - 8, colour),
                Sign::Down(colour) => self.arrow((x + SWATCH / 2, y - 8), y + 8, colour),
                Sign::Cross(colour) => self.cross((x + SWATCH / 2, y), colour),
                Sign::Mark(mark, half, colour) => self.mark(mark, (x + SWATCH / 2, y), half, colour),
            }
            let room = self.width - MARGIN - x - SWATCH - 7;
            self.text_in(text, room, (x + SWATCH + 7, y), Anchor::Left, set);
            x += wide;
        }
        y
    }

    pub const fn width(&self) -> i32 {
        self.width
    }

    pub fn rect(&mut self, at: (i32, i32), size: (i32, i32), colour: Rgb) {
        self.shapes.push(Shape::Rect(at, size, colour));
    }

    pub fn line(&mut self, from: (i32, i32), to: (i32, i32), colour: Rgb) {
        self.shapes.push(Shape::Line(from, to, colour));
    }

    pub fn polygon(&mut self, points: Vec<(i32, i32)>, colour: Rgb) {
        self.shapes.push(Shape::Polygon(points, colour));
    }

    /// An area with a jagged outline, which has a grey on paper: a pattern would take too many lines.
    pub fn area(&mut self, points: Vec<(i32, i32)>, fill: Fill) {
        let colour = match self.palette.theme {
            Theme::Print => fill.hatch.grey(),
            Theme::Light | Theme::Dark => fill.colour,
        };
        self.polygon(points, colour);
    }

    /// An upright arrow from a point to another height.
    pub fn arrow(&mut self, (x, from): (i32, i32), to: i32, colour: Rgb) {
        let back = if to < from { 6 } else { -6 };
        let ground = self.palette.background;
        self.polygon(vec![(x - 6, to + back), (x + 7, to + back), (x, to - back.signum() * 2)], ground);
        self.rect((x, from.min(to + back)), (1, (from - to - back).abs()), colour);
        self.polygon(vec![(x - 4, to + back), (x + 5, to + back), (x, to)], colour);
    }

    /// A small cross.
    pub fn cross(&mut self, (x, y): (i32, i32), colour: Rgb) {
        self.polygon(vec![(x - 5, y - 4), (x - 4, y - 5), (x + 5, y + 4), (x + 4, y + 5)], colour);
        self.polygon(vec![(x - 5, y + 4), (x - 4, y + 5), (x + 5, y - 4), (x + 4, y - 5)], colour);
    }

    /// An area in a colour, or with a pattern on paper.
    pub fn fill(&mut self, at: (i32, i32), size: (i32, i32), fill: Fill) {
        for piece in hatch::pieces(at, size, fill, &self.palette) {
            self.shapes.push(match piece {
                Piece::Rect(at, size, colour) => Shape::Rect(at, size, colour),
                Piece::Path(points, colour) => Shape::Path(points, colour),
            });
        }
    }

    /// A text on a fill, with a ground of its own if it stands on a pattern.
    pub fn text_on(&mut self, text: &str, room: i32, at: (i32, i32), size: f64, fill: Fill) -> bool {
        let set = Type { size, weight: Weight::Regular, colour: fill.text(&self.palette) };
        let Some(text) = fit(&printable(text), f64::from(room), size, Weight::Regular) else { return false };
        if fill.hides_texts(self.palette.theme) {
            let wide = measure(&text, set) + 4;
            let high = size as i32 + 3;
            let ground = self.palette.background;
            self.rect((at.0 - wide / 2, at.1 - high / 2), (wide, high), ground);
        }
        self.text(&text, at, Anchor::Centre, set)
    }

    /// A text, unless another one is in its place or it would leave the picture.
    pub fn text(&mut self, text: &str, at: (i32, i32), anchor: Anchor, set: Type) -> bool {
        if text.is_empty() {
            return true;
        }
        let area = area(text, at, anchor, set);
        if !self.is_free(area) {
            return false;
        }
        self.texts.push(area);
        self.shapes.push(Shape::Text(text.to_owned(), at, anchor, set));
        true
    }

    /// As much of a text as there is room for.
    pub fn text_in(&mut self, text: &str, room: i32, at: (i32, i32), anchor: Anchor, set: Type) -> bool {
        let text = fit(&printable(text), f64::from(room), set.size, set.weight);
        text.is_some_and(|text| self.text(&text, at, anchor, set))
    }

    fn is_free(&self, area: Area) -> bool {
        let apart =
            |other: &Area| area.2 <= other.0 || other.2 <= area.0 || area.3 <= other.1 || other.3 <= area.1;
        area.0 >= 0 && area.2 <= self.width && self.texts.iter().all(apart)
    }

    pub fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    /// Writes the notes below `bottom`, where the content ends, and closes the picture.
    pub fn finish(mut self, bottom: i32) -> Scene {
        let set = Type { size: NOTE, weight: Weight::Regular, colour: self.palette.muted };
        let notes = std::mem::take(&mut self.notes);
        let mut y = bottom + 8;
        for note in &notes {
            self.text_in(note, self.width - 2 * MARGIN, (MARGIN, y), Anchor::Left, set);
            y += NOTE_LINE;
        }
        self.height = y + MARGIN / 2 - 4;
        self
    }

    /// Width and height.
    pub fn size(&self) -> (u32, u32) {
        (self.width.unsigned_abs(), self.height.unsigned_abs())
    }

    pub fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<'_, B>) -> Result<(), ChartError> {
        canvas.rect((0, 0), (self.width, self.height), self.palette.background)?;
        for shape in &self.shapes {
            match shape {
                Shape::Rect(at, size, colour) => canvas.rect(*at, *size, *colour)?,
                Shape::Line(from, to, colour) => canvas.line(*from, *to, *colour)?,
                Shape::Polygon(points, colour) => canvas.polygon(points, *colour)?,
                Shape::Path(points, colour) => canvas.path(points, *colour)?,
                Shape::Text(text, at, anchor, set) => canvas.text(text, *at, *anchor, *set)?,
            }
        }
        canvas.finish()
    }

    /// Where the texts stand.
    #[cfg(test)]
    pub fn areas(&self) -> &[Area] {
        &self.texts
    }
}

/// How wide a text is.
pub fn measure(text: &str, set: Type) -> i32 {
    width(text, set.size, set.weight).ceil() as i32
}

fn area(text: &str, (x, y): (i32, i32), anchor: Anchor, set: Type) -> Area {
    let wide = measure(text, set);
    let left = match anchor {
        Anchor::Left => x,
        Anchor::Centre => x - wide / 2,
        Anchor::Right => x - wide,
    };
    let half = (set.size * 0.6).ceil() as i32;
    (left, y - half, left + wide, y + half)
}
