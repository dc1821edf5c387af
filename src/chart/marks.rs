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

const HEAD: i32 = 8;
const STROKE: f64 = 1.0;

/// Arrows of two pixels' width.
impl Scene {
    /// A straight arrow.
    pub fn pointer(&mut self, from: (i32, i32), to: (i32, i32), colour: Rgb) {
        self.path(&[from, to], colour);
    }

    /// An arrow along these points.
    pub fn path(&mut self, points: &[(i32, i32)], colour: Rgb) {
        let [.., before, tip] = points else { return };
        let (along, across) = direction(*before, *tip);
        // The line ends within the head, so that the tip is sharp.
        let neck = shifted(*tip, along, -f64::from(HEAD) + 1.0);
        let mut way: Vec<(i32, i32)> = points[..points.len() - 1].to_vec();
        way.retain(|point| distance(*point, *tip) > f64::from(HEAD));
        way.push(neck);
        if way.len() == 1 {
            way.insert(0, points[0]);
        }
        let mut outline = Vec::with_capacity(2 * way.len());
        let mut back = Vec::with_capacity(way.len());
        for (place, &point) in way.iter().enumerate() {
            let next = way.get(place + 1).copied().unwrap_or(*tip);
            let (_, across) = direction(if place == 0 { point } else { way[place - 1] }, next);
            outline.push(shifted(point, across, STROKE));
            back.push(shifted(point, across, -STROKE));
        }
        outline.extend(back.into_iter().rev());
        self.polygon(outline, colour);
        let foot = shifted(*tip, along, -f64::from(HEAD));
        self.polygon(vec![*tip, shifted(foot, across, 5.0), shifted(foot, across, -5.0)], colour);
    }
}

fn distance(one: (i32, i32), other: (i32, i32)) -> f64 {
    f64::from(one.0 - other.0).hypot(f64::from(one.1 - other.1))
}

/// Of length one, along and to the right of a way.
fn direction(from: (i32, i32), to: (i32, i32)) -> ((f64, f64), (f64, f64)) {
    let long = distance(from, to).max(f64::MIN_POSITIVE);
    let along = (f64::from(to.0 - from.0) / long, f64::from(to.1 - from.1) / long);
    (along, (-along.1, along.0))
}

fn shifted(point: (i32, i32), by: (f64, f64), times: f64) -> (i32, i32) {
    let part = |at: i32, by: f64| (f64::from(at) + by * times).round() as i32;
    (part(point.0, by.0), part(point.1, by.1))
}
