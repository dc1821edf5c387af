//! The Gantt chart of textbooks (Silberschatz, Galvin, Gagne, "Operating System Concepts", chapter on CPU
//! scheduling): who had the CPU, with the times below the borders. Where processes have jobs, the style of
//! real-time textbooks instead (Liu, "Real-Time Systems", 2000): a row for each task, an arrow up at each
//! release, one down at each deadline.

use std::collections::BTreeMap;

use crate::analysis::Lanes;
use crate::analysis::lanes::{CpuLane, CpuSpan, ThreadSpan};
use crate::analysis::naming::count;
use crate::analysis::state::{CpuState, ThreadState};
use crate::chart::Options;
use crate::chart::axis::{Axis, label};
use crate::chart::canvas::{Anchor, Type};
use crate::chart::columns::{Paint, Scale};
use crate::chart::font::Weight;
use crate::chart::layout::{INSIDE, MARGIN};
use crate::chart::scene::{Fill, Hatch, Scene, Sign, measure};
use crate::ids::Tid;
use crate::time::{Instant, Span};
use crate::trace::Header;

use super::ChartRow;
use super::jobs;
use super::parts::{alarm, axis, fill, grid, left, names, row_name};
use crate::chart::units::time;

pub const ROW: ChartRow = ChartRow {
    name: "gantt",
    summary: "who had the CPU, as textbooks draw it",
    doc: "A bar for each CPU with the names of the processes that had it, the times below the borders, and \
          above it when each process arrived. If processes are periodic: a row for each of them with the \
          numbers of their jobs, an arrow up at each release, an arrow down at each deadline, and what ran \
          after its deadline in the colour of an alarm. A thin line says that a job waits.",
    needs: "switches between processes; jobs for the real-time style",
    draw: Some(draw),
};

const BAR: i32 = 34;
const ARRIVAL_LINE: i32 = 16;
/// Arrivals may stand above each other in so many lines.
const ARRIVAL_LINES: i32 = 3;
/// Pieces of fewer pixels are drawn together.
const NARROW: i32 = 2;
/// More of them would make the file large.
const PIECES: usize = 1_200;
/// More CPUs than this have no row.
const ROWS: usize = 16;
/// Names of arrivals are cut at this.
const WIDEST: i32 = 150;

fn draw(lanes: &Lanes, header: &Header, options: &Options) -> Scene {
    if lanes.jobs.is_empty() { textbook(lanes, header, options) } else { jobs::draw(lanes, header, options) }
}

/// A piece of a row: pixels, and who it belongs to; nobody where several are too narrow to be told apart.
#[derive(Clone, Copy, Debug)]
struct Piece {
    left: i32,
    right: i32,
    from: Instant,
    to: Instant,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Task(Tid),
    Switch,
    Mixed,
}

/// Pieces that follow each other, those of one thread as one.
fn joined(spans: impl Iterator<Item = (Instant, Instant, What)>) -> Vec<(Instant, Instant, What)> {
    let mut pieces: Vec<(Instant, Instant, What)> = Vec::new();
    for (from, to, what) in spans {
        match pieces.last_mut() {
            Some((_, end, before)) if *before == what && *end == from => *end = to,
            Some(_) | None => pieces.push((from, to, what)),
        }
    }
    pieces
}

/// As pixels: neighbours of fewer pixels than `narrow` become one piece of nobody's.
fn pieces(spans: &[(Instant, Instant, What)], scale: &Scale, narrow: i32) -> Vec<Piece> {
    let mut drawn: Vec<Piece> = Vec::new();
    for &(from, to, what) in spans {
        let (left, right) = (scale.x(from), scale.x(to).max(scale.x(from) + 1));
        let is_narrow = |piece: &Piece| piece.what == What::Mixed || piece.right - piece.left < narrow;
        let lost = scale.exact(to) - scale.exact(from) < f64::from(narrow) && what != What::Switch;
        let piece = Piece { left, right, from, to, what: if lost { What::Mixed } else { what } };
        match drawn.last_mut() {
            Some(before) if is_narrow(before) && is_narrow(&piece) && left < before.right + narrow / 2 => {
                let what = if before.what == piece.what { piece.what } else { What::Mixed };
                (before.right, before.to, before.what) = (right.max(before.right), to, what);
            }
            Some(before) if right <= before.right => {}
            Some(_) | None => drawn.push(piece),
        }
    }
    drawn
}

