//! Jobs in the style of real-time textbooks: a row for each task, arrows up at releases and down at
//! deadlines.

use std::collections::BTreeMap;

use crate::analysis::Lanes;
use crate::analysis::lanes::{Job, ThreadLane};
use crate::analysis::naming::count;
use crate::chart::Options;
use crate::chart::canvas::{Anchor, Type};
use crate::chart::columns::{Paint, Scale};
use crate::chart::font::Weight;
use crate::chart::layout::{INSIDE, LABEL, LABEL_GAP, MARGIN};
use crate::chart::scene::{Fill, Scene, Sign};
use crate::chart::units::time;
use crate::ids::{CpuId, Tid};
use crate::time::{Instant, Span};
use crate::trace::Header;

use super::gantt::{fills, late, of_thread};
use super::parts::{alarm, axis, grid, left, names, paint};

const BAR: i32 = 24;
const ARROW: i32 = 38;
const PITCH: i32 = 60;
/// More tasks than this have no row.
const ROWS: usize = 24;
/// Arrows of one kind on a row stand so far apart.
const APART: i32 = 6;
/// So many arrows at most, if they would be more: the others stand further apart.
const ARROWS: i32 = 700;
/// Pieces of fewer pixels are drawn with their neighbours.
const NARROW: i32 = 2;
/// Pieces of more pixels, if there are more of them than this.
const PIECES: usize = 1_100;

/// A part of one job on one CPU.
#[derive(Clone, Copy, Debug)]
struct Part {
    from: Instant,
    to: Instant,
    job: Option<u64>,
    late: bool,
    cpu: Option<CpuId>,
}

pub fn draw(lanes: &Lanes, header: &Header, options: &Options) -> Scene {
    let palette = options.theme.palette();
    let mut jobs: BTreeMap<Tid, Vec<Job>> = BTreeMap::new();
    lanes.jobs.iter().for_each(|job| jobs.entry(job.task).or_default().push(*job));
    let none = Vec::new();
    let of = |task: Tid| jobs.get(&task).unwrap_or(&none);
    let mut rows: Vec<&ThreadLane> =
        lanes.threads.iter().filter(|lane| jobs.contains_key(&lane.task) || !lane.spans.is_empty()).collect();
    rows.sort_by_key(|lane| !jobs.contains_key(&lane.task));
    let left_out = rows.len().saturating_sub(ROWS);
    rows.truncate(ROWS);

    let names = names(lanes);
    let names: Vec<&str> = rows.iter().map(|lane| names[&lane.task].as_str()).collect();
    let rhythms: Vec<String> = rows.iter().map(|lane| rhythm(of(lane.task))).collect();
    let left = left(names.iter().copied().chain(rhythms.iter().map(String::as_str)));
    let width = options.width as i32 - MARGIN - left;
    let scale = Scale { from: lanes.from, to: lanes.to, left, width };
    let missed = lanes.jobs.iter().any(|job| job.missed);
    let dropped = lanes.jobs.iter().any(|job| job.dropped.is_some());
    let mut key = vec![
        (Sign::Up(palette.text), "release".to_owned()),
        (Sign::Down(palette.text), "deadline".to_owned()),
        (Sign::Area(paint(&palette, Paint::Ready)), "waits for a CPU".to_owned()),
    ];
    key.extend(missed.then(|| (Sign::Down(alarm(&palette)), "deadline missed".to_owned())));
    key.extend(missed.then(|| (Sign::Area(late(&palette)), "runs after its deadline".to_owned())));
    key.extend(dropped.then(|| (Sign::Cross(alarm(&palette)), "job dropped".to_owned())));
    let (mut scene, top) = Scene::new(header, options, &key);
    let bottom = top + PITCH * rows.len() as i32;
    grid(&mut scene, &scale, top - 4, bottom);
    let fills = fills(lanes);
    let several = lanes.cpus.len() > 1;
    let bars = bars(&rows, of, &scale);
    let apart = apart(rows.iter().map(|lane| of(lane.task).len()).sum(), rows.len(), &scale);
    let mut without_arrow = 0;
    for ((((lane, name), rhythm), bars), number) in rows.iter().zip(&names).zip(&rhythms).zip(&bars).zip(0..)
    {
        let base = top + number * PITCH + PITCH - 12;
        write_name(&mut scene, name, rhythm, left, base);
        scene.line((left, base), (left + width, base), palette.muted);
        for &(begin, end) in &bars.waiting {
            scene.fill((begin, base - 5), (end - begin, 5), paint(&palette, Paint::Ready));
        }
        draw_parts(&mut scene, &bars.parts, base, (fills[&lane.task], several));
        without_arrow += draw_arrows(&mut scene, of(lane.task), &scale, base, apart);
    }
    if without_arrow > 0 {
        let all = count(without_arrow);
        scene.note(format!("{all} releases and deadlines have no arrow: too many for this width."));
    }
    if left_out > 0 {
        scene.note(format!(
            "{} further processes aren't shown; choose some with --tasks.",
            count(left_out as u64)
        ));
    }
    let end = axis(&mut scene, &scale, bottom);
    scene.finish(end)
}

