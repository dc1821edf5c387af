//! Spans as pixels. What is drawn is bounded by the width of the picture, however many spans
//! there are.
//!
//! A span that is wide enough is a block of its own. Narrower ones that follow each other are
//! drawn together, column by column, as shares of the time: a column that is one third dark spent
//! one third of its time in the kernel. How narrow is too narrow, and how wide a column is, is the
//! [`Detail`]; a crowded picture is drawn with less of it.

use crate::analysis::lanes::{CpuSpan, ThreadSpan};
use crate::analysis::state::{CpuState, Handler, ThreadState, Work};
use crate::time::Instant;

use super::hatch::Hatch;

/// What a state looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Paint {
    User,
    Kernel,
    Fault,
    Switch,
    Interrupt,
    Deferred,
    Ready,
    Blocked,
    Idle,
}

impl Paint {
    pub const ALL: [Paint; 9] = [
        Paint::User,
        Paint::Kernel,
        Paint::Fault,
        Paint::Switch,
        Paint::Interrupt,
        Paint::Deferred,
        Paint::Ready,
        Paint::Blocked,
        Paint::Idle,
    ];

    /// What it is filled with on paper.
    pub const fn hatch(self) -> Hatch {
        match self {
            Paint::User | Paint::Blocked | Paint::Idle => Hatch::Plain,
            Paint::Kernel => Hatch::Rising,
            Paint::Fault => Hatch::Crossed,
            Paint::Switch => Hatch::Solid,
            Paint::Interrupt => Hatch::Falling,
            Paint::Deferred => Hatch::Upright,
            Paint::Ready => Hatch::Level,
        }
    }

    /// What a CPU's state looks like.
    pub const fn of_cpu(state: CpuState) -> Paint {
        match state {
            CpuState::Idle => Paint::Idle,
            CpuState::User => Paint::User,
            CpuState::Kernel(work) => work_paint(work),
            CpuState::Switch => Paint::Switch,
            CpuState::Interrupt(handler) => handler_paint(handler),
        }
    }

    /// What a thread's state looks like.
    pub const fn of_thread(state: ThreadState) -> Paint {
        match state {
            ThreadState::User => Paint::User,
            ThreadState::Kernel(work) => work_paint(work),
            ThreadState::Interrupted(handler) => handler_paint(handler),
            ThreadState::Switch => Paint::Switch,
            ThreadState::Ready => Paint::Ready,
            ThreadState::Blocked { .. } => Paint::Blocked,
        }
    }

    /// Its name, in words that a style sheet can use.
    pub const fn name(self) -> &'static str {
        match self {
            Paint::User => "user",
            Paint::Kernel => "kernel",
            Paint::Fault => "fault",
            Paint::Switch => "switch",
            Paint::Interrupt => "interrupt",
            Paint::Deferred => "deferred",
            Paint::Ready => "ready",
            Paint::Blocked => "blocked",
            Paint::Idle => "idle",
        }
    }

    /// What it means, in every legend.
    pub const fn meaning(self) -> &'static str {
        match self {
            Paint::User => "user mode",
            Paint::Kernel => "kernel: system call",
            Paint::Fault => "kernel: exception, signal",
            Paint::Switch => "kernel: switch",
            Paint::Interrupt => "kernel: interrupt",
            Paint::Deferred => "kernel: deferred half",
            Paint::Ready => "ready",
            Paint::Blocked => "blocked",
            Paint::Idle => "idle",
        }
    }

    /// Shown by height in a column; the others are the height that is left.
    const STACKED: [Paint; 7] = [
        Paint::User,
        Paint::Kernel,
        Paint::Fault,
        Paint::Switch,
        Paint::Interrupt,
        Paint::Deferred,
        Paint::Ready,
    ];
}

/// A piece of time with a look.
pub trait Piece: Copy {
    fn from(&self) -> Instant;
    fn to(&self) -> Instant;
    fn paint(&self) -> Paint;
}

impl Piece for CpuSpan {
    fn from(&self) -> Instant {
        self.from
    }

