//! How many page frames were free, and how many pages each process had in memory, over time.

use std::collections::BTreeMap;

use crate::analysis::Lanes;
use crate::analysis::naming::count;
use crate::chart::Options;
use crate::chart::columns::{Paint, Scale};
use crate::chart::layout::MARGIN;
use crate::chart::scene::{Fill, Hatch, Scene, Sign};
use crate::ids::Pid;
use crate::trace::Header;

use super::ChartRow;
use super::parts::{axis, grid, left, paint, process_names, row_name};
use super::stairs::{self, Keep, Panel, Steps, columns};

pub const ROW: ChartRow = ChartRow {
    name: "frames",
    summary: "free page frames, and how many pages each process had in memory, over time",
    doc: "A staircase for the free frames of the machine, where the trace tells of them: in a simulated run with \
          page replacement. Below it one for each process: how many of its pages were in memory. Pages that \
          several processes share are counted for each. The processes with the most pages have a panel. Where \
          numbers change more often than there are pixels, a column shows the fewest free frames and the most \
          pages.",
    needs: "page faults; for free frames, a simulated run with page replacement",
    draw: Some(draw),
};

const FREE: i32 = 110;
const HEIGHT: i32 = 64;
const GAP: i32 = 24;
/// More processes than this have no panel.
const PANELS: usize = 8;
/// Room for the numbers of the levels.
const LEVELS: i32 = 34;

fn draw(lanes: &Lanes, header: &Header, options: &Options) -> Scene {
    let palette = options.theme.palette();
    let free = Fill { colour: palette.paint(Paint::Kernel), hatch: Hatch::Rising };
    let own = Fill { hatch: Hatch::Level, ..paint(&palette, Paint::User) };
    let names = process_names(lanes);
    let mut processes = of_processes(lanes);
    let left_out = processes.len().saturating_sub(PANELS);
    processes.truncate(PANELS);
    processes.sort_by_key(|(process, _)| *process);
    let tells = !lanes.paging.free.is_empty();
    let mut key = Vec::new();
    key.extend(tells.then(|| (Sign::Tone(free), "free frames".to_owned())));
    key.extend((!processes.is_empty()).then(|| (Sign::Tone(own), "pages in memory".to_owned())));
    let (mut scene, top) = Scene::new(header, options, &key);
    if key.is_empty() {
        scene.note("No process had a page fault, and nothing is known of free frames.".to_owned());
        return scene.finish(top);
    }
    let name = |process: &Pid| names.get(process).map_or("?", String::as_str);
    let labels = processes.iter().map(|(process, _)| name(process)).chain(["free frames"]);
    let left = left(labels) + LEVELS;
    let scale = Scale { from: lanes.from, to: lanes.to, left, width: options.width as i32 - MARGIN - left };
    let first = if tells { FREE + GAP } else { 0 };
    let bottom = top + 4 + first + (HEIGHT + GAP) * processes.len() as i32 - GAP / 2;
    grid(&mut scene, &scale, top - 2, bottom);
    let mut y = top + 4;
    if tells {
        let initial = header.memory.frames as i64;
        let columns = columns(&mut free_steps(lanes, initial), initial, &scale, Keep::Least);
        let most = columns.iter().copied().max().unwrap_or(0).max(initial);
        row_name(&mut scene, "free frames", left - LEVELS, y + FREE / 2);
        stairs::draw(&mut scene, &scale, &columns, Panel { top: y, height: FREE, most }, free);
        y += FREE + GAP;
    }
    let all: Vec<Vec<i64>> =
        processes.iter_mut().map(|(_, steps)| columns(steps, 0, &scale, Keep::Most)).collect();
    let most = all.iter().flatten().copied().max().unwrap_or(1);
    for ((process, _), columns) in processes.iter().zip(&all) {
        row_name(&mut scene, name(process), left - LEVELS, y + HEIGHT / 2);
        stairs::draw(&mut scene, &scale, columns, Panel { top: y, height: HEIGHT, most }, own);
        y += HEIGHT + GAP;
    }
    if !tells {
        scene.note("This trace tells nothing of free frames: its run had no page replacement.".into());
    }
    if left_out > 0 {
        let all = count(left_out as u64);
        scene.note(format!("{all} processes with fewer pages aren't shown; choose some with --tasks."));
    }
    let end = axis(&mut scene, &scale, bottom);
    scene.finish(end)
}

/// Changes of the number of free frames.
fn free_steps(lanes: &Lanes, initial: i64) -> Steps {
    let mut before = initial;
    let change = lanes.paging.free.iter().map(|&(at, free)| {
        let by = free as i64 - before;
        before = free as i64;
        (at.max(lanes.from), by)
    });
    change.collect()
}

/// Changes of how many pages each process has, those with the most pages first.
fn of_processes(lanes: &Lanes) -> Vec<(Pid, Steps)> {
    let mut steps: BTreeMap<Pid, Steps> = BTreeMap::new();
    for residence in &lanes.paging.residences {
        let own = steps.entry(residence.process).or_default();
        own.extend([(residence.from, 1), (residence.to, -1)]);
        // What is there at the end of the window doesn't go away with it.
        if residence.to >= lanes.to {
            own.pop();
        }
    }
    let mut steps: Vec<(Pid, Steps)> = steps.into_iter().collect();
    steps.sort_by_key(|(process, steps)| (std::cmp::Reverse(most(steps)), *process));
    steps
}

fn most(steps: &Steps) -> i64 {
    let mut sorted = steps.clone();
    sorted.sort_unstable();
    let mut value = 0;
    sorted
        .iter()
        .map(|(_, by)| {
            value += by;
            value
        })
        .max()
        .unwrap_or(0)
}
