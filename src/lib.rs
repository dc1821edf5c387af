//! Trapline: a kernel-boundary simulator.
pub mod analysis;
pub mod chart;
pub mod errno;
pub mod export;
pub mod hw;
pub mod ids;
pub mod kernel;
pub mod program;
pub mod random;
pub mod scenario;
pub mod signal;
pub mod sim;
pub mod time;
pub mod trace;
pub mod units;
