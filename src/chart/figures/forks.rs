//! The fork tree: who made whom, how long each existed, and how it ended.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::Lanes;
use crate::analysis::forks::{ForkTree, Member, Sort};
use crate::analysis::naming::{base, count, printable};
use crate::chart::Options;
use crate::chart::canvas::{Anchor, Type};
use crate::chart::columns::{Paint, Scale};
use crate::chart::font::{Weight, fit, width};
use crate::chart::layout::{INSIDE, LABEL, LABEL_GAP, MARGIN};
use crate::chart::scene::{Fill, Hatch, Scene, Sign, measure};
use crate::ids::Tid;
use crate::signal::Signal;
use crate::time::Instant;
use crate::trace::Header;

use super::ChartRow;
use super::parts::{alarm, axis, grid, mix, paint};

pub const ROW: ChartRow = ChartRow {
    name: "forks",
    summary: "who made whom, how long each existed, and how it ended",
    doc: "A row for each process and thread, below the one that made it, with a bar for as long as it existed and a \
          line down from its maker at the moment of the fork. Behind the bar stands the exit status, or the signal \
          that ended it; what isn't 0 has the colour of an alarm. A process that outlives its parent is an orphan \
          from then on. A small upright line is an exec, with the new program's name. With more than 40 rows, \
          siblings whose names differ in the number only share one.",
    needs: "forks and exits; initial processes are always known",
    draw: Some(draw),
};

const PITCH: i32 = 26;
const BAR: i32 = 16;
/// More rows are grouped by names.
const ROWS: usize = 40;
/// Not even groups have more rows than this.
const MOST: usize = 60;
const INDENT: i32 = 16;
/// A deeper member stands no further to the right.
const DEEPEST: i32 = 7;
const NAMES: (f64, f64) = (70.0, 230.0);

/// A member, or siblings of one name.
struct Row {
    label: String,
    members: Vec<usize>,
    depth: usize,
    /// The row of whoever made them.
    parent: Option<usize>,
}

fn draw(lanes: &Lanes, header: &Header, options: &Options) -> Scene {
    let palette = options.theme.palette();
    let tree = &lanes.forks;
    let kept = kept(lanes);
    let mut rows = rows(tree, &kept, Grouping::None);
    let grouped = rows.len() > ROWS;
    if grouped {
        rows = self::rows(tree, &kept, Grouping::Names);
    }
    let left_out: usize = rows.iter().skip(MOST).map(|row| row.members.len()).sum();
    rows.truncate(MOST);
    let looks = Looks::new(options);
    let (mut scene, top) = Scene::new(header, options, &key(tree, &rows, &looks));
    if rows.is_empty() {
        scene.note("No process existed in this window.".to_owned());
        return scene.finish(top);
    }
    let indent = |row: &Row| (row.depth as i32).min(DEEPEST) * INDENT;
    let reaches = |row: &Row| f64::from(indent(row)) + width(&row.label, LABEL, Weight::Regular);
    let widest = rows.iter().map(reaches).fold(0.0, f64::max).clamp(NAMES.0, NAMES.1);
    let left = MARGIN + widest.ceil() as i32 + LABEL_GAP;
    let scale = Scale { from: lanes.from, to: lanes.to, left, width: options.width as i32 - MARGIN - left };
    let bottom = top + PITCH * rows.len() as i32;
    grid(&mut scene, &scale, top - 6, bottom);
    let middle = |row: usize| top + row as i32 * PITCH + PITCH / 2;
    let set = Type { size: LABEL, weight: Weight::Regular, colour: palette.text };
    for (number, row) in rows.iter().enumerate() {
        let (x, y) = (MARGIN + indent(row), middle(number));
        if let Some(parent) = row.parent.filter(|&parent| indent(&rows[parent]) < indent(row)) {
            let from = MARGIN + indent(&rows[parent]) + 5;
            scene.line((from, middle(parent) + 9), (from, y), palette.grid);
            scene.line((from, y), (x - 3, y), palette.grid);
        }
        scene.text_in(&row.label, left - LABEL_GAP - x + 2, (x, y), Anchor::Left, set);
    }
    for (number, row) in rows.iter().enumerate() {
        if let Some(parent) = row.parent {
            draw_fork(&mut scene, tree, row, &scale, (middle(parent), middle(number)));
        }
    }
    for (number, row) in rows.iter().enumerate() {
        draw_life(&mut scene, tree, row, &scale, middle(number), &looks);
    }
    if grouped {
        let all = count(rows.iter().map(|row| row.members.len() as u64).sum());
        scene.note(format!("{all} processes and threads; siblings of one name share a row."));
    }
    if left_out > 0 {
        let all = count(left_out as u64);
        scene.note(format!("{all} further processes and threads aren't shown; choose some with --tasks."));
    }
    let end = axis(&mut scene, &scale, bottom);
    scene.finish(end)
}

