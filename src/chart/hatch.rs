//! Patterns, which tell areas apart on paper, where colours can't.

use super::canvas::Rgb;
use super::theme::{Palette, Theme};

/// What fills an area on paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hatch {
    Plain,
    Rising,
    Falling,
    Level,
    Upright,
    Crossed,
    Grid,
    /// The same with more room between the lines.
    WideRising,
    WideFalling,
    WideLevel,
    WideUpright,
    WideGrid,
    Solid,
}

impl Hatch {
    /// For one thing among several.
    pub const CYCLE: [Hatch; 6] =
        [Hatch::Rising, Hatch::Plain, Hatch::Falling, Hatch::Level, Hatch::Crossed, Hatch::Upright];

    /// The tone of an area that is too jagged for the pattern.
    pub const fn grey(self) -> Rgb {
        match self {
            Hatch::Plain => (236, 236, 236),
            Hatch::WideRising | Hatch::WideFalling | Hatch::WideLevel | Hatch::WideUpright => (214, 214, 214),
            Hatch::Level | Hatch::Upright | Hatch::WideGrid => (184, 184, 184),
            Hatch::Rising | Hatch::Falling => (120, 120, 120),
            Hatch::Crossed | Hatch::Grid => (80, 80, 80),
            Hatch::Solid => (0, 0, 0),
        }
    }

    /// Between its lines, across or along the pixels' rows.
    const fn pitch(self) -> i32 {
        match self {
            Hatch::Plain | Hatch::Solid | Hatch::Rising | Hatch::Falling | Hatch::Crossed => 6,
            Hatch::Level | Hatch::Upright | Hatch::Grid => 4,
            Hatch::WideRising | Hatch::WideFalling => 14,
            Hatch::WideLevel | Hatch::WideUpright | Hatch::WideGrid => 8,
        }
    }

    const fn rises(self) -> bool {
        matches!(self, Hatch::Rising | Hatch::WideRising | Hatch::Crossed)
    }

    const fn falls(self) -> bool {
        matches!(self, Hatch::Falling | Hatch::WideFalling | Hatch::Crossed)
    }

    const fn is_level(self) -> bool {
        matches!(self, Hatch::Level | Hatch::WideLevel | Hatch::Grid | Hatch::WideGrid)
    }

    const fn is_upright(self) -> bool {
        matches!(self, Hatch::Upright | Hatch::WideUpright | Hatch::Grid | Hatch::WideGrid)
    }
}

/// A colour, and what it is on paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    pub colour: Rgb,
    pub hatch: Hatch,
}

impl Fill {
    /// Whether a text on it needs a ground of its own to be read.
    pub fn hides_texts(self, theme: Theme) -> bool {
        theme == Theme::Print && !matches!(self.hatch, Hatch::Solid | Hatch::Plain)
    }

    /// The colour of a text on it.
    pub fn text(self, palette: &Palette) -> Rgb {
        match palette.theme {
            Theme::Print if self.hatch == Hatch::Solid => palette.background,
            Theme::Print => palette.text,
            Theme::Light | Theme::Dark => palette.on(self.colour),
        }
    }
}

/// What a filled rectangle is drawn of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Rect((i32, i32), (i32, i32), Rgb),
    /// A line through these points.
    Path(Vec<(i32, i32)>, Rgb),
}

/// A rectangle in a colour, or with a border and a pattern on paper.
pub fn pieces(
    (left, top): (i32, i32),
    (wide, high): (i32, i32),
    fill: Fill,
    palette: &Palette,
) -> Vec<Piece> {
    if wide <= 0 || high <= 0 {
        return Vec::new();
    }
    if palette.theme != Theme::Print {
        return vec![Piece::Rect((left, top), (wide, high), fill.colour)];
    }
    let ink = palette.text;
    // Too small for a border and something inside: a tone.
    if fill.hatch == Hatch::Solid || wide < 3 || high < 3 {
        let tone = if wide < 3 && high >= 3 { fill.hatch.grey() } else { ink };
        return vec![Piece::Rect((left, top), (wide, high), tone)];
    }
    let inside = Piece::Rect((left + 1, top + 1), (wide - 2, high - 2), palette.background);
    let mut pieces = vec![Piece::Rect((left, top), (wide, high), ink), inside];
    // Too narrow for a pattern.
    if wide < 10 {
        if fill.hatch != Hatch::Plain {
            pieces[1] = Piece::Rect((left + 1, top + 1), (wide - 2, high - 2), fill.hatch.grey());
        }
        return pieces;
    }
    // Lines go through the middles of pixels' edges: half of one lies on the border.
    let corners = (left + 1, top + 1, left + wide - 1, top + high - 1);
    let mut add = |lines: Vec<Line>| {
        if !lines.is_empty() {
            pieces.push(Piece::Path(zigzag(&lines, corners), ink));
        }
    };
    let step = fill.hatch.pitch() as usize;
    if fill.hatch.rises() {
        add(rising(corners, step));
    }
    if fill.hatch.falls() {
        add(falling(corners, step));
    }
    if fill.hatch.is_level() {
        let ys = (top + step as i32..corners.3).step_by(step);
        add(ys.map(|y| ((corners.0, y), (corners.2, y))).collect());
    }
    if fill.hatch.is_upright() {
        let xs = (left + step as i32..corners.2).step_by(step);
        add(xs.map(|x| ((x, corners.1), (x, corners.3))).collect());
    }
    pieces
}

