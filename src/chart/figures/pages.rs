//! Which pages each process had in memory, and its page faults, over time.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::Lanes;
use crate::analysis::naming::count;
use crate::analysis::paging::{End, Evicted, PageFault, Residence};
use crate::chart::canvas::{Anchor, Rgb, Type};
use crate::chart::columns::{Paint, Scale};
use crate::chart::font::{Weight, width};
use crate::chart::layout::{HEADING, INSIDE, LABEL_GAP, MARGIN};
use crate::chart::marks::Mark;
use crate::chart::scene::{Fill, Hatch, Scene, Sign};
use crate::chart::theme::Palette;
use crate::chart::{Options, Theme};
use crate::ids::Pid;
use crate::trace::header::AreaEntry;
use crate::trace::{Fault, Header};

use super::ChartRow;
use super::parts::{alarm, axis, grid, mix, process_names};

pub const ROW: ChartRow = ChartRow {
    name: "pages",
    summary: "which pages each process had in memory, and its page faults",
    doc: "A panel for each process with a row for each page that it touched. A bar says that the page was in \
          memory. A mark says that there was a page fault, and of which kind: minor (the page got an empty or a \
          shared frame), major (it was read from a device), copy-on-write, or protection (the access wasn't \
          allowed). An upright line ends the bar of a page that was evicted. Where a process has more pages than \
          there is room for, neighbours share a row. An access to a page that is in memory leaves no event and no \
          mark. Real kernels don't tell which pages they take away.",
    needs: "page faults",
    draw: Some(draw),
};

/// The height of all panels together, about.
const HEIGHT: i32 = 520;
const ROWS: (i32, i32) = (3, 16);
/// Rows of this height have their pages' numbers beside them.
const NUMBERED: i32 = 11;
const PANELS: usize = 8;
const HEADING_ROOM: i32 = 22;
const GAP: i32 = 14;
/// So many signs and bars at most: more would make the file large.
const SHAPES: usize = 3_000;
/// Marks of a row stand apart by this, in pixels, at least.
const APART: i32 = 3;

/// The pattern whose tone bars have on paper.
const BAR: Hatch = Hatch::WideLevel;

const FAULTS: [(Fault, Mark, &str); 4] = [
    (Fault::Minor, Mark::Square, "minor fault"),
    (Fault::Major, Mark::Triangle, "major fault"),
    (Fault::CopyOnWrite, Mark::Diamond, "copy-on-write fault"),
    (Fault::Protection, Mark::Cross, "protection fault"),
];

/// What a process did with its pages.
struct Panel<'a> {
    process: Pid,
    residences: Vec<&'a Residence>,
    faults: Vec<&'a PageFault>,
    /// In order; several share a row if there are too many.
    pages: Vec<u64>,
    sharing: usize,
    pitch: i32,
}

impl Panel<'_> {
    fn row(&self, page: u64) -> i32 {
        (self.pages.binary_search(&page).unwrap_or_else(|place| place) / self.sharing) as i32
    }

    const fn height(&self) -> i32 {
        self.pages.len().div_ceil(self.sharing) as i32 * self.pitch
    }
}

fn panels(lanes: &Lanes) -> (Vec<Panel<'_>>, usize) {
    let mut residences: BTreeMap<Pid, Vec<&Residence>> = BTreeMap::new();
    let mut faults: BTreeMap<Pid, Vec<&PageFault>> = BTreeMap::new();
    lanes.paging.residences.iter().for_each(|one| residences.entry(one.process).or_default().push(one));
    lanes.paging.faults.iter().for_each(|one| faults.entry(one.process).or_default().push(one));
    let mut processes: Vec<Pid> = residences.keys().chain(faults.keys()).copied().collect();
    let much = |process: &Pid| {
        (faults.get(process).map_or(0, Vec::len), residences.get(process).map_or(0, Vec::len))
    };
    processes.sort_unstable_by_key(|process| (std::cmp::Reverse(much(process)), *process));
    processes.dedup();
    let left_out = processes.len().saturating_sub(PANELS);
    processes.truncate(PANELS);
    processes.sort_unstable();
    let room = HEIGHT / processes.len().max(1) as i32;
    let panel = |process: Pid| {
        let residences = residences.remove(&process).unwrap_or_default();
        let faults = faults.remove(&process).unwrap_or_default();
        let pages: BTreeSet<u64> =
            residences.iter().map(|one| one.page).chain(faults.iter().map(|one| one.page)).collect();
        let pages: Vec<u64> = pages.into_iter().collect();
        let rows = (room / ROWS.0) as usize;
        let sharing = pages.len().div_ceil(rows).max(1);
        let pitch = (room / pages.len().div_ceil(sharing) as i32).clamp(ROWS.0, ROWS.1);
        Panel { process, residences, faults, pages, sharing, pitch }
    };
    (processes.into_iter().map(panel).collect(), left_out)
}

