//! What the colours and signs mean; only those that occur.

use plotters::prelude::DrawingBackend;

use super::ChartError;
use super::canvas::{Anchor, Canvas, Type};
use super::columns::Paint;
use super::font::{Weight, width};
use super::layout::{LEGEND_LINE, MARGIN};
use super::releases;
use super::theme::Palette;

const SIZE: f64 = 12.0;
const SWATCH: i32 = 18;
const GAP: i32 = 7;
const BETWEEN: i32 = 15;

/// A sign and its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    State(Paint),
    /// The two marks of an interrupt.
    Interrupt,
    Wakeup,
    Message,
    /// A thread has ended.
    End,
    DeadlineMissed,
    /// A job may run.
    Release,
    /// A job must be over.
    Deadline,
    /// A job should have been over.
    Missed,
}

impl Sign {
    const fn meaning(self) -> &'static str {
        match self {
            Sign::State(paint) => paint.meaning(),
            Sign::Interrupt => "raised, recognised",
            Sign::Wakeup => "wakes or forks",
            Sign::Message => "message",
            Sign::End => "ends",
            Sign::DeadlineMissed | Sign::Missed => "deadline missed",
            Sign::Release => "release",
            Sign::Deadline => "deadline",
        }
    }
}

/// Signs with their places, relative to the first line.
#[derive(Clone, Debug)]
pub struct Legend {
    entries: Vec<(Sign, i32, i32)>,
    pub lines: i32,
}

impl Legend {
    pub fn new(signs: &[Sign], total: i32) -> Legend {
        let (mut x, mut line) = (MARGIN, 0);
        let mut entries = Vec::new();
        for &sign in signs {
            let wide = SWATCH + GAP + width(sign.meaning(), SIZE, Weight::Regular).ceil() as i32;
            if x > MARGIN && x + wide > total - MARGIN {
                x = MARGIN;
                line += 1;
            }
            entries.push((sign, x, line * LEGEND_LINE));
            x += wide + BETWEEN;
        }
        Legend { lines: if entries.is_empty() { 0 } else { line + 1 }, entries }
    }

    pub fn draw<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
        palette: &Palette,
        top: i32,
    ) -> Result<(), ChartError> {
        for &(sign, x, y) in &self.entries {
            let y = top + y;
            match sign {
                Sign::State(paint @ (Paint::Blocked | Paint::Idle)) => {
                    canvas.rect((x, y - 1), (SWATCH, 2), palette.paint(paint))?;
                }
                Sign::State(paint) => canvas.fill((x, y - 6), (SWATCH, 12), palette.fill(paint), palette)?,
                Sign::Interrupt => {
                    canvas.rect((x, y - 2), (SWATCH - 3, 4), palette.pending)?;
                    canvas.rect((x, y - 4), (2, 8), palette.tick())?;
                    canvas.rect((x + SWATCH - 3, y - 7), (2, 14), palette.tick())?;
                }
                Sign::Wakeup => {
                    canvas.line((x, y), (x + SWATCH - 5, y), palette.arrow)?;
                    let tip = [(x + SWATCH - 6, y - 4), (x + SWATCH, y), (x + SWATCH - 6, y + 4)];
                    canvas.polygon(&tip, palette.arrow)?;
                }
                Sign::Message => canvas.line((x, y - 5), (x + SWATCH, y + 5), palette.message)?,
                Sign::End => canvas.rect((x + SWATCH / 2, y - 7), (2, 14), palette.text)?,
                Sign::Release => releases::release(canvas, palette, (x + SWATCH / 2, y - 2))?,
                Sign::Deadline => releases::deadline(canvas, palette, (x + SWATCH / 2, y + 2))?,
                Sign::Missed => releases::missed(canvas, palette, (x + SWATCH / 2, y + 2))?,
                Sign::DeadlineMissed => draw_miss(canvas, palette, (x + SWATCH / 2, y - 5))?,
            }
            let set = Type { size: SIZE, weight: Weight::Regular, colour: palette.muted };
            canvas.text(sign.meaning(), (x + SWATCH + GAP, y), Anchor::Left, set)?;
        }
        Ok(())
    }
}

/// The sign of a missed deadline, which points down at the moment.
pub fn draw_miss<B: DrawingBackend>(
    canvas: &mut Canvas<'_, B>,
    palette: &Palette,
    (x, top): (i32, i32),
) -> Result<(), ChartError> {
    canvas.polygon(&[(x - 6, top), (x + 6, top), (x, top + 11)], palette.background)?;
    canvas.polygon(&[(x - 5, top + 1), (x + 5, top + 1), (x, top + 10)], palette.text)
}
