//! What several kinds of chart have in common: colours of threads, time axes, names of rows.

use std::collections::BTreeMap;

use crate::analysis::Lanes;
use crate::chart::axis::Axis;
use crate::chart::canvas::{Anchor, Rgb, Type};
use crate::chart::columns::{Paint, Scale};
use crate::chart::font::{Weight, width};
use crate::chart::layout::{INSIDE, LABEL, LABEL_GAP, MARGIN};
use crate::chart::scene::{Fill, Hatch, Scene};
use crate::chart::theme::Palette;
use crate::ids::{Pid, Tid};

/// The room below an axis for its times.
pub const AXIS_HEIGHT: i32 = 36;
const LABEL_WIDTHS: (f64, f64) = (48.0, 190.0);

/// Okabe and Ito's, without those that mean an alarm or nothing at all.
const HUES: [Rgb; 6] =
    [(86, 180, 233), (230, 159, 0), (0, 158, 115), (204, 121, 167), (0, 114, 178), (240, 228, 66)];

/// The colour of what went wrong.
pub const fn alarm(palette: &Palette) -> Rgb {
    palette.alarm
}

/// So many percent of a colour on a ground.
pub fn mix(colour: Rgb, ground: Rgb, percent: u16) -> Rgb {
    let part =
        |own: u8, ground: u8| ((u16::from(own) * percent + u16::from(ground) * (100 - percent)) / 100) as u8;
    (part(colour.0, ground.0), part(colour.1, ground.1), part(colour.2, ground.2))
}

/// One of a cycle of fills that can be told apart.
pub const fn fill(number: usize) -> Fill {
    Fill { colour: HUES[number % HUES.len()], hatch: Hatch::CYCLE[number % Hatch::CYCLE.len()] }
}

/// What a state is filled with.
pub const fn paint(palette: &Palette, paint: Paint) -> Fill {
    palette.fill(paint)
}

/// The names of threads that have a row; those of one name are told apart by their numbers.
pub fn names(lanes: &Lanes) -> BTreeMap<Tid, String> {
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    lanes.threads.iter().for_each(|thread| *uses.entry(&thread.name).or_default() += 1);
    let label = |name: &str, task: Tid| match uses.get(name) {
        Some(2..) => format!("{name} #{task}"),
        Some(_) | None if name.trim().is_empty() => format!("#{task}"),
        Some(_) | None => name.to_owned(),
    };
    lanes.threads.iter().map(|thread| (thread.task, label(&thread.name, thread.task))).collect()
}

/// What each process is called: as its first thread, or as any that is known of it.
pub fn process_names(lanes: &Lanes) -> BTreeMap<Pid, String> {
    let threads = names(lanes);
    let mut processes: BTreeMap<Pid, String> = BTreeMap::new();
    for thread in &lanes.threads {
        let name = &threads[&thread.task];
        if thread.task == thread.process.leader() || !processes.contains_key(&thread.process) {
            processes.insert(thread.process, name.clone());
        }
    }
    processes
}

/// Where the plot begins, so that names have room to the left of it.
pub fn left<'a>(names: impl Iterator<Item = &'a str>) -> i32 {
    let widest = names.map(|name| width(name, LABEL, Weight::Regular)).fold(0.0, f64::max);
    MARGIN + widest.clamp(LABEL_WIDTHS.0, LABEL_WIDTHS.1).ceil() as i32 + LABEL_GAP
}

/// The name of a row, to the left of the plot.
pub fn row_name(scene: &mut Scene, name: &str, left: i32, middle: i32) {
    let set = Type { size: LABEL, weight: Weight::Regular, colour: scene.palette.text };
    scene.text_in(name, left - MARGIN - LABEL_GAP + 1, (left - LABEL_GAP, middle), Anchor::Right, set);
}

/// The lines of a time axis, which go behind everything else.
pub fn grid(scene: &mut Scene, scale: &Scale, top: i32, bottom: i32) {
    let colour = scene.palette.grid;
    for (x, _) in Axis::new(scale).ticks {
        scene.line((x, top), (x, bottom), colour);
    }
}

/// A time axis; gives where its room ends.
pub fn axis(scene: &mut Scene, scale: &Scale, y: i32) -> i32 {
    let axis = Axis::new(scale);
    let muted = scene.palette.muted;
    let set = Type { size: INSIDE + 0.5, weight: Weight::Regular, colour: muted };
    scene.line((scale.left, y), (scale.left + scale.width, y), muted);
    for (x, text) in &axis.ticks {
        scene.line((*x, y), (*x, y + 5), muted);
        scene.text(text, (*x, y + 16), Anchor::Centre, set);
    }
    let first = axis
        .ticks
        .first()
        .map_or(scale.left, |(x, text)| x - (width(text, set.size, set.weight) / 2.0).ceil() as i32);
    scene.text(axis.unit, ((scale.left - LABEL_GAP).min(first - 6), y + 16), Anchor::Right, set);
    y + AXIS_HEIGHT
}