    fn to(&self) -> Instant {
        self.to
    }

    fn paint(&self) -> Paint {
        Paint::of_cpu(self.state)
    }
}

impl Piece for ThreadSpan {
    fn from(&self) -> Instant {
        self.from
    }

    fn to(&self) -> Instant {
        self.to
    }

    fn paint(&self) -> Paint {
        Paint::of_thread(self.state)
    }
}

const fn work_paint(work: Work) -> Paint {
    match work {
        Work::Call(_) => Paint::Kernel,
        Work::Fault(_) | Work::Exception(_) | Work::Death(_) => Paint::Fault,
    }
}

const fn handler_paint(handler: Handler) -> Paint {
    match handler {
        Handler::Softirq(_) => Paint::Deferred,
        Handler::Irq(_) | Handler::Timer | Handler::Reschedule => Paint::Interrupt,
    }
}

/// From times to pixels.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    pub from: Instant,
    pub to: Instant,
    pub left: i32,
    pub width: i32,
}

impl Scale {
    /// Where a time stands, in parts of a pixel.
    pub fn exact(&self, at: Instant) -> f64 {
        let span = self.to.since(self.from).as_nanos().max(1);
        let past = at.clamp(self.from, self.to).since(self.from).as_nanos();
        f64::from(self.left) + past as f64 / span as f64 * f64::from(self.width)
    }

    pub fn x(&self, at: Instant) -> i32 {
        self.exact(at).round() as i32
    }
}

/// How finely a picture is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detail {
    /// Spans of fewer pixels are drawn as shares.
    pub wide: i32,
    /// The width of a column of shares.
    pub step: i32,
}

impl Detail {
    pub const FINEST: Detail = Detail { wide: 2, step: 1 };

    pub const fn coarser(self) -> Detail {
        Detail { wide: self.wide * 2, step: self.step * 2 }
    }
}

/// One row's pixels.
#[derive(Clone, Debug, Default)]
pub struct Drawn {
    /// Left, right and look, and which span it is.
    pub blocks: Vec<(i32, i32, Paint, usize)>,
    pub mixtures: Vec<Mixture>,
}

/// Adjacent columns of shares.
#[derive(Clone, Debug)]
pub struct Mixture {
    pub left: i32,
    pub right: i32,
    step: i32,
    /// For each column how much of its width each paint has.
    columns: Vec<[f64; Paint::ALL.len()]>,
    /// What a full column holds, if that is known: the number of lanes. A part of one lane has
    /// the whole of its columns, also of those at its edges.
    full: Option<f64>,
}

/// Spans of one lane as blocks and mixtures.
pub fn lane<P: Piece>(spans: &[P], scale: &Scale, detail: Detail) -> Drawn {
    let mut drawn = Drawn::default();
    let mut first = 0;
    while first < spans.len() {
        let is_wide = |span: &P| scale.exact(span.to()) - scale.exact(span.from()) >= f64::from(detail.wide);
        if is_wide(&spans[first]) {
            let span = &spans[first];
            drawn.blocks.push((scale.x(span.from()), scale.x(span.to()), span.paint(), first));
            first += 1;
            continue;
        }
        let narrow = spans[first..].iter().take_while(|span| !is_wide(span)).count();
        drawn.cluster(&spans[first..first + narrow], first, scale, detail);
        first += narrow;
    }
    drawn
}

/// Spans of several lanes as one mixture: shares of all their time.
pub fn together<'a, P: Piece + 'a>(
    lanes: impl Iterator<Item = &'a [P]>,
    scale: &Scale,
    detail: Detail,
) -> Option<Mixture> {
    let mut mixture = Mixture::new(scale.left, scale.left + scale.width, detail);
    let mut count = 0.0;
    for spans in lanes {
        count += 1.0;
        spans.iter().for_each(|span| mixture.add(span, scale));
    }
    mixture.full = Some(count);
    (count > 0.0).then_some(mixture)
}

