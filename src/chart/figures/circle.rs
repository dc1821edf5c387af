//! A circle of waits: threads and what they wait for by turns, with arrows from each to the next.

use std::f64::consts::PI;

use crate::analysis::waits::WaitGraph;
use crate::chart::layout::MARGIN;
use crate::chart::scene::Scene;
use crate::trace::Header;

use super::waits::{Looks, awaited, node};

const BOX: (i32, i32) = (140, 28);
/// Of half the height, for each thread of the circle.
const RISE: i32 = 26;

/// Draws the circle from `top` on; gives where it ends.
pub fn draw(scene: &mut Scene, graph: &WaitGraph, header: &Header, looks: &Looks, top: i32) -> i32 {
    let circle = &graph.circle;
    let all = 2 * circle.len() as i32;
    let half = 70 + (circle.len() as i32 - 2).max(0) * RISE;
    let wide = ((scene.width() - 2 * MARGIN - BOX.0) / 2).min(150 + circle.len() as i32 * 42);
    let centre = (scene.width() / 2, top + half + BOX.1 / 2);
    let point = |step: f64| {
        // From the top on, as a clock goes.
        let angle = step / f64::from(all) * 2.0 * PI - PI / 2.0;
        let (x, y) = (angle.cos() * f64::from(wide), angle.sin() * f64::from(half));
        (centre.0 + x.round() as i32, centre.1 + y.round() as i32)
    };
    for place in 0..all {
        let (from, to) = (point(f64::from(place)), point(f64::from(place + 1)));
        scene.pointer(border(from, to), border(to, from), looks.alarm);
    }
    for (place, &party) in circle.iter().enumerate() {
        let own = &graph.threads[party];
        let corner = |step: f64| {
            let (x, y) = point(step);
            (x - BOX.0 / 2, y - BOX.1 / 2)
        };
        node(scene, &own.name, corner(2.0 * place as f64), BOX, looks.stuck);
        let what = own.wait.as_ref().map(|wait| awaited(wait, header)).unwrap_or_default();
        node(scene, &what, corner(2.0 * place as f64 + 1.0), BOX, looks.object);
    }
    top + 2 * half + BOX.1 + 10
}

/// Where the way from the middle of one box to another one leaves the first, with some room around it.
fn border(from: (i32, i32), to: (i32, i32)) -> (i32, i32) {
    let (x, y) = (f64::from(to.0 - from.0), f64::from(to.1 - from.1));
    let reach = |half: i32, along: f64| f64::from(half + 4) / along.abs().max(f64::MIN_POSITIVE);
    let part = reach(BOX.0 / 2, x).min(reach(BOX.1 / 2, y)).min(0.5);
    (from.0 + (x * part).round() as i32, from.1 + (y * part).round() as i32)
}
