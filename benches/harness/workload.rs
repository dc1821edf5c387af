//! The workloads: for each the scenario file that the simulator runs and the bare loop beside it.

use std::path::{Path, PathBuf};

use crate::bare::kernel::Totals;
use crate::bare::random::Draw;
use crate::bare::{ping_pong, pipeline, quanta, requests, sleepers};

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;

/// One workload, run by both sides.
pub struct Workload {
    pub name: &'static str,
    /// What is counted.
    pub operation: &'static str,
    pub operations: u64,
    pub processes: u64,
    pub bare: fn() -> Totals,
}

impl Workload {
    /// The scenario file of the same name.
    pub fn scenario(&self) -> PathBuf {
        scenario(self.name)
    }

    /// The workload of this name.
    pub fn named(name: &str) -> Option<&'static Workload> {
        WORKLOADS.iter().find(|workload| workload.name == name)
    }
}

/// The scenario file of this name beside the benchmark.
pub fn scenario(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches").join(name).with_extension("toml")
}

/// Measured unless the command line chooses: W1 to W5.
pub fn usual() -> Vec<&'static Workload> {
    WORKLOADS.iter().filter(|w| w.name != "w5-million").collect()
}

/// All workloads; the same numbers stand in the scenario files.
pub const WORKLOADS: &[Workload] = &[
    Workload {
        name: "w1",
        operation: "message",
        operations: 1_000_000,
        processes: 2,
        bare: || ping_pong::run(500_000),
    },
    Workload {
        name: "w2",
        operation: "quantum",
        operations: 1_000_000,
        processes: 1_000,
        bare: || quanta::run(2, 1_000, SECOND, MILLISECOND),
    },
    Workload {
        name: "w3",
        operation: "request",
        operations: 1_000_000,
        processes: 16,
        bare: || {
            let think = exponential(1_600 * MICROSECOND);
            requests::run(16, 62_500, think, exponential(100 * MICROSECOND))
        },
    },
    Workload {
        name: "w4",
        operation: "stage service",
        operations: 1_000_000,
        processes: 10,
        bare: || pipeline::run(1, 10, 16, 100_000, exponential(MICROSECOND)),
    },
    Workload {
        name: "w5",
        operation: "wake-up",
        operations: 1_000_000,
        processes: 100_000,
        bare: || sleepers::run(100_000, 10, up_to_a_second()),
    },
    Workload {
        name: "w5-million",
        operation: "wake-up",
        operations: 10_000_000,
        processes: 1_000_000,
        bare: || sleepers::run(1_000_000, 10, up_to_a_second()),
    },
];

/// The bare counterpart of `fast-forward.toml`: one process, interrupted each millisecond.
pub fn ticks(count: u64) -> Totals {
    quanta::run(1, 1, count * MILLISECOND, MILLISECOND)
}

fn exponential(mean: u64) -> Draw {
    Draw::Exponential { mean: mean as f64 }
}

fn up_to_a_second() -> Draw {
    Draw::Uniform { low: 1, high: SECOND }
}
