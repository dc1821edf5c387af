//! How many threads were ready and had no CPU, over time.

use std::collections::BTreeMap;

use crate::analysis::Lanes;
use crate::analysis::lanes::Placement;
use crate::analysis::state::ThreadState;
use crate::chart::Options;
use crate::chart::columns::{Paint, Scale};
use crate::chart::layout::MARGIN;
use crate::chart::scene::{Fill, Hatch, Scene, Sign};
use crate::ids::{CpuId, Tid};
use crate::time::Instant;
use crate::trace::Header;

use super::ChartRow;
use super::parts::{axis, grid, left, row_name};
use super::stairs::{self, Keep, Panel, Steps, columns};

pub const ROW: ChartRow = ChartRow {
    name: "queue",
    summary: "the length of each CPU's run queue over time",
    doc: "A staircase for each CPU: how many threads are ready and wait for it. The one that runs isn't \
          counted. A thread that waits belongs to the CPU where it ran, was woken on or was moved to last, \
          and before any of that to the one where it runs next. With several CPUs there is also their sum; \
          with more than eight, it stands for all. Where lengths change more often than there are pixels, \
          a column shows the greatest.",
    needs: "wake-ups and switches",
    draw: Some(draw),
};

const HEIGHT: i32 = 70;
const PITCH: i32 = 92;
const CPUS: usize = 8;

fn draw(lanes: &Lanes, header: &Header, options: &Options) -> Scene {
    let palette = options.theme.palette();
    let steps = steps(lanes);
    let mut panels: Vec<(String, Steps)> = Vec::new();
    if lanes.cpus.len() != 1 {
        panels.push(("all CPUs".to_owned(), steps.values().flatten().copied().collect()));
    }
    if lanes.cpus.len() <= CPUS {
        for lane in &lanes.cpus {
            panels.push((format!("CPU {}", lane.cpu), steps.get(&lane.cpu).cloned().unwrap_or_default()));
        }
    }
    let area = Fill { colour: palette.paint(Paint::User), hatch: Hatch::Rising };
    let key = [(Sign::Tone(area), "threads that are ready and wait".to_owned())];
    let (mut scene, top) = Scene::new(header, options, &key);
    let top = top + 4;
    let left = left(panels.iter().map(|(name, _)| name.as_str())) + 24;
    let scale = Scale { from: lanes.from, to: lanes.to, left, width: options.width as i32 - MARGIN - left };
    let columns: Vec<Vec<i64>> =
        panels.iter_mut().map(|(_, steps)| columns(steps, 0, &scale, Keep::Most)).collect();
    let bottom = top + PITCH * panels.len() as i32;
    grid(&mut scene, &scale, top - 6, bottom);
    // One scale for all CPUs, so that their heights can be compared; the sum has its own.
    let most = |columns: &[Vec<i64>]| columns.iter().flatten().copied().max().unwrap_or(0).max(1);
    let alone = usize::from(lanes.cpus.len() != 1);
    let tops = [most(&columns[..alone]), most(&columns[alone..])];
    for (number, ((name, _), columns)) in panels.iter().zip(&columns).enumerate() {
        let y = top + number as i32 * PITCH;
        row_name(&mut scene, name, left - 24, y + HEIGHT / 2);
        let most = tops[usize::from(number >= alone)];
        stairs::draw(&mut scene, &scale, columns, Panel { top: y, height: HEIGHT, most }, area);
    }
    if lanes.cpus.len() > CPUS {
        scene.note(format!("All {} CPUs together; choose some with --cpus.", lanes.cpus.len()));
    }
    let end = axis(&mut scene, &scale, bottom);
    scene.finish(end)
}

/// When threads begin and cease to wait, by the CPU that they wait for.
fn steps(lanes: &Lanes) -> BTreeMap<CpuId, Steps> {
    let mut placed: BTreeMap<Tid, Vec<Placement>> = BTreeMap::new();
    lanes.placements.iter().for_each(|placement| placed.entry(placement.task).or_default().push(*placement));
    let mut steps: BTreeMap<CpuId, Steps> = BTreeMap::new();
    let mut wait = |cpu: CpuId, from: Instant, to: Instant| {
        if from < to {
            steps.entry(cpu).or_default().extend([(from, 1), (to, -1)]);
        }
    };
    for thread in &lanes.threads {
        let places = placed.get(&thread.task).map(Vec::as_slice).unwrap_or_default();
        for (number, span) in thread.spans.iter().enumerate() {
            if span.state != ThreadState::Ready {
                continue;
            }
            let known = places.partition_point(|placement| placement.at <= span.from);
            let ran = thread.spans[..number].iter().rev().find_map(|span| span.cpu);
            let next = thread.spans[number..].iter().find_map(|span| span.cpu);
            let before = known.checked_sub(1).map(|last| places[last].cpu);
            // Who was preempted waits where it ran, unless it was moved since.
            let moved = known.checked_sub(1).is_some_and(|last| places[last].at == span.from);
            let mut cpu = if moved { before } else { ran.or(before) }.or(next);
            let mut from = span.from;
            for placement in places[known..].iter().take_while(|placement| placement.at < span.to) {
                cpu.into_iter().for_each(|cpu| wait(cpu, from, placement.at));
                (cpu, from) = (Some(placement.cpu), placement.at);
            }
            cpu.into_iter().for_each(|cpu| wait(cpu, from, span.to));
        }
    }
    steps.retain(|cpu, _| lanes.cpus.iter().any(|lane| lane.cpu == *cpu));
    steps
}
