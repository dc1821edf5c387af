//! How long threads waited for a CPU, and interrupts for being taken: empirical distribution functions over
//! a logarithmic axis, and a histogram of the interrupts.

use crate::analysis::Lanes;
use crate::analysis::naming::count;
use crate::analysis::state::ThreadState;
use crate::chart::canvas::{Anchor, Rgb, Type};
use crate::chart::columns::Paint;
use crate::chart::font::Weight;
use crate::chart::layout::{INSIDE, LABEL, MARGIN};
use crate::chart::scene::{Scene, Sign};
use crate::chart::{Options, Theme};
use crate::time::Span;
use crate::trace::Header;

use super::ChartRow;
use super::parts::paint;
use crate::chart::units::time;

pub const ROW: ChartRow = ChartRow {
    name: "latency",
    summary: "how long threads waited for a CPU, and interrupts for being taken",
    doc: "The share of all waits that were at most so long, over a logarithmic axis of time: from ready until \
          a CPU goes to the thread, and from a raised interrupt until a CPU takes it. A wait of no length \
          stands at the left edge. Below it, a histogram of the interrupts that had to wait. Waits that hadn't ended \
          with the window aren't in it.",
    needs: "wake-ups and switches; interrupts for their part",
    draw: Some(draw),
};

const THREADS: &str = "ready until running";
const INTERRUPTS: &str = "interrupt raised until taken";
const ECDF: i32 = 250;
const HISTOGRAM: i32 = 150;
const LEFT: i32 = MARGIN + 44;
const FOOT: i32 = 40;
const HEADING: i32 = 24;
/// The least distance of two times of an axis.
const ROOM: i32 = 52;
/// Bars of the histogram for each power of ten.
const BINS: f64 = 10.0;
const STROKE: i32 = 2;

/// The plot within its frame, and the logarithms of the times at its edges.
#[derive(Clone, Copy, Debug)]
struct Plot {
    top: i32,
    width: i32,
    height: i32,
    low: f64,
    high: f64,
}

impl Plot {
    fn x(&self, nanos: u64) -> i32 {
        let part = ((nanos.max(1) as f64).log10() - self.low) / (self.high - self.low);
        LEFT + (part.clamp(0.0, 1.0) * f64::from(self.width)).round() as i32
    }

    fn y(&self, part: f64) -> i32 {
        self.top + ((1.0 - part) * f64::from(self.height)).round() as i32
    }
}

/// From ready until a CPU went to the thread; sorted.
fn waits(lanes: &Lanes) -> Vec<u64> {
    let ready = |state: ThreadState| state == ThreadState::Ready;
    let mut waits = Vec::new();
    for thread in &lanes.threads {
        for pair in thread.spans.windows(2) {
            // When it became ready isn't known of one that was so before the part that is shown.
            let since = pair[0].from > lanes.from || thread.start == Some(pair[0].from);
            if ready(pair[0].state) && !ready(pair[1].state) && since {
                waits.push(pair[0].to.since(pair[0].from).as_nanos());
            }
            // From blocked onto a CPU at once: it was ready for no time.
            let blocked = matches!(pair[0].state, ThreadState::Blocked { .. });
            if blocked && !ready(pair[1].state) && !matches!(pair[1].state, ThreadState::Blocked { .. }) {
                waits.push(0);
            }
        }
    }
    waits.sort_unstable();
    waits
}

fn interrupts(lanes: &Lanes) -> Vec<u64> {
    let shown = lanes.interrupts.iter().filter(|interrupt| {
        let on = interrupt.cpu;
        lanes.cpus.iter().any(|lane| lane.cpu == on)
    });
    let waits = shown.filter_map(|interrupt| {
        let recognised = interrupt.recognised.filter(|at| *at <= lanes.to)?;
        Some(recognised.since(interrupt.raised?).as_nanos())
    });
    let mut waits: Vec<u64> = waits.collect();
    waits.sort_unstable();
    waits
}

/// The value that so many percent don't exceed.
fn percentile(sorted: &[u64], percent: usize) -> Span {
    let place = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    Span::from_nanos(sorted.get(place).copied().unwrap_or(0))
}

