//! What each process spent its time with, as shares of it.

use std::collections::BTreeMap;

use crate::analysis::Lanes;
use crate::analysis::lanes::ThreadLane;
use crate::analysis::naming::{base, count};
use crate::analysis::state::{Handler, ThreadState, Work};
use crate::chart::Options;
use crate::chart::canvas::{Anchor, Rgb, Type};
use crate::chart::columns::Paint;
use crate::chart::font::{Weight, width};
use crate::chart::layout::{INSIDE, MARGIN};
use crate::chart::scene::{Fill, Hatch, Scene, Sign};
use crate::chart::theme::Palette;
use crate::time::Span;
use crate::trace::{Cause, Header};

use super::ChartRow;
use super::parts::{AXIS_HEIGHT, left, names, paint, row_name};
use crate::chart::units::time;

pub const ROW: ChartRow = ChartRow {
    name: "states",
    summary: "what each process spent its time with",
    doc: "A bar for each process, whose parts are the shares of its time: its own instructions, the kernel \
          on its behalf, interrupts that hit it, ready but without a CPU, and blocked, by what it waited \
          for. To the right stands how long it existed in the window. With more than 30 processes, those \
          whose names differ in the number only share a bar.",
    needs: "switches between processes",
    draw: Some(draw),
};

const PITCH: i32 = 34;
const BAR: i32 = 24;
const ROWS: usize = 30;
/// Room for the times to the right of the bars.
const RIGHT: i32 = 76;
/// So many causes have a look of their own; the others share the last.
const CAUSES: usize = 5;
const BLOCKED: [Rgb; CAUSES + 1] =
    [(160, 168, 180), (205, 196, 222), (128, 142, 120), (216, 208, 188), (140, 112, 128), (226, 228, 232)];
/// None that a state has which isn't a wait.
const BLOCKED_HATCH: [Hatch; CAUSES + 1] = [
    Hatch::WideUpright,
    Hatch::WideRising,
    Hatch::Grid,
    Hatch::WideLevel,
    Hatch::WideFalling,
    Hatch::WideGrid,
];

/// A part of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Share {
    Painted(Paint),
    Blocked(Cause),
}

fn share(state: ThreadState) -> Share {
    match state {
        ThreadState::User => Share::Painted(Paint::User),
        ThreadState::Kernel(Work::Call(_)) => Share::Painted(Paint::Kernel),
        ThreadState::Kernel(Work::Fault(_) | Work::Exception(_) | Work::Death(_)) => {
            Share::Painted(Paint::Fault)
        }
        ThreadState::Interrupted(Handler::Softirq(_)) => Share::Painted(Paint::Deferred),
        ThreadState::Interrupted(_) => Share::Painted(Paint::Interrupt),
        ThreadState::Switch => Share::Painted(Paint::Switch),
        ThreadState::Ready => Share::Painted(Paint::Ready),
        ThreadState::Blocked { on, .. } => Share::Blocked(on),
    }
}

type Sums = BTreeMap<Share, Span>;

fn add(sums: &mut Sums, thread: &ThreadLane) {
    for span in &thread.spans {
        *sums.entry(share(span.state)).or_default() += span.to.since(span.from);
    }
}

/// Names and sums, one for each bar.
fn rows(lanes: &Lanes, scene_notes: &mut Vec<String>) -> Vec<(String, Sums)> {
    let names = names(lanes);
    let present: Vec<&ThreadLane> = lanes.threads.iter().filter(|lane| !lane.spans.is_empty()).collect();
    if present.len() <= ROWS {
        let row = |lane: &&ThreadLane| {
            let mut sums = Sums::new();
            add(&mut sums, lane);
            (names[&lane.task].clone(), sums)
        };
        return present.iter().map(row).collect();
    }
    let mut rows: Vec<(&str, u64, Sums)> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for lane in &present {
        let name = base(&lane.name);
        let next = if rows.len() < ROWS { rows.len() } else { ROWS - 1 };
        let place = *places.entry(name).or_insert(next);
        if place == rows.len() {
            rows.push((name, 0, Sums::new()));
        } else if rows[place].0 != name {
            rows[place].0 = "others";
        }
        rows[place].1 += 1;
        add(&mut rows[place].2, lane);
    }
    scene_notes.push(format!("{} threads; those of one name share a bar.", count(present.len() as u64)));
    let label = |(name, all, sums): (&str, u64, Sums)| match all {
        1 => (name.to_owned(), sums),
        all => (format!("{name} ×{}", count(all)), sums),
    };
    rows.into_iter().map(label).collect()
}