/// From border to border.
type Line = ((i32, i32), (i32, i32));
/// Left, top, right and bottom, which belong to the border.
type Corners = (i32, i32, i32, i32);

/// Neighbouring rectangles continue each other's lines: these are counted from the picture's corner.
fn next(from: i32, step: usize) -> i32 {
    let step = step as i32;
    from.div_euclid(step) * step + step
}

fn rising((left, top, right, bottom): Corners, step: usize) -> Vec<Line> {
    let sums = (next(left + top, step)..right + bottom).step_by(step);
    sums.map(|sum| {
        let (begin, end) = (left.max(sum - bottom), right.min(sum - top));
        ((begin, sum - begin), (end, sum - end))
    })
    .collect()
}

fn falling((left, top, right, bottom): Corners, step: usize) -> Vec<Line> {
    let rests = (next(left - bottom, step)..right - top).step_by(step);
    rests
        .map(|rest| {
            let (begin, end) = (left.max(rest + top), right.min(rest + bottom));
            ((begin, begin - rest), (end, end - rest))
        })
        .collect()
}

/// One line to and fro, which goes along the border from each line to the next: a file is much shorter so.
fn zigzag(lines: &[Line], (left, top, right, bottom): Corners) -> Vec<(i32, i32)> {
    let mut path: Vec<(i32, i32)> = Vec::with_capacity(2 * lines.len() + 2);
    for (number, &(one, other)) in lines.iter().enumerate() {
        let (begin, end) = if number % 2 == 0 { (one, other) } else { (other, one) };
        if let Some(&before) = path.last()
            && before.0 != begin.0
            && before.1 != begin.1
        {
            // Around a corner.
            let corner = |x: i32, y: i32| (x == left || x == right) && (y == top || y == bottom);
            let turn = if corner(before.0, begin.1) { (before.0, begin.1) } else { (begin.0, before.1) };
            path.push(turn);
        }
        path.extend([begin, end]);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_one_line_that_never_leaves_its_rectangle() {
        let palette = Theme::Print.palette();
        for hatch in [Hatch::Rising, Hatch::Falling, Hatch::Level, Hatch::Upright, Hatch::Crossed] {
            for size in [(10, 12), (200, 24), (37, 91)] {
                let fill = Fill { colour: (1, 2, 3), hatch };
                let pieces = pieces((13, 7), size, fill, &palette);
                let paths: Vec<&Vec<(i32, i32)>> = pieces
                    .iter()
                    .filter_map(|piece| match piece {
                        Piece::Path(path, _) => Some(path),
                        Piece::Rect(..) => None,
                    })
                    .collect();
                assert_eq!(paths.len(), if hatch == Hatch::Crossed { 2 } else { 1 });
                for &(x, y) in paths.into_iter().flatten() {
                    assert!((13..13 + size.0).contains(&x) && (7..7 + size.1).contains(&y), "{x}, {y}");
                }
            }
        }
    }

    #[test]
    fn only_paper_has_patterns() {
        let fill = Fill { colour: (1, 2, 3), hatch: Hatch::Rising };
        let drawn = pieces((0, 0), (50, 20), fill, &Theme::Light.palette());
        assert_eq!(drawn, [Piece::Rect((0, 0), (50, 20), (1, 2, 3))]);
        assert_eq!(pieces((0, 0), (0, 20), fill, &Theme::Print.palette()), []);
    }
}