fn figures(sorted: &[u64]) -> String {
    let [half, most, nearly] = [50, 95, 99].map(|percent| time(percentile(sorted, percent)));
    let largest = time(Span::from_nanos(sorted.last().copied().unwrap_or(0)));
    let all = count(sorted.len() as u64);
    format!("{all} times: median {half}, p95 {most}, p99 {nearly}, longest {largest}")
}

/// A distribution: its name, its times in order, and its colour.
type Series = (String, Vec<u64>, Rgb);

fn draw(lanes: &Lanes, header: &Header, options: &Options) -> Scene {
    let palette = options.theme.palette();
    let paper = options.theme == Theme::Print;
    let threads = waits(lanes);
    let of_interrupts = match options.theme {
        Theme::Light | Theme::Dark => palette.paint(Paint::Interrupt),
        Theme::Print if threads.is_empty() => palette.text,
        Theme::Print => (150, 150, 150),
    };
    let series = [
        (THREADS.to_owned(), threads, if paper { palette.text } else { palette.paint(Paint::User) }),
        (INTERRUPTS.to_owned(), interrupts(lanes), of_interrupts),
    ];
    let histogram = series[1].1.clone();
    let (mut scene, bottom, plot) = distributions(series.to_vec(), header, options);
    let Some(plot) = plot.filter(|_| !histogram.is_empty()) else { return scene.finish(bottom) };
    let set = Type { size: LABEL, weight: Weight::Regular, colour: palette.text };
    let some = &histogram[histogram.partition_point(|&nanos| nanos == 0)..];
    let [waited, all] = [some.len(), histogram.len()].map(|number| count(number as u64));
    let heading = format!("{INTERRUPTS}: {waited} of {all} had to wait, and so long");
    scene.text_in(&heading, plot.width, (LEFT, bottom + 8), Anchor::Left, set);
    let plot = Plot { top: bottom + HEADING, height: HISTOGRAM, ..plot };
    self::histogram(&mut scene, &plot, some);
    scene.finish(bottom + HEADING + HISTOGRAM + FOOT)
}

/// The distributions of two runs over one axis; each side has its name before those of the curves.
pub fn overlay(sides: [(&str, &Lanes); 2], header: &Header, options: &Options) -> Scene {
    // One side is cold, the other one warm.
    let colours = match options.theme {
        Theme::Print => [[(0, 0, 0), (110, 110, 110)], [(150, 150, 150), (200, 200, 200)]],
        Theme::Light | Theme::Dark => [[(0, 114, 178), (0, 158, 115)], [(230, 159, 0), (213, 94, 0)]],
    };
    let mut series = Vec::new();
    for ((side, lanes), [threads, interrupt]) in sides.into_iter().zip(colours) {
        series.push((format!("{side}: {THREADS}"), waits(lanes), threads));
        series.push((format!("{side}: {INTERRUPTS}"), interrupts(lanes), interrupt));
    }
    let (scene, bottom, _) = distributions(series, header, options);
    scene.finish(bottom)
}

/// Draws distribution functions; gives where they end, and their plot if there is any.
fn distributions(mut series: Vec<Series>, header: &Header, options: &Options) -> (Scene, i32, Option<Plot>) {
    series.retain(|(_, waits, _)| !waits.is_empty());
    let present = series;
    let key: Vec<(Sign, String)> = present
        .iter()
        .map(|(name, waits, colour)| (Sign::Line(*colour), format!("{name}, {}", figures(waits))))
        .collect();
    let (mut scene, top) = Scene::new(header, options, &key);
    if present.is_empty() {
        scene.note("Nothing waited for a CPU, and no interrupt for being taken.".to_owned());
        return (scene, top, None);
    }
    let low = present.iter().filter_map(|(_, waits, _)| waits.iter().find(|&&nanos| nanos > 0)).min();
    let low = low.copied().unwrap_or(1);
    let high = present.iter().filter_map(|(_, waits, _)| waits.last()).max().copied().unwrap_or(1).max(1);
    let (low, high) = ((low as f64 * 0.5).max(1.0).log10(), (high as f64 * 1.25).log10());
    let high = high.max(low + 0.5);
    let width = options.width as i32 - MARGIN - LEFT;
    let plot = Plot { top, width, height: ECDF, low, high };
    frame(&mut scene, &plot, &[(0.0, "0 %"), (0.25, ""), (0.5, "50 %"), (0.75, ""), (1.0, "100 %")]);
    for (_, waits, colour) in &present {
        staircase(&mut scene, &plot, waits, *colour);
    }
    (scene, top + ECDF + FOOT, Some(plot))
}