/// Those that are asked for and exist in the window, and whoever made them.
fn kept(lanes: &Lanes) -> Vec<bool> {
    let tree = &lanes.forks;
    let asked: BTreeSet<Tid> = lanes.threads.iter().map(|lane| lane.task).collect();
    let shown = |member: &Member| {
        let over = member.end.map_or(Instant::NEVER, |end| end.at);
        asked.contains(&member.task) && member.start <= lanes.to && over >= lanes.from
    };
    let mut kept: Vec<bool> = tree.members.iter().map(shown).collect();
    for place in (0..kept.len()).rev() {
        if let Some(parent) = tree.members[place].parent.filter(|_| kept[place]) {
            kept[parent] = true;
        }
    }
    kept
}

/// Whether siblings share a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grouping {
    None,
    Names,
}

/// The rows from top to bottom: each member before those whom it made.
fn rows(tree: &ForkTree, kept: &[bool], grouping: Grouping) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let roots = groups(tree, kept, &tree.roots, grouping);
    // A chain of forks may be as long as the trace, so this doesn't recurse.
    let mut ahead: Vec<(Vec<usize>, usize, Option<usize>)> =
        roots.into_iter().rev().map(|members| (members, 0, None)).collect();
    while let Some((members, depth, parent)) = ahead.pop() {
        let children: Vec<usize> =
            members.iter().flat_map(|&member| tree.members[member].children.iter().copied()).collect();
        let place = rows.len();
        let below = groups(tree, kept, &children, grouping);
        ahead.extend(below.into_iter().rev().map(|members| (members, depth + 1, Some(place))));
        rows.push(Row { label: label(tree, &members), members, depth, parent });
    }
    rows
}

fn groups(tree: &ForkTree, kept: &[bool], members: &[usize], grouping: Grouping) -> Vec<Vec<usize>> {
    let members = members.iter().copied().filter(|&member| kept[member]);
    if grouping == Grouping::None {
        return members.map(|member| vec![member]).collect();
    }
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut places: BTreeMap<(&str, bool), usize> = BTreeMap::new();
    for member in members {
        let known = &tree.members[member];
        let place = *places.entry((base(&known.name), known.sort == Sort::Thread)).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(member);
    }
    groups
}

fn label(tree: &ForkTree, members: &[usize]) -> String {
    match members {
        [member] => tree.members[*member].name.clone(),
        [first, ..] => format!("{} ×{}", base(&tree.members[*first].name), count(members.len() as u64)),
        [] => String::new(),
    }
}

struct Looks {
    process: Fill,
    thread: Fill,
    orphan: Fill,
}

impl Looks {
    fn new(options: &Options) -> Looks {
        let palette = options.theme.palette();
        let process = Fill { hatch: Hatch::Plain, ..paint(&palette, Paint::User) };
        Looks {
            process,
            thread: Fill { colour: mix(process.colour, palette.background, 45), hatch: Hatch::Level },
            orphan: Fill { hatch: Hatch::Rising, ..paint(&palette, Paint::Ready) },
        }
    }
}

fn key(tree: &ForkTree, rows: &[Row], looks: &Looks) -> Vec<(Sign, String)> {
    let members = || rows.iter().flat_map(|row| &row.members).map(|&member| &tree.members[member]);
    let sort = |sort: Sort| members().any(|member| member.sort == sort);
    let mut key = Vec::new();
    key.extend(sort(Sort::Process).then(|| (Sign::Area(looks.process), "process".to_owned())));
    key.extend(sort(Sort::Thread).then(|| (Sign::Area(looks.thread), "thread".to_owned())));
    let orphans = rows
        .iter()
        .filter(|row| row.members.len() == 1)
        .any(|row| row.members.iter().any(|&member| orphaned_at(tree, member).is_some()));
    key.extend(orphans.then(|| (Sign::Area(looks.orphan), "its parent is over".to_owned())));
    key
}

/// When a process lost its parent.
fn orphaned_at(tree: &ForkTree, member: usize) -> Option<Instant> {
    let own = &tree.members[member];
    own.parent.filter(|_| tree.orphaned(own)).and_then(|parent| tree.members[parent].end).map(|end| end.at)
}

/// The line from a maker's row down to the bar that begins there.
fn draw_fork(scene: &mut Scene, tree: &ForkTree, row: &Row, scale: &Scale, (from, to): (i32, i32)) {
    let starts = row.members.iter().map(|&member| tree.members[member].start);
    let Some(start) = starts.min().filter(|start| (scale.from..=scale.to).contains(start)) else { return };
    let (x, colour) = (scale.x(start), scene.palette.arrow);
    scene.rect((x - 1, from - 2), (3, 4), colour);
    scene.line((x, from), (x, to - BAR / 2), colour);
}