/// All rows, as finely as the picture's size allows.
fn rows(lanes: &[CpuLane], scale: &Scale) -> Vec<Vec<Piece>> {
    let spans: Vec<_> = lanes.iter().map(|lane| of_cpu(&lane.spans)).collect();
    let mut narrow = NARROW;
    loop {
        let rows: Vec<Vec<Piece>> = spans.iter().map(|spans| pieces(spans, scale, narrow)).collect();
        if rows.iter().map(Vec::len).sum::<usize>() <= PIECES || narrow > scale.width {
            return rows;
        }
        narrow *= 2;
    }
}

fn of_cpu(spans: &[CpuSpan]) -> Vec<(Instant, Instant, What)> {
    let busy = spans.iter().filter_map(|span| match span.state {
        CpuState::Switch => Some((span.from, span.to, What::Switch)),
        CpuState::Idle => None,
        CpuState::User | CpuState::Kernel(_) | CpuState::Interrupt(_) => {
            (span.task != Tid::IDLE).then_some((span.from, span.to, What::Task(span.task)))
        }
    });
    joined(busy)
}

fn textbook(lanes: &Lanes, header: &Header, options: &Options) -> Scene {
    let palette = options.theme.palette();
    let names = names(lanes);
    let fills = fills(lanes);
    let cpus = &lanes.cpus[..lanes.cpus.len().min(ROWS)];
    let labels: Vec<String> = cpus.iter().map(|lane| format!("CPU {}", lane.cpu)).collect();
    let left = left(labels.iter().map(String::as_str));
    let width = options.width as i32 - MARGIN - left;
    let scale = Scale { from: lanes.from, to: lanes.to, left, width };
    let rows = rows(cpus, &scale);
    let has = |what: What| rows.iter().flatten().any(|piece| piece.what == what);
    let switch = Fill { colour: palette.paint(Paint::Switch), hatch: Hatch::Solid };
    let mixed = Fill { colour: palette.paint(Paint::Blocked), hatch: Hatch::Crossed };

    let mut key: Vec<(Sign, String)> = Vec::new();
    let seen = |task: &Tid| rows.iter().flatten().any(|piece| piece.what == What::Task(*task));
    let shown: Vec<Tid> = lanes.threads.iter().map(|thread| thread.task).filter(seen).collect();
    if shown.len() <= 12 {
        key.extend(shown.iter().map(|task| (Sign::Area(fills[task]), names[task].clone())));
    }
    key.extend(has(What::Switch).then(|| (Sign::Area(switch), "kernel: switch".to_owned())));
    key.extend(has(What::Mixed).then(|| (Sign::Area(mixed), "several".to_owned())));
    let arrivals = arrivals(lanes, &names, &scale);
    if !arrivals.is_empty() {
        key.push((Sign::Down(palette.text), "arrives".to_owned()));
    }
    let (mut scene, mut y) = Scene::new(header, options, &key);
    let lines = draw_arrivals(&mut scene, &arrivals, y);
    y += lines * ARRIVAL_LINE + if lines > 0 { 14 } else { 0 };
    let borders = Borders::new(&rows, &scale);
    let pitch = BAR + if borders.fit { 40 } else { 12 };
    let bottom = y + pitch * rows.len() as i32;
    if !borders.fit {
        grid(&mut scene, &scale, y - 4, bottom);
    }
    for ((label, row), number) in labels.iter().zip(&rows).zip(0..) {
        let top = y + number * pitch;
        row_name(&mut scene, label, left, top + BAR / 2);
        scene.rect((left, top), (width, BAR), palette.band);
        let mut before = left;
        for piece in row {
            let fill = match piece.what {
                What::Task(task) => fills.get(&task).copied().unwrap_or(mixed),
                What::Switch => switch,
                What::Mixed => mixed,
            };
            let piece_left = piece.left.max(before);
            before = piece.right;
            let gap = i32::from(piece.right - piece_left > 3);
            scene.fill((piece_left, top), (piece.right - piece_left - gap, BAR), fill);
            if let What::Task(task) = piece.what {
                let name = names.get(&task).map_or("", String::as_str);
                let middle = (piece_left + piece.right) / 2;
                scene.text_on(name, piece.right - piece_left - 6, (middle, top + BAR / 2), 13.0, fill);
            }
        }
        scene.line((left, top), (left + width, top), palette.muted);
        scene.line((left, top + BAR), (left + width, top + BAR), palette.muted);
        if borders.fit {
            borders.draw(&mut scene, row, top + BAR);
        }
    }
    if lanes.cpus.len() > ROWS {
        scene.note(format!("The first {ROWS} of {} CPUs; choose others with --cpus.", lanes.cpus.len()));
    }
    let mut end = bottom;
    if borders.fit {
        scene.note(format!("Times in {}, to the nearest {}.", borders.unit, time(borders.rounding)));
    } else {
        end = axis(&mut scene, &scale, bottom);
    }
    scene.finish(end)
}

