//! The kinds of chart, one row each. What a row says is what `trapline plot --kind list` and
//! docs/CHARTS.md say.
//!
//! A timeline has its own drawing; each other kind makes a `Scene` of the same lanes.

mod circle;
mod forks;
mod frames;
mod gantt;
mod graph;
mod jobs;
mod latency;
mod markdown;
mod pages;
mod parts;
mod queue;
mod stairs;
mod states;
mod syscalls;
mod waits;

#[cfg(test)]
mod tests;

use crate::analysis::Lanes;
use crate::trace::Header;

use super::Options;
use super::scene::Scene;

pub use latency::overlay;
pub use markdown::markdown;

/// Makes a picture of what happened in a window.
pub type Draw = fn(&Lanes, &Header, &Options) -> Scene;

/// A kind of chart.
#[derive(Clone, Copy, Debug)]
pub struct ChartRow {
    pub name: &'static str,
    /// A few words, for a list.
    pub summary: &'static str,
    /// What it shows and how it is read.
    pub doc: &'static str,
    /// What must be in a trace for it to show something.
    pub needs: &'static str,
    /// None for the timeline.
    pub draw: Option<Draw>,
}

/// All kinds, in the order in which they are listed.
pub const CHARTS: &[ChartRow] = &[
    TIMELINE,
    gantt::ROW,
    states::ROW,
    latency::ROW,
    queue::ROW,
    syscalls::ROW,
    graph::ROW,
    pages::ROW,
    frames::ROW,
    forks::ROW,
    waits::ROW,
];

const TIMELINE: ChartRow = ChartRow {
    name: "timeline",
    summary: "interrupts, CPUs and processes over time",
    doc: "One row for each interrupt line, CPU and process over one time axis, in colours that say what \
          each does: user mode, the kernel on its behalf, interrupts, ready, blocked. Arrows lead from who \
          wakes to who is woken. Jobs of periodic processes have a small triangle below their row at the \
          release, and one above it at the deadline, in the colour of an alarm if that was missed.",
    needs: "nothing",
    draw: None,
};

/// The kind of that name.
pub fn by_name(name: &str) -> Option<&'static ChartRow> {
    CHARTS.iter().find(|row| row.name == name)
}