/// A task's name, and its period and deadline below it.
fn write_name(scene: &mut Scene, name: &str, rhythm: &str, left: i32, base: i32) {
    let (room, x) = (left - MARGIN - LABEL_GAP + 1, left - LABEL_GAP);
    let set = Type { size: LABEL, weight: Weight::Regular, colour: scene.palette.text };
    let small = Type { size: INSIDE, weight: Weight::Regular, colour: scene.palette.muted };
    let up = if rhythm.is_empty() { BAR / 2 } else { BAR / 2 + 7 };
    scene.text_in(name, room, (x, base - up), Anchor::Right, set);
    scene.text_in(rhythm, room, (x, base - up + 16), Anchor::Right, small);
}

/// The period, if there is one, and the deadline if it isn't the period.
fn rhythm(jobs: &[Job]) -> String {
    let gaps: Vec<Span> = jobs.windows(2).map(|pair| pair[1].release.since(pair[0].release)).collect();
    let period = gaps.first().copied().filter(|first| gaps.iter().all(|gap| gap == first));
    let due = jobs.first().map(|job| job.deadline.since(job.release));
    let due = due.filter(|first| jobs.iter().all(|job| job.deadline.since(job.release) == *first));
    match (period, due) {
        (Some(period), Some(due)) if due != period => format!("every {}, due in {}", time(period), time(due)),
        (Some(period), _) => format!("every {}", time(period)),
        (None, Some(due)) => format!("due in {}", time(due)),
        (None, None) => String::new(),
    }
}

/// A piece of running time by the jobs that it belonged to, each before and after its deadline. Jobs of a
/// task run one after the other.
fn of_jobs(from: Instant, to: Instant, cpu: Option<CpuId>, jobs: &[Job]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut at = from;
    let first = jobs.partition_point(|job| job.ended.or(job.dropped).is_some_and(|end| end <= from));
    for job in &jobs[first..] {
        if at >= to || job.release >= to {
            break;
        }
        let end = job.ended.or(job.dropped).unwrap_or(Instant::NEVER).min(to);
        let begin = at.max(job.release);
        if begin > at {
            parts.push(Part { from: at, to: begin, job: None, late: false, cpu });
        }
        let due = job.deadline.clamp(begin, end.max(begin));
        for (from, to, late) in [(begin, due, false), (due, end, true)] {
            if from < to {
                parts.push(Part { from, to, job: Some(job.number), late, cpu });
            }
        }
        at = at.max(end);
    }
    if at < to {
        parts.push(Part { from: at, to, job: None, late: false, cpu });
    }
    parts
}

/// Pixels of pieces of time, those that touch as one.
fn merged(pieces: &[(Instant, Instant)], scale: &Scale, narrow: i32) -> Vec<(i32, i32)> {
    let mut merged: Vec<(i32, i32)> = Vec::new();
    for &(from, to) in pieces {
        let (begin, end) = (scale.x(from), scale.x(to));
        match merged.last_mut() {
            Some(before) if begin < before.1 + narrow / 2 => before.1 = before.1.max(end),
            Some(_) | None => merged.push((begin, end)),
        }
    }
    merged
}

/// What is drawn of a row between its arrows, as pixels.
struct Bars {
    waiting: Vec<(i32, i32)>,
    parts: Vec<(i32, i32, Part)>,
}