/// The fill of each thread, in the order in which they were announced.
pub(super) fn fills(lanes: &Lanes) -> BTreeMap<Tid, Fill> {
    lanes.threads.iter().enumerate().map(|(number, thread)| (thread.task, fill(number))).collect()
}

/// The threads that begin in the window, those that begin together as one text.
fn arrivals(lanes: &Lanes, names: &BTreeMap<Tid, String>, scale: &Scale) -> Vec<(i32, String)> {
    let mut by_pixel: BTreeMap<i32, Vec<&str>> = BTreeMap::new();
    for thread in &lanes.threads {
        let start = thread.start.filter(|start| (lanes.from..=lanes.to).contains(start));
        if let Some(start) = start {
            by_pixel.entry(scale.x(start)).or_default().push(&names[&thread.task]);
        }
    }
    let text = |names: Vec<&str>| match names.len() {
        ..=4 => names.join(", "),
        many => format!("{}, {} and {} more", names[0], names[1], count(many as u64 - 2)),
    };
    by_pixel.into_iter().map(|(x, names)| (x, text(names))).collect()
}

/// Names and arrows above the bars; gives how many lines they take.
fn draw_arrivals(scene: &mut Scene, arrivals: &[(i32, String)], top: i32) -> i32 {
    let set = Type { size: INSIDE + 1.0, weight: Weight::Regular, colour: scene.palette.text };
    // From the right, so that a name may stand above the arrows of those after it.
    let mut ends: Vec<i32> = vec![i32::MAX; ARRIVAL_LINES as usize];
    let mut chosen: Vec<(i32, &str, Option<usize>)> = Vec::new();
    for (x, text) in arrivals.iter().rev() {
        let room =
            (scene.width() - MARGIN / 2 - x - 9).min(if text.contains(", ") { 3 * WIDEST } else { WIDEST });
        let wide = measure(text, set).min(room);
        let free = (0..ends.len()).find(|&line| x + 9 + wide + 8 < ends[line]);
        if let Some(line) = free {
            ends[..=line].iter_mut().for_each(|end| *end = *x);
        }
        chosen.push((*x, text, free));
    }
    let lines = chosen.iter().filter_map(|(.., line)| *line).max().map_or(0, |line| line as i32 + 1);
    let tip = top + lines * ARRIVAL_LINE + 10;
    let mut before = i32::MAX;
    for (x, text, line) in chosen {
        let colour = scene.palette.text;
        let from = tip - 12 - line.map_or(0, |line| line as i32 * ARRIVAL_LINE);
        if line.is_some() || before - x > 6 {
            scene.arrow((x, from.min(tip - 12)), tip, colour);
            before = x;
        }
        if line.is_some() {
            let room = (scene.width() - MARGIN / 2 - x - 9).min(if text.contains(", ") {
                3 * WIDEST
            } else {
                WIDEST
            });
            scene.text_in(text, room, (x + 9, from + 2), Anchor::Left, set);
        }
    }
    lines.max(i32::from(!arrivals.is_empty()))
}