fn draw(lanes: &Lanes, header: &Header, options: &Options) -> Scene {
    let palette = options.theme.palette();
    let (panels, left_out) = panels(lanes);
    let looks = Looks::new(&palette, options.theme);
    let (mut scene, top) = Scene::new(header, options, &key(&panels, &looks));
    if panels.is_empty() {
        scene.note("No process had a page fault or a page in memory in this window.".to_owned());
        return scene.finish(top);
    }
    let names = process_names(lanes);
    let labels = panels.iter().flat_map(|panel| labels(panel, &header.memory.areas));
    let set = Type { size: INSIDE, weight: Weight::Regular, colour: palette.muted };
    let widest = labels.map(|label| width(&label.text, set.size, set.weight)).fold(40.0, f64::max);
    let left = MARGIN + widest.min(150.0).ceil() as i32 + LABEL_GAP;
    let scale = Scale { from: lanes.from, to: lanes.to, left, width: options.width as i32 - MARGIN - left };
    let heights: i32 = panels.iter().map(|panel| HEADING_ROOM + panel.height() + GAP).sum();
    let bottom = top - 6 + heights - GAP / 2;
    grid(&mut scene, &scale, top - 6 + HEADING_ROOM, bottom);
    let mut y = top - 6;
    let mut merged = false;
    for panel in &panels {
        let heading = Type { size: HEADING, weight: Weight::Strong, colour: palette.text };
        let name = names.get(&panel.process).map_or("?", String::as_str);
        // The grid of the panel above must not go through the name.
        let ground = palette.background;
        scene.rect((left - 1, y + 1), (scale.width + 2, HEADING_ROOM - 3), ground);
        scene.text_in(name, scale.width, (left, y + HEADING_ROOM / 2), Anchor::Left, heading);
        y += HEADING_ROOM;
        for label in self::labels(panel, &header.memory.areas) {
            let middle = y + label.row * panel.pitch + panel.pitch / 2;
            if label.begins && label.row > 0 {
                let line = y + label.row * panel.pitch;
                scene.line((left, line), (left + scale.width, line), palette.grid);
            }
            scene.text_in(&label.text, left - MARGIN, (left - LABEL_GAP / 2, middle), Anchor::Right, set);
        }
        merged |= draw_panel(&mut scene, panel, &scale, y, &looks, SHAPES / panels.len());
        y += panel.height() + GAP;
    }
    notes(&mut scene, &panels, merged, left_out);
    let end = axis(&mut scene, &scale, bottom);
    scene.finish(end)
}