/// All rows, as finely as the picture's size allows.
fn bars<'a>(rows: &[&ThreadLane], jobs: impl Fn(Tid) -> &'a Vec<Job>, scale: &Scale) -> Vec<Bars> {
    let rows: Vec<_> = rows
        .iter()
        .map(|lane| {
            let (running, waiting) = of_thread(&lane.spans);
            let parts = running.iter().flat_map(|run| of_jobs(run.from, run.to, run.cpu, jobs(lane.task)));
            (parts.collect::<Vec<Part>>(), waiting)
        })
        .collect();
    let mut narrow = NARROW;
    loop {
        let bars: Vec<Bars> = rows
            .iter()
            .map(|(parts, waiting)| Bars {
                waiting: merged(waiting, scale, narrow),
                parts: blocks(parts, scale, narrow),
            })
            .collect();
        let all: usize = bars.iter().map(|bars| bars.waiting.len() + bars.parts.len()).sum();
        if all <= PIECES || narrow > scale.width {
            return bars;
        }
        narrow *= 2;
    }
}

/// How far apart arrows of one kind stand on a row.
fn apart(jobs: usize, rows: usize, scale: &Scale) -> i32 {
    if jobs * 2 <= ARROWS as usize {
        return APART;
    }
    (2 * rows as i32 * scale.width / ARROWS).max(APART)
}

/// Parts as pixels, narrow ones with their neighbours.
fn blocks(parts: &[Part], scale: &Scale, narrow: i32) -> Vec<(i32, i32, Part)> {
    let mut blocks: Vec<(i32, i32, Part)> = Vec::new();
    for part in parts {
        let (begin, end) = (scale.x(part.from), scale.x(part.to).max(scale.x(part.from) + 1));
        match blocks.last_mut() {
            Some((from, to, before))
                if begin < *to + narrow / 2 && (end - begin <= narrow || *to - *from <= narrow) =>
            {
                if end - begin > *to - *from {
                    before.job = part.job;
                }
                *to = end.max(*to);
                before.late |= part.late;
            }
            Some((_, to, before))
                if begin <= *to
                    && before.job == part.job
                    && before.late == part.late
                    && before.cpu == part.cpu =>
            {
                *to = end;
            }
            Some(_) | None => blocks.push((begin, end, *part)),
        }
    }
    blocks
}

fn draw_parts(scene: &mut Scene, blocks: &[(i32, i32, Part)], base: i32, (own, several): (Fill, bool)) {
    let alarm = late(&scene.palette);
    for &(begin, end, part) in blocks {
        let fill = if part.late { alarm } else { own };
        scene.fill((begin, base - BAR), (end - begin, BAR), fill);
        let at = ((begin + end) / 2, base - BAR / 2);
        let number = part.job.map(count).unwrap_or_default();
        let long = part.cpu.filter(|_| several).map(|cpu| format!("{number} on CPU {cpu}"));
        let room = end - begin - 1;
        let whole = |text: &str| crate::chart::font::width(text, INSIDE, Weight::Regular) <= f64::from(room);
        let text = long.filter(|text| whole(text)).unwrap_or(number);
        if whole(&text) {
            scene.text_on(&text, room, at, INSIDE, fill);
        }
    }
}

/// Arrows of one row; gives how many had no room.
fn draw_arrows(scene: &mut Scene, jobs: &[Job], scale: &Scale, base: i32, apart: i32) -> u64 {
    let window = scale.from..=scale.to;
    let (text, alarm) = (scene.palette.text, alarm(&scene.palette));
    let (mut release, mut deadline, mut cross) = (i32::MIN / 2, i32::MIN / 2, i32::MIN / 2);
    let mut without = 0;
    for job in jobs.iter().filter(|job| window.contains(&job.release)) {
        let x = scale.x(job.release);
        if x - release < apart {
            without += 1;
            continue;
        }
        scene.arrow((x, base), base - ARROW, text);
        release = x;
    }
    for job in jobs.iter().filter(|job| window.contains(&job.deadline)) {
        let x = scale.x(job.deadline);
        if x - deadline < apart {
            without += 1;
            continue;
        }
        scene.arrow((x, base - ARROW + 7), base, if job.missed { alarm } else { text });
        deadline = x;
    }
    for at in jobs.iter().filter_map(|job| job.dropped).filter(|at| window.contains(at)) {
        let x = scale.x(at);
        if x - cross >= apart {
            scene.cross((x, base - BAR - 7), alarm);
            cross = x;
        }
    }
    without
}