/// The times below the borders of bars.
struct Borders {
    unit: &'static str,
    size: u64,
    rounding: Span,
    /// Whether all have room, in two lines at most.
    fit: bool,
}

impl Borders {
    const SIZE: f64 = INSIDE + 0.5;

    fn new(rows: &[Vec<Piece>], scale: &Scale) -> Borders {
        let axis = Axis::new(scale);
        let pixel = scale.to.since(scale.from).as_nanos() / scale.width.max(1).unsigned_abs() as u64;
        let rounding = (0..19).map(|power| 10_u64.pow(power)).take_while(|&step| step <= pixel.max(1)).last();
        let mut borders = Borders {
            unit: axis.unit,
            size: axis.size,
            rounding: Span::from_nanos(rounding.unwrap_or(1)),
            fit: true,
        };
        borders.fit = rows.iter().all(|row| borders.lines(row).is_some());
        borders
    }

    fn text(&self, at: Instant) -> String {
        let step = self.rounding.as_nanos();
        label((at.as_nanos() + step / 2) / step * step, self.size)
    }

    /// Where each time stands and in which line.
    fn lines(&self, row: &[Piece]) -> Option<Vec<(i32, String, usize)>> {
        let edges = row.iter().filter(|piece| piece.what != What::Switch);
        let mut edges: Vec<(i32, Instant)> =
            edges.flat_map(|piece| [(piece.left, piece.from), (piece.right, piece.to)]).collect();
        edges.dedup_by_key(|(x, _)| *x);
        let set = Type { size: Borders::SIZE, weight: Weight::Regular, colour: (0, 0, 0) };
        let mut ends = [i32::MIN; 2];
        let mut before = i32::MIN;
        let mut placed = Vec::new();
        for (x, at) in edges {
            // What a switch separates has one time.
            if x < before.saturating_add(4) {
                continue;
            }
            before = x;
            let text = self.text(at);
            let half = measure(&text, set) / 2 + 4;
            let line = (0..2).find(|&line| x - half > ends[line])?;
            ends[line] = x + half;
            placed.push((x, text, line));
        }
        Some(placed)
    }

    fn draw(&self, scene: &mut Scene, row: &[Piece], bottom: i32) {
        let set = Type { size: Borders::SIZE, weight: Weight::Regular, colour: scene.palette.text };
        for (x, text, line) in self.lines(row).unwrap_or_default() {
            let y = bottom + 6 + line as i32 * 13;
            let muted = scene.palette.muted;
            scene.line((x, bottom), (x, y - 1), muted);
            scene.text(&text, (x, y + 6), Anchor::Centre, set);
        }
    }
}

/// What a thread's states are on a row of its own.
pub(super) fn of_thread(spans: &[ThreadSpan]) -> (Vec<Running>, Vec<(Instant, Instant)>) {
    let (mut running, mut waiting): (Vec<Running>, Vec<(Instant, Instant)>) = (Vec::new(), Vec::new());
    for span in spans {
        match span.state {
            ThreadState::User | ThreadState::Kernel(_) | ThreadState::Interrupted(_) => {
                match running.last_mut() {
                    Some(before) if before.to == span.from && before.cpu == span.cpu => before.to = span.to,
                    Some(_) | None => running.push(Running { from: span.from, to: span.to, cpu: span.cpu }),
                }
            }
            ThreadState::Ready | ThreadState::Switch => waiting.push((span.from, span.to)),
            ThreadState::Blocked { .. } => {}
        }
    }
    (running, waiting)
}

/// A piece of time on a CPU.
#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    pub from: Instant,
    pub to: Instant,
    pub cpu: Option<crate::ids::CpuId>,
}

/// The alarm, solid on paper.
pub(super) const fn late(palette: &crate::chart::theme::Palette) -> Fill {
    Fill { colour: alarm(palette), hatch: Hatch::Solid }
}