fn notes(scene: &mut Scene, panels: &[Panel<'_>], merged: bool, left_out: usize) {
    if let Some(sharing) = panels.iter().map(|panel| panel.sharing).max().filter(|&sharing| sharing > 1) {
        scene.note(format!("Up to {} neighbouring pages share a row.", count(sharing as u64)));
    }
    if merged {
        scene.note("What is too close to be told apart is drawn once.".to_owned());
    }
    if left_out > 0 {
        let all = count(left_out as u64);
        scene.note(format!("{all} processes with fewer faults aren't shown; choose some with --tasks."));
    }
}

/// Bars, marks and their colours.
struct Looks {
    bar: Fill,
    faults: [Rgb; 4],
    ends: [Rgb; 2],
}

impl Looks {
    fn new(palette: &Palette, theme: Theme) -> Looks {
        let (user, ink) = (palette.paint(Paint::User), palette.text);
        let minor = match theme {
            Theme::Light => palette.paint(Paint::Kernel),
            Theme::Dark => user,
            Theme::Print => ink,
        };
        let faults = match theme {
            Theme::Light | Theme::Dark => [minor, alarm(palette), palette.paint(Paint::Fault), ink],
            Theme::Print => [ink; 4],
        };
        // A light grey on paper, so that marks can be seen on it.
        let bar = match theme {
            Theme::Light | Theme::Dark => mix(user, palette.background, 45),
            Theme::Print => BAR.grey(),
        };
        Looks {
            bar: Fill { colour: bar, hatch: BAR },
            faults,
            ends: [mix(palette.muted, palette.background, 80), ink],
        }
    }
}

fn key(panels: &[Panel<'_>], looks: &Looks) -> Vec<(Sign, String)> {
    let mut key = Vec::new();
    if panels.iter().any(|panel| !panel.residences.is_empty()) {
        key.push((Sign::Tone(looks.bar), "in memory".to_owned()));
    }
    for ((fault, mark, name), colour) in FAULTS.into_iter().zip(looks.faults) {
        if panels.iter().any(|panel| panel.faults.iter().any(|one| one.fault == fault)) {
            key.push((Sign::Mark(mark, 4, colour), name.to_owned()));
        }
    }
    let ends = [(Evicted::Dropped, "evicted"), (Evicted::Written, "evicted and written to its device")];
    for ((how, name), colour) in ends.into_iter().zip(looks.ends) {
        if panels.iter().any(|panel| panel.residences.iter().any(|one| one.end == End::Evicted(how))) {
            key.push((Sign::Mark(Mark::Tick, 6, colour), name.to_owned()));
        }
    }
    key
}

/// A text beside a row.
struct Label {
    row: i32,
    text: String,
    /// It is the first of a memory object.
    begins: bool,
}

/// The pages' numbers within their memory objects, or the objects' names alone if rows are narrow.
fn labels(panel: &Panel<'_>, areas: &[AreaEntry]) -> Vec<Label> {
    let area_of =
        |page: u64| areas.iter().position(|area| (area.page..area.page + area.pages).contains(&page));
    let numbered = panel.pitch >= NUMBERED && panel.sharing == 1;
    let mut labels: Vec<Label> = Vec::new();
    let mut before: Option<Option<usize>> = None;
    for &page in &panel.pages {
        let area = area_of(page);
        let begins = before != Some(area);
        before = Some(area);
        let text = match area.map(|place| &areas[place]) {
            Some(area) if numbered => format!("{} {}", area.name, page - area.page),
            Some(area) if begins => area.name.clone(),
            None if numbered => format!("{page:#x}"),
            Some(_) | None => continue,
        };
        labels.push(Label { row: panel.row(page), text, begins });
    }
    labels
}

/// Draws the bars and marks of a process from `y` on; whether some were too close to be told apart.
fn draw_panel(
    scene: &mut Scene,
    panel: &Panel<'_>,
    scale: &Scale,
    y: i32,
    looks: &Looks,
    most: usize,
) -> bool {
    let mut apart = APART;
    let (bars, ends, marks) = loop {
        let bars = bars(panel, scale, apart);
        let ends = ends(panel, scale, apart);
        let marks = marks(panel, scale, apart);
        let all: usize = bars.len() + ends.len() + marks.len();
        if all <= most || apart > scale.width {
            break (bars, ends, marks);
        }
        apart *= 2;
    };
    let inset = i32::from(panel.pitch > 4) + i32::from(panel.pitch >= NUMBERED);
    let high = panel.pitch - 2 * inset;
    for (row, left, right) in bars {
        let top = y + row * panel.pitch + inset;
        scene.rect((left, top), ((right - left).max(1), high), looks.bar.colour);
    }
    for &(row, x, how) in &ends {
        let colour = looks.ends[how as usize];
        scene.rect((x - 1, y + row * panel.pitch + inset), (2, high), colour);
    }
    let half = (high / 2).clamp(1, 4);
    for &(row, x, fault) in &marks {
        let (_, mark, _) = FAULTS[fault];
        scene.mark(mark, (x, y + row * panel.pitch + panel.pitch / 2), half, looks.faults[fault]);
    }
    apart > APART || marks.len() < panel.faults.len()
}

/// Rows and pixels; pieces of a row that nearly touch are one.
fn bars(panel: &Panel<'_>, scale: &Scale, apart: i32) -> Vec<(i32, i32, i32)> {
    let pieces = panel.residences.iter().map(|one| (panel.row(one.page), scale.x(one.from), scale.x(one.to)));
    let mut pieces: Vec<(i32, i32, i32)> = pieces.collect();
    pieces.sort_unstable();
    let mut bars: Vec<(i32, i32, i32)> = Vec::new();
    for (row, left, right) in pieces {
        match bars.last_mut() {
            Some(before) if before.0 == row && left < before.2 + apart - 2 => before.2 = before.2.max(right),
            Some(_) | None => bars.push((row, left, right)),
        }
    }
    bars
}

fn ends(panel: &Panel<'_>, scale: &Scale, apart: i32) -> Vec<(i32, i32, Evicted)> {
    let ends = panel.residences.iter().filter_map(|one| match one.end {
        End::Evicted(how) => Some((panel.row(one.page), scale.x(one.to), how)),
        End::Window | End::Unmapped | End::Over => None,
    });
    thinned(ends.map(|(row, x, how)| ((row, how as usize), x, how)), apart)
        .into_iter()
        .map(|((row, _), x, how)| (row, x, how))
        .collect()
}

fn marks(panel: &Panel<'_>, scale: &Scale, apart: i32) -> Vec<(i32, i32, usize)> {
    let faults = panel.faults.iter().map(|one| {
        let fault = FAULTS.iter().position(|(fault, ..)| *fault == one.fault).unwrap_or(0);
        ((panel.row(one.page), fault), scale.x(one.at), fault)
    });
    thinned(faults, apart).into_iter().map(|((row, _), x, fault)| (row, x, fault)).collect()
}

/// Of those of one kind in one row, the ones that stand apart.
fn thinned<T>(
    signs: impl Iterator<Item = ((i32, usize), i32, T)>,
    apart: i32,
) -> Vec<((i32, usize), i32, T)> {
    let mut signs: Vec<((i32, usize), i32, T)> = signs.collect();
    signs.sort_by_key(|(kind, x, _)| (*kind, *x));
    let mut kept: Vec<((i32, usize), i32, T)> = Vec::new();
    for sign in signs {
        if kept.last().is_none_or(|before| before.0 != sign.0 || sign.1 >= before.1 + apart) {
            kept.push(sign);
        }
    }
    kept
}
