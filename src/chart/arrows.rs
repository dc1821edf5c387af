//! Arrows from row to row: who wakes whom, who forks whom, and what is sent to whom.

use std::collections::{BTreeMap, BTreeSet};

use plotters::prelude::DrawingBackend;

use crate::analysis::Lanes;
use crate::analysis::lanes::{Waker, What};
use crate::analysis::naming::count;
use crate::ids::Tid;

use super::canvas::{Canvas, Rgb};
use super::columns::Scale;
use super::layout::{Layout, Place};
use super::rows::Rows;
use super::{ChartError, Options};

/// There is at most one arrow to this many pixels of the picture's width.
const SPACING: i32 = 9;
const HEAD: i32 = 4;

/// One arrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Arrow {
    from: (i32, i32),
    to: (i32, i32),
}

/// The arrows of a picture.
#[derive(Clone, Debug, Default)]
pub struct Arrows {
    wakeups: Vec<Arrow>,
    messages: Vec<Arrow>,
    pub notes: Vec<String>,
    /// Rows hold several threads, so that arrows have no ends.
    together: bool,
}

impl Arrows {
    pub fn new(lanes: &Lanes, rows: &Rows, layout: &Layout, scale: &Scale, options: &Options) -> Arrows {
        let ends = Ends { by_task: rows.by_task(lanes), layout, rows };
        let together = rows.threads.iter().any(|row| row.alone().is_none());
        let mut arrows = Arrows { together, ..Arrows::default() };
        let most = (layout.width / SPACING) as usize;
        if options.wakeups {
            let wakeups = lanes.wakeups.iter().filter_map(|wakeup| {
                let waker = match wakeup.by {
                    Waker::Thread(task) => ends.thread(task)?,
                    Waker::Handler(_) => ends.cpu(lanes.lane_of(wakeup.cpu?)?)?,
                };
                Some(Arrow::straight(scale.x(wakeup.at), waker, ends.thread(wakeup.task)?))
            });
            let forks = lanes.marks.iter().filter_map(|mark| match mark.what {
                What::Forked { child } => {
                    Some(Arrow::straight(scale.x(mark.at), ends.thread(mark.task)?, ends.thread(child)?))
                }
                What::Exited { .. }
                | What::SignalSent { .. }
                | What::SignalDelivered { .. }
                | What::DeadlineMissed
                | What::Printed { .. } => None,
            });
            let drawn: BTreeSet<Arrow> =
                wakeups.chain(forks).filter(|arrow| arrow.from.1 != arrow.to.1).collect();
            let all = lanes.wakeups.len();
            arrows.wakeups = arrows.at_most(most, drawn, all, "wake-ups");
        }
        if options.messages {
            let messages = lanes.messages.iter().filter_map(|message| {
                let (from, to) = (ends.thread(message.from)?, ends.thread(message.to)?);
                let places = Arrow::straight(0, from, to);
                let from = (scale.x(message.sent), places.from.1);
                Some(Arrow { from, to: (scale.x(message.received), places.to.1) })
            });
            let drawn: BTreeSet<Arrow> = messages.filter(|arrow| arrow.from.1 != arrow.to.1).collect();
            arrows.messages = arrows.at_most(most, drawn, lanes.messages.len(), "messages");
        }
        arrows
    }

    /// Whether an upright arrow goes through this rectangle: left, top, right, bottom.
    pub fn cross(&self, (left, top, right, bottom): (i32, i32, i32, i32)) -> bool {
        self.columns().any(|(x, from, to)| x >= left && x <= right && from < bottom && to > top)
    }

    pub fn any_wakeup(&self) -> bool {
        !self.wakeups.is_empty()
    }

    pub fn any_message(&self) -> bool {
        !self.messages.is_empty()
    }

    /// The upright arrows: where they stand, their upper and their lower end.
    pub fn columns(&self) -> impl Iterator<Item = (i32, i32, i32)> {
        self.wakeups.iter().map(|&Arrow { from, to }| (from.0, from.1.min(to.1), from.1.max(to.1)))
    }

    pub fn draw<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
        wakeup: Rgb,
        message: Rgb,
    ) -> Result<(), ChartError> {
        for arrow in &self.messages {
            canvas.line(arrow.from, arrow.to, message)?;
            let (x, y) = arrow.to;
            canvas.rect((x - 2, y - 2), (4, 4), message)?;
        }
        for &Arrow { from, to } in &self.wakeups {
            let back = if to.1 > from.1 { -HEAD * 3 / 2 } else { HEAD * 3 / 2 };
            canvas.line(from, (to.0, to.1 + back), wakeup)?;
            canvas.rect((from.0 - 1, from.1 - 1), (3, 3), wakeup)?;
            canvas.polygon(&[(to.0 - HEAD, to.1 + back), to, (to.0 + HEAD, to.1 + back)], wakeup)?;
        }
        Ok(())
    }

    /// All or none: an arbitrary part of them would mislead.
    fn at_most(&mut self, most: usize, drawn: BTreeSet<Arrow>, all: usize, what: &str) -> Vec<Arrow> {
        // A wake-up without a place to come from, for example by a timer on no CPU, isn't missed.
        if drawn.len() <= most && (!drawn.is_empty() || !self.together) {
            return drawn.into_iter().collect();
        }
        let why = if drawn.is_empty() { "their rows are drawn together" } else { "too many for this width" };
        if all > 0 {
            self.notes.push(format!("{} {what} without arrows: {why}.", count(all as u64)));
        }
        Vec::new()
    }
}

impl Arrow {
    /// From the edge of one bar to the near edge of another.
    fn straight(x: i32, from: Place, to: Place) -> Arrow {
        let (begin, end) = if from.top <= to.top { (from.bottom(), to.top) } else { (from.top, to.bottom()) };
        Arrow { from: (x, begin), to: (x, end) }
    }
}

/// Where arrows may begin and end.
struct Ends<'a> {
    by_task: BTreeMap<Tid, usize>,
    layout: &'a Layout,
    rows: &'a Rows,
}

impl Ends<'_> {
    fn thread(&self, task: Tid) -> Option<Place> {
        self.by_task.get(&task).map(|&row| self.layout.threads[row])
    }

    fn cpu(&self, cpu: usize) -> Option<Place> {
        let row = self.rows.cpus.iter().position(|row| row.alone() == Some(cpu))?;
        self.layout.cpus.get(row).copied()
    }
}
