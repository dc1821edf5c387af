//! What the benchmark runs and how it measures.
//!
//! - [`workload`]: the workloads, with the bare loop and the scenario file of each
//! - [`simulator`]: one run of the simulator
//! - [`measure`]: interleaved rounds and medians
//! - [`memory`]: peak memory of a run, in a process of its own

pub mod measure;
pub mod memory;
pub mod simulator;
pub mod workload;