impl Drawn {
    /// Narrow spans that follow each other; `first` is the number of the first.
    fn cluster<P: Piece>(&mut self, spans: &[P], first: usize, scale: &Scale, detail: Detail) {
        let (Some(begin), Some(end)) = (spans.first(), spans.last()) else {
            return;
        };
        let (left, right) = (scale.x(begin.from()), scale.x(end.to()));
        if spans.len() == 1 || right - left <= detail.step {
            // Something this small must still be seen, so it gets at least one pixel.
            let longest = spans
                .iter()
                .enumerate()
                .max_by_key(|(place, span)| (span.to().since(span.from()), std::cmp::Reverse(*place)));
            if let Some((place, longest)) = longest {
                let left = left.min(scale.left + scale.width - 1);
                self.blocks.push((left, right.max(left + 1), longest.paint(), first + place));
            }
            return;
        }
        let mut mixture = Mixture::new(left, right, detail);
        spans.iter().for_each(|span| mixture.add(span, scale));
        self.mixtures.push(mixture);
    }
}

impl Mixture {
    fn new(left: i32, right: i32, detail: Detail) -> Mixture {
        let count = (right - left).max(1).unsigned_abs().div_ceil(detail.step.unsigned_abs()) as usize;
        Mixture { left, right, step: detail.step, columns: vec![[0.0; Paint::ALL.len()]; count], full: None }
    }

    /// Spreads a span over the columns that it touches.
    fn add<P: Piece>(&mut self, span: &P, scale: &Scale) {
        let column = |at| (scale.exact(at) - f64::from(self.left)) / f64::from(self.step);
        let last = self.columns.len() - 1;
        let (begin, end) = (column(span.from()).max(0.0), column(span.to()).min(self.columns.len() as f64));
        let paint = span.paint() as usize;
        for place in (begin as usize).min(last)..=(end as usize).min(last) {
            let part = end.min(place as f64 + 1.0) - begin.max(place as f64);
            if part > 0.0 {
                self.columns[place][paint] += part;
            }
        }
    }

    /// The areas to fill between `top` and `top + height`, one for each paint that occurs.
    pub fn areas(&self, top: i32, height: i32) -> Vec<(Paint, Vec<(i32, i32)>)> {
        let bottom = top + height;
        let mut floor = vec![bottom; self.columns.len()];
        let mut areas = Vec::new();
        for paint in Paint::STACKED {
            let mut total = 0.0;
            let mut ceiling = Vec::with_capacity(floor.len());
            for (place, column) in self.columns.iter().enumerate() {
                let upto: f64 = column[..=paint as usize].iter().sum();
                total += column[paint as usize];
                // The last column may be narrower than the others.
                let edge = self.left + place as i32 * self.step;
                let wide = f64::from((self.right - edge).min(self.step)) / f64::from(self.step);
                let full = self.full.map_or_else(|| column.iter().sum(), |full| full * wide);
                let rise = (upto / full.max(f64::MIN_POSITIVE)).min(1.0) * f64::from(height);
                ceiling.push((bottom - rise.round() as i32).min(floor[place]));
            }
            if total > 0.0 && ceiling != floor {
                areas.push((paint, self.outline(&ceiling, &floor)));
            }
            floor = ceiling;
        }
        areas
    }

    /// The outline between two staircases, without points on a straight line.
    fn outline(&self, ceiling: &[i32], floor: &[i32]) -> Vec<(i32, i32)> {
        let mut outline = Vec::new();
        let edge = |place: usize| (self.left + place as i32 * self.step).min(self.right);
        let steps = |heights: &[i32]| {
            let mut points: Vec<(i32, i32)> = Vec::new();
            for (place, &height) in heights.iter().enumerate() {
                if points.last().is_none_or(|&(_, before)| before != height) {
                    if let Some(&(_, before)) = points.last() {
                        points.push((edge(place), before));
                    }
                    points.push((edge(place), height));
                }
            }
            if let Some(&(_, height)) = points.last() {
                points.push((self.right, height));
            }
            points
        };
        outline.extend(steps(ceiling));
        outline.extend(steps(floor).into_iter().rev());
        outline
    }
}
