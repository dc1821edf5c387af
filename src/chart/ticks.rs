//! Calls that take no time have no width to draw: they are ticks on their bars.

use std::collections::{BTreeMap, BTreeSet};

use plotters::prelude::DrawingBackend;

use crate::analysis::Lanes;
use crate::analysis::naming::count;

use super::ChartError;
use super::canvas::{Canvas, Rgb};
use super::columns::Scale;
use super::layout::{Layout, Place};
use super::rows::Rows;

/// More can't be told apart, and would make the file large.
const MOST: usize = 700;

/// The ticks of a picture.
#[derive(Clone, Debug, Default)]
pub struct Ticks {
    cpus: BTreeMap<usize, BTreeSet<i32>>,
    threads: BTreeMap<usize, BTreeSet<i32>>,
    pub note: Option<String>,
}

impl Ticks {
    pub fn new(lanes: &Lanes, rows: &Rows, scale: &Scale) -> Ticks {
        let by_task = rows.by_task(lanes);
        let mut ticks = Ticks::default();
        for call in &lanes.free_calls {
            let x = scale.x(call.at);
            if let Some(&row) = by_task.get(&call.task) {
                ticks.threads.entry(row).or_default().insert(x);
            }
            let cpu = call.cpu.and_then(|cpu| lanes.lane_of(cpu));
            let alone = |row: &super::rows::LaneRow| row.alone().is_some() && row.alone() == cpu;
            if let Some(row) = rows.cpus.iter().position(alone) {
                ticks.cpus.entry(row).or_default().insert(x);
            }
        }
        let drawn: usize = ticks.cpus.values().chain(ticks.threads.values()).map(BTreeSet::len).sum();
        if drawn <= MOST {
            return ticks;
        }
        let all = count(lanes.free_calls.len() as u64);
        let note = format!("{all} system calls that took no time aren't marked: too many for this width.");
        Ticks { note: Some(note), ..Ticks::default() }
    }

    pub fn any(&self) -> bool {
        !self.cpus.is_empty() || !self.threads.is_empty()
    }

    pub fn draw<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
        layout: &Layout,
        colour: Rgb,
    ) -> Result<(), ChartError> {
        let cpus = self.cpus.iter().map(|(&row, ticks)| (layout.cpus[row], ticks));
        let threads = self.threads.iter().map(|(&row, ticks)| (layout.threads[row], ticks));
        for (Place { top, height }, ticks) in cpus.chain(threads) {
            for &x in ticks {
                canvas.rect((x - 1, top), (2, height), colour)?;
            }
        }
        Ok(())
    }
}