fn draw_life(scene: &mut Scene, tree: &ForkTree, row: &Row, scale: &Scale, middle: i32, looks: &Looks) {
    let members = || row.members.iter().map(|&member| &tree.members[member]);
    let Some(start) = members().map(|member| member.start).min() else { return };
    let ends = members().map(|member| member.end.map_or(Instant::NEVER, |end| end.at));
    let end = ends.max().unwrap_or(Instant::NEVER);
    let (left, right) = (scale.x(start), scale.x(end).max(scale.x(start) + 2));
    let (top, thread) = (middle - BAR / 2, members().all(|member| member.sort == Sort::Thread));
    scene.fill((left, top), (right - left, BAR), if thread { looks.thread } else { looks.process });
    let alone = match row.members[..] {
        [member] => Some(member),
        _ => None,
    };
    if let Some(lost) = alone.and_then(|member| orphaned_at(tree, member)) {
        let lost = scale.x(lost).max(left);
        scene.fill((lost, top), (right - lost, BAR), looks.orphan);
    }
    let mut clear = left;
    if let Some(member) = alone {
        clear = draw_execs(scene, &tree.members[member], scale, middle, right, looks);
    }
    if end <= scale.to && end >= scale.from {
        let ink = scene.palette.text;
        scene.rect((right - 1, top - 2), (2, BAR + 4), ink);
        let fill = if thread { looks.thread } else { looks.process };
        draw_status(scene, &statuses(tree, row), (clear, right), (middle, scale.left + scale.width), fill);
    } else if alone.is_none() {
        // Some of a group may be over although others live on.
        let edge = scale.left + scale.width;
        draw_status(scene, &statuses(tree, row), (clear, edge), (middle, edge), looks.process);
    }
}

/// Marks where other programs began, with their names; gives where the last of the names ends.
fn draw_execs(
    scene: &mut Scene,
    member: &Member,
    scale: &Scale,
    middle: i32,
    right: i32,
    looks: &Looks,
) -> i32 {
    let mut clear = scale.x(member.start);
    let shown = member.execs.iter().filter(|exec| (scale.from..=scale.to).contains(&exec.at));
    for exec in shown {
        let x = scale.x(exec.at);
        // Marks in one column would cover each other.
        if x < clear {
            continue;
        }
        let (ink, room) = (scene.palette.text, f64::from(right - x - 12));
        scene.rect((x, middle - BAR / 2), (2, BAR), ink);
        clear = x + 4;
        let text = format!("exec {}", printable(&exec.program));
        if let Some(text) = fit(&text, room, INSIDE, Weight::Regular) {
            let set = Type { size: INSIDE, weight: Weight::Regular, colour: ink };
            let wide = measure(&text, set);
            if scene.text_on(&text, wide + 2, (x + 6 + wide / 2, middle), INSIDE, looks.process) {
                clear = x + wide + 14;
            }
        }
    }
    clear
}

/// How often each way of ending occurred, in words, and whether all is well.
fn statuses(tree: &ForkTree, row: &Row) -> (String, bool) {
    let mut ways: BTreeMap<u16, u64> = BTreeMap::new();
    for end in row.members.iter().filter_map(|&member| tree.members[member].end) {
        *ways.entry(end.status).or_default() += 1;
    }
    let word = |status: u16| match status.checked_sub(128).and_then(Signal::from_number) {
        Some(signal) => format!("ended by {}", signal.name()),
        None => format!("exit {status}"),
    };
    let texts = ways.iter().map(|(&status, &times)| match times {
        1 => word(status),
        times => format!("{} ×{}", word(status), count(times)),
    });
    let alive = row.members.iter().filter(|&&member| tree.members[member].end.is_none()).count();
    let rest = (alive > 0 && alive < row.members.len()).then(|| format!("{} live on", count(alive as u64)));
    let texts = texts.chain(rest);
    let well = ways.keys().all(|&status| status == 0);
    (texts.collect::<Vec<_>>().join(", "), well)
}

/// Behind the bar or, if the picture ends there, on it.
fn draw_status(
    scene: &mut Scene,
    (text, well): &(String, bool),
    (clear, right): (i32, i32),
    (middle, edge): (i32, i32),
    fill: Fill,
) {
    let palette = scene.palette;
    let colour = if *well { palette.muted } else { alarm(&palette) };
    let set = Type { size: INSIDE, weight: Weight::Regular, colour };
    let wide = measure(text, set);
    if right + 7 + wide <= edge {
        // The lines of later forks go behind the text.
        let ground = palette.background;
        scene.rect((right + 4, middle - 7), (wide + 4, 14), ground);
        scene.text(text, (right + 7, middle), Anchor::Left, set);
        return;
    }
    let room = right - clear - 12;
    if let Some(text) = fit(text, f64::from(room), INSIDE, Weight::Regular) {
        let wide = measure(&text, set);
        scene.text_on(&text, wide + 2, (right - 7 - wide / 2, middle), INSIDE, fill);
    }
}
