//! Small signs that stand at a point of a chart, told apart by their shapes as well as by their colours.

use super::canvas::Rgb;
use super::scene::Scene;

/// The shape of a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    Square,
    Triangle,
    Diamond,
    Cross,
    /// An upright line.
    Tick,
}

impl Scene {
    /// Draws a sign around a point; `half` is half of its height.
    pub fn mark(&mut self, mark: Mark, (x, y): (i32, i32), half: i32, colour: Rgb) {
        match mark {
            Mark::Square => self.rect((x - half, y - half), (2 * half, 2 * half), colour),
            Mark::Triangle => {
                let (half, low) = (half + 1, y + half);
                self.polygon(vec![(x - half, low), (x + half, low), (x, y - half)], colour);
            }
            Mark::Diamond => {
                let half = half + 1;
                self.polygon(vec![(x - half, y), (x, y - half), (x + half, y), (x, y + half)], colour);
            }
            Mark::Cross => self.cross((x, y), colour),
            Mark::Tick => self.rect((x - 1, y - half), (2, 2 * half), colour),
        }
    }
}