/// The ground of a plot, with times below it and levels to the left.
fn frame(scene: &mut Scene, plot: &Plot, levels: &[(f64, &str)]) {
    let palette = scene.palette;
    let set = Type { size: INSIDE, weight: Weight::Regular, colour: palette.muted };
    for (part, text) in levels {
        let y = plot.y(*part);
        scene.line((LEFT, y), (LEFT + plot.width, y), palette.grid);
        scene.text(text, (LEFT - 8, y), Anchor::Right, set);
    }
    let bottom = plot.top + plot.height;
    let mut last = i32::MIN;
    for nanos in marks(plot) {
        let x = plot.x(nanos);
        if x < last.saturating_add(ROOM) {
            continue;
        }
        last = x;
        scene.line((x, plot.top), (x, bottom + 5), palette.grid);
        scene.text(&time(Span::from_nanos(nanos)), (x, bottom + 16), Anchor::Centre, set);
    }
    scene.line((LEFT, bottom), (LEFT + plot.width, bottom), palette.muted);
}

/// 1, 2 and 5 of each power of ten within.
fn marks(plot: &Plot) -> Vec<u64> {
    let powers = (0..19).map(|power| 10_u64.pow(power));
    let marks = powers.flat_map(|power| [1, 2, 5].map(|digit| power.saturating_mul(digit)));
    marks.filter(|&nanos| (plot.low..=plot.high).contains(&(nanos as f64).log10())).collect()
}

/// One step for each column of pixels at most.
fn staircase(scene: &mut Scene, plot: &Plot, sorted: &[u64], colour: Rgb) {
    let all = sorted.len().max(1) as f64;
    let (mut x, mut y, mut place) = (LEFT, plot.y(0.0), 0);
    while place < sorted.len() {
        let column = plot.x(sorted[place]);
        place += sorted[place..].partition_point(|&nanos| plot.x(nanos) <= column);
        let above = plot.y(place as f64 / all);
        if above != y {
            scene.rect((x, y - STROKE / 2), (column - x + STROKE / 2, STROKE), colour);
            scene.rect((column - STROKE / 2, above - STROKE / 2), (STROKE, y - above + STROKE), colour);
            (x, y) = (column, above);
        }
    }
    scene.rect((x, y - STROKE / 2), (LEFT + plot.width - x, STROKE), colour);
}

fn histogram(scene: &mut Scene, plot: &Plot, sorted: &[u64]) {
    let bin = |nanos: u64| ((nanos.max(1) as f64).log10() * BINS).floor() as i64;
    let mut bins: Vec<(i64, u64)> = Vec::new();
    for &nanos in sorted {
        match bins.last_mut() {
            Some((number, all)) if *number == bin(nanos) => *all += 1,
            Some(_) | None => bins.push((bin(nanos), 1)),
        }
    }
    let most = bins.iter().map(|(_, all)| *all).max().unwrap_or(1);
    let text = count(most);
    frame(scene, plot, &[(0.0, "0"), (1.0, &text)]);
    let fill = paint(&scene.palette, Paint::Interrupt);
    let edge = |number: i64| {
        let part = (number as f64 / BINS - plot.low) / (plot.high - plot.low);
        LEFT + (part.clamp(0.0, 1.0) * f64::from(plot.width)).round() as i32
    };
    for (number, all) in bins {
        let high = ((all as f64 / most as f64 * f64::from(plot.height)).round() as i32).max(1);
        let (left, right) = (edge(number), edge(number + 1));
        scene.fill((left, plot.top + plot.height - high), ((right - left - 1).max(1), high), fill);
    }
}
