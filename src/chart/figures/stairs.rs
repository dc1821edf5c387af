//! Staircases: a number over time as an area, one panel for each thing that is counted.

use crate::analysis::naming::count;
use crate::chart::canvas::{Anchor, Type};
use crate::chart::columns::Scale;
use crate::chart::font::Weight;
use crate::chart::layout::INSIDE;
use crate::chart::scene::{Fill, Scene};
use crate::time::Instant;

/// Changes of a number, in any order.
pub type Steps = Vec<(Instant, i64)>;

/// Which of several values within one column of pixels is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    Most,
    Least,
}

/// Where a staircase stands, and the value at its top.
#[derive(Clone, Copy, Debug)]
pub struct Panel {
    pub top: i32,
    pub height: i32,
    pub most: i64,
}

/// The value in each column of pixels, from what the number was at the beginning.
pub fn columns(steps: &mut Steps, initial: i64, scale: &Scale, keep: Keep) -> Vec<i64> {
    // At one instant one thing may go as another one comes: their order must not make a peak.
    steps.sort_unstable();
    let all = scale.width.max(1) as usize;
    let mut columns = vec![initial; all];
    let (mut value, mut at) = (initial, 0_usize);
    let column = |when: Instant| ((scale.exact(when) - f64::from(scale.left)) as usize).min(all - 1);
    let kept = |one: i64, other: i64| match keep {
        Keep::Most => one.max(other),
        Keep::Least => one.min(other),
    };
    for change in steps.chunk_by(|one, next| one.0 == next.0) {
        let here = column(change[0].0);
        if here > at {
            columns[at] = kept(columns[at], value);
            columns[at + 1..=here].fill(value);
            at = here;
        }
        value += change.iter().map(|(_, by)| by).sum::<i64>();
        // What was so for no time at the beginning was never so.
        columns[at] = if change[0].0 <= scale.from { value } else { kept(columns[at], value) };
    }
    if at + 1 < all {
        columns[at + 1..].fill(value);
    }
    columns
}

/// Draws a staircase with its levels.
pub fn draw(scene: &mut Scene, scale: &Scale, columns: &[i64], panel: Panel, area: Fill) {
    let palette = scene.palette;
    let most = panel.most.max(1);
    let set = Type { size: INSIDE, weight: Weight::Regular, colour: palette.muted };
    let height = |value: i64| (value as f64 / most as f64 * f64::from(panel.height)).round() as i32;
    let levels = if most <= 5 { (0..=most).collect() } else { vec![0, most / 2, most] };
    let base = panel.top + panel.height;
    for level in levels {
        let at = base - height(level);
        scene.line((scale.left, at), (scale.left + scale.width, at), palette.grid);
        scene.text(&count(level.unsigned_abs()), (scale.left - 8, at), Anchor::Right, set);
    }
    let mut outline = vec![(scale.left, base)];
    let mut begin = scale.left;
    for run in columns.chunk_by(|one, next| one == next) {
        let (end, top) = (begin + run.len() as i32, base - height(run[0]));
        outline.extend([(begin, top), (end, top)]);
        begin = end;
    }
    outline.push((begin, base));
    scene.area(outline, area);
    scene.line((scale.left, base), (scale.left + scale.width, base), palette.muted);
}