fn draw(lanes: &Lanes, header: &Header, options: &Options) -> Scene {
    let palette = options.theme.palette();
    let mut notes = Vec::new();
    let rows = rows(lanes, &mut notes);
    // The causes that took the most time have their own looks.
    let mut totals: BTreeMap<Cause, Span> = BTreeMap::new();
    for (&share, &sum) in rows.iter().flat_map(|(_, sums)| sums) {
        if let Share::Blocked(cause) = share {
            *totals.entry(cause).or_default() += sum;
        }
    }
    let mut causes: Vec<(Cause, Span)> = totals.into_iter().collect();
    causes.sort_by_key(|&(cause, sum)| (std::cmp::Reverse(sum), cause));
    let causes: Vec<Cause> = causes.into_iter().map(|(cause, _)| cause).collect();
    let key = key(&rows, &causes, &palette);
    let (mut scene, top) = Scene::new(header, options, &key);
    let left = left(rows.iter().map(|(name, _)| name.as_str()));
    let plot = options.width as i32 - MARGIN - RIGHT - left;
    let bottom = top + PITCH * rows.len() as i32;
    let small = Type { size: INSIDE + 0.5, weight: Weight::Regular, colour: palette.muted };
    for percent in [0, 25, 50, 75, 100] {
        let x = left + plot * percent / 100;
        scene.line((x, top - 6), (x, bottom + 5), palette.grid);
        scene.text(&format!("{percent} %"), (x, bottom + 16), Anchor::Centre, small);
    }
    for ((name, sums), number) in rows.iter().zip(0..) {
        let y = top + number * PITCH;
        row_name(&mut scene, name, left, y + BAR / 2);
        let all: Span = sums.values().copied().sum();
        draw_bar(&mut scene, sums, all, &causes, (left, y, plot));
        let text = Type { colour: palette.text, ..small };
        scene.text(&time(all), (left + plot + RIGHT, y + BAR / 2), Anchor::Right, text);
    }
    if rows.is_empty() {
        notes.push("No process was there in this window.".to_owned());
    }
    notes.into_iter().for_each(|note| scene.note(note));
    scene.finish(bottom + AXIS_HEIGHT)
}

fn draw_bar(scene: &mut Scene, sums: &Sums, all: Span, causes: &[Cause], (left, y, plot): (i32, i32, i32)) {
    let palette = scene.palette;
    let mut ordered: Vec<(Share, Span)> = sums.iter().map(|(&share, &sum)| (share, sum)).collect();
    ordered.sort_by_key(|(share, _)| match share {
        Share::Painted(paint) => (0, *paint as usize),
        Share::Blocked(cause) => (1, causes.iter().position(|known| known == cause).unwrap_or(CAUSES)),
    });
    let whole = all.as_nanos().max(1) as f64;
    let mut past = 0;
    for (share, sum) in ordered {
        let x = |nanos: u64| left + (nanos as f64 / whole * f64::from(plot)).round() as i32;
        let (begin, end) = (x(past), x(past + sum.as_nanos()));
        past += sum.as_nanos();
        let fill = look(share, causes, &palette);
        scene.fill((begin, y), (end - begin, BAR), fill);
        let percent = (sum.as_nanos() as f64 / whole * 100.0).round() as u64;
        let text = format!("{percent} %");
        if width(&text, INSIDE, Weight::Regular) + 6.0 <= f64::from(end - begin) {
            scene.text_on(&text, end - begin, ((begin + end) / 2, y + BAR / 2), INSIDE, fill);
        }
    }
}

fn look(share: Share, causes: &[Cause], palette: &Palette) -> Fill {
    match share {
        Share::Painted(painted) => paint(palette, painted),
        Share::Blocked(cause) => {
            let place = causes.iter().position(|known| *known == cause).unwrap_or(CAUSES).min(CAUSES);
            Fill { colour: BLOCKED[place], hatch: BLOCKED_HATCH[place] }
        }
    }
}

fn key(rows: &[(String, Sums)], causes: &[Cause], palette: &Palette) -> Vec<(Sign, String)> {
    let occurs = |share: Share| rows.iter().any(|(_, sums)| sums.contains_key(&share));
    let painted = Paint::ALL.into_iter().filter(|&painted| occurs(Share::Painted(painted)));
    let mut key: Vec<(Sign, String)> =
        painted.map(|painted| (Sign::Area(paint(palette, painted)), painted.meaning().to_owned())).collect();
    for cause in causes.iter().take(CAUSES) {
        let sign = Sign::Area(look(Share::Blocked(*cause), causes, palette));
        key.push((sign, format!("blocked on {}", cause.name())));
    }
    if let Some(&other) = causes.get(CAUSES) {
        key.push((Sign::Area(look(Share::Blocked(other), causes, palette)), "blocked otherwise".to_owned()));
    }
    key
}
