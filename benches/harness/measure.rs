//! Interleaved rounds and their medians.
//!
//! A machine's speed drifts over seconds (frequency, neighbours, caches). Running all rounds of one
//! side and then all of the other would put that drift into the ratio; taking turns, and
//! beginning with the other side every second round, keeps it out.

use std::hint::black_box;
use std::time::Instant;

use crate::bare::bytecode::Executed;
use crate::bare::kernel::Totals;

/// One timed run.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub seconds: f64,
    /// Entries into the kernel: system calls, interrupts, exceptions.
    pub crossings: u64,
    /// The simulated time at the end, in nanoseconds.
    pub end: u64,
}

/// Two sides of one comparison: a function each. A side that can't run yet gives `None`.
pub struct Pair<'a> {
    pub bare: Box<dyn Fn() -> Option<Run> + 'a>,
    pub simulator: Box<dyn Fn() -> Option<Run> + 'a>,
}

/// The median runs of a pair.
#[derive(Clone, Copy, Debug)]
pub struct Medians {
    pub bare: Option<Run>,
    pub simulator: Option<Run>,
}

/// Runs each pair once in each round and gives the medians in the order of the pairs.
pub fn interleaved(pairs: &[Pair], rounds: usize, progress: impl Fn(usize)) -> Vec<Medians> {
    let mut runs: Vec<[Vec<Run>; 2]> = pairs.iter().map(|_| Default::default()).collect();
    for round in 0..rounds {
        progress(round);
        for (pair, [bare, simulator]) in pairs.iter().zip(&mut runs) {
            if round % 2 == 0 {
                bare.extend((pair.bare)());
                simulator.extend((pair.simulator)());
            } else {
                simulator.extend((pair.simulator)());
                bare.extend((pair.bare)());
            }
        }
    }
    runs.into_iter()
        .map(|[bare, simulator]| Medians { bare: median(bare), simulator: median(simulator) })
        .collect()
}

impl Medians {
    /// How many times as long as the bare loop the simulator takes.
    pub fn ratio(&self) -> Option<f64> {
        Some(self.simulator?.seconds / self.bare?.seconds)
    }
}

/// Times a bare loop.
pub fn bare(run: impl FnOnce() -> Totals) -> Run {
    let begin = Instant::now();
    let totals = black_box(run());
    Run { seconds: begin.elapsed().as_secs_f64(), crossings: totals.traps, end: totals.end }
}

/// Times the bare bytecode; an instruction counts as a nanosecond of simulated time.
pub fn bytecode(run: impl FnOnce() -> Executed) -> Run {
    let begin = Instant::now();
    let executed = black_box(run());
    Run { seconds: begin.elapsed().as_secs_f64(), crossings: 0, end: executed.instructions }
}

/// The run of median duration; the earlier of the middle two if their number is even.
fn median(mut runs: Vec<Run>) -> Option<Run> {
    runs.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    runs.get(runs.len().saturating_sub(1) / 2).copied()
}
